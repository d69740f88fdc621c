"""People in the database: bodies, keys, ledger. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json

from consentory.domain.instants import from_micros, to_micros
from consentory.domain.profile import LedgerEntry, Profile, ProfileState
from consentory.domain.viewing import HistoryItem
from consentory.store.database import Transaction, join_keys

_COLUMN_TYPES = {
    "profile": ["int8", "json", "timestamptz", "timestamptz", "bool", "text", "uuid", "uuid"],
    "alternate_key": ["uuid", "int8", "text", "text"],
    "contact_key": ["uuid", "int8", "text", "text"],
    "ledger": ["int8", "int4", "json", "timestamptz", "text", "uuid", "int4"],
    "tombstone": ["int8", "timestamptz", "text", "uuid", "int4"],
    "tag_change": ["text", "text", "int4"],
}

decode_state = msgspec.json.Decoder(ProfileState).decode
"""A state as it is stored. Raises msgspec.DecodeError for one that is damaged."""
_encoder = msgspec.json.Encoder()

KeyRow = tuple[bytes, int, str, str]
"""A row of alternate_key: (key, profile id, type, value); or of contact_key: (key, profile id, kind letter, value)."""


def encode_state(state: ProfileState) -> bytes:
    """A state as it is to be stored."""
    return _encoder.encode(state)


def encode_entries(entries: list[LedgerEntry]) -> bytes:
    """Ledger entries as they are to be stored."""
    return _encoder.encode(entries)


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a change came from: who, and which record of which import (None: a single write)."""

    caller: str
    import_id: UUID | None = None
    sequence_number: int | None = None


class NewEntries(msgspec.Struct, frozen=True, gc=False):
    """The entries that one application of a record adds to a person's ledger: entries numbered from `first` on."""

    profile_id: int
    first: int
    entries: bytes
    """By `encode_entries`."""
    source: Source


class NewState(msgspec.Struct, frozen=True, gc=False):
    """A person as they are to be stored."""

    profile_id: int
    state: bytes
    """By `encode_state`."""
    active: bool
    customer_type: str | None
    fingerprint: bytes | None
    """Of the record that made the person so, 16 bytes; None: not known."""


def read_clock(tx: Transaction) -> int:
    """This moment in microseconds, by the database's clock."""
    row = tx.row("read_clock")
    assert row is not None
    return to_micros(row[0])


def find_holders(tx: Transaction, keys: Collection[bytes]) -> dict[bytes, int]:
    """Which profile holds each of these alternate ids; keys that nobody holds are left out."""
    if not keys:
        return {}
    rows = tx.rows("find_holders", {"keys": join_keys(sorted(keys))})  # in the order of the index
    return dict(rows)


def lock_states(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """The states, for `decode_state`, of those of the profiles that exist; locked in id order until the transaction
    ends."""
    return dict(tx.rows("lock_states", {"ids": sorted(ids)}))


def load_states(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """As lock_states, not locked."""
    return {row[0]: row[1] for row in tx.rows("load_profiles", {"ids": sorted(ids)})}


def lock_matched(tx: Transaction, wanted: Mapping[bytes, bytes]) -> list[tuple[bytes, int, str | None]]:
    """The people who hold these alternate ids (key to fingerprint), locked in id order until the transaction ends.

    Gives (key, profile id, state for `decode_state`); None in place of the state of one who has that fingerprint.
    """
    return _find_matched(tx, "lock_matched", wanted)


def load_matched(tx: Transaction, wanted: Mapping[bytes, bytes]) -> list[tuple[bytes, int, str | None]]:
    """As lock_matched, not locked."""
    return _find_matched(tx, "load_matched", wanted)


def _find_matched(tx: Transaction, name: str, wanted: Mapping[bytes, bytes]) -> list[tuple[bytes, int, str | None]]:
    in_order = sorted(wanted.items())  # of the index
    parameters = {"keys": join_keys(key for key, _ in in_order), "fingerprints": join_keys(one for _, one in in_order)}
    return [(row[0], row[1], row[2]) for row in tx.rows(name, parameters)]


def load_profiles(tx: Transaction, ids: Iterable[int]) -> dict[int, Profile]:
    """Those of the profiles that exist, not locked."""
    return {row[0]: _read_profile(row) for row in tx.rows("load_profiles", {"ids": sorted(ids)})}


def _read_profile(row: Sequence[Any]) -> Profile:
    return Profile(row[0], decode_state(row[1]), to_micros(row[2]), to_micros(row[3]))


def insert_profiles(
    tx: Transaction, people: Sequence[NewState], created: int, modified: int, import_id: UUID | None
) -> None:
    """Store new profiles; times in microseconds."""
    made, changed = from_micros(created), from_micros(modified)
    _put_rows(
        tx,
        "profile",
        [
            (one.profile_id, Json(one.state), made, changed, one.active, one.customer_type, import_id, one.fingerprint)
            for one in people
        ],
    )


def update_profiles(tx: Transaction, people: Sequence[NewState], modified: int) -> None:
    """Replace the bodies of existing profiles, which must be locked."""
    if people:
        tx.run(
            "update_profiles",
            {
                "ids": [person.profile_id for person in people],
                "bodies": [person.state.decode() for person in people],
                "actives": [person.active for person in people],
                "customer_types": [person.customer_type for person in people],
                "fingerprints": ",".join([(person.fingerprint or b"").hex() for person in people]),
                "modified": from_micros(modified),
            },
        )


def delete_profiles(tx: Transaction, gone: Sequence[tuple[int, Source]], deleted_at: int) -> None:
    """Delete profiles with their history and leave a tombstone each; `change_alternate_keys` and `change_contact_keys`
    delete their keys."""
    if gone:
        ids = {"ids": [profile_id for profile_id, _ in gone]}
        tx.run("delete_profiles", ids)
        if len(gone) == 1:
            tx.run("delete_one_ledger", {"profile_id": gone[0][0]})
        else:
            tx.run("delete_ledger", ids)
        at = from_micros(deleted_at)
        _put_rows(tx, "tombstone", [(i, at, s.caller, s.import_id, s.sequence_number) for i, s in gone])


def change_alternate_keys(tx: Transaction, removed: Collection[bytes], added: Iterable[KeyRow]) -> None:
    """Take alternate ids from their holders, and give out: (key, profile id, type, value).

    Key by key in their order: who gives out a key waits for whoever touched it before, and so nobody waits in a ring.
    """
    if not removed:
        _put_rows(tx, "alternate_key", sorted(added))
        return
    steps: list[tuple[bytes, KeyRow | None]] = [(key, None) for key in removed]
    steps += [(row[0], row) for row in added]
    steps.sort(key=lambda step: (step[0], step[1] is not None))  # taken before it is given anew
    for gives, found in groupby(steps, key=lambda step: step[1] is not None):
        run = list(found)
        if gives:
            _put_rows(tx, "alternate_key", [row for _, row in run if row is not None])
        else:
            tx.run("delete_alternate_keys", {"keys": join_keys(key for key, _ in run)})


def change_contact_keys(tx: Transaction, removed: Collection[tuple[bytes, int]], added: Iterable[KeyRow]) -> None:
    """Remove (key, profile id), then add (key, profile id, kind letter, value)."""
    if removed:
        tx.run("delete_contact_keys", {"keys": join_keys(key for key, _ in removed), "ids": [i for _, i in removed]})
    _put_rows(tx, "contact_key", sorted(added))  # in the order of the index, whose upper pages are near then


def append_ledger(tx: Transaction, appended: Sequence[NewEntries], recorded: int) -> None:
    """Append applied choices."""
    at = from_micros(recorded)
    _put_rows(tx, "ledger", [
        (
            new.profile_id, new.first, Json(new.entries), at,
            new.source.caller, new.source.import_id, new.source.sequence_number,
        )
        for new in appended
    ])  # fmt: skip


def change_tags(tx: Transaction, changes: Sequence[tuple[str, str, int]]) -> None:
    """Note how many profiles gained or lost a tag: (caseless name, name, change)."""
    _put_rows(tx, "tag_change", changes)


def _put_rows(tx: Transaction, table: str, rows: Sequence[Sequence[Any]]) -> None:
    # COPY into a table under a policy is refused: the role that serves requests inserts.
    if tx.may_copy:
        tx.copy(f"copy_{table}", _COLUMN_TYPES[table], rows)
    else:
        tx.run_many(f"insert_{table}", rows)


def find_contact_profiles(tx: Transaction, key: bytes, limit: int) -> list[Profile]:
    """Active profiles that have this active address or number, by id, at most `limit`."""
    rows = tx.rows("find_contact_profiles", {"key": key, "limit": limit})
    return [_read_profile(row) for row in rows]


def list_history(tx: Transaction, profile_id: int, of: str, limit: int, after: int) -> list[HistoryItem]:
    """Applied choices ("P" or "C") of a profile in order of application, with an entry number above `after`."""
    parameters = {"profile_id": profile_id, "of": of, "limit": limit, "after": after}
    return [HistoryItem(*row) for row in tx.rows("list_history", parameters)]


def list_entries(tx: Transaction, wanted: Sequence[tuple[int, int]]) -> dict[int, dict[int, tuple[datetime, str]]]:
    """(recorded, caller) of ledger entries, by profile id and then by their number; `wanted` are pairs of both."""
    found: dict[int, dict[int, tuple[datetime, str]]] = {}
    if wanted:
        ids, entries = zip(*wanted, strict=True)
        for profile_id, entry, recorded, caller in tx.rows(
            "list_entries", {"ids": list(ids), "entries": list(entries)}
        ):
            found.setdefault(profile_id, {})[entry] = (recorded, caller)
    return found


def list_tags(tx: Transaction) -> list[tuple[str, int]]:
    """(tag, profiles that have it), by name."""
    return [(row[0], int(row[1])) for row in tx.rows("list_tags")]


def fold_tags(tx: Transaction) -> None:
    """Fold the account's tag changes into one row a tag."""
    tx.run("fold_tags")


def find_foldable(tx: Transaction) -> list[int]:
    """Accounts whose tag changes are worth folding (worker)."""
    return [row[0] for row in tx.rows("find_foldable")]
