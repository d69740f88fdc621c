"""Fixtures: a PostgreSQL per test process, a database per test that asks, one running Consentory per test process."""

from __future__ import annotations

import logging
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from command_line import CONSENTORY, Run, make_environment
from embedded_scene import open_place, run_server
from live_account import LiveStore
from marker_rules import StartGuard, find_kinds
from permission_users import PermissionUsers
from running_server import (
    AccountAccess,
    RunningServer,
    create_database,
    drop_database,
    make_template,
    running_engine,
)
from wire_client import WireClient

from consentory.store.embedded.embedded_server import EmbeddedServer

# A shell starts what it runs in the background with interrupts ignored, and children inherit that: tests that
# interrupt a process would wait for nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The events of services that run inside the tests would bury what a failure says.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

_guard = StartGuard()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its kinds, before `-m` chooses by them."""
    for item in items:
        for kind in find_kinds(item) - {mark.name for mark in item.iter_markers()}:
            item.add_marker(kind)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let only tests of processes start processes."""
    if item.get_closest_marker("processes"):
        return (yield)
    with _guard.forbidding(item.nodeid):
        return (yield)


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The conninfo of a running PostgreSQL's owner (the embedded one, or that of CONSENTORY_TEST_BINARIES)."""
    with running_engine() as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def template(engine: str) -> str:
    """The name of a migrated database to copy."""
    return make_template(engine)


@pytest.fixture
def database_url(engine: str, template: str) -> Iterator[str]:
    """The conninfo of a migrated, empty database of the test's own."""
    url = create_database(engine, template)
    yield url
    drop_database(engine, url)


@pytest.fixture(scope="session")
def running(engine: str, template: str) -> Iterator[RunningServer]:
    """One running server with a worker, shared by all tests of the process."""
    server = RunningServer(create_database(engine, template), workers=1)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(running: RunningServer) -> AccountAccess:
    """The running server with an account of the test's own."""
    return running.create_account()


@pytest.fixture
def ours(server: AccountAccess) -> Iterator[WireClient]:
    """A client of the test's own account."""
    with WireClient(server) as client:
        yield client


@pytest.fixture
def environment(server: AccountAccess) -> dict[str, str]:
    """The environment of a client of the test's own account."""
    return make_environment(server)


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs `consentory` with words in the test's own folder; keywords go into its environment."""

    def run_command(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CONSENTORY, *words],
            env={**environment, **more},
            cwd=tmp_path,
            capture_output=True,
            encoding=more.get("PYTHONIOENCODING", "utf-8"),
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run_command


@pytest.fixture(scope="module")
def store(engine: str, template: str) -> Iterator[LiveStore]:
    """The services over a database of the module's own, without HTTP."""
    url = create_database(engine, template)
    live = LiveStore(url)
    yield live
    live.close()
    drop_database(engine, url)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for data that everybody may pass through; what is left in it is erased."""
    with open_place() as place:
        yield place


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedServer]:
    """A running embedded server for tests that only look at it."""
    with run_server() as server:
        yield server


@pytest.fixture(scope="module")
def users_of(running: RunningServer) -> Iterator[PermissionUsers]:
    """An account with a user for each set of permissions."""
    users_of = PermissionUsers(running)
    yield users_of
    users_of.close()
