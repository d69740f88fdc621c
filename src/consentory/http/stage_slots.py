"""How many batches are taken in at once: what one account stages must not starve the calls of the others."""

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
"""Batches validated at once for one server process, each in a stage process."""
AT_ONCE_AN_ACCOUNT = 2
"""And of one account."""
SLOTS_AN_ACCOUNT = 8
"""Batches of one account that are read, wait to be validated or are: the next are not read yet."""


class StageSlots(AccountSlots):
    """The places and threads of one process. A slot is held while the batch is in memory."""

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
        """The result of `work`, done in a thread of these and not of those that the other calls use, which waits for a
        stage process."""
        context = copy_context()
        loop = asyncio.get_running_loop()
        permit = self._turns.setdefault(account_id, asyncio.Semaphore(AT_ONCE_AN_ACCOUNT))
        await permit.acquire()
        done = loop.run_in_executor(self._threads, lambda: context.run(work, *arguments, **options))
        # A client that goes away cancels the waiting, not the thread: the turn lasts until that is done.
        done.add_done_callback(lambda _: permit.release())
        return await asyncio.shield(done)
