"""Which choices are in force (execution.md, "Precedence").

Nothing of it is stored: it follows from the choices that a person has, so the order in which these arrived makes no
difference. All names are spelled as configured (`domain/spelling.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from consentory.domain.configuration_index import Caseless, ConsentEntry, FilterEntry
from consentory.domain.profile import Consent, Element, Preference, ProfileState
from consentory.domain.record import DENIED, GRANTED, OPT_IN, OPT_OUT, REVOKED, STRENGTH

DAY = 86_400_000_000
"""Microseconds in a day of 24 hours."""


class Site(msgspec.Struct, frozen=True, gc=False):
    """Where choices stand: the person (`element` None), or a contact element among all those of its kind."""

    body: ProfileState
    elements: Sequence[Element]
    element: Element | None


def holds_opt_out(site: Site, filter_id: str, at: int) -> bool:
    """True when another element of the same address holds an Opt-Out of the filter, not earlier than `at`.

    A no binds the person's address: precedence looks at archived Opt-Outs and at those of inactive elements, too.
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
    """True when an Opt-Out under another type takes this Opt-In out of force."""
    return item.type == OPT_IN and holds_opt_out(site, item.filter, item.at)


def list_address_noes(site: Site, type_name: str) -> list[Consent]:
    """Every Denied or Revoked of a consent type that another element of the same address holds."""
    element = site.element
    if element is None:
        return []
    noes: list[Consent] = []
    for other in site.elements:
        if other.compared == element.compared and other is not element:
            noes += [one for one in other.consents if one.type == type_name and one.status in (DENIED, REVOKED)]
    return noes


def is_denied_elsewhere(site: Site, type_name: str, at: int) -> bool:
    """True when a no under another type of the same address, not earlier than `at`, takes a Granted out of force."""
    return any(no.at >= at for no in list_address_noes(site, type_name))


def find_in_force(consents: Iterable[Consent], entry: ConsentEntry) -> Consent | None:
    """Of the consents of one place the one in force for a type: the newest version present, or a no that is not
    earlier. Precedence looks at archived consents, too: where one of these would be in force, nothing is."""
    found = _find_decisive(consents, entry)
    return None if found is None or found.archived else found


def _find_decisive(consents: Iterable[Consent], entry: ConsentEntry) -> Consent | None:
    present = [consent for consent in consents if consent.type == entry.type.name]
    if not present:
        return None
    newest = max(present, key=lambda c: entry.ranks[c.version])
    later = [c for c in present if c.status in (DENIED, REVOKED) and c.at >= newest.at]
    return max(later, key=lambda c: (c.at, entry.ranks[c.version])) if later else newest


def list_missing(needed: FilterEntry, site: Site, consent_types: Caseless[ConsentEntry], at: int) -> list[str]:
    """The consent types that an Opt-In to the filter requires, and that are not Granted and unexpired at `at`.

    A consent of the same element counts, and one of the person. Where both stand, the later decides, and on the same
    instant the no. A Granted of another element never counts.
    """
    return [
        name
        for name in needed.filter.required_consents
        if not _is_granted(_find_deciding(site, consent_types[name]), at)
    ]


def _find_deciding(site: Site, entry: ConsentEntry) -> Consent | None:
    """The latest consent of the element, of the person and among the noes on the address; on one instant the no.

    An archived yes does not come back. Precedence still looks at an archived no.
    """
    standing = list_address_noes(site, entry.type.name)
    for consents in (site.body.consents, site.element.consents if site.element is not None else ()):
        found = _find_decisive(consents, entry)
        if found is not None and not (found.archived and found.status not in (DENIED, REVOKED)):
            standing.append(found)
    return max(standing, key=lambda c: (c.at, STRENGTH[c.status]), default=None)


def _is_granted(consent: Consent | None, at: int) -> bool:
    return consent is not None and consent.status == GRANTED and (consent.expires is None or consent.expires > at)
