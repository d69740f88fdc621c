"""One part of a preview: the records of a chunk are planned on a snapshot, and nothing is written.

Reading, matching and merging are the same as in an execution (docs/effects.md, "Preview").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.effects import DANGEROUS, EFFECT_KINDS, ChangeKind, Effect, list_effects
from consentory.domain.instants import to_micros
from consentory.domain.preview import PreviewChange
from consentory.domain.profile import LedgerEntry, ProfileState, describe_place
from consentory.domain.spelling import find_spelling, spell_body
from consentory.errors import StatementRefused, StoreUnavailable
from consentory.services.changes.change_plan import ApplyContext, PendingRecord, plan_records
from consentory.services.changes.change_set import AlternateIds, ChangedPerson, ChangeSet
from consentory.services.execution.import_execution import make_unexpected
from consentory.services.execution.repeated_records import apply_all, skip_unchanged
from consentory.services.execution.staged_reading import load_staged, make_gone
from consentory.store.database import Transaction
from consentory.store.tables import execution_store, preview_store, profile_store
from consentory.store.tables.execution_store import ProcessedRecord
from consentory.store.tables.preview_store import KEPT_CHANGES, NewChange, PreviewCounts, PreviewPart
from consentory.store.tables.profile_store import Source, decode_state

SLICE_RECORDS = 1000
"""The number of records planned at once. It bounds memory."""

_DANGEROUS = frozenset(DANGEROUS)
_PLACE_OF_KIND = {kind: place for place, kind in enumerate(EFFECT_KINDS)}


@dataclass(slots=True)
class PartResult:
    """The counts and the single changes of a part."""

    index: ConfigurationIndex
    at: int
    ends: Mapping[str, int]
    """By kind: the SequenceNumber after which no change is kept, by `preview_store.find_sample_ends`."""
    counts: PreviewCounts = field(default_factory=lambda: PreviewCounts({}, [0] * len(EFFECT_KINDS)))
    changes: list[NewChange] = field(default_factory=list)
    _kept: dict[ChangeKind, int] = field(default_factory=dict)

    def fork(self) -> PartResult:
        """An empty result to be joined to this one, or to be given up."""
        return PartResult(self.index, self.at, self.ends, _kept=dict(self._kept))

    def join(self, fork: PartResult) -> None:
        """Add what a fork found since. It must be the only one."""
        self.counts.effects = [a + b for a, b in zip(self.counts.effects, fork.counts.effects, strict=True)]
        self.changes += fork.changes
        self._kept = fork._kept

    def add_outcomes(self, done: Iterable[ProcessedRecord]) -> None:
        """Count records, and list the faults of records that are refused or not honored."""
        outcomes = self.counts.outcomes
        for record in done:
            outcomes[record.outcome] = outcomes.get(record.outcome, 0) + 1
            kind: ChangeKind = "Exceptions" if record.outcome == "Exception" else "NotHonored"
            for number, fault in enumerate(record.faults):
                change = preview_store.encode_change(PreviewChange(member=fault.Path, fault=fault))
                self.changes.append(NewChange(kind, record.sequence_number, number, None, change))

    def add_people(self, people: Mapping[int, ChangedPerson]) -> None:
        """Count the effects of changed people, and list those that are kept."""
        names = find_spelling(self.index)
        in_order = sorted(people.items(), key=lambda item: item[1].source.sequence_number or 0)
        for profile_id, person in in_order:
            before, after = _decode(person.before), _decode(None if person.after is None else person.after.state)
            for state in (before, after):
                if state is not None:
                    spell_body(state, names)
            self.add_effects(profile_id, before, after, person.source.sequence_number or 0)

    def add_effects(
        self, profile_id: int, before: ProfileState | None, after: ProfileState | None, sequence: int
    ) -> None:
        """Count the effects of a change of one person, and list those that are kept.

        Names must be spelled as configured.
        """
        known_id = None if before is None else profile_id
        shown = after or before
        if shown is not None:
            for number, effect in enumerate(list_effects(before, after, self.index, self.at)):
                self._add_effect(effect, shown, sequence, number, known_id)

    def _add_effect(
        self, effect: Effect, shown: ProfileState, sequence: int, number: int, profile_id: int | None
    ) -> None:
        kind = effect.kind
        self.counts.effects[_PLACE_OF_KIND[kind]] += 1
        if kind not in _DANGEROUS:
            kept = self._kept.get(kind, 0)
            if kept >= KEPT_CHANGES or sequence > self.ends.get(kind, sequence):
                return
            self._kept[kind] = kept + 1
        place = describe_place(shown, effect.place)
        change = PreviewChange(place=place, member=effect.member, before=effect.before, after=effect.after)
        self.changes.append(NewChange(kind, sequence, number, profile_id, preview_store.encode_change(change)))


@dataclass(slots=True)
class _EffectSet(ChangeSet):
    """The changes of records of which no two mean one person: their effects, and no rows to be stored.

    The effects are found while the person's objects are in a processor's cache, and the objects are then forgotten.
    """

    result: PartResult | None = None

    def add_change(
        self,
        profile_id: int,
        old: ProfileState | None,
        new: ProfileState | None,
        *,
        source: Source,
        fingerprint: bytes | None = None,  # noqa: ARG002 (as in ChangeSet)
        alternate_ids: AlternateIds | None = None,  # noqa: ARG002 (as in ChangeSet)
    ) -> None:
        """Count the effects of the only change of a person."""
        assert self.result is not None
        self.result.add_effects(profile_id, old, new, source.sequence_number or 0)

    def add_entries(self, profile_id: int, new: ProfileState, entries: list[LedgerEntry], source: Source) -> None:
        """The ledger is not written."""


@dataclass(slots=True)
class _Overlay:
    """The changes of a group so far, which are not stored. The next slices of the group build on them."""

    people: dict[int, ChangedPerson] = field(default_factory=dict)
    """Each person with the state before the whole import, and the current state."""
    holders: dict[bytes, int | None] = field(default_factory=dict)

    def load(self, tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
        """Like profile_store.load_states, with these changes applied."""
        wanted = set(ids)
        states = profile_store.load_states(tx, wanted - self.people.keys())
        for profile_id in wanted & self.people.keys():
            after = self.people[profile_id].after
            if after is not None:
                states[profile_id] = after.state.decode()
        return states

    def find_holders(self, tx: Transaction, keys: Collection[bytes]) -> dict[bytes, int]:
        """Like profile_store.find_holders, with these changes applied."""
        found = profile_store.find_holders(tx, [key for key in keys if key not in self.holders])
        for key in keys:
            holder = self.holders.get(key)
            if holder is not None:
                found[key] = holder
        return found

    def add(self, changes: ChangeSet) -> None:
        """Add the changes of a slice."""
        for profile_id, person in changes.people.items():
            known = self.people.get(profile_id)
            before = person.before if known is None else known.before
            self.people[profile_id] = msgspec.structs.replace(person, before=before)
        self.holders.update(dict.fromkeys(changes.alternate_keys.removed))
        self.holders.update({key: row[1] for key, row in changes.alternate_keys.added.items()})


@dataclass(frozen=True, slots=True)
class PartPlanner:
    """Plans the records of one part. Calls `keep_alive` after each slice."""

    view: Transaction
    part: PreviewPart
    index: ConfigurationIndex
    ends: Mapping[str, int]
    keep_alive: Callable[[], None]

    def find_out(self) -> PartResult:
        """The effects of the part."""
        view, part = self.view, self.part
        running = msgspec.structs.replace(
            execution_store.load_running(view, part.key.import_id),
            first_profile_id=part.first_profile_id,
            is_processing=True,
        )
        at = to_micros(part.as_of)
        context = ApplyContext(self.index, running.settings, at, part.first_profile_id, now=at, undo=running.undo)
        result, chunk = PartResult(self.index, at, self.ends), part.chunk
        are_lone = chunk.sequences is None  # no two of these records mean one person or name one alternate id
        overlay = None if are_lone else _Overlay()
        while chunk.next_sequence <= chunk.last_sequence:
            staged, gone, next_sequence = load_staged(view, chunk, running, SLICE_RECORDS)
            found = skip_unchanged(view, context, staged, load=profile_store.load_matched) if are_lone else None
            found = apply_all(staged) if found is None else found
            result.add_outcomes(found.unchanged)
            plan = (
                partial(self._plan_lone, context, result) if overlay is None else partial(self._plan, context, overlay)
            )
            result.add_outcomes(_plan_or_split(self.view, plan, found.pending, found.locked))
            result.add_outcomes(make_gone(part.key.import_id, gone))
            chunk = msgspec.structs.replace(chunk, next_sequence=next_sequence)
            self.keep_alive()
        if overlay is not None:
            result.add_people(overlay.people)
        return result

    def _plan(
        self, context: ApplyContext, overlay: _Overlay, pending: Sequence[PendingRecord], _: Mapping[int, str]
    ) -> list[ProcessedRecord]:
        """Plan records of a group on top of the changes so far."""
        changes = plan_records(self.view, context, pending, load=overlay.load, find_holders=overlay.find_holders)
        overlay.add(changes)
        return changes.outcomes

    def _plan_lone(
        self,
        context: ApplyContext,
        result: PartResult,
        pending: Sequence[PendingRecord],
        loaded: Mapping[int, str],
    ) -> list[ProcessedRecord]:
        """Plan records of which no two mean one person."""
        fork = result.fork()
        make = partial(_EffectSet, result=fork)
        changes = plan_records(self.view, context, pending, load=profile_store.load_states, loaded=loaded, make=make)
        result.join(fork)
        return changes.outcomes


def _plan_or_split(
    view: Transaction,
    plan: Callable[[Sequence[PendingRecord], Mapping[int, str]], list[ProcessedRecord]],
    pending: Sequence[PendingRecord],
    loaded: Mapping[int, str],
) -> list[ProcessedRecord]:
    """Plan records as an execution applies them: a record that fails for an unexpected reason becomes an exception.

    `loaded`: states that were read already.
    """
    if not pending:
        return []
    try:
        with view.savepoint():
            return plan(pending, loaded)
    except (StoreUnavailable, StatementRefused):  # no record is at fault
        raise
    except Exception as error:
        if len(pending) == 1:
            return [make_unexpected(pending[0], error)]
        middle = len(pending) // 2
        return [done for half in (pending[:middle], pending[middle:]) for done in _plan_or_split(view, plan, half, {})]


def _decode(state: str | bytes | None) -> ProfileState | None:
    return None if state is None else decode_state(state)
