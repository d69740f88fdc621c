"""Resolving, chunks, their outcomes, and the end of retention. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from consentory.domain.imports import GuardState, ImportSettings, Outcome, Phase, Status, UndoOrder
from consentory.domain.record import Fault
from consentory.store.database import Transaction
from consentory.store.sharding import KEYS, PEOPLE
from consentory.store.tables.import_store import PHASE_NUMBER

_PART_NAMES = 5000
"""The number of names that are looked up at a time when an import is resolved. The limit bounds the memory."""


class Chunk(msgspec.Struct, frozen=True):
    """The work that is left: the records from `next_sequence` to `last_sequence` without `excluded`. If `sequences` is
    given: only the records of it in that range."""

    account_id: int
    import_id: UUID
    chunk_number: int
    next_sequence: int
    last_sequence: int
    sequences: list[int] | None = None
    excluded: list[int] = []
    waits_for: int | None = None


class RunningImport(msgspec.Struct, frozen=True):
    """The facts that all chunks of one import share."""

    settings: ImportSettings
    undo: UndoOrder | None
    started_at: datetime
    configuration_revision: int
    first_profile_id: int
    received: int
    is_processing: bool
    keeps_images: bool
    """Whether the states of changed people from before the import are kept, for undo."""

    @property
    def own_ids(self) -> range | None:
        """The ProfileIds that the import gives to new people, if images of all others are kept."""
        first = self.first_profile_id
        return range(first, first + self.received) if self.keeps_images else None


class WorkBlock(msgspec.Struct, frozen=True):
    """A block of staged records. `work` is empty if no record of the block is valid."""

    first_sequence: int
    record_count: int
    raw: bytes
    work: bytes
    caller: str


class ProcessedRecord(msgspec.Struct, frozen=True):
    """The outcome of one record at execution."""

    sequence_number: int
    outcome: Outcome
    faults: list[Fault]
    """The reasons of an exception, or the parts that were not honored."""


def next_queued_import(tx: Transaction, skipped: Sequence[UUID] = ()) -> tuple[int, UUID] | None:
    """(account id, import id) of the next import to resolve, across accounts. None: there is none."""
    row = tx.row("next_queued_import", {"skipped": list(skipped)})
    return None if row is None else (row[0], row[1])


def allow_long_statement(tx: Transaction) -> None:
    """Let the statements of this transaction take as long as resolving."""
    tx.run("allow_long_statement")


def try_resolve_lock(tx: Transaction) -> bool:
    """True if only this transaction resolves for its account. Allows long statements from here on."""
    tx.run("allow_long_statement")
    row = tx.row("try_resolve_lock")
    return row is not None and row[0]


def load_resolvable(tx: Transaction, import_id: UUID) -> tuple[Status, int, ImportSettings, GuardState | None]:
    """(status, records received, settings, how the guard stands to it)."""
    row = tx.row("load_resolvable", {"import_id": import_id})
    assert row is not None
    return row[0], row[1], msgspec.convert(row[2], ImportSettings), row[3]


def stream_shared(tx: Transaction, import_id: UUID) -> Iterator[tuple[UUID, int]]:
    """(match token, SequenceNumber) of each token that several records name, ordered by both."""
    tx.run("collect_named", {"import_id": import_id})
    tx.run("make_found")
    keys = {"size": _PART_NAMES, "bounds": list(tx.bounds.get(KEYS, ()))}
    for part, one in tx.rows("list_key_parts", keys):
        _keep_found(tx, tx.row("find_named_holders", {"keys": part, "one": one if KEYS in tx.bounds else None}))
    ids = {"size": _PART_NAMES, "bounds": list(tx.bounds.get(PEOPLE, ()))}
    for part, one in tx.rows("list_id_parts", ids):
        _keep_found(tx, tx.row("find_named_profiles", {"ids": part, "one": one if PEOPLE in tx.bounds else None}))
    tx.run("collect_tokens")
    for row in tx.stream("list_shared"):
        yield row[0], row[1]


def _keep_found(tx: Transaction, found: Sequence[Any] | None) -> None:
    if found is not None and found[1] is not None:
        tx.run("keep_found", {"keys": found[0], "ids": found[1]})


def start_import(
    tx: Transaction,
    import_id: UUID,
    revision: int,
    first_profile_id: int,
    chunks: Sequence[Chunk],
    *,
    keeps_images: bool,
) -> bool:
    """Queued -> Processing, with its chunks. False: the import was cancelled meanwhile (then roll back)."""
    parameters = {
        "import_id": import_id,
        "revision": revision,
        "first_profile_id": first_profile_id,
        "keeps_images": keeps_images,
    }
    if tx.row("start_import", parameters) is None:
        return False
    types = ["uuid", "int4", "int4", "int4", "int4[]", "int4[]", "int4"]
    rows = [
        (c.import_id, c.chunk_number, c.next_sequence, c.last_sequence, c.sequences, c.excluded, c.waits_for)
        for c in chunks
    ]
    tx.copy("copy_chunks", types, rows)
    return True


def complete_import(tx: Transaction, import_id: UUID) -> bool:
    """Processing -> Completed, if no record is pending."""
    return tx.row("complete_import", {"import_id": import_id}) is not None


def claim_chunk(tx: Transaction, skipped: Sequence[UUID] = ()) -> Chunk | None:
    """The next free chunk of any account, of an import that is not in `skipped`. It is locked until the transaction
    ends. None: no chunk is free now."""
    row = tx.row("claim_chunk", {"skipped": list(skipped)})
    return None if row is None else Chunk(*row)


def load_running(tx: Transaction, import_id: UUID) -> RunningImport:
    """The facts that the chunks of an import share."""
    row = tx.row("load_running", {"import_id": import_id})
    assert row is not None
    undo = None if row[1] is None else UndoOrder(row[1], row[2])
    return RunningImport(msgspec.convert(row[0], ImportSettings), undo, *row[3:])


def list_work(
    tx: Transaction, import_id: UUID, first: int, last: int, block_records: int, verbatim_bytes: int
) -> list[WorkBlock]:
    """The blocks that overlap SequenceNumbers `first` to `last`, in order.

    `verbatim_bytes`: `raw` is empty if it has more bytes a record than this.
    """
    parameters = {
        "import_id": import_id,
        "first": first,
        "last": last,
        "block_records": block_records,
        "verbatim_bytes": verbatim_bytes,
    }
    return [_read_block(row) for row in tx.rows("list_work", parameters)]


def _read_block(row: Sequence[Any]) -> WorkBlock:
    return WorkBlock(row[0], row[1], bytes(row[2]), bytes(row[3]), row[4])


def list_scattered_work(
    tx: Transaction, import_id: UUID, sequences: Sequence[int], verbatim_bytes: int
) -> list[WorkBlock]:
    """Like list_work, for the blocks that hold the given records."""
    parameters = {"import_id": import_id, "sequences": list(sequences), "verbatim_bytes": verbatim_bytes}
    return [_read_block(row) for row in tx.rows("list_scattered_work", parameters)]


def list_refused(tx: Transaction, import_id: UUID, sequences: Sequence[int]) -> list[int]:
    """The records among these that have a fault already."""
    rows = tx.rows("list_refused", {"import_id": import_id, "sequences": list(sequences)})
    return [row[0] for row in rows]


def limit_statements(tx: Transaction, seconds: int) -> None:
    """Limit the time of each statement of this transaction from here on."""
    tx.run("limit_statements", {"limit": f"{seconds}s"})


def leave_chunk(tx: Transaction, chunk: Chunk, next_sequence: int) -> None:
    """Note how far a chunk was processed. A chunk that is finished is deleted."""
    name = "finish_chunk" if next_sequence > chunk.last_sequence else "advance_chunk"
    key = {"import_id": chunk.import_id, "chunk_number": chunk.chunk_number}
    tx.run(name, key if name == "finish_chunk" else {**key, "next": next_sequence})


def record_outcomes(tx: Transaction, import_id: UUID, done: Sequence[ProcessedRecord]) -> int | None:
    """Write the faults, and move the records from Pending to their outcomes. The last record completes the import.

    Call it last: the import's row is locked from here to the commit. Returns how many records are pending after that.
    None: the import is not Processing.
    """
    rows = []
    counts: dict[Outcome, int] = {}
    for record in done:
        counts[record.outcome] = counts.get(record.outcome, 0) + 1
        if record.faults:
            phase: Phase = "Execute" if record.outcome == "Exception" else "NotHonored"
            faults = msgspec.json.encode(record.faults)
            rows.append((import_id, phase == "NotHonored", record.sequence_number, 1, PHASE_NUMBER[phase], faults))
    tx.copy("copy_faults", ["uuid", "bool", "int4", "int2", "int2", "bytea"], rows)
    row = tx.row(
        "count_outcomes",
        {
            "import_id": import_id,
            "total": len(done),
            "exceptions": counts.get("Exception", 0),
            "not_honored": counts.get("NotHonored", 0),
            "created": counts.get("Created", 0),
            "updated": counts.get("Updated", 0),
            "unchanged": counts.get("Unchanged", 0),
            "deleted": counts.get("Deleted", 0),
        },
    )
    if row is None:
        return None
    if row[0] == 0:
        complete_import(tx, import_id)
    return int(row[0])


def notify_work(tx: Transaction) -> None:
    """Wake the workers when this transaction commits."""
    tx.run("notify_work")


def count_by_status(tx: Transaction) -> dict[str, int]:
    """The number of imports of all accounts by status, without the statuses that no import has."""
    return {row[0]: row[1] for row in tx.rows("count_by_status")}


def find_purgeable(tx: Transaction) -> list[tuple[int, UUID]]:
    """(account id, import id) of the imports to purge now, across accounts, also those whose purge was interrupted."""
    return [(row[0], row[1]) for name in ("find_purgeable", "find_purge_left") for row in tx.rows(name)]


def mark_purged(tx: Transaction, import_id: UUID) -> bool:
    """Mark the exceptions of an import as gone. False: they were marked already."""
    return tx.row("mark_purged", {"import_id": import_id}) is not None


def purge_some(tx: Transaction, import_id: UUID) -> int:
    """Delete some staged rows of a purged import, and return their number. 0: none is left."""
    key = {"import_id": import_id}
    return tx.run("purge_blocks", key).rowcount + tx.run("purge_faults", key).rowcount


def mark_purge_complete(tx: Transaction, import_id: UUID) -> bool:
    """Mark the purge of an import as complete. False: staged rows are left, or it was marked already."""
    if tx.row("has_staged_rows", {"import_id": import_id}) == (True,):
        return False
    return tx.row("mark_purge_complete", {"import_id": import_id}) is not None


def try_maintenance_lock(tx: Transaction, import_id: UUID) -> bool:
    """True if only this transaction maintains the import."""
    row = tx.row("try_maintenance_lock", {"import_id": import_id})
    return row is not None and row[0]


def find_redactable(tx: Transaction) -> list[tuple[int, UUID]]:
    """(account id, import id) of ended imports with DataStageDuration 0 that keep accepted records."""
    return [(row[0], row[1]) for row in tx.rows("find_redactable")]


def list_blocks_after(tx: Transaction, import_id: UUID, after: int) -> list[tuple[int, bytes, list[int]]]:
    """Up to 100 of (first SequenceNumber, raw block, SequenceNumbers in it that have a fault), in order."""
    rows = tx.rows("list_blocks_after", {"import_id": import_id, "after": after})
    return [(row[0], bytes(row[1]), row[2]) for row in rows]


def redact_block(tx: Transaction, import_id: UUID, first_sequence: int, raw: bytes | None) -> None:
    """Replace the raw bytes of a block, or delete the block (None)."""
    key = {"import_id": import_id, "first_sequence": first_sequence}
    if raw is None:
        tx.run("delete_block", key)
    else:
        tx.run("redact_block", {**key, "raw": raw})


def mark_redacted(tx: Transaction, import_id: UUID) -> bool:
    """Mark an import as redacted. False: it was marked already."""
    return tx.row("mark_redacted", {"import_id": import_id}) is not None
