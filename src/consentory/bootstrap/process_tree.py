"""`consentory up`: start, watch and stop the database, the server processes and the workers as one tree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from consentory.bootstrap.composition import DATABASE_VARIABLE, make_embedded
from consentory.bootstrap.endpoint import Endpoint
from consentory.bootstrap.listener import CLAIM_VARIABLE, claim_port
from consentory.bootstrap.metrics_folder import METRICS_VARIABLE, MetricsFolder, open_metrics_folder
from consentory.bootstrap.process_setup import PARENT_VARIABLE
from consentory.bootstrap.pulse import FROZEN_SECONDS, PULSE_VARIABLE, PulseWatch
from consentory.bootstrap.secret_keys import pass_secret_keys
from consentory.errors import ConsentoryError
from consentory.store.embedded.embedded_server import EmbeddedServer, EmbeddedServerError
from consentory.store.embedded.server_logins import Logins, open_logins
from consentory.store.migration import migrate

log = structlog.get_logger(__name__)

STOP_SECONDS = 20
RESTART_SECONDS = 1.0
AGAIN_SECONDS = 3.0


class TreeFailed(ConsentoryError):
    """The tree could not be started. The text tells the reason."""


@dataclass(slots=True)
class Child:
    """A process of the tree. It is started again after it ended by itself. A frozen process is killed first."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    handed: list[int]
    """The open files that the process gets."""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    watch: PulseWatch = field(init=False)

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the tree's root alone."""
        self.started = time.monotonic()
        self.watch = PulseWatch()
        pulse = self.watch.pulse.pipe.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "consentory", *self.arguments],
            env={**self.environment, PULSE_VARIABLE: str(pulse)},
            stdin=subprocess.DEVNULL,
            pass_fds=[*self.handed, pulse],
            start_new_session=True,
        )

    def has_ended(self) -> bool:
        """True when the process is not running."""
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """End the process and its children, because a frozen child would keep the port."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


@dataclass(slots=True)
class ProcessTree:
    """The whole of Consentory on one machine, over the embedded PostgreSQL of a data folder."""

    data: Path
    endpoint: Endpoint
    servers: int
    workers: int
    base_path: str
    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    waiting: bool = False
    """True: the tree waits. Then a signal ends the current work at once."""

    def run(self, on_up: Callable[[str], None]) -> None:
        """Run until SIGTERM or SIGINT. `on_up` is called with the URL when the server answers.

        Raises TreeFailed, PortRefused, and EmbeddedServerError for the data folder.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop_soon)
        server = make_embedded(self.data)
        with claim_port(self.endpoint) as claim, open_metrics_folder() as metrics:
            try:
                with suppress(KeyboardInterrupt):
                    self._run(server, claim.fileno(), metrics, on_up)
            finally:
                self._stop_children()
                server.stop()

    def _run(self, server: EmbeddedServer, claim: int, metrics: MetricsFolder, on_up: Callable[[str], None]) -> None:
        with self._ended_by_signals():
            server.start()
            migrate(server.conninfo)
            logins = open_logins(server.conninfo)
        self._start_children(server, logins, claim, metrics)
        self._await_answer()
        if not self.stopping:
            on_up(self.endpoint.url)
        while not self.stopping:
            time.sleep(0.2)
            self._mend(server.start)

    def _stop_soon(self, *_: object) -> None:
        self.stopping = True
        if self.waiting:
            self.waiting = False
            raise KeyboardInterrupt

    @contextmanager
    def _ended_by_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the block at once, because a recovery or a lock of another process has no time-out."""
        self.waiting = True
        try:
            if self.stopping:
                raise KeyboardInterrupt
            yield
        finally:
            self.waiting = False

    def _start_children(self, server: EmbeddedServer, logins: Logins, claim: int, metrics: MetricsFolder) -> None:
        os.environ[METRICS_VARIABLE] = str(metrics.path)  # for this process as well
        environment = {**os.environ, DATABASE_VARIABLE: logins.worker, PARENT_VARIABLE: str(os.getpid())}
        served = {
            **pass_secret_keys(environment, server),
            DATABASE_VARIABLE: logins.server,
            CLAIM_VARIABLE: str(claim),
        }
        serve = ["serve", *self.endpoint.list_flags(), "--processes", str(self.servers), "--base-path", self.base_path]
        self.children = [Child("server", serve, served, [metrics.lock, claim])]
        self.children += [
            Child(f"worker {n + 1}", ["worker"], environment, [metrics.lock]) for n in range(self.workers)
        ]
        for child in self.children:
            child.start()

    def _await_answer(self) -> None:
        while not self.stopping:
            for child in self.children:
                if child.has_ended():
                    raise TreeFailed(f"the {child.name} ended during its start. Its log is above")
            try:
                return self.endpoint.probe()
            except OSError:
                time.sleep(0.05)

    def _mend(self, start_database: Callable[[], str]) -> None:
        self._bury_orphans()
        try:
            with self._ended_by_signals():
                start_database()  # idempotent: starts a PostgreSQL again that was killed
        except EmbeddedServerError as error:
            # For example a full disk. The tree goes on by itself when a person has freed it.
            log.error("database cannot be started, trying again", reason=str(error), seconds=AGAIN_SECONDS)
            self._wait(AGAIN_SECONDS)
            return
        for child in self.children:
            if not child.has_ended() and child.watch.is_frozen():
                self._kill_frozen(child)
            if child.has_ended() and time.monotonic() - child.started > RESTART_SECONDS:
                log.error("process ended, starting it again", process=child.name)
                child.start()

    def _kill_frozen(self, child: Child) -> None:
        # Import it here: prometheus_client chooses its mode when it is imported.
        from consentory.services.process_metrics import count_frozen

        assert child.process is not None
        log.error("process is frozen, killing it", process=child.name, pid=child.process.pid, seconds=FROZEN_SECONDS)
        count_frozen()
        child.kill()

    def _bury_orphans(self) -> None:
        """As process 1 of a container, collect ended processes whose parents ended before them."""
        own = {child.process.pid for child in self.children if child.process is not None}
        while os.getpid() == 1:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid in own:
                return
            with suppress(ChildProcessError):
                os.waitpid(ended.si_pid, os.WNOHANG)

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < ends:
            time.sleep(0.1)

    def _stop_children(self) -> None:
        running = [(child, child.process) for child in self.children if child.process is not None]
        for _, process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child, process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                process.wait()
