"""Migrations: forward only, once, whoever and however many start them, and refused with a clear word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from running_server import create_database, drop_database
from sample_rows import insert_row, list_walled_tables, make_row

from consentory.errors import StoreUnavailable
from consentory.store import migration
from consentory.store.database import Database
from consentory.store.migration import SchemaMismatch, list_migrations, migrate
from consentory.store.statements import statement

NAMES = [f"{number:04}_{name}" for number, name, _ in list_migrations()]


@pytest.fixture
def empty(engine: str) -> Iterator[str]:
    """A database with nothing in it."""
    url = create_database(engine)
    yield url
    drop_database(engine, url)


def run(url: str, query: str, *parameters: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query, parameters)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def list_objects(url: str) -> list[tuple[object, ...]]:
    """Everything in the schema, to see that nothing was left behind or changed."""
    return run(
        url,
        "SELECT relname::text, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " UNION ALL SELECT proname::text, 'function' FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " UNION ALL SELECT polname::text, polrelid::regclass::text FROM pg_policy ORDER BY 1, 2",
    )


def test_numbers_go_up_and_are_written_with_four_digits() -> None:
    numbers = [number for number, _, _ in list_migrations()]
    assert numbers == sorted(set(numbers))


def test_an_empty_database_gets_the_whole_schema(empty: str) -> None:
    assert migrate(empty) == NAMES
    with psycopg.connect(empty) as owner:
        assert "profile" in list_walled_tables(owner)
    with_numbers = run(empty, "SELECT number, name, length(sha256) FROM schema_migration ORDER BY number")
    assert with_numbers == [(number, name, 64) for number, name, _ in list_migrations()]


def test_a_second_migration_changes_nothing(empty: str) -> None:
    migrate(empty)
    with psycopg.connect(empty) as owner:
        insert_row(owner, "profile", make_row("profile", 1))
    before = list_objects(empty), run(empty, "SELECT * FROM schema_migration")
    assert migrate(empty) == []
    assert (list_objects(empty), run(empty, "SELECT * FROM schema_migration")) == before
    assert run(empty, "SELECT count(*) FROM profile") == [(1,)]


@pytest.mark.processes
def test_several_processes_at_once(empty: str) -> None:
    """One of them applies it, the others wait and find it done."""
    program = "import os; from consentory.store.migration import migrate; print(*migrate(os.environ['TARGET']))"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "TARGET": empty}, stdout=-1, stderr=-1)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert sorted(out.decode().split() for out, _ in answers) == [[], [], NAMES]


@pytest.mark.processes
def test_two_databases_of_one_server_at_once(engine: str) -> None:
    """The roles are the server's, not the database's: each needs them, either may be the one to make them."""
    program = "import os; from consentory.store.migration import migrate; print(*migrate(os.environ['TARGET']))"
    urls = [create_database(engine) for _ in range(2)]
    try:
        processes = [
            subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "TARGET": url}, stdout=-1, stderr=-1)
            for url in urls
        ]
        answers = [process.communicate(timeout=60) for process in processes]
        assert [out.decode().split() for out, _ in answers] == [NAMES, NAMES], answers
    finally:
        for url in urls:
            drop_database(engine, url)


def test_a_migration_waits_for_the_one_before_it(empty: str) -> None:
    """The lock is released with its holder's connection: a migration killed half way blocks nobody."""
    holder = psycopg.connect(empty, autocommit=True)
    holder.execute("SELECT pg_advisory_lock(%s)", [0x636F6E73])
    run(empty, "SELECT pg_terminate_backend(%s)", holder.info.backend_pid)
    assert migrate(empty) == NAMES
    holder.close()


def test_a_ledger_of_single_choices_is_carried_over(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Migration 0004: a history reads as it did before."""
    earlier = migration.list_migrations()[:3]
    with monkeypatch.context() as patch:
        patch.setattr(migration, "list_migrations", lambda: earlier)
        migrate(empty)
    insert = """INSERT INTO ledger (account_id, profile_id, entry, of, place, value, collected, recorded, caller,
          sequence_number)
        VALUES (1, 7, %s, 'P', 'E0', '{"FilterId": "F"}', '2024-02-29T12:00:00.000001Z', '2024-03-01', 'me', 3)"""
    for entry in (1, 2):
        run(empty, insert, entry)
    assert migrate(empty) == [name for name in NAMES if name > "0004"]
    with psycopg.connect(empty) as owner:
        owner.execute("SELECT set_config('consentory.account_id', '1', false)")
        query = statement("list_history")
        rows = owner.execute(query, {"profile_id": 7, "of": "P", "limit": 10, "after": 0}).fetchall()
    assert [row[:4] for row in rows] == [(n, "E0", {"FilterId": "F"}, 1_709_208_000_000_001) for n in (1, 2)]
    assert {row[5:] for row in rows} == {("me", None, 3)}


# Refused ---------------------------------------------------------------------------------------------------------


def test_an_edited_migration_is_refused(database_url: str) -> None:
    run(database_url, "UPDATE schema_migration SET sha256 = repeat('0', 64) WHERE number = 1")
    before = list_objects(database_url)
    with pytest.raises(SchemaMismatch, match=r"0001 \(foundation\) was changed after it had been applied"):
        migrate(database_url)
    assert list_objects(database_url) == before


def test_a_newer_database_is_refused(database_url: str) -> None:
    run(database_url, "INSERT INTO schema_migration (number, name, sha256) VALUES (9999, 'future', 'x')")
    with pytest.raises(SchemaMismatch, match=r"9999.*run the newer version"):
        migrate(database_url)


def test_a_migration_that_fails_half_way_leaves_nothing(empty: str) -> None:
    run(empty, "CREATE TABLE tag_change (mine integer)")
    with pytest.raises(SchemaMismatch, match="tag_change"):
        migrate(empty)
    left = [name for name, _ in list_objects(empty)]
    assert left == ["schema_migration", "schema_migration_pkey", "tag_change"]
    assert run(empty, "SELECT * FROM schema_migration") == []
    run(empty, "DROP TABLE tag_change")
    assert migrate(empty) == NAMES


@contextmanager
def login(engine: str, url: str, options: str = "") -> Iterator[str]:
    """The conninfo of a role of its own that may log in to a database."""
    name = f"{conninfo_to_dict(url)['dbname']}_role"
    run(engine, f"CREATE ROLE {name} LOGIN PASSWORD 'for-this-test' {options}")
    try:
        yield make_conninfo(url, user=name, password="for-this-test")
    finally:
        run(url, f"REASSIGN OWNED BY {name} TO CURRENT_USER")
        run(url, f"DROP OWNED BY {name}")
        run(engine, f"ALTER DATABASE {conninfo_to_dict(url)['dbname']} OWNER TO CURRENT_USER")
        run(engine, f"DROP ROLE {name}")


def test_a_role_without_rights_is_told_what_it_lacks(engine: str, empty: str) -> None:
    with login(engine, empty) as stranger, pytest.raises(SchemaMismatch) as refusal:
        migrate(stranger)
    assert "permission denied" in str(refusal.value)
    assert "must own the database" in str(refusal.value)
    assert "for-this-test" not in str(refusal.value)
    assert list_objects(empty) == []


def test_an_owner_that_is_no_superuser_is_told_so(engine: str, empty: str) -> None:
    with login(engine, empty) as stranger:
        dbname, user = conninfo_to_dict(empty)["dbname"], conninfo_to_dict(stranger)["user"]
        run(engine, f"ALTER DATABASE {dbname} OWNER TO {user}")
        with pytest.raises(SchemaMismatch, match="superuser"):
            migrate(stranger)
        assert run(empty, "SELECT * FROM schema_migration") == []


def test_a_database_that_is_not_there_is_unavailable(engine: str) -> None:
    with pytest.raises(StoreUnavailable) as refusal:
        migrate(make_conninfo(engine, dbname="nowhere"))
    assert str(conninfo_to_dict(engine)["password"]) not in str(refusal.value)


def test_a_server_without_the_schema_is_not_ready(empty: str) -> None:
    database = Database(empty, "owner", size=2)
    try:
        with pytest.raises(StoreUnavailable):
            database.check_ready()
        migrate(empty)
        database.check_ready()
    finally:
        database.close()


def test_the_schema_is_whole_under_a_database_of_any_name(engine: str) -> None:
    name = 'odd "name"'
    url = make_conninfo(engine, dbname=name)
    with psycopg.connect(engine, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            assert migrate(url) == NAMES
        finally:
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
