"""Verbatim records: valid records whose JSON is already the validated form. Most records are verbatim
(docs/adr/0014-verbatim-records.md).

In a verbatim record all names are written as configured, all texts are trimmed, and a choice is a number or its name.
Staging keeps the record as sent. Beside it, staging keeps the values that depend on the account's configuration: keys,
numbers, times. `fast_path_check` decides which records are verbatim. This module reads them without the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from consentory.codec.limits import MOST_ATTRIBUTES, MOST_ELEMENTS, text
from consentory.codec.times import read_canonical_time
from consentory.domain.record import (
    DENIED,
    GRANTED,
    NOT_SET,
    OPT_IN,
    OPT_OUT,
    REVOKED,
    WITHDRAWALS,
    AlternateIdInput,
    ConsentInput,
    ElementInput,
    GroupInput,
    PreferenceInput,
    Record,
    VerbatimRecord,
)
from consentory.domain.text import compare_address, fold

VERBATIM_BYTES = 1 << 14
"""A longer record is not verbatim. A record is also not verbatim if the records of its block are longer than this on
average. A worker never reads the sent text of such records."""

READER = 1
"""This version is stored with each staged record. A later reader finds values of an earlier one by name. So a later
reader may read more forms of time, and no stored date changes. Raise the version if a stored record must be read in
another way."""

PREFERENCE_TYPES: Mapping[int | str | None, int] = {
    OPT_IN: OPT_IN,
    OPT_OUT: OPT_OUT,
    "OptIn": OPT_IN,
    "OptOut": OPT_OUT,
}
"""Maps a PreferenceType as sent to its number."""

CONSENT_STATUSES: Mapping[int | str | None, int] = {
    GRANTED: GRANTED,
    DENIED: DENIED,
    REVOKED: REVOKED,
    NOT_SET: NOT_SET,
    "Granted": GRANTED,
    "Denied": DENIED,
    "Revoked": REVOKED,
    "NotSet": NOT_SET,
}
"""Maps a ConsentStatus as sent to its number."""

_Many = Meta(max_length=MOST_ELEMENTS)


class VerbatimObject(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Members with the types and lengths of record.md. Members that are rare, or that need more checks, are left out.

    All members are decoded, so a decoded text is JSON in UTF-8. These types also read records that were staged before,
    so they may only become wider.
    """


class VerbatimName(VerbatimObject, gc=False):
    Prefix: Annotated[str, text("Name", "Prefix")] | None = None
    FirstName: Annotated[str, text("Name", "FirstName")] | None = None
    MiddleName: Annotated[str, text("Name", "MiddleName")] | None = None
    LastName: Annotated[str, text("Name", "LastName")] | None = None
    Suffix: Annotated[str, text("Name", "Suffix")] | None = None


class VerbatimAlternateId(VerbatimObject, gc=False):
    AlternateIdType: str
    AlternateId: Annotated[str, text("AlternateId", "AlternateId")]
    IsActive: bool | None = None


class VerbatimAttribute(VerbatimObject, gc=False):
    Key: Annotated[str, text("Attribute", "Key")]
    Value: Annotated[str, text("Attribute", "Value")] | None = None


class VerbatimPreference(VerbatimObject, gc=False):
    FilterId: str
    PreferenceType: Literal[1, 2, "OptIn", "OptOut"]
    CustomerDate: str | None = None
    FrequencyId: str | None = None
    PreferenceAttributes: Annotated[list[VerbatimAttribute], Meta(max_length=MOST_ATTRIBUTES)] | None = None


class VerbatimEvidence(VerbatimObject, gc=False):
    Method: Annotated[str, text("Evidence", "Method", least=1)] | None = None
    SourceSystem: Annotated[str, text("Evidence", "SourceSystem", least=1)] | None = None
    SourceEventId: Annotated[str, text("Evidence", "SourceEventId", least=1)] | None = None
    Url: Annotated[str, text("Evidence", "Url", least=1)] | None = None
    IpAddress: Annotated[str, text("Evidence", "IpAddress", least=1)] | None = None
    UserAgent: Annotated[str, text("Evidence", "UserAgent", least=1)] | None = None
    Reference: Annotated[str, text("Evidence", "Reference", least=1)] | None = None


class VerbatimConsent(VerbatimObject, gc=False):
    ConsentType: str
    ConsentVersion: str
    Locale: str
    ConsentStatus: Literal[1, 2, 3, 4, "Granted", "Denied", "Revoked", "NotSet"]
    ConsentDate: str | None = None
    Evidence: VerbatimEvidence | None = None


_Preferences = Annotated[list[VerbatimPreference], _Many]
_Consents = Annotated[list[VerbatimConsent], _Many]


class VerbatimElement(VerbatimObject, gc=False):
    IsDefault: bool | None = None
    IsActive: bool | None = None
    Consents: _Consents | None = None


class VerbatimEmail(VerbatimElement, kw_only=True, gc=False):
    EmailAddressType: str
    EmailAddress: Annotated[str, text("Email", "EmailAddress")]
    EmailPreferences: _Preferences | None = None


class VerbatimPhone(VerbatimElement, kw_only=True, gc=False):
    PhoneType: str
    PhoneNumber: Annotated[str, text("Phone", "PhoneNumber")]
    IsMobile: bool | None = None
    PhoneNumberPreferences: _Preferences | None = None


class VerbatimAddress(VerbatimElement, kw_only=True, gc=False):
    AddressType: str
    Address1: Annotated[str, text("Address", "Address1")]
    Address2: Annotated[str, text("Address", "Address2")] | None = None
    City: Annotated[str, text("Address", "City")]
    StateProvince: Annotated[str, text("Address", "StateProvince")]
    PostalCode: Annotated[str, text("Address", "PostalCode")]
    CountryCode_Alpha2: str | None = None
    AddressPreferences: _Preferences | None = None


class VerbatimGroup(VerbatimObject, gc=False):
    GroupType: str
    GroupName: Annotated[str, text("Group", "GroupName")]
    IsPrimary: bool | None = None
    IsActive: bool | None = None


class VerbatimTag(VerbatimObject, gc=False):
    Name: Annotated[str, text("Tag", "Name")]


class VerbatimField(VerbatimObject, gc=False):
    Name: str
    Value: str | None = None


class VerbatimWire(VerbatimObject, gc=False):
    """A record on the wire, with the members that a verbatim record may have."""

    AlternateIds: Annotated[list[VerbatimAlternateId], Meta(min_length=1, max_length=MOST_ELEMENTS)]
    IsActive: bool | None = None
    CustomerName: VerbatimName | None = None
    DefaultLocale: str | None = None
    RegistrationConfirmed: bool | None = None
    CustomerType: str | None = None
    PreservePreferences: bool | None = None
    PreserveConsents: bool | None = None
    Emails: Annotated[list[VerbatimEmail], _Many] | None = None
    PhoneNumbers: Annotated[list[VerbatimPhone], _Many] | None = None
    Addresses: Annotated[list[VerbatimAddress], _Many] | None = None
    ProfilePreferences: _Preferences | None = None
    Consents: _Consents | None = None
    Groups: Annotated[list[VerbatimGroup], _Many] | None = None
    ProfileTags: Annotated[list[VerbatimTag], _Many] | None = None
    CustomFields: Annotated[list[VerbatimField], _Many] | None = None


decode_verbatim_wire = msgspec.json.Decoder(VerbatimWire).decode
"""Decodes a record's JSON by these types. If the record does not fit, it raises one of the errors in
`lenient_decode.MSGSPEC_REFUSALS`."""


def read_verbatim(plain: VerbatimRecord, sent: bytes) -> Record:
    """The validated form of a verbatim record, from its JSON as sent."""
    wire = decode_verbatim_wire(sent)
    keys = plain.keys
    numbers, times = _name_places(plain, wire) if plain.reader == 0 else (plain.numbers, plain.times)
    assert isinstance(numbers, dict)
    assert isinstance(times, dict)
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
        tuple([_read_alternate_id(one, key) for one, key in zip(wire.AlternateIds, keys, strict=True)]),
        tuple([_read_email(one, times) for one in wire.Emails or ()]),
        tuple([_read_phone(one, numbers, times) for one in wire.PhoneNumbers or ()]),
        tuple([_read_address(one, times) for one in wire.Addresses or ()]),
        _read_preferences(wire.ProfilePreferences, times),
        _read_consents(wire.Consents, times),
        tuple(map(_read_group, wire.Groups or ())),
        tuple([tag.Name for tag in wire.ProfileTags or ()]),
        tuple([(field.Name, field.Value) for field in wire.CustomFields or ()]),
    )


def name_date(given: str | None, no: bool) -> str:
    """The name of a choice's date in the `times` of a VerbatimRecord: the date as sent, and whether the choice is a
    no."""
    if given is None:
        return ""
    return f"no {given}" if no else given


def _name_places(plain: VerbatimRecord, wire: VerbatimWire) -> tuple[dict[str, str], dict[str, int]]:
    """The numbers and times, by name, of a record that an earlier release staged by position."""
    numbers = dict(zip([one.PhoneNumber for one in wire.PhoneNumbers or ()], plain.numbers, strict=True))
    elements: list[tuple[list[VerbatimPreference] | None, list[VerbatimConsent] | None]] = [
        *[(one.EmailPreferences, one.Consents) for one in wire.Emails or ()],
        *[(one.PhoneNumberPreferences, one.Consents) for one in wire.PhoneNumbers or ()],
        *[(one.AddressPreferences, one.Consents) for one in wire.Addresses or ()],
        (wire.ProfilePreferences, wire.Consents),
    ]
    dates: list[tuple[str | None, bool]] = []
    for preferences, consents in elements:
        dates += [(one.CustomerDate, one.PreferenceType == OPT_OUT) for one in preferences or ()]
        dates += [(one.ConsentDate, one.ConsentStatus in WITHDRAWALS) for one in consents or ()]
    placed = [name_date(given, no) for given, no in dates if given is None or read_canonical_time(given) is None]
    return numbers, dict(zip(placed, plain.times, strict=True))  # type: ignore[arg-type]


def _read_alternate_id(wire: VerbatimAlternateId, key: bytes) -> AlternateIdInput:
    value = wire.AlternateId
    return AlternateIdInput(wire.AlternateIdType, value, fold(value), key, wire.IsActive is not False)


def _read_name(wire: VerbatimName) -> dict[str, str]:
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


def _read_email(wire: VerbatimEmail, times: dict[str, int]) -> ElementInput:
    address = wire.EmailAddress
    return ElementInput(
        type=wire.EmailAddressType,
        compared=address.lower(),
        given={"EmailAddress": address},
        said={},
        active=wire.IsActive is not False,
        default=wire.IsDefault,
        mobile=None,
        preferences=_read_preferences(wire.EmailPreferences, times),
        consents=_read_consents(wire.Consents, times),
    )


def _read_phone(wire: VerbatimPhone, numbers: dict[str, str], times: dict[str, int]) -> ElementInput:
    number = wire.PhoneNumber
    return ElementInput(
        type=wire.PhoneType,
        compared=numbers.get(number, number),
        given={"PhoneNumber": number},
        said={},
        active=wire.IsActive is not False,
        default=wire.IsDefault,
        mobile=wire.IsMobile,
        preferences=_read_preferences(wire.PhoneNumberPreferences, times),
        consents=_read_consents(wire.Consents, times),
    )


def _read_address(wire: VerbatimAddress, times: dict[str, int]) -> ElementInput:
    line, city, state, code = wire.Address1, wire.City, wire.StateProvince, wire.PostalCode
    given = {"Address1": line, "City": city, "StateProvince": state, "PostalCode": code}
    said = {}
    if wire.Address2 is not None:
        said["Address2"] = wire.Address2
    if wire.CountryCode_Alpha2 is not None:
        said["Country"] = wire.CountryCode_Alpha2
    return ElementInput(
        type=wire.AddressType,
        compared=compare_address(line, city, state, code),
        given=given,
        said=said,
        active=wire.IsActive is not False,
        default=wire.IsDefault,
        mobile=None,
        preferences=_read_preferences(wire.AddressPreferences, times),
        consents=_read_consents(wire.Consents, times),
    )


def _read_preferences(wires: list[VerbatimPreference] | None, times: dict[str, int]) -> tuple[PreferenceInput, ...]:
    return tuple([_read_preference(wire, times) for wire in wires]) if wires else ()


def _read_preference(wire: VerbatimPreference, times: dict[str, int]) -> PreferenceInput:
    chosen = PREFERENCE_TYPES[wire.PreferenceType]
    at = _read_date(wire.CustomerDate, chosen == OPT_OUT, times)
    said = wire.PreferenceAttributes
    attributes = {item.Key: item.Value or "" for item in said} if said else None
    dated = wire.CustomerDate is not None
    return PreferenceInput(wire.FilterId, chosen, at, dated, wire.FrequencyId, attributes)


def _read_consents(wires: list[VerbatimConsent] | None, times: dict[str, int]) -> tuple[ConsentInput, ...]:
    return tuple([_read_consent(wire, times) for wire in wires]) if wires else ()


def _read_consent(wire: VerbatimConsent, times: dict[str, int]) -> ConsentInput:
    status = CONSENT_STATUSES[wire.ConsentStatus]
    at = _read_date(wire.ConsentDate, status in WITHDRAWALS, times)
    evidence = None if wire.Evidence is None else read_evidence(wire.Evidence)
    dated = wire.ConsentDate is not None
    return ConsentInput(
        type=wire.ConsentType,
        version=wire.ConsentVersion,
        locale=wire.Locale,
        status=status,
        at=at,
        dated=dated,
        evidence=evidence or None,
    )


def read_evidence(wire: VerbatimEvidence) -> dict[str, str]:
    """The members of the evidence that the record gives."""
    said = {member: getattr(wire, member) for member in wire.__struct_fields__}
    return {member: text for member, text in said.items() if text is not None}


def _read_group(wire: VerbatimGroup) -> GroupInput:
    return GroupInput(wire.GroupType, wire.GroupName, fold(wire.GroupName), wire.IsPrimary, wire.IsActive is not False)


def _read_date(given: str | None, no: bool, times: dict[str, int]) -> int:
    at = times.get(name_date(given, no)) if times else None
    if at is None and given is not None:
        at = read_canonical_time(given)
    if at is None:
        raise LookupError("a staged record lacks the time of one of its choices")
    return at
