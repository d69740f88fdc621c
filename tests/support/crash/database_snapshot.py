"""Everything that an account holds, read from the database without what differs from run to run (its times)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import psycopg
import zstandard
from psycopg.rows import dict_row

DatabaseSnapshot = dict[str, list[dict[str, Any]]]

MINE = "AS t WHERE t.account_id = %(account)s"
ORDINAL = """(SELECT count(*) FROM import AS i
  WHERE i.account_id = t.account_id AND i.queued_at IS NOT NULL AND i.import_id <= t.import_id)"""
"""Which of the account's executed imports, 1, 2, …: their ids differ from run to run, but are ordered by time."""

QUERIES = {
    "import": f"""SELECT settings->>'name' AS name, status, failure_reason, batches, received, valid, failed, pending,
      exceptions, not_honored, created, updated, unchanged, deleted, first_profile_id
      FROM import {MINE} AND queued_at IS NOT NULL ORDER BY import_id""",
    "undo": f"""SELECT {ORDINAL} AS import, restore_yes, (
        SELECT count(*) FROM import AS i
        WHERE i.account_id = t.account_id AND i.queued_at IS NOT NULL AND i.import_id <= t.undo_of) AS undo_of
      FROM import {MINE} AND undo_of IS NOT NULL ORDER BY 1""",
    "before image": f"""SELECT {ORDINAL} AS import, profile_id, sequence_number, image,
      (SELECT count(DISTINCT key) FROM unnest(named_keys) AS key) AS named
      FROM before_image {MINE} ORDER BY 1, 2""",
    "batch": f"""SELECT {ORDINAL} AS import, batch_number, caller, first_sequence, record_count, failed
      FROM import_batch {MINE} ORDER BY 1, 2""",
    "frame": f"""SELECT {ORDINAL} AS import, first_sequence, record_count, batch_number, md5(raw) AS raw
      FROM import_block {MINE} ORDER BY 1, 2""",
    "fault": f"""SELECT {ORDINAL} AS import, not_honored, sequence_number, phase, faults
      FROM import_fault {MINE} ORDER BY 1, 2, 3""",
    "chunk left": f"SELECT {ORDINAL} AS import, chunk_number FROM import_chunk {MINE} ORDER BY 1, 2",
    "profile": f"""SELECT profile_id, {ORDINAL} AS import, active, customer_type, body,
      created = (SELECT started_at FROM import AS i WHERE i.account_id = t.account_id AND i.import_id = t.import_id)
        AS created_at_start, modified >= created AS modified_later
      FROM profile {MINE} ORDER BY profile_id""",
    "alternate key": f"SELECT type, value, profile_id FROM alternate_key {MINE} ORDER BY 1, 2",
    "contact key": f"SELECT kind, value, profile_id FROM contact_key {MINE} ORDER BY 1, 2, 3",
    "history": f"""SELECT profile_id, entry, choices, caller, {ORDINAL} AS import, sequence_number,
      recorded >= lag(recorded, 1, recorded) OVER (PARTITION BY profile_id ORDER BY entry) AS in_order
      FROM ledger {MINE} ORDER BY profile_id, entry""",
    "tombstone": f"SELECT profile_id, caller, {ORDINAL} AS import, sequence_number FROM tombstone {MINE} ORDER BY 1",
    "tag": f"""SELECT tag, sum(change)::int AS people
      FROM tag_change {MINE} GROUP BY tag HAVING sum(change) <> 0 ORDER BY 1""",
}


def take_snapshot(conninfo: str, account_id: int) -> DatabaseSnapshot:
    """All rows of the account by what they are, in a fixed order."""
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        stock = {name: connection.execute(query, {"account": account_id}).fetchall() for name, query in QUERIES.items()}
    for row in stock["profile"]:
        _forget_times(row["body"])
    for row in stock["history"]:
        _forget_times(row["choices"])
    for row in stock["before image"]:
        row["image"] = _read_image(row["image"])
    return stock


def _read_image(image: bytes) -> tuple[Any, Any]:
    """The states before and after the whole import: a kill may change which slices lie between them."""
    text = b""
    while image:
        part = zstandard.ZstdDecompressor().decompressobj()
        text += part.decompress(image)
        image = part.unused_data
    lines = text.splitlines()
    states = json.loads(lines[0]), json.loads(lines[-1])
    for state in states:
        _forget_times(state)
    return states


def _forget_times(part: Any) -> None:
    if isinstance(part, dict):
        part.pop("edited", None)
        if "UndoOf" in part:
            part["UndoOf"] = "an import"  # its id differs from run to run
        for value in part.values():
            _forget_times(value)
    elif isinstance(part, list):
        for value in part:
            _forget_times(value)


def list_differences(stock: DatabaseSnapshot, wanted: DatabaseSnapshot) -> list[str]:
    """A line for every row that is not the same, and as often, in the other; empty when both are equal."""
    found = []
    for name in QUERIES:
        ours, theirs = (Counter(repr(row) for row in one[name]) for one in (stock, wanted))
        found += [f"{name} unexpected: {row}" for row in ours - theirs]
        found += [f"{name} missing: {row}" for row in theirs - ours]
    return found
