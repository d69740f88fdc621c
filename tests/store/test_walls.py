"""Walls between accounts: whoever acts for one account cannot see or touch a row of another."""

from __future__ import annotations

from collections.abc import Iterator

import citus_cluster
import psycopg
import pytest
from psycopg import errors, sql
from running_server import create_database, drop_database
from sample_rows import ROWS, SERVICE, WORKER, connect_as, insert_row, list_walled_tables, make_row

OURS, THEIRS = 1, 2
NOT_OF_THE_SERVICE = {"import_chunk", "preview_chunk", "preview_change", "account", "audit_link", "before_image",
                      "reader", "change_range"}  # fmt: skip
TABLES = sorted(ROWS)
READ_BY_THE_SERVICE = sorted(set(TABLES) - {"reader"})


@pytest.fixture(scope="module")
def two_accounts(engine: str, template: str) -> Iterator[str]:
    """A database with the sample row of every table for each of two accounts."""
    url = create_database(engine, template)
    with psycopg.connect(url) as owner:
        for account_id in (OURS, THEIRS):
            for table in TABLES:
                insert_row(owner, table, make_row(table, account_id))
    yield url
    drop_database(engine, url)


@pytest.fixture
def ours(two_accounts: str) -> Iterator[psycopg.Connection]:
    """The service acting for one of them."""
    with connect_as(two_accounts, SERVICE, OURS) as connection:
        yield connection


def count(connection: psycopg.Connection, query: str, table: str) -> int:
    """Rows that a statement with a table's name in it finds or changes; 0 where the role has no right at all."""
    try:
        with connection.transaction():
            return connection.execute(sql.SQL(query).format(sql.Identifier(table))).rowcount
    except errors.InsufficientPrivilege:
        return 0


def test_every_walled_table_is_tried(ours: psycopg.Connection) -> None:
    assert list_walled_tables(ours) == TABLES


@pytest.mark.parametrize("table", READ_BY_THE_SERVICE)
def test_an_account_sees_only_its_own_rows(ours: psycopg.Connection, table: str) -> None:
    found = ours.execute(sql.SQL("SELECT account_id FROM {}").format(sql.Identifier(table))).fetchall()
    assert found == [(OURS,)]


@pytest.mark.parametrize("table", TABLES)
def test_a_query_for_the_rows_of_another_account_finds_nothing(ours: psycopg.Connection, table: str) -> None:
    assert count(ours, f"SELECT FROM {{}} WHERE account_id = {THEIRS}", table) == 0


@pytest.mark.parametrize("table", READ_BY_THE_SERVICE)
def test_copying_out_gives_only_ours(ours: psycopg.Connection, table: str) -> None:
    with ours.cursor().copy(sql.SQL("COPY {} (account_id) TO STDOUT").format(sql.Identifier(table))) as copy:
        assert list(copy.rows()) == [(str(OURS),)]


@pytest.mark.parametrize("table", TABLES)
def test_theirs_cannot_be_updated(ours: psycopg.Connection, table: str) -> None:
    assert count(ours, f"UPDATE {{}} SET account_id = account_id WHERE account_id = {THEIRS}", table) == 0
    assert count(ours, "UPDATE {} SET account_id = account_id", table) <= 1


@pytest.mark.parametrize("table", TABLES)
def test_theirs_cannot_be_deleted(ours: psycopg.Connection, table: str) -> None:
    assert count(ours, f"DELETE FROM {{}} WHERE account_id = {THEIRS}", table) == 0
    assert count(ours, "DELETE FROM {}", table) <= 1


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_inserted_into_another_account(ours: psycopg.Connection, table: str) -> None:
    row = make_row(table, THEIRS)
    with pytest.raises(errors.InsufficientPrivilege):
        insert_row(ours, table, row)


@pytest.mark.parametrize("table", TABLES)
def test_ours_cannot_be_moved_over(ours: psycopg.Connection, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        ours.execute(sql.SQL("UPDATE {} SET account_id = %s").format(sql.Identifier(table)), [THEIRS])


@pytest.mark.parametrize("table", sorted(set(TABLES) - NOT_OF_THE_SERVICE))
def test_what_is_inserted_is_of_the_transactions_account(ours: psycopg.Connection, table: str) -> None:
    count(ours, "DELETE FROM {}", table)
    insert_row(ours, table, ROWS[table] | _make_fresh(table))
    found = ours.execute(sql.SQL("SELECT DISTINCT account_id FROM {}").format(sql.Identifier(table))).fetchall()
    assert found == [(OURS,)]


def _make_fresh(table: str) -> dict[str, object]:
    """Values under which a second sample row fits beside the first."""
    numbers = {
        "configuration": "revision",
        "import_batch": "batch_number",
        "import_chunk": "chunk_number",
        "preview_chunk": "chunk_number",
        "preview_change": "sequence_number",
        "import_block": "first_sequence",
        "import_fault": "sequence_number",
        "profile": "profile_id",
        "alternate_key": "profile_id",
        "contact_key": "profile_id",
        "ledger": "entry",
        "tombstone": "profile_id",
        "audit_link": "number",
    }
    texts = {"consent_text": "version", "credential": "client_id", "hmac_key": "key_id", "hmac_use": "fingerprint"}
    if table == "import":
        return {"import_id": "01936d5e-0000-7000-8000-000000000099", "access_token": 99}
    if table == "import_preview":
        return {"import_id": "01936d5e-0000-7000-8000-000000000099"}
    if table in ("upload", "upload_part"):
        return {"upload_id": "01936d5e-0000-7000-8000-000000000099"}
    if table in ("audit_event", "change_block"):
        return {"event_id" if table == "audit_event" else "block_id": "01936d5e-0000-7000-8000-000000000099"}
    if table == "audience_count":
        return {"day": "2026-11-21"}
    if table in texts:
        return {texts[table]: "fresh"}
    return {numbers[table]: 99} if table in numbers else {}


@pytest.mark.parametrize("table", TABLES)
def test_without_an_account_nothing_is_seen_or_touched(two_accounts: str, table: str) -> None:
    with connect_as(two_accounts, SERVICE) as nobody:
        assert count(nobody, "SELECT FROM {}", table) == 0
        assert count(nobody, "UPDATE {} SET account_id = account_id", table) == 0
        assert count(nobody, "DELETE FROM {}", table) == 0
        with pytest.raises(errors.InsufficientPrivilege):
            insert_row(nobody, table, make_row(table, OURS))


@pytest.mark.parametrize("table", READ_BY_THE_SERVICE)
def test_the_account_ends_with_its_transaction(two_accounts: str, table: str) -> None:
    with psycopg.connect(two_accounts, autocommit=True) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(SERVICE)))
        connection.execute("SELECT set_config('citus.propagate_set_commands', 'local', false)")
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL consentory.account_id = {}").format(str(OURS)))
            assert count(connection, "SELECT FROM {}", table) == 1
        assert count(connection, "SELECT FROM {}", table) == 0


@pytest.mark.parametrize("table", ["profile", "alternate_key", "contact_key", "ledger", "tombstone", "import_fault"])
def test_the_service_cannot_copy_in(ours: psycopg.Connection, table: str) -> None:
    row = make_row(table, OURS) | _make_fresh(table)
    columns = sql.SQL(", ").join(map(sql.Identifier, row))
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with pytest.raises(errors.FeatureNotSupported), ours.cursor().copy(query) as copy:
        copy.write_row(list(row.values()))  # Citus asks a shard only when there is a row for it


@pytest.mark.parametrize(
    "table",
    [
        "profile",
        "alternate_key",
        "contact_key",
        "ledger",
        "tombstone",
        "tag_change",
        "import_chunk",
        "preview_chunk",
        "preview_change",
        "audit_link",
    ],
)
def test_what_the_worker_writes_is_of_the_transactions_account(two_accounts: str, table: str) -> None:
    row = ROWS[table] | _make_fresh(table)
    with connect_as(two_accounts, WORKER, OURS) as worker:
        if table == "alternate_key":
            worker.execute("DELETE FROM alternate_key")
        before = worker.execute(sql.SQL("SELECT count(*) FROM {} WHERE account_id = 1").format(sql.Identifier(table)))
        known = before.fetchone()[0]
        insert_row(worker, table, row)
        after = worker.execute(sql.SQL("SELECT count(*) FROM {} WHERE account_id = 1").format(sql.Identifier(table)))
        assert after.fetchone() == (known + 1,)
    with connect_as(two_accounts, WORKER) as nobody, pytest.raises(errors.NotNullViolation):
        insert_row(nobody, table, row)


def test_functions_that_look_across_accounts_give_ids_only(ours: psycopg.Connection) -> None:
    rows = ours.execute(
        "SELECT proname, prorettype::regtype::text, proretset, provolatile FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    if citus_cluster.is_wanted():  # there are no views there
        rows.append(("reader_account", "integer", False, "s"))
    # A new function of this kind gives one id or nothing. It gives no list.
    assert sorted(rows) == [
        ("account_of_client", "integer", False, "s"),
        ("account_of_credential", "integer", False, "s"),
        ("account_of_link", "integer", False, "s"),
        ("account_of_session", "integer", False, "s"),
        ("account_to_reencrypt", "integer", False, "s"),
        ("next_account_id", "integer", False, "s"),
        ("reader_account", "integer", False, "s"),
    ]


def test_what_looks_across_accounts_finds_across_accounts(two_accounts: str) -> None:
    with connect_as(two_accounts, SERVICE) as nobody:
        assert nobody.execute("SELECT account_of_client('SAMPLE-2')").fetchone() == (THEIRS,)
        assert nobody.execute("SELECT account_of_client('sample-2')").fetchone() == (None,)
        assert nobody.execute("SELECT account_of_credential('sample-credential-1')").fetchone() == (OURS,)
        assert nobody.execute("SELECT account_of_credential('nobody')").fetchone() == (None,)
        assert nobody.execute("SELECT account_of_session('session1')").fetchone() == (OURS,)
        assert nobody.execute("SELECT account_of_session('session')").fetchone() == (None,)
        assert nobody.execute("SELECT account_of_link('link2')").fetchone() == (THEIRS,)
        assert nobody.execute("SELECT next_account_id()").fetchone() == (3,)


def test_a_temporary_table_does_not_mislead_functions_across_accounts(two_accounts: str) -> None:
    with connect_as(two_accounts, SERVICE) as connection:
        connection.execute("CREATE TEMPORARY TABLE account (account_id integer, client_id text)")
        connection.execute("INSERT INTO pg_temp.account VALUES (77, 'SAMPLE-1')")
        assert connection.execute("SELECT account_of_client('SAMPLE-1')").fetchone() == (OURS,)
