"""A stored profile in the record's shape, limited to what the caller may see (account.md, "Reading profiles back")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pycountry

from consentory.codec.times import render_time
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.in_force import Site, is_overruled, list_missing
from consentory.domain.instants import to_micros
from consentory.domain.permission import Scope
from consentory.domain.profile import PLACE_LETTER, Consent, Element, Preference, Profile, ProfileState
from consentory.domain.record import GRANTED, KINDS, OPT_IN, Kind
from consentory.domain.text import fold

_NAMES: dict[Kind, tuple[str, str, str]] = {
    "Email": ("Emails", "EmailAddressType", "EmailPreferences"),
    "Phone": ("PhoneNumbers", "PhoneType", "PhoneNumberPreferences"),
    "Address": ("Addresses", "AddressType", "AddressPreferences"),
}

_GIVEN = ("EmailAddress", "PhoneNumber", "Address1", "Address2", "City", "StateProvince", "PostalCode")

Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Viewing:
    """What a rendering goes by: `now` in microseconds; `recorded` gives (when, by whom) for ledger entries."""

    configuration_index: ConfigurationIndex
    scope: Scope
    now: int
    recorded: Mapping[int, tuple[datetime, str]]


def list_current_entries(body: ProfileState) -> list[int]:
    """Ledger entries of the body's choices, for `Viewing.recorded`."""
    owners: list[ProfileState | Element] = [body, *(element for kind in KINDS for element in body.elements(kind))]
    preferences = [choice.entry for owner in owners for choice in owner.preferences]
    return preferences + [choice.entry for owner in owners for choice in owner.consents]


def render_profile(profile: Profile, view: Viewing) -> Wire:
    """The whole profile: what is inactive is included and marked, choices out of force are marked or left out.

    Names in the body are spelled as configured (`domain/spelling.py`). What comes out can be staged back as it is:
    members that only inform are *ro* there.
    """
    body = profile.body
    wire: Wire = {
        "ProfileId": profile.profile_id,
        "IsActive": body.active,
        "DefaultLocale": body.locale,
        "RegistrationConfirmed": body.registered,
    }
    if body.customer_type is not None:
        wire["CustomerType"] = body.customer_type
    if body.name:
        wire["CustomerName"] = dict(body.name)
    wire["AlternateIds"] = [
        {
            "AlternateIdType": item.type,
            "AlternateId": item.value,
            "IsActive": item.active,
            "Edited": render_time(item.edited),
        }
        for item in body.alternate_ids
    ]
    for kind in KINDS:
        if view.scope.permits_kind(kind):
            wire[_NAMES[kind][0]] = [
                _render_element(e, kind, body, view) for e in body.elements(kind) if e.same_as is None
            ]
    wire["ProfilePreferences"] = _render_preferences(body.preferences, Site(body, (), None), view)
    wire["Consents"] = _render_consents(body.consents, body.active, view)
    wire["Groups"] = [
        {
            "GroupType": item.type,
            "GroupName": item.name,
            "IsPrimary": item.primary,
            "IsActive": item.active,
            "Edited": render_time(item.edited),
        }
        for item in body.groups
    ]
    wire["ProfileTags"] = [{"Name": tag} for tag in body.tags]
    wire["CustomFields"] = [{"Name": name, "Value": value} for name, value in body.fields.items()]
    wire["Edited"] = render_time(profile.modified)
    return wire


def _render_element(element: Element, kind: Kind, body: ProfileState, view: Viewing) -> Wire:
    _, type_name, preferences = _NAMES[kind]
    wire: Wire = {type_name: element.type, **_order_given(element)}
    if kind == "Phone":
        wire["PhoneNumberNumeric"] = element.compared.lstrip("+")
        if element.mobile is not None:
            wire["IsMobile"] = element.mobile
    if element.country is not None:
        country = pycountry.countries.get(alpha_2=element.country)
        wire["CountryCode_Alpha2"] = element.country
        if country is not None:
            wire["CountryCode_Alpha3"] = country.alpha_3
            wire["CountryCode_Numeric"] = country.numeric
            wire["Country"] = country.name
    wire["IsDefault"] = element.default
    wire["IsActive"] = element.active
    wire["Edited"] = render_time(element.edited)
    wire[preferences] = _render_preferences(element.preferences, Site(body, body.elements(kind), element), view)
    wire["Consents"] = _render_consents(element.consents, body.active and element.active, view)
    return wire


def _render_preferences(preferences: Iterable[Preference], site: Site, view: Viewing) -> list[Wire]:
    if not site.body.active or (site.element is not None and not site.element.active):
        return []  # out of force: not given out as current, and back when the element or the profile is
    rendered = []
    for item in preferences:
        entry = view.configuration_index.filters[item.filter]
        channel = entry.filter.channel
        if item.archived or not view.scope.permits_filter(entry):
            continue
        wire: Wire = {"FilterId": item.filter, "PreferenceType": item.type}
        if item.frequency is not None:
            wire["FrequencyId"] = item.frequency
        if item.attributes:
            wire["PreferenceAttributes"] = [{"Key": key, "Value": text} for key, text in item.attributes.items()]
        wire["CustomerDate"] = render_time(item.at)
        wire["ProgramId"] = entry.program_id
        if channel is not None:
            wire["ChannelId"] = channel
        if item.expires is not None:
            wire["ExpirationDate"] = render_time(item.expires)
        wire["PreferenceStatus"] = _judge_preference(item, site, view)
        if item.entry in view.recorded:
            recorded, caller = view.recorded[item.entry]
            wire["LastModifiedDate"] = render_time(to_micros(recorded))
            wire["UserId"] = caller
        rendered.append(wire)
    return rendered


def _judge_preference(item: Preference, site: Site, view: Viewing) -> str:
    """`Active`, or why an Opt-In is not in force: `Overruled` before `Expired` before `Suspended`."""
    if item.type != OPT_IN:
        return "Active"
    if is_overruled(site, item):
        return "Overruled"
    if item.expires is not None and item.expires <= view.now:
        return "Expired"
    missing = list_missing(
        view.configuration_index.filters[item.filter], site, view.configuration_index.consent_types, view.now
    )
    return "Suspended" if missing else "Active"


def _render_consents(consents: Iterable[Consent], in_force: bool, view: Viewing) -> list[Wire]:
    if not in_force:
        return []
    rendered = []
    for item in consents:
        if item.archived or not view.scope.permits_consent_type(fold(item.type)):
            continue
        wire: Wire = {
            "ConsentType": item.type,
            "ConsentVersion": item.version,
            "Locale": item.locale,
            "ConsentStatus": item.status,
            "ConsentDate": render_time(item.at),
        }
        if item.evidence:
            wire["Evidence"] = dict(item.evidence)
        if item.expires is not None:
            wire["ExpirationDate"] = render_time(item.expires)
        wire["Expired"] = item.status == GRANTED and item.expires is not None and item.expires <= view.now
        if item.entry in view.recorded:
            wire["Edited"] = render_time(to_micros(view.recorded[item.entry][0]))
        rendered.append(wire)
    return rendered


def find_kind(place: str) -> Kind | None:
    """The kind of the contact element that a ledger entry is bound to, None when to the person."""
    return next((kind for kind, letter in PLACE_LETTER.items() if place.startswith(letter)), None)


def render_place(place: str, body: ProfileState) -> Wire:
    """A ledger entry's place for people: the person, or the kind, type and value of a contact element."""
    kind = find_kind(place)
    if kind is None:
        return {"Kind": "Profile"}
    element = body.elements(kind)[int(place[1:])]
    return {"Kind": kind, _NAMES[kind][1]: element.type, **_order_given(element)}


def _order_given(element: Element) -> dict[str, str]:
    """The members of an element's value in the contract's order; Address2 may have come later."""
    return {name: element.given[name] for name in _GIVEN if name in element.given}
