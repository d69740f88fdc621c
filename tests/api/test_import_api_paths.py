"""import-api.md, "Paths", over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from running_server import RunningServer
from wire_client import BASE, WireClient, check_problem, person, require

CALLS = [
    ("POST", "/Import/{token}/Stage"),
    ("POST", "/Import/{token}/Execute"),
    ("GET", "/Import/{token}/Status"),
    ("GET", "/Import/{token}/Exceptions"),
    ("POST", "/Import/{token}/Cancel"),
]
OTHER_CALLS = [
    ("POST", "/Import"),
    ("GET", "/Imports"),
    ("GET", "/Imports/{id}"),
    ("GET", "/Imports/{id}/Exceptions"),
    ("GET", "/Imports/{id}/Progress"),
]


def test_the_five_calls_are_initiate_stage_many_times_execute_status_exceptions(ours: WireClient) -> None:
    """Its main job is the bulk import, in five calls. … Such a client moves over by changing its host."""
    headers = {"Authorization": ours.http.headers["Authorization"]}
    url = f"{ours.access.url}/Profiles/v4/Async/{ours.access.account}/Import"
    body = {"Name": "Nightly", "MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    token = require(httpx.post(url, json=body, headers=headers))["AccessToken"]
    for batch in ([person(1), person(2)], [person(3), {"Emial": []}]):
        require(httpx.post(f"{url}/{token}/Stage", json={"UserProfilePreferences": batch}, headers=headers))
    require(httpx.post(f"{url}/{token}/Execute", headers=headers))
    assert ours.wait(token)["Status"] == "Completed"
    status = require(httpx.get(f"{url}/{token}/Status", headers=headers))
    assert [status[name] for name in ("TotalRecordsReceived", "ValidationFailed", "Created")] == [4, 1, 3]
    page = require(httpx.get(f"{url}/{token}/Exceptions?limit=100&offset=1", headers=headers))
    assert (page["TotalResults"], page["UserProfilePreferences"][0]["SequenceNumber"]) == (1, 4)


def test_every_call_that_names_a_client_id_is_under_the_base_path(ours: WireClient) -> None:
    """Every call that names a clientId is under a configurable base path, default /Profiles/v4."""
    status = ours.initiate()
    for method, path in CALLS + OTHER_CALLS:
        place = path.format(token=status["AccessToken"], id=status["ImportId"])
        under = f"/Async/{ours.access.account}{place}"
        check_problem(httpx.request(method, f"{ours.access.url}{BASE}{under}"), 401, "Auth.Missing")
        check_problem(ours.http.request(method, under), 404, "Request.UnknownAddress")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/schema/openapi.json"])
def test_the_calls_at_the_root_need_no_credentials(running: RunningServer, path: str) -> None:
    """/oauth2/token, /healthz, /readyz, /metrics and /schema/openapi.json stand at the root."""
    assert httpx.get(f"{running.url}{path}").status_code == 200
    check_problem(httpx.get(f"{running.url}{BASE}{path}"), 404, "Request.UnknownAddress")


def test_the_metrics_are_prometheus_and_name_no_person(ours: WireClient) -> None:
    """/metrics (Prometheus); the route, never the query or the body."""
    ours.try_find(emailAddress="zoe@example.com")
    answer = ours.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'route="/Profiles/v4/{clientId}/Profile"' in answer.text
    assert "zoe" not in answer.text
    assert ours.access.account not in answer.text


def test_the_openapi_document_is_served_whole(running: RunningServer) -> None:
    """One shape for the whole API, documented in OpenAPI 3.1."""
    document = httpx.get(f"{running.url}/schema/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    for method, path in CALLS + OTHER_CALLS:
        place = path.format(token="{accessToken}", id="{importId}")
        operation = document["paths"][f"{BASE}/Async/{{clientId}}{place}"][method.lower()]
        refused = {status for status in operation["responses"] if status >= "400"}
        assert {"401", "403", "404", "503"} <= refused
        for status in refused:
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("path", ["/async/{id}/Imports", "/Async/{id}/imports", "/Async/{low}/Imports"])
def test_names_are_exact_case_included(ours: WireClient, path: str) -> None:
    """Names are exact, case included."""
    place = path.format(id=ours.access.account, low=ours.access.account.lower())
    assert ours.http.get(BASE + place).status_code == 404


def test_the_access_token_is_an_integer_of_53_random_bits_and_unique(ours: WireClient) -> None:
    """accessToken is an integer of 53 random bits (exact in every JSON reader), unique."""
    tokens = [require(ours.try_initiate({"Name": "n"}))["AccessToken"] for _ in range(40)]
    assert all(type(token) is int and 0 <= token < 2**53 for token in tokens)
    assert all(int(float(token)) == token for token in tokens)
    assert len(set(tokens)) == len(tokens)
    # Each bit is set in some tokens and not in others. By chance this fails once in 10**10 runs.
    assert all(0 < sum(token >> bit & 1 for token in tokens) < 40 for bit in range(53))


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_token_grants_nothing_by_itself(ours: WireClient, running: RunningServer, method: str, path: str) -> None:
    """It names the import; it grants nothing by itself: every call also needs Authorization for that account."""
    place = path.format(token=ours.initiate()["AccessToken"])
    check_problem(httpx.request(method, ours.access.url + ours.imports + place), 401, "Auth.Missing")
    with WireClient(running.create_account()) as theirs:
        check_problem(theirs.http.request(method, ours.imports + place), 404, "Account.NotFound")
        check_problem(theirs.http.request(method, theirs.imports + place, json=BATCH), 401, "AccessToken.Invalid")


BATCH = {"UserProfilePreferences": [person(1)]}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_token_routes_answer_401_once_the_token_has_expired(ours: WireClient, method: str, path: str) -> None:
    """The token routes answer 401 once the token has expired."""
    status = ours.initiate()
    ours.stage(status["AccessToken"], [person(1)])
    ours.expire(status["ImportId"])
    answer = ours.http.request(method, ours.imports + path.format(token=status["AccessToken"]), json=BATCH)
    check_problem(answer, 401, "AccessToken.Invalid")
    assert ours.try_import(status["ImportId"]).json()["TotalRecordsReceived"] == 1


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_token_routes_answer_401_for_a_token_that_is_no_integer(ours: WireClient, method: str, path: str) -> None:
    """… and for a token that is no integer; access token unknown: 401."""
    for token in ("x", "-1", "1.0", "9007199254740992", "99999999999999999999", "%D9%A1", "0x1", "1"):
        answer = ours.http.request(method, ours.imports + path.format(token=token), json=BATCH)
        check_problem(answer, 401, "AccessToken.Invalid")


def test_the_routes_by_id_go_on_answering_after_the_token_has_expired(ours: WireClient) -> None:
    """The Imports/{importId} routes go on answering, for a caller with the permission."""
    status = ours.run([person(1), {"Emial": []}])
    ours.expire(status["ImportId"])
    assert require(ours.try_import(status["ImportId"]))["Created"] == 1
    assert require(ours.try_import(status["ImportId"], "/Exceptions"))["TotalResults"] == 1
    progress = ours.try_import(status["ImportId"], "/Progress")
    assert progress.headers["content-type"].startswith("text/event-stream")
    ours.reconfigure(lambda document: take_import(document))
    for more in ("", "/Exceptions", "/Progress"):
        check_problem(ours.try_import(status["ImportId"], more), 403, "Permission.Import")


def take_import(document: dict) -> None:
    for group in document["userGroups"]:
        group["permissions"]["import"] = False


@pytest.mark.parametrize("more", ["", "/Exceptions", "/Progress"])
def test_an_import_id_that_names_none_is_404(ours: WireClient, running: RunningServer, more: str) -> None:
    """404: what the path names is not there."""
    with WireClient(running.create_account()) as theirs:
        foreign = theirs.initiate()["ImportId"]
    for import_id in (str(uuid4()), "nothing", foreign):
        check_problem(ours.try_import(import_id, more), 404, "Import.NotFound")
