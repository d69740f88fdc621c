"""import-api.md, "Paths": List imports, one import by id, its live progress, over HTTP."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from typing import Any

from model_check import check_books
from running_server import RunningServer
from wire_client import FAULTY, WireClient, check_problem, codes, person, require


def test_the_list_gives_status_objects_newest_first(ours: WireClient) -> None:
    """List imports: GET /Async/{clientId}/Imports?status=&limit=&cursor=."""
    assert require(ours.try_list()) == {"Count": 0, "NextCursor": None, "Imports": []}
    tokens = [ours.initiate(Name=f"import {number}")["AccessToken"] for number in range(3)]
    ours.stage(tokens[1], [person(1)])
    page = require(ours.try_list())
    assert (page["Count"], page["NextCursor"]) == (3, None)
    assert page["Imports"] == [ours.status(token) for token in reversed(tokens)]


def test_status_picks(ours: WireClient) -> None:
    """?status=."""
    initiated, staging, cancelled = (ours.initiate()["AccessToken"] for _ in range(3))
    ours.stage(staging, [person(1)])
    ours.call(cancelled, "Cancel")
    done = ours.run([person(2)])["AccessToken"]
    for status, token in (("Initiated", initiated), ("Staging", staging), ("Failed", cancelled), ("Completed", done)):
        assert [one["AccessToken"] for one in require(ours.try_list(status=status))["Imports"]] == [token]
    for status in ("Queued", "Processing"):
        assert require(ours.try_list(status=status))["Count"] == 0
    for wrong in ("completed", "x", ""):
        problem = check_problem(ours.try_list(status=wrong), 400, "Request.InvalidParameter")
        assert [path for _, path in codes(problem)] == ["status"]


def test_the_cursor_leads_through_all_of_them_each_once(ours: WireClient) -> None:
    """?limit=&cursor=; an import that is initiated meanwhile disturbs nothing."""
    ids = [require(ours.try_initiate({"Name": "n"}))["ImportId"] for _ in range(7)]
    found: list[str] = []
    cursor: dict[str, Any] = {}
    sizes = []
    while True:
        page = require(ours.try_list(limit=3, **cursor))
        found += [one["ImportId"] for one in page["Imports"]]
        sizes.append(page["Count"])
        if page["NextCursor"] is None:
            break
        cursor = {"cursor": page["NextCursor"]}
        ours.try_initiate({"Name": "meanwhile"})
    assert (sorted(found), sizes) == (sorted(ids), [3, 3, 1])


def test_limit_and_cursor_are_checked(ours: WireClient) -> None:
    """400: malformed or invalid request."""
    for parameters in ({"limit": 0}, {"limit": 10_001}, {"limit": "x"}, {"cursor": "x"}, {"cursor": ""}):
        check_problem(ours.try_list(**parameters), 400, "Request.InvalidParameter")


def test_the_list_has_all_imports_of_the_account_and_of_no_other(ours: WireClient, running: RunningServer) -> None:
    """Accounts are walled off from each other; an import is of the account."""
    import_id = ours.initiate()["ImportId"]
    with WireClient(running.create_account()) as theirs:
        theirs.initiate()
        assert require(theirs.try_list())["Count"] == 1
    with WireClient(running.give_access(ours.access.account, "mailer")) as mailer:
        assert [one["ImportId"] for one in require(mailer.try_list())["Imports"]] == [import_id]


def test_one_import_by_its_id(ours: WireClient) -> None:
    """One import by id: GET /Async/{clientId}/Imports/{importId}."""
    token = ours.prepare([person(1), FAULTY])
    status = ours.status(token)
    assert require(ours.try_import(status["ImportId"])) == status
    assert require(ours.try_import(status["ImportId"].upper())) == status


def read_events(ours: WireClient, import_id: str, events: list[dict[str, Any]]) -> None:
    with ours.http.stream("GET", f"{ours.imports}/Imports/{import_id}/Progress") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                assert name == "status"
                events.append(json.loads(line[6:]))


def test_the_live_progress_gives_the_status_until_the_import_has_ended(ours: WireClient) -> None:
    """Its live progress (server-sent events)."""
    status = ours.initiate()
    events: list[dict[str, Any]] = []
    reader = threading.Thread(target=read_events, args=(ours, status["ImportId"], events))
    reader.start()
    ours.stage(status["AccessToken"], [person(number) for number in range(300)])
    done = ours.finish(status["AccessToken"])
    reader.join(10)
    assert not reader.is_alive()
    assert events[-1] == done
    assert all(before != after for before, after in pairwise(events))
    for event in events:
        check_books(event)


def test_the_progress_of_an_ended_import_is_one_event(ours: WireClient) -> None:
    """Its live progress: until the import has ended."""
    done = ours.run([person(1)])
    events: list[dict[str, Any]] = []
    read_events(ours, done["ImportId"], events)
    assert events == [done]


def test_the_progress_ends_with_the_right_to_see_it(ours: WireClient) -> None:
    """It grants nothing by itself: a caller with the permission."""
    status = ours.initiate()
    events: list[dict[str, Any]] = []
    reader = threading.Thread(target=read_events, args=(ours, status["ImportId"], events))
    reader.start()
    ours.reconfigure(lambda d: [group["permissions"].update({"import": False}) for group in d["userGroups"]])
    reader.join(10)
    assert not reader.is_alive()


def test_progress_of_a_type_that_is_not_accepted_is_406(ours: WireClient) -> None:
    """405, 406: as HTTP has them."""
    import_id = ours.initiate()["ImportId"]
    path = f"{ours.imports}/Imports/{import_id}/Progress"
    check_problem(ours.http.get(path, headers={"Accept": "application/json"}), 406, "Request.NotAcceptable")
