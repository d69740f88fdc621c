"""The state of an undo for one person, and the undo of choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from consentory.domain.merge_state import make_fault
from consentory.domain.profile import (
    ChoiceT,
    Consent,
    LedgerEntry,
    Preference,
    ProfileState,
    describe_consent,
    describe_preference,
)
from consentory.domain.record import DENIED, OPT_OUT, REVOKED, Fault


class Image(NamedTuple):
    """The state of a person before an import changed the person, and after it."""

    before: ProfileState
    after: ProfileState


@dataclass(frozen=True, slots=True)
class UndoContext:
    """The facts for all people of one slice. `undo_of`: the id of the import that is taken back. `now`: in
    microseconds. `holders`: the profile that holds each alternate id that the import gave or took, by its key."""

    account_id: int
    undo_of: str
    restore_yes: bool
    now: int
    holders: Mapping[bytes, int]
    required_fields: frozenset[str]


@dataclass(slots=True)
class UndoState:
    """A person during the undo."""

    context: UndoContext
    profile_id: int
    body: ProfileState
    ledger: list[LedgerEntry] = field(default_factory=list)
    not_honored: list[Fault] = field(default_factory=list)

    def report(self, code: str, path: str, message: str, value: str | None) -> None:
        """Note a value that stays."""
        self.not_honored.append(make_fault(code, path, message, value))


class Owner(Protocol):
    """A person or a contact element."""

    preferences: list[Preference]
    consents: list[Consent]


@dataclass(frozen=True, slots=True)
class KeptChoices:
    """The reasons for a place to stay active: choices made since the import, and noes of the import that are kept."""

    newer: bool = False
    noes: bool = False


def undo_choices(
    state: UndoState, place: str, path: str, owner: Owner, before: Owner | None, after: Owner
) -> KeptChoices:
    """Take back the choices of one place. `place`: as in the ledger. `before` None: the import added the element."""
    kind = _PREFERENCES[place[:1]]
    first = _undo_list(
        state,
        (place, f"{path}.{kind}Preferences"),
        owner.preferences,
        before.preferences if before else [],
        after.preferences,
    )
    second = _undo_list(
        state, (place, f"{path}.Consents"), owner.consents, before.consents if before else [], after.consents
    )
    return KeptChoices(first.newer or second.newer, first.noes or second.noes)


_PREFERENCES = {"": "Profile", "E": "Email", "P": "PhoneNumber", "A": "Address"}


def _undo_list(
    state: UndoState,
    where: tuple[str, str],
    choices: list[ChoiceT],
    before: Sequence[ChoiceT],
    after: Sequence[ChoiceT],
) -> KeptChoices:
    """Take back the choices of one kind at one place. `where`: the place, and the path in a report."""
    current, was_of, left_of = ({_name(one): one for one in some} for some in (choices, before, after))
    now_values, was_values, left_values = (
        {key: _value_of(one) for key, one in some.items()} for some in (current, was_of, left_of)
    )
    is_newer = any(one not in (left_values.get(key), was_values.get(key)) for key, one in now_values.items())
    keeps_no = False
    for key in {**was_of, **left_of}:
        was, left = was_of.get(key), left_of.get(key)
        if was_values.get(key) in (now_values.get(key), left_values.get(key)):
            continue
        if now_values.get(key) != left_values.get(key):
            text = f"{key[0]}: somebody made another choice since the import, and that one stays."
            state.report("Undo.KeptNewer", where[1], text, key[0])
        elif _is_own_no(was, left) and not state.context.restore_yes:
            text = f"{key[0]}: the no that came with the import stays. Only RestoreYes takes it back."
            state.report("Undo.KeptNo", where[1], text, key[0])
            keeps_no = True
        else:
            _append_reversal(state, where[0], was, left)
            if was is None:
                del current[key]
            else:
                current[key] = was
    choices[:] = current.values()
    return KeptChoices(is_newer, keeps_no)


def _name(choice: Preference | Consent) -> tuple[str, str]:
    return (choice.filter, "") if isinstance(choice, Preference) else (choice.type, choice.version)


def _value_of(choice: Preference | Consent) -> Preference | Consent:
    """The choice without the number of its ledger entry. A choice that was made again is the same value."""
    return msgspec.structs.replace(choice, entry=0)


def _is_same_choice(one: Preference | Consent | None, other: Preference | Consent | None) -> bool:
    """True if the two differ at most in being archived. To archive a choice does not make another choice."""
    if one is None or other is None:
        return one is other
    return _value_of(one) == _value_of(msgspec.structs.replace(other, archived=one.archived))


def _is_own_no(was: Preference | Consent | None, left: Preference | Consent | None) -> bool:
    """True if the import made this choice, and it is a no: an Opt-Out, a Denied or a Revoked."""
    return left is not None and _is_no(left) and not _is_same_choice(was, left)


def _is_no(choice: Preference | Consent) -> bool:
    return choice.type == OPT_OUT if isinstance(choice, Preference) else choice.status in (DENIED, REVOKED)


def holds_no(body: ProfileState) -> bool:
    """True if the person, or a contact element, holds an Opt-Out, a Denied or a Revoked."""
    owners: list[Owner] = [body, *body.emails, *body.phones, *body.addresses]
    return any(any(map(_is_no, one.preferences)) or any(map(_is_no, one.consents)) for one in owners)


def _append_reversal(
    state: UndoState, place: str, was: Preference | Consent | None, left: Preference | Consent | None
) -> None:
    """Write into the history which choice came back, or which choice was taken back."""
    choice = was or left
    if choice is None or _is_same_choice(was, left):
        return  # the import only archived the choice, and applied none
    is_preference = isinstance(choice, Preference)
    value = describe_preference(choice) if isinstance(choice, Preference) else describe_consent(choice)
    value["UndoOf"] = state.context.undo_of
    if was is None:
        value["TakenBack"] = True
    state.body.entries += 1
    state.ledger.append(LedgerEntry("P" if is_preference else "C", place, choice.at, value))
