"""What the judge stores of one person, and how it comes out in the wire shape of record.md."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pycountry

from .account_model import DENIED, GRANTED, OPT_IN, REVOKED, Account
from .record_model import COUNTRY, KINDS, NAME_PARTS, PERSON, Place, render_time

Wire = dict[str, Any]


@dataclass
class AlternateId:
    type: str
    value: str
    active: bool = True


@dataclass
class Element:
    kind: str
    type: str
    values: dict[str, str]
    added: int
    active: bool = True
    default: bool = False
    mobile: bool | None = None
    address2: str = ""
    country: str | None = None


@dataclass
class Group:
    type: str
    name: str
    primary: bool = False
    active: bool = True


@dataclass(frozen=True)
class Preference:
    filter: str
    type: int
    frequency: str | None
    attributes: tuple[tuple[str, str | None], ...]
    date: datetime
    expires: datetime | None
    archived: bool = False


@dataclass(frozen=True)
class Consent:
    type: str
    version: str
    locale: str
    status: int
    evidence: tuple[tuple[str, str], ...]
    date: datetime
    expires: datetime | None
    archived: bool = False


@dataclass
class Profile:
    id: int
    created_by: tuple[int, int]
    created: datetime
    modified: datetime
    locale: str
    customer_type: str | None
    active: bool = True
    confirmed: bool = False
    name: dict[str, str] = field(default_factory=dict)
    alternate_ids: dict[tuple[str, str], AlternateId] = field(default_factory=dict)
    elements: dict[Place, Element] = field(default_factory=dict)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    preferences: dict[tuple[Place, str], Preference] = field(default_factory=dict)
    consents: dict[tuple[Place, str, str], Consent] = field(default_factory=dict)
    added: int = 0

    def of_kind(self, kind: str) -> list[Element]:
        """In the order in which they were added."""
        return sorted((e for e in self.elements.values() if e.kind == kind), key=lambda e: e.added)

    def applies(self, place: Place) -> bool:
        """Choices of an inactive profile or element are out of force."""
        return self.active and (place == PERSON or self.elements[place].active)


def consent_in_force(profile: Profile, place: Place, kind: str, account: Account) -> Consent | None:
    """In force is the newest version present, or a later no of an older one; an archived one never is."""
    present = sorted(
        (
            (account.version_index(kind, version), consent)
            for (at, of, version), consent in profile.consents.items()
            if (at, of) == (place, kind)
        ),
        key=lambda pair: pair[0],
    )
    if not present:
        return None
    *older, (_, newest) = present
    in_force = newest
    for _, consent in older:
        # no is stronger than yes: on the same instant the no counts (README, reading 7)
        if consent.status in (DENIED, REVOKED) and consent.date >= in_force.date:
            in_force = consent
    return None if in_force.archived else in_force


def is_granted(profile: Profile, place: Place, kind: str, now: datetime, account: Account) -> bool:
    """In force as Granted and unexpired."""
    consent = consent_in_force(profile, place, kind, account)
    return consent is not None and consent.status == GRANTED and (consent.expires is None or consent.expires > now)


def missing_consents(profile: Profile, place: Place, filter_id: str, now: datetime, account: Account) -> list[str]:
    """The required types that are not granted at the same element or the person; never at another element."""
    return [
        kind
        for kind in account.filter(filter_id).required
        if not any(is_granted(profile, at, kind, now, account) for at in {place, PERSON})
    ]


def render_profile(profile: Profile, account: Account, now: datetime) -> Wire:
    """The whole profile: inactive elements included and marked, arrays sorted by identity, times in UTC.

    Beyond the wire: `InForce` and `Archived` on each choice, `Times` and `CreatedBy`, to be dropped or
    compared by themselves. None, blank names and cleared custom fields are left out.
    """
    shown: Wire = {
        "ProfileId": profile.id,
        "IsActive": profile.active,
        "DefaultLocale": profile.locale,
        "RegistrationConfirmed": profile.confirmed,
        "CustomerType": profile.customer_type,
        "CustomerName": {part: profile.name[part] for part in NAME_PARTS if profile.name.get(part)},
        "AlternateIds": [
            {"AlternateIdType": one.type, "AlternateId": one.value, "IsActive": one.active}
            for _, one in sorted(profile.alternate_ids.items())
        ],
        "Groups": [
            {"GroupType": g.type, "GroupName": g.name, "IsPrimary": g.primary, "IsActive": g.active}
            for _, g in sorted(profile.groups.items())
        ],
        "ProfileTags": [{"Name": name} for _, name in sorted(profile.tags.items())],
        "CustomFields": [{"Name": name, "Value": value} for name, value in sorted(profile.fields.items())],
        "ProfilePreferences": _preferences(profile, PERSON, account, now),
        "Consents": _consents(profile, PERSON, account, now),
        "CreatedBy": profile.created_by,
        "Times": {"Created": render_time(profile.created), "Modified": render_time(profile.modified)},
    }
    for kind in KINDS.values():
        shown[kind.array] = [
            _element(profile, place, account, now) for place in sorted(profile.elements) if place[0] == kind.array
        ]
    return _without_none(shown)


def _without_none(shown: Wire) -> Wire:
    return {name: value for name, value in shown.items() if value is not None}


def _element(profile: Profile, place: Place, account: Account, now: datetime) -> Wire:
    element = profile.elements[place]
    kind = KINDS[element.kind]
    shown: Wire = {
        kind.type: element.type,
        **element.values,
        "IsDefault": element.default,
        "IsActive": element.active,
        kind.preferences: _preferences(profile, place, account, now),
        "Consents": _consents(profile, place, account, now),
    }
    if element.kind == "PhoneNumbers":
        shown["IsMobile"] = element.mobile
    if element.kind == "Addresses":
        shown["Address2"] = element.address2 or None
        if element.country:
            country = pycountry.countries.get(alpha_2=element.country)
            shown |= {member: getattr(country, attribute) for member, attribute in COUNTRY.items()}
    return _without_none(shown)


def _preferences(profile: Profile, place: Place, account: Account, now: datetime) -> list[Wire]:
    return [
        _without_none(
            {
                "FilterId": one.filter,
                "PreferenceType": one.type,
                "FrequencyId": one.frequency,
                "PreferenceAttributes": [_without_none({"Key": k, "Value": v}) for k, v in one.attributes],
                "CustomerDate": render_time(one.date),
                "ExpirationDate": render_time(one.expires) if one.expires else None,
                # An Opt-In whose required consent is no longer in force is given out as Suspended.
                "PreferenceStatus": "Suspended"
                if one.type == OPT_IN and missing_consents(profile, place, one.filter, now, account)
                else None,
                "ProgramId": account.filter(one.filter).program,
                "Archived": one.archived,
                "InForce": profile.applies(place) and not one.archived,
            }
        )
        for (at, _), one in sorted(profile.preferences.items(), key=lambda item: item[0])
        if at == place
    ]


def _consents(profile: Profile, place: Place, account: Account, now: datetime) -> list[Wire]:
    return [
        _without_none(
            {
                "ConsentType": one.type,
                "ConsentVersion": one.version,
                "Locale": one.locale,
                "ConsentStatus": one.status,
                "ConsentDate": render_time(one.date),
                "Evidence": dict(one.evidence) or None,
                "ExpirationDate": render_time(one.expires) if one.expires else None,
                "Expired": one.expires is not None and one.expires <= now,
                "Archived": one.archived,
                "InForce": profile.applies(place) and not one.archived,
            }
        )
        for (at, _, _), one in sorted(profile.consents.items(), key=lambda item: item[0])
        if at == place
    ]


def as_given_out(shown: Wire) -> Wire:
    """A rendered profile without what `GET Profile` does not give out as current, nor our own members."""

    def current(choices: list[Wire]) -> list[Wire]:
        return [
            {name: value for name, value in one.items() if name not in ("Archived", "InForce")}
            for one in choices
            if one["InForce"]
        ]

    given = {name: value for name, value in shown.items() if name not in ("CreatedBy", "Times")}
    given["ProfilePreferences"] = current(shown["ProfilePreferences"])
    given["Consents"] = current(shown["Consents"])
    for kind in KINDS.values():
        given[kind.array] = [
            {
                **element,
                kind.preferences: current(element[kind.preferences]),
                "Consents": current(element["Consents"]),
            }
            for element in shown[kind.array]
        ]
    return given
