"""PostgreSQL refuses a statement of ours: our bug, or a right that somebody took away. Sending again does not help,
so nobody is told to; and it stands in the log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from live_account import LiveStore
from running_server import AccountAccess, RunningServer, own_server
from structlog.testing import capture_logs
from waiting import await_true, let_pass

from consentory.client.api_client import ConsentoryClient
from consentory.errors import StatementRefused, StoreUnavailable
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution.import_execution import Execution
from consentory.store.database import Database
from consentory.store.tables import profile_store

MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}


def make_people(count: int) -> list[dict[str, Any]]:
    return [{"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{n}"}]} for n in range(count)]


@pytest.fixture
def worker(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "consentory_worker", size=2)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("SELECT nothing FROM nowhere", "42P01"),
        ("SELECT nothing FROM profile", "42703"),
        ("SELEKT 1", "42601"),
        ("INSERT INTO credential DEFAULT VALUES", "42501"),
    ],
    ids=["no such table", "no such column", "no SQL", "no right"],
)
def test_a_statement_refused_is_not_waited_out(worker: Database, sql: str, sqlstate: str) -> None:
    with pytest.raises(StatementRefused, match=sqlstate) as refusal, worker.transaction(1) as tx:
        tx.connection.execute(sql)  # type: ignore[call-overload]
    assert refusal.value.sqlstate == sqlstate
    with pytest.raises(StatementRefused), worker.transaction(1) as tx, tx.savepoint():
        tx.connection.execute(sql)  # type: ignore[call-overload]
    with worker.transaction(1) as tx:
        assert profile_store.read_clock(tx)


def test_nor_is_one_that_the_driver_refuses(worker: Database) -> None:
    with pytest.raises(StatementRefused, match="ProgrammingError"), worker.transaction(1) as tx:
        tx.connection.execute("SELECT %(nothing)s", {})


def test_without_its_table_of_migrations_a_database_is_not_ready(worker: Database, database_url: str) -> None:
    store = LiveStore(database_url)
    try:
        store.change("REVOKE SELECT ON schema_migration FROM consentory_worker")
        with pytest.raises(StoreUnavailable, match="schema"):
            worker.check_ready()
        store.change("ALTER TABLE schema_migration RENAME TO elsewhere")
        with pytest.raises(StoreUnavailable, match="schema"):
            worker.check_ready()
    finally:
        store.close()


def test_no_record_is_at_fault_for_a_right_that_the_worker_lacks(database_url: str) -> None:
    """A chunk that fails is split until one record stands alone: not for this."""
    store = LiveStore(database_url)
    try:
        account = store.open_account()
        token = account.initiate(**MATCH)
        account.stage(
            token, [{**person, "CustomFields": [{"Name": "Region", "Value": "N"}]} for person in make_people(5)]
        )
        account.execute(token)
        store.change("REVOKE INSERT ON profile FROM consentory_worker")
        execution = Execution(store.workers, ConfigurationCache(store.workers), quarantine_seconds=0.2)
        assert execution.resolve_next() is not None
        with capture_logs() as events:
            assert execution.process_slice() == 0
        (failure,) = events
        assert failure["event"] == "chunk cannot be processed, trying again later"
        assert "42501" in failure["failure"]
        status = account.status(token)
        assert (status["Status"], status["Pending"], status["Exceptions"]) == ("Processing", 5, 0)
        store.change("GRANT INSERT ON profile TO consentory_worker")
        assert execution.process_slice() is None
        let_pass(0.2, because="the import waits so long after a failure")
        assert [execution.process_slice(), execution.process_slice()] == [2, 3], "the next try is smaller"
        assert account.status(token)["Created"] == 5
    finally:
        store.close()


# Real processes --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(engine: str, template: str) -> Iterator[RunningServer]:
    """A server of this module's own: rights are taken from its roles."""
    with own_server(engine, template) as server:
        yield server


@pytest.fixture
def store(site: RunningServer) -> Iterator[LiveStore]:
    live = LiveStore(site.database_url)
    yield live
    live.close()


def connect(access: AccountAccess) -> ConsentoryClient:
    return ConsentoryClient(access.url, access.account, access.client_id, access.client_secret, access.user)


def wait_for(holds: Callable[[], bool]) -> None:
    await_true(holds, 90)


def queue(client: ConsentoryClient, count: int) -> int:
    """The token of an import of so many new people that waits for its turn."""
    token = client.initiate({"Name": "people", **MATCH})["AccessToken"]
    client.stage(token, json.dumps({"UserProfilePreferences": make_people(count)}).encode())
    client.execute(token)
    return int(token)


@pytest.mark.processes
def test_over_http_it_is_a_fault_of_ours_with_a_reference(site: RunningServer, store: LiveStore) -> None:
    access = site.create_account()
    store.change("REVOKE SELECT ON credential FROM consentory_service")
    try:
        answer = httpx.post(
            f"{site.url}/oauth2/token",
            auth=(access.client_id, access.client_secret),
            data={"grant_type": "client_credentials"},
            trust_env=False,
        )
    finally:
        store.change("GRANT SELECT ON credential TO consentory_service")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "Server.Unexpected")
    assert "Retry-After" not in answer.headers
    assert "send the request again" not in problem["detail"]
    assert answer.headers["X-Request-Id"] in problem["detail"]
    (line,) = (line for line in site.log.read_text("utf-8").splitlines() if '"unexpected"' in line)
    assert re.search(r'StatementRefused [^"]*42501', line)
    assert answer.headers["X-Request-Id"] in line
    assert access.client_id not in line


@pytest.mark.processes
def test_a_schema_that_is_not_there_is_not_ready_over_http(site: RunningServer, store: LiveStore) -> None:
    store.change("ALTER TABLE schema_migration RENAME TO elsewhere")
    try:
        answer = httpx.get(f"{site.url}/readyz", trust_env=False)
    finally:
        store.change("ALTER TABLE elsewhere RENAME TO schema_migration")
    assert (answer.status_code, answer.json()["code"]) == (503, "Server.Unavailable")
    assert httpx.get(f"{site.url}/readyz", trust_env=False).status_code == 200


@pytest.mark.processes
def test_a_worker_without_a_right_goes_on_once_it_has_it(site: RunningServer, store: LiveStore) -> None:
    with connect(site.create_account()) as client:
        store.change("REVOKE UPDATE ON import_chunk FROM consentory_worker")
        try:
            token = queue(client, 70)
            wait_for(lambda: "the database refuses a statement, trying again" in site.log.read_text("utf-8"))
            assert client.status(token)["Pending"] == 70
            assert [process.poll() for process in site.processes] == [None, None]
        finally:
            store.change("GRANT UPDATE ON import_chunk TO consentory_worker")
        wait_for(lambda: client.status(token)["Status"] == "Completed")
        assert client.status(token)["Created"] == 70
