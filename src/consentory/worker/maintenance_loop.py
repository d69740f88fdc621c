"""The maintenance loop of a worker: positions, the chain of the audit trail, retention, and sessions to end.

It runs in a thread of its own, so it and the chunk loop do not wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

import structlog

from consentory.errors import trace_error
from consentory.services.audit.audit_chaining import AuditChaining
from consentory.services.data_out.audience_counting import AudienceCounting
from consentory.services.data_out.position_sequencing import PositionSequencing
from consentory.services.imports.retention import Retention
from consentory.services.uploads.upload_jobs import UploadJobs
from consentory.store.database import LEASE_SECONDS, Database
from consentory.worker import worker_metrics
from consentory.worker.retry_pause import Patience, WaitedOut

log = structlog.get_logger(__name__)

MAINTENANCE_SECONDS = 5.0
WATCH_SECONDS = LEASE_SECONDS / 6
"""The interval at which a worker looks for frozen processes, and for readers that take too long."""

CHAIN_SECONDS = 0.5
"""The interval at which events are chained and changes are numbered."""


@dataclass(slots=True)
class Maintenance:
    """The maintenance loop of one worker process. `stop` ends it after the current transaction."""

    database: Database
    retention: Retention
    chaining: AuditChaining
    sequencing: PositionSequencing
    counting: AudienceCounting
    uploads: UploadJobs
    stop: Event
    _maintenance_at: float = field(default=0.0, init=False)
    _watch_at: float = field(default=0.0, init=False)
    _chain_at: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Run maintenance until `stop` is set. Wait for the end of an outage with back-off, however long it takes."""
        patience = Patience(self.stop)
        while not self.stop.is_set():
            try:
                for _ in self._look_after():
                    if self.stop.is_set():
                        return
                patience.renew()
                self.stop.wait(CHAIN_SECONDS)
            except WaitedOut as error:
                patience.wait_out(error)
            except Exception as error:  # imports go on after any error here
                kinds, places = trace_error(error)
                log.error("maintenance failed, trying again", error=kinds, places=places)
                self.stop.wait(MAINTENANCE_SECONDS)

    def _look_after(self) -> Iterator[None]:
        """Do one round, in short transactions. The watch, the positions and the chain do not wait for a long purge."""
        yield from self._watch_and_number()
        now = time.monotonic()
        if now >= self._maintenance_at:
            self._maintenance_at = now + MAINTENANCE_SECONDS
            for _ in self.retention.maintain_in_steps():
                yield from self._watch_and_number()
            for _ in self.uploads.purge_in_steps():
                yield from self._watch_and_number()
            for _ in self.counting.count_in_steps():
                yield from self._watch_and_number()
            worker_metrics.show_imports(self.retention.count_imports())
            worker_metrics.forget_dead_processes()

    def _watch_and_number(self) -> Iterator[None]:
        now = time.monotonic()
        if now >= self._watch_at:
            self._watch_at = now + WATCH_SECONDS
            ended = self.database.end_frozen_sessions()
            if ended:
                log.warning("ended sessions of frozen processes", sessions=ended)
            ended = self.database.end_long_reads()
            if ended:
                log.warning("ended transactions of readers that lasted too long", sessions=ended)
        if now >= self._chain_at:
            self._chain_at = now + CHAIN_SECONDS
            self.sequencing.number_waiting()
            self.chaining.append_waiting()
        yield
