"""docs/effects.md, "Preview", over HTTP, with the worker of a running server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from waiting import wait_for
from wire_client import WireClient, check_problem, choice, mail, person, require

CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
Wire = dict[str, Any]


def look(client: WireClient, token: int, call: str = "", **parameters: Any) -> httpx.Response:
    return client.http.get(client.path(token, f"Preview{call}"), params=parameters)


def preview(client: WireClient, token: int) -> Wire:
    """A preview, worked off."""
    started = client.call(token, "Preview")
    assert started.status_code == 202, started.text
    return wait_for(lambda: require(look(client, token)), lambda seen: seen["State"] != "Running")


def prepare(client: WireClient) -> int:
    """An import that would end two opt-ins of people who are there, and add one of somebody new."""
    address = f"{uuid4().hex}@example.com"
    yes = [person(n, Emails=mail(f"{n}{address}", choice("NEWS-EMAIL", 1, OLD))) for n in (1, 2)]
    client.run(yes, **CRM)
    no = [person(n, Emails=mail(f"{n}{address}", choice("NEWS-EMAIL", 2, NEW))) for n in (1, 2)]
    new = person(3, Emails=mail(f"3{address}", choice("NEWS-EMAIL", 1, NEW)))
    return client.prepare([*no, new], **CRM)


def test_the_preview_counts_and_execution_does_the_same(ours: WireClient) -> None:
    token = prepare(ours)
    shown = preview(ours, token)
    assert (shown["State"], shown["Records"], shown["RecordsDone"], shown["Stale"]) == ("Done", 3, 3, False)
    effects = {name: count for name, count in shown["Effects"].items() if count}
    assert effects == {
        "OptInsAdded": 1,
        "OptInsEnded": 2,
        "OptOutsAdded": 2,
        "ContactElementsAdded": 1,
        "AlternateIdsAdded": 1,
    }
    assert ours.status(token)["Status"] == "Staging"
    answer = ours.http.post(ours.path(token, "Execute"), params={"previewId": shown["PreviewId"]})
    assert require(answer)["Status"] in ("Queued", "Processing", "Completed")
    status = ours.wait(token)
    names = ("Created", "Updated", "Unchanged", "Deleted", "NotHonored", "Exceptions")
    assert {name: status[name] for name in names} == {name: shown[name] for name in names}


def test_single_changes_come_page_by_page(ours: WireClient) -> None:
    token = prepare(ours)
    preview(ours, token)
    first = require(look(ours, token, "/Changes", kind="OptInsEnded", limit=1))
    second = require(look(ours, token, "/Changes", kind="OptInsEnded", limit=1, cursor=first["NextCursor"]))
    assert (first["Count"], second["Count"], second["NextCursor"]) == (1, 1, None)
    changes = [*first["Changes"], *second["Changes"]]
    assert [change["SequenceNumber"] for change in changes] == [1, 2]
    assert all(change["ProfileId"] and change["Member"] == "NEWS-EMAIL" for change in changes)
    assert changes[0]["Place"]["Kind"] == "Email"
    assert (changes[0]["Before"]["PreferenceType"], changes[0]["After"]["PreferenceType"]) == (1, 2)
    (added,) = require(look(ours, token, "/Changes", kind="OptInsAdded"))["Changes"]
    assert added["ProfileId"] is None
    check_problem(look(ours, token, "/Changes", cursor="x"), 400, "Request.InvalidParameter")


def test_more_staged_or_another_document_makes_it_stale(ours: WireClient) -> None:
    token = prepare(ours)
    shown = preview(ours, token)
    ours.stage(token, [person(4)])
    assert require(look(ours, token))["Stale"]
    execute = ours.http.post(ours.path(token, "Execute"), params={"previewId": shown["PreviewId"]})
    check_problem(execute, 409, "Preview.Stale")
    assert ours.status(token)["Status"] == "Staging"
    assert not preview(ours, token)["Stale"]
    ours.reconfigure(lambda document: document["account"].update(name="Another name"))
    assert require(look(ours, token))["Stale"]


def test_a_replaced_preview_is_stale_and_an_import_without_records_has_none(ours: WireClient) -> None:
    token = ours.initiate(Name="nothing", **CRM)["AccessToken"]
    check_problem(look(ours, token), 404, "Preview.NotFound")
    check_problem(ours.call(token, "Preview"), 409, "Import.NothingStaged")
    ours.stage(token, [person(1)])
    first = preview(ours, token)
    preview(ours, token)
    execute = ours.http.post(ours.path(token, "Execute"), params={"previewId": first["PreviewId"]})
    check_problem(execute, 409, "Preview.Stale")
    ours.finish(token)
    check_problem(ours.call(token, "Preview"), 409, "Preview.NotPossible")
