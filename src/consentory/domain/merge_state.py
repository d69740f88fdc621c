"""What one application of a record works on: the profile's body being changed, and what became of the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.profile import Element, LedgerEntry, ProfileState
from consentory.domain.record import Fault, Record

VALUE_LIMIT = 200
"""A fault's Value is cut here (import-api.md, "Exceptions")."""


def copy_state(body: ProfileState) -> ProfileState:
    """A copy of all that a merge may change; what it only replaces is shared, choices above all."""
    copied = body.__copy__()
    copied.name = dict(body.name)
    copied.alternate_ids = [item.__copy__() for item in body.alternate_ids]
    copied.emails = [_copy_element(element) for element in body.emails]
    copied.phones = [_copy_element(element) for element in body.phones]
    copied.addresses = [_copy_element(element) for element in body.addresses]
    copied.preferences = list(body.preferences)
    copied.consents = list(body.consents)
    copied.groups = [item.__copy__() for item in body.groups]
    copied.tags = list(body.tags)
    copied.fields = dict(body.fields)
    return copied


def _copy_element(element: Element) -> Element:
    copied = element.__copy__()
    copied.preferences = list(element.preferences)
    copied.consents = list(element.consents)
    return copied


@dataclass(frozen=True, slots=True)
class MergeContext:
    """What holds for all records of one application.

    `configuration_index` is the configuration of execution's start; times in microseconds; `holders` gives, for every
    alternate id key that the records name, the profile that holds it actively at this moment.
    """

    configuration_index: ConfigurationIndex
    settings: ImportSettings
    started_at: int
    now: int
    holders: Mapping[bytes, int]


class MergeState(msgspec.Struct, gc=False):
    """A body under change. `old` is None for a profile being created, and is never changed."""

    record: Record
    context: MergeContext
    profile_id: int
    old: ProfileState | None
    body: ProfileState
    faults: list[Fault] = []
    """Found at execution: any of them refuses the record whole."""
    not_honored: list[Fault] = []
    """What was held back, element by element."""
    ledger: list[LedgerEntry] = []

    def refuse(self, code: str, path: str, message: str, value: str | int | None = None) -> None:
        """Note a fault that makes the record an exception."""
        self.faults.append(make_fault(code, path, message, value))

    def add_not_honored(self, code: str, path: str, message: str, value: str | int | None = None) -> None:
        """Note an element that is not honored."""
        self.not_honored.append(make_fault(code, path, message, value))

    def append_entry(self, of: str, place: str, value: dict[str, object], collected: int) -> int:
        """Add a ledger entry for an applied choice; its number."""
        self.body.entries += 1
        self.ledger.append(LedgerEntry(of, place, collected, value))
        return self.body.entries


def make_fault(code: str, path: str, message: str, value: str | int | None = None) -> Fault:
    """A fault whose Value is cut to its limit."""
    return Fault(code, message, path, value[:VALUE_LIMIT] if isinstance(value, str) else value)
