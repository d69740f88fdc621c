"""Limit the number of batches that are staged at the same time, so that one account does not block the calls of other
accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from consentory.http.account_slots import AccountSlots

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")

AT_ONCE = 4
"""Batches that one server process validates at the same time, each in a stage process."""
AT_ONCE_AN_ACCOUNT = 2
"""The same limit for one account."""
SLOTS_AN_ACCOUNT = 8
"""Batches of one account that are read, wait for validation or are validated. Further batches are not read yet."""


class StageSlots(AccountSlots):
    """The slots and threads of one process. A slot is held while the batch is in memory."""

    def __init__(self) -> None:
        super().__init__(
            SLOTS_AN_ACCOUNT,
            "Stage.TooManyAtOnce",
            f"The account stages {SLOTS_AN_ACCOUNT} batches here already; send this one again later.",
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, "stage")
        self._turns: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def run(
        self,
        account_id: int,
        work: Callable[ParametersT, ResultT],
        *arguments: ParametersT.args,
        **options: ParametersT.kwargs,
    ) -> ResultT:
        """The result of `work`, run in a thread of this class. `work` waits for a stage process, so it must not use the
        threads of other calls."""
        context = copy_context()
        loop = asyncio.get_running_loop()
        permit = self._turns.setdefault(account_id, asyncio.Semaphore(AT_ONCE_AN_ACCOUNT))
        await permit.acquire()
        done = loop.run_in_executor(self._threads, lambda: context.run(work, *arguments, **options))
        # If the client disconnects, the waiting is cancelled and the thread is not. The permit lasts until the thread
        # is done.
        done.add_done_callback(lambda _: permit.release())
        return await asyncio.shield(done)
