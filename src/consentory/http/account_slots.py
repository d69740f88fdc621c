"""Limit the number of concurrent calls of one kind per account and process, because each such call holds memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from consentory.errors import RequestRefused

PATIENCE = 60.0
"""Seconds to wait for a slot."""
RETRY_SECONDS = 10


class AccountSlots:
    """Concurrency slots of each account in one event loop. A call that waits too long is refused with a code and its
    detail."""

    def __init__(self, slots: int, code: str, detail: str, patience: float = PATIENCE) -> None:
        self._count = slots
        self._patience = patience
        self._code = code
        self._detail = detail
        self._slots: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, account_id: int) -> AsyncIterator[None]:
        """Hold one of the account's slots. Raises RequestRefused, too_many."""
        slot = self._slots.setdefault(account_id, asyncio.Semaphore(self._count))
        try:
            async with asyncio.timeout(self._patience):
                await slot.acquire()
        except TimeoutError:
            raise RequestRefused("too_many", self._code, self._detail, retry_after=RETRY_SECONDS) from None
        try:
            yield
        finally:
            slot.release()
