"""Every permission against every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from permission_office import (
    USERS,
    Office,
    Wire,
    holds,
)

Call = Callable[[Office, httpx.Client], httpx.Response]


def _stage(office: Office, client: httpx.Client) -> httpx.Response:
    token = office.initiate("all")["AccessToken"]
    return client.post(f"{office.imports}/Import/{token}/Stage", json={"UserProfilePreferences": []})


def _move(call: str, **fields: Any) -> Call:
    def send(office: Office, client: httpx.Client) -> httpx.Response:
        token = office.initiate("all", **fields)["AccessToken"]
        office.act_as("all").post(
            f"{office.imports}/Import/{token}/Stage", json={"UserProfilePreferences": [{"ProfileId": 1}]}
        )
        return client.post(f"{office.imports}/Import/{token}/{call}")

    return send


def _look(path: str) -> Call:
    def send(office: Office, client: httpx.Client) -> httpx.Response:
        started = office.initiate("all")
        return client.get(f"{office.imports}/{path.format(**started)}")

    return send


def _watch(office: Office, client: httpx.Client) -> httpx.Response:
    started = office.initiate("all")
    office.act_as("all").post(f"{office.imports}/Import/{started['AccessToken']}/Cancel")
    return client.get(f"{office.imports}/Imports/{started['ImportId']}/Progress")


def _initiate(**fields: Any) -> Call:
    return lambda office, client: client.post(f"{office.imports}/Import", json={"Name": "matrix", **fields})


def _on_profile(method: str, path: str = "", body: Wire | None = None) -> Call:
    def send(office: Office, client: httpx.Client) -> httpx.Response:
        profile_id = office.create({"CustomerName": {"FirstName": "Ana"}})
        return client.request(method, f"{office.account}/Profile/{profile_id}{path}", json=body)

    return send


def _find(query: str) -> Call:
    return lambda office, client: client.get(f"{office.account}/Profile?{query}")


def _put_configuration(office: Office, client: httpx.Client) -> httpx.Response:
    document = office.act_as("all").get(f"{office.account}/Configuration").json()
    return client.put(f"{office.account}/Configuration?dryRun=true", json=document)


CALLS: dict[str, tuple[Call, set[str]]] = {
    "initiate": (_initiate(), {"import"}),
    "initiate a Delete": (_initiate(ImportAction="Delete"), {"import", "profile.delete"}),
    "initiate with RefreshContacts": (_initiate(RefreshContacts=True), {"import", "channels", "programs"}),
    "stage": (_stage, {"import"}),
    "execute": (_move("Execute"), {"import"}),
    "cancel": (_move("Cancel"), {"import"}),
    "execute a Delete": (_move("Execute", ImportAction="Delete"), {"import", "profile.delete"}),
    "cancel a Delete": (_move("Cancel", ImportAction="Delete"), {"import", "profile.delete"}),
    "execute with RefreshContacts": (_move("Execute", RefreshContacts=True), {"import", "channels", "programs"}),
    "cancel with RefreshContacts": (_move("Cancel", RefreshContacts=True), {"import", "channels", "programs"}),
    "status": (_look("Import/{AccessToken}/Status"), {"import"}),
    "exceptions": (_look("Import/{AccessToken}/Exceptions"), {"import"}),
    "list": (_look("Imports"), {"import"}),
    "one import": (_look("Imports/{ImportId}"), {"import"}),
    "its exceptions": (_look("Imports/{ImportId}/Exceptions"), {"import"}),
    "its progress": (_watch, {"import"}),
    "profile": (_on_profile("GET"), {"profile.read"}),
    "history": (_on_profile("GET", "/History?of=Consents"), {"profile.read"}),
    "find by id": (_find("alternateIdType=Loyalty&alternateId=nobody"), {"profile.read"}),
    "find by email": (_find("emailAddress=nobody@example.com"), {"profile.read", "channels.Email"}),
    "find by number": (_find("phoneNumber=%2B12025550100"), {"profile.read", "any number"}),
    "tags": (lambda office, client: client.get(f"{office.account}/Tags"), {"profile.read"}),
    "create": (
        lambda office, client: client.post(f"{office.account}/Profile", json={"CustomerName": {"FirstName": "A"}}),
        {"profile.write"},
    ),
    "create with RefreshContacts": (
        lambda office, client: client.post(
            f"{office.account}/Profile?RefreshContacts=true", json={"CustomerName": {"FirstName": "A"}}
        ),
        {"profile.write", "channels", "programs"},
    ),
    "update": (_on_profile("POST", body={"CustomerName": {"FirstName": "B"}}), {"profile.write"}),
    "delete": (_on_profile("DELETE"), {"profile.delete"}),
    "read the configuration": (
        lambda office, client: client.get(f"{office.account}/Configuration"),
        {"configuration.read"},
    ),
    "write the configuration": (_put_configuration, {"configuration.write"}),
    "audit": (lambda office, client: client.get(f"{office.account}/Audit"), {"audit"}),
}
"""By name: the call, and all the permissions that it needs."""


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_for_those_who_hold_all_that_it_needs(office: Office, call: str) -> None:
    send, needs = CALLS[call]
    wrong = []
    for user in USERS:
        answer = send(office, office.act_as(user))
        permitted = all(holds(user, need) for need in needs)
        if (answer.status_code == 403) == permitted or answer.status_code not in (200, 201, 204, 403, 404):
            wrong.append((user, answer.status_code, answer.text[:200]))
        if answer.status_code == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"].startswith("Permission."), answer.text
    assert wrong == []


def test_only_the_initiator_of_an_import_is_given_its_access_token(office: Office) -> None:
    started = office.initiate("all", Name="whose token")
    token, by_id = started["AccessToken"], f"{office.imports}/Imports/{started['ImportId']}"
    for user, shown in (("all", token), ("only import", None)):
        client = office.act_as(user)
        listed = client.get(f"{office.imports}/Imports").json()["Imports"]
        assert [one["AccessToken"] for one in listed if one["ImportId"] == started["ImportId"]] == [shown]
        assert client.get(by_id).json()["AccessToken"] == shown
        # Who has the token has it already.
        assert client.get(f"{office.imports}/Import/{token}/Status").json()["AccessToken"] == token
    office.act_as("all").post(f"{office.imports}/Import/{token}/Cancel")
    for user, shown in (("all", f'"AccessToken":{token}'), ("only import", '"AccessToken":null')):
        assert shown in office.act_as(user).get(f"{by_id}/Progress").text


def test_every_call_of_the_api_is_in_the_matrix(office: Office) -> None:
    document = httpx.get(f"{office.access.url}/schema/openapi.json", trust_env=False).json()
    calls = {
        operation["operationId"]
        for path, item in document["paths"].items()
        for operation in item.values()
        if "{clientId}" in path
    }
    assert calls == {
        "initiate", "stage", "execute", "cancel", "getStatus", "getExceptions", "listImports", "getImport",
        "getImportExceptions", "watchImport", "getProfile", "getHistory", "findProfiles", "listTags", "createProfile",
        "updateProfile", "deleteProfile", "getConfiguration", "applyConfiguration", "readAudit",
    }, "a call was added: put it into CALLS, and here"  # fmt: skip
