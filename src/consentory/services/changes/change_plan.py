"""The first half of applying records: plan the changes, record after record. Nothing is written.

The same code serves a slice of an import and an everyday write of one person. Each record is read, merged and turned
into rows before the next one. The objects of one record take about 20 KB, so they stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from consentory.codec.record.fast_path.verbatim_record import read_verbatim
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings, UndoOrder
from consentory.domain.merge import list_alternate_keys, merge
from consentory.domain.merge_state import MergeContext, make_fault
from consentory.domain.profile import ProfileState
from consentory.domain.record import Fault, Record, VerbatimRecord
from consentory.domain.spelling import Spelling, find_spelling, spell_body, spell_record
from consentory.domain.undo import join_images, list_lost_keys, make_bare, release_alternate_id, undo
from consentory.domain.undo_state import Image, UndoContext, holds_no
from consentory.services.changes.change_set import AlternateIds, ChangeSet
from consentory.store.database import Transaction
from consentory.store.tables import before_image_store, profile_store
from consentory.store.tables.before_image_store import StoredImage
from consentory.store.tables.execution_store import ProcessedRecord
from consentory.store.tables.profile_store import Source, decode_state

StateLoader = Callable[[Transaction, Iterable[int]], dict[int, str]]
"""Gives the states of the profiles that exist, in JSON: `profile_store.lock_states` with locks, or
`profile_store.load_states` without."""


ChangeSetMaker = Callable[[int, int, int, UUID | None, Mapping[int, str], range | None], ChangeSet]
"""Makes an empty ChangeSet of its first six fields."""

HolderFinder = Callable[[Transaction, Collection[bytes]], dict[bytes, int]]
"""Gives the profile that holds each of these alternate ids, like `profile_store.find_holders`."""


class PendingRecord(msgspec.Struct, frozen=True, gc=False):
    """One record to apply. `new_id`: the ProfileId that it would create. `fingerprint`: stored with the person, to
    recognize the record when it comes again. `sent`: the JSON of a verbatim record, which `read` decodes."""

    record: Record | VerbatimRecord
    source: Source
    new_id: int
    fingerprint: bytes | None = None
    sent: bytes | None = None

    def read(self) -> Record:
        """The record in its validated form."""
        if isinstance(self.record, VerbatimRecord):
            assert self.sent is not None
            return read_verbatim(self.record, self.sent)
        return self.record

    def list_alternate_keys(self) -> Iterable[bytes]:
        """The keys of the alternate ids that the record names."""
        if isinstance(self.record, VerbatimRecord):
            return self.record.keys
        return [given_input.key for given_input in self.record.alternate_ids]


@dataclass(frozen=True, slots=True)
class ApplyContext:
    """The facts that all records of one application share. Times in microseconds.

    `found_below`: only a ProfileId below this number existed when the execution started, and counts as found. `now`:
    the time of the changes, if the caller has the locks already and has read the clock after that.
    """

    configuration_index: ConfigurationIndex
    settings: ImportSettings
    started_at: int
    found_below: int
    now: int | None = None
    undo: UndoOrder | None = None
    """Not None: each record takes back what that import did to a person."""
    own_ids: range | None = None
    """See ChangeSet."""
    appends_images: bool = True
    """See `before_image_store.keep_images`."""


@dataclass(slots=True)
class _Plan:
    """The changes so far, and the profile that holds each alternate id after them."""

    changes: ChangeSet
    names: Spelling
    holders: dict[bytes, int]

    def find(self, profile_id: int) -> ProfileState | None:
        """The current state of the person, with every name as configured. None: there is no such person."""
        stored = self.changes.find_state(profile_id)
        if stored is None:
            return None
        return self.read(stored)

    def read(self, stored: str | bytes) -> ProfileState:
        """A stored state with every name as configured."""
        state = decode_state(stored)
        spell_body(state, self.names)
        return state

    def move_alternate_ids(self, profile_id: int, old: ProfileState | None, new: AlternateIds) -> None:
        """Change `holders` as if the change was stored, for the records after this one."""
        for key in list_alternate_keys(self.changes.account_id, old):
            self.holders.pop(key, None)
        for key in new:
            self.holders[key] = profile_id


def plan_records(
    tx: Transaction,
    context: ApplyContext,
    records: Sequence[PendingRecord],
    *,
    load: StateLoader = profile_store.lock_states,
    find_holders: HolderFinder = profile_store.find_holders,
    loaded: Mapping[int, str] | None = None,
    make: ChangeSetMaker = ChangeSet,
) -> ChangeSet:
    """Apply the records in order, in memory. Returns the changes, and the outcome of each record.

    `load` reads the people whom the records mean. `lock_states` locks them until the commit, and only then the changes
    may be written in this transaction. `loaded`: states that `load` has read already. `find_holders`: for a caller with
    changes that are not stored. `make`: for a caller who does not write the changes.
    """
    states, holders = _load_people(tx, records, load, find_holders, loaded or {})
    # Read the clock with the locks: this time is later than all earlier changes of these people.
    now = profile_store.read_clock(tx) if context.now is None else context.now
    index, settings = context.configuration_index, context.settings
    changes = make(index.account_id, context.started_at, now, records[0].source.import_id, states, context.own_ids)
    plan = _Plan(changes, find_spelling(index), holders)
    if context.undo is not None:
        _undo_people(tx, plan, context, context.undo, records, (load, find_holders))
    elif settings.action == "Delete":
        changes.outcomes += [_delete_person(plan, context, pending) for pending in records]
    else:
        merge_context = MergeContext(index, settings, context.started_at, now, holders)
        changes.outcomes += [_merge_person(plan, context, merge_context, pending) for pending in records]
    return changes


def _load_people(
    tx: Transaction,
    records: Sequence[PendingRecord],
    load: StateLoader,
    find_holders: HolderFinder,
    loaded: Mapping[int, str],
) -> tuple[dict[int, str], dict[bytes, int]]:
    """Load the people whom the records mean, and the holder of each alternate id.

    To take a lock may need a wait, and the holders may change meanwhile. So repeat until each profile meant is loaded.
    """
    ids = {pending.record.profile_id for pending in records if pending.record.profile_id is not None}
    match_keys = {pending.record.match_key for pending in records if pending.record.match_key is not None}
    keys = match_keys.union(*[pending.list_alternate_keys() for pending in records])
    states = dict(loaded)
    tried = set(states)
    while True:
        holders = find_holders(tx, keys)
        wanted = ids | {holders[key] for key in match_keys if key in holders}
        if wanted <= tried:
            return states, holders
        states.update(load(tx, wanted - tried))
        tried |= wanted


def _find_target(plan: _Plan, context: ApplyContext, record: Record) -> tuple[int | None, ProfileState | None]:
    """The profile that a record means (execution.md, "Which profile a record means"). None: a new profile."""
    given = record.profile_id
    if given is not None and given < context.found_below:
        state = plan.find(given)
        if state is not None:
            return given, state
    holder = None if record.match_key is None else plan.holders.get(record.match_key)
    return holder, (None if holder is None else plan.find(holder))


def _merge_person(
    plan: _Plan, context: ApplyContext, merge_context: MergeContext, pending: PendingRecord
) -> ProcessedRecord:
    record, source = spell_record(pending.read(), plan.names), pending.source
    sequence = source.sequence_number or 0
    target, old = _find_target(plan, context, record)
    if target is None and record.match_count > 1:
        return ProcessedRecord(sequence, "Exception", [_make_ambiguous(record, context)])
    profile_id = pending.new_id if target is None else target
    merged = merge(profile_id, old, record, merge_context)
    new = merged.body
    if merged.outcome in ("Created", "Updated") and new is not None:
        fingerprint, alternate_ids = (None if merged.not_honored else pending.fingerprint), None
        if old is None or old.alternate_ids != new.alternate_ids:
            alternate_ids = _list_alternate_ids(context, old, new, record)
            plan.move_alternate_ids(profile_id, old, alternate_ids)
        plan.changes.add_change(
            profile_id, old, new, source=source, fingerprint=fingerprint, alternate_ids=alternate_ids
        )
        plan.changes.add_entries(profile_id, new, merged.ledger, source)
    return ProcessedRecord(sequence, merged.outcome, merged.faults or merged.not_honored)


def _delete_person(plan: _Plan, context: ApplyContext, pending: PendingRecord) -> ProcessedRecord:
    """Delete the profile that a record means (execution.md, "Delete"). If a ProfileId is given, it alone decides."""
    record, sequence = pending.record, pending.source.sequence_number or 0
    given = record.profile_id
    holder = plan.holders.get(record.match_key) if record.match_key is not None else None
    target = holder if given is None else given
    if given is not None and given >= context.found_below:
        target = None
    old = None if target is None else plan.find(target)
    if target is None or old is None:
        path = "$.ProfileId" if given is not None else "$.AlternateIds"
        fault = make_fault("Profile.NotFound", path, "There is no such profile to delete.", given)
        return ProcessedRecord(sequence, "NotHonored", [fault])
    if holder is not None and holder != target:
        fault = make_fault(
            "Match.Conflict",
            "$.ProfileId",
            f"Profile {target} does not hold this {context.settings.match_type} id: profile {holder} holds it."
            " Send the ProfileId or the alternate id of the profile to delete.",
            target,
        )
        return ProcessedRecord(sequence, "Exception", [fault])
    plan.move_alternate_ids(target, old, {})
    plan.changes.add_change(target, old, None, source=pending.source, alternate_ids={})
    return ProcessedRecord(sequence, "Deleted", [])


@dataclass(frozen=True, slots=True)
class _Undoing:
    """The changes that an import made to the people of a slice of its undo, and to those who hold ids that it took."""

    configuration_index: ConfigurationIndex
    context: UndoContext
    created: Mapping[int, bool]
    """Whom the import created, and whether somebody else has changed them since."""
    images: Mapping[int, StoredImage]

    def list_images(self, plan: _Plan, profile_id: int) -> list[Image]:
        """The images of a person, earliest first, with every name as configured."""
        stored = self.images.get(profile_id)
        states = [] if stored is None else join_images(stored.states)
        return [Image(plan.read(before), plan.read(after)) for before, after in states]


def _undo_people(
    tx: Transaction,
    plan: _Plan,
    context: ApplyContext,
    order: UndoOrder,
    records: Sequence[PendingRecord],
    readers: tuple[StateLoader, HolderFinder],
) -> None:
    """Take back what an import did to the people whom the records mean, in the order of the records."""
    load, find_holders = readers
    index = context.configuration_index
    ids = {pending.record.profile_id or 0 for pending in records}
    stored = before_image_store.load_images(tx, order.undo_of, ids)
    named = {key for one in stored.values() for key in one.named_keys}
    plan.holders.update(find_holders(tx, named))
    holders = set(plan.holders.values()) - ids
    if holders:
        plan.changes.loaded = {**plan.changes.loaded, **load(tx, holders)}
        stored |= before_image_store.load_images(tx, order.undo_of, holders)
        plan.holders.update(find_holders(tx, named))
    changes = plan.changes
    undo_context = UndoContext(
        account_id=changes.account_id,
        undo_of=str(order.undo_of),
        restore_yes=order.restore_yes,
        now=changes.applied_at,
        holders=plan.holders,
        required_fields=frozenset(item.name for item in index.required_fields),
    )
    created = before_image_store.load_created(tx, order.undo_of, ids | holders)
    undoing = _Undoing(index, undo_context, created, stored)
    changes.outcomes += [_undo_person(plan, undoing, pending) for pending in records]


def _undo_person(plan: _Plan, undoing: _Undoing, pending: PendingRecord) -> ProcessedRecord:
    profile_id, sequence = pending.record.profile_id or 0, pending.source.sequence_number or 0
    old, changed_since = plan.find(profile_id), undoing.created.get(profile_id)
    if old is None or changed_since:
        text = "has been deleted" if old is None else "was created by the import and changed by somebody else"
        fault = make_fault("Undo.KeptNewer", "$.ProfileId", f"Profile {profile_id} {text} since.", profile_id)
        return ProcessedRecord(sequence, "NotHonored", [fault])
    is_created = changed_since is False
    if is_created and (undoing.context.restore_yes or not holds_no(old)):
        plan.move_alternate_ids(profile_id, old, {})
        plan.changes.add_change(profile_id, old, None, source=pending.source, alternate_ids={})
        return ProcessedRecord(sequence, "Deleted", [])
    images = (
        [Image(make_bare(old, undoing.configuration_index), old)]
        if is_created
        else undoing.list_images(plan, profile_id)
    )
    for key in list_lost_keys(old, images, plan.changes.account_id):
        _release_alternate_id(plan, undoing, pending, key)
    undone = undo(profile_id, old, images, undoing.context)
    if undone.outcome == "Updated":
        _change_person(plan, profile_id, old, undone.state, pending.source)
        plan.changes.add_entries(profile_id, undone.state, undone.ledger, pending.source)
    return ProcessedRecord(sequence, undone.outcome, undone.not_honored)


def _release_alternate_id(plan: _Plan, undoing: _Undoing, pending: PendingRecord, key: bytes) -> None:
    """Take an id from its holder, where the import gave it to them and this undo will take it in any case: people who
    exchanged ids in the import exchange them back."""
    holder = plan.holders.get(key)
    if holder is None or holder not in undoing.images or holder in undoing.created:
        return
    old = plan.find(holder)
    images = undoing.list_images(plan, holder)
    new = None if old is None else release_alternate_id(holder, old, images, key, undoing.context)
    if new is not None:
        _change_person(plan, holder, old, new, pending.source)


def _change_person(plan: _Plan, profile_id: int, old: ProfileState | None, new: ProfileState, source: Source) -> None:
    alternate_ids = list_alternate_keys(plan.changes.account_id, new)
    plan.move_alternate_ids(profile_id, old, alternate_ids)
    plan.changes.add_change(profile_id, old, new, source=source, alternate_ids=alternate_ids)


def _make_ambiguous(record: Record, context: ApplyContext) -> Fault:
    return make_fault(
        "Match.Ambiguous",
        "$.AlternateIds",
        f"Profile {record.profile_id} was not found, and the record has {record.match_count} active"
        f" {context.settings.match_type} ids. Send only the one to match by.",
        record.profile_id,
    )


def _list_alternate_ids(
    context: ApplyContext, old: ProfileState | None, new: ProfileState, record: Record
) -> AlternateIds:
    """The alternate ids of the new state."""
    if old is None:  # a new person has the alternate ids of the record, whose keys are known
        return {given.key: (given.type, given.value) for given in record.alternate_ids if given.active}
    return list_alternate_keys(context.configuration_index.account_id, new)
