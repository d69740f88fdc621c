"""The size of a slice, and the imports that wait after a failure (execution.md, "While it runs")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

FIRST_SLICE_RECORDS = 500
SLICE_SECONDS = 0.15
"""The aim for the time of a slice, which is one transaction. It is short: everyday writes wait for a slice."""

CLUSTER_SLICE_SECONDS = 0.6
"""The aim on a cluster, where each statement of a slice costs a message for each shard."""

QUARANTINE_SECONDS = 60.0
"""An import that failed for an unexpected reason is skipped for this time. Then it is tried again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 60.0
"""An import is skipped for this time if a slice of it failed and the data is not the reason. The time doubles with each
failure."""
PAUSE_RATIO = 2.0
"""The pause is at least the time of the failed slice, multiplied by this number."""

MOST_REMEMBERED = 100
"""The number of imports whose failures are remembered."""


class SliceResult(NamedTuple):
    """The result of a slice: how many records it counted, and how many of them it applied.

    `was_cut`: the slice ended at the limit of records to apply, and left some of the records that it had read.
    """

    records: int
    applied: int
    was_cut: bool


class AdaptiveBatchSize:
    """The size of the next slice: it reads `records` records at most, and applies `pending` of them at most.

    Both numbers adapt to the time of the last slices. There are two, because to skip an unchanged record takes a sixth
    of the time of applying a record, and the next records may all be of one kind.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = self.pending = min(FIRST_SLICE_RECORDS, most)

    def observe(self, done: SliceResult, seconds: float, aim: float) -> None:
        """Adapt the size of the next slice to the time of this slice."""
        factor = min(2.0, max(0.5, aim / max(seconds, 0.001)))
        if done.applied >= self.pending // 2:
            self.pending = max(1, min(self._most, round(self.pending * factor)))
        if done.was_cut or done.records >= self.records // 2:
            self.records = max(1, min(self._most, round((done.records if done.was_cut else self.records) * factor)))

    def make_smaller(self, tried: int) -> AdaptiveBatchSize:
        """The size of the next try, after a slice of at most `tried` records failed."""
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
    """The imports whose last try failed in this process. Each of them waits for a while, so that the others go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[UUID, _FailedImport] = {}

    def back_off(self, import_id: UUID, took: float, batch_size: AdaptiveBatchSize | None = None) -> float:
        """Skip an import for a while, and return the seconds. The time doubles with each failure.

        `took`: the seconds of the failed try. The pause is longer than that, so that other imports have most of the
        time.
        """
        before = self._known.get(import_id)
        pause = FIRST_PAUSE if before is None else min(before.pause * 2, LONGEST_PAUSE)
        pause = max(pause, PAUSE_RATIO * took)
        self.quarantine(import_id, pause, batch_size)
        return pause

    def quarantine(self, import_id: UUID, seconds: float, batch_size: AdaptiveBatchSize | None = None) -> None:
        """Skip an import for `seconds` from now on. Its next try has this batch size."""
        self._known.pop(import_id, None)
        while len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[import_id] = _FailedImport(self._clock() + seconds, seconds, batch_size)

    def find_batch_size(self, import_id: UUID) -> AdaptiveBatchSize | None:
        """The batch size of an import that failed and has not recovered yet. None: it has the size of all imports."""
        known = self._known.get(import_id)
        return None if known is None else known.batch_size

    def observe_success(self, import_id: UUID, *, is_recovered: bool) -> None:
        """Note that the last try did not fail. `is_recovered`: forget the failures of the import as well."""
        known = self._known.get(import_id)
        if known is not None and is_recovered:
            del self._known[import_id]
        elif known is not None:
            known.until, known.pause = 0.0, FIRST_PAUSE

    def list_waiting(self) -> list[UUID]:
        """The imports whose pause is not over."""
        now = self._clock()
        return [import_id for import_id, known in self._known.items() if known.until > now]
