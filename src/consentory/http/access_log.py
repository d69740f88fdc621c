"""One log line and one count for every request. The line has the route, and never the query, the token or the body."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from consentory.errors import trace_error
from consentory.http.request_metrics import count_request

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOISE = frozenset(("/healthz", "/readyz", "/metrics"))
"""Paths that machines request every few seconds. They are logged only at level debug."""
_UNMATCHED = "(no route)"
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"server", b"consentory"),
)
_TLS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_PARAMETER_TYPE = re.compile(r":\w+\}")

_LOG = structlog.get_logger("consentory.api")


class AccessLogMiddleware:
    """Wraps the whole application: gives each request an id, and logs the result of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _choose_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_make_headers(scope, message["headers"])]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            finally:
                _write(scope, status, time.perf_counter() - started)


def note_import(scope: Scope, import_id: object) -> None:
    """Name an import in the request's log line."""
    scope["state"]["import_id"] = str(import_id)


def name_request(scope: Any) -> Any:
    """A logger that names the request, for log lines before the request's end."""
    return _LOG.bind(request_id=_id_of(scope), method=scope["method"], route=_route_of(scope))


def log_unexpected(scope: Any, error: Exception) -> str:
    """Log an unexpected error; returns the reference under which the log has the error."""
    kinds, places = trace_error(error)
    name_request(scope).error("unexpected", error=kinds, places=places)
    return _id_of(scope)


def _id_of(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


def _choose_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text = given.decode("latin-1")
    return text if _GIVEN_ID.fullmatch(text) else uuid4().hex


def _route_of(scope: Scope) -> str:
    template = scope.get("path_template")
    return _PARAMETER_TYPE.sub("}", template) if template else _UNMATCHED


def _make_headers(scope: Scope, given: Any) -> list[tuple[bytes, bytes]]:
    """The headers of an answer. Answers contain personal data, so no cache may keep them, no intermediary may change
    them, and no page may embed them.

    A header that a route sets itself stays.
    """
    said = {name for name, _ in given}
    headers = [(name, value) for name, value in _SECURITY if name not in said]
    if scope["scheme"] == "https":
        headers.append(_TLS_ONLY)
    return [(b"x-request-id", _id_of(scope).encode()), *headers]


def _write(scope: HTTPScope, status: int, seconds: float) -> None:
    """Log the request. `status` is 0 if the connection was lost before the answer began."""
    route = _route_of(scope)
    known = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH") else "?"
    count_request(known, route, status, seconds)
    log = name_request(scope)
    import_id = scope["state"].get("import_id")
    if import_id is not None:
        log = log.bind(import_id=import_id)
    (log.debug if route in _NOISE else log.info)("request", status=status, ms=round(seconds * 1000, 1))
