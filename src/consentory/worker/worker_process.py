"""The loops of a worker process, started and stopped together."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event, Thread
from typing import Protocol

from consentory.worker.chunk_loop import ImportWorker


class Loop(Protocol):
    """A loop that works until the worker stops."""

    def run(self) -> None: ...


def run_loops(worker: ImportWorker, others: Mapping[str, Loop], stop: Event) -> None:
    """Work until `stop` is set: the chunk loop in this thread, each other loop in a thread of its own, by its name."""
    beside = [Thread(target=loop.run, name=name) for name, loop in others.items()]
    for thread in beside:
        thread.start()
    try:
        worker.run()
    finally:
        stop.set()
        for thread in beside:
            thread.join()
