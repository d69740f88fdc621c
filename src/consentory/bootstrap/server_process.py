"""One HTTP server, and one worker, as processes of their own."""

from __future__ import annotations

import os
import signal
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.common import AbstractServer

from consentory.bootstrap.composition import DATABASE_VARIABLE, open_worker
from consentory.bootstrap.process_tree import METRICS_VARIABLE, calm_collector, die_with_parent
from consentory.bootstrap.served_app import BASE_PATH_VARIABLE
from consentory.store.migration import migrate
from consentory.worker.import_worker import ImportWorker

CHUNK_VARIABLE = "CONSENTORY_CHUNK_RECORDS"


def run_server(host: str, port: int, processes: int, base_path: str) -> None:
    """Serve the API in `processes` processes that share the port, until SIGTERM or SIGINT.

    The database is the one that CONSENTORY_DATABASE_URL names; its schema is brought up to date first.
    """
    die_with_parent()
    migrate(os.environ[DATABASE_VARIABLE])
    os.environ[BASE_PATH_VARIABLE] = base_path
    with TemporaryDirectory(prefix="consentory-metrics-") as metrics:
        os.environ.setdefault(METRICS_VARIABLE, metrics)
        _make_server(host, port, processes).serve()


def _make_server(host: str, port: int, processes: int) -> AbstractServer[Any]:
    return Granian(
        "consentory.bootstrap.served_app:create_served_app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=processes,
        factory=True,
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        workers_kill_timeout=10,
    )


def run_worker(conninfo: str) -> None:
    """Work imports off until SIGTERM or SIGINT; the step under way is finished first."""
    die_with_parent()
    migrate(conninfo)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    chunk_records = os.environ.get(CHUNK_VARIABLE)
    calm_collector()
    services = open_worker(conninfo, int(chunk_records) if chunk_records else None)
    try:
        ImportWorker(services.database, services.execution, services.retention, stop).run()
    finally:
        services.close()
