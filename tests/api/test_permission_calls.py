"""Every permission against every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from permission_users import (
    USERS,
    PermissionUsers,
    Wire,
    holds,
)
from waiting import wait_for

Call = Callable[[PermissionUsers, httpx.Client], httpx.Response]


def _stage(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
    token = users_of.initiate("all")["AccessToken"]
    return client.post(f"{users_of.imports}/Import/{token}/Stage", json={"UserProfilePreferences": []})


def _move(call: str, **fields: Any) -> Call:
    def send(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
        token = users_of.initiate("all", **fields)["AccessToken"]
        users_of.act_as("all").post(
            f"{users_of.imports}/Import/{token}/Stage", json={"UserProfilePreferences": [{"ProfileId": 1}]}
        )
        return client.post(f"{users_of.imports}/Import/{token}/{call}")

    return send


def _look(path: str) -> Call:
    def send(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
        started = users_of.initiate("all")
        return client.get(f"{users_of.imports}/{path.format(**started)}")

    return send


def _watch(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
    started = users_of.initiate("all")
    users_of.act_as("all").post(f"{users_of.imports}/Import/{started['AccessToken']}/Cancel")
    return client.get(f"{users_of.imports}/Imports/{started['ImportId']}/Progress")


def _initiate(**fields: Any) -> Call:
    return lambda users_of, client: client.post(f"{users_of.imports}/Import", json={"Name": "matrix", **fields})


def _on_profile(method: str, path: str = "", body: Wire | None = None) -> Call:
    def send(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
        profile_id = users_of.create({"CustomerName": {"FirstName": "Ana"}})
        return client.request(method, f"{users_of.account}/Profile/{profile_id}{path}", json=body)

    return send


def _find(query: str) -> Call:
    return lambda users_of, client: client.get(f"{users_of.account}/Profile?{query}")


def _put_configuration(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
    document = users_of.act_as("all").get(f"{users_of.account}/Configuration").json()
    return client.put(f"{users_of.account}/Configuration?dryRun=true", json=document)


def _release(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
    """Of an import that another user executed, and that the guard of its Initiate holds."""
    started = users_of.initiate("all", Guard={"tagsAdded": 0})
    token, owner = started["AccessToken"], users_of.act_as("all")
    record = {"CustomerName": {"FirstName": "A"}, "ProfileTags": [{"Name": "new"}]}
    owner.post(f"{users_of.imports}/Import/{token}/Stage", json={"UserProfilePreferences": [record]})
    owner.post(f"{users_of.imports}/Import/{token}/Execute")
    one = f"{users_of.imports}/Imports/{started['ImportId']}"
    wait_for(lambda: owner.get(one).json(), lambda status: status["HeldReason"] or status["Status"] != "Queued")
    answer = client.post(f"{one}/Release")
    owner.post(f"{one}/Cancel")
    return answer


def _cancel_by_id(**fields: Any) -> Call:
    def send(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
        return client.post(f"{users_of.imports}/Imports/{users_of.initiate('all', **fields)['ImportId']}/Cancel")

    return send


UNDO = {"import", "profile.write", "profile.delete", "channels", "programs", "consentTypes"}
"""The records of an undo can touch every part of a profile, and delete it."""


def _undo(**body: Any) -> Call:
    """On an import that has not completed: 409 for a caller who may undo."""

    def send(users_of: PermissionUsers, client: httpx.Client) -> httpx.Response:
        started = users_of.initiate("all")
        return client.post(f"{users_of.imports}/Imports/{started['ImportId']}/Undo", json=body)

    return send


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
    "cancel by id": (_cancel_by_id(), {"import"}),
    "cancel a Delete by id": (_cancel_by_id(ImportAction="Delete"), {"import", "profile.delete"}),
    "cancel with RefreshContacts by id": (_cancel_by_id(RefreshContacts=True), {"import", "channels", "programs"}),
    "release": (_release, {"release"}),
    "status": (_look("Import/{AccessToken}/Status"), {"import"}),
    "exceptions": (_look("Import/{AccessToken}/Exceptions"), {"import"}),
    "list": (_look("Imports"), {"import"}),
    "one import": (_look("Imports/{ImportId}"), {"import"}),
    "its exceptions": (_look("Imports/{ImportId}/Exceptions"), {"import"}),
    "start a preview": (_move("Preview"), {"import"}),
    "preview": (_look("Import/{AccessToken}/Preview"), {"import"}),
    "its preview": (_look("Imports/{ImportId}/Preview"), {"import"}),
    "changes of a preview": (_look("Import/{AccessToken}/Preview/Changes"), {"import"}),
    "its changes of a preview": (_look("Imports/{ImportId}/Preview/Changes"), {"import"}),
    "undo": (_undo(), UNDO),
    "undo with RestoreYes": (_undo(RestoreYes=True), {*UNDO, "release"}),
    "its progress": (_watch, {"import"}),
    "profile": (_on_profile("GET"), {"profile.read"}),
    "history": (_on_profile("GET", "/History?of=Consents"), {"profile.read"}),
    "find by id": (_find("alternateIdType=Loyalty&alternateId=nobody"), {"profile.read"}),
    "find by email": (_find("emailAddress=nobody@example.com"), {"profile.read", "channels.Email"}),
    "find by number": (_find("phoneNumber=%2B12025550100"), {"profile.read", "any number"}),
    "tags": (lambda users_of, client: client.get(f"{users_of.account}/Tags"), {"profile.read"}),
    "changes": (lambda users_of, client: client.get(f"{users_of.account}/Changes"), {"profile.read"}),
    "create": (
        lambda users_of, client: client.post(f"{users_of.account}/Profile", json={"CustomerName": {"FirstName": "A"}}),
        {"profile.write"},
    ),
    "create with RefreshContacts": (
        lambda users_of, client: client.post(
            f"{users_of.account}/Profile?RefreshContacts=true", json={"CustomerName": {"FirstName": "A"}}
        ),
        {"profile.write", "channels", "programs"},
    ),
    "export": (lambda users_of, client: client.get(f"{users_of.account}/Export"), {"profile.read"}),
    "export a file": (lambda users_of, client: client.get(f"{users_of.account}/Export?format=csv"), {"profile.read"}),
    "audience": (lambda users_of, client: client.get(f"{users_of.account}/Audience/NEWS-EMAIL"), {"profile.read"}),
    "update": (_on_profile("POST", body={"CustomerName": {"FirstName": "B"}}), {"profile.write"}),
    "delete": (_on_profile("DELETE"), {"profile.delete"}),
    "read the configuration": (
        lambda users_of, client: client.get(f"{users_of.account}/Configuration"),
        {"configuration.read"},
    ),
    "write the configuration": (_put_configuration, {"configuration.write"}),
    "audit": (lambda users_of, client: client.get(f"{users_of.account}/Audit"), {"audit"}),
}
"""By name: the call, and all permissions that the call needs."""


@pytest.mark.parametrize("call", CALLS)
def test_a_call_needs_all_of_its_permissions(users_of: PermissionUsers, call: str) -> None:
    send, needs = CALLS[call]
    wrong = []
    for user in USERS:
        answer = send(users_of, users_of.act_as(user))
        permitted = all(holds(user, need) for need in needs)
        if (answer.status_code == 403) == permitted or answer.status_code not in (200, 201, 202, 204, 403, 404, 409):
            wrong.append((user, answer.status_code, answer.text[:200]))
        if answer.status_code == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"].startswith("Permission."), answer.text
    assert wrong == []


def test_only_the_initiator_of_an_import_is_given_its_access_token(users_of: PermissionUsers) -> None:
    started = users_of.initiate("all", Name="whose token")
    token, by_id = started["AccessToken"], f"{users_of.imports}/Imports/{started['ImportId']}"
    for user, shown in (("all", token), ("only import", None)):
        client = users_of.act_as(user)
        listed = client.get(f"{users_of.imports}/Imports").json()["Imports"]
        assert [one["AccessToken"] for one in listed if one["ImportId"] == started["ImportId"]] == [shown]
        assert client.get(by_id).json()["AccessToken"] == shown
        # A caller with the token already has the token.
        assert client.get(f"{users_of.imports}/Import/{token}/Status").json()["AccessToken"] == token
    users_of.act_as("all").post(f"{users_of.imports}/Import/{token}/Cancel")
    for user, shown in (("all", f'"AccessToken":{token}'), ("only import", '"AccessToken":null')):
        assert shown in users_of.act_as(user).get(f"{by_id}/Progress").text


def test_every_call_of_the_api_is_in_the_matrix(users_of: PermissionUsers) -> None:
    document = httpx.get(f"{users_of.access.url}/schema/openapi.json", trust_env=False).json()
    calls = {
        operation["operationId"]
        for path, item in document["paths"].items()
        for operation in item.values()
        if "{clientId}" in path
    }
    assert calls == {
        "cancelImport", "releaseImport",
        "initiate", "stage", "execute", "cancel", "getStatus", "getExceptions", "listImports", "getImport",
        "getImportExceptions", "watchImport", "undoImport",
        "getProfile", "getHistory", "findProfiles", "listTags", "createProfile",
        "startPreview", "startTokenPreview", "getPreview", "getTokenPreview", "listPreviewChanges",
        "listTokenPreviewChanges", "updateProfile", "deleteProfile",
        "getConfiguration", "applyConfiguration", "readAudit", "listChanges", "exportProfiles", "getAudience",
    }, "a call was added: put it into CALLS, and here"  # fmt: skip
