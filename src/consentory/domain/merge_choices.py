"""Precedence: the newer choice wins, and no is stronger than yes (execution.md, "Precedence")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from consentory.domain.catalog import FilterEntry
from consentory.domain.draft import Draft
from consentory.domain.force import DAY, list_missing
from consentory.domain.merge_contacts import Included
from consentory.domain.profile import PLACE_LETTER, Consent, Element, Preference
from consentory.domain.record import (
    DENIED,
    GRANTED,
    KINDS,
    NOT_SET,
    OPT_IN,
    OPT_OUT,
    REVOKED,
    ConsentClaim,
    Kind,
    PreferenceClaim,
)
from consentory.domain.text import fold

ChoiceT = TypeVar("ChoiceT", Preference, Consent)

STRENGTH = {GRANTED: 0, NOT_SET: 1, DENIED: 2, REVOKED: 3}
"""On the same instant the stronger consent status wins."""

Noes = dict[tuple[Kind, str, str], list[tuple[Element, int]]]
"""(kind, compared value, filter) to the elements that hold an Opt-Out there, and its instant."""

_PREFERENCES: dict[Kind, tuple[str, str]] = {
    "Email": ("Emails", "EmailPreferences"),
    "Phone": ("PhoneNumbers", "PhoneNumberPreferences"),
    "Address": ("Addresses", "AddressPreferences"),
}


class Place(NamedTuple):
    """Where choices stand: the person (`kind` None) or one contact element; with what the record claims there."""

    code: str
    """As in the ledger: "" or kind letter and index, "E0"."""
    path: str
    preferences_path: str
    kind: Kind | None
    element: Element | None
    preferences: list[Preference]
    consents: list[Consent]
    claimed_preferences: tuple[PreferenceClaim, ...]
    claimed_consents: tuple[ConsentClaim, ...]


def merge_choices(draft: Draft, included: list[Included]) -> None:
    """Apply the record's consents, then its preferences: required consents are judged after the record's own."""
    places = list(_list_places(draft, included))
    for place in places:
        before = list(place.consents)  # a newer version that comes in the same record is not there "already"
        for index, consent in enumerate(place.claimed_consents):
            _apply_consent(draft, place, before, consent, f"{place.path}.Consents[{index}]")
    # Opt-Outs first, so that an Opt-In beside them is judged by them whatever the order of the arrays.
    noes: Noes = {}
    for wanted in (OPT_OUT, OPT_IN):
        for place in places:
            for index, preference in enumerate(place.claimed_preferences):
                if preference.type == wanted:
                    _apply_preference(draft, place, noes, preference, f"{place.preferences_path}[{index}]")
        noes = _collect_noes(draft) if wanted == OPT_OUT else noes


def _collect_noes(draft: Draft) -> Noes:
    """Every Opt-Out that binds an address, in force or not, with the element that it stands at."""
    noes: Noes = {}
    for kind in KINDS:
        for element in draft.body.elements(kind):
            for preference in element.preferences:
                if preference.type == OPT_OUT:
                    noes.setdefault((kind, element.compared, preference.filter), []).append((element, preference.at))
    return noes


def _list_places(draft: Draft, included: list[Included]) -> Iterator[Place]:
    record, body = draft.record, draft.body
    yield Place(
        "", "$", "$.ProfilePreferences", None, None,
        body.preferences, body.consents, record.preferences, record.consents,
    )  # fmt: skip
    for kind, index, number, claim, element in included:
        if not claim.preferences and not claim.consents:
            continue
        collection, preferences = _PREFERENCES[kind]
        path = f"$.{collection}[{index}]"
        yield Place(
            f"{PLACE_LETTER[kind]}{number}", path, f"{path}.{preferences}", kind, element,
            element.preferences, element.consents, claim.preferences, claim.consents,
        )  # fmt: skip


def _apply_consent(draft: Draft, place: Place, before: list[Consent], claim: ConsentClaim, path: str) -> None:
    entry = draft.context.catalog.consent_types[fold(claim.type)]
    rank = entry.ranks[fold(claim.version)]
    soft = claim.status in (GRANTED, NOT_SET)
    if soft and rank < entry.newest_active and not draft.context.settings.allow_prior_consents:
        draft.refuse(
            "Consent.PriorVersion",
            f"{path}.ConsentVersion",
            f"{claim.type} has a newer version; use it, or initiate the import with AllowPriorConsents.",
            claim.version,
        )
        return
    stored = next((c for c in place.consents if c.type == claim.type and c.version == claim.version), None)
    if stored is not None:
        if _equals_consent(stored, claim):
            return
        strength, stored_strength = STRENGTH[claim.status], STRENGTH[stored.status]
        if _is_weaker(claim.at, strength, stored.at, stored_strength, stored.archived):
            message = "A later consent, or a no on the same instant, is stored for this version."
            draft.hold_back("Consent.Superseded", path, message, claim.type)
            return
    if soft and any(c.type == claim.type and entry.ranks[fold(c.version)] > rank for c in before):
        message = f"A newer version of {claim.type} is already there."
        draft.hold_back("Consent.NewerVersionPresent", path, message, claim.version)
        return
    days = entry.type.versions[rank].expiration_days
    value: dict[str, object] = {
        "ConsentType": claim.type,
        "ConsentVersion": claim.version,
        "Locale": claim.locale,
        "ConsentStatus": claim.status,
    }
    if claim.evidence:
        value["Evidence"] = claim.evidence
    applied = Consent(
        claim.type, claim.version, claim.locale, claim.status, claim.at,
        draft.append_entry("C", place.code, value, claim.at),
        evidence=claim.evidence or None,
        expires=claim.at + days * DAY if days and claim.status == GRANTED else None,
    )  # fmt: skip
    _put(place.consents, stored, applied)


def _equals_consent(stored: Consent, claim: ConsentClaim) -> bool:
    return (
        stored.status == claim.status
        and stored.locale == claim.locale
        and (stored.evidence or None) == (claim.evidence or None)
        and (stored.at == claim.at or not claim.dated)
    )


def _apply_preference(draft: Draft, place: Place, noes: Noes, claim: PreferenceClaim, path: str) -> None:
    entry = draft.context.catalog.filters[fold(claim.filter)]
    stored = next((p for p in place.preferences if p.filter == claim.filter), None)
    if stored is not None and _equals_preference(stored, claim):
        return
    if entry.filter.channel == "Text" and place.element is not None and place.element.mobile is False:
        message = "This number is stored as not mobile: it takes no text messages. Say IsMobile: true if it is."
        draft.refuse("Preference.NotMobile", f"{path}.FilterId", message, claim.filter)
    if _is_superseded(place, noes, stored, claim):
        message = "A later choice, or an opt-out on the same instant, is stored."
        draft.hold_back("Preference.Superseded", path, message, claim.filter)
        return
    if claim.type == OPT_IN:
        _require_consents(draft, place, entry, path)
    frequency = _resolve_frequency(claim, stored, entry)
    value: dict[str, object] = {"FilterId": claim.filter, "PreferenceType": claim.type}
    if frequency is not None:
        value["FrequencyId"] = frequency
    if claim.attributes:
        value["PreferenceAttributes"] = [{"Key": key, "Value": text} for key, text in claim.attributes.items()]
    days = entry.filter.duration_days
    applied = Preference(
        claim.filter, claim.type, claim.at,
        draft.append_entry("P", place.code, value, claim.at),
        frequency=frequency,
        attributes=claim.attributes or None,
        expires=claim.at + days * DAY if days and claim.type == OPT_IN else None,
    )  # fmt: skip
    _put(place.preferences, stored, applied)


def _equals_preference(stored: Preference, claim: PreferenceClaim) -> bool:
    return (
        stored.type == claim.type
        and (claim.frequency is None or stored.frequency == claim.frequency)
        and (stored.attributes or None) == (claim.attributes or None)
        and (stored.at == claim.at or not claim.dated)
    )


def _is_superseded(place: Place, noes: Noes, stored: Preference | None, claim: PreferenceClaim) -> bool:
    # On the same instant the Opt-Out (2) is stronger than the Opt-In (1).
    if stored is not None and _is_weaker(claim.at, claim.type, stored.at, stored.type, stored.archived):
        return True
    if claim.type != OPT_IN or place.kind is None or place.element is None:
        return False
    others = noes.get((place.kind, place.element.compared, claim.filter), [])
    return any(element is not place.element and at >= claim.at for element, at in others)


def _require_consents(draft: Draft, place: Place, entry: FilterEntry, path: str) -> None:
    where = (draft.body.consents,) if place.kind is None else (place.consents, draft.body.consents)
    context = draft.context
    for name in list_missing(entry, where, context.catalog.consent_types, context.started_at):
        draft.refuse(
            "Preference.ConsentRequired",
            path,
            f"An opt-in to {entry.filter.id} needs {name} granted and unexpired, for the person or this element;"
            " send that consent in the same record or before it.",
            entry.filter.id,
        )


def _resolve_frequency(claim: PreferenceClaim, stored: Preference | None, entry: FilterEntry) -> str | None:
    if claim.frequency is not None:
        return claim.frequency
    if stored is not None and stored.frequency is not None and fold(stored.frequency) in entry.frequencies:
        return stored.frequency
    return entry.filter.default_frequency


def _is_weaker(at: int, strength: int, stored_at: int, stored_strength: int, archived: bool) -> bool:
    """True when the stored choice wins: it is later, or of the same instant and stronger. The archived choice said
    again with other members does not bring it back either."""
    return (at, strength) < (stored_at, stored_strength) or (
        archived and (at, strength) == (stored_at, stored_strength)
    )


def _put(items: list[ChoiceT], stored: ChoiceT | None, applied: ChoiceT) -> None:
    if stored is None:
        items.append(applied)
    else:
        items[next(i for i, item in enumerate(items) if item is stored)] = applied
