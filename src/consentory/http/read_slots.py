"""How many costly reads of one account are under way at once: they must not hold up the calls of the others.

A call is costly when its work grows with what an account has stored: exceptions, history, audit trail, tags. Its route
says so with `opt={"is_costly": True}`.
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
"""Costly reads of one account in one server process; the next ones wait, and occupy no thread meanwhile."""
WAITING_AN_ACCOUNT = 16
PATIENCE = 20.0
"""Seconds to wait for a turn."""
RETRY_SECONDS = 10


class ReadSlots:
    """The turns of one process. Used in one event loop."""

    def __init__(self) -> None:
        self._slots: WeakValueDictionary[int, _Slot] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, account_id: int) -> AsyncIterator[None]:
        """Have one of the account's turns. Raises RequestRefused, too_many."""
        slot = self._slots.setdefault(account_id, _Slot())
        await slot.enter()
        try:
            yield
        finally:
            slot.turns.release()


class _Slot:
    """Of one account."""

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
    """The middleware behind the gate: a costly call has its turn until the end of its answer, a streamed one too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold a turn around a costly call."""
        caller: Any = scope.get("user")
        if not scope["route_handler"].opt.get("is_costly") or not isinstance(caller, Caller):
            await self._app(scope, receive, send)
            return
        slots: ReadSlots = scope["litestar_app"].state.read_slots
        async with slots.hold(caller.account_id):
            await self._app(scope, receive, send)
