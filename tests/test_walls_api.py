"""Every call of the API, tried with another account's ids: nothing of it is shown, and nothing of it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from permission_office import ALL, Wire
from running_server import AccountAccess, RunningServer
from sample_rows import list_walled_tables

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


def open_account(running: RunningServer) -> tuple[AccountAccess, httpx.Client]:
    def permit_all(document: Wire) -> None:
        document["userGroups"].append({"name": "all", "permissions": ALL})
        document["users"].append({"id": "all", "groups": ["all"]})

    access = running.create_account(permit_all, user="all")
    client = httpx.Client(base_url=access.url, timeout=60, trust_env=False)
    form = {"client_id": access.client_id, "client_secret": access.client_secret}
    client.headers["Authorization"] = f"Bearer {client.post('/oauth2/token', data=form).json()['access_token']}"
    return access, client


@pytest.fixture(scope="module")
def intruder(running: RunningServer) -> Iterator[tuple[AccountAccess, httpx.Client]]:
    access, client = open_account(running)
    yield access, client
    client.close()


@pytest.fixture(scope="module")
def victim(running: RunningServer) -> tuple[AccountAccess, dict[str, Any]]:
    """An account with people and an import that has a fault; and the ids in it."""
    access, client = open_account(running)
    base = f"/Profiles/v4/Async/{access.account}/Import"
    for number in range(3):  # whose numbers nobody has in the intruder's account
        person = {**PERSON, "AlternateIds": [{**IDS, "AlternateId": f"{MARK}-{number}"}]}
        made = client.post(f"/Profiles/v4/{access.account}/Profile", json=person)
        assert made.status_code == 201, made.text
    item = client.post(base, json={"Name": MARK}).raise_for_status().json()
    records = [PERSON, {"Nope": MARK}]
    stage = client.post(f"{base}/{item['AccessToken']}/Stage", json={"UserProfilePreferences": records})
    stage.raise_for_status()
    listed = client.get(f"/Profiles/v4/Async/{access.account}/Imports", params={"limit": 1}).json()
    client.close()
    ids = {"accessToken": item["AccessToken"], "importId": item["ImportId"], "profileId": made.json()["ProfileId"]}
    return access, ids | {"cursor": listed.get("Cursor")}


def take_stock(access: AccountAccess) -> dict[str, Any]:
    """Every row of the account, table by table."""
    query = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t WHERE account_id = %s"
    with psycopg.connect(access.database_url) as owner:
        return {
            table: owner.execute(sql.SQL(query).format(sql.Identifier(table)), [access.account_id]).fetchone()
            for table in list_walled_tables(owner)
            if table not in ("audit_event", "audit_waiting", "audit_seal")  # the worker seals meanwhile
        }


def list_calls(client: httpx.Client) -> list[tuple[str, str]]:
    """(method, path) of every call that names an account, by the server's own document."""
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
        body = (
            {"UserProfilePreferences": [{"ProfileId": ids["profileId"]}]} if path.endswith("/Stage") else {"Name": "x"}
        )
    return client.request(method, path.format(clientId=account, **ids), params=query, json=body)


def test_under_the_other_accounts_name_there_is_nothing(
    intruder: tuple[AccountAccess, httpx.Client], victim: tuple[AccountAccess, dict[str, Any]]
) -> None:
    _, client = intruder
    theirs, ids = victim
    before = take_stock(theirs)
    calls = list_calls(client)
    assert len(calls) >= 20
    for method, path in calls:
        answer = send(client, method, path, theirs.account, ids, {})
        assert (answer.status_code, answer.json()["code"]) == (404, "Account.NotFound"), (method, path, answer.text)
        assert not any(shown in answer.text.lower() for shown in NEVER_SHOWN)
    assert take_stock(theirs) == before


def test_under_ones_own_name_the_other_accounts_ids_mean_nothing(
    intruder: tuple[AccountAccess, httpx.Client], victim: tuple[AccountAccess, dict[str, Any]]
) -> None:
    ours, client = intruder
    theirs, ids = victim
    before = take_stock(theirs)
    for method, path in list_calls(client):
        tries: list[Wire] = [{}]
        if path.endswith("/Profile") and method == "GET":
            tries = SEARCHES
        elif path.endswith("/Imports"):
            tries = [{}, {"cursor": ids["cursor"]}] if ids["cursor"] else [{}]
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
    assert take_stock(theirs) == before
