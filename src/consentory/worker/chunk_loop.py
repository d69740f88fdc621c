"""The chunk loop of a worker: resolve queued imports, and process chunks. The maintenance loop is separate."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event

from consentory.services.execution.import_execution import Execution
from consentory.store.database import Database
from consentory.worker import worker_metrics
from consentory.worker.retry_pause import Patience, WaitedOut

RESOLVE_SECONDS = 0.5
"""While a worker processes chunks, it looks for queued imports of other accounts this often."""


@dataclass(slots=True)
class ImportWorker:
    """The chunk loop of one worker process. `stop` ends it after the current slice."""

    database: Database
    execution: Execution
    stop: Event
    _resolve_at: float = field(default=0.0, init=False)
    _waits_counted: int = field(default=0, init=False)

    def run(self) -> None:
        """Work until `stop` is set. Wait for the end of an outage with back-off, however long it takes."""
        patience = Patience(self.stop)
        while not self.stop.is_set():
            try:
                patience.work_with_notices(self.database, self.work_once)
            except WaitedOut as error:
                patience.wait_out(error)

    def work_once(self) -> bool:
        """Do one round. False: there was nothing to do. Raises a WaitedOut."""
        now = time.monotonic()
        records = self.execution.process_slice()
        if records is not None:
            worker_metrics.count_slice(records, time.monotonic() - now)
        busy = records is not None
        if not busy or now >= self._resolve_at:
            self._resolve_at = now + RESOLVE_SECONDS
            busy = self.execution.resolve_next() is not None or busy
        worker_metrics.show_quarantined(self.execution.count_quarantined())
        worker_metrics.count_waits(self.execution.waits - self._waits_counted)
        self._waits_counted = self.execution.waits
        return busy
