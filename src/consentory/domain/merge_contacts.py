"""Merge contact elements: add, reactivate, update, deactivate, and choose the default."""

from __future__ import annotations

import msgspec

from consentory.domain.merge_state import MergeState
from consentory.domain.profile import ChoiceT, Consent, Element, Preference
from consentory.domain.record import KINDS, ElementInput, Kind


class Included(msgspec.Struct, frozen=True, gc=False):
    """A contact element that the record includes, with its `position` in the record's array and its `number` in the
    body."""

    kind: Kind
    position: int
    number: int
    given_input: ElementInput
    element: Element


def merge_contacts(state: MergeState) -> list[Included]:
    """Apply the record's contact elements. The result lists the included elements, kind by kind, each in the order of
    the record.

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
    """Take the choices of a place out of force for good, unless the record preserves them."""
    # The state before the merge shares the choices, so they are replaced, not changed.
    if not state.record.preserve_preferences:
        preferences[:] = [_archive(preference) for preference in preferences]
    if not state.record.preserve_consents:
        consents[:] = [_archive(consent) for consent in consents]


def _archive(choice: ChoiceT) -> ChoiceT:
    archived = choice.__copy__()
    archived.archived = True
    return archived


def _include(kind: Kind, given_inputs: tuple[ElementInput, ...], elements: list[Element], now: int) -> list[Included]:
    """Add or reactivate each element of the record, and update the members that the record gives."""
    stored = {(one.type, one.compared): number for number, one in enumerate(elements) if one.same_as is None}
    included: list[Included] = []
    for index, given_input in enumerate(given_inputs):
        if not given_input.active:  # the element is validated, and then treated as not included
            continue
        number = stored.get((given_input.type, given_input.compared))
        if number is None:
            number = len(elements)
            elements.append(Element(given_input.type, given_input.compared, given_input.given, now))
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
            element.given = {**element.given, "Address2": second_line}
        elif second_line is not None:
            element.given = {member: text for member, text in element.given.items() if member != "Address2"}
        element.country = given_input.said.get("Country", element.country)


def _settle_default(elements: list[Element], included: list[Included]) -> None:
    """Make exactly one active element of a kind the default.

    The default is the first element that the record marks with IsDefault: true, else the element that was the default,
    else the element that was added first. IsDefault: false moves the mark to another active element, if there is one.
    """
    chosen = _find_said_default(included)
    if chosen is None:
        active = [(number, element) for number, element in enumerate(elements) if element.active]
        if len(active) == 1:
            chosen = active[0][1]
        elif active:
            chosen = _choose_default(active, {one.number for one in included if one.given_input.default is False})
    for element in elements:
        element.default = element is chosen


def _find_said_default(included: list[Included]) -> Element | None:
    for one in included:
        if one.given_input.default:
            return one.element
    return None


def _choose_default(active: list[tuple[int, Element]], declined: set[int]) -> Element:
    """The element that was the default and did not decline, else the first element that did not decline. If all
    elements declined, the default stays unchanged."""
    willing = [element for number, element in active if number not in declined]
    candidates = willing or [element for _, element in active]
    for element in candidates:
        if element.default:
            return element
    return candidates[0]
