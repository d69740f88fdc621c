"""Refusals: one shape for the whole API (import-api.md, "Refusals"), and the log lines about them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from litestar import Litestar, get
from litestar.params import FromPath
from litestar.testing import RequestFactory, TestClient
from offline_app import make_app
from waiting import await_true

from consentory.errors import ErrorDetail, RefusalKind, RequestRefused, StoreRefused, StoreUnavailable
from consentory.http.access_log import AccessLogMiddleware
from consentory.http.media_types import CSV, JSON, NDJSON, choose_answer
from consentory.http.problems import EXCEPTION_HANDLERS, NotAcceptable

SECRET = "zoe@example.com"


@get("/refused/{kind:str}", sync_to_thread=False)
def refuse(kind: FromPath[RefusalKind]) -> None:
    errors = [ErrorDetail("Code.A", "$.A", "a"), ErrorDetail("Code.B", "$.B", "b")] if kind == "invalid" else []
    wait = 7 if kind == "too_many" else None
    raise RequestRefused(
        kind, "Code.Stable", "What was wrong.", errors=errors, retry_after=wait, headers={"X-More": "1"}
    )


@get("/broken/{what:str}", sync_to_thread=False)
def break_down(what: FromPath[str]) -> None:
    if what == "away":
        raise StoreUnavailable("OperationalError 08006")
    try:
        raise ValueError(f"Key (value)=({SECRET}) already exists")
    except ValueError as error:
        raise StoreRefused("23505", "alternate_key_pkey") from error


@pytest.fixture
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [refuse, break_down], exception_handlers=EXCEPTION_HANDLERS, logging_config=None, openapi_config=None
    )
    app.asgi_handler = AccessLogMiddleware(app.asgi_handler)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid", 400),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("conflict", 409),
        ("gone", 410),
        ("too_large", 413),
        ("unsupported", 415),
        ("too_many", 429),
    ],
)
def test_every_kind_of_refusal_has_its_status_and_the_one_shape(
    client: TestClient[Litestar], kind: str, status: int
) -> None:
    answer = client.get(f"/refused/{kind}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-more"] == "1"
    problem = answer.json()
    assert {key: problem[key] for key in ("status", "detail", "code")} == {
        "status": status,
        "detail": "What was wrong.",
        "code": "Code.Stable",
    }
    assert problem["type"]
    assert problem["title"]


def test_several_faults_are_listed(client: TestClient[Litestar]) -> None:
    assert client.get("/refused/invalid").json()["errors"] == [
        {"code": "Code.A", "path": "$.A", "message": "a"},
        {"code": "Code.B", "path": "$.B", "message": "b"},
    ]


def test_a_401_challenges_and_a_429_says_how_long(client: TestClient[Litestar]) -> None:
    assert client.get("/refused/unauthorized").headers["www-authenticate"].startswith("Bearer")
    assert client.get("/refused/too_many").headers["retry-after"] == "7"


def test_a_database_that_is_away_is_503_with_retry_after(client: TestClient[Litestar]) -> None:
    answer = client.get("/broken/away")
    assert (answer.status_code, answer.json()["code"]) == (503, "Server.Unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_an_unexpected_error_is_503_with_a_reference_into_the_log(client: TestClient[Litestar]) -> None:
    answer = client.get("/broken/down", headers={"X-Request-Id": "my-id.7"})
    assert (answer.status_code, answer.json()["code"]) == (503, "Server.Unexpected")
    assert "my-id.7" in answer.json()["detail"]
    assert answer.headers["x-request-id"] == "my-id.7"


def test_the_log_of_an_unexpected_error_has_places_and_no_texts(client: TestClient[Litestar]) -> None:
    output = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(output),
    )
    try:
        client.get(f"/broken/down?emailAddress={SECRET}")
        await_true(lambda: output.getvalue().count("\n") >= 2)  # the line is written after the answer was sent
    finally:
        structlog.configure(**before)
    unexpected, request = (json.loads(line) for line in output.getvalue().splitlines())
    assert unexpected["error"] == [
        "consentory.errors.StoreRefused SQLSTATE 23505 alternate_key_pkey",
        "builtins.ValueError",
    ]
    assert any(place.startswith("test_api_problems.break_down:") for place in unexpected["places"])
    assert (request["method"], request["route"], request["status"]) == ("GET", "/broken/{what}", 503)
    assert SECRET not in output.getvalue()


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\u00e9"])
def test_a_request_id_that_could_disturb_the_log_is_replaced(client: TestClient[Litestar], given: str) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": given.encode("latin-1")})
    assert answer.headers["x-request-id"] not in ("", given)


def test_answers_are_kept_by_nobody_on_the_way(client: TestClient[Litestar]) -> None:
    assert client.get("/nowhere").headers["cache-control"] == "no-store"


def test_unknown_addresses_and_methods_have_the_one_shape() -> None:
    with TestClient(make_app()) as client:
        nowhere, wrong = client.get("/nowhere"), client.post("/healthz")
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, "Request.UnknownAddress")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "Request.UnknownMethod")
        assert "GET" in wrong.headers["allow"]
        assert {nowhere.headers["content-type"], wrong.headers["content-type"]} == {"application/problem+json"}


def test_a_server_without_a_database_is_alive_but_not_ready() -> None:
    with TestClient(make_app()) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json()["code"] == "Server.Unavailable"
        assert client.get("/metrics").status_code == 200
        asked = client.post("/oauth2/token", data={"client_id": "a" * 24, "client_secret": "b"})
        assert (asked.status_code, asked.json()["code"]) == (503, "Server.Unavailable")


def test_a_call_without_credentials_is_401_before_anything_is_read() -> None:
    with TestClient(make_app()) as client:
        for authorization, code in ((None, "Auth.Missing"), ("Digest x", "Auth.SchemeUnknown")):
            headers = {"Authorization": authorization} if authorization else {}
            answer = client.post("/Profiles/v4/Async/ACME/Import?x=1", headers=headers, content=b"no json")
            assert (answer.status_code, answer.json()["code"]) == (401, code)
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/*", JSON),
        ("text/csv", CSV),
        ("TEXT/*", CSV),
        ("application/x-ndjson", NDJSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/json;q=0, */*", NDJSON),
        ("text/html, */*;q=0.1", JSON),
        ("application/json; charset=utf-8", JSON),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
    ],
)
def test_accept_is_read_as_http_has_it(accept: str | None, chosen: str | None) -> None:
    request = RequestFactory().get("/", headers={} if accept is None else {"Accept": accept})
    if chosen is None:
        with pytest.raises(NotAcceptable):
            choose_answer(request, (JSON, NDJSON, CSV))
    else:
        assert choose_answer(request, (JSON, NDJSON, CSV)) == chosen
