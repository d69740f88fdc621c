"""`python -m consentory.bootstrap.upload_entry ACCOUNT UPLOAD`: a process that reads one uploaded file, started by a
worker. It ends with its work, or with its worker: the worker holds the other end of its standard input."""

from __future__ import annotations

import os
import resource
import signal
import sys
from threading import Thread
from uuid import UUID

import structlog

from consentory.bootstrap.logs import configure_logs
from consentory.bootstrap.process_setup import return_memory, tune_garbage_collector
from consentory.bootstrap.staged_bound import read_staged_bound
from consentory.config import SETTINGS
from consentory.errors import OutcomeUnknown, StoreUnavailable
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.staging_service import StagingService
from consentory.services.uploads.upload_lease import hold_upload
from consentory.services.uploads.upload_work import UploadWork
from consentory.store.database import Database

MEMORY_BYTES = 2_000_000_000
"""The memory that the process may take. A file that needs more is refused, and the machine is not short of memory."""
TRY_AGAIN = 75
"""Exit status: the database was lost, and the work is not done."""

log = structlog.get_logger(__name__)


def main() -> None:
    """Recognize or stage one upload. Raises KeyError if CONSENTORY_DATABASE_URL is not set."""
    prepare_process()
    account_id, upload_id = int(sys.argv[1]), UUID(sys.argv[2])
    database = Database(os.environ[SETTINGS["database_url"].variable], "consentory_service", size=2)
    try:
        with hold_upload(database, account_id, upload_id, on_lost=lambda: os._exit(TRY_AGAIN)) as is_held:
            if is_held:
                make_work(database).work_off(account_id, upload_id)
    except (StoreUnavailable, OutcomeUnknown) as error:
        log.warning("an upload waits for the database", upload_id=str(upload_id), failure=str(error))
        sys.exit(TRY_AGAIN)
    finally:
        database.close()


def prepare_process() -> None:
    """The first steps of a process that reads a file: it ends with its parent, and has a limit of memory."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    configure_logs()
    tune_garbage_collector()
    return_memory()


def make_work(database: Database) -> UploadWork:
    """The work on uploads, over one pool of connections."""
    configurations = ConfigurationCache(database)
    staging = StagingService(database, configurations, read_staged_bound())
    return UploadWork(
        database, configurations, ImportService(database, configurations), staging, ExceptionService(database)
    )


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(TRY_AGAIN)


if __name__ == "__main__":
    main()
