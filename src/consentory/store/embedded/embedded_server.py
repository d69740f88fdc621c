"""A PostgreSQL server of our own in a data folder: create, start, recover, share and stop it.

It needs no installed PostgreSQL and no configuration. Its rules:

- It never deletes `postmaster.pid`, and never kills a process by a number from a file.
- A start waits as long as the recovery takes.
- The server ends with its launcher.
- Only the user who started the server can connect.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consentory.store.embedded.server_binaries import find_binaries, make_reachable, read_major
from consentory.store.embedded.server_cluster import (
    check_major,
    choose_shared_buffers_mb,
    create_cluster,
    list_settings,
    read_predecessor,
    remove_leftovers,
)
from consentory.store.embedded.server_folder import DataFolder
from consentory.store.embedded.server_process import (
    EmbeddedServerError,
    ServerAccount,
    ServerProcess,
    choose_account,
)

__all__ = ["EmbeddedServer", "EmbeddedServerError"]

PREDECESSOR_PATIENCE_S = 60.0
REPORT_EVERY_S = 10.0
# The messages of PostgreSQL while an old server, killed or stopping, still holds the cluster.
PREDECESSOR_SIGNS = (
    "pre-existing shared memory block",
    'postmaster.pid" already exists',
    '.lock" already exists',
)
# An earlier launcher may still be stopping its server on the same socket. This asks which server answers.
ANSWERING_PID: LiteralString = r"SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int"

_log = structlog.get_logger(__name__)


class EmbeddedServer:
    """A PostgreSQL server of our own in a data folder. Context manager.

    `data_dir` is created if it is not there; its layout is in `server_folder`. `binaries` is the folder that
    holds `bin/postgres` (15 or later), by default the ones installed with Consentory. `shared_buffers_mb` is
    by default a quarter of the memory, at most 4096. The object survives a fork: only the process that
    started the server stops it.
    """

    def __init__(self, data_dir: Path, *, binaries: Path | None = None, shared_buffers_mb: int | None = None) -> None:
        self._folder = DataFolder(data_dir)
        self._binaries = binaries
        self._shared_buffers_mb = shared_buffers_mb or choose_shared_buffers_mb()
        self._conninfo: str | None = None
        self._process: ServerProcess | None = None
        self._lock: int | None = None
        self._socket_folder: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def owned(self) -> bool:
        """True if a server that this object started is running. `stop` ends only such a server."""
        return self._process is not None and self._process.is_running

    @property
    def conninfo(self) -> str:
        """The value that `start` returned. Raises EmbeddedServerError before `start`."""
        if self._conninfo is None:
            raise EmbeddedServerError("The embedded server has not been started.")
        return self._conninfo

    def start(self) -> str:
        """Returns the libpq conninfo of a running server. It has the password, so never log it.

        The connection is to the database `consentory` over the Unix socket, as owner and superuser `consentory`.
        Creates the cluster, and recovers it after a crash, however long that takes. If the server of another launcher
        runs on the folder, the result is the address of that server. Raises EmbeddedServerError.
        """
        if self.owned and self._conninfo is not None:
            return self._conninfo
        self.stop()
        self._folder.prepare()
        reported = time.monotonic()
        while (lock := self._folder.try_lock()) is None:
            shared = self._find_shared()
            if shared is not None:
                self._conninfo = shared
                return shared
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                _log.info("embedded_server_awaits_other_launcher", data_folder=str(self._folder.path))
            time.sleep(0.1)
        self._lock = lock
        try:
            self._conninfo = self._start_owned()
        except (OSError, psycopg.Error) as error:
            self.stop()
            raise EmbeddedServerError(f"The data folder {self._folder.path} cannot be used: {error}") from error
        except BaseException:
            self.stop()
            raise
        return self._conninfo

    def stop(self) -> None:
        """Shut down our server cleanly and fast, if there is one. A shared server goes on. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()
        if self._socket_folder is not None:
            with suppress(OSError):  # not empty: it is the server's own folder, or still in use
                self._socket_folder.rmdir()
        self._socket_folder = None
        self._conninfo = None
        if self._lock is not None:
            os.close(self._lock)  # closed and not unlocked, because a fork must not release its parent's lock
            self._lock = None

    def read_secret_key(self, *, make: bool) -> str | None:
        """The key in the file `secret-key` of the folder. None: there is no file. With `make` the file is made."""
        return self._folder.read_secret_key(make=make)

    def erase(self) -> None:
        """Stops our server and removes the data for good, also root's data outside the folder.

        Raises EmbeddedServerError if the server of another launcher runs on it.
        """
        self.stop()
        if not self._folder.path.exists():
            return
        self._folder.prepare()
        lock = self._folder.try_lock()
        if lock is None:
            raise EmbeddedServerError(f"{self._folder.path} is in use by another process. Stop that process first.")
        try:
            self._folder.erase()
        finally:
            os.close(lock)

    def _find_shared(self) -> str | None:
        """Wait for the server of the other launcher, until it answers and has our database."""
        conninfo = self._folder.read_conninfo()
        if conninfo is not None:
            with suppress(psycopg.OperationalError):
                psycopg.connect(conninfo, connect_timeout=5).close()
                return conninfo
        return None

    def _start_owned(self) -> str:
        binaries = find_binaries(self._binaries)
        major = read_major(binaries)
        account = choose_account()
        home = self._folder.find_home(account)
        server = home / "server"
        cluster = server / "cluster"
        check_major(cluster, major)
        remove_leftovers(server)
        binaries = make_reachable(binaries, account, home)
        self._socket_folder = self._folder.choose_socket_folder(server, account)
        conninfo = self._folder.read_or_make_conninfo(self._socket_folder, cluster_exists=cluster.exists())
        with self._folder.open_log() as log:
            if not cluster.exists():
                create_cluster(
                    self._folder,
                    server,
                    initdb=binaries / "bin" / "initdb",
                    major=major,
                    account=account,
                    password=str(conninfo_to_dict(conninfo)["password"]),
                    log=log,
                )
            free_disk_mb = shutil.disk_usage(cluster).free // 2**20
            command = [str(binaries / "bin" / "postgres"), "-D", str(cluster)]
            settings = list_settings(self._socket_folder, self._shared_buffers_mb, free_disk_mb)
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            self._launch(command, account, cluster, conninfo, log)
        _ensure_database(conninfo)
        return conninfo

    def _launch(self, command: list[str], account: ServerAccount, cluster: Path, conninfo: str, log: int) -> None:
        """Start the server. Try again while an earlier server is still stopping."""
        first = reported = time.monotonic()
        while True:
            since = self._folder.measure_log()
            self._process = ServerProcess(command, account, log)
            if self._await_ready(self._process, conninfo):
                return
            said = self._folder.read_log(since)
            if not any(sign in said for sign in PREDECESSOR_SIGNS):
                raise EmbeddedServerError(f"PostgreSQL did not start. Its log says:\n{said}")
            pid, state = read_predecessor(cluster)
            if state == "stopping":
                first = time.monotonic()
            if time.monotonic() - first > PREDECESSOR_PATIENCE_S:
                raise EmbeddedServerError(
                    f"The data in {cluster} is in use: PostgreSQL names process {pid}. If that is a "
                    "PostgreSQL server, stop it. If it is another program, which got the number of a server "
                    f"that was killed, remove {cluster / 'postmaster.pid'}. The log says:\n{said}"
                )
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                _log.info("embedded_server_awaits_predecessor", pid=pid, state=state)
            time.sleep(0.2)

    def _await_ready(self, process: ServerProcess, conninfo: str) -> bool:
        """True if our process answers, False if it has ended. There is no time-out, because a recovery may be long."""
        began = reported = time.monotonic()
        pause = 0.02
        while process.is_running:
            try:
                with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), connect_timeout=5) as connection:
                    row = connection.execute(ANSWERING_PID).fetchone()
                    if row is not None and row[0] == process.pid:
                        return True
            except psycopg.Error as error:
                if "password authentication failed" in str(error):
                    raise EmbeddedServerError(
                        f"The password in {self._folder.path / 'conninfo'} is not the one of the data: "
                        "restore the file that belongs to it."
                    ) from error
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                _log.info("embedded_server_starting", seconds=round(reported - began))
            process.wait(pause)
            pause = min(pause * 1.5, 0.5)
        return False


def _ensure_database(conninfo: str) -> None:
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'consentory'").fetchone()
        if found is None:
            connection.execute("CREATE DATABASE consentory")
