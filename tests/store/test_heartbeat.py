"""A session is ended when its process is frozen, and never while that works, however long a result takes."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from waiting import let_pass

from consentory.errors import StoreUnavailable
from consentory.store import database as database_module
from consentory.store.database import Database

LEASE = 3
LONG_RESULT = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"


@pytest.fixture
def quick(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The lease is 3 s here, because tests cannot wait for the real one."""
    monkeypatch.setattr(database_module, "LEASE_SECONDS", LEASE)
    database = Database(database_url, "consentory_service", size=1)
    yield database
    database.close()


def count_waiting(watcher: psycopg.Connection) -> int:
    row = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE state = 'active' AND wait_event = 'ClientWrite' AND application_name LIKE 'consentory_service/%'"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_a_session_that_waits_long_for_a_process_that_works_goes_on(quick: Database, database_url: str) -> None:
    watcher = psycopg.connect(database_url, autocommit=True)
    with watcher, quick.transaction() as tx, tx.connection.cursor() as cursor:
        rows = cursor.stream(LONG_RESULT)
        next(rows)
        let_pass(LEASE, because="a lease lasts so long")
        assert count_waiting(watcher) == 1
        assert quick.end_frozen_sessions() == 0
        assert sum(1 for _ in rows) == 999_999


def test_a_session_of_a_process_that_is_frozen_is_ended(quick: Database, database_url: str) -> None:
    watcher = psycopg.connect(database_url, autocommit=True)
    with watcher, pytest.raises(StoreUnavailable), quick.transaction() as tx:  # noqa: PT012, SIM117
        with tx.connection.cursor() as cursor:
            rows = cursor.stream(LONG_RESULT)
            next(rows)
            quick.heartbeat.stop()  # as a process that is stopped: nothing of it moves any more
            let_pass(LEASE, because="a lease lasts so long")
            assert count_waiting(watcher) == 1
            assert quick.end_frozen_sessions() == 1
            list(rows)
