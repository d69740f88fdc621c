"""Join duplicates: ids, groups, elements, choices and fields that differ only in the spelling of a name.

Earlier releases stored such duplicates (`domain/spelling.py`). Before this code runs, every name is spelled as
configured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from consentory.domain.profile import AlternateId, Consent, Element, Group, Preference, ProfileState
from consentory.domain.record import KINDS, STRENGTH
from consentory.domain.text import fold


def join_doubles(body: ProfileState) -> None:
    """Join, in place, all duplicates in a body. For two choices, the choice that precedence prefers stays."""
    body.alternate_ids = _join_ids(body.alternate_ids)
    body.groups = _join_groups(body.groups)
    for kind in KINDS:
        _join_elements(body.elements(kind))
    _join_choices(body)


def join_fields(fields: Iterable[tuple[str, str]], keeps_first: Callable[[str], bool]) -> dict[str, str]:
    """Custom fields by name. For two values of a field the later value stays, unless the field's update rule keeps the
    first."""
    joined: dict[str, str] = {}
    for name, value in fields:
        if name not in joined or not keeps_first(name):
            joined[name] = value
    return joined


def _join_ids(items: list[AlternateId]) -> list[AlternateId]:
    joined: dict[tuple[str, str], AlternateId] = {}
    for item in items:
        first = joined.setdefault((item.type, fold(item.value)), item)
        first.active = first.active or item.active
        first.edited = max(first.edited, item.edited)
    return list(joined.values())


def _join_groups(items: list[Group]) -> list[Group]:
    joined: dict[tuple[str, str], Group] = {}
    for item in items:
        first = joined.setdefault((item.type, fold(item.name)), item)
        first.active = first.active or item.active
        first.primary = item.primary
        first.edited = max(first.edited, item.edited)
    return list(joined.values())


def _join_elements(elements: Sequence[Element]) -> None:
    """The first of two equal elements takes over all data of the second. The second stays, empty, because the ledger
    uses its number."""
    numbers: dict[tuple[str, str], int] = {}
    for number, element in enumerate(elements):
        first = numbers.setdefault((element.type, element.compared), number)
        if first != number and element.same_as is None:
            _take_over(elements[first], element)
            element.same_as = first
    for element in elements:
        _join_choices(element)


def _take_over(first: Element, second: Element) -> None:
    first.active = first.active or second.active
    first.default = first.default or second.default
    first.mobile = first.mobile if second.mobile is None else second.mobile
    first.country = second.country or first.country
    if "Address2" in second.given:
        first.given["Address2"] = second.given["Address2"]
    first.edited = max(first.edited, second.edited)
    first.preferences = [*first.preferences, *second.preferences]
    first.consents = [*first.consents, *second.consents]
    second.active = second.default = False
    second.preferences, second.consents = [], []


def _join_choices(owner: ProfileState | Element) -> None:
    preferences: dict[str, Preference] = {}
    for item in owner.preferences:
        known = preferences.setdefault(item.filter, item)
        if (item.at, item.type, item.entry) > (known.at, known.type, known.entry):
            preferences[item.filter] = item
    owner.preferences = list(preferences.values())
    consents: dict[tuple[str, str], Consent] = {}
    for consent in owner.consents:
        stored = consents.setdefault((consent.type, consent.version), consent)
        if _rank(consent) > _rank(stored):
            consents[consent.type, consent.version] = consent
    owner.consents = list(consents.values())


def _rank(consent: Consent) -> tuple[int, int, int]:
    return consent.at, STRENGTH[consent.status], consent.entry
