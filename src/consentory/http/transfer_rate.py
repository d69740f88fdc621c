"""Require a minimum transfer rate of a request's body, and read the rest of the body before the answer begins."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from consentory.errors import RequestRefused

GRACE_SECONDS = 20.0
"""Every body may take this time. Beyond this time a body may take the time that its bytes need at the minimum rate."""
LEAST_BYTES_A_SECOND = 10_000
DROPPED_BYTES = 64 * 1024 * 1024
DROPPED_SECONDS = 60.0
"""The rest of an unread body is read and dropped, up to these limits. A client does not see an answer while the client
still sends. A client also sees no answer if the connection is closed under its next request (RFC 9112, 9.6)."""


class MinimumTransferRate:
    """Wraps the application. The body must arrive at a minimum rate until the body is complete.

    The answer waits for the rest of a body that the application did not read. The answer has `Connection: close` if the
    rest is too large, too slow, or held back by the client (`Expect: 100-continue`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        body = _RatedBody(receive, scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not await body.drop_rest():
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, body.receive, answer)


class _RatedBody:
    """The body of one request."""

    def __init__(self, receive: Receive, scope: HTTPScope) -> None:
        headers = dict(scope["headers"])
        self._receive = receive
        self._deadline = 0.0
        """Zero until the first piece is requested. Until then the application may do other work."""
        self._complete = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        self._droppable = b"expect" not in headers

    async def receive(self) -> Any:
        """Receive, as in ASGI. Raises RequestRefused, invalid, for a body that is too slow or cut off."""
        if self._complete:
            return await self._receive()
        now = time.monotonic()
        self._deadline = self._deadline or now + GRACE_SECONDS
        try:
            async with asyncio.timeout(self._deadline - now):
                message: Any = await self._receive()
        except TimeoutError:
            self._droppable = False
            raise RequestRefused(
                "invalid",
                "Request.TooSlow",
                f"The body came in slower than {LEAST_BYTES_A_SECOND:,} bytes a second; send smaller batches.",
            ) from None
        if message["type"] == "http.disconnect":
            self._droppable = False
            raise RequestRefused("invalid", "Request.CutOff", "The connection was lost before the body was complete.")
        self._droppable = True
        self._deadline += len(message.get("body", b"")) / LEAST_BYTES_A_SECOND
        self._complete = not message.get("more_body", False)
        return message

    async def drop_rest(self) -> bool:
        """Read and drop the rest of the body; False if some of the rest did not come."""
        dropped, ends = 0, time.monotonic() + DROPPED_SECONDS
        while not self._complete and self._droppable and dropped < DROPPED_BYTES and time.monotonic() < ends:
            try:
                dropped += len((await self.receive()).get("body", b""))
            except RequestRefused:
                break
        return self._complete
