"""Merging of contact elements: added, reactivated, updated, deactivated; and which one is the default."""

from __future__ import annotations

from consentory.domain.draft import Draft
from consentory.domain.profile import Consent, Element, Preference
from consentory.domain.record import KINDS, ElementClaim, Kind


def merge_contacts(draft: Draft) -> dict[tuple[Kind, int], Element]:
    """Apply the record's contact elements; what each included one became, by kind and index in the record.

    Source: execution.md, "What is merged, and what a Refresh flag removes".
    """
    included: dict[tuple[Kind, int], Element] = {}
    for kind in KINDS:
        included.update(_merge_kind(draft, kind))
    return included


def archive_choices(draft: Draft, preferences: list[Preference], consents: list[Consent]) -> None:
    """Take a place's choices out of force for good, as far as the record does not preserve them."""
    if not draft.record.preserve_preferences:
        for preference in preferences:
            preference.archived = True
    if not draft.record.preserve_consents:
        for consent in consents:
            consent.archived = True


def _merge_kind(draft: Draft, kind: Kind) -> dict[tuple[Kind, int], Element]:
    claims, elements = draft.record.elements(kind), draft.body.elements(kind)
    refresh = draft.context.settings.refresh_contacts
    if not claims and not (refresh and elements):
        return {}
    stored = {(element.type, element.compared): element for element in elements}
    included: dict[tuple[Kind, int], Element] = {}
    for index, claim in enumerate(claims):
        if not claim.active:  # validated, and then counts as not included
            continue
        element = stored.get((claim.type, claim.compared))
        if element is None:
            element = Element(claim.type, claim.compared, dict(claim.given))
            elements.append(element)
        element.active = True
        _update_said(element, claim)
        included[kind, index] = element
    if refresh:
        kept = {id(element) for element in included.values()}
        for element in elements:
            if element.active and id(element) not in kept:
                element.active = False
                archive_choices(draft, element.preferences, element.consents)
    _settle_default(elements, {index: e for (_, index), e in included.items()}, claims)
    return included


def _update_said(element: Element, claim: ElementClaim) -> None:
    if claim.mobile is not None:
        element.mobile = claim.mobile
    second_line = claim.said.get("Address2")
    if second_line:
        element.given["Address2"] = second_line
    elif second_line is not None:
        element.given.pop("Address2", None)
    element.country = claim.said.get("Country", element.country)


def _settle_default(elements: list[Element], included: dict[int, Element], claims: tuple[ElementClaim, ...]) -> None:
    """One active element of a kind is the default: the one said to be, else the one that was, else the first
    added; IsDefault: false moves the mark on if there is another to take it."""
    chosen = next((element for index, element in included.items() if claims[index].default), None)
    active = [element for element in elements if element.active]
    if chosen is None:
        declined = {id(element) for index, element in included.items() if claims[index].default is False}
        current = next((element for element in active if element.default), None)
        willing = [element for element in active if id(element) not in declined]
        if current is not None and id(current) not in declined:
            chosen = current
        else:
            chosen = next(iter(willing), current or next(iter(active), None))
    for element in elements:
        element.default = element is chosen
