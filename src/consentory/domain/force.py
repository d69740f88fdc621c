"""Which choices are in force (execution.md, "Precedence")."""

from __future__ import annotations

from collections.abc import Iterable

from consentory.domain.catalog import ConsentEntry, FilterEntry
from consentory.domain.profile import Consent
from consentory.domain.record import DENIED, GRANTED, REVOKED
from consentory.domain.text import fold

DAY = 86_400_000_000
"""Microseconds in a day of 24 hours."""


def find_in_force(consents: Iterable[Consent], entry: ConsentEntry) -> Consent | None:
    """Of one place's consents the one in force for a type: the newest version present, or a no to an older
    version that is not earlier (on the same instant the no is stronger). Precedence looks at archived ones too: where
    one of these would be in force, nothing is."""
    present = [c for c in consents if c.type == entry.type.name]
    if not present:
        return None
    newest = max(present, key=lambda c: entry.ranks[fold(c.version)])
    noes = [c for c in present if c.status in (DENIED, REVOKED) and c.at >= newest.at]
    found = max(noes, key=lambda c: (c.at, entry.ranks[fold(c.version)])) if noes else newest
    return None if found.archived else found


def is_granted(consents: Iterable[Consent], entry: ConsentEntry, at: int) -> bool:
    """True when the consent in force in this place is Granted and unexpired at `at` (microseconds)."""
    found = find_in_force(consents, entry)
    return found is not None and found.status == GRANTED and (found.expires is None or found.expires > at)


def list_missing(
    needed: FilterEntry,
    places: tuple[Iterable[Consent], ...],
    consent_types: dict[str, ConsentEntry],
    at: int,
) -> list[str]:
    """The consent types that an Opt-In to the filter requires and that none of `places` grants at `at`.

    `places` are the consents of the same element and of the person, never of another element.
    """
    return [
        name
        for name in needed.filter.required_consents
        if not any(is_granted(place, consent_types[fold(name)], at) for place in places)
    ]
