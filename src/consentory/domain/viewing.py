"""People as a service gives them to a reader: the stored state, and the facts that decide which parts the reader
sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex, FilterEntry
from consentory.domain.imports import Outcome
from consentory.domain.permission import Scope
from consentory.domain.profile import Consent, Element, Preference, Profile, ProfileState
from consentory.domain.record import KINDS, Fault
from consentory.domain.text import fold

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


class Origin(NamedTuple):
    """The origin of a ledger entry. `import_id` None: a single write."""

    recorded: datetime
    caller: str
    import_id: UUID | None
    sequence_number: int | None


class ImportName(NamedTuple):
    """The name of an import, and the name of its file; None: no file was named."""

    name: str
    file_name: str | None


@dataclass(frozen=True, slots=True)
class ViewedPerson:
    """A person for one reader, with the newest choices of the history first."""

    viewed: ViewedProfile
    choices: Sequence[HistoryItem]
    has_more: bool
    origins: Mapping[int, Origin]
    """The origins of the current choices, by the number of the ledger entry."""
    imports: Mapping[UUID, ImportName]
    """The imports of `choices` and `origins`."""
    lines: Mapping[tuple[UUID, int], int]
    """The lines of the files, by ImportId and SequenceNumber. A line that is not known, or not known any more, is left
    out."""


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


def list_shown_preferences(
    preferences: Iterable[Preference], view: Viewing
) -> Iterator[tuple[Preference, FilterEntry]]:
    """The preferences of an active place that the reader sees as current, each with its filter."""
    for item in preferences:
        entry = view.configuration_index.filters[item.filter]
        if not item.archived and view.scope.permits_filter(entry):
            yield item, entry


def list_shown_consents(consents: Iterable[Consent], view: Viewing) -> Iterator[Consent]:
    """The consents of an active place that the reader sees as current."""
    for item in consents:
        if not item.archived and view.scope.permits_consent_type(fold(item.type)):
            yield item
