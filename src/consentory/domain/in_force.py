"""Which choices are in force (execution.md, "Precedence").

The result is not stored. It is computed from a person's choices, so the order in which the choices arrived has no
effect. All names are spelled as configured (`domain/spelling.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from consentory.domain.configuration_index import Caseless, ConfigurationIndex, ConsentEntry, FilterEntry
from consentory.domain.profile import Consent, Element, Preference, ProfileState
from consentory.domain.record import DENIED, GRANTED, OPT_IN, OPT_OUT, REVOKED, STRENGTH

PreferenceStatus = Literal["Active", "Overruled", "Expired", "Suspended"]

DAY = 86_400_000_000
"""Microseconds in a day of 24 hours."""


class Site(msgspec.Struct, frozen=True, gc=False):
    """A place of choices: the person (`element` None), or one contact element; `elements` are all elements of its
    kind."""

    body: ProfileState
    elements: Sequence[Element]
    element: Element | None


def holds_opt_out(site: Site, filter_id: str, at: int) -> bool:
    """True if another element of the same address holds an Opt-Out of the filter that is not earlier than `at`.

    An Opt-Out binds the person's address. So precedence also looks at archived Opt-Outs and at Opt-Outs of inactive
    elements.
    """
    element = site.element
    if element is None:
        return False
    for other in site.elements:
        if other.compared == element.compared and other is not element:
            for item in other.preferences:
                if item.filter == filter_id and item.type == OPT_OUT and item.at >= at:
                    return True
    return False


def is_overruled(site: Site, item: Preference) -> bool:
    """True if an Opt-Out on an element of another type takes this Opt-In out of force."""
    return item.type == OPT_IN and holds_opt_out(site, item.filter, item.at)


def judge_preference(
    site: Site, item: Preference, configuration_index: ConfigurationIndex, at: int
) -> PreferenceStatus:
    """`Active`, or why an Opt-In is not in force: `Overruled` before `Expired` before `Suspended`."""
    if item.type != OPT_IN:
        return "Active"
    if is_overruled(site, item):
        return "Overruled"
    if item.expires is not None and item.expires <= at:
        return "Expired"
    needed = configuration_index.filters[item.filter]
    return "Suspended" if list_missing(needed, site, configuration_index.consent_types, at) else "Active"


def list_address_noes(site: Site, type_name: str) -> list[Consent]:
    """The Denied and Revoked consents of a type on the other elements of the same address."""
    element = site.element
    if element is None:
        return []
    noes: list[Consent] = []
    for other in site.elements:
        if other.compared == element.compared and other is not element:
            noes += [one for one in other.consents if one.type == type_name and one.status in (DENIED, REVOKED)]
    return noes


def is_denied_elsewhere(site: Site, type_name: str, at: int) -> bool:
    """True if a Denied or Revoked on an element of another type with the same address, not earlier than `at`, takes a
    Granted out of force."""
    return any(no.at >= at for no in list_address_noes(site, type_name))


def find_in_force(consents: Iterable[Consent], entry: ConsentEntry) -> Consent | None:
    """The consent of a type that is in force among the consents of one place; None if none is in force.

    The newest version that is present decides. A Denied or Revoked of another version decides instead if it is not
    earlier. Precedence also looks at archived consents: if an archived consent decides, no consent of the type is in
    force.
    """
    found = _find_decisive(consents, entry)
    return None if found is None or found.archived else found


def _find_decisive(consents: Iterable[Consent], entry: ConsentEntry) -> Consent | None:
    present = [consent for consent in consents if consent.type == entry.type.name]
    if not present:
        return None
    newest = max(present, key=lambda c: entry.ranks[c.version])
    tie = newest.at if newest.status == GRANTED else newest.at + 1  # on the same instant a no wins over a Granted alone
    later = [c for c in present if c.status in (DENIED, REVOKED) and c.at >= tie]
    return max(later, key=lambda c: (c.at, entry.ranks[c.version])) if later else newest


def list_missing(needed: FilterEntry, site: Site, consent_types: Caseless[ConsentEntry], at: int) -> list[str]:
    """The consent types that an Opt-In to the filter requires and that are not Granted, or are expired, at `at`.

    A consent of the same element counts, and a consent of the person counts. If both exist, the later consent decides;
    on the same instant the Denied or Revoked decides. A Granted of another element never counts.
    """
    return [
        name
        for name in needed.filter.required_consents
        if not is_granted(_find_deciding(site, consent_types[name]), at)
    ]


def _find_deciding(site: Site, entry: ConsentEntry) -> Consent | None:
    """The latest among the consent of the element, the consent of the person and the Denied or Revoked consents on the
    address. On the same instant the stronger status wins; of two Granted the one that expires later.

    An archived Granted never comes back into force. Precedence still looks at an archived Denied or Revoked.
    """
    standing = list_address_noes(site, entry.type.name)
    for consents in (site.body.consents, site.element.consents if site.element is not None else ()):
        found = _find_decisive(consents, entry)
        if found is not None and not (found.archived and found.status not in (DENIED, REVOKED)):
            standing.append(found)
    return max(standing, key=lambda c: (c.at, STRENGTH[c.status], c.expires is None, c.expires or 0), default=None)


def is_granted(consent: Consent | None, at: int) -> bool:
    """True for a consent that is given and has not expired."""
    return consent is not None and consent.status == GRANTED and (consent.expires is None or consent.expires > at)
