"""The body of a request keeps a least pace, and is out of the way before its answer begins."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from consentory.errors import RequestRefused

GRACE_SECONDS = 20.0
"""A body may take so long whatever its size, and beyond it what its bytes take at the least pace."""
LEAST_BYTES_A_SECOND = 10_000
DROPPED_BYTES = 64 * 1024 * 1024
DROPPED_SECONDS = 60.0
"""So much of a body that nobody read is taken and dropped, for so long: a client that is still sending sees no answer,
and a connection that is closed under its next request sees none either (RFC 9112, 9.6)."""


class MinimumTransferRate:
    """Wraps the application: what it receives must keep up with a least pace until the body is complete.

    An answer waits for the rest of a body that the application did not read. Where that is too much, too slow or not
    sent before the client is told to (`Expect: 100-continue`), the answer says `Connection: close`.
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
        """Zero before the first piece is asked for: the application may do something else until then."""
        self._complete = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        self._droppable = b"expect" not in headers

    async def receive(self) -> Any:
        """As ASGI has it. Raises RequestRefused, invalid, for a body that is too slow or cut off."""
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
        """Take what is left of the body; False when not all of it came."""
        dropped, ends = 0, time.monotonic() + DROPPED_SECONDS
        while not self._complete and self._droppable and dropped < DROPPED_BYTES and time.monotonic() < ends:
            try:
                dropped += len((await self.receive()).get("body", b""))
            except RequestRefused:
                break
        return self._complete
