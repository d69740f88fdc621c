"""The worker's loop: resolve what is queued, work chunks off, tidy up; wait out whatever is not the data's fault."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Event

import structlog

from consentory.errors import OutcomeUnknown, StatementRefused, StoreUnavailable
from consentory.services.audit_sealing import AuditSealing
from consentory.services.execution import Execution
from consentory.services.retention import Retention
from consentory.store.database import LEASE_SECONDS, Database, wait_for_notice
from consentory.worker import worker_metrics

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""Notifications wake a worker; polling makes sure."""

RESOLVE_SECONDS = 0.5
"""While chunks are worked off, queued imports of other accounts are looked for this often."""

TIDY_SECONDS = 5.0
WATCH_SECONDS = LEASE_SECONDS / 6
"""How often a worker looks for others that are frozen."""

SEAL_SECONDS = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


@dataclass(slots=True)
class ImportWorker:
    """One worker process. `stop` ends it after the step it is in."""

    database: Database
    execution: Execution
    retention: Retention
    sealing: AuditSealing
    stop: Event
    _pause: float = FIRST_PAUSE
    _resolve_at: float = 0.0
    _tidy_at: float = 0.0
    _watch_at: float = 0.0
    _seal_at: float = 0.0

    def run(self) -> None:
        """Work until `stop` is set. Outages are waited out with back-off, without an end."""
        while not self.stop.is_set():
            try:
                with self.database.listen("consentory_work") as notices:
                    while not self.stop.is_set():
                        self._watch()
                        busy = self.work_once()
                        self._pause = FIRST_PAUSE  # not before: a full disk lets connect, and then refuses
                        if not busy:
                            wait_for_notice(notices, POLL_SECONDS)
            except (StoreUnavailable, OutcomeUnknown) as error:
                log.warning("waiting for the database", error=str(error), seconds=self._pause)
                self._wait()
            except StatementRefused as error:
                # A worker that ended would only be started again; one that waits goes on once the right is granted.
                log.error("the database refuses a statement, trying again", error=str(error), seconds=self._pause)
                self._wait()

    def _wait(self) -> None:
        worker_metrics.count_wait()
        self.stop.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _watch(self) -> None:
        if time.monotonic() >= self._watch_at:
            self._watch_at = time.monotonic() + WATCH_SECONDS
            ended = self.database.end_frozen_sessions()
            if ended:
                log.warning("ended sessions whose process fell silent", sessions=ended)

    def work_once(self) -> bool:
        """One round; False when there was nothing to do. Raises StoreUnavailable, OutcomeUnknown, StatementRefused."""
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_SECONDS
            self.retention.tidy()
            worker_metrics.show_imports(self.retention.count_imports())
        if now >= self._seal_at:
            self._seal_at = now + SEAL_SECONDS
            self.sealing.seal()
        records = self.execution.step()
        if records is not None:
            worker_metrics.count_step(records, time.monotonic() - now)
        busy = records is not None
        if not busy or now >= self._resolve_at:
            self._resolve_at = now + RESOLVE_SECONDS
            busy = self.execution.resolve_next() is not None or busy
        return busy
