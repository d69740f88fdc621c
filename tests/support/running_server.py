"""A real Consentory for tests: PostgreSQL, server process and workers, all as real processes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from uuid import uuid4

import citus_cluster
import psycopg
import yaml
from waiting import let_pass

from consentory.bootstrap.composition import open_services
from consentory.services.access.secret_box import SecretBox
from consentory.services.service_set import Services
from consentory.store.embedded.embedded_server import EmbeddedServer
from consentory.store.migration import migrate

ACME = Path(__file__).parents[1] / "accounts" / "acme.yaml"
SECRET_KEY = "c2VjcmV0IGtleSBvZiB0aGUgdGVzdHM="
"""Of every server and of all services that tests run: keys in the database are encrypted under it."""
ENGINE_VARIABLE = "CONSENTORY_TEST_BINARIES"
"""Directory of another PostgreSQL's binaries (bin/postgres beneath) to run the whole suite against."""


@contextmanager
def running_engine() -> Iterator[str]:
    """A PostgreSQL of our own in a temporary folder, or the coordinator of a Citus cluster; the conninfo of its
    owner."""
    if citus_cluster.is_wanted():
        with citus_cluster.running_cluster() as cluster:
            yield cluster.coordinator.conninfo()
        return
    folder = Path(tempfile.mkdtemp(prefix="consentory-test-"))
    folder.chmod(0o755)
    binaries = os.environ.get(ENGINE_VARIABLE)
    server = EmbeddedServer(folder / "data", binaries=Path(binaries) if binaries else None, shared_buffers_mb=128)
    try:
        conninfo = server.start()
        _stop_syncing(conninfo)
        yield conninfo
    finally:
        server.erase()
        shutil.rmtree(folder, ignore_errors=True)


def _stop_syncing(conninfo: str) -> None:
    """Let this PostgreSQL not wait for the disk: to drop a test's database would take half a second.

    Only a crash of the machine loses what was not written. Tests of crashes kill processes of servers of their own.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def create_database(conninfo: str, template: str | None = None) -> str:
    """A database of its own beside the engine's; its conninfo."""
    name = f"test_{uuid4().hex[:12]}"
    if citus_cluster.is_wanted():
        return citus_cluster.find_running().create_database(name, is_migrated=template is not None)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    return psycopg.conninfo.make_conninfo(conninfo, dbname=name)


def drop_database(conninfo: str, database_url: str) -> None:
    """Drop what create_database made, whoever is still connected."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    if citus_cluster.is_wanted():
        citus_cluster.find_running().drop_database(str(name))
        return
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def make_template(conninfo: str) -> str:
    """The name of a migrated database to copy. On Citus each database is made anew."""
    if citus_cluster.is_wanted():
        return "made anew"
    url = create_database(conninfo)
    migrate(url)
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def find_free_port() -> int:
    """A port that is free now and that no client's socket takes by itself: it lies below Linux's ephemeral ports."""
    while True:
        port = random.randrange(20_000, 32_000)  # at random, so that tests beside this one seldom meet
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class AccountAccess:
    """A fresh account on a running server, and a credential of its user `nightly`."""

    url: str
    account: str
    client_id: str
    client_secret: str
    user: str
    database_url: str
    services: Services
    account_id: int


@dataclass
class RunningServer:
    """`consentory serve` and workers over one database. On a Citus cluster each process is at the next node."""

    database_url: str
    workers: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start all processes and wait until the server answers."""
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(tempfile.mkstemp(prefix="consentory-test-", suffix=".log")[1])
        self.services = open_services(self.database_url, SecretBox([SECRET_KEY]))
        self._spawn("serve", "--port", str(self.port))
        for _ in range(self.workers):
            self._spawn("worker")
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except (URLError, OSError):
                if time.monotonic() > deadline or self.processes[0].poll() is not None:
                    raise RuntimeError(f"the server did not come up:\n{self.log.read_text()[-3000:]}") from None
                let_pass(0.05, because="the next look whether the server answers")

    def start_worker(self) -> None:
        """One more worker."""
        self._spawn("worker")

    def _spawn(self, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
        url = self.database_url
        if citus_cluster.is_wanted():
            url = citus_cluster.find_node(url, len(self.processes))
        environment |= {"CONSENTORY_DATABASE_URL": url, "CONSENTORY_PARENT": str(os.getpid())}
        environment |= {"CONSENTORY_SECRET_KEY": SECRET_KEY}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "consentory", *arguments],
                env=environment | self.environment,
                stderr=log,
                stdout=log,
                start_new_session=True,
            )
        self.processes.append(process)

    def stop(self) -> None:
        """Stop all processes."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.services.close()
        self.log.unlink(missing_ok=True)

    def create_account(
        self, change: Callable[[dict], None] | None = None, user: str = "nightly", client_id: str | None = None
    ) -> AccountAccess:
        """A new account from tests/accounts/acme.yaml under a clientId of its own, after `change`."""
        document = yaml.safe_load(ACME.read_text("utf-8"))
        name = client_id or f"T{uuid4().hex[:10].upper()}"
        document["account"]["clientId"] = name
        if change is not None:
            change(document)
        self.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
        return self.give_access(name, user)

    def give_access(self, account: str, user: str = "nightly") -> AccountAccess:
        """A new credential of one of the account's users."""
        account_id = self.services.accounts.find_account(account)
        client_id, secret = self.services.authentication.create_credential(account_id, user)
        return AccountAccess(
            url=self.url,
            account=account,
            client_id=client_id,
            client_secret=secret,
            user=user,
            database_url=self.database_url,
            services=self.services,
            account_id=account_id,
        )


@contextmanager
def own_server(engine: str, template: str, workers: int = 1, **environment: str) -> Iterator[RunningServer]:
    """A running server over a database of its own, both gone at the end."""
    database_url = create_database(engine, template)
    server = RunningServer(database_url, workers, environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        drop_database(engine, database_url)
