"""Precedence: the newer choice wins, and a no is stronger than a yes (execution.md, "Precedence")."""

from __future__ import annotations

import msgspec

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
from consentory.domain.merge_state import MergeState
from consentory.domain.profile import (
    PLACE_LETTER,
    ChoiceT,
    Consent,
    Preference,
    describe_consent,
    describe_preference,
)
from consentory.domain.record import (
    GRANTED,
    KIND_MEMBERS,
    NOT_SET,
    OPT_IN,
    STRENGTH,
    ConsentInput,
    Kind,
    PreferenceInput,
)


class Place(msgspec.Struct, frozen=True, gc=False):
    """A place of choices: the person (`kind` None) or one contact element; with the choices of the record for that
    place."""

    kind: Kind | None
    position: int
    """Index of the element in the record's array."""
    number: int
    """Number of the element in the body."""
    site: Site
    preferences: list[Preference]
    consents: list[Consent]
    given_preferences: tuple[PreferenceInput, ...]
    given_consents: tuple[ConsentInput, ...]

    @property
    def code(self) -> str:
        """The place as in the ledger: "" for the person, else kind letter and number, for example "E0"."""
        return "" if self.kind is None else f"{PLACE_LETTER[self.kind]}{self.number}"

    def name_preference(self, index: int) -> str:
        """The JSON path of a preference of the record."""
        if self.kind is None:
            return f"$.ProfilePreferences[{index}]"
        members = KIND_MEMBERS[self.kind]
        return f"$.{members.array}[{self.position}].{members.preferences}[{index}]"

    def name_consent(self, index: int) -> str:
        """The JSON path of a consent of the record."""
        owner = "$" if self.kind is None else f"$.{KIND_MEMBERS[self.kind].array}[{self.position}]"
        return f"{owner}.Consents[{index}]"


def merge_choices(state: MergeState, included: list[Included]) -> None:
    """Apply the record's consents and then its preferences, because a consent of the record can be a required consent
    of a preference.

    Consents and preferences are each sorted: a no comes before a yes, then an older choice before a newer one. So the
    order of the record's arrays has no effect.
    """
    places = _list_places(state, included)
    consents = [
        (place, given_input, index) for place in places for index, given_input in enumerate(place.given_consents)
    ]
    if len(consents) > 1:
        types = state.context.configuration_index.consent_types
        consents.sort(key=lambda one: (_is_soft(one[1]), one[1].at, types[one[1].type].ranks[one[1].version]))
    for place, consent, index in consents:
        _apply_consent(state, place, consent, index)
    preferences = [
        (place, given_input, index) for place in places for index, given_input in enumerate(place.given_preferences)
    ]
    if len(preferences) > 1:
        preferences.sort(key=lambda one: (one[1].type == OPT_IN, one[1].at))
    for place, preference, index in preferences:
        _apply_preference(state, place, preference, index)


def _is_soft(given_input: ConsentInput) -> bool:
    return given_input.status in (GRANTED, NOT_SET)


def _list_places(state: MergeState, included: list[Included]) -> list[Place]:
    record, body = state.record, state.body
    places = []
    if record.preferences or record.consents:
        stored, site = (body.preferences, body.consents), Site(body, (), None)
        places.append(
            Place(None, 0, 0, site, *stored, given_preferences=record.preferences, given_consents=record.consents)
        )
    for one in included:
        given, element = one.given_input, one.element
        if given.preferences or given.consents:
            stored, site = (element.preferences, element.consents), Site(body, body.elements(one.kind), element)
            place = Place(
                one.kind,
                one.position,
                one.number,
                site,
                *stored,
                given_preferences=given.preferences,
                given_consents=given.consents,
            )
            places.append(place)
    return places


def _apply_consent(state: MergeState, place: Place, given_input: ConsentInput, index: int) -> None:
    entry = state.context.configuration_index.consent_types[given_input.type]
    rank = entry.ranks[given_input.version]
    soft = _is_soft(given_input)
    if soft and entry.is_prior(given_input.version) and not state.context.settings.allow_prior_consents:
        state.refuse(
            "Consent.PriorVersion",
            f"{place.name_consent(index)}.ConsentVersion",
            f"{given_input.type} has a newer version; use it, or initiate the import with AllowPriorConsents.",
            given_input.version,
        )
        # Go on: nothing of this record is applied, and a preference must not be at fault for the consent as well.
    stored = _find_consent(place.consents, given_input)
    if stored is not None and _repeats_consent(place, stored, given_input, entry):
        return
    if _is_consent_superseded(place, stored, given_input):
        message = "A later consent is stored, or a no on the same instant, for this version or this address."
        state.add_not_honored("Consent.Superseded", place.name_consent(index), message, given_input.type)
        return
    if soft and any(c.type == given_input.type and entry.ranks[c.version] > rank for c in place.consents):
        message = f"A newer version of {given_input.type} is already there."
        state.add_not_honored("Consent.NewerVersionPresent", place.name_consent(index), message, given_input.version)
        return
    days = entry.type.versions[rank].expiration_days
    applied = Consent(
        given_input.type, given_input.version, given_input.locale, given_input.status, given_input.at,
        state.body.entries + 1,
        evidence=given_input.evidence or None,
        expires=given_input.at + days * DAY if days and given_input.status == GRANTED else None,
    )  # fmt: skip
    state.append_entry("C", place.code, describe_consent(applied), applied.at)
    _put(place.consents, stored, applied)


def _find_consent(consents: list[Consent], given_input: ConsentInput) -> Consent | None:
    for consent in consents:
        if consent.version == given_input.version and consent.type == given_input.type:
            return consent
    return None


def _repeats_consent(place: Place, stored: Consent, given_input: ConsentInput, entry: ConsentEntry) -> bool:
    """True if the consent of the record changes nothing: it equals the stored consent, or it has no date and its
    content equals the content of the consent in force."""
    if stored.status != given_input.status:
        return False
    if not given_input.dated:
        in_force = find_in_force(place.consents, entry) is stored
        if in_force and given_input.status == GRANTED:
            in_force = not is_denied_elsewhere(place.site, given_input.type, stored.at)
        if in_force and _leaves_out_only(given_input.evidence, stored.evidence):
            return True
    if stored.at != given_input.at:
        return False
    if stored.archived:
        return given_input.dated
    return stored.locale == given_input.locale and (stored.evidence or None) == (given_input.evidence or None)


def _leaves_out_only(said: dict[str, str] | None, stored: dict[str, str] | None) -> bool:
    """True if every attribute, or every member of the evidence, that an undated choice gives is stored with the same
    value."""
    return not said or (stored is not None and said.items() <= stored.items())


def _is_consent_superseded(place: Place, stored: Consent | None, given_input: ConsentInput) -> bool:
    if stored is not None and (given_input.at, STRENGTH[given_input.status]) < (stored.at, STRENGTH[stored.status]):
        return True
    return given_input.status == GRANTED and is_denied_elsewhere(place.site, given_input.type, given_input.at)


def _apply_preference(state: MergeState, place: Place, given_input: PreferenceInput, index: int) -> None:
    entry = state.context.configuration_index.filters[given_input.filter]
    stored = _find_preference(place.preferences, given_input.filter)
    if stored is not None and _repeats_preference(place, stored, given_input):
        return
    element = place.site.element
    if entry.filter.channel == "Text" and element is not None and element.mobile is False:
        message = "This number is stored as not mobile: it takes no text messages. Say IsMobile: true if it is."
        state.refuse("Preference.NotMobile", f"{place.name_preference(index)}.FilterId", message, given_input.filter)
    if _is_preference_superseded(place, stored, given_input):
        message = "A later choice is stored, or an opt-out on the same instant, for this filter and address."
        state.add_not_honored("Preference.Superseded", place.name_preference(index), message, given_input.filter)
        return
    if given_input.type == OPT_IN:
        _require_consents(state, place, entry, index)
    frequency = _resolve_frequency(given_input, stored, entry)
    days = entry.filter.duration_days
    applied = Preference(
        given_input.filter, given_input.type, given_input.at,
        state.body.entries + 1,
        frequency=frequency,
        attributes=given_input.attributes or None,
        expires=given_input.at + days * DAY if days and given_input.type == OPT_IN else None,
    )  # fmt: skip
    state.append_entry("P", place.code, describe_preference(applied), applied.at)
    _put(place.preferences, stored, applied)


def _find_preference(preferences: list[Preference], filter_id: str) -> Preference | None:
    for preference in preferences:
        if preference.filter == filter_id:
            return preference
    return None


def _repeats_preference(place: Place, stored: Preference, given_input: PreferenceInput) -> bool:
    """True if the preference of the record changes nothing: it equals the stored preference, or it has no date and its
    content equals the content of the preference in force."""
    if stored.type != given_input.type:
        return False
    is_same_frequency = given_input.frequency is None or stored.frequency == given_input.frequency
    if not given_input.dated:
        in_force = not stored.archived and not is_overruled(place.site, stored)
        if in_force and is_same_frequency and _leaves_out_only(given_input.attributes, stored.attributes):
            return True
    if stored.at != given_input.at:
        return False
    if stored.archived:
        return given_input.dated
    return is_same_frequency and (stored.attributes or None) == (given_input.attributes or None)


def _is_preference_superseded(place: Place, stored: Preference | None, given_input: PreferenceInput) -> bool:
    # On the same instant the Opt-Out (2) is stronger than the Opt-In (1).
    if stored is not None and (given_input.at, given_input.type) < (stored.at, stored.type):
        return True
    return given_input.type == OPT_IN and holds_opt_out(place.site, given_input.filter, given_input.at)


def _require_consents(state: MergeState, place: Place, entry: FilterEntry, index: int) -> None:
    if not entry.filter.required_consents:
        return
    context = state.context
    for name in list_missing(entry, place.site, context.configuration_index.consent_types, context.started_at):
        state.refuse(
            "Preference.ConsentRequired",
            place.name_preference(index),
            f"An opt-in to {entry.filter.id} needs {name} granted and unexpired, for the person or this element;"
            " send that consent in the same record or before it.",
            entry.filter.id,
        )


def _resolve_frequency(given_input: PreferenceInput, stored: Preference | None, entry: FilterEntry) -> str | None:
    if given_input.frequency is not None:
        return given_input.frequency
    if stored is not None and stored.frequency in entry.filter.frequencies:
        return stored.frequency
    return entry.filter.default_frequency


def _put(items: list[ChoiceT], stored: ChoiceT | None, applied: ChoiceT) -> None:
    if stored is None:
        items.append(applied)
    else:
        items[next(i for i, item in enumerate(items) if item is stored)] = applied
