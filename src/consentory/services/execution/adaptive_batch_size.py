"""How much a step of execution takes on, and which imports are passed over after a failure (execution.md, "While it
runs")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

FIRST_SLICE_RECORDS = 500
SLICE_SECONDS = 0.15
"""A step, which is one transaction, is sized towards this: everyday writes do not wait for an import."""

QUARANTINE_SECONDS = 60.0
"""How long an import that broke for a reason nobody foresaw is passed over, before it is tried again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 60.0
"""How long an import is passed over whose step failed for what is not the data's fault: twice as long each time."""
PAUSE_RATIO = 2.0
"""Nor is it passed over for less than so many times the seconds that the step took."""

MOST_REMEMBERED = 100
"""Imports whose failures are remembered."""


class SliceResult(NamedTuple):
    """The result of a slice: the records that it counted, and the number that it applied. `was_cut`: more were left."""

    records: int
    applied: int
    was_cut: bool


class AdaptiveBatchSize:
    """How many records a step looks at, and how many of them it may apply: sized by what the last steps took.

    Passing a record by takes a sixth of the time of applying it, and the next ones may be all of one kind.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = self.pending = min(FIRST_SLICE_RECORDS, most)

    def observe(self, done: SliceResult, seconds: float) -> None:
        """Size the next step by what this one took."""
        factor = min(2.0, max(0.5, SLICE_SECONDS / max(seconds, 0.001)))
        if done.applied >= self.pending // 2:
            self.pending = max(1, min(self._most, round(self.pending * factor)))
        if done.was_cut or done.records >= self.records // 2:
            self.records = max(1, min(self._most, round((done.records if done.was_cut else self.records) * factor)))

    def make_smaller(self, tried: int) -> AdaptiveBatchSize:
        """The pace of the next try, after one of at most `tried` records failed."""
        smaller = AdaptiveBatchSize(self._most)
        smaller.records = max(1, min(self.records, tried) // 2)
        smaller.pending = max(1, min(self.pending, tried) // 2)
        return smaller


@dataclass(slots=True)
class _FailedImport:
    until: float
    pause: float
    batch_size: AdaptiveBatchSize | None


class Backoff:
    """Imports whose last try failed in this process: each waits for a while, so that the others go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[UUID, _FailedImport] = {}

    def back_off(self, import_id: UUID, took: float, batch_size: AdaptiveBatchSize | None = None) -> float:
        """Pass an import over for a while that doubles from failure to failure; the seconds.

        `took`: the seconds of the try that failed. The pause is longer, so that most of the time is the others'.
        """
        before = self._known.get(import_id)
        pause = FIRST_PAUSE if before is None else min(before.pause * 2, LONGEST_PAUSE)
        pause = max(pause, PAUSE_RATIO * took)
        self.quarantine(import_id, pause, batch_size)
        return pause

    def quarantine(self, import_id: UUID, seconds: float, batch_size: AdaptiveBatchSize | None = None) -> None:
        """Pass an import over from now on; its next try is of this pace."""
        self._known.pop(import_id, None)
        while len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[import_id] = _FailedImport(self._clock() + seconds, seconds, batch_size)

    def find_batch_size(self, import_id: UUID) -> AdaptiveBatchSize | None:
        """The pace of an import that failed and is not yet well again; None: it goes as the others do."""
        known = self._known.get(import_id)
        return None if known is None else known.batch_size

    def observe_success(self, import_id: UUID, *, is_recovered: bool) -> None:
        """The last try did not fail; `is_recovered`: nor is there anything to remember any more."""
        known = self._known.get(import_id)
        if known is not None and is_recovered:
            del self._known[import_id]
        elif known is not None:
            known.until, known.pause = 0.0, FIRST_PAUSE

    def list_waiting(self) -> list[UUID]:
        """Those whose time is not over."""
        now = self._clock()
        return [import_id for import_id, known in self._known.items() if known.until > now]
