"""Every query, run for one account with the ids of another: it answers and does as if the other were not there.

As the service's role, which the policies bind; as the worker's, which goes round them; and as the owner, whom nothing
binds: there only the statement itself names the account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import citus_cluster
import psycopg
import pytest
from account_statements import ACROSS_ACCOUNTS, MADE_BEFORE
from psycopg import errors, sql
from running_server import create_database, drop_database
from sample_rows import IMPORT_ID, KEY, ROWS, SERVICE, THEN, WORKER, insert_row, make_row

from consentory.store.statements import all_statements, statement

OURS, THEIRS = 1, 2
ROLES: list[str | None] = [SERVICE, WORKER, None]

OF_NO_ACCOUNT = {
    "find_attempts", "count_failures", "trust_address", "forget_attempts",  # by credential or address, hashed
    "list_signing_keys", "insert_signing_key", "delete_signing_keys", "reencrypt_signing_key",
    "beat", "limit_statements", "try_preview_lock", "export_snapshot", "try_maintenance_lock",
    "place_ids", "place_keys",
    "check_schema", "commit_lazily", "read_clock", "end_frozen_sessions", "allow_long_statement", "notify_work",
    "end_long_reads",
    "read_wal_place", "keep_alive",
    "try_resolve_lock", "try_chain_lock", "lock_uploads", "try_upload_lock",
    "lock_initiates", "lock_accounts", "lock_credentials", "reserve_account_id",
}  # fmt: skip
BEFORE_THE_ACCOUNT_IS_KNOWN = {
    "find_account", "find_credential_account", "find_account_to_reencrypt", "find_session_account", "find_link_account",
}  # fmt: skip
"""They give an account's id and nothing else: test_walls.py, test_functions_that_look_across_accounts_give_ids_only."""

OLD = THEN.replace(year=2020)

STATES: dict[str, dict[str, Any]] = {"Initiated": {}}
STATES["Staging"] = {"received": 1, "valid": 1, "pending": 1, "batches": 1}
STATES["Queued"] = STATES["Staging"] | {"queued_at": THEN, "expires_at": THEN.replace(year=2126)}
STATES["Checking"] = STATES["Queued"] | {"status": "Queued", "guard_state": "Checking"}
STATES["Held"] = STATES["Queued"] | {"status": "Queued", "guard_state": "Held", "held_reason": "[]"}
STATES["Processing"] = STATES["Queued"] | {"started_at": THEN, "configuration_revision": 1, "first_profile_id": 1}
STATES["worked off"] = STATES["Processing"] | {"status": "Processing", "pending": 0, "created": 1}
STATES["Completed"] = STATES["Processing"] | {"pending": 0, "created": 1, "completed_at": THEN}
STATES["undoable"] = STATES["Completed"] | {"status": "Completed", "before_images": "Kept"}
STATES["undoable no more"] = STATES["undoable"] | {"before_images": "Going"}
STATES["purged"] = STATES["Completed"] | {"status": "Completed", "purged_at": THEN}
"""The other account's import, so that a guard of state hides no wall that is missing."""

UPLOAD_STATES: dict[str, dict[str, Any]] = {
    "Initiated": {"state": "Receiving", "size": None, "received": 0},
    "Staging": {"state": "Staging", "staging_order": b"{}"},
    "Queued": {"state": "Recognizing"},
    "Held": {"state": "Receiving", "size": None},
    "Processing": {"state": "Recognized"},
}
"""The state of the other account's upload beside that of its import."""

PARAMETERS: dict[str, Any] = {
    "upload_id": KEY, "length": 1, "at": 0, "options": b"{}", "recognition": b"{}", "staging_order": b"{}",
    "reading": "Stage", "bytes_done": 1, "records_done": 1, "counts": b"{}", "code": "Upload.Unreadable",
    "message": "damaged", "beginning": "k", "name": "shop",
    "client_id": f"sample-credential-{THEIRS}", "user_id": "nightly", "caller": "nightly",
    "import_id": IMPORT_ID, "access_token": THEIRS, "idempotency_key": "key", "batch_number": 1, "chunk_number": 1,
    "first_sequence": 1, "sequences": [1], "first": 1, "last": 1, "block_records": 64, "verbatim_bytes": 16448,
    "after": 0, "next": 2,
    "profile_id": 1, "before_entry": 100, "ids": [1], "keys": f"{{{KEY.hex}}}",
    "import_ids": [IMPORT_ID], "size": 10, "bounds": [], "key": KEY.bytes, "entries": [1], "of": "P",
    "bodies": ["{}"], "actives": [False], "customer_types": [None], "fingerprints": f"{{{KEY.hex}}}", "modified": THEN,
    "key_id": "sample-key", "fingerprint": b"other", "secret_key_id": "other", "encrypted": b"encrypted",
    "limit": 10, "offset": 0, "blocks": None, "step": 1, "status": None, "before": None, "of_not_honored": False,
    "phases": [1, 2], "from": ["Initiated", "Staging", "Queued"], "reason": "reason", "revision": 1, "document": "{}",
    "count": 1, "first_profile_id": 1, "keeps_images": True, "undo_of": IMPORT_ID, "restore_yes": False,
    "days": 10, "images": [b"image"], "named": [""],
    "received": 1, "valid": 1, "failed": 0, "raw": b"raw", "seconds": 1, "ends": 1,
    "staged_bytes": 1, "action": None, "old": "$argon2id$", "secret_hash": "other",
    "undated_choices": 1, "refused_opt_outs": 1, "numbers_without_country_code": 1,
    "day": date(2026, 11, 20), "began_at": THEN, "numbers": "{}",
    "total": 1, "exceptions": 0, "not_honored": 0, "created": 1, "updated": 0, "unchanged": 0, "deleted": 0,
    "preview_id": KEY, "kind": "OptInsEnded", "kinds": ["OptInsEnded"], "after_kind": "", "after_sequence": 0,
    "after_number": 0, "as_of": THEN, "snapshot": "snapshot", "records": 1, "effects": [1], "state": "Done",
    "limits_exceeded": "[]", "active_profiles": 0, "guard_state": "Passed", "held_reason": None, "most": 10,
    "session_hash": f"session{THEIRS}".encode(), "link_hash": f"link{THEIRS}".encode(), "lifetime": 1e6, "idle": 1e6,
    "most_age": 1, "most_idle": 1, "active": None, "modified_since": None, "customer_type": None,
    "consent_type": "Privacy", "version": "1", "locale": "en_US", "sha256": "00", "body": "{\"locale\": \"xx_XX\"}",
}  # fmt: skip
"""A value for every parameter by its name; ids are those of the other account's sample rows."""

# An insert names no row that is there; that it falls to the transaction's account is shown in test_walls.py.
NAMES = sorted(
    name
    for name in set(all_statements()) - ACROSS_ACCOUNTS - OF_NO_ACCOUNT - BEFORE_THE_ACCOUNT_IS_KNOWN
    if not name.startswith(("insert_", "copy_"))
)
LOOKS_AT_THE_TRANSACTION_ONLY = {*MADE_BEFORE, "make_found"}
"""At temporary tables, which are tried by themselves."""


@pytest.fixture(scope="module")
def their_rows(engine: str, template: str) -> Iterator[psycopg.Connection]:
    """A session of the owner in a database in which only the other account has anything; ours is an account without a
    row else."""
    url = create_database(engine, template)
    with psycopg.connect(url) as owner:
        for table in ROWS:
            insert_row(owner, table, make_row(table, THEIRS))
        owner.execute("UPDATE import_batch SET idempotency_key = 'key', body_hash = 'hash', lines = 'eightbyt'")
        owner.execute("UPDATE import SET idempotency_key = 'key', request_hash = 'hash', staged_bytes = 7")
        owner.execute('UPDATE ledger SET choices = \'[{"of": "P", "place": "", "at": 0, "value": {}}]\'')
        owner.execute("UPDATE audit_event SET import_id = %s", [IMPORT_ID])
        owner.execute("UPDATE profile SET import_id = %s", [IMPORT_ID])
        owner.execute("UPDATE account SET revision = 2")
        loose = make_row("audit_event", THEIRS, event_id=IMPORT_ID, import_id=IMPORT_ID)  # in no chain and no queue
        insert_row(owner, "audit_event", loose)
        insert_row(owner, "preview_change", make_row("preview_change", THEIRS, number=2))  # a sample of two
        old_link = make_row("console_link", THEIRS, link_hash=b"old", expires_at=THEN)
        insert_row(owner, "console_link", old_link)
        old_block = make_row("change_block", THEIRS, block_id=IMPORT_ID, first_position=1, applied_at=OLD)
        insert_row(owner, "change_block", old_block)
        owner.execute("UPDATE change_range SET latest = 1")
        insert_row(owner, "account", make_row("account", OURS))
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("SELECT set_config('citus.propagate_set_commands', 'local', false)")
        yield session
    drop_database(engine, url)


_SNAPSHOT = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {}, t::text FROM {} AS t WHERE account_id = %(account)s").format(table, sql.Identifier(table))
    for table in ROWS
) + sql.SQL(" ORDER BY 1, 2")
_DELETE = sql.SQL("WITH {} SELECT").format(
    sql.SQL(", ").join(
        sql.SQL("{} AS (DELETE FROM {} WHERE account_id = %(account)s)").format(
            sql.Identifier(f"gone_{table}"), sql.Identifier(table)
        )
        for table in ROWS
    )
)
"""One statement for all tables: to ask each table by itself took most of the time of these tests."""


def take_snapshot(connection: psycopg.Connection) -> list[Any]:
    """Every row of the other account, as the owner sees it from inside the transaction."""
    connection.execute("RESET ROLE")
    return connection.execute(_SNAPSHOT, {"account": THEIRS}).fetchall()


def run(
    connection: psycopg.Connection, role: str | None, account_id: int, name: str, state: str, *, there: bool
) -> tuple[Any, bool]:
    """(What a statement answers, or that it is refused; whether it changed a row of the other account), undone after.

    `there` False: without the other account's rows.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("SET LOCAL consentory.account_id = {}").format(str(account_id)))
        values = {"status": state, **STATES[state]}
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column)) for column in values
        )
        connection.execute(sql.SQL("UPDATE import SET {}").format(assignments), values)
        upload = {"received": 3, "size": 3, "import_id": IMPORT_ID, **UPLOAD_STATES.get(state, {})}
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column)) for column in upload
        )
        connection.execute(sql.SQL("UPDATE upload SET {}").format(assignments), upload)
        if not there:
            connection.execute(_DELETE, {"account": THEIRS})
        before = take_snapshot(connection)
        if role is not None:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        for made in MADE_BEFORE.get(name, ()):
            connection.execute(statement(made), PARAMETERS)
        try:
            began = datetime.now(UTC)
            with connection.transaction():
                cursor = connection.execute(statement(name), {**PARAMETERS, "one": choose_one(name)})
                answer = (cursor.rowcount, _without_clock(cursor.fetchall(), began) if cursor.description else None)
        except (errors.InsufficientPrivilege, errors.UniqueViolation, errors.CheckViolation) as refusal:
            return type(refusal).__name__, False
        return answer, take_snapshot(connection) != before


def choose_one(name: str) -> Any:
    """The value by which Citus finds the shard. On one PostgreSQL there is none."""
    if not citus_cluster.is_wanted():
        return None
    return KEY if "%(one)s::uuid" in statement(name) else 1


def _without_clock(rows: list[tuple[Any, ...]], began: datetime) -> list[tuple[Any, ...]]:
    """The rows with one word for each time that is the time of the query: such a time is of no row."""
    return [tuple("now" if isinstance(value, datetime) and value >= began else value for value in row) for row in rows]


def list_states(name: str) -> list[str]:
    """The states in which a statement is tried: all, if it looks at imports or uploads at all."""
    return list(STATES) if re.search("import|upload", statement(name)) else ["Initiated"]


@pytest.mark.parametrize("role", ROLES, ids=["service", "worker", "owner"])
@pytest.mark.parametrize("name", NAMES)
def test_for_ours_the_other_account_is_not_there(their_rows: psycopg.Connection, name: str, role: str | None) -> None:
    alone, _ = run(their_rows, role, OURS, name, "Initiated", there=False)
    for state in list_states(name):
        assert run(their_rows, role, OURS, name, state, there=True) == (alone, False), state


@pytest.mark.parametrize("name", sorted(set(NAMES) - LOOKS_AT_THE_TRANSACTION_ONLY))
def test_the_same_statement_finds_them_for_themselves(their_rows: psycopg.Connection, name: str) -> None:
    """The counter-test: with these parameters each statement does reach a row, when the row is its account's own."""
    alone, _ = run(their_rows, None, THEIRS, name, "Initiated", there=False)
    tries = [run(their_rows, None, THEIRS, name, state, there=True) for state in list_states(name)]
    assert any(changed or answer != alone for answer, changed in tries)
