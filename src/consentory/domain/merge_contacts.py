"""Merging of contact elements: added, reactivated, updated, deactivated; and which one is the default."""

from __future__ import annotations

from typing import NamedTuple

from consentory.domain.merge_state import MergeState
from consentory.domain.profile import Consent, Element, Preference
from consentory.domain.record import KINDS, ElementInput, Kind


class Included(NamedTuple):
    """A contact element that the record includes: where it stands in the record and in the body."""

    kind: Kind
    position: int
    number: int
    given_input: ElementInput
    element: Element


def merge_contacts(state: MergeState) -> list[Included]:
    """Apply the record's contact elements; those that it includes, in the record's order, kind by kind.

    Source: execution.md, "What is merged, and what a Refresh flag removes".
    """
    refresh = state.context.settings.refresh_contacts
    included: list[Included] = []
    for kind in KINDS:
        given_inputs, elements = state.record.elements(kind), state.body.elements(kind)
        if not given_inputs and not (refresh and elements):
            continue
        found = _include(kind, given_inputs, elements, state.context.now)
        if refresh:
            _deactivate_others(state, elements, {one.number for one in found})
        _settle_default(elements, found)
        included += found
    return included


def archive_choices(state: MergeState, preferences: list[Preference], consents: list[Consent]) -> None:
    """Take a place's choices out of force for good, as far as the record does not preserve them."""
    if not state.record.preserve_preferences:
        for preference in preferences:
            preference.archived = True
    if not state.record.preserve_consents:
        for consent in consents:
            consent.archived = True


def _include(kind: Kind, given_inputs: tuple[ElementInput, ...], elements: list[Element], now: int) -> list[Included]:
    """Add or reactivate each claimed element and update what is said of it."""
    stored = {
        (element.type, element.compared): number for number, element in enumerate(elements) if element.same_as is None
    }
    included: list[Included] = []
    for index, given_input in enumerate(given_inputs):
        if not given_input.active:  # validated, and then counts as not included
            continue
        number = stored.get((given_input.type, given_input.compared))
        if number is None:
            number = len(elements)
            elements.append(Element(given_input.type, given_input.compared, dict(given_input.given), now))
        element = elements[number]
        element.active = True
        _update_said(element, given_input)
        included.append(Included(kind, index, number, given_input, element))
    return included


def _deactivate_others(state: MergeState, elements: list[Element], kept: set[int]) -> None:
    for number, element in enumerate(elements):
        if element.active and number not in kept:
            element.active = False
            archive_choices(state, element.preferences, element.consents)


def _update_said(element: Element, given_input: ElementInput) -> None:
    if given_input.mobile is not None:
        element.mobile = given_input.mobile
    if given_input.said:
        second_line = given_input.said.get("Address2")
        if second_line:
            element.given["Address2"] = second_line
        elif second_line is not None:
            element.given.pop("Address2", None)
        element.country = given_input.said.get("Country", element.country)


def _settle_default(elements: list[Element], included: list[Included]) -> None:
    """One active element of a kind is the default: the one said to be, else the one that was, else the first
    added; IsDefault: false moves the mark on if there is another to take it."""
    chosen = _find_said_default(included)
    if chosen is None:
        declined = {one.number for one in included if one.given_input.default is False}
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
        if one.given_input.default:
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
