"""Every call of the API, tried with another account's ids: no data is shown, and no data changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from permission_users import PermissionUsers, Wire
from psycopg import sql
from running_server import AccountAccess, RunningServer
from sample_rows import list_walled_tables
from waiting import await_true

MARK = "Zzyzx"
IDS = {"AlternateIdType": "CRM", "AlternateId": f"{MARK}-1"}
PERSON: Wire = {
    "AlternateIds": [IDS],
    "CustomerName": {"FirstName": MARK},
    "Emails": [{"EmailAddress": f"{MARK}@example.com"}],
    "PhoneNumbers": [{"PhoneNumber": "+12025550123"}],
    "ProfileTags": [{"Name": MARK}],
}
SEARCHES: list[Wire] = [
    {"alternateIdType": "CRM", "alternateId": IDS["AlternateId"]},
    {"emailAddress": PERSON["Emails"][0]["EmailAddress"]},
    {"phoneNumber": "+12025550123"},
]
NEVER_SHOWN = (MARK.lower(), "+12025550123", "2025550123")


@pytest.fixture(scope="module")
def victim(running: RunningServer) -> Iterator[tuple[PermissionUsers, dict[str, Any]]]:
    """Another account with people and an import with a fault; and the ids in this account."""
    users_of = PermissionUsers(running)
    for number in range(3):  # the intruder's account has no such numbers
        person = {**PERSON, "AlternateIds": [{**IDS, "AlternateId": f"{MARK}-{number}"}]}
        profile_id = users_of.create(person)
    item = users_of.initiate("all", Name=MARK)
    client = users_of.act_as("all")
    records = {"UserProfilePreferences": [PERSON, {"Nope": MARK}]}
    client.post(f"{users_of.imports}/Import/{item['AccessToken']}/Stage", json=records).raise_for_status()
    users_of.initiate("all")
    cursor = client.get(f"{users_of.imports}/Imports", params={"limit": 1}).raise_for_status().json()["NextCursor"]
    assert cursor
    ids = {
        "accessToken": item["AccessToken"],
        "importId": item["ImportId"],
        "profileId": profile_id,
        "filterId": "NEWS-EMAIL",
    }
    yield users_of, ids | {"cursor": cursor}
    users_of.close()


def take_snapshot(access: AccountAccess) -> dict[str, Any]:
    """Every row of the account, table by table, after the worker has numbered its changes."""
    waiting = "SELECT count(*) FROM change_block WHERE account_id = %s AND first_position IS NULL"
    query = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t WHERE account_id = %s"
    with psycopg.connect(access.database_url, autocommit=True) as owner:
        await_true(lambda: owner.execute(waiting, [access.account_id]).fetchone() == (0,))
        return {
            table: owner.execute(sql.SQL(query).format(sql.Identifier(table)), [access.account_id]).fetchone()
            for table in list_walled_tables(owner)
            if table not in ("audit_event", "audit_waiting", "audit_link")  # the worker appends to the chain meanwhile
        }


def list_calls(client: httpx.Client) -> list[tuple[str, str]]:
    """(method, path) of every call that names an account, from the server's own document."""
    paths = client.get("/schema/openapi.json").raise_for_status().json()["paths"]
    return [
        (method.upper(), path)
        for path, calls in paths.items()
        if "{clientId}" in path
        for method in calls
        if method in ("get", "post", "put", "delete", "patch")
    ]


def send(
    client: httpx.Client, method: str, path: str, account: str, ids: dict[str, Any], query: Wire
) -> httpx.Response:
    body: Wire | None = None
    if method in ("POST", "PUT"):
        bodies: dict[str, Wire] = {
            "Stage": {"UserProfilePreferences": [{"ProfileId": ids["profileId"]}]},
            "Undo": {"RestoreYes": True},
        }
        body = bodies.get(path.rpartition("/")[2], {"Name": "x"})
    return client.request(method, path.format(clientId=account, **ids), params=query, json=body)


def test_a_call_under_the_name_of_another_account_finds_nothing(
    users_of: PermissionUsers, victim: tuple[PermissionUsers, dict[str, Any]]
) -> None:
    client = users_of.act_as("all")
    theirs, ids = victim[0].access, victim[1]
    before = take_snapshot(theirs)
    calls = list_calls(client)
    assert len(calls) >= 20
    for method, path in calls:
        answer = send(client, method, path, theirs.account, ids, {})
        assert (answer.status_code, answer.json()["code"]) == (404, "Account.NotFound"), (method, path, answer.text)
        assert not any(shown in answer.text.lower() for shown in NEVER_SHOWN)
    assert take_snapshot(theirs) == before


def test_the_ids_of_another_account_mean_nothing_under_the_own_name(
    users_of: PermissionUsers, victim: tuple[PermissionUsers, dict[str, Any]]
) -> None:
    ours, client = users_of.access, users_of.act_as("all")
    theirs, ids = victim[0].access, victim[1]
    before = take_snapshot(theirs)
    for method, path in list_calls(client):
        tries: list[Wire] = [{}]
        if path.endswith("/Profile") and method == "GET":
            tries = SEARCHES
        elif path.endswith("/Imports"):
            tries = [{}, {"cursor": ids["cursor"]}]
        elif path.endswith("/History"):
            tries = [{"of": "Preferences"}, {"of": "Consents"}]
        elif path.endswith("/Audit"):
            tries = [{}, {"importId": ids["importId"]}]
        for query in tries:
            answer = send(client, method, path, ours.account, ids, query)
            if any(name in path for name in ("{accessToken}", "{importId}", "{profileId}")):
                assert answer.status_code in (401, 404), (method, path, answer.status_code, answer.text)
            shown = json.dumps(answer.json()).lower()
            assert not any(mark in shown for mark in NEVER_SHOWN), (method, path, query, shown)
            assert ids["importId"] not in shown.replace(f"/imports/{ids['importId']}", ""), (method, path, query)
    assert take_snapshot(theirs) == before
