"""The steps that each process of a tree takes at its start. Imports little: stage processes are to be small."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from consentory.store.embedded.parent_death import end_with_parent

PARENT_VARIABLE = "CONSENTORY_PARENT"
"""The process id of the parent that a child of the tree belongs to: it ends when that one does."""
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_M_ARENA_MAX, _M_TRIM_THRESHOLD = -8, -1
"""Of mallopt(3)."""


def die_with_parent() -> None:
    """Ask for SIGTERM when the parent ends.

    The parent says its number itself. In a container it may be process 1, which otherwise inherits orphans.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return
    if not end_with_parent(int(parent), signal.SIGTERM):
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C end the block, also while it waits for a lock, until the block handles them by itself.

    Process 1 of a container needs a handler: Linux withholds from it every signal that has none.
    """

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    for number in _STOP_SIGNALS:
        signal.signal(number, end)
    with suppress(KeyboardInterrupt):
        yield


def tune_garbage_collector() -> None:
    """Let Python's cycle collector run seldom: batches and chunks are large, and hold no cycles.

    Records and bodies are outside its reach anyway (gc=False); measured: merge 45 -> 34 us a record.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def return_memory() -> None:
    """Let the C library (glibc) give memory back once a large body is done with.

    Each thread has an arena of its own otherwise, and what is free in one is of no use to the others: after the bodies
    of tests/resilience/test_attacks.py a server process kept 690 MB, with this 430.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_TRIM_THRESHOLD, 1_000_000)
