"""Each error of the database becomes an error of the store. A fault of the data is StoreRefused, a fault that passes
is StoreUnavailable, and every other error is StatementRefused."""

# ruff: noqa: PT012 -- the transaction as a whole is what raises

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Json
from sample_rows import THEN

from consentory.errors import OutcomeUnknown, StatementRefused, StoreBusy, StoreRefused, StoreUnavailable
from consentory.store.database import LEASE_SECONDS, Database, Transaction, translate, wait_for_notice
from consentory.store.tables import account_store, credential_store, profile_store

KEY = bytes(15) + b"\1"


@pytest.fixture
def service(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "consentory_service", size=3)
    yield database
    database.close()


@pytest.fixture
def worker(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "consentory_worker", size=2)
    yield database
    database.close()


@pytest.fixture
def killer(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def cut(killer: psycopg.Connection, tx: Transaction) -> None:
    """Cut a transaction's connection as an administrator or a crash would, and wait until it is."""
    pid = tx.connection.info.backend_pid
    killer.execute("SELECT pg_terminate_backend(%s)", [pid])
    deadline = time.monotonic() + 10
    while killer.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchall():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def put_key(tx: Transaction, profile_id: int = 1) -> None:
    profile_store.change_alternate_keys(tx, [], [(KEY, profile_id, "CRM", "c-1")])


def count_keys(database: Database) -> int:
    with database.transaction(1) as tx:
        return len(profile_store.find_holders(tx, [KEY]))


# Connections cut -------------------------------------------------------------------------------------------------


def test_a_connection_cut_in_a_transaction_is_unavailable_and_nothing_was_done(
    service: Database, killer: psycopg.Connection
) -> None:
    with pytest.raises(StoreUnavailable), service.transaction(1) as tx:
        put_key(tx)
        cut(killer, tx)
        profile_store.read_clock(tx)
    assert count_keys(service) == 0


def test_a_connection_cut_at_the_commit_of_a_change_is_unknown(service: Database, killer: psycopg.Connection) -> None:
    """It was lost before the commit, but from here nobody can tell."""
    with pytest.raises(OutcomeUnknown), service.transaction(1) as tx:
        put_key(tx)
        cut(killer, tx)
    assert count_keys(service) == 0


def test_a_connection_cut_at_the_end_of_mere_reading_is_unavailable(
    service: Database, killer: psycopg.Connection
) -> None:
    with pytest.raises(StoreUnavailable), service.transaction(1) as tx:
        profile_store.read_clock(tx)
        cut(killer, tx)


def test_a_connection_cut_in_a_savepoint_is_unavailable(worker: Database, killer: psycopg.Connection) -> None:
    with pytest.raises(StoreUnavailable), worker.transaction(1) as tx, tx.savepoint():
        cut(killer, tx)
        put_key(tx)
    assert count_keys(worker) == 0


def test_a_connection_cut_in_a_stream_is_unavailable(worker: Database, killer: psycopg.Connection) -> None:
    with pytest.raises(StoreUnavailable), worker.transaction(1) as tx:
        rows = tx.stream("read_clock", size=1)
        assert next(rows)
        cut(killer, tx)
        list(rows)


def test_the_pool_recovers_from_all_its_connections_cut_while_idle(
    service: Database, killer: psycopg.Connection
) -> None:
    with service.transaction(1) as one, service.transaction(1) as two:
        profile_store.read_clock(one)
        profile_store.read_clock(two)
    killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(4):
        assert count_keys(service) == 0


def test_the_pool_recovers_again_and_again(service: Database, killer: psycopg.Connection) -> None:
    for _ in range(5):  # more often than it has connections
        with pytest.raises(StoreUnavailable), service.transaction(1) as tx:
            cut(killer, tx)
            put_key(tx)
    assert count_keys(service) == 0


def test_a_new_connection_is_set_up_like_the_first(service: Database, killer: psycopg.Connection) -> None:
    with pytest.raises(StoreUnavailable), service.transaction(1) as tx:
        cut(killer, tx)
        put_key(tx)
    with service.transaction(1) as tx:
        role, account_id = tx.connection.execute("SELECT current_user, current_account()").fetchone() or (None, None)
    assert (role, account_id) == ("consentory_service", 1)


def test_a_listener_cut_off_is_told(worker: Database, killer: psycopg.Connection) -> None:
    with pytest.raises(StoreUnavailable), worker.listen("consentory_work") as notices:
        killer.execute("SELECT pg_terminate_backend(%s)", [notices.info.backend_pid])
        for _ in range(50):
            wait_for_notice(notices, 0.2)


def test_a_listener_hears(worker: Database, service: Database) -> None:
    with worker.listen("consentory_work") as notices:
        assert not wait_for_notice(notices, 0.01)
        with service.transaction() as tx:
            tx.run("notify_work")
        assert wait_for_notice(notices, 5)


def test_no_server_is_unavailable(database_url: str) -> None:
    database = Database(make_conninfo(database_url, port="1"), "consentory_service", size=2, wait_seconds=0.3)
    try:
        with pytest.raises(StoreUnavailable), database.transaction(1):
            pass
        with pytest.raises(StoreUnavailable), database.listen("consentory_work"):
            pass
    finally:
        database.close()


def test_a_pool_with_all_connections_taken_is_unavailable(database_url: str) -> None:
    database = Database(database_url, "consentory_service", size=1, wait_seconds=0.2)
    try:
        with database.transaction(1), pytest.raises(StoreUnavailable), database.transaction(1):
            pass
        assert count_keys(database) == 0
    finally:
        database.close()


# Time-outs -------------------------------------------------------------------------------------------------------


def test_a_statement_that_takes_too_long_is_unavailable(service: Database) -> None:
    with pytest.raises(StoreUnavailable), service.transaction(1) as tx:
        put_key(tx)
        tx.connection.execute("SET LOCAL statement_timeout = '50ms'")
        tx.connection.execute("SELECT pg_sleep(5)")
    assert count_keys(service) == 0


def test_waiting_for_a_lock_too_long_is_unavailable(service: Database) -> None:
    with service.transaction(1) as first:
        put_key(first)
        with pytest.raises(StoreUnavailable), service.transaction(1) as second:
            second.connection.execute("SET LOCAL statement_timeout = '50ms'")
            put_key(second)
    assert count_keys(service) == 1


def test_a_frozen_transaction_loses_its_locks_and_finds_out_before_it_commits(service: Database) -> None:
    with pytest.raises(StoreUnavailable), service.transaction(1) as frozen:
        put_key(frozen)
        frozen.connection.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
        with service.transaction(1) as other:
            put_key(other, 2)  # waits for the frozen one until that is gone
    with service.transaction(1) as tx:
        assert profile_store.find_holders(tx, [KEY]) == {KEY: 2}


@pytest.mark.parametrize("role", ["consentory_service", "consentory_worker"])
def test_no_session_holds_a_claim_longer_than_a_lease(database_url: str, role: str) -> None:
    database = Database(database_url, role, size=2)  # type: ignore[arg-type]
    try:
        with database.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT name, setting::int FROM pg_settings"
                " WHERE name IN ('idle_in_transaction_session_timeout', 'statement_timeout')"
            ).fetchall()
    finally:
        database.close()
    assert LEASE_SECONDS <= 30
    assert dict(rows) == dict.fromkeys(
        ("idle_in_transaction_session_timeout", "statement_timeout"), LEASE_SECONDS * 1000
    )


def test_a_deadlock_is_unavailable_for_one_and_passes_for_the_other(
    service: Database, killer: psycopg.Connection
) -> None:
    for client_id in ("one", "two"):
        with service.transaction() as tx:
            account_store.create_account(tx, client_id)
    gate = threading.Barrier(2, timeout=10)

    def take(first: int, second: int) -> str:
        try:
            with service.transaction() as tx:
                tx.set_account(first)
                account_store.reserve_profile_ids(tx, 1)
                gate.wait()
                tx.set_account(second)
                account_store.reserve_profile_ids(tx, 1)
        except StoreUnavailable:
            return "unavailable"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(take, (1, 2), (2, 1)))
    assert sorted(answers) == ["done", "unavailable"]


# The data's fault ------------------------------------------------------------------------------------------------


def test_a_unique_violation_names_its_constraint(service: Database, worker: Database) -> None:
    with service.transaction(1) as tx:
        put_key(tx)
    for database in (service, worker):  # one inserts, the other copies
        with pytest.raises(StoreRefused) as refusal, database.transaction(1) as tx:
            put_key(tx, 2)
        assert (refusal.value.sqlstate, refusal.value.constraint) == ("23505", "alternate_key_pkey")


def test_a_check_violation_names_its_constraint(worker: Database) -> None:
    with pytest.raises(StoreRefused) as refusal, worker.transaction(1) as tx:
        profile_store.change_contact_keys(tx, [], [(KEY, 1, "X", "value")])
    assert (refusal.value.sqlstate, refusal.value.constraint) == ("23514", "contact_key_kind_check")


def test_what_is_refused_in_a_savepoint_is_undone_and_the_rest_stays(worker: Database) -> None:
    other = bytes(15) + b"\2"
    with worker.transaction(1) as tx:
        put_key(tx)
        with pytest.raises(StoreRefused), tx.savepoint():
            profile_store.change_alternate_keys(tx, [], [(other, 2, "CRM", "c-2"), (KEY, 2, "CRM", "c-1")])
    with worker.transaction(1) as tx:
        assert profile_store.find_holders(tx, [KEY, other]) == {KEY: 1}


def test_json_that_the_database_cannot_hold_is_the_datas_fault(worker: Database, service: Database) -> None:
    for database in (worker, service):
        with pytest.raises(StoreRefused) as refusal, database.transaction(1) as tx:
            profile_store._put_rows(tx, "profile", [(1, Json(b'{"a": "no end'), THEN, THEN, True, None, None, None)])
        assert refusal.value.sqlstate[:2] == "22"


@pytest.mark.parametrize(
    "write",
    [
        lambda tx: profile_store.change_alternate_keys(tx, [], [(KEY, 1, "CRM", "a\0b")]),
        lambda tx: profile_store.change_tags(tx, [("a\0b", "a\0b", 1)]),
    ],
    ids=["key", "tag"],
)
def test_a_text_that_the_driver_refuses_is_the_datas_fault(
    worker: Database, service: Database, write: Callable[[Transaction], None]
) -> None:
    """A NUL never reaches PostgreSQL: psycopg refuses it, without an SQLSTATE. Waiting would never help."""
    for database in (worker, service):
        with pytest.raises(StoreRefused), database.transaction(1) as tx:
            write(tx)


def test_a_look_up_by_a_text_with_a_nul_is_the_callers_fault(service: Database) -> None:
    """A caller may send any text as a client_id. A refused text is no outage."""
    with pytest.raises(StoreRefused), service.transaction() as tx:
        credential_store.find_credential(tx, "a\0b")


@pytest.mark.parametrize("sqlstate", ["22P05", "22003", "23505", "23502", "23514"])
def test_classes_22_and_23_are_the_datas_fault(sqlstate: str) -> None:
    assert isinstance(translate(psycopg.errors.lookup(sqlstate)("")), StoreRefused)


WAITED_OUT = ["08006", "40001", "40P01", "53300", "53100", "55P03", "57014", "57P01", "58030", "25P03"]


@pytest.mark.parametrize("sqlstate", WAITED_OUT)
def test_what_is_not_the_datas_fault_is_waited_out(sqlstate: str) -> None:
    """execution.md, "While it runs": 08, 40, 53, 55, 57, 58; and a transaction that was idle for too long."""
    error = translate(psycopg.errors.lookup(sqlstate)(""))
    assert isinstance(error, StoreUnavailable)
    assert isinstance(error, StoreBusy) == (sqlstate[:2] in ("40", "53", "55", "58") or sqlstate == "57014")


@pytest.mark.parametrize("sqlstate", ["42501", "42601", "42703", "42883", "42P01", "XX000", "XX001", "54000", "0A000"])
def test_another_error_is_no_reason_to_try_again_at_once(sqlstate: str) -> None:
    error = translate(psycopg.errors.lookup(sqlstate)(""))
    assert isinstance(error, StatementRefused)
    assert sqlstate in str(error)


def test_no_error_tells_the_data(service: Database) -> None:
    with service.transaction(1) as tx:
        put_key(tx)
    with pytest.raises(StoreRefused) as refusal, service.transaction(1) as tx:
        put_key(tx)
    assert "c-1" not in str(refusal.value)
    assert str(UUID(bytes=KEY)) not in str(refusal.value)
