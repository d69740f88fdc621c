"""Wait with back-off for the end of failures that are not errors in the data (execution.md, "While it runs")."""

from __future__ import annotations

from threading import Event

import structlog

from consentory.errors import OutcomeUnknown, StatementRefused, StoreUnavailable
from consentory.worker import worker_metrics

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

WaitedOut = (StoreUnavailable, OutcomeUnknown, StatementRefused)
"""A worker waits for the end of these failures. A worker that ended would only be started again."""


class Patience:
    """The pauses of one loop, which `stop` cuts short."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._pause = FIRST_PAUSE

    def wait_out(self, error: Exception) -> None:
        """Wait because of a WaitedOut. The pause doubles each time."""
        if isinstance(error, StatementRefused):
            log.error("the database refuses a statement, trying again", error=str(error), seconds=self._pause)
        else:
            log.warning("waiting for the database", error=str(error), seconds=self._pause)
        worker_metrics.count_waits(1)
        self._stop.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def renew(self) -> None:
        """Start again with the first pause, because some work was done."""
        self._pause = FIRST_PAUSE
