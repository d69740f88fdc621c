"""Precedence: the newer choice wins, and no is stronger than yes (execution.md, "Precedence")."""

from __future__ import annotations

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

    kind: Kind | None
    position: int
    """Of the element in the record's array."""
    number: int
    """Of the element in the body."""
    element: Element | None
    preferences: list[Preference]
    consents: list[Consent]
    claimed_preferences: tuple[PreferenceClaim, ...]
    claimed_consents: tuple[ConsentClaim, ...]

    @property
    def code(self) -> str:
        """As in the ledger: "" or kind letter and number, "E0"."""
        return "" if self.kind is None else f"{PLACE_LETTER[self.kind]}{self.number}"

    def name_preference(self, index: int) -> str:
        """The JSON path of a claimed preference."""
        if self.kind is None:
            return f"$.ProfilePreferences[{index}]"
        collection, preferences = _PREFERENCES[self.kind]
        return f"$.{collection}[{self.position}].{preferences}[{index}]"

    def name_consent(self, index: int) -> str:
        """The JSON path of a claimed consent."""
        owner = "$" if self.kind is None else f"$.{_PREFERENCES[self.kind][0]}[{self.position}]"
        return f"{owner}.Consents[{index}]"


def merge_choices(draft: Draft, included: list[Included]) -> None:
    """Apply the record's consents, then its preferences: required consents are judged after the record's own."""
    places = _list_places(draft, included)
    for place in places:
        before = list(place.consents)  # a newer version that comes in the same record is not there "already"
        for index, consent in enumerate(place.claimed_consents):
            _apply_consent(draft, place, before, consent, index)
    # Opt-Outs first, so that an Opt-In beside them is judged by them whatever the order of the arrays.
    opt_ins: list[tuple[Place, PreferenceClaim, int]] = []
    for place in places:
        for index, preference in enumerate(place.claimed_preferences):
            if preference.type == OPT_IN:
                opt_ins.append((place, preference, index))
            else:
                _apply_preference(draft, place, {}, preference, index)
    if opt_ins:
        noes = _collect_noes(draft)
        for place, preference, index in opt_ins:
            _apply_preference(draft, place, noes, preference, index)


def _collect_noes(draft: Draft) -> Noes:
    """Every Opt-Out that binds an address, in force or not, with the element that it stands at."""
    noes: Noes = {}
    for kind in KINDS:
        for element in draft.body.elements(kind):
            for preference in element.preferences:
                if preference.type == OPT_OUT:
                    noes.setdefault((kind, element.compared, preference.filter), []).append((element, preference.at))
    return noes


def _list_places(draft: Draft, included: list[Included]) -> list[Place]:
    record, body = draft.record, draft.body
    places = []
    if record.preferences or record.consents:
        person = Place(None, 0, 0, None, body.preferences, body.consents, record.preferences, record.consents)
        places.append(person)
    for kind, position, number, claim, element in included:
        if claim.preferences or claim.consents:
            stored = element.preferences, element.consents
            places.append(Place(kind, position, number, element, *stored, claim.preferences, claim.consents))
    return places


def _apply_consent(draft: Draft, place: Place, before: list[Consent], claim: ConsentClaim, index: int) -> None:
    entry = draft.context.catalog.consent_types[fold(claim.type)]
    rank = entry.ranks[fold(claim.version)]
    soft = claim.status in (GRANTED, NOT_SET)
    if soft and rank < entry.newest_active and not draft.context.settings.allow_prior_consents:
        draft.refuse(
            "Consent.PriorVersion",
            f"{place.name_consent(index)}.ConsentVersion",
            f"{claim.type} has a newer version; use it, or initiate the import with AllowPriorConsents.",
            claim.version,
        )
        return
    stored = _find_consent(place.consents, claim)
    if stored is not None:
        if _equals_consent(stored, claim):
            return
        strength, stored_strength = STRENGTH[claim.status], STRENGTH[stored.status]
        if _is_weaker(claim.at, strength, stored.at, stored_strength, stored.archived):
            message = "A later consent, or a no on the same instant, is stored for this version."
            draft.hold_back("Consent.Superseded", place.name_consent(index), message, claim.type)
            return
    if soft and any(c.type == claim.type and entry.ranks[fold(c.version)] > rank for c in before):
        message = f"A newer version of {claim.type} is already there."
        draft.hold_back("Consent.NewerVersionPresent", place.name_consent(index), message, claim.version)
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


def _find_consent(consents: list[Consent], claim: ConsentClaim) -> Consent | None:
    for consent in consents:
        if consent.version == claim.version and consent.type == claim.type:
            return consent
    return None


def _equals_consent(stored: Consent, claim: ConsentClaim) -> bool:
    return (
        stored.status == claim.status
        and stored.locale == claim.locale
        and (stored.evidence or None) == (claim.evidence or None)
        and (stored.at == claim.at or not claim.dated)
    )


def _apply_preference(draft: Draft, place: Place, noes: Noes, claim: PreferenceClaim, index: int) -> None:
    entry = draft.context.catalog.filters[fold(claim.filter)]
    stored = _find_preference(place.preferences, claim.filter)
    if stored is not None and _equals_preference(stored, claim):
        return
    if entry.filter.channel == "Text" and place.element is not None and place.element.mobile is False:
        message = "This number is stored as not mobile: it takes no text messages. Say IsMobile: true if it is."
        draft.refuse("Preference.NotMobile", f"{place.name_preference(index)}.FilterId", message, claim.filter)
    if _is_superseded(place, noes, stored, claim):
        message = "A later choice, or an opt-out on the same instant, is stored."
        draft.hold_back("Preference.Superseded", place.name_preference(index), message, claim.filter)
        return
    if claim.type == OPT_IN:
        _require_consents(draft, place, entry, index)
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


def _find_preference(preferences: list[Preference], filter_id: str) -> Preference | None:
    for preference in preferences:
        if preference.filter == filter_id:
            return preference
    return None


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


def _require_consents(draft: Draft, place: Place, entry: FilterEntry, index: int) -> None:
    if not entry.filter.required_consents:
        return
    where = (draft.body.consents,) if place.kind is None else (place.consents, draft.body.consents)
    context = draft.context
    for name in list_missing(entry, where, context.catalog.consent_types, context.started_at):
        draft.refuse(
            "Preference.ConsentRequired",
            place.name_preference(index),
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
