"""Changes of people and their positions (docs/adr/0017-positions.md). Each function runs in its caller's transaction,
bound to the account unless it says otherwise."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

import msgspec
import zstandard

from consentory.domain.identifier import make_uuid7
from consentory.domain.instants import from_micros
from consentory.domain.profile import LedgerEntry
from consentory.domain.viewing import ChangeKind
from consentory.store.database import Transaction
from consentory.store.sharding import await_commits, name_pairs

_LEVEL = 1


class _OfThread(threading.local):
    """Each thread has its own contexts of zstd. Threads cannot share a context, and making one is slow."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_of_thread = _OfThread()


class StoredChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change of a person: one applied record, one single write, or one delete. It has no personal data."""

    profile_id: int
    kind: ChangeKind
    members: int
    """By `domain.changed_members`."""
    entry: int
    """The number of the first ledger entry of the change; 0: no choice was applied."""
    caller: str
    sequence_number: int | None


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The form in which the database keeps changes: a caller stands once, and each other column in one list."""

    callers: list[str]
    profile_ids: list[int]
    kinds: bytes
    members: list[int]
    entries: list[int]
    caller_places: list[int]
    sequence_numbers: list[int]
    """0: the change is no record of an import."""


_KINDS: tuple[ChangeKind, ...] = ("Created", "Updated", "Deleted")
_PLACES = {kind: place for place, kind in enumerate(_KINDS)}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_entries = msgspec.json.Decoder(list[LedgerEntry]).decode


class ChangeRange(NamedTuple):
    """The positions of an account: the oldest that is kept, and the latest that was given."""

    oldest: int
    latest: int


class NumberedBlock(NamedTuple):
    """Changes that were applied together. The first of them has `first_position`, and the others follow."""

    first_position: int
    applied_at: datetime
    import_id: UUID | None
    changes: list[StoredChange]


def pack_changes(changes: Sequence[StoredChange]) -> bytes:
    """Encode the changes of a block for the database."""
    callers = list(dict.fromkeys([one.caller for one in changes]))
    places = {caller: place for place, caller in enumerate(callers)}
    packed = _Packed(
        callers=callers,
        profile_ids=[one.profile_id for one in changes],
        kinds=bytes([_PLACES[one.kind] for one in changes]),
        members=[one.members for one in changes],
        entries=[one.entry for one in changes],
        caller_places=[places[one.caller] for one in changes],
        sequence_numbers=[one.sequence_number or 0 for one in changes],
    )
    return _of_thread.compressor.compress(_encode(packed))


def unpack_changes(packed: bytes) -> list[StoredChange]:
    """The changes of a block, in their order."""
    block = _decode(_of_thread.decompressor.decompress(packed))
    return [
        StoredChange(profile_id, _KINDS[kind], members, entry, block.callers[place], sequence or None)
        for profile_id, kind, members, entry, place, sequence in zip(
            block.profile_ids, block.kinds, block.members, block.entries, block.caller_places, block.sequence_numbers,
            strict=True,
        )
    ]  # fmt: skip


def insert_changes(tx: Transaction, changes: Sequence[StoredChange], applied_at: int, import_id: UUID | None) -> None:
    """Store changes, which get their positions after the commit.

    The caller must hold the locks of all people in them: the place in the log is the order of one person's changes.
    """
    if not changes:
        return
    row = tx.row("read_wal_place")
    assert row is not None
    tx.run(
        "insert_change_block",
        {
            "block_id": make_uuid7(),
            "wal_place": row[0],
            "change_count": len(changes),
            "applied_at": from_micros(applied_at),
            "import_id": import_id,
            "changes": pack_changes(changes),
        },
    )


def find_unnumbered(tx: Transaction) -> dict[int, bool]:
    """The accounts with changes that wait for their positions, across accounts (worker). True: it has a range."""
    return dict(tx.rows("find_unnumbered"))


def add_range(tx: Transaction) -> None:
    """Add the range of an account that has no positions yet (worker)."""
    tx.run("insert_change_range")


def number_some(tx: Transaction, limit: int) -> int | None:
    """Give the next positions to at most `limit` waiting blocks (worker). Returns their number. None: another
    transaction numbers the changes of this account."""
    if tx.row("lock_change_range") is None:
        return None
    blocks = _list_committed(tx, limit) if tx.bounds else None
    row = tx.row("number_changes", {"limit": limit, "blocks": blocks})
    assert row is not None
    return int(row[0])


def _list_committed(tx: Transaction, limit: int) -> list[UUID]:
    """On Citus: the next waiting blocks whose transactions are committed on all machines.

    A block that became visible during the wait may not be committed everywhere yet. It and all blocks behind it stay.
    """
    known = {row[0] for row in tx.rows("list_waiting_blocks", {"limit": limit})}
    if not known or not await_commits(tx):
        return []
    now = [row[0] for row in tx.rows("list_waiting_blocks", {"limit": limit})]
    return list(takewhile(known.__contains__, now))


def find_outdated(tx: Transaction) -> list[tuple[int, int]]:
    """(account id, days that changes are kept) of accounts with changes that must be deleted now, across accounts."""
    return [(row[0], row[1]) for row in tx.rows("find_outdated_changes")]


def purge_some(tx: Transaction, days: int) -> int:
    """Delete some of the oldest changes that are older than `days`, and store which position is now the oldest.
    Returns the number of deleted blocks. 0: no block is so old, or another transaction has the lock."""
    if tx.row("lock_change_range") is None:
        return 0
    row = tx.row("purge_changes", {"days": days})
    return 0 if row is None else int(row[0])


def read_range(tx: Transaction) -> ChangeRange:
    """The range of positions that this transaction sees."""
    row = tx.row("read_change_range")
    return ChangeRange(1, 0) if row is None else ChangeRange(*row)


def read_latest_position(tx: Transaction) -> int:
    """The latest position that this transaction sees; 0 if there is none. All changes up to this position are visible
    in this transaction, if it is a snapshot."""
    return read_range(tx).latest


def list_blocks(tx: Transaction, first: int, last: int) -> list[NumberedBlock]:
    """The blocks that have a change with a position from `first` to `last`, in order."""
    rows = tx.rows("list_change_blocks", {"first": first, "last": last})
    return [NumberedBlock(row[0], row[1], row[2], unpack_changes(bytes(row[3]))) for row in rows]


def load_choices(tx: Transaction, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[LedgerEntry]]:
    """The choices that were applied together, by (profile id, number of the first ledger entry). Choices of deleted
    people are left out."""
    many = [{**named, "entries": entries} for named, entries in name_pairs(tx, wanted)]
    return {(row[0], row[1]): _decode_entries(row[2]) for row in tx.rows_of_each("list_change_choices", many)}
