"""A stored person in the wire shape of record.md (account.md, "Reading profiles back")."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pycountry

from .account_model import Account
from .force_model import preference_status
from .person_model import Profile
from .record_model import COUNTRY, KINDS, NAME_PARTS, PERSON, Place, render_time

Wire = dict[str, Any]


def render_profile(profile: Profile, account: Account, now: datetime) -> Wire:
    """The whole profile: inactive elements and groups are included and marked, arrays are sorted by identity, times are
    in UTC.

    Beyond the wire there are `InForce` and `Archived` on each choice, `Times` and `CreatedBy`. A comparison drops them
    or compares them separately. None, blank names and cleared custom fields are left out.
    """
    view = _View(profile, account, now)
    shown: Wire = {
        "ProfileId": profile.id,
        "IsActive": profile.active,
        "DefaultLocale": account.spell("locale", profile.locale),
        "RegistrationConfirmed": profile.confirmed,
        "CustomerType": account.spell("customerTypes", profile.customer_type) if profile.customer_type else None,
        "CustomerName": {part: profile.name[part] for part in NAME_PARTS if profile.name.get(part)},
        "AlternateIds": [
            {
                "AlternateIdType": account.spell("alternateIdTypes", one.type),
                "AlternateId": one.value,
                "IsActive": one.active,
            }
            for _, one in sorted(profile.alternate_ids.items())
        ],
        "Groups": [
            {
                "GroupType": account.spell("groupTypes", g.type),
                "GroupName": g.name,
                "IsPrimary": g.primary,
                "IsActive": g.active,
            }
            for _, g in sorted(profile.groups.items())
        ],
        "ProfileTags": [{"Name": name} for _, name in sorted(profile.tags.items())],
        "CustomFields": [
            {"Name": account.spell("field", key), "Value": value} for key, value in sorted(profile.fields.items())
        ],
        "ProfilePreferences": view.preferences(PERSON),
        "Consents": view.consents(PERSON),
        "CreatedBy": profile.created_by,
        "Times": {"Created": render_time(profile.created), "Modified": render_time(profile.modified)},
    }
    for kind in KINDS.values():
        shown[kind.array] = [view.element(place) for place in sorted(profile.elements) if place[0] == kind.array]
    return _without_none(shown)


def _without_none(shown: Wire) -> Wire:
    return {name: value for name, value in shown.items() if value is not None}


@dataclass
class _View:
    profile: Profile
    account: Account
    now: datetime

    def element(self, place: Place) -> Wire:
        element = self.profile.elements[place]
        kind = KINDS[element.kind]
        shown: Wire = {
            kind.type: self.account.spell(kind.section, element.type),
            **element.values,
            "IsDefault": element.default,
            "IsActive": element.active,
            kind.preferences: self.preferences(place),
            "Consents": self.consents(place),
        }
        if element.kind == "PhoneNumbers":
            shown["IsMobile"] = element.mobile
        if element.kind == "Addresses":
            shown["Address2"] = element.address2 or None
            if element.country:
                country = pycountry.countries.get(alpha_2=element.country)
                shown |= {member: getattr(country, attribute) for member, attribute in COUNTRY.items()}
        return _without_none(shown)

    def preferences(self, place: Place) -> list[Wire]:
        spell = self.account.spell
        return [
            _without_none(
                {
                    "FilterId": spell("filter", one.filter),
                    "PreferenceType": one.type,
                    "FrequencyId": spell("frequency", one.frequency) if one.frequency else None,
                    "PreferenceAttributes": [_without_none({"Key": k, "Value": v}) for k, v in one.attributes],
                    "CustomerDate": render_time(one.date),
                    "ExpirationDate": render_time(one.expires) if one.expires else None,
                    "PreferenceStatus": preference_status(self.profile, place, one, self.now, self.account),
                    "ProgramId": spell("program", self.account.filter(one.filter).program),
                    "Archived": one.archived,
                    "InForce": self.profile.applies(place) and not one.archived,
                }
            )
            for (at, _), one in sorted(self.profile.preferences.items(), key=lambda item: item[0])
            if at == place
        ]

    def consents(self, place: Place) -> list[Wire]:
        spell = self.account.spell
        return [
            _without_none(
                {
                    "ConsentType": spell("consent", one.type),
                    "ConsentVersion": spell("version", one.version),
                    "Locale": spell("locale", one.locale),
                    "ConsentStatus": one.status,
                    "ConsentDate": render_time(one.date),
                    "Evidence": dict(one.evidence) or None,
                    "ExpirationDate": render_time(one.expires) if one.expires else None,
                    "Expired": one.expires is not None and one.expires <= self.now,
                    "Archived": one.archived,
                    "InForce": self.profile.applies(place) and not one.archived,
                }
            )
            for (at, _, _), one in sorted(self.profile.consents.items(), key=lambda item: item[0])
            if at == place
        ]


def as_given_out(shown: Wire) -> Wire:
    """A rendered profile without our own members and without the parts that `GET Profile` does not show as current."""

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
