"""The preview loop of a worker: calculates previews in a thread of its own, beside the chunk loop."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event

import structlog

from consentory.errors import trace_error
from consentory.services.execution.previewing import Previewing
from consentory.store.database import Database, wait_for_notice
from consentory.worker.retry_pause import LONGEST_PAUSE, Patience, WaitedOut

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""Notifications wake the loop. Polling finds work after a lost notification."""


@dataclass(slots=True)
class PreviewLoop:
    """The preview loop of one worker process. `stop` ends it after the current part."""

    database: Database
    previewing: Previewing
    stop: Event

    def run(self) -> None:
        """Work until `stop` is set. Wait for the end of an outage with back-off, however long it takes."""
        patience = Patience(self.stop)
        while not self.stop.is_set():
            try:
                with self.database.listen("consentory_work") as notices:
                    while not self.stop.is_set():
                        busy = self.previewing.work_once()
                        patience.renew()
                        if not busy:
                            wait_for_notice(notices, POLL_SECONDS)
            except WaitedOut as error:
                self.previewing.close()
                patience.wait_out(error)
            except Exception as error:  # imports go on after any error here
                self.previewing.close()
                kinds, places = trace_error(error)
                log.error("previews failed, trying again", error=kinds, places=places)
                self.stop.wait(LONGEST_PAUSE)
        self.previewing.close()
