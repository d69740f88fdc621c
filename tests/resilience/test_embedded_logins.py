"""`consentory up` logs in as roles that can do no more than serve requests and work imports off."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from embedded_scene import open_server
from psycopg.conninfo import conninfo_to_dict
from running_server import find_free_port
from started_processes import started, up
from waiting import wait_for

from consentory.store.embedded.embedded_server import EmbeddedServer
from consentory.store.embedded.server_logins import SERVER_LOGIN, WORKER_LOGIN, Logins, open_logins
from consentory.store.migration import migrate


@pytest.fixture(scope="module")
def logins(embedded: EmbeddedServer) -> Logins:
    migrate(embedded.conninfo)
    return open_logins(embedded.conninfo)


def find_refusal(conninfo: str, statement: str, role: str | None = None) -> str | None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if role is not None:
            connection.execute(f"SET ROLE {role}")
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
    return None


@pytest.mark.slow
def test_the_processes_of_up_are_no_superuser(place: Path) -> None:
    with started(*up(place / "data", find_free_port())) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Consentory is up")
        with open_server(place / "data") as shared, psycopg.connect(shared.conninfo) as owner:
            owner.autocommit = True

            def list_sessions() -> set[tuple[object, ...]]:
                return set(
                    owner.execute(
                        "SELECT DISTINCT split_part(application_name, '/', 1), usename, usesuper"
                        " FROM pg_stat_activity JOIN pg_user USING (usename)"
                        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                    )
                )

            expected = {("consentory_service", SERVER_LOGIN, False), ("consentory_worker", WORKER_LOGIN, False)}
            rows = wait_for(list_sessions, expected.issubset)  # the worker connects a moment later
            assert not any(superuser for _, _, superuser in rows)
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE consentory",
        "SET ROLE consentory_worker",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE TABLE mine (id integer)",
        "ALTER TABLE account DISABLE ROW LEVEL SECURITY",
        "DROP TABLE audit_event",
        "DELETE FROM audit_event",
        "CREATE ROLE more",
        "ALTER ROLE consentory PASSWORD 'x'",
        "INSERT INTO schema_migration VALUES (9999, 'x', 'x')",
    ],
)
def test_the_servers_login_can_do_no_more(logins: Logins, statement: str) -> None:
    for role in (None, "consentory_service"):
        assert find_refusal(logins.server, statement, role) == "42501", role


@pytest.mark.parametrize("statement", ["SET ROLE consentory", "DROP TABLE account", "CREATE TABLE mine (id integer)"])
def test_nor_can_the_workers(logins: Logins, statement: str) -> None:
    assert find_refusal(logins.worker, statement) == "42501"
    assert find_refusal(logins.worker, "SELECT 1", "consentory_worker") is None


def test_the_walls_hold_for_both_before_any_role_is_set(embedded: EmbeddedServer, logins: Logins) -> None:
    with psycopg.connect(embedded.conninfo, autocommit=True) as owner:
        owner.execute("INSERT INTO account (account_id, client_id, revision) VALUES (7, 'WALLED', 0)")
        owner.execute("INSERT INTO credential (account_id, client_id, user_id, secret_hash) VALUES (7, 'c', 'u', 'h')")
    for conninfo in (logins.server, logins.worker):
        with psycopg.connect(conninfo) as connection:
            assert connection.execute("SELECT count(*) FROM credential").fetchone() == (0,)


def test_an_up_to_date_schema_takes_no_right_to_make_tables(logins: Logins) -> None:
    assert migrate(logins.server) == migrate(logins.worker) == []


def test_the_logins_are_the_same_for_every_tree(embedded: EmbeddedServer, logins: Logins) -> None:
    assert open_logins(embedded.conninfo) == logins
    passwords = {conninfo_to_dict(one)["password"] for one in (embedded.conninfo, logins.server, logins.worker)}
    assert len(passwords) == 3


def test_the_worker_may_end_a_frozen_session_of_the_server(logins: Logins) -> None:
    with psycopg.connect(logins.server) as frozen, psycopg.connect(logins.worker, autocommit=True) as worker:
        query = "SELECT pg_has_role(usesysid, 'USAGE') AND query IS NOT NULL FROM pg_stat_activity WHERE pid = %s"
        assert worker.execute(query, [frozen.info.backend_pid]).fetchone() == (True,)
        assert worker.execute("SELECT pg_terminate_backend(%s)", [frozen.info.backend_pid]).fetchone() == (True,)
