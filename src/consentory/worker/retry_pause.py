"""Waiting out what is not the data's fault, with back-off and without an end (execution.md, "While it runs")."""

from __future__ import annotations

from threading import Event

import structlog

from consentory.errors import OutcomeUnknown, StatementRefused, StoreUnavailable
from consentory.worker import worker_metrics

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

WaitedOut = (StoreUnavailable, OutcomeUnknown, StatementRefused)
"""A worker that ended for one of these would only be started again; one that waits goes on once it has passed."""


class Patience:
    """The pauses of one loop, which `stop` cuts short."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._pause = FIRST_PAUSE

    def wait_out(self, error: Exception) -> None:
        """Wait because of a WaitedOut, twice as long each time."""
        if isinstance(error, StatementRefused):
            log.error("the database refuses a statement, trying again", error=str(error), seconds=self._pause)
        else:
            log.warning("waiting for the database", error=str(error), seconds=self._pause)
        worker_metrics.count_waits(1)
        self._stop.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def renew(self) -> None:
        """Something was done."""
        self._pause = FIRST_PAUSE
