"""Who may be contacted now (data-out.md): the choices of a person that are in force, and the places that hold them.

All names are spelled as configured (`domain/spelling.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.in_force import Site, judge_preference
from consentory.domain.profile import PLACE_LETTER, Element, Preference, ProfileState
from consentory.domain.record import KINDS, OPT_IN, OPT_OUT


class Contact(NamedTuple):
    """A choice of one filter that is in force. `place`: "" the person, else kind letter and index of the contact
    element, as in the ledger; `element` is None for the person."""

    place: str
    element: Element | None
    choice: Preference


class AudienceCounts(NamedTuple):
    """The number of people with an Opt-In, and with an Opt-Out, of one filter in force."""

    opted_in: int
    opted_out: int


class CountedDay(NamedTuple):
    """The counts of an account on one day, by filter. `waits`: a newer count is under way, or will begin."""

    day: date
    counted_at: datetime | None
    counts: dict[str, AudienceCounts]
    waits: bool


def list_places(body: ProfileState) -> Iterator[tuple[str, Site]]:
    """The places of a person whose choices can be in force: the person, and the active elements that hold a choice.

    An inactive person has no such place.
    """
    if not body.active:
        return
    yield "", Site(body, (), None)
    for kind in KINDS:
        elements = body.elements(kind)
        for number, element in enumerate(elements):
            if element.active and (element.preferences or element.consents):
                yield f"{PLACE_LETTER[kind]}{number}", Site(body, elements, element)


def is_in_force(site: Site, item: Preference, configuration_index: ConfigurationIndex, at: int) -> bool:
    """True if a preference of a place of `list_places` is in force at that instant: an Opt-Out until it is archived, an
    Opt-In as long as `judge_preference` says `Active`."""
    return not item.archived and judge_preference(site, item, configuration_index, at) == "Active"


def list_contacts(
    body: ProfileState, filter_id: str, configuration_index: ConfigurationIndex, at: int, *, opted_out: bool = False
) -> list[Contact]:
    """The places with an Opt-In of the filter in force at an instant in microseconds; with `opted_out`, the places with
    an Opt-Out in force."""
    wanted = OPT_OUT if opted_out else OPT_IN
    return [
        Contact(place, site.element, item)
        for place, site in list_places(body)
        for item in (body if site.element is None else site.element).preferences
        if item.filter == filter_id and item.type == wanted and is_in_force(site, item, configuration_index, at)
    ]


def list_reached(body: ProfileState, configuration_index: ConfigurationIndex, at: int) -> tuple[set[str], set[str]]:
    """The filters for which a person has an Opt-In in force, and those with an Opt-Out in force, wherever these are."""
    found: tuple[set[str], set[str]] = (set(), set())
    for _, site in list_places(body):
        for item in (body if site.element is None else site.element).preferences:
            if is_in_force(site, item, configuration_index, at):
                found[item.type != OPT_IN].add(item.filter)
    return found
