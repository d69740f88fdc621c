"""The entries of the HTTP server process and the worker process."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.mp import MPServer, WorkerProcess

from consentory.bootstrap.composition import (
    BASE_PATH_VARIABLE,
    DATABASE_VARIABLE,
    WorkerServices,
    check_secret_key,
    open_worker,
)
from consentory.bootstrap.endpoint import Endpoint
from consentory.bootstrap.listener import check_port, claim_port
from consentory.bootstrap.metrics_folder import METRICS_VARIABLE, open_metrics_folder
from consentory.bootstrap.process_setup import (
    PARENT_VARIABLE,
    die_with_parent,
    ended_by_signals,
    make_environment,
    tune_garbage_collector,
)
from consentory.bootstrap.pulse import BEAT_SECONDS, FROZEN_SECONDS, Pulse, PulseWatch, take_pulse
from consentory.bootstrap.secret_keys import open_secret_box
from consentory.config import HEAD_BYTES, read_test_number
from consentory.domain.upload import UploadState
from consentory.store.migration import migrate

if TYPE_CHECKING:
    from litestar import Litestar

    from consentory.worker.upload_loop import UploadLoop

log = structlog.get_logger(__name__)

HEAD_SECONDS = 30
"""A connection may be open for this time without the whole head of a request."""
CONNECTIONS = 8192
"""The open connections of one process. An idle connection takes about 20 kB. Further connections wait."""

CHUNK_VARIABLE = "CONSENTORY_CHUNK_RECORDS"
"""Only for tests, which need many chunks of a few records. It is no setting, because the size of a slice adapts to the
time of the last slices."""


def run_server(endpoint: Endpoint, processes: int, base_path: str, on_up: Callable[[str], None]) -> None:
    """Serve the API in `processes` processes that share the port, until SIGTERM or SIGINT.

    `on_up` is called with the URL when the server answers, but not for a server of `consentory up`.
    CONSENTORY_DATABASE_URL names the database. Its schema is brought up to date first.
    Raises PortRefused. Raises SettingError without a secret key, and SecretKeyError if the database needs another one.
    """
    die_with_parent()
    pulse = take_pulse()
    with ended_by_signals(), claim_port(endpoint):
        migrate(os.environ[DATABASE_VARIABLE])
        check_secret_key(os.environ[DATABASE_VARIABLE], open_secret_box())
        os.environ |= {BASE_PATH_VARIABLE: base_path, PARENT_VARIABLE: str(os.getpid())}
        server = _make_server(endpoint, processes)
        server.pulse = pulse
        check_port(endpoint)
        if METRICS_VARIABLE in os.environ:  # of the tree of this process
            server.serve()
            return
        with open_metrics_folder() as metrics:
            os.environ[METRICS_VARIABLE] = str(metrics.path)
            server.announce = lambda: _announce(endpoint, on_up)
            server.serve()


class _Server(MPServer):
    """Granian, whose processes are forks of this one."""

    announce: Callable[[], None] | None = None
    pulse: Pulse | None = None
    """That of this process."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self._watched: dict[int, tuple[WorkerProcess, PulseWatch]] = {}
        """By the number of the server process."""

    def _spawn_worker(  # type: ignore[override]  # as MPServer itself does
        self, idx: int, target: Any, callback_loader: Callable[[], Litestar]
    ) -> WorkerProcess:
        watch = PulseWatch()
        worker = super()._spawn_worker(idx, target, partial(_load_with_pulse, callback_loader, watch.pulse))
        self._watched[idx] = worker, watch
        return worker

    def _spawn_workers(self, *arguments: Any) -> None:
        from consentory.services.process_metrics import count_frozen

        super()._spawn_workers(*arguments)  # type: ignore[no-untyped-call]
        # Only now, because a fork with threads is unsafe.
        Thread(target=self._watch, args=(count_frozen,), name="watch", daemon=True).start()
        if self.pulse is not None:
            self.pulse.beat_in_thread()
        if self.announce is not None:
            Thread(target=self.announce, name="announce", daemon=True).start()

    def _watch(self, count_frozen: Callable[[], None]) -> None:
        """Kill frozen server processes. Granian replaces them, as after a crash."""
        while not self.interrupt_signal:
            time.sleep(BEAT_SECONDS)
            frozen = [(n, worker.inner) for n, (worker, watch) in list(self._watched.items()) if watch.is_frozen()]
            # Write the whole log before the first kill: at the fork after it, no lock may be taken.
            for number, process in frozen:
                name = f"server process {number + 1}"
                log.error("process is frozen, killing it", process=name, pid=process.pid, seconds=FROZEN_SECONDS)
                count_frozen()
            for _, process in frozen:
                process.kill()

    def signal_handler_interrupt(self, *_: object) -> None:
        """Granian's handler. A new fork has this handler as well, until it is ready to serve."""
        if os.getpid() != self.pid:
            os._exit(0)  # The fork has no work yet, and Granian would lose the signal.
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]


def _load_with_pulse(load: Callable[[], Litestar], pulse: Pulse) -> Litestar:
    app = load()
    app.on_startup.append(pulse.beat_in_loop)
    return app


def _announce(endpoint: Endpoint, on_up: Callable[[str], None]) -> None:
    while True:
        try:
            endpoint.probe()
        except OSError:
            time.sleep(0.05)
        else:
            return on_up(endpoint.url)


def _allow_connections() -> None:
    """Raise the limit of open files to its maximum, because each connection is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def _make_server(endpoint: Endpoint, processes: int) -> _Server:
    multiprocessing.set_start_method("fork", force=True)
    _allow_connections()
    return _Server(
        "consentory.bootstrap.served_app:create_served_app",
        address=endpoint.host,
        port=endpoint.port,
        ssl_cert=endpoint.certificate,
        ssl_key=endpoint.key,
        ssl_protocol_min=SSLProtocols.tls12,
        interface=Interfaces.ASGI,
        workers=processes,
        factory=True,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=HEAD_BYTES),
        workers_kill_timeout=10,
        backpressure=CONNECTIONS,
    )


def run_worker(conninfo: str) -> None:
    """Execute imports until SIGTERM or SIGINT. The current slice is finished first."""
    die_with_parent()
    pulse = take_pulse()
    with ended_by_signals():
        migrate(conninfo)
        if pulse is not None:
            pulse.beat_in_thread()
        _run_worker(conninfo)


def _run_worker(conninfo: str) -> None:
    # Import it here: prometheus_client chooses its mode when it is imported, and the processes of `serve` are forks.
    from consentory.services.clock_metrics import show_clock
    from consentory.worker.chunk_loop import ImportWorker
    from consentory.worker.maintenance_loop import Maintenance
    from consentory.worker.preview_loop import PreviewLoop
    from consentory.worker.worker_process import run_loops

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    chunk_records = read_test_number(CHUNK_VARIABLE, 0) if CHUNK_VARIABLE in os.environ else None
    tune_garbage_collector()
    services = open_worker(conninfo, chunk_records)
    try:
        services.database.heartbeat.on_clock = show_clock
        worker = ImportWorker(services.database, services.execution, stop)
        maintenance = Maintenance(
            database=services.database,
            retention=services.retention,
            chaining=services.chaining,
            sequencing=services.sequencing,
            counting=services.counting,
            uploads=services.uploads,
            stop=stop,
        )
        previews = PreviewLoop(services.database, services.previewing, stop)
        uploads = [_make_upload_loop(services, state, conninfo, stop) for state in ("Recognizing", "Staging")]
        run_loops([worker, maintenance, previews, *uploads], stop)
    finally:
        services.close()


def _make_upload_loop(services: WorkerServices, state: UploadState, conninfo: str, stop: Event) -> UploadLoop:
    """A loop whose processes are on the same database, and do not get the secret key."""
    from consentory.worker.upload_loop import UploadLoop  # see _run_worker

    command = [sys.executable, "-m", "consentory.bootstrap.upload_entry"]
    return UploadLoop(services.database, services.uploads, state, command, make_environment(conninfo), stop)
