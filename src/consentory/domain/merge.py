"""The one pure function that applies a record to a profile. It holds all rules of execution.md for `Add` and does no
I/O."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from consentory.domain.imports import Outcome
from consentory.domain.merge_choices import merge_choices
from consentory.domain.merge_contacts import archive_choices, merge_contacts
from consentory.domain.merge_members import merge_members
from consentory.domain.merge_state import MergeContext, MergeState, copy_state
from consentory.domain.profile import AlternateId, Element, Group, LedgerEntry, ProfileState
from consentory.domain.record import KINDS, Fault, Record
from consentory.domain.text import fold, hash_key

MERGE_VERSION = 3
"""Version of the rules of this module. Raise the version if any record may be applied differently than before. Then
every record that is stored as a person's last record is applied anew when it comes again
(services/repeated_records.py)."""


class Merged(msgspec.Struct, frozen=True, gc=False):
    """The result of applying one record. With outcome Exception, `body` is unchanged (None if there is no profile)."""

    outcome: Outcome
    body: ProfileState | None
    ledger: list[LedgerEntry]
    faults: list[Fault]
    """The reasons why the record is an exception."""
    not_honored: list[Fault]
    """The elements that are not honored. Outcomes Updated and Created can have such elements, too."""


def merge(profile_id: int, old: ProfileState | None, record: Record, context: MergeContext) -> Merged:
    """Apply one record to a profile. If `old` is None, the record creates the profile `profile_id`.

    `old` is not changed. Names in `old` and `record` are spelled as configured (`domain/spelling.py`). A record is
    applied as a whole or refused as a whole: any fault gives outcome Exception. With outcome Unchanged, `body` equals
    `old`, so the caller writes nothing.
    """
    state = MergeState(record, context, profile_id, old, _start_state(old, context))
    merge_members(state)
    included = merge_contacts(state)
    merge_choices(state, included)
    was_active = old is None or old.active
    if was_active and not state.body.active:
        _archive_all(state)
    if state.faults:
        return Merged("Exception", old, [], state.faults, [])
    body = state.body
    if old is not None and body == old:
        return Merged("NotHonored" if state.not_honored else "Unchanged", old, [], [], state.not_honored)
    _stamp_edited(old, body, context.now)
    return Merged("Created" if old is None else "Updated", body, state.ledger, [], state.not_honored)


def _start_state(old: ProfileState | None, context: MergeContext) -> ProfileState:
    if old is not None:
        return copy_state(old)
    configuration_index = context.configuration_index
    return ProfileState(configuration_index.default_locale, customer_type=configuration_index.customer_types.default)


def _archive_all(state: MergeState) -> None:
    body = state.body
    archive_choices(state, body.preferences, body.consents)
    for kind in KINDS:
        for element in body.elements(kind):
            archive_choices(state, element.preferences, element.consents)


def _stamp_edited(old: ProfileState | None, body: ProfileState, now: int) -> None:
    """Set the modification time of every part that changed. A part keeps its index for ever. A new part already has its
    time."""
    if old is None:
        return  # each part is new and already has its time
    before = old
    pairs: list[tuple[Sequence[AlternateId | Group | Element], Sequence[AlternateId | Group | Element]]] = [
        (before.alternate_ids, body.alternate_ids),
        (before.groups, body.groups),
        *((before.elements(kind), body.elements(kind)) for kind in KINDS),
    ]
    for was, now_is in pairs:
        for index, part in enumerate(was):  # parts are never removed, and new parts come after the stored parts
            if now_is[index] != part:
                now_is[index].edited = now


@lru_cache(maxsize=20_000)  # one application of a record looks at its alternate ids several times
def hash_alternate_id(account_id: int, type_name: str, value: str) -> bytes:
    """The key of an alternate id."""
    return hash_key(account_id, "AlternateId", fold(type_name), fold(value))


def list_alternate_keys(account_id: int, body: ProfileState | None) -> dict[bytes, tuple[str, str]]:
    """Maps key hash to (type, value), for the alternate ids that the body holds actively; {} if there is no body."""
    if body is None:
        return {}
    return {
        hash_alternate_id(account_id, item.type, item.value): (item.type, item.value)
        for item in body.alternate_ids
        if item.active
    }


def list_contacts(body: ProfileState | None) -> set[tuple[str, str]]:
    """Pairs of (kind letter, compared value) for the active emails and phones. `hash_key` makes the key of a contact
    from such a pair."""
    if body is None:
        return set()
    found = set()
    for letter, elements in (("E", body.emails), ("P", body.phones)):
        for element in elements:
            if element.active:
                found.add((letter, element.compared))
    return found
