"""How many batches are taken in at once: what one account stages must not starve the calls of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")

THREADS = 4
"""Batches unpacked and validated at once in a process: each takes a core and up to some 200 MB."""
LANES_AN_ACCOUNT = 8
"""Batches of one account that are read or wait to be validated at once; the next are not read yet."""


class StageLanes:
    """The places and threads of one process. Used in one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "stage")
        self._lanes: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    def of_account(self, account_id: int) -> asyncio.Semaphore:
        """The account's lanes; hold one while a batch is in memory."""
        return self._lanes.setdefault(account_id, asyncio.Semaphore(LANES_AN_ACCOUNT))

    async def run(
        self, work: Callable[ParametersT, ResultT], *arguments: ParametersT.args, **options: ParametersT.kwargs
    ) -> ResultT:
        """The result of `work`, done in a thread of these and not of those that the other calls use."""
        context = copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: context.run(work, *arguments, **options))
