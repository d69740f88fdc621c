"""Fixtures: a PostgreSQL per test process, a database per test that asks, one running Consentory per test process."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest
import structlog

from running_server import (
    AccountAccess,
    RunningServer,
    create_database,
    drop_database,
    make_template,
    running_engine,
)

# A shell starts what it runs in the background with interrupts ignored, and children inherit that: tests that
# interrupt a process would wait for nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The events of services that run inside the tests would bury what a failure says.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


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
