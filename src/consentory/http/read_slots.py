"""Limit the number of concurrent expensive reads of one account, so that they do not delay the calls of other accounts.

A call is expensive if its work grows with the data that an account has stored: exceptions, history, audit trail, tags.
The route of such a call has `opt={"is_costly": True}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

from litestar.types import ASGIApp, Receive, Scope, Send

from consentory.domain.caller import Caller
from consentory.errors import RequestRefused

AT_ONCE_AN_ACCOUNT = 2
"""Expensive reads of one account in one server process at the same time. Further reads wait and use no thread while
they wait."""
WAITING_AN_ACCOUNT = 16
PATIENCE = 20.0
"""Seconds to wait for a slot."""
RETRY_SECONDS = 10


class ReadSlots:
    """The slots of one process. Used in one event loop."""

    def __init__(self) -> None:
        self._slots: WeakValueDictionary[int, _Slot] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, account_id: int) -> AsyncIterator[None]:
        """Hold one of the account's slots. Raises RequestRefused, too_many."""
        slot = self._slots.setdefault(account_id, _Slot())
        await slot.enter()
        try:
            yield
        finally:
            slot.turns.release()


class _Slot:
    """The slots of one account."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(AT_ONCE_AN_ACCOUNT)
        self._waiting = 0

    async def enter(self) -> None:
        if self.turns.locked() and self._waiting >= WAITING_AN_ACCOUNT:
            raise _make_refusal()
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self.turns.acquire()
        except TimeoutError:
            raise _make_refusal() from None
        finally:
            self._waiting -= 1


def _make_refusal() -> RequestRefused:
    detail = (
        f"{AT_ONCE_AN_ACCOUNT} large reads of this account are under way here, and others wait already."
        f" Send this request again after {RETRY_SECONDS} seconds, and fewer of them at once."
    )
    return RequestRefused("too_many", "Read.TooManyAtOnce", detail, retry_after=RETRY_SECONDS)


class CostlyReads:
    """The middleware after the authentication. An expensive call holds its slot until its answer, or its stream,
    ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold a slot during an expensive call."""
        caller: Any = scope.get("user")
        if not scope["route_handler"].opt.get("is_costly") or not isinstance(caller, Caller):
            await self._app(scope, receive, send)
            return
        slots: ReadSlots = scope["litestar_app"].state.read_slots
        async with slots.hold(caller.account_id):
            await self._app(scope, receive, send)
