"""Plain records: valid ones that are their own validated form, as most are (docs/adr/0014-plain-records.md).

Names stand in them as configured, texts are trimmed, choices are dated in UTC. Such a record is kept as it was sent,
with the keys of its alternate ids beside it; `plain_reader` tells which ones are plain, and what one says is read
here, without the account's configuration.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from consentory.codec.times import read_plain_time
from consentory.domain.record import (
    AlternateIdClaim,
    ConsentClaim,
    ElementClaim,
    GroupClaim,
    PlainRecord,
    PreferenceClaim,
    Record,
)
from consentory.domain.text import compare_address, fold

_Text15 = Annotated[str, Meta(min_length=1, max_length=15)]
_Text50 = Annotated[str, Meta(min_length=1, max_length=50)]
_Text100 = Annotated[str, Meta(min_length=1, max_length=100)]
_Text125 = Annotated[str, Meta(min_length=1, max_length=125)]
_Text256 = Annotated[str, Meta(min_length=1, max_length=256)]
_Text500 = Annotated[str, Meta(min_length=1, max_length=500)]
_Many = Meta(max_length=100)


class PlainObject(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Members with the types and lengths of record.md; whatever is rare, or needs a second look, is no member here.

    All of them are read, so that what decodes is JSON text in UTF-8.
    """


class PlainName(PlainObject, gc=False):
    Prefix: Annotated[str, Meta(max_length=20)] | None = None
    FirstName: Annotated[str, Meta(max_length=100)] | None = None
    MiddleName: Annotated[str, Meta(max_length=100)] | None = None
    LastName: Annotated[str, Meta(max_length=100)] | None = None
    Suffix: Annotated[str, Meta(max_length=20)] | None = None


class PlainAlternateId(PlainObject, gc=False):
    AlternateIdType: str
    AlternateId: _Text256
    IsActive: bool | None = None


class PlainAttribute(PlainObject, gc=False):
    Key: _Text100
    Value: Annotated[str, Meta(max_length=1000)] | None = None


class PlainPreference(PlainObject, gc=False):
    FilterId: str
    PreferenceType: Literal[1, 2]
    CustomerDate: str
    FrequencyId: str | None = None
    PreferenceAttributes: Annotated[list[PlainAttribute], Meta(max_length=50)] | None = None


class PlainEvidence(PlainObject, gc=False):
    Method: _Text50 | None = None
    SourceSystem: _Text100 | None = None
    SourceEventId: _Text100 | None = None
    Url: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    IpAddress: _Text100 | None = None
    UserAgent: _Text500 | None = None
    Reference: _Text500 | None = None


class PlainConsent(PlainObject, gc=False):
    ConsentType: str
    ConsentVersion: str
    Locale: str
    ConsentStatus: Literal[1, 2, 3, 4]
    ConsentDate: str
    Evidence: PlainEvidence | None = None


_Preferences = Annotated[list[PlainPreference], _Many]
_Consents = Annotated[list[PlainConsent], _Many]


class PlainElement(PlainObject, gc=False):
    IsDefault: bool | None = None
    IsActive: bool | None = None
    Consents: _Consents | None = None


class PlainEmail(PlainElement, kw_only=True, gc=False):
    EmailAddressType: str
    EmailAddress: _Text256
    EmailPreferences: _Preferences | None = None


class PlainPhone(PlainElement, kw_only=True, gc=False):
    PhoneType: str
    PhoneNumber: Annotated[str, Meta(min_length=1, max_length=30)]
    IsMobile: bool | None = None
    PhoneNumberPreferences: _Preferences | None = None


class PlainAddress(PlainElement, kw_only=True, gc=False):
    AddressType: str
    Address1: _Text125
    Address2: Annotated[str, Meta(max_length=125)] | None = None
    City: _Text50
    StateProvince: Annotated[str, Meta(min_length=2, max_length=50)]
    PostalCode: _Text15
    CountryCode_Alpha2: str | None = None
    AddressPreferences: _Preferences | None = None


class PlainGroup(PlainObject, gc=False):
    GroupType: str
    GroupName: _Text100
    IsPrimary: bool | None = None


class PlainTag(PlainObject, gc=False):
    Name: _Text100


class PlainField(PlainObject, gc=False):
    Name: str
    Value: str | None = None


class PlainWire(PlainObject, gc=False):
    """A record on the wire, of the members that plain ones have."""

    AlternateIds: Annotated[list[PlainAlternateId], Meta(min_length=1, max_length=100)]
    IsActive: bool | None = None
    CustomerName: PlainName | None = None
    DefaultLocale: str | None = None
    RegistrationConfirmed: bool | None = None
    CustomerType: str | None = None
    PreservePreferences: bool | None = None
    PreserveConsents: bool | None = None
    Emails: Annotated[list[PlainEmail], _Many] | None = None
    PhoneNumbers: Annotated[list[PlainPhone], _Many] | None = None
    Addresses: Annotated[list[PlainAddress], _Many] | None = None
    ProfilePreferences: _Preferences | None = None
    Consents: _Consents | None = None
    Groups: Annotated[list[PlainGroup], _Many] | None = None
    ProfileTags: Annotated[list[PlainTag], _Many] | None = None
    CustomFields: Annotated[list[PlainField], _Many] | None = None


decode_plain_wire = msgspec.json.Decoder(PlainWire).decode
"""A record's JSON by these types; raises what `lenient_decode.MSGSPEC_REFUSALS` has when it does not fit them."""


def read_plain(plain: PlainRecord, sent: bytes) -> Record:
    """What a plain record says, from its JSON as it was sent."""
    wire = decode_plain_wire(sent)
    return Record(
        None,
        plain.match_key,
        plain.match_count,
        wire.IsActive,
        wire.DefaultLocale,
        wire.RegistrationConfirmed,
        wire.CustomerType,
        wire.PreservePreferences is not False,
        wire.PreserveConsents is not False,
        {} if wire.CustomerName is None else _read_name(wire.CustomerName),
        tuple(map(_read_alternate_id, wire.AlternateIds, plain.keys)),
        tuple(map(_read_email, wire.Emails or ())),
        tuple(map(_read_phone, wire.PhoneNumbers or (), plain.numbers)),
        tuple(map(_read_address, wire.Addresses or ())),
        _read_preferences(wire.ProfilePreferences),
        _read_consents(wire.Consents),
        tuple(map(_read_group, wire.Groups or ())),
        tuple([tag.Name for tag in wire.ProfileTags or ()]),
        tuple([(field.Name, field.Value) for field in wire.CustomFields or ()]),
    )


def _read_alternate_id(wire: PlainAlternateId, key: bytes) -> AlternateIdClaim:
    value = wire.AlternateId
    return AlternateIdClaim(wire.AlternateIdType, value, fold(value), key, wire.IsActive is not False)


def _read_name(wire: PlainName) -> dict[str, str]:
    name = {}
    if wire.Prefix is not None:
        name["Prefix"] = wire.Prefix
    if wire.FirstName is not None:
        name["FirstName"] = wire.FirstName
    if wire.MiddleName is not None:
        name["MiddleName"] = wire.MiddleName
    if wire.LastName is not None:
        name["LastName"] = wire.LastName
    if wire.Suffix is not None:
        name["Suffix"] = wire.Suffix
    return name


def _read_email(wire: PlainEmail) -> ElementClaim:
    address = wire.EmailAddress
    return ElementClaim(
        wire.EmailAddressType, address.lower(), {"EmailAddress": address}, {}, wire.IsActive is not False,
        wire.IsDefault, None, _read_preferences(wire.EmailPreferences), _read_consents(wire.Consents),
    )  # fmt: skip


def _read_phone(wire: PlainPhone, compared: str) -> ElementClaim:
    return ElementClaim(
        wire.PhoneType, compared, {"PhoneNumber": wire.PhoneNumber}, {}, wire.IsActive is not False,
        wire.IsDefault, wire.IsMobile, _read_preferences(wire.PhoneNumberPreferences), _read_consents(wire.Consents),
    )  # fmt: skip


def _read_address(wire: PlainAddress) -> ElementClaim:
    line, city, state, code = wire.Address1, wire.City, wire.StateProvince, wire.PostalCode
    given = {"Address1": line, "City": city, "StateProvince": state, "PostalCode": code}
    said = {}
    if wire.Address2 is not None:
        said["Address2"] = wire.Address2
    if wire.CountryCode_Alpha2 is not None:
        said["Country"] = wire.CountryCode_Alpha2
    return ElementClaim(
        wire.AddressType, compare_address(line, city, state, code), given, said, wire.IsActive is not False,
        wire.IsDefault, None, _read_preferences(wire.AddressPreferences), _read_consents(wire.Consents),
    )  # fmt: skip


def _read_preferences(wires: list[PlainPreference] | None) -> tuple[PreferenceClaim, ...]:
    return tuple(map(_read_preference, wires)) if wires else ()


def _read_preference(wire: PlainPreference) -> PreferenceClaim:
    said = wire.PreferenceAttributes
    attributes = {item.Key: item.Value or "" for item in said} if said else None
    at = _read_date(wire.CustomerDate)
    return PreferenceClaim(wire.FilterId, wire.PreferenceType, at, True, wire.FrequencyId, attributes)


def _read_consents(wires: list[PlainConsent] | None) -> tuple[ConsentClaim, ...]:
    return tuple(map(_read_consent, wires)) if wires else ()


def _read_consent(wire: PlainConsent) -> ConsentClaim:
    evidence = None if wire.Evidence is None else read_evidence(wire.Evidence)
    at = _read_date(wire.ConsentDate)
    return ConsentClaim(
        wire.ConsentType, wire.ConsentVersion, wire.Locale, wire.ConsentStatus, at, True, evidence or None
    )


def read_evidence(wire: PlainEvidence) -> dict[str, str]:
    """Its said members."""
    said = {member: getattr(wire, member) for member in wire.__struct_fields__}
    return {member: text for member, text in said.items() if text is not None}


def _read_group(wire: PlainGroup) -> GroupClaim:
    return GroupClaim(wire.GroupType, wire.GroupName, fold(wire.GroupName), wire.IsPrimary)


def _read_date(text: str) -> int:
    at = read_plain_time(text)
    assert at is not None, "a plain record's dates are in the plain form"
    return at
