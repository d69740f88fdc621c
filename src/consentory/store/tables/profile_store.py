"""People in the database: bodies, keys, ledger. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json

from consentory.domain.instants import from_micros, to_micros
from consentory.domain.profile import LedgerEntry, PlacedElements, Profile, ProfileState
from consentory.domain.viewing import HistoryItem, Origin
from consentory.store.database import Transaction, join_keys
from consentory.store.sharding import name_ids, name_keys, name_pairs

_COLUMN_TYPES = {
    "profile": ["int8", "json", "timestamptz", "timestamptz", "bool", "text", "uuid", "uuid"],
    "alternate_key": ["uuid", "int8", "text", "text"],
    "contact_key": ["uuid", "int8", "text", "text"],
    "ledger": ["int8", "int4", "json", "timestamptz", "text", "uuid", "int4"],
    "tombstone": ["int8", "timestamptz", "text", "uuid", "int4"],
    "tag_change": ["text", "text", "int4"],
}

decode_state = msgspec.json.Decoder(ProfileState).decode
"""Decode a stored state. Raises msgspec.DecodeError if it is damaged."""
decode_elements = msgspec.json.Decoder(PlacedElements).decode
"""Decode the contact elements of a stored state."""
_encoder = msgspec.json.Encoder()

KeyRow = tuple[bytes, int, str, str]
"""A row of alternate_key: (key, profile id, type, value); or of contact_key: (key, profile id, kind letter, value)."""


def encode_state(state: ProfileState) -> bytes:
    """Encode a state for the database."""
    return _encoder.encode(state)


def encode_entries(entries: list[LedgerEntry]) -> bytes:
    """Encode ledger entries for the database."""
    return _encoder.encode(entries)


class Source(msgspec.Struct, frozen=True, gc=False):
    """The source of a change: the caller, and the record of an import (None: a single write)."""

    caller: str
    import_id: UUID | None = None
    sequence_number: int | None = None


class NewEntries(msgspec.Struct, frozen=True, gc=False):
    """The entries that one applied record adds to a person's ledger. `first`: the number of the first entry."""

    profile_id: int
    first: int
    entries: bytes
    """By `encode_entries`."""
    source: Source


class NewState(msgspec.Struct, frozen=True, gc=False):
    """The new state of a person, to be stored."""

    profile_id: int
    state: bytes
    """By `encode_state`."""
    active: bool
    customer_type: str | None
    fingerprint: bytes | None
    """The fingerprint (16 bytes) of the record that made this state. None: unknown."""


def read_clock(tx: Transaction) -> int:
    """The current time of the database's clock, in microseconds."""
    row = tx.row("read_clock")
    assert row is not None
    return to_micros(row[0])


def find_holders(tx: Transaction, keys: Collection[bytes]) -> dict[bytes, int]:
    """The profile that holds each of these alternate ids. The result has no key without a holder."""
    return dict(tx.rows_of_each("find_holders", name_keys(tx, sorted(keys))))  # in the order of the index


def lock_states(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """The states of the profiles that exist, for `decode_state`. They are locked in one order until the transaction
    ends."""
    return dict(tx.rows_of_each("lock_states", name_ids(tx, ids)))


def load_states(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """Like lock_states, without locks."""
    return {row[0]: row[1] for row in tx.rows_of_each("load_profiles", name_ids(tx, ids))}


def lock_matched(tx: Transaction, wanted: Mapping[bytes, bytes]) -> list[tuple[bytes, int, str | None]]:
    """The people who hold these alternate ids, locked in one order until the transaction ends. `wanted`: the
    fingerprint by key.

    Gives (key, profile id, state for `decode_state`). The state is None if the person has that fingerprint.
    """
    return _find_matched(tx, "lock_compared", wanted)


def load_matched(tx: Transaction, wanted: Mapping[bytes, bytes]) -> list[tuple[bytes, int, str | None]]:
    """Like lock_matched, without locks."""
    return _find_matched(tx, "load_compared", wanted)


def _find_matched(tx: Transaction, name: str, wanted: Mapping[bytes, bytes]) -> list[tuple[bytes, int, str | None]]:
    held = [(profile_id, key) for key, profile_id in find_holders(tx, wanted).items()]
    many = [
        {**named, "keys": join_keys(keys), "fingerprints": join_keys([wanted[key] for key in keys])}
        for named, keys in name_pairs(tx, held)
    ]
    return [(row[0], row[1], row[2]) for row in tx.rows_of_each(name, many)]


def load_profiles(tx: Transaction, ids: Iterable[int]) -> dict[int, Profile]:
    """The profiles that exist, without locks."""
    return {row[0]: _read_profile(row) for row in tx.rows_of_each("load_profiles", name_ids(tx, ids))}


def _read_profile(row: Sequence[Any]) -> Profile:
    return Profile(row[0], decode_state(row[1]), to_micros(row[2]), to_micros(row[3]))


def insert_profiles(
    tx: Transaction, people: Sequence[NewState], created: int, modified: int, import_id: UUID | None
) -> None:
    """Store new profiles. Times in microseconds."""
    made, changed = from_micros(created), from_micros(modified)
    _put_rows(
        tx,
        "profile",
        [
            (one.profile_id, Json(one.state), made, changed, one.active, one.customer_type, import_id, one.fingerprint)
            for one in people
        ],
    )


def update_profiles(tx: Transaction, people: Sequence[NewState], modified: int, import_id: UUID | None) -> None:
    """Replace the bodies of existing profiles, which must be locked. `import_id`: the import that does it."""
    by_id = {person.profile_id: person for person in people}
    tx.run_each("update_profiles", [
        {
            **named,
            "bodies": [by_id[one].state.decode() for one in named["ids"]],
            "actives": [by_id[one].active for one in named["ids"]],
            "customer_types": [by_id[one].customer_type for one in named["ids"]],
            "fingerprints": _join_known([by_id[one].fingerprint for one in named["ids"]]),
            "modified": from_micros(modified),
            "import_id": import_id,
        }
        for named in name_ids(tx, by_id)
    ])  # fmt: skip


def _join_known(keys: Iterable[bytes | None]) -> str:
    """Like join_keys, with NULL for an unknown key."""
    return f"{{{','.join([key.hex() if key else 'NULL' for key in keys])}}}"


def delete_profiles(tx: Transaction, gone: Sequence[tuple[int, Source]], deleted_at: int) -> None:
    """Delete profiles with their history, and store a tombstone for each. `change_alternate_keys` and
    `change_contact_keys` delete their keys."""
    if gone:
        many = name_ids(tx, [profile_id for profile_id, _ in gone])
        tx.run_each("delete_profiles", many)
        if len(gone) == 1:
            tx.run("delete_one_ledger", {"profile_id": gone[0][0]})
        else:
            tx.run_each("delete_ledger", many)
        at = from_micros(deleted_at)
        _put_rows(tx, "tombstone", [(i, at, s.caller, s.import_id, s.sequence_number) for i, s in gone])


def change_alternate_keys(tx: Transaction, removed: Collection[bytes], added: Iterable[KeyRow]) -> None:
    """Take alternate ids from their holders, and give alternate ids: (key, profile id, type, value).

    The keys are in one order. A transaction waits for the transaction that changed a key before, so they cannot
    deadlock.
    """
    if not removed:
        _put_rows(tx, "alternate_key", sorted(added))
        return
    steps: list[tuple[bytes, KeyRow | None]] = [(key, None) for key in removed]
    steps += [(row[0], row) for row in added]
    steps.sort(key=lambda step: (step[0], step[1] is not None))  # take a key before it is given again
    for gives, found in groupby(steps, key=lambda step: step[1] is not None):
        run = list(found)
        if gives:
            _put_rows(tx, "alternate_key", [row for _, row in run if row is not None])
        else:
            tx.run_each("delete_alternate_keys", name_keys(tx, [key for key, _ in run]))


def change_contact_keys(tx: Transaction, removed: Collection[tuple[bytes, int]], added: Iterable[KeyRow]) -> None:
    """Remove (key, profile id), then add (key, profile id, kind letter, value)."""
    gone = [(profile_id, key) for key, profile_id in removed]
    many = [{**named, "keys": join_keys(keys)} for named, keys in name_pairs(tx, gone)]
    tx.run_each("delete_contact_keys", many)
    _put_rows(tx, "contact_key", sorted(added))  # in the order of the index, so that its pages are in the cache


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
    """Note the change of the number of profiles with a tag: (caseless name, name, change)."""
    _put_rows(tx, "tag_change", changes)


def _put_rows(tx: Transaction, table: str, rows: Sequence[Sequence[Any]]) -> None:
    # PostgreSQL refuses COPY into a table with a policy, so the role for requests inserts.
    if tx.may_copy:
        tx.copy(f"copy_{table}", _COLUMN_TYPES[table], rows)
    else:
        tx.run_many(f"insert_{table}", rows)


def find_contact_profiles(tx: Transaction, key: bytes, limit: int) -> list[Profile]:
    """The active profiles with this active address or number, by id, at most `limit`."""
    found: list[Profile] = []
    after = 0
    while True:
        ids = [row[0] for row in tx.rows("list_contact_holders", {"key": key, "after": after, "limit": limit})]
        found += sorted(
            (_read_profile(row) for row in tx.rows_of_each("load_active_profiles", name_ids(tx, ids))),
            key=attrgetter("profile_id"),
        )
        if len(ids) < limit or len(found) >= limit:
            return found[:limit]
        after = ids[-1]


def list_history(tx: Transaction, profile_id: int, of: str, limit: int, after: int) -> list[HistoryItem]:
    """The applied choices ("P" or "C") of a profile with an entry number above `after`, in the order of application."""
    parameters = {"profile_id": profile_id, "of": of, "limit": limit, "after": after}
    return [HistoryItem(*row) for row in tx.rows("list_history", parameters)]


def list_latest_choices(tx: Transaction, profile_id: int, limit: int, before: int) -> list[HistoryItem]:
    """The applied choices of a profile with an entry number below `before`, the newest first."""
    parameters = {"profile_id": profile_id, "limit": limit, "before_entry": before}
    return [HistoryItem(*row) for row in tx.rows("list_latest_choices", parameters)]


def list_origins(tx: Transaction, profile_id: int, entries: Sequence[int]) -> dict[int, Origin]:
    """The origins of ledger entries of one profile, by entry number."""
    rows = tx.rows("list_origins", {"profile_id": profile_id, "entries": list(entries)})
    return {row[0]: Origin(*row[1:]) for row in rows}


def list_entries(tx: Transaction, wanted: Sequence[tuple[int, int]]) -> dict[int, dict[int, tuple[datetime, str]]]:
    """(recorded, caller) of ledger entries, by profile id and entry number. `wanted`: pairs of both."""
    many = [{**named, "entries": entries} for named, entries in name_pairs(tx, wanted)]
    found: dict[int, dict[int, tuple[datetime, str]]] = {}
    for profile_id, entry, recorded, caller in tx.rows_of_each("list_entries", many):
        found.setdefault(profile_id, {})[entry] = (recorded, caller)
    return found


def list_tags(tx: Transaction) -> list[tuple[str, int]]:
    """(tag, number of profiles that have it), by name."""
    return [(row[0], int(row[1])) for row in tx.rows("list_tags")]


def fold_tags(tx: Transaction) -> None:
    """Fold the account's tag changes into one row a tag."""
    tx.run("fold_tags")


def find_foldable(tx: Transaction) -> list[int]:
    """The accounts with enough tag changes to fold, for the worker."""
    return [row[0] for row in tx.rows("find_foldable")]


def count_active(tx: Transaction, most: int | None = None) -> int:
    """Active profiles of the account, counted no further than `most`."""
    row = tx.row("count_active") if most is None else tx.row("count_some_active", {"most": most})
    assert row is not None
    return int(row[0])


def list_ids_after(tx: Transaction, after: int, limit: int) -> list[int]:
    """The ids of the next profiles after an id, in ascending order."""
    return [row[0] for row in tx.rows("list_ids_after", {"after": after, "limit": limit})]


def respell_state(tx: Transaction, profile_id: int, state: ProfileState) -> None:
    """Store a person anew whose names are spelled as configured now. The row must be locked."""
    parameters = {"profile_id": profile_id, "body": encode_state(state).decode(), "customer_type": state.customer_type}
    tx.run("respell_state", parameters)
