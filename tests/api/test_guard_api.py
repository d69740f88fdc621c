"""docs/effects.md, "Guard", over HTTP, with the worker of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running_server import AccountAccess, RunningServer
from waiting import wait_for
from wire_client import WireClient, check_problem, codes, person, require

Wire = dict[str, Any]
TAGS = {"Code": "Guard.Exceeded", "Limit": "tagsAdded", "Allowed": 1, "Found": 2}
TAGGED = [person(number, ProfileTags=[{"Name": "new"}]) for number in (1, 2)]


def add_guard(document: Wire) -> None:
    document["guard"] = {"tagsAdded": 1, "release": "otherUser"}
    document["userGroups"].append({"name": "Releasers", "permissions": {"import": True, "release": True}})
    document["users"].append({"id": "second", "groups": ["Releasers"]})
    document["users"][0]["groups"].append("Releasers")


@pytest.fixture
def access(running: RunningServer) -> AccountAccess:
    return running.create_account(add_guard)


@pytest.fixture
def ours(access: AccountAccess) -> Iterator[WireClient]:
    with WireClient(access) as client:
        yield client


@pytest.fixture
def second(running: RunningServer, access: AccountAccess) -> Iterator[WireClient]:
    with WireClient(running.give_access(access.account, "second")) as client:
        yield client


def decide(client: WireClient, import_id: str, call: str) -> httpx.Response:
    return client.http.post(f"{client.imports}/Imports/{import_id}/{call}")


def hold(client: WireClient) -> Wire:
    """The status object of an import that the guard holds."""
    token = client.prepare(TAGGED)
    require(client.call(token, "Execute"))
    return wait_for(lambda: client.status(token), lambda status: status["HeldReason"] is not None)


def test_held_previewed_and_released_by_another_user(ours: WireClient, second: WireClient) -> None:
    status = hold(ours)
    token, import_id = status["AccessToken"], status["ImportId"]
    assert (status["Status"], status["Pending"], status["Processed"]) == ("Queued", 2, 0)
    assert status["HeldReason"] == [TAGS]
    assert require(second.try_import(import_id))["HeldReason"] == [TAGS]
    assert [one["HeldReason"] for one in require(second.try_list())["Imports"]] == [[TAGS]]
    preview = require(ours.http.get(ours.path(token, "Preview")))
    assert (preview["State"], preview["LimitsExceeded"], preview["Effects"]["TagsAdded"]) == ("Done", [TAGS], 2)
    check_problem(decide(ours, import_id, "Release"), 403, "Permission.OtherUser")
    released = require(decide(second, import_id, "Release"))
    assert (released["HeldReason"], released["AccessToken"]) == (None, None)
    assert ours.wait(token)["Created"] == 2
    assert require(decide(second, import_id, "Release"))["Status"] == "Completed"


def test_cancelled_by_id_also_after_the_token_has_expired(ours: WireClient, second: WireClient) -> None:
    status = hold(ours)
    ours.expire(status["ImportId"])
    check_problem(ours.call(status["AccessToken"], "Cancel"), 401, "AccessToken.Invalid")
    cancelled = require(decide(second, status["ImportId"], "Cancel"))
    assert (cancelled["Status"], cancelled["FailureReason"]) == ("Failed", "Import.Cancelled")
    check_problem(decide(second, status["ImportId"], "Release"), 409, "Import.NotHeld")


def test_a_preview_of_a_held_import_by_both_paths(ours: WireClient) -> None:
    status = hold(ours)
    started = ours.call(status["AccessToken"], "Preview")
    assert started.status_code == 202, started.text
    path = f"{ours.imports}/Imports/{status['ImportId']}/Preview"
    shown = wait_for(lambda: require(ours.http.get(path)), lambda seen: seen["State"] != "Running")
    assert (shown["PreviewId"], shown["LimitsExceeded"]) == (started.json()["PreviewId"], [TAGS])
    assert ours.http.post(path).status_code == 202
    assert ours.status(status["AccessToken"])["HeldReason"] == [TAGS]


def test_progress_shows_that_an_import_is_held(ours: WireClient) -> None:
    token = ours.prepare(TAGGED)
    import_id = ours.status(token)["ImportId"]
    require(ours.call(token, "Execute"))
    with ours.http.stream("GET", f"{ours.imports}/Imports/{import_id}/Progress") as stream:
        assert any('"Guard.Exceeded"' in line for line in stream.iter_lines())


def test_initiate_refuses_a_looser_guard_and_shows_a_stricter_one(ours: WireClient) -> None:
    given = {"tagsAdded": 2, "optInsEnded": "lots", "release": "anyone", "TagsAdded": 1}
    problem = check_problem(ours.try_initiate({"Name": "n", "Guard": given}), 400, "Initiate.Invalid")
    assert sorted(codes(problem)) == [
        ("Initiate.GuardLooser", "$.Guard.release"),
        ("Initiate.GuardLooser", "$.Guard.tagsAdded"),
        ("Initiate.NotALimit", "$.Guard.optInsEnded"),
        ("Request.UnknownMember", "$.Guard.TagsAdded"),
    ]
    status = ours.initiate(Guard={"tagsAdded": 0})
    assert status["Guard"] == {"tagsAdded": 0}
    assert "Guard" not in ours.initiate()
    with_key = ours.initiate("key", Guard={"tagsAdded": 0})
    assert ours.initiate("key", Guard={"tagsAdded": 0})["ImportId"] == with_key["ImportId"]
    other = ours.try_initiate({"Name": "test", "Guard": {"tagsAdded": 1}}, "key")
    check_problem(other, 409, "IdempotencyKey.Reused")


def test_without_a_guard_nothing_changes(server: AccountAccess) -> None:
    with WireClient(server) as client:
        status = client.run(TAGGED)
        assert status["HeldReason"] is None
        check_problem(client.http.get(client.path(status["AccessToken"], "Preview")), 404, "Preview.NotFound")
        check_problem(decide(client, status["ImportId"], "Release"), 403, "Permission.Release")
