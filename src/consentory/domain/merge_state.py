"""The state of one application of a record: the profile's body under change, and the faults found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.profile import Element, LedgerEntry, ProfileState
from consentory.domain.record import Fault, Record

VALUE_LIMIT = 200
"""A fault's Value is cut to this number of characters (import-api.md, "Exceptions")."""


def copy_state(body: ProfileState) -> ProfileState:
    """A copy of all members that a merge may change in place. The copy shares members that a merge only replaces, above
    all choices."""
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
    """The facts that are the same for all records of one application.

    `configuration_index` is the configuration at the start of the execution; times are in microseconds. `holders` maps
    every alternate id key that the records name to the profile that now holds the id actively.
    """

    configuration_index: ConfigurationIndex
    settings: ImportSettings
    started_at: int
    now: int
    holders: Mapping[bytes, int]


class MergeState(msgspec.Struct, gc=False):
    """A body under change. `old` is never changed; `old` is None if the record creates the profile."""

    record: Record
    context: MergeContext
    profile_id: int
    old: ProfileState | None
    body: ProfileState
    faults: list[Fault] = []
    """Faults found at execution. Any of these faults refuses the whole record."""
    not_honored: list[Fault] = []
    """The elements that are not honored, one fault for each reason."""
    ledger: list[LedgerEntry] = []

    def refuse(self, code: str, path: str, message: str, value: str | int | None = None) -> None:
        """Add a fault that makes the record an exception."""
        self.faults.append(make_fault(code, path, message, value))

    def add_not_honored(self, code: str, path: str, message: str, value: str | int | None = None) -> None:
        """Add an element that is not honored."""
        self.not_honored.append(make_fault(code, path, message, value))

    def append_entry(self, of: str, place: str, value: dict[str, object], collected: int) -> int:
        """Add a ledger entry for an applied choice, and return the entry's number."""
        self.body.entries += 1
        self.ledger.append(LedgerEntry(of, place, collected, value))
        return self.body.entries


def make_fault(code: str, path: str, message: str, value: str | int | None = None) -> Fault:
    """A fault whose Value is cut to `VALUE_LIMIT` characters."""
    return Fault(code, message, path, value[:VALUE_LIMIT] if isinstance(value, str) else value)
