"""The type between planning and writing: all changes that some records make (docs/adr/0016-plan-then-write.md).

A ChangeSet has rows that are ready to be stored. It has no ProfileState: the states of 1,000 people would take 20 MB,
and a processor's cache has 1 MB.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from consentory.domain.changed_members import find_changed_members
from consentory.domain.merge import list_alternate_keys, list_contacts
from consentory.domain.profile import LedgerEntry, ProfileState
from consentory.domain.text import fold, hash_key
from consentory.store.tables.before_image_store import NewImage
from consentory.store.tables.change_store import StoredChange
from consentory.store.tables.execution_store import ProcessedRecord
from consentory.store.tables.profile_store import KeyRow, NewEntries, NewState, Source, encode_entries, encode_state

KeyT = TypeVar("KeyT", bound=Hashable)

AlternateIds = dict[bytes, tuple[str, str]]
"""Alternate ids by key: (type, value)."""


class ChangedPerson(msgspec.Struct, frozen=True, gc=False):
    """A person whom a ChangeSet creates, updates or deletes."""

    before: str | None
    """The stored ProfileState, in JSON. None: the person is new."""
    after: NewState | None
    """None: the person is deleted."""
    source: Source
    """The last record that changed the person."""


@dataclass(slots=True)
class KeyChanges(Generic[KeyT]):
    """Keys to remove, and then keys to add, each by its primary key."""

    removed: set[KeyT] = field(default_factory=set)
    added: dict[KeyT, KeyRow] = field(default_factory=dict)

    def remove(self, keys: Iterable[KeyT]) -> None:
        """Remove keys; a key that this plan added is not stored, and is not added."""
        for key in keys:
            if self.added.pop(key, None) is None:
                self.removed.add(key)


@dataclass(slots=True)
class ChangeSet:
    """The result of `plan_records`. `write_changes` stores it. Times in microseconds."""

    account_id: int
    created_at: int
    """The creation time of new people."""
    applied_at: int
    """The modification time of all people in it, and the recording time of their choices."""
    import_id: UUID | None
    loaded: Mapping[int, str]
    """The people whom the records mean, as they are stored."""
    own_ids: range | None = None
    """The ProfileIds that the import gives to new people; the states of all others from before are kept, for undo.
    None: no states are kept."""
    outcomes: list[ProcessedRecord] = field(default_factory=list)
    """The outcome of each record, in the order of the records."""
    people: dict[int, ChangedPerson] = field(default_factory=dict)
    """By ProfileId, in the order of their first change."""
    changes: list[StoredChange] = field(default_factory=list)
    """All changes in the order of their application. Each of them gets a position."""
    ledger: list[NewEntries] = field(default_factory=list)
    alternate_keys: KeyChanges[bytes] = field(default_factory=KeyChanges)
    contact_keys: KeyChanges[tuple[bytes, int]] = field(default_factory=KeyChanges)
    tags: dict[str, tuple[str, int]] = field(default_factory=dict)
    """For each caseless name: the name, and the change of the number of people with this tag."""
    named_keys: dict[int, set[bytes]] = field(default_factory=dict)
    """By ProfileId: the keys of the alternate ids that the person gained or lost."""

    def find_state(self, profile_id: int) -> str | bytes | None:
        """The current ProfileState of the person, in JSON. None: there is no such person."""
        person = self.people.get(profile_id)
        if person is None:
            return self.loaded.get(profile_id)
        return None if person.after is None else person.after.state

    def list_images(self) -> list[NewImage]:
        """The states before and after of each changed person whom the import did not create."""
        own_ids = self.own_ids
        return (
            []
            if own_ids is None
            else [
                NewImage(
                    profile_id,
                    person.source.sequence_number or 0,
                    person.before,
                    person.after.state,
                    self.named_keys.get(profile_id, ()),
                )
                for profile_id, person in self.people.items()
                if person.before is not None and person.after is not None and profile_id not in own_ids
            ]
        )

    def add_change(
        self,
        profile_id: int,
        old: ProfileState | None,
        new: ProfileState | None,
        *,
        source: Source,
        fingerprint: bytes | None = None,
        alternate_ids: AlternateIds | None = None,
    ) -> None:
        """Add the next change of a person, from one state to another. No `old`: the person is new. No `new`: the person
        is deleted. `fingerprint`: see NewState. `alternate_ids`: the ones of `new`; None: the same as of `old`."""
        known = self.people.get(profile_id)
        before = self.loaded.get(profile_id) if known is None else known.before
        after = None
        if new is not None:
            after = NewState(profile_id, encode_state(new), new.active, new.customer_type, fingerprint)
        self.people[profile_id] = ChangedPerson(before, after, source)
        self._add_position(profile_id, old, new, source)
        if alternate_ids is not None:
            self._change_alternate_ids(profile_id, list_alternate_keys(self.account_id, old), alternate_ids)
        self._change_contacts(profile_id, list_contacts(old), list_contacts(new))
        self._count_tags(old, new)

    def add_entries(self, profile_id: int, new: ProfileState, entries: list[LedgerEntry], source: Source) -> None:
        """Add the last entries of the ledger of `new`."""
        if entries:
            first = new.entries - len(entries) + 1
            self.ledger.append(NewEntries(profile_id, first, encode_entries(entries), source))

    def _add_position(
        self, profile_id: int, old: ProfileState | None, new: ProfileState | None, source: Source
    ) -> None:
        had, has = (0 if old is None else old.entries), (0 if new is None else new.entries)
        self.changes.append(
            StoredChange(
                profile_id,
                "Deleted" if new is None else "Created" if old is None else "Updated",
                find_changed_members(old, new),
                had + 1 if has > had else 0,
                source.caller,
                source.sequence_number,
            )
        )

    def _change_alternate_ids(self, profile_id: int, had: AlternateIds, has: AlternateIds) -> None:
        if self.own_ids is not None and profile_id not in self.own_ids:
            self.named_keys.setdefault(profile_id, set()).update(had.keys() ^ has.keys())
        if had:
            self.alternate_keys.remove(had.keys() - has.keys())
        for key, (type_name, value) in has.items():
            if key not in had:
                self.alternate_keys.added[key] = (key, profile_id, type_name, value)

    def _change_contacts(self, profile_id: int, had: set[tuple[str, str]], has: set[tuple[str, str]]) -> None:
        if had:
            self.contact_keys.remove([(hash_key(self.account_id, *gone), profile_id) for gone in had - has])
        for contact in has:
            if contact not in had:
                key = hash_key(self.account_id, *contact)
                self.contact_keys.added[key, profile_id] = (key, profile_id, *contact)

    def _count_tags(self, old: ProfileState | None, new: ProfileState | None) -> None:
        had, has = ([] if old is None else old.tags), ([] if new is None else new.tags)
        if had != has:
            changes = [(tag, -1) for tag in had if tag not in has] + [(tag, 1) for tag in has if tag not in had]
            for tag, change in changes:
                folded = fold(tag)
                name, before = self.tags.get(folded, (tag, 0))
                self.tags[folded] = (name, before + change)
