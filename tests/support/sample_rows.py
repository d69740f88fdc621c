"""One plausible row of every table that is walled off by account, and a way to get it into the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

SERVICE, WORKER = "consentory_service", "consentory_worker"

Row = dict[str, Any]

THEN = datetime.now(UTC) - timedelta(hours=1)
"""Within the window of a day that calls are counted in, whenever the tests run."""
IMPORT_ID = UUID("01936d5e-0000-7000-8000-000000000001")
KEY = UUID("0123456789abcdef0123456789abcdef")

ROWS: dict[str, Row] = {
    "account": {"client_id": "SAMPLE", "revision": 1},
    "configuration": {"revision": 1, "document": "{}"},
    "consent_text": {"consent_type": "Privacy", "version": "1", "locale": "en_US", "sha256": "00", "body": "We keep."},
    "credential": {"client_id": "sample-credential", "user_id": "nightly", "secret_hash": "$argon2id$"},
    "import": {
        "import_id": IMPORT_ID,
        "access_token": 1,
        "settings": '{"name": "sample"}',
        "caller": "nightly",
        "created_at": THEN,
        "expires_at": THEN,
    },
    "import_batch": {
        "import_id": IMPORT_ID,
        "batch_number": 1,
        "caller": "nightly",
        "staged_at": THEN,
        "first_sequence": 1,
        "record_count": 1,
        "failed": 0,
    },
    "import_block": {
        "import_id": IMPORT_ID,
        "first_sequence": 1,
        "record_count": 1,
        "batch_number": 1,
        "raw": b"raw",
        "work": b"work",
        "named_keys": [KEY],
        "named_at": [0],
        "profile_ids": [1],
        "profile_at": [0],
    },
    "import_fault": {"import_id": IMPORT_ID, "not_honored": False, "sequence_number": 1, "phase": 1, "faults": "[]"},
    "import_chunk": {"import_id": IMPORT_ID, "chunk_number": 1, "next_sequence": 1, "last_sequence": 1},
    "import_preview": {
        "import_id": IMPORT_ID,
        "preview_id": KEY,
        "configuration_revision": 1,
        "received": 1,
        "records": 1,
        "as_of": THEN,
        "snapshot": "snapshot",
        "effects": [0],
    },
    "preview_chunk": {
        "import_id": IMPORT_ID,
        "preview_id": KEY,
        "chunk_number": 1,
        "first_sequence": 1,
        "last_sequence": 1,
    },
    "preview_change": {
        "import_id": IMPORT_ID,
        "preview_id": KEY,
        "kind": "OptInsEnded",
        "sequence_number": 1,
        "number": 0,
        "change": b"{}",
    },
    "upload": {"upload_id": KEY, "file_name": "people.csv", "size": 3, "caller": "nightly"},
    "upload_part": {"upload_id": KEY, "first_byte": 0, "bytes": b"a\n1"},
    "saved_mapping": {"name": "shop", "document": "columns: {}", "caller": "nightly"},
    "profile": {"profile_id": 1, "body": "{}", "created": THEN, "modified": THEN, "active": True},
    "alternate_key": {"key_hash": KEY, "profile_id": 1, "type": "CRM", "value": "c-1"},
    "contact_key": {"key_hash": KEY, "profile_id": 1, "kind": "E", "value": "a@example.com"},
    "ledger": {
        "profile_id": 1,
        "entry": 1,
        "choices": "[]",
        "recorded": THEN,
        "caller": "nightly",
    },
    "before_image": {
        "import_id": IMPORT_ID,
        "profile_id": 1,
        "sequence_number": 1,
        "image": b"image",
        "named_keys": [KEY],
    },
    "tombstone": {"profile_id": 2, "deleted_at": THEN, "caller": "nightly"},
    "hmac_key": {"key_id": "sample-key", "encrypted": b"encrypted", "secret_key_id": "key"},
    "hmac_use": {"fingerprint": b"fingerprint", "ends_at": THEN},
    "audit_event": {
        "event_id": KEY,
        "recorded_at": THEN,
        "caller": "nightly",
        "action": "sample",
        "profile_ids": [1],
        "details": "{}",
    },
    "audit_waiting": {"recorded_at": THEN, "event_id": KEY, "digest": b"digest"},
    "audit_link": {"number": 1, "event_id": KEY, "digest": b"digest", "previous": bytes(32), "hash": b"hash"},
    "console_session": {
        "session_hash": b"session",
        "user_id": "nightly",
        "user_groups": ["Loaders"],
        "created_at": THEN,
        "used_at": THEN,
    },
    "console_link": {"link_hash": b"link", "user_id": "nightly", "expires_at": THEN + timedelta(days=2)},
    "audience_count": {"day": "2026-11-20", "began_at": THEN, "counted_at": THEN, "ended_at": THEN, "counts": "{}"},
    "reader": {"login": "sample_reader"},
    "change_block": {
        "block_id": KEY,
        "wal_place": 1,
        "change_count": 1,
        "applied_at": THEN,
        "changes": b"changes",
    },
    "change_range": {},
    "tag_change": {"tag": "vip", "name": "VIP", "change": 1},
}
"""Table -> column -> value, all but account_id. Unique columns without account_id: see `make_row`."""


def make_row(table: str, account_id: int, **changes: Any) -> Row:
    """The sample row of a table for an account; what is unique over all accounts differs by account."""
    row = {"account_id": account_id, **ROWS[table]}
    if table in ("account", "credential"):
        row["client_id"] = f"{row['client_id']}-{account_id}"
    for name in {"session_hash", "link_hash"} & row.keys():
        row[name] = row[name] + str(account_id).encode()
    if table == "reader":
        row["login"] = f"{row['login']}_{account_id}"
    if table == "import":
        row["access_token"] = account_id
    return row | changes


def insert_row(connection: psycopg.Connection, table: str, row: Row) -> None:
    """Insert one row as whoever the connection is."""
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        list(row.values()),
    )


@contextmanager
def connect_as(url: str, role: str | None = None, account_id: int | None = None) -> Iterator[psycopg.Connection]:
    """A connection in a transaction as a role (None: the owner) bound to an account; undone at the end."""
    with psycopg.connect(url) as connection:
        if role is not None:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        connection.execute("SELECT set_config('citus.propagate_set_commands', 'local', false)")
        connection.commit()
        with connection.transaction(force_rollback=True):
            if account_id is not None:
                connection.execute(sql.SQL("SET LOCAL consentory.account_id = {}").format(str(account_id)))
            yield connection


def list_walled_tables(connection: psycopg.Connection) -> list[str]:
    """Every table that has an account_id, by name."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'account_id'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]
