"""The preview loop of a worker: calculates previews in a thread of its own, beside the chunk loop."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event

import structlog

from consentory.errors import trace_error
from consentory.services.execution.previewing import Previewing
from consentory.store.database import Database
from consentory.worker.retry_pause import LONGEST_PAUSE, Patience, WaitedOut

log = structlog.get_logger(__name__)


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
                patience.work_with_notices(self.database, self.previewing.work_once)
            except WaitedOut as error:
                self.previewing.close()
                patience.wait_out(error)
            except Exception as error:  # imports go on after any error here
                self.previewing.close()
                kinds, places = trace_error(error)
                log.error("previews failed, trying again", error=kinds, places=places)
                self.stop.wait(LONGEST_PAUSE)
        self.previewing.close()
