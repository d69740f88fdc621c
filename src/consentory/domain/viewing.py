"""People as a service gives them to a reader: the stored state, and the facts that decide which parts the reader
sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import Outcome
from consentory.domain.permission import Scope
from consentory.domain.profile import Element, Profile, ProfileState
from consentory.domain.record import KINDS, Fault

HistoryKind = Literal["Preferences", "Consents"]


@dataclass(frozen=True, slots=True)
class Viewing:
    """The facts of one reading. `now` is in microseconds; `recorded` maps a ledger entry to (time, caller)."""

    configuration_index: ConfigurationIndex
    scope: Scope
    now: int
    recorded: Mapping[int, tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class ViewedProfile:
    """A profile for one reader. All names are spelled as configured."""

    profile: Profile
    viewing: Viewing


@dataclass(frozen=True, slots=True)
class WrittenProfile:
    """The result of a single write. `viewed` is None if the caller may not read profiles."""

    profile_id: int
    outcome: Outcome
    not_honored: Sequence[Fault]
    viewed: ViewedProfile | None


class HistoryItem(msgspec.Struct, frozen=True):
    """A choice that was applied once, as the ledger keeps the choice. `collected` is in microseconds."""

    entry: int
    place: str
    value: dict[str, Any]
    collected: int
    recorded: datetime
    caller: str
    import_id: UUID | None
    sequence_number: int | None


@dataclass(frozen=True, slots=True)
class ViewedHistory:
    """A page of a profile's history for one reader, in the order of application. `body` is the current state of the
    profile."""

    of: HistoryKind
    items: Sequence[HistoryItem]
    has_more: bool
    body: ProfileState


ChangeKind = Literal["Created", "Updated", "Deleted"]


class ViewedChoice(msgspec.Struct, frozen=True, gc=False):
    """A choice that was applied with a change. `place`: by `describe_place`. `collected` is in microseconds."""

    place: dict[str, Any]
    value: dict[str, Any]
    collected: int


class ViewedChange(msgspec.Struct, frozen=True, gc=False):
    """A change of a person for one reader."""

    position: int
    at: datetime
    profile_id: int
    kind: ChangeKind
    caller: str
    import_id: UUID | None
    sequence_number: int | None
    choices: Sequence[ViewedChoice]
    members: Sequence[str]
    """The names of the members that the change touched."""


@dataclass(frozen=True, slots=True)
class ViewedChanges:
    """A page of changes for one reader, in the order of their positions."""

    items: Sequence[ViewedChange]
    next: int
    """The last position that the page covers. The next page begins after it."""
    latest: int
    """The latest position of the account."""


def list_current_entries(body: ProfileState) -> list[int]:
    """The numbers of the ledger entries that set the body's choices. The numbers are the keys of `Viewing.recorded`."""
    owners: list[ProfileState | Element] = [body, *(element for kind in KINDS for element in body.elements(kind))]
    preferences = [choice.entry for owner in owners for choice in owner.preferences]
    return preferences + [choice.entry for owner in owners for choice in owner.consents]
