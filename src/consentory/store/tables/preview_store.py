"""Previews, their parts and their single changes. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from consentory.domain.effects import DANGEROUS, EFFECT_KINDS, ChangeKind
from consentory.domain.guard import LimitExceeded
from consentory.domain.imports import Import, ImportSettings, Outcome, Status
from consentory.domain.preview import ListedChange, Preview, PreviewChange, PreviewState
from consentory.store.database import Transaction
from consentory.store.tables.execution_store import Chunk

KEPT_CHANGES = 1000
"""The number of changes that are kept of each kind that is not dangerous."""

SAMPLED = [kind for kind in EFFECT_KINDS if kind not in DANGEROUS]

_NO_EFFECTS = [0] * len(EFFECT_KINDS)
_decode_change = msgspec.json.Decoder(PreviewChange).decode


class PreviewKey(msgspec.Struct, frozen=True):
    """The identity of a preview. A preview that replaces another one has a new id."""

    account_id: int
    import_id: UUID
    preview_id: UUID


class PreviewPart(msgspec.Struct, frozen=True):
    """A claimed part of a preview, and the snapshot to read."""

    key: PreviewKey
    chunk: Chunk
    snapshot: str
    as_of: datetime
    configuration_revision: int
    first_profile_id: int


class Previewable(msgspec.Struct, frozen=True):
    """The facts of an import that a preview needs."""

    status: Status
    received: int
    valid: int
    settings: ImportSettings
    revision: int
    """The revision of the account's configuration."""
    next_profile_id: int


class Findings(msgspec.Struct, frozen=True):
    """The counts of a preview and of its import that a guard limits. `effects` in the order of EFFECT_KINDS."""

    configuration_revision: int
    settings: ImportSettings
    received: int
    failed: int
    effects: list[int]
    profiles: int
    """Active profiles of the account; 0 where no limit is a share of them."""


class NewChange(msgspec.Struct, frozen=True):
    """A single change to be stored. `change`: the result of `encode_change`."""

    kind: ChangeKind
    sequence_number: int
    number: int
    profile_id: int | None
    change: bytes


class PreviewCounts(msgspec.Struct):
    """The counts of a part of a preview. `effects` in the order of EFFECT_KINDS."""

    outcomes: dict[Outcome, int]
    effects: list[int]


def encode_change(change: PreviewChange) -> bytes:
    """The stored form of a change."""
    return msgspec.json.encode(change)


def replace_preview(tx: Transaction, item: Import, preview_id: UUID, revision: int) -> None:
    """Start a preview of an import. It replaces an earlier preview."""
    tx.run(
        "replace_preview",
        {
            "import_id": item.import_id,
            "preview_id": preview_id,
            "revision": revision,
            "received": item.books.received,
            "records": item.books.valid,
            "effects": _NO_EFFECTS,
        },
    )


def find_preview(tx: Transaction, import_id: UUID) -> Preview | None:
    """The preview of an import. None: there is none."""
    row = tx.row("find_preview", {"import_id": import_id})
    if row is None:
        return None
    fields = dict(zip(Preview.__struct_fields__, row, strict=True))
    return Preview(**{**fields, "limits_exceeded": msgspec.convert(fields["limits_exceeded"], list[LimitExceeded])})


def list_changes(
    tx: Transaction, key: PreviewKey, kind: ChangeKind | None, after: tuple[str, int, int], limit: int
) -> list[tuple[ListedChange, str]]:
    """(Change, caller who staged its record) after `after`, by kind, SequenceNumber and number."""
    rows = tx.rows(
        "list_changes",
        {
            "import_id": key.import_id,
            "preview_id": key.preview_id,
            "kind": kind,
            "after_kind": after[0],
            "after_sequence": after[1],
            "after_number": after[2],
            "limit": limit,
        },
    )
    return [(ListedChange(row[0], row[1], row[2], row[3], _decode_change(bytes(row[4]))), row[5]) for row in rows]


def list_running_previews(tx: Transaction) -> list[PreviewKey]:
    """The running previews of all accounts, the oldest first."""
    return [PreviewKey(*row) for row in tx.rows("list_running_previews")]


def try_preview_lock(tx: Transaction, key: PreviewKey) -> bool:
    """True if only this transaction holds the preview's snapshot."""
    row = tx.row("try_preview_lock", {"preview_id": key.preview_id})
    return row is not None and row[0]


def export_snapshot(tx: Transaction) -> tuple[str, datetime]:
    """(Name of this transaction's snapshot, its time)."""
    row = tx.row("export_snapshot")
    assert row is not None
    return row[0], row[1]


def load_previewable(tx: Transaction, import_id: UUID) -> Previewable:
    """The import in the transaction's snapshot. Raises LookupError if there is none."""
    row = tx.row("load_previewable", {"import_id": import_id})
    if row is None:
        raise LookupError("there is no such import")
    return Previewable(row[0], row[1], row[2], msgspec.convert(row[3], ImportSettings), *row[4:])


def begin_preview(tx: Transaction, key: PreviewKey, facts: Mapping[str, Any], chunks: Iterable[Chunk]) -> bool:
    """Store the parts of a preview on a new snapshot, and delete the results on an earlier snapshot.

    `facts`: as_of, snapshot, first_profile_id, revision, received, records and active_profiles. False: it was replaced
    or purged.
    """
    tx.run("drop_preview_chunks", {"import_id": key.import_id})
    tx.run("drop_preview_changes", {"import_id": key.import_id})
    named = {"import_id": key.import_id, "preview_id": key.preview_id, "effects": _NO_EFFECTS, **facts}
    if tx.row("begin_preview", named) is None:
        return False
    rows = [
        (key.import_id, key.preview_id, c.chunk_number, c.next_sequence, c.last_sequence, c.sequences, c.excluded)
        for c in chunks
    ]
    tx.copy("copy_preview_chunks", ["uuid", "uuid", "int4", "int4", "int4", "int4[]", "int4[]"], rows)
    return True


def claim_part(tx: Transaction, skipped: Collection[UUID]) -> PreviewPart | None:
    """The next free part of a preview of any account, locked until the transaction ends. None: no part is free now.

    The transaction is bound to its account from here on.
    """
    row = tx.row("claim_preview_chunk", {"skipped": list(skipped)})
    if row is None:
        return None
    account_id, import_id, preview_id, *chunk = row[:8]
    tx.set_account(account_id)
    return PreviewPart(PreviewKey(account_id, import_id, preview_id), Chunk(account_id, import_id, *chunk), *row[8:])


def find_sample_ends(tx: Transaction, key: PreviewKey) -> dict[str, int]:
    """For each kind with KEPT_CHANGES changes: the SequenceNumber of the last change that is kept."""
    named = {"kinds": SAMPLED, "import_id": key.import_id, "preview_id": key.preview_id, "offset": KEPT_CHANGES - 1}
    return {row[0]: row[1] for row in tx.rows("list_sample_ends", named)}


def record_part(tx: Transaction, part: PreviewPart, changes: Iterable[NewChange], counts: PreviewCounts) -> bool | None:
    """Store the result of a part. True: it was the last part. None: the preview was replaced (then roll back).

    Call it last: the preview's row is locked from here to the commit.
    """
    key, ends = part.key, find_sample_ends(tx, part.key)
    rows = [
        (key.import_id, key.preview_id, one.kind, one.sequence_number, one.number, one.profile_id, one.change)
        for one in changes
        if one.kind not in ends or one.sequence_number <= ends[one.kind]
    ]
    tx.copy("copy_preview_changes", ["uuid", "uuid", "text", "int4", "int4", "int8", "bytea"], rows)
    named = {"import_id": key.import_id, "preview_id": key.preview_id}
    tx.run("finish_preview_chunk", {**named, "chunk_number": part.chunk.chunk_number})
    outcomes = counts.outcomes
    row = tx.row(
        "add_preview_counts",
        {
            **named,
            "snapshot": part.snapshot,
            "records": sum(outcomes.values()),
            "exceptions": outcomes.get("Exception", 0),
            "not_honored": outcomes.get("NotHonored", 0),
            "created": outcomes.get("Created", 0),
            "updated": outcomes.get("Updated", 0),
            "unchanged": outcomes.get("Unchanged", 0),
            "deleted": outcomes.get("Deleted", 0),
            "effects": counts.effects,
        },
    )
    return None if row is None else bool(row[0])


def end_preview(tx: Transaction, key: PreviewKey, state: PreviewState, exceeded: Sequence[LimitExceeded] = ()) -> bool:
    """Running -> Done, with only the first changes of each kind, or Failed. False: it was replaced or purged.

    `exceeded`: the limits of the guard that the import exceeds.
    """
    named = {"import_id": key.import_id, "preview_id": key.preview_id}
    if state == "Done":
        for kind in SAMPLED:
            tx.run("trim_sample", {**named, "kind": kind, "offset": KEPT_CHANGES - 1})
    limits = Jsonb(msgspec.json.encode(exceeded))
    return tx.row("end_preview", {**named, "state": state, "limits_exceeded": limits}) is not None


def load_findings(tx: Transaction, key: PreviewKey) -> Findings | None:
    """The counts that a guard limits, None: the preview was replaced or purged."""
    row = tx.row("load_findings", {"import_id": key.import_id, "preview_id": key.preview_id})
    return None if row is None else Findings(row[0], msgspec.convert(row[1], ImportSettings), *row[2:])


def is_running(tx: Transaction, key: PreviewKey) -> bool:
    """True if the preview still runs: it was not replaced, did not end, and is not purged."""
    row = tx.row("is_preview_running", {"import_id": key.import_id, "preview_id": key.preview_id})
    return row is not None and row[0]


def purge_some(tx: Transaction, import_id: UUID) -> int:
    """Delete some rows of an import's preview, and at last the preview. Returns the number of deleted changes."""
    named = {"import_id": import_id}
    rows = tx.run("purge_preview_changes", named).rowcount
    if rows == 0:
        tx.run("drop_preview_chunks", named)
        tx.run("purge_preview", named)
    return rows
