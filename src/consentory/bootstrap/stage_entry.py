"""`python -m consentory.bootstrap.stage_entry SOCKET`: a stage process, as its server process starts it."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection

from consentory.bootstrap.logs import configure_logs
from consentory.bootstrap.process_setup import return_memory, tune_garbage_collector
from consentory.bootstrap.staged_bound import read_staged_bound
from consentory.config import SETTINGS
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.imports.stage_processes import end_with_server, serve_calls
from consentory.services.imports.staging_service import StagingService
from consentory.store.database import Database


def main() -> None:
    """Stage batches until the server process has ended. Raises KeyError if CONSENTORY_DATABASE_URL is not set."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the signal is for the server process, which finishes its batches first
    connection = Connection(int(sys.argv[1]))
    end_with_server(connection)
    configure_logs()
    tune_garbage_collector()
    return_memory()
    database = Database(os.environ[SETTINGS["database_url"].variable], "consentory_service", size=1)
    try:
        serve_calls(connection, StagingService(database, ConfigurationCache(database), read_staged_bound()))
    finally:
        database.close()


if __name__ == "__main__":
    main()
