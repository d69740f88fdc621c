"""Precedence: the newer choice wins, and no is stronger than yes (execution.md, "Precedence")."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from consentory.domain.configuration_index import ConsentEntry, FilterEntry
from consentory.domain.in_force import (
    DAY,
    Site,
    find_in_force,
    holds_opt_out,
    is_denied_elsewhere,
    is_overruled,
    list_missing,
)
from consentory.domain.merge_contacts import Included
from consentory.domain.merge_state import Draft
from consentory.domain.profile import PLACE_LETTER, Consent, Preference
from consentory.domain.record import (
    GRANTED,
    NOT_SET,
    OPT_IN,
    STRENGTH,
    ConsentClaim,
    Kind,
    PreferenceClaim,
)

ChoiceT = TypeVar("ChoiceT", Preference, Consent)

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
    site: Site
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
    """Apply the record's consents, then its preferences: required consents are judged after the record's own.

    Of each the noes come first, then the others, the older before the newer: so the order of a record's arrays makes no
    difference.
    """
    places = _list_places(draft, included)
    consents = [(place, claim, index) for place in places for index, claim in enumerate(place.claimed_consents)]
    if len(consents) > 1:
        types = draft.context.catalog.consent_types
        consents.sort(key=lambda one: (_is_soft(one[1]), one[1].at, types[one[1].type].ranks[one[1].version]))
    for place, consent, index in consents:
        _apply_consent(draft, place, consent, index)
    preferences = [(place, claim, index) for place in places for index, claim in enumerate(place.claimed_preferences)]
    if len(preferences) > 1:
        preferences.sort(key=lambda one: (one[1].type == OPT_IN, one[1].at))
    for place, preference, index in preferences:
        _apply_preference(draft, place, preference, index)


def _is_soft(claim: ConsentClaim) -> bool:
    return claim.status in (GRANTED, NOT_SET)


def _list_places(draft: Draft, included: list[Included]) -> list[Place]:
    record, body = draft.record, draft.body
    places = []
    if record.preferences or record.consents:
        stored, site = (body.preferences, body.consents), Site(body, (), None)
        places.append(Place(None, 0, 0, site, *stored, record.preferences, record.consents))
    for kind, position, number, claim, element in included:
        if claim.preferences or claim.consents:
            stored, site = (element.preferences, element.consents), Site(body, body.elements(kind), element)
            places.append(Place(kind, position, number, site, *stored, claim.preferences, claim.consents))
    return places


def _apply_consent(draft: Draft, place: Place, claim: ConsentClaim, index: int) -> None:
    entry = draft.context.catalog.consent_types[claim.type]
    rank = entry.ranks[claim.version]
    soft = _is_soft(claim)
    if soft and rank < entry.newest_active and not draft.context.settings.allow_prior_consents:
        draft.refuse(
            "Consent.PriorVersion",
            f"{place.name_consent(index)}.ConsentVersion",
            f"{claim.type} has a newer version; use it, or initiate the import with AllowPriorConsents.",
            claim.version,
        )
        return
    stored = _find_consent(place.consents, claim)
    if stored is not None and _repeats_consent(place, stored, claim, entry):
        return
    if _is_consent_superseded(place, stored, claim):
        message = "A later consent is stored, or a no on the same instant, for this version or this address."
        draft.hold_back("Consent.Superseded", place.name_consent(index), message, claim.type)
        return
    if soft and any(c.type == claim.type and entry.ranks[c.version] > rank for c in place.consents):
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


def _repeats_consent(place: Place, stored: Consent, claim: ConsentClaim, entry: ConsentEntry) -> bool:
    """True when the claim is no change: it equals what is stored, or, undated, says the same as what is in force."""
    if stored.status != claim.status:
        return False
    if not claim.dated:
        in_force = find_in_force(place.consents, entry) is stored
        if in_force and claim.status == GRANTED:
            in_force = not is_denied_elsewhere(place.site, claim.type, stored.at)
        return in_force and _leaves_out_only(claim.evidence, stored.evidence)
    if stored.at != claim.at:
        return False
    return stored.archived or (stored.locale == claim.locale and (stored.evidence or None) == (claim.evidence or None))


def _leaves_out_only(said: dict[str, str] | None, stored: dict[str, str] | None) -> bool:
    """True when an undated choice says no attribute, or member of the evidence, that is not stored just so."""
    return not said or (stored is not None and said.items() <= stored.items())


def _is_consent_superseded(place: Place, stored: Consent | None, claim: ConsentClaim) -> bool:
    if stored is not None and (claim.at, STRENGTH[claim.status]) < (stored.at, STRENGTH[stored.status]):
        return True
    return claim.status == GRANTED and is_denied_elsewhere(place.site, claim.type, claim.at)


def _apply_preference(draft: Draft, place: Place, claim: PreferenceClaim, index: int) -> None:
    entry = draft.context.catalog.filters[claim.filter]
    stored = _find_preference(place.preferences, claim.filter)
    if stored is not None and _repeats_preference(place, stored, claim):
        return
    element = place.site.element
    if entry.filter.channel == "Text" and element is not None and element.mobile is False:
        message = "This number is stored as not mobile: it takes no text messages. Say IsMobile: true if it is."
        draft.refuse("Preference.NotMobile", f"{place.name_preference(index)}.FilterId", message, claim.filter)
    if _is_preference_superseded(place, stored, claim):
        message = "A later choice is stored, or an opt-out on the same instant, for this filter and address."
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


def _repeats_preference(place: Place, stored: Preference, claim: PreferenceClaim) -> bool:
    """True when the claim is no change: it equals what is stored, or, undated, says the same as what is in force."""
    if stored.type != claim.type:
        return False
    is_same_frequency = claim.frequency is None or stored.frequency == claim.frequency
    if not claim.dated:
        in_force = not stored.archived and not is_overruled(place.site, stored)
        return in_force and is_same_frequency and _leaves_out_only(claim.attributes, stored.attributes)
    if stored.at != claim.at:
        return False
    return stored.archived or (is_same_frequency and (stored.attributes or None) == (claim.attributes or None))


def _is_preference_superseded(place: Place, stored: Preference | None, claim: PreferenceClaim) -> bool:
    # On the same instant the Opt-Out (2) is stronger than the Opt-In (1).
    if stored is not None and (claim.at, claim.type) < (stored.at, stored.type):
        return True
    return claim.type == OPT_IN and holds_opt_out(place.site, claim.filter, claim.at)


def _require_consents(draft: Draft, place: Place, entry: FilterEntry, index: int) -> None:
    if not entry.filter.required_consents:
        return
    context = draft.context
    for name in list_missing(entry, place.site, context.catalog.consent_types, context.started_at):
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
    if stored is not None and stored.frequency in entry.filter.frequencies:
        return stored.frequency
    return entry.filter.default_frequency


def _put(items: list[ChoiceT], stored: ChoiceT | None, applied: ChoiceT) -> None:
    if stored is None:
        items.append(applied)
    else:
        items[next(i for i, item in enumerate(items) if item is stored)] = applied
