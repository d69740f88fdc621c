"""The types of the record on the wire (record.md). None: the member is absent or null and has no meaning.

Members of type Raw are *ro*: they are accepted with any value, in the places that record.md names, and ignored.
`lenient_decode` reads a record that does not fit these types, and uses these types for that.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

_IGNORED = Raw()


class WireObject(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Members that every object of a record may have, because the system's answers contain them."""

    Exceptions: Raw = _IGNORED
    Edited: Raw = _IGNORED
    Phase: Raw = _IGNORED


class WireName(WireObject, gc=False):
    Prefix: str | None = None
    FirstName: str | None = None
    MiddleName: str | None = None
    LastName: str | None = None
    Suffix: str | None = None


class WireAlternateId(WireObject, gc=False):
    AlternateIdType: str | None = None
    AlternateId: str | None = None
    IsActive: bool | None = None


class WireAttribute(WireObject, gc=False):
    Key: str | None = None
    Value: str | None = None


class WirePreference(WireObject, gc=False):
    FilterId: str | None = None
    PreferenceType: Integer | str | None = None
    FrequencyId: str | None = None
    PreferenceAttributes: list[WireAttribute] | None = None
    CustomerDate: str | None = None
    ProgramId: Raw = _IGNORED
    ChannelId: Raw = _IGNORED
    MatchType: Raw = _IGNORED
    ReasonCode: Raw = _IGNORED
    ExpirationDate: Raw = _IGNORED
    PreferenceStatus: Raw = _IGNORED
    LastModifiedDate: Raw = _IGNORED
    UserId: Raw = _IGNORED
    SourceId: Raw = _IGNORED
    Consents: Raw = _IGNORED


class WireEvidence(WireObject, gc=False):
    Method: str | None = None
    SourceSystem: str | None = None
    SourceEventId: str | None = None
    Url: str | None = None
    IpAddress: str | None = None
    UserAgent: str | None = None
    Reference: str | None = None


class WireConsent(WireObject, gc=False):
    ConsentType: str | None = None
    ConsentVersion: str | None = None
    Locale: str | None = None
    ConsentStatus: Integer | str | None = None
    ConsentDate: str | None = None
    Evidence: WireEvidence | None = None
    ExpirationDate: Raw = _IGNORED
    Expired: Raw = _IGNORED


class WireElement(WireObject, gc=False):
    """The members that the three kinds of contact elements share."""

    IsDefault: bool | None = None
    IsActive: bool | None = None
    Consents: list[WireConsent] | None = None


class WireEmail(WireElement, gc=False):
    EmailAddressType: str | None = None
    EmailAddress: str | None = None
    EmailPreferences: list[WirePreference] | None = None


class WirePhone(WireElement, gc=False):
    PhoneType: str | None = None
    PhoneNumber: str | None = None
    IsMobile: bool | None = None
    PhoneNumberPreferences: list[WirePreference] | None = None
    PhoneNumberNumeric: Raw = _IGNORED


class WireAddress(WireElement, gc=False):
    AddressType: str | None = None
    Address1: str | None = None
    Address2: str | None = None
    City: str | None = None
    StateProvince: str | None = None
    PostalCode: str | None = None
    CountryCode_Alpha2: str | None = None
    CountryCode_Alpha3: str | None = None
    CountryCode_Numeric: Integer | str | None = None
    AddressPreferences: list[WirePreference] | None = None
    CassAddress1: Raw = _IGNORED
    CassAddress2: Raw = _IGNORED
    CassCity: Raw = _IGNORED
    CassStateProvince: Raw = _IGNORED
    CassPostalCode: Raw = _IGNORED
    CassStatus: Raw = _IGNORED
    Country: Raw = _IGNORED


class WireGroup(WireObject, gc=False):
    GroupType: str | None = None
    GroupName: str | None = None
    IsPrimary: bool | None = None
    IsActive: bool | None = None


class WireTag(WireObject, gc=False):
    Name: str | None = None


class WireField(WireObject, gc=False):
    Name: str | None = None
    Value: str | None = None


class WireRecord(WireObject, gc=False):
    ProfileId: Integer | None = None
    IsActive: bool | Integer | None = None
    DefaultLocale: str | None = None
    RegistrationConfirmed: bool | None = None
    CustomerType: str | None = None
    PreservePreferences: bool | None = None
    PreserveConsents: bool | None = None
    CustomerName: WireName | None = None
    AlternateIds: list[WireAlternateId] | None = None
    Emails: list[WireEmail] | None = None
    PhoneNumbers: list[WirePhone] | None = None
    Addresses: list[WireAddress] | None = None
    ProfilePreferences: list[WirePreference] | None = None
    Consents: list[WireConsent] | None = None
    Groups: list[WireGroup] | None = None
    ProfileTags: list[WireTag] | None = None
    CustomFields: list[WireField] | None = None
    SequenceNumber: Raw = _IGNORED
    HoldsOptOut: Raw = _IGNORED
    Origin: Raw = _IGNORED


class WireBatch(msgspec.Struct, forbid_unknown_fields=True):
    """The body of Stage as JSON. Only the OpenAPI document reads this type: `codec/staging` splits the body."""

    UserProfilePreferences: list[WireRecord]


class WireDeleteId(msgspec.Struct, gc=False):
    AlternateIdType: str | None = None
    AlternateId: str | None = None
    IsActive: bool | None = None


class WireDelete(msgspec.Struct, gc=False):
    """A record of a Delete import: only the members that name a profile. All other members are ignored."""

    ProfileId: Integer | None = None
    AlternateIds: list[WireDeleteId] | None = None
