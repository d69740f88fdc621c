"""A Citus cluster of a coordinator and two nodes on loopback, for the tests of `scripts/test-citus`.

The binaries are those of a PostgreSQL in which the operator has installed Citus (`CONSENTORY_CITUS_BINARIES`).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql
from waiting import let_pass

from consentory.store.distribution import distribute
from consentory.store.embedded.server_process import ServerProcess, choose_account, run_child
from consentory.store.migration import migrate

BINARIES_VARIABLE = "CONSENTORY_CITUS_BINARIES"
"""Directory of a PostgreSQL (bin/postgres beneath) in which Citus is installed."""

WANTED_VARIABLE = "CONSENTORY_TEST_CITUS"
"""Set by `scripts/test-citus`: the fixtures take a cluster and not one PostgreSQL."""

NODES, SHARDS = 2, 4
SETTINGS = {
    "shared_preload_libraries": "citus",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_prepared_transactions": "200",
    "wal_level": "logical",
    "max_wal_size": "4GB",
    # Recovery of transactions that a crash left prepared: in tests nobody waits a minute for it.
    "citus.recover_2pc_interval": "2s",
    "citus.enable_statistics_collection": "off",
}


class ClusterMember:
    """One PostgreSQL of the cluster."""

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self._binaries = binaries
        self._folder = folder
        self.port = port
        self._account = choose_account()
        self._process: ServerProcess | None = None

    def conninfo(self, database: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.port} user=consentory dbname={database}"

    def create(self) -> None:
        """Make the cluster folder. The members trust each other, because they listen on loopback only."""
        self._folder.mkdir(mode=0o700)
        self._account.own(self._folder)
        command = [str(self._binaries / "bin/initdb"), "-D", str(self._folder / "data"), "--username=consentory"]
        with self._open_log() as log:
            if run_child([*command, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"], self._account, log):
                raise RuntimeError((self._folder / "log").read_text())

    def start(self, **settings: str) -> None:
        """Start the server, and wait until it takes connections."""
        command = [str(self._binaries / "bin/postgres"), "-D", str(self._folder / "data"), "-p", str(self.port)]
        all_settings = {**SETTINGS, "unix_socket_directories": str(self._folder), **settings}
        command += [f"--{name}={value}" for name, value in all_settings.items()]
        with self._open_log() as log:
            self._process = ServerProcess(command, self._account, log)
        while True:
            with suppress(psycopg.OperationalError), closing(psycopg.connect(self.conninfo(), connect_timeout=2)):
                return
            if not self._process.is_running:
                raise RuntimeError((self._folder / "log").read_text()[-3000:])
            let_pass(0.05, because="the next look whether the server takes connections")

    def kill(self) -> None:
        """Kill the postmaster and all its children at once, as a power cut does."""
        assert self._process is not None
        for pid in (self._process.pid, *self._list_sessions()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(30)

    def run(self, statement: sql.Composable) -> None:
        """Run a statement in the database `postgres`."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(statement)

    def read_processor_seconds(self) -> float:
        """The processor time of the server so far, with all of its sessions."""
        assert self._process is not None
        ticks = sum(map(int, _read_stat(self._process.pid)[11:15]))  # with the sessions that have ended
        for pid in self._list_sessions():
            with suppress(OSError):
                ticks += sum(map(int, _read_stat(pid)[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _list_sessions(self) -> list[int]:
        """The child processes of the postmaster."""
        assert self._process is not None
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if int(_read_stat(int(folder.name))[1]) == self._process.pid:
                    found.append(int(folder.name))
        return found

    def stop(self) -> None:
        if self._process is not None and self._process.is_running:
            self._process.stop()

    @contextmanager
    def _open_log(self) -> Iterator[int]:
        log = os.open(self._folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._account.own(log)
            yield log
        finally:
            os.close(log)


def _read_stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name. The fields 11 to 14 are the processor time."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


class CitusCluster:
    """A coordinator and two nodes. Databases are made on all of them."""

    def __init__(self, binaries: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="consentory-citus-"))
        self._folder.chmod(0o755)
        self._binaries = binaries
        self.coordinator = self.make_member("coordinator")
        self.nodes = [self.make_member(f"node{n}") for n in range(NODES)]
        self.members = [self.coordinator, *self.nodes]

    def make_member(self, name: str) -> ClusterMember:
        """A further server with the same binaries."""
        return ClusterMember(self._binaries, self._folder / name, find_free_port())

    def start(self, *, fsync: str = "off") -> None:
        for member in self.members:
            member.create()
            member.start(fsync=fsync)

    def create_database(self, name: str, *, is_migrated: bool, shards: int = SHARDS) -> str:
        """Make a database with the extension on all members, and connect the members. Returns its conninfo."""
        for member in self.members:
            with psycopg.connect(member.conninfo(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            with psycopg.connect(member.conninfo(name), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION citus")
        with psycopg.connect(self.coordinator.conninfo(name), autocommit=True) as connection:
            connection.execute("SELECT citus_set_coordinator_host('127.0.0.1', %s)", [self.coordinator.port])
            for node in self.nodes:
                connection.execute("SELECT citus_add_node('127.0.0.1', %s)", [node.port])
        url = self.coordinator.conninfo(name)
        if is_migrated:
            migrate(url)
            distribute(url, shards, lambda line: None)
        return url

    def drop_database(self, name: str) -> None:
        for member in self.members:
            with psycopg.connect(member.conninfo(), autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def erase(self) -> None:
        for member in self.members:
            member.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def find_free_port() -> int:
    """A port that is free now, below Linux's ephemeral ports."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def is_wanted() -> bool:
    """Whether the tests run on a cluster."""
    return bool(os.environ.get(WANTED_VARIABLE))


_running: list[CitusCluster] = []


@contextmanager
def running_cluster() -> Iterator[CitusCluster]:
    """The cluster of this test process."""
    binaries = find_citus()
    if binaries is None:
        raise RuntimeError(f"{BINARIES_VARIABLE} names no PostgreSQL with Citus")
    cluster = CitusCluster(binaries)
    try:
        cluster.start()
        _running.append(cluster)
        yield cluster
    finally:
        _running.clear()
        cluster.erase()


def find_running() -> CitusCluster:
    """The cluster that `running_cluster` started."""
    return _running[0]


def find_node(database_url: str, number: int = 0) -> str:
    """The conninfo of the same database at a node."""
    name = str(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])
    return find_running().nodes[number % NODES].conninfo(name)


def find_citus() -> Path | None:
    """The binaries of CONSENTORY_CITUS_BINARIES. None: the variable is not set, or Citus is not installed there."""
    named = os.environ.get(BINARIES_VARIABLE)
    binaries = Path(named) if named else None
    return binaries if binaries is not None and list(binaries.glob("lib/**/citus.so")) else None
