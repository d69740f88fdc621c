"""Requests that HTTP allows and that the routes must not get: HEAD, headers without a size limit, encoded slashes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from consentory.config import HEAD_BYTES
from consentory.http.problems import PROBLEM_JSON, make_problem


class RequestForm:
    """Wraps the application. Refuses a request whose line and headers are too large, and a path with an encoded slash.

    HEAD is answered at every path with a GET: like GET, without the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
        elif _measure_head(scope) > HEAD_BYTES:
            detail = f"The request's line and headers are larger than {HEAD_BYTES:,} bytes; send fewer or shorter ones."
            await _refuse(send, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Request.HeadTooLarge", detail)
        elif b"%2f" in scope["raw_path"].lower():
            # An encoded slash is part of a name (RFC 3986, 2.2) and must not separate two names. No name here contains
            # a slash.
            detail = "The address does not exist: no name in a path contains a slash (%2F)."
            await _refuse(send, HTTPStatus.NOT_FOUND, "Request.UnknownAddress", detail)
        elif scope["method"] == "HEAD":
            await _HeadOnly(send).run(self._app, scope, receive)
        else:
            await self._app(scope, receive, _allowing_head(send))


class _HeadOnly:
    """Answers HEAD with the headers of the answer to GET."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._answered = asyncio.Event()

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        async def receive_until_answered() -> Any:
            # A streamed answer listens here for the end of the connection. The stream of progress has no other end.
            received, answered = asyncio.ensure_future(receive()), asyncio.ensure_future(self._answered.wait())
            try:
                await asyncio.wait((received, answered), return_when=asyncio.FIRST_COMPLETED)
                return received.result() if received.done() else {"type": "http.disconnect"}
            finally:
                received.cancel()
                answered.cancel()

        scope["method"] = "GET"  # type: ignore[typeddict-unknown-key]
        try:
            await app(scope, receive_until_answered, self._pass_head)
        finally:
            scope["method"] = "HEAD"  # type: ignore[typeddict-unknown-key]

    async def _pass_head(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self._answered.set()


def _allowing_head(send: Send) -> Send:
    """Adds HEAD to the Allow header of a 405 if the header has GET."""

    async def send_allowing(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
            message["headers"] = [_allow_head(name, value) for name, value in message["headers"]]
        await send(message)

    return send_allowing


def _allow_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    methods = {method.strip() for method in value.split(b",")}
    if name.lower() == b"allow" and b"GET" in methods:
        value = b", ".join(sorted(methods | {b"HEAD"}))
    return name, value


def _measure_head(scope: HTTPScope) -> int:
    """Bytes of the request's line and headers, in the form of HTTP/1.1."""
    query = len(scope["query_string"])
    line = len(scope["method"]) + len(scope["raw_path"]) + query + (query > 0) + len("  HTTP/1.1\r\n\r\n")
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])


async def _refuse(send: Send, status: HTTPStatus, code: str, detail: str) -> None:
    body = msgspec.json.encode(make_problem(status, code, detail, []))
    headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
