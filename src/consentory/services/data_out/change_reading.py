"""Read the changes of people in the order of their positions (data-out.md, "Calls")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from consentory.domain.caller import Caller
from consentory.domain.changed_members import (
    CHOICE_BITS,
    CONSENT_BITS,
    ELEMENT_BITS,
    PREFERENCE_BITS,
    list_member_names,
)
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.permission import Scope, require_profile
from consentory.domain.profile import LedgerEntry, PlacedElements, ProfileState, describe_place, find_kind
from consentory.domain.spelling import find_spelling, spell_body, spell_choice
from consentory.domain.viewing import ViewedChange, ViewedChanges, ViewedChoice
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import change_store, profile_store
from consentory.store.tables.change_store import ChangeRange, StoredChange

Choices = dict[tuple[int, int], list[LedgerEntry]]


class ChangesQuery(NamedTuple):
    """A call for changes. `after` None: from the oldest position that is kept. `limit`: the number of positions of a
    page. `wait`: the seconds that the call waits for a change."""

    after: int | None = None
    limit: int = 1000
    wait: int = 0


class _Numbered(NamedTuple):
    """A change with its position and the facts of its block."""

    position: int
    at: datetime
    import_id: UUID | None
    change: StoredChange


class ChangeReading:
    """Reads changes for callers with the permission `profile: read`."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def read(
        self, caller: Caller, query: ChangesQuery, *, start: int | None = None, note_empty: bool = True
    ) -> ViewedChanges:
        """The changes of the next positions after `query.after`, without those that the caller may not see.

        `start`: the position after which a call that waits goes on. A page with changes is noted in the audit trail,
        and a page without changes only if `note_empty`. Raises RequestRefused: forbidden; gone, if a position after
        `query.after` is no longer kept; conflict, if `query.after` was never given.
        """
        require_profile(caller, "read")
        with self._database.snapshot(caller.account_id) as tx:
            kept = change_store.read_range(tx)
            after = kept.oldest - 1 if query.after is None else query.after
            start = after if start is None else start
            _check_start(start, kept)
            last = min(start + query.limit, kept.latest)
            items = self._list_visible(tx, caller, start, last) if last > start else []
            if items or note_empty:
                details = {"After": after, "Limit": query.limit, "Wait": query.wait, "Count": len(items)}
                note_event(tx, caller, "changes.read", details=details)
        return ViewedChanges(items, last, kept.latest)

    def _list_visible(self, tx: Transaction, caller: Caller, after: int, last: int) -> list[ViewedChange]:
        configuration_index = self._configurations.current_in(tx, caller.account_id)
        numbered = list(_list_numbered(tx, after, last))
        choices = change_store.load_choices(
            tx, [(one.change.profile_id, one.change.entry) for one in numbered if one.change.entry]
        )
        view = _View(configuration_index, Scope(caller.permissions), choices, {})
        view.load_people(tx)
        viewed = (view.show(one) for one in numbered)
        return [one for one in viewed if one is not None]


@dataclass(frozen=True, slots=True)
class _View:
    """The facts of one reading."""

    configuration_index: ConfigurationIndex
    scope: Scope
    choices: Choices
    people: dict[int, str]
    """Stored states by ProfileId. A state is decoded when a change needs it: all states of a page do not fit into the
    processor's cache."""

    def load_people(self, tx: Transaction) -> None:
        """Load the people whose contact elements have choices, because a choice names the element."""
        wanted = {key[0] for key, entries in self.choices.items() if any(entry.place for entry in entries)}
        self.people.update(profile_store.load_states(tx, wanted))

    def _decode(self, profile_id: int) -> ProfileState | PlacedElements:
        names = find_spelling(self.configuration_index)
        if not names.are_many:
            return profile_store.decode_elements(self.people[profile_id])
        state = profile_store.decode_state(self.people[profile_id])
        spell_body(state, names)
        return state

    def show(self, numbered: _Numbered) -> ViewedChange | None:
        """The change as the caller may see it. None: the caller may see nothing that it changed."""
        change = numbered.change
        entries = [entry for entry in self.choices.get((change.profile_id, change.entry), ()) if self._permits(entry)]
        members = change.members if self.scope.is_unlimited else _limit_members(change.members, self.scope, entries)
        if change.kind == "Updated" and not members and not self.scope.is_unlimited:
            return None
        return ViewedChange(
            position=numbered.position,
            at=numbered.at,
            profile_id=change.profile_id,
            kind=change.kind,
            caller=change.caller,
            import_id=numbered.import_id,
            sequence_number=change.sequence_number,
            choices=self._show_choices(change.profile_id, entries),
            members=list_member_names(members),
        )

    def _permits(self, entry: LedgerEntry) -> bool:
        return self.scope.is_unlimited or self.scope.permits_choice(entry.place, entry.value, self.configuration_index)

    def _show_choices(self, profile_id: int, entries: Sequence[LedgerEntry]) -> list[ViewedChoice]:
        body = self._decode(profile_id) if any(entry.place for entry in entries) else None
        names = find_spelling(self.configuration_index)
        return [
            ViewedChoice(
                describe_place(body, entry.place) if body is not None else {"Kind": "Profile"},
                spell_choice(entry.value, names) if names.are_many else entry.value,
                entry.at,
            )
            for entry in entries
        ]


def _check_start(after: int, kept: ChangeRange) -> None:
    if after < kept.oldest - 1:
        raise RequestRefused(
            "gone",
            "Changes.TooOld",
            f"The changes after position {after} are no longer kept; the oldest is {kept.oldest}. Read all profiles,"
            f" and go on with the changes after position {kept.latest}.",
        )
    if after > kept.latest:
        raise RequestRefused(
            "conflict",
            "Changes.NotYet",
            f"Position {after} was never given; the latest is {kept.latest}. Was the database restored? Read all"
            f" profiles, and go on with the changes after position {kept.latest}.",
        )


def _list_numbered(tx: Transaction, after: int, last: int) -> Iterator[_Numbered]:
    for block in change_store.list_blocks(tx, after + 1, last):
        for position, change in enumerate(block.changes, block.first_position):
            if after < position <= last:
                yield _Numbered(position, block.applied_at, block.import_id, change)


def _limit_members(members: int, scope: Scope, entries: Sequence[LedgerEntry]) -> int:
    """The members that a limited caller may know of. A change of choices shows only by choices that the caller may
    see."""
    seen = members & ~CHOICE_BITS
    for kind, bit in ELEMENT_BITS.items():
        if not scope.permits_kind(kind):
            seen &= ~bit
    for entry in entries:
        kinds = PREFERENCE_BITS if entry.of == "P" else CONSENT_BITS
        seen |= kinds[find_kind(entry.place)] & members
    return seen
