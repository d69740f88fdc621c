"""Merging of contact elements: added, reactivated, updated, deactivated; and which one is the default."""

from __future__ import annotations

from typing import NamedTuple

from consentory.domain.merge_state import Draft
from consentory.domain.profile import Consent, Element, Preference
from consentory.domain.record import KINDS, ElementClaim, Kind


class Included(NamedTuple):
    """A contact element that the record includes: where it stands in the record and in the body."""

    kind: Kind
    position: int
    number: int
    claim: ElementClaim
    element: Element


def merge_contacts(draft: Draft) -> list[Included]:
    """Apply the record's contact elements; those that it includes, in the record's order, kind by kind.

    Source: execution.md, "What is merged, and what a Refresh flag removes".
    """
    refresh = draft.context.settings.refresh_contacts
    included: list[Included] = []
    for kind in KINDS:
        claims, elements = draft.record.elements(kind), draft.body.elements(kind)
        if not claims and not (refresh and elements):
            continue
        found = _include(kind, claims, elements, draft.context.now)
        if refresh:
            _deactivate_others(draft, elements, {one.number for one in found})
        _settle_default(elements, found)
        included += found
    return included


def archive_choices(draft: Draft, preferences: list[Preference], consents: list[Consent]) -> None:
    """Take a place's choices out of force for good, as far as the record does not preserve them."""
    if not draft.record.preserve_preferences:
        for preference in preferences:
            preference.archived = True
    if not draft.record.preserve_consents:
        for consent in consents:
            consent.archived = True


def _include(kind: Kind, claims: tuple[ElementClaim, ...], elements: list[Element], now: int) -> list[Included]:
    """Add or reactivate each claimed element and update what is said of it."""
    stored = {
        (element.type, element.compared): number for number, element in enumerate(elements) if element.same_as is None
    }
    included: list[Included] = []
    for index, claim in enumerate(claims):
        if not claim.active:  # validated, and then counts as not included
            continue
        number = stored.get((claim.type, claim.compared))
        if number is None:
            number = len(elements)
            elements.append(Element(claim.type, claim.compared, dict(claim.given), now))
        element = elements[number]
        element.active = True
        _update_said(element, claim)
        included.append(Included(kind, index, number, claim, element))
    return included


def _deactivate_others(draft: Draft, elements: list[Element], kept: set[int]) -> None:
    for number, element in enumerate(elements):
        if element.active and number not in kept:
            element.active = False
            archive_choices(draft, element.preferences, element.consents)


def _update_said(element: Element, claim: ElementClaim) -> None:
    if claim.mobile is not None:
        element.mobile = claim.mobile
    if claim.said:
        second_line = claim.said.get("Address2")
        if second_line:
            element.given["Address2"] = second_line
        elif second_line is not None:
            element.given.pop("Address2", None)
        element.country = claim.said.get("Country", element.country)


def _settle_default(elements: list[Element], included: list[Included]) -> None:
    """One active element of a kind is the default: the one said to be, else the one that was, else the first
    added; IsDefault: false moves the mark on if there is another to take it."""
    chosen = _find_said_default(included)
    if chosen is None:
        declined = {one.number for one in included if one.claim.default is False}
        active = [(number, element) for number, element in enumerate(elements) if element.active]
        for number, element in active:
            if element.default and number not in declined:
                chosen = element
                break
        else:
            chosen = _choose_default(active, declined)
    for element in elements:
        element.default = element is chosen


def _find_said_default(included: list[Included]) -> Element | None:
    for one in included:
        if one.claim.default:
            return one.element
    return None


def _choose_default(active: list[tuple[int, Element]], declined: set[int]) -> Element | None:
    """Nobody is the default, or it was declined: the first that did not decline; else all stays as it was."""
    for number, element in active:
        if number not in declined:
            return element
    for _, element in active:
        if element.default:
            return element
    return active[0][1] if active else None
