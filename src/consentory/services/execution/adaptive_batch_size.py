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
    tasks: int
    was_cut: bool


class AdaptiveBatchSize:
    """How many records a step looks at, and how many of them it may apply: sized by what the last steps took.

    Passing a record by takes a sixth of the time of applying it, and the next ones may be all of one kind.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = self.tasks = min(FIRST_SLICE_RECORDS, most)

    def note(self, done: SliceResult, seconds: float) -> None:
        """Size the next step by what this one took."""
        factor = min(2.0, max(0.5, SLICE_SECONDS / max(seconds, 0.001)))
        if done.tasks >= self.tasks // 2:
            self.tasks = max(1, min(self._most, round(self.tasks * factor)))
        if done.was_cut or done.records >= self.records // 2:
            self.records = max(1, min(self._most, round((done.records if done.was_cut else self.records) * factor)))

    def make_smaller(self, tried: int) -> AdaptiveBatchSize:
        """The pace of the next try, after one of at most `tried` records failed."""
        smaller = AdaptiveBatchSize(self._most)
        smaller.records = max(1, min(self.records, tried) // 2)
        smaller.tasks = max(1, min(self.tasks, tried) // 2)
        return smaller


@dataclass(slots=True)
class _Setback:
    until: float
    pause: float
    pace: AdaptiveBatchSize | None


class Setbacks:
    """Imports whose last try failed in this process: each waits for a while, so that the others go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[UUID, _Setback] = {}

    def wait_out(self, import_id: UUID, took: float, pace: AdaptiveBatchSize | None = None) -> float:
        """Pass an import over for a while that doubles from failure to failure; the seconds.

        `took`: the seconds of the try that failed. The pause is longer, so that most of the time is the others'.
        """
        before = self._known.get(import_id)
        pause = FIRST_PAUSE if before is None else min(before.pause * 2, LONGEST_PAUSE)
        pause = max(pause, PAUSE_RATIO * took)
        self.quarantined(import_id, pause, pace)
        return pause

    def quarantined(self, import_id: UUID, seconds: float, pace: AdaptiveBatchSize | None = None) -> None:
        """Pass an import over from now on; its next try is of this pace."""
        self._known.pop(import_id, None)
        while len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[import_id] = _Setback(self._clock() + seconds, seconds, pace)

    def find_pace(self, import_id: UUID) -> AdaptiveBatchSize | None:
        """The pace of an import that failed and is not yet well again; None: it goes as the others do."""
        known = self._known.get(import_id)
        return None if known is None else known.pace

    def go_on(self, import_id: UUID, *, is_well: bool) -> None:
        """The last try did not fail; `is_well`: nor is there anything to remember any more."""
        known = self._known.get(import_id)
        if known is not None and is_well:
            del self._known[import_id]
        elif known is not None:
            known.until, known.pause = 0.0, FIRST_PAUSE

    def list_waiting(self) -> list[UUID]:
        """Those whose time is not over."""
        now = self._clock()
        return [import_id for import_id, known in self._known.items() if known.until > now]
