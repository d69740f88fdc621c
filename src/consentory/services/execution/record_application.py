"""Applying records to people, one after another, and writing what came of it set-wise.

The same code serves a chunk of an import and an everyday write of one person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.merge import list_alternate_keys, list_contact_keys, merge
from consentory.domain.merge_state import MergeContext, make_fault
from consentory.domain.profile import ProfileState
from consentory.domain.record import Fault, Record
from consentory.domain.spelling import Spelling, find_spelling, spell_body, spell_record
from consentory.domain.text import fold
from consentory.store.database import Transaction
from consentory.store.tables import profile_store
from consentory.store.tables.execution_store import ProcessedRecord
from consentory.store.tables.profile_store import NewEntries, NewState, Source


class Task(NamedTuple):
    """One record to apply: `new_id` is the ProfileId it would create, `fingerprint` what it is known by when it
    comes again (None: not at all)."""

    record: Record
    source: Source
    new_id: int
    fingerprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What an application goes by. Times in microseconds; `found_below`: a ProfileId counts as found only
    below it, that is if it existed when execution started. `now`: the moment of application, read by a caller who
    holds the locks already."""

    configuration_index: ConfigurationIndex
    settings: ImportSettings
    started_at: int
    found_below: int
    now: int | None = None


Keys = dict[bytes, tuple[str, str]]
"""Alternate ids by key: (type, value)."""


@dataclass(slots=True)
class People:
    """The people an application touches: as stored, as they are by now, and who holds which alternate id."""

    stored: dict[int, ProfileState]
    current: dict[int, ProfileState]
    holders: dict[bytes, int]
    fingerprints: dict[int, bytes | None] = field(default_factory=dict)
    """Of those changed: of the record that did it, where it was applied whole."""
    alternate_keys: dict[int, Keys] = field(default_factory=dict)
    """Of those whose alternate ids changed: what they hold by now."""
    ledger: list[NewEntries] = field(default_factory=list)
    deleted: list[tuple[int, Source]] = field(default_factory=list)


def apply_records(
    tx: Transaction, rules: Rules, tasks: Sequence[Task], locked: Mapping[int, str] | None = None
) -> list[ProcessedRecord]:
    """Apply the tasks in order and write the result; what became of each, in the same order.

    The people they mean are locked from here to the commit; `locked` are bodies of those who already were.
    Raises StoreRefused when another transaction gave out one of the alternate ids meanwhile (constraint
    alternate_key_pkey): try again.
    """
    names = find_spelling(rules.configuration_index)
    people = _load_people(tx, tasks, locked or {}, names)
    # With the locks held: later than whatever was done to these people before.
    now = profile_store.read_clock(tx) if rules.now is None else rules.now
    if rules.settings.action == "Delete":
        done = [_delete_person(people, rules, task) for task in tasks]
    else:
        context = MergeContext(rules.configuration_index, rules.settings, rules.started_at, now, people.holders)
        done = [
            _merge_person(people, rules, context, task._replace(record=spell_record(task.record, names)))
            for task in tasks
        ]
    _write_people(tx, rules, now, people, tasks[0].source.import_id)
    return done


def _load_people(tx: Transaction, tasks: Sequence[Task], locked: Mapping[int, str], names: Spelling) -> People:
    """Lock the profiles that the records mean. Taking a lock may wait, and the holders change meanwhile:
    so look again until every profile meant is locked. Bodies come with every name as configured."""
    ids = {task.record.profile_id for task in tasks if task.record.profile_id is not None}
    match_keys = {task.record.match_key for task in tasks if task.record.match_key is not None}
    keys = match_keys | {claim.key for task in tasks for claim in task.record.alternate_ids}
    stored = {profile_id: profile_store.read_body(body) for profile_id, body in locked.items()}
    tried = set(stored)
    while True:
        holders = profile_store.find_holders(tx, keys)
        wanted = ids | {holders[key] for key in match_keys if key in holders}
        if wanted <= tried:
            for body in stored.values():
                spell_body(body, names)
            return People(stored, dict(stored), holders)
        found = profile_store.lock_profiles(tx, wanted - tried)
        stored.update((profile_id, profile.body) for profile_id, profile in found.items())
        tried |= wanted


def _find_target(people: People, rules: Rules, record: Record) -> int | None:
    """The profile that a record means (execution.md, "Which profile a record means"), None: a new one."""
    given = record.profile_id
    if given is not None and given < rules.found_below and given in people.current:
        return given
    if record.match_key is None:
        return None
    return people.holders.get(record.match_key)


def _merge_person(people: People, rules: Rules, context: MergeContext, task: Task) -> ProcessedRecord:
    record, sequence = task.record, task.source.sequence_number or 0
    target = _find_target(people, rules, record)
    if target is None and record.match_count > 1:
        return ProcessedRecord(sequence, "Exception", [_make_ambiguous(record, rules)])
    profile_id = task.new_id if target is None else target
    old = people.current.get(profile_id)
    merged = merge(profile_id, old, record, context)
    if merged.outcome in ("Created", "Updated") and merged.body is not None:
        people.current[profile_id] = merged.body
        people.fingerprints[profile_id] = None if merged.not_honored else task.fingerprint
        if old is None or old.alternate_ids != merged.body.alternate_ids:
            _move_keys(people, rules, profile_id, old, _list_keys(rules, old, merged.body, record))
        if merged.ledger:
            first = merged.body.entries - len(merged.ledger) + 1
            people.ledger.append(NewEntries(profile_id, first, merged.ledger, task.source))
    return ProcessedRecord(sequence, merged.outcome, merged.faults or merged.not_honored)


def _delete_person(people: People, rules: Rules, task: Task) -> ProcessedRecord:
    """Delete the profile that a record means (execution.md, "Delete"): a given ProfileId alone decides."""
    record, sequence = task.record, task.source.sequence_number or 0
    holder = people.holders.get(record.match_key) if record.match_key is not None else None
    if record.profile_id is None:
        target = holder
    else:
        found = record.profile_id < rules.found_below and record.profile_id in people.current
        target = record.profile_id if found else None
        if target is not None and holder is not None and holder != target:
            fault = make_fault(
                "Match.Conflict",
                "$.ProfileId",
                f"Profile {target} does not hold this {rules.settings.match_type} id, profile {holder} does;"
                " send the one that is meant.",
                target,
            )
            return ProcessedRecord(sequence, "Exception", [fault])
    if target is None:
        path = "$.ProfileId" if record.profile_id is not None else "$.AlternateIds"
        fault = make_fault("Profile.NotFound", path, "There is no such profile to delete.", record.profile_id)
        return ProcessedRecord(sequence, "NotHonored", [fault])
    _move_keys(people, rules, target, people.current.pop(target), {})
    people.deleted.append((target, task.source))
    return ProcessedRecord(sequence, "Deleted", [])


def _make_ambiguous(record: Record, rules: Rules) -> Fault:
    return make_fault(
        "Match.Ambiguous",
        "$.AlternateIds",
        f"Profile {record.profile_id} was not found, and the record carries {record.match_count} active"
        f" {rules.settings.match_type} ids: send the one to match by.",
        record.profile_id,
    )


def _list_keys(rules: Rules, old: ProfileState | None, new: ProfileState, record: Record) -> Keys:
    """The alternate ids of a body that the record made of `old`."""
    if old is None:  # a new person has those of the record, whose keys are known
        return {claim.key: (claim.type, claim.value) for claim in record.alternate_ids if claim.active}
    return list_alternate_keys(rules.configuration_index.account_id, new)


def _move_keys(people: People, rules: Rules, profile_id: int, old: ProfileState | None, new: Keys) -> None:
    """Keep `holders` what it would be were the change stored, for the records after this one."""
    for key in list_alternate_keys(rules.configuration_index.account_id, old):
        people.holders.pop(key, None)
    for key in new:
        people.holders[key] = profile_id
    people.alternate_keys[profile_id] = new


def _write_people(tx: Transaction, rules: Rules, now: int, people: People, import_id: UUID | None) -> None:
    gone = [profile_id for profile_id, _ in people.deleted]
    bodies = [NewState(i, people.current[i], print_) for i, print_ in people.fingerprints.items()]
    created = [new for new in bodies if new.profile_id not in people.stored]
    updated = [new for new in bodies if new.profile_id in people.stored]
    profile_store.delete_profiles(tx, people.deleted, now)
    profile_store.insert_profiles(tx, created, rules.started_at, now, import_id)
    profile_store.update_profiles(tx, updated, now)
    changes: list[tuple[int, ProfileState | None, ProfileState | None]] = [
        (new.profile_id, None, new.body) for new in created
    ]
    changes += [(new.profile_id, people.stored[new.profile_id], new.body) for new in updated]
    changes += [(i, people.stored[i], None) for i in gone]
    _write_keys(tx, rules.configuration_index.account_id, people.alternate_keys, changes)
    profile_store.append_ledger(tx, people.ledger, now)
    profile_store.change_tags(tx, _count_tags(changes))


def _write_keys(
    tx: Transaction,
    account_id: int,
    alternate_keys: Mapping[int, Keys],
    changes: Sequence[tuple[int, ProfileState | None, ProfileState | None]],
) -> None:
    ids_gone: list[bytes] = []
    ids_new: list[tuple[bytes, int, str, str]] = []
    contacts_gone: list[tuple[bytes, int]] = []
    contacts_new: list[tuple[bytes, int, str, str]] = []
    for profile_id, old, new in changes:
        if profile_id in alternate_keys:
            had, has = list_alternate_keys(account_id, old), alternate_keys[profile_id]
            ids_gone.extend(had.keys() - has.keys())
            ids_new.extend((key, profile_id, *has[key]) for key in has.keys() - had.keys())
        had, has = list_contact_keys(account_id, old), list_contact_keys(account_id, new)
        contacts_gone.extend((key, profile_id) for key in had.keys() - has.keys())
        contacts_new.extend((key, profile_id, *has[key]) for key in has.keys() - had.keys())
    profile_store.change_alternate_keys(tx, ids_gone, ids_new)
    profile_store.change_contact_keys(tx, contacts_gone, contacts_new)


def _count_tags(changes: Sequence[tuple[int, ProfileState | None, ProfileState | None]]) -> list[tuple[str, str, int]]:
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for _, old, new in changes:
        had, has = (old.tags if old else []), (new.tags if new else [])
        if had != has:
            for sign, tags in ((-1, had), (1, has)):
                for tag in tags:
                    counts[fold(tag)] += sign
                    names.setdefault(fold(tag), tag)
    return [(tag, names[tag], change) for tag, change in counts.items() if change]
