"""The one pure function that applies a record to a profile: all rules of execution.md for `Add`, no I/O."""

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
"""Number of these rules. It rises whenever a record may be applied differently than before: then each record that a
person is known by is applied anew when it comes (services/repeated_records.py)."""


class Merged(msgspec.Struct, frozen=True, gc=False):
    """What applying one record gave. With outcome Exception `body` is as it was (None: no profile)."""

    outcome: Outcome
    body: ProfileState | None
    ledger: list[LedgerEntry]
    faults: list[Fault]
    """Why the record is an exception."""
    not_honored: list[Fault]
    """What was held back; also beside an Updated or Created."""


def merge(profile_id: int, old: ProfileState | None, record: Record, context: MergeContext) -> Merged:
    """Apply one record to a profile, or to none (`old` None: it is created with `profile_id`).

    `old` is not changed. Names in `old` and `record` are spelled as configured (`domain/spelling.py`).
    A record is applied whole or not at all: any fault gives outcome Exception.
    Unchanged gives a body equal to `old`, so nothing is to be written.
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
    """Give every part that changed its new modification time; parts keep their index for ever, and new ones have it."""
    if old is None:
        return  # each part was made just now, and says so
    before = old
    pairs: list[tuple[Sequence[AlternateId | Group | Element], Sequence[AlternateId | Group | Element]]] = [
        (before.alternate_ids, body.alternate_ids),
        (before.groups, body.groups),
        *((before.elements(kind), body.elements(kind)) for kind in KINDS),
    ]
    for was, now_is in pairs:
        for index, part in enumerate(was):  # parts are never removed, and new ones come after these
            if now_is[index] != part:
                now_is[index].edited = now


@lru_cache(maxsize=20_000)  # alternate ids are looked at several times while their record is applied
def _hash_alternate_id(account_id: int, type_name: str, value: str) -> bytes:
    return hash_key(account_id, "AlternateId", fold(type_name), fold(value))


def list_alternate_keys(account_id: int, body: ProfileState | None) -> dict[bytes, tuple[str, str]]:
    """Key hash to (type, value) of the alternate ids that the body holds actively; {} for no body."""
    if body is None:
        return {}
    return {
        _hash_alternate_id(account_id, item.type, item.value): (item.type, item.value)
        for item in body.alternate_ids
        if item.active
    }


def list_contacts(body: ProfileState | None) -> set[tuple[str, str]]:
    """(kind letter, compared value) of the active emails and phones. `hash_key` makes the key of a contact of both."""
    if body is None:
        return set()
    found = set()
    for letter, elements in (("E", body.emails), ("P", body.phones)):
        for element in elements:
            if element.active:
                found.add((letter, element.compared))
    return found
