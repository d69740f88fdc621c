"""Wait with back-off for the end of failures that are not errors in the data (execution.md, "While it runs")."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import structlog

from consentory.errors import OutcomeUnknown, StatementRefused, StoreUnavailable
from consentory.store.database import Database, wait_for_notice
from consentory.worker import worker_metrics

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

POLL_SECONDS = 1.0
"""Notifications wake a worker. Polling finds work after a lost notification."""

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

    def work_with_notices(self, database: Database, work_once: Callable[[], bool]) -> None:
        """Call `work_once` until `stop` is set. After an idle call, wait for a notification. Raises a WaitedOut."""
        with database.listen("consentory_work") as notices:
            while not self._stop.is_set():
                is_busy = work_once()
                self.renew()  # not before, because a full disk allows a connection and then refuses
                if not is_busy:
                    wait_for_notice(notices, POLL_SECONDS)
