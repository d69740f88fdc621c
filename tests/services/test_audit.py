"""The audit trail: everything done leaves its event (account.md, "Who may call"), over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from running_server import AccountAccess, RunningServer
from waiting import wait_for
from wire_client import BASE, FAULTY, Wire, WireClient, check_problem, choice, require
from workbench import Workbench, make_person, open_workbench

MARKS = ("Zzyzxia", "Quuxley", "zz.mark", "+13125550199", "Mark-7-Id", "Plugh Street", "zz-secret-tag", "Grault batch")
"""Of the person in these tests: none may be in an event."""
PERSON: Wire = {
    "CustomerName": {"FirstName": "Zzyzxia", "LastName": "Quuxley"},
    "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "Mark-7-Id"}],
    "Emails": [
        {
            "EmailAddress": "zz.mark@example.com",
            "EmailPreferences": [choice("NEWS-EMAIL", 1, "2026-03-01T14:05:00Z")],
        }
    ],
    "PhoneNumbers": [{"PhoneNumber": "+13125550199"}],
    "Addresses": [
        {"Address1": "7 Plugh Street", "City": "Chicago", "StateProvince": "IL", "PostalCode": "60601"},
    ],
    "ProfileTags": [{"Name": "zz-secret-tag"}],
}


def permit_audit(document: Wire) -> None:
    """Loaders may see the trail and change the configuration; there is a user for signed headers."""
    document["userGroups"][0]["permissions"] |= {"audit": True, "configuration": ["read", "write"]}
    document["users"].append({"id": "legacy", "groups": ["EmailOnly"], "hmac": True})


@pytest.fixture
def access(running: RunningServer) -> AccountAccess:
    return running.create_account(permit_audit)


@pytest.fixture
def client(access: AccountAccess) -> Iterator[WireClient]:
    with WireClient(access) as client:
        yield client


def read_page(client: WireClient, **parameters: Any) -> Wire:
    return require(client.http.get(f"{client.account}/Audit", params=parameters))


def read_trail(client: WireClient, until: str, times: int = 1) -> list[Wire]:
    """All events but those of reading the trail, once there are so many of this action."""

    def look() -> list[Wire]:
        return [event for event in read_page(client, limit=10_000)["Events"] if event["Action"] != "audit.read"]

    return wait_for(look, lambda seen: [event["Action"] for event in seen].count(until) >= times)


def name(event: Wire) -> tuple[str, str, Wire]:
    return event["Caller"], event["Action"], event["Details"]


def test_everything_done_is_there_with_who_when_from_where_and_which_import(
    access: AccountAccess, client: WireClient
) -> None:
    """The way of one import, and of one person, in the order in which they went it."""
    began = datetime.now(UTC)
    client.http.headers["X-Request-Id"] = "tour-1"
    token = client.initiate(Name="Grault batch", MatchCriteria="AlternateIdType", MatchValue="CRM")["AccessToken"]
    client.stage(token, [PERSON, FAULTY])
    status = client.finish(token)
    client.exceptions(token)
    client.try_exceptions(token, accept="application/x-ndjson")
    profile_id = client.find_crm("Mark-7-Id")["ProfileId"]
    client.profile(profile_id)
    require(client.try_find(emailAddress="zz.mark@example.com"))
    require(client.try_find(phoneNumber="+13125550199"))
    require(client.try_find(emailAddress="nobody@example.com"))
    require(client.try_profile(profile_id, "/History", of="Preferences"))
    client.write({"ProfileTags": [{"Name": "zz-secret-tag"}, {"Name": "other"}]}, profile_id)
    new_id = client.write({"CustomerName": {"FirstName": "Zzyzxia"}})["ProfileId"]
    assert client.http.delete(f"{client.account}/Profile/{new_id}").status_code == 204
    trail = read_trail(client, until="profile.deleted")

    by = {"CRM": {"By": "AlternateId"}, "E": {"By": "Email"}, "P": {"By": "Phone"}}
    tour: list[tuple[str, str, Wire, list[int]]] = [
        ("operator", "configuration.applied", trail[0]["Details"], []),
        ("operator", "credential.created", {"Credential": access.client_id, "User": "nightly"}, []),
        ("nightly", "token.issued", {"Credential": access.client_id}, []),
        ("nightly", "import.initiated", {"ImportAction": "Add"}, []),
        ("nightly", "import.staged", {"First": 1, "Last": 2, "ValidationFailed": 1}, []),
        ("nightly", "import.executed", {}, []),
        ("system", "import.started", {"Revision": 1}, []),
        ("system", "import.completed", {}, []),
        ("nightly", "exceptions.read", {"Count": 1}, []),
        ("nightly", "exceptions.read", {"Count": 1}, []),
        ("nightly", "profile.found", by["CRM"], [profile_id]),
        ("nightly", "profile.read", {}, [profile_id]),
        ("nightly", "profile.found", by["E"], [profile_id]),
        ("nightly", "profile.found", by["P"], [profile_id]),
        ("nightly", "profile.found", by["E"], []),
        ("nightly", "history.read", {"Of": "Preferences"}, [profile_id]),
        ("nightly", "profile.written", {"Outcome": "Updated", "NotHonored": 0}, [profile_id]),
        ("nightly", "profile.written", {"Outcome": "Created", "NotHonored": 0}, [new_id]),
        ("nightly", "profile.deleted", {}, [new_id]),
    ]
    assert [(*name(event), event["ProfileIds"]) for event in trail] == tour
    for event in trail:
        has_import = event["Action"].startswith(("import.", "exceptions."))
        assert event["ImportId"] == (status["ImportId"] if has_import else None)
        by_request = event["Caller"] == "nightly"
        assert event["ClientAddress"] == ("127.0.0.1" if by_request else None)
        if by_request and event["Action"] != "token.issued":
            assert event["RequestId"] == "tour-1"
        assert bool(event["RequestId"]) == by_request
        assert abs(datetime.fromisoformat(event["RecordedDate"]) - began) < timedelta(minutes=1)
    assert [event["Number"] for event in trail] == list(range(1, len(trail) + 1))


def test_no_event_holds_personal_data(access: AccountAccess, client: WireClient) -> None:
    status = client.run([PERSON, {"CustomerName": {"FirstName": "Zzyzxia"}, **FAULTY}], Name="Grault batch")
    client.exceptions(status["AccessToken"])
    client.find_crm("Mark-7-Id")
    client.try_find(emailAddress="zz.mark@example.com")
    client.try_find(emailAddress="zz.mark")
    client.try_find(phoneNumber="+13125550199")
    client.try_write(PERSON)
    client.try_write({"CustomerName": {"FirstName": "Zzyzxia", "Nickname": "Quuxley"}})
    read_trail(client, until="profile.found", times=3)
    with psycopg.connect(access.database_url) as owner:
        query = "SELECT e::text FROM audit_event AS e WHERE account_id = %s"
        rows = owner.execute(query, [access.account_id]).fetchall()
    assert len(rows) > 8
    assert [(mark, row) for (row,) in rows for mark in MARKS if mark.casefold() in row.casefold()] == []


def test_what_was_not_done_leaves_no_event(client: WireClient) -> None:
    """A write refused, a batch sent again, an Execute repeated: nothing is done, nothing noted."""
    token = client.initiate()["AccessToken"]
    client.stage(token, [PERSON], key="one")
    client.stage(token, [PERSON], key="one")
    check_problem(client.try_stage(token, b"{"), 400, "Request.MalformedJson")
    client.finish(token)
    require(client.call(token, "Execute"))
    assert client.try_write({"ProfileId": "x"}).status_code == 400
    assert client.try_profile(10**15).status_code == 404
    actions = [event["Action"] for event in read_trail(client, until="import.completed")]
    steps = ["initiated", "staged", "executed", "started", "completed"]
    assert actions[3:] == [f"import.{step}" for step in steps]


def test_configuration_and_cancel(access: AccountAccess, client: WireClient) -> None:
    token = client.initiate()["AccessToken"]
    require(client.call(token, "Cancel"))
    require(client.call(token, "Cancel"))
    document = require(client.http.get(f"{client.account}/Configuration"))
    path, headers = f"{client.account}/Configuration", {"Content-Type": "application/json"}
    document["account"]["importsPerDay"] = 77
    require(client.http.put(path, content=json.dumps(document), params={"dryRun": True}, headers=headers))
    require(client.http.put(path, content=json.dumps(document), headers=headers))
    require(client.http.put(path, content=json.dumps(document), headers=headers))  # nothing to change
    access.services.authentication.revoke_credential(access.account_id, access.client_id)
    trail = read_chained(access)
    assert [name(event) for event in trail if event["Action"] not in ("token.issued", "audit.read")][2:] == [
        ("nightly", "import.initiated", {"ImportAction": "Add"}),
        ("nightly", "import.cancelled", {}),
        ("nightly", "configuration.read", {"Revision": 1}),
        ("nightly", "configuration.applied", {"Revision": 2, "Changes": 1}),
        ("operator", "credential.revoked", {"Credential": access.client_id, "User": "nightly"}),
    ]


def read_chained(access: AccountAccess) -> list[Wire]:
    """The trail as it stands in the database, once no event waits to be chained."""
    with psycopg.connect(access.database_url, autocommit=True) as owner:
        query = "SELECT count(*) FROM audit_waiting WHERE account_id = %s"
        wait_for(lambda: owner.execute(query, [access.account_id]).fetchone(), lambda row: row == (0,))
        query = (
            "SELECT caller, action, details FROM audit_event JOIN audit_link USING (account_id, event_id)"
            " WHERE account_id = %s ORDER BY number"
        )
        rows = owner.execute(query, [access.account_id]).fetchall()
    return [dict(zip(("Caller", "Action", "Details"), row, strict=True)) for row in rows]


# Refusals --------------------------------------------------------------------------------------------------------


def test_refused_permissions_are_noted_with_the_call(running: RunningServer, client: WireClient) -> None:
    with WireClient(running.give_access(client.access.account, "mailer")) as mailer:
        check_problem(mailer.http.get(f"{mailer.account}/Audit"), 403, "Permission.Audit")
        check_problem(mailer.http.get(f"{mailer.account}/Configuration"), 403, "Permission.Configuration")
        check_problem(mailer.http.delete(f"{mailer.account}/Profile/1"), 403, "Permission.Profile")
        check_problem(mailer.try_find(phoneNumber="+13125550199"), 403, "Permission.Channel")
    found = [event for event in read_trail(client, "permission.refused", times=4) if event["Caller"] == "mailer"]
    refused = [(event["Details"], event["ClientAddress"]) for event in found if event["Action"] == "permission.refused"]
    assert refused == [
        ({"Code": "Permission.Audit", "Call": "readAudit"}, "127.0.0.1"),
        ({"Code": "Permission.Configuration", "Call": "getConfiguration"}, "127.0.0.1"),
        ({"Code": "Permission.Profile", "Call": "deleteProfile"}, "127.0.0.1"),
        ({"Code": "Permission.Channel", "Call": "findProfiles"}, "127.0.0.1"),
    ]


def test_refused_credentials_are_noted_where_the_account_is_known(
    running: RunningServer, access: AccountAccess, client: WireClient
) -> None:
    mailer = running.give_access(access.account, "mailer")
    form = {"client_id": mailer.client_id, "client_secret": mailer.client_secret}

    def ask(**changes: str) -> int:
        return httpx.post(f"{access.url}/oauth2/token", data=form | changes).status_code

    assert ask(client_secret="wrong") == 401
    assert ask(scope=f"{access.account}/nightly") == 400
    assert ask(client_id="0" * 24) == 401  # of no account: in no trail
    with WireClient(mailer) as other:
        assert other.http.get(f"{BASE}/NOBODY/Profile/1").status_code == 404
        access.services.authentication.revoke_credential(access.account_id, mailer.client_id)
        assert other.try_list().status_code == 401
    trail = read_trail(client, "authentication.refused", times=4)
    refused = [event for event in trail if event["Action"] == "authentication.refused"]
    assert [name(event) for event in refused] == [
        ("mailer", "authentication.refused", {"Code": "Auth.CredentialRefused"}),
        ("mailer", "authentication.refused", {"Code": "Auth.ScopeRefused"}),
        ("mailer", "authentication.refused", {"Code": "Account.NotFound"}),
        ("mailer", "authentication.refused", {"Code": "Auth.CredentialRevoked"}),
    ]
    assert all(event["ClientAddress"] == "127.0.0.1" and event["RequestId"] for event in refused)


def sign(access: AccountAccess, key: str, user: str) -> str:
    time = datetime.now(UTC).isoformat()
    digest = hmac.digest(key.encode(), f"{access.account}:{user}:{time}".encode(), hashlib.sha256)
    return f"PNAUTHINFO3-HMAC-SHA256 Credential={user}/{time} Signature={base64.b64encode(digest).decode()}"


def test_signatures_used_again_or_wrong_are_noted(access: AccountAccess, client: WireClient) -> None:
    key_id, key = access.services.authentication.shared_keys.create(access.account_id)
    url = f"{access.url}{BASE}/Async/{access.account}/Imports"

    def call(header: str) -> int:
        return httpx.get(url, headers={"Authorization": header}).status_code

    signed = sign(access, key, "legacy")
    assert [call(signed) for _ in range(3)] == [200, 200, 200]
    assert call(sign(access, "not the key of this account, no", "zz.mark@example.com")) == 401
    assert call(sign(access, key, "mailer")) == 401
    access.services.authentication.shared_keys.revoke(access.account_id, key_id)
    trail = read_trail(client, "hmac-key.revoked")
    assert [name(event) for event in trail][3:] == [
        ("operator", "hmac-key.created", {"Key": key_id}),
        ("legacy", "authentication.replayed", {"Uses": 2}),
        ("legacy", "authentication.replayed", {"Uses": 3}),
        ("unknown", "authentication.refused", {"Code": "Auth.HmacRefused"}),
        ("mailer", "authentication.refused", {"Code": "Auth.HmacUserNotMarked"}),
        ("operator", "hmac-key.revoked", {"Key": key_id}),
    ]


# Reading ---------------------------------------------------------------------------------------------------------


def test_the_trail_is_read_in_pages_and_by_action_and_import(client: WireClient) -> None:
    statuses = [client.run([PERSON]) for _ in range(2)]
    trail = read_trail(client, "import.completed", times=2)
    numbers = [event["Number"] for event in trail]
    assert numbers == sorted(numbers)
    page = read_page(client, limit=4)
    assert (page["Count"], page["HasMore"]) == (4, True)
    assert page["Newest"] >= numbers[-1]
    assert page["Events"] == trail[:4]
    assert read_page(client, after=numbers[3], limit=3)["Events"] == trail[4:7]
    assert read_page(client, after=10**9) | {"Newest": 0} == {"Count": 0, "HasMore": False, "Newest": 0, "Events": []}
    staged = read_page(client, action="import.staged")["Events"]
    assert staged == [event for event in trail if event["Action"] == "import.staged"]
    second = [event for event in trail if event["ImportId"] == statuses[1]["ImportId"]]
    assert read_page(client, importId=statuses[1]["ImportId"])["Events"] == second
    both = read_page(client, importId=statuses[1]["ImportId"], action="import.executed", after=0)["Events"]
    assert [event["Action"] for event in both] == ["import.executed"]
    reads = wait_for(lambda: read_page(client, action="audit.read")["Events"], lambda seen: len(seen) > 2)
    assert reads[0]["Details"].keys() == {"After", "Count"}


@pytest.mark.parametrize("query", [{"after": -1}, {"limit": 0}, {"action": "import.dreamt"}, {"importId": "x"}])
def test_what_cannot_be_asked_is_400_and_named(client: WireClient, query: Wire) -> None:
    answer = client.http.get(f"{client.account}/Audit", params=query)
    problem = check_problem(answer, 400, "Request.InvalidParameter")
    assert [error["path"] for error in problem["errors"]] == list(query)


def test_the_trail_of_another_account_is_not_seen(running: RunningServer, client: WireClient) -> None:
    with WireClient(running.create_account(permit_audit)) as other:
        status = other.run([PERSON])
        read_trail(other, "import.completed")
        assert read_page(client, importId=status["ImportId"])["Events"] == []
    assert {event["Caller"] for event in read_page(client)["Events"]} <= {"operator", "nightly"}


# Acts of the worker -----------------------------------------------------------------------------------


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def list_events(bench: Workbench, import_id: Any) -> list[tuple[str, str]]:
    query = "SELECT caller, action FROM audit_event WHERE import_id = %s ORDER BY recorded_at, event_id"
    return bench.owner(query, import_id)


def test_an_expired_import_has_one_event_if_a_call_and_a_worker_find_it(bench: Workbench) -> None:
    by_worker, by_look = bench.initiate(), bench.initiate()
    bench.owner("UPDATE import SET expires_at = now() WHERE import_id = %s", by_look.import_id)
    bench.find(by_look)
    bench.owner("UPDATE import SET expires_at = now()")
    for _ in range(2):
        bench.worker.retention.run_maintenance()
    for item in (by_worker, by_look):
        assert list_events(bench, item.import_id) == [("nightly", "import.initiated"), ("system", "import.expired")]


def test_the_end_of_retention_is_noted_once(bench: Workbench) -> None:
    item = bench.complete([make_person(1)], DataStageDuration=0)
    for _ in range(2):
        bench.worker.retention.run_maintenance()
    bench.owner("UPDATE import SET expires_at = now()")
    for _ in range(2):
        bench.worker.retention.run_maintenance()
    assert list_events(bench, item.import_id)[-2:] == [("system", "import.thinned"), ("system", "import.purged")]
    assert len(list_events(bench, item.import_id)) == 7


def test_an_import_that_cannot_start_or_has_nothing_to_do(bench: Workbench) -> None:
    match = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    failing, empty = bench.initiate(**match), bench.initiate()
    bench.stage(failing, [make_person(1)])
    bench.stage(empty, [FAULTY])
    for item in (failing, empty):
        bench.execute(item)
    document = json.loads(bench.services.accounts.show("ACME", "json"))
    document["alternateIdTypes"][0]["active"] = False
    bench.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
    bench.work_off()
    assert list_events(bench, failing.import_id)[-1] == ("system", "import.failed")
    assert list_events(bench, empty.import_id)[-2:] == [("system", "import.started"), ("system", "import.completed")]
