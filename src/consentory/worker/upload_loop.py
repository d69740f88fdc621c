"""The upload loop of a worker: has uploaded files read, each in a process of its own (docs/adr/0021-uploads.md)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from uuid import UUID

import structlog

from consentory.domain.upload import UploadFault, UploadState
from consentory.errors import trace_error
from consentory.services.uploads.upload_jobs import UploadJobs
from consentory.store.database import Database
from consentory.worker.retry_pause import LONGEST_PAUSE, Patience, WaitedOut

log = structlog.get_logger(__name__)

JOB_SECONDS: dict[UploadState, float] = {"Recognizing": 900.0, "Staging": 4 * 3600.0}
"""A process that reads a file for longer is ended, and the file is refused."""
_LOOK_SECONDS = 0.2
"""The interval at which the loop looks whether its process has ended, and whether the worker stops."""


@dataclass(slots=True)
class UploadLoop:
    """One loop of one worker process, for uploads in one state. `stop` ends it, and its process.

    `command` starts a process, with the account and the upload as its last arguments.
    """

    database: Database
    jobs: UploadJobs
    state: UploadState
    command: Sequence[str]
    environment: Mapping[str, str]
    stop: Event
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    """The process that reads a file now."""

    def run(self) -> None:
        """Work until `stop` is set. Wait for the end of an outage with back-off, however long it takes."""
        patience = Patience(self.stop)
        while not self.stop.is_set():
            try:
                patience.work_with_notices(self.database, self.work_once)
            except WaitedOut as error:
                patience.wait_out(error)
            except Exception as error:  # imports go on after any error here
                kinds, places = trace_error(error)
                log.error("uploads failed, trying again", error=kinds, places=places)
                self.stop.wait(LONGEST_PAUSE)

    def work_once(self) -> bool:
        """Have one upload read to its end. Returns False if there was nothing to do. Raises a WaitedOut."""
        found = self.jobs.find_next(self.state)
        if found is None:
            return False
        account_id, upload_id = found
        status = self._run_process(account_id, upload_id)
        if status is None and not self.stop.is_set():
            self.jobs.fail(account_id, upload_id, _tell_time(self.state))
        elif status:
            log.warning("the process that reads an upload was lost", upload_id=str(upload_id), exit_status=status)
            self.stop.wait(1.0)
        return True

    def _run_process(self, account_id: int, upload_id: UUID) -> int | None:
        """The exit status of the process. None: it was ended, because of `stop` or of the time."""
        # In a session of its own: see services/imports/stage_processes.py.
        with subprocess.Popen(
            [*self.command, str(account_id), str(upload_id)],
            env=self.environment,
            stdin=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            self.process = process
            ends_at = time.monotonic() + JOB_SECONDS[self.state]
            try:
                while process.poll() is None and not self.stop.is_set() and time.monotonic() < ends_at:
                    self.stop.wait(_LOOK_SECONDS)
                return process.poll()
            finally:
                process.kill()
                self.process = None


def _tell_time(state: UploadState) -> UploadFault:
    """The reason for a person, with the next step."""
    minutes = f"{JOB_SECONDS[state] / 60:,.0f} minutes"
    text = f"To read the file took more than {minutes}. Cut it into several files, and upload those."
    if state == "Staging":
        text = (
            f"To stage the file took more than {minutes}. The import with the records that were staged by then is"
            " cancelled, and nobody was changed. Cut the file into several files, and upload those."
        )
    return UploadFault("Upload.TookTooLong", text)
