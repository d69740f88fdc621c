"""A body that comes too slowly ends its request: a client cannot hold a connection with a byte a second."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consentory.errors import RequestRefused

GRACE_SECONDS = 20.0
"""A body may take so long whatever its size, and beyond it what its bytes take at the least pace."""
LEAST_BYTES_A_SECOND = 10_000


class BodyPace:
    """Wraps the application: what it receives must keep up with a least pace, until the body is complete."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        paced = _PacedReceive(receive) if scope["type"] == ScopeType.HTTP else receive
        await self._app(scope, paced, send)


class _PacedReceive:
    """An ASGI `receive`. Raises RequestRefused, invalid, for a body that is too slow or cut off."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._deadline = 0.0
        """Zero before the first piece is asked for: the application may do something else until then."""
        self._complete = False

    async def __call__(self) -> Any:
        if self._complete:
            return await self._receive()
        now = time.monotonic()
        self._deadline = self._deadline or now + GRACE_SECONDS
        try:
            async with asyncio.timeout(self._deadline - now):
                message: Any = await self._receive()
        except TimeoutError:
            raise RequestRefused(
                "invalid",
                "Request.TooSlow",
                f"The body came in slower than {LEAST_BYTES_A_SECOND:,} bytes a second; send smaller batches.",
            ) from None
        if message["type"] == "http.disconnect":
            raise RequestRefused("invalid", "Request.CutOff", "The connection was lost before the body was complete.")
        self._deadline += len(message.get("body", b"")) / LEAST_BYTES_A_SECOND
        self._complete = not message.get("more_body", False)
        return message
