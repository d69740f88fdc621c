"""import-api.md, "Refusals", over HTTP: the refusals that no other test of the contract covers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from running_server import RunningServer, create_database
from waiting import wait_for
from wire_client import BASE, WireClient, at_once, check_problem, person, require


def test_every_import_call_needs_the_permission_import(ours: WireClient) -> None:
    """403: the caller's user groups do not permit it."""
    status = ours.initiate()
    ours.reconfigure(lambda d: [group["permissions"].update({"import": False}) for group in d["userGroups"]])
    token, import_id = status["AccessToken"], status["ImportId"]
    answers = [
        ours.try_initiate({"Name": "n"}),
        ours.try_stage(token, [person(1)]),
        ours.call(token, "Execute"),
        ours.call(token, "Cancel"),
        ours.try_status(token),
        ours.try_exceptions(token),
        ours.try_list(),
        ours.try_import(import_id),
        ours.try_import(import_id, "/Exceptions"),
    ]
    for answer in answers:
        check_problem(answer, 403, "Permission.Import")
    ours.reconfigure(lambda d: d["userGroups"][0]["permissions"].update({"import": True}))
    assert ours.status(token) == status


def test_any_client_id_but_ones_own_is_404_existing_or_not(ours: WireClient, running: RunningServer) -> None:
    """404: any clientId but the credential's own, existing or not (after 401 for bad credentials)."""
    existing = running.create_account().account
    for account in (existing, "NOBODY", ours.access.account.lower(), "%00"):
        for method, path in (("GET", "/Imports"), ("POST", "/Import"), ("GET", "/Import/1/Status")):
            url = f"{BASE}/Async/{account}{path}"
            check_problem(ours.http.request(method, url), 404, "Account.NotFound")
            bad = {"Authorization": "Bearer x"}
            check_problem(ours.http.request(method, url, headers=bad), 401, "Auth.TokenInvalid")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/Import", {"POST"}),
        ("PUT", "/Import/1/Stage", {"POST"}),
        ("POST", "/Import/1/Status", {"GET"}),
        ("HEAD", "/Import", {"POST"}),
        ("PUT", "/Imports", {"GET", "HEAD"}),
        ("PATCH", "/Imports", {"GET"}),
        ("DELETE", "/Imports/1", {"GET"}),
    ],
)
def test_another_method_is_405_and_says_which_there_are(
    ours: WireClient, method: str, path: str, allowed: set[str]
) -> None:
    """405: as HTTP has it."""
    answer = ours.http.request(method, ours.imports + path)
    if method == "HEAD":
        assert (answer.status_code, answer.content) == (405, b"")
    else:
        check_problem(answer, 405, "Request.UnknownMethod")
    assert allowed <= {name.strip() for name in answer.headers["allow"].split(",")}


def test_an_accept_that_fits_nothing_is_406_and_nothing_is_done(ours: WireClient) -> None:
    """406: as HTTP has it."""
    html = {"Accept": "text/html"}
    answer = ours.http.post(f"{ours.imports}/Import", json={"Name": "n"}, headers=html)
    check_problem(answer, 406, "Request.NotAcceptable")
    token = ours.prepare([person(1)])
    check_problem(ours.http.post(ours.path(token, "Execute"), headers=html), 406, "Request.NotAcceptable")
    assert require(ours.try_list())["Count"] == 1
    assert ours.status(token)["Status"] == "Staging"
    assert ours.http.get(ours.path(token, "Status"), headers={"Accept": "application/*"}).status_code == 200


def test_an_initiate_of_another_media_type_is_415(ours: WireClient) -> None:
    """415: media type … not supported."""
    answer = ours.http.post(f"{ours.imports}/Import", content=b"Name=n", headers={"Content-Type": "text/plain"})
    check_problem(answer, 415, "Request.UnsupportedMediaType")


def test_no_answer_is_kept_on_the_way_and_each_has_a_request_id(ours: WireClient) -> None:
    """Structured logs with a request id."""
    for answer in (ours.try_list(), ours.try_status(1)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]
    sent = ours.http.get(f"{ours.imports}/Imports", headers={"X-Request-Id": "mine-7"})
    assert sent.headers["x-request-id"] == "mine-7"


def test_no_stack_trace_no_sql_no_secret(ours: WireClient) -> None:
    """No stack trace, no SQL, no secret, ever."""
    strange = ("'; DROP TABLE import; --", "\0", "🎈", "%s", "{}", "1 OR 1=1")
    answers = [ours.try_list(cursor=text) for text in strange]
    answers += [ours.try_find(alternateIdType=text, alternateId=text) for text in strange]
    answers += [ours.http.get(f"{ours.imports}/Import/{index}x/Status") for index in range(3)]
    answers += [ours.try_initiate({"Name": "n", "MatchCriteria": "AlternateIdType", "MatchValue": t}) for t in strange]
    for answer in answers:
        problem = check_problem(answer, answer.status_code, answer.json()["code"])
        assert 400 <= problem["status"] < 500
        for word in ("Traceback", "psycopg", "SELECT", "site-packages", ours.access.client_secret):
            assert word not in answer.text


# A server of its own: another base path, two workers, a database that goes away


@pytest.fixture(scope="module")
def own(engine: str, template: str) -> Iterator[RunningServer]:
    """A server with two workers under /consents. Its database may be broken."""
    environment = {"CONSENTORY_BASE_PATH": "/consents"}
    server = RunningServer(create_database(engine, template), workers=2, environment=environment)
    server.start()
    yield server
    server.stop()


@pytest.mark.processes
def test_the_base_path_is_configurable(own: RunningServer) -> None:
    """Every call that names a clientId is under a configurable base path; the others stand at the root."""
    with WireClient(own.create_account()) as client:
        client.imports = f"/consents/Async/{client.access.account}"
        client.account = f"/consents/{client.access.account}"
        assert client.run([person(1)])["Created"] == 1
        assert require(client.try_find(emailAddress="c1@example.com"))["Count"] == 1
        check_problem(client.http.get(f"{BASE}/Async/{client.access.account}/Imports"), 404, "Request.UnknownAddress")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert httpx.get(own.url + path).status_code == 200
    assert "/consents/Async/{clientId}/Import" in httpx.get(f"{own.url}/schema/openapi.json").json()["paths"]


@pytest.mark.processes
def test_imports_of_different_accounts_run_side_by_side(own: RunningServer) -> None:
    """Those of different accounts run side by side."""
    with WireClient(own.create_account()) as ours, WireClient(own.create_account()) as theirs:
        for client in (ours, theirs):
            client.imports = f"/consents/Async/{client.access.account}"
        crm = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
        ours.run([person(1)], **crm)
        token = ours.prepare([person(1, ProfileTags=[{"Name": "new"}])], **crm)
        with psycopg.connect(own.database_url) as holder:
            holder.execute("SELECT FROM profile WHERE account_id = %s FOR UPDATE", (ours.access.account_id,))
            require(ours.call(token, "Execute"))
            wait_for(lambda: ours.status(token)["Status"], lambda status: status == "Processing")
            assert theirs.run([person(1)])["Created"] == 1
            assert ours.status(token)["Status"] == "Processing"
        assert ours.wait(token)["Updated"] == 1


@pytest.mark.processes
def test_an_unexpected_error_is_503_with_a_reference_into_the_log(own: RunningServer) -> None:
    """503: a fault that nobody foresaw (Server.Unexpected, with a reference into the log). No stack trace, ever."""
    with WireClient(own.create_account()) as client:
        broken = "INSERT INTO configuration (account_id, revision, document) VALUES (%s, 2, '{\"secret\": 1}')"
        client.change(broken, client.access.account_id)
        client.change("UPDATE account SET revision = 2 WHERE account_id = %s", client.access.account_id)
        url = f"/consents/Async/{client.access.account}/Imports"
        answer = client.http.get(url, headers={"X-Request-Id": "ref-4711"})
        assert "ref-4711" in check_problem(answer, 503, "Server.Unexpected")["detail"]
        assert "secret" not in answer.text
        assert "ref-4711" in own.log.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.processes
def test_a_database_that_cannot_be_reached_is_503_with_retry_after(own: RunningServer, engine: str) -> None:
    """503: the database cannot be reached (Server.Unavailable, with Retry-After; nothing was done).

    (The last test of its server: the database is closed to everybody, and opened again.)
    """
    name = psycopg.conninfo.conninfo_to_dict(own.database_url)["dbname"]
    with WireClient(own.create_account()) as client, psycopg.connect(engine, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            url = f"/consents/Async/{client.access.account}/Import"
            answers = at_once(
                lambda: client.http.post(url, json={"Name": "n"}), lambda: httpx.get(f"{own.url}/readyz", timeout=30)
            )
            for answer in answers:
                check_problem(answer, 503, "Server.Unavailable")
                assert int(answer.headers["retry-after"]) > 0
            assert httpx.get(f"{own.url}/healthz").status_code == 200
        finally:
            owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        again = wait_for(lambda: client.http.post(url, json={"Name": "n"}), lambda given: given.status_code == 200)
        assert again.json()["Status"] == "Initiated"
