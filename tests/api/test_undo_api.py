"""docs/effects.md, "Undo", over HTTP, with the worker of a running server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from running_server import RunningServer
from waiting import wait_for
from wire_client import WireClient, check_problem, choice, mail, person, require

CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
Wire = dict[str, Any]


def run(client: WireClient, records: list[Wire], **settings: Any) -> Wire:
    """The status object of a completed import."""
    token = client.prepare(records, **{**CRM, **settings})
    client.call(token, "Execute")
    return client.wait(token)


def undo(client: WireClient, import_id: str, body: Any = None) -> httpx.Response:
    given = {} if body is None else {"json": body}
    return client.http.post(f"{client.imports}/Imports/{import_id}/Undo", **given)


def change(client: WireClient) -> tuple[Wire, Wire]:
    """An import that ends an opt-in of a known person by a new address: who it is, and the import."""
    number = uuid4().int % 1_000_000
    run(client, [person(number, Emails=mail(f"{number}@example.com", choice("NEWS-EMAIL", 1, OLD)))])
    wrong = [person(number, Emails=mail(f"wrong{number}@example.com", choice("NEWS-EMAIL", 1, NEW)))]
    return find(client, number), run(client, wrong, RefreshContacts=True)


def find(client: WireClient, number: int) -> Wire:
    identity = person(number)["AlternateIds"][0]
    query = {"alternateIdType": identity["AlternateIdType"], "alternateId": identity["AlternateId"]}
    return require(client.http.get(f"{client.account}/Profile", params=query))


def list_active(profile: Wire) -> list[tuple[str, list[int]]]:
    return [
        (one["EmailAddress"], [two["PreferenceType"] for two in one["EmailPreferences"]])
        for one in profile["Emails"]
        if one["IsActive"]
    ]


def test_an_undo_is_an_import_of_its_own(ours: WireClient) -> None:
    before, wrong = change(ours)
    made = require(undo(ours, wrong["ImportId"], {"RestoreYes": False}))
    assert (made["ImportAction"], made["UndoOf"], made["RestoreYes"]) == ("Undo", wrong["ImportId"], False)
    assert (made["Status"], made["TotalRecordsReceived"], made["Pending"]) == ("Staging", 1, 1)
    assert made["ImportId"] != wrong["ImportId"]
    assert made["AccessToken"] != wrong["AccessToken"]
    token = made["AccessToken"]
    check_problem(ours.try_stage(token, [person(1)]), 409, "Undo.TakesNoRecords")
    started = ours.call(token, "Preview")
    assert started.status_code == 202
    preview = wait_for(
        lambda: require(ours.http.get(ours.path(token, "Preview"))), lambda seen: seen["State"] != "Running"
    )
    effects = {name: count for name, count in preview["Effects"].items() if count}
    assert effects == {
        "OptInsAdded": 1, "OptInsEnded": 1, "ContactElementsAdded": 1, "ContactElementsDeactivated": 1}  # fmt: skip
    ours.http.post(ours.path(token, "Execute"), params={"previewId": preview["PreviewId"]})
    done = ours.wait(token)
    assert (done["Status"], done["Updated"], done["NotHonored"]) == ("Completed", 1, 0)
    after = require(ours.http.get(f"{ours.account}/Profile/{before['ProfileId']}"))
    assert list_active(after) == list_active(before) != []
    assert "UndoOf" not in require(ours.http.get(f"{ours.imports}/Imports/{wrong['ImportId']}"))
    history = require(ours.http.get(f"{ours.account}/Profile/{before['ProfileId']}/History?of=Preferences"))["Items"]
    assert [one.get("UndoOf") for one in history] == [None, None, wrong["ImportId"]]
    assert (history[-1]["TakenBack"], history[-1]["ImportId"]) == (True, made["ImportId"])


def test_refusals(ours: WireClient) -> None:
    token = ours.prepare([person(uuid4().int % 1_000_000)], **CRM)
    import_id = ours.status(token)["ImportId"]
    check_problem(undo(ours, import_id), 409, "Undo.NotCompleted")
    ours.call(token, "Execute")
    ours.wait(token)
    for body in ({"RestoreYes": "yes"}, {"Restore": True}, [], 1):
        check_problem(undo(ours, import_id, body), 400, "Undo.Invalid")
    require(undo(ours, import_id))
    check_problem(undo(ours, import_id), 409, "Undo.Done")
    erased = run(ours, [person(uuid4().int % 1_000_000)], ImportAction="Delete")
    check_problem(undo(ours, erased["ImportId"]), 409, "Undo.Erased")
    for unknown in (str(uuid4()), "no-id"):
        check_problem(undo(ours, unknown), 404, "Import.NotFound")
    problem = check_problem(ours.try_initiate({"Name": "undo", "ImportAction": "Undo"}), 400, "Initiate.Invalid")
    assert [error["code"] for error in problem["errors"]] == ["Initiate.UnknownAction"]


def test_an_import_of_another_account_is_not_there(running: RunningServer, ours: WireClient) -> None:
    _, wrong = change(ours)
    with WireClient(running.create_account()) as theirs:
        check_problem(undo(theirs, wrong["ImportId"]), 404, "Import.NotFound")
    require(undo(ours, wrong["ImportId"]))
