"""The loops of a worker process, started and stopped together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import Protocol


class Loop(Protocol):
    """A loop that works until the worker stops."""

    def run(self) -> None: ...


def run_loops(loops: Sequence[Loop], stop: Event) -> None:
    """Work until `stop` is set, each loop in a thread of its own.

    Raises the error that ended a loop. Then the other loops have ended too: a worker of which a part is gone would keep
    imports waiting, and a worker that ends is started again.
    """
    with ThreadPoolExecutor(len(loops), "loop") as threads:
        running = [threads.submit(loop.run) for loop in loops]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    for ended in done:
        ended.result()
