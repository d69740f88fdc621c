"""The limits of record.md, import-api.md and account.md: the length of each text and the number of elements of each
array.

This is the only table of limits. The validation, the fast path, the account document, the OpenAPI document and the test
of docs/record.md read this table. Lengths count Unicode characters after trimming. `least` 0 allows a blank text.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Meta

MOST_ELEMENTS = 100
MOST_ATTRIBUTES = 50


class Length(NamedTuple):
    least: int
    most: int


_LOCALE = Length(1, 15)
_NAME = Length(1, 100)
_PART = Length(0, 100)
_AFFIX = Length(0, 20)
_FREQUENCY = Length(1, 20)
_ID = Length(1, 50)
_FIELD_NAME = Length(1, 94)
_FIELD_VALUE = Length(0, 4000)
_PATTERN = Length(1, 1000)
_COUNTRY = Length(1, 3)

LENGTHS: Mapping[str, Mapping[str, Length]] = {
    "Record": {"DefaultLocale": _LOCALE, "CustomerType": _NAME},
    "Name": {"Prefix": _AFFIX, "FirstName": _PART, "MiddleName": _PART, "LastName": _PART, "Suffix": _AFFIX},
    "AlternateId": {"AlternateIdType": _NAME, "AlternateId": Length(1, 256)},
    "Email": {"EmailAddressType": _NAME, "EmailAddress": Length(1, 256)},
    "Phone": {"PhoneType": _NAME, "PhoneNumber": Length(1, 30)},
    "Address": {
        "AddressType": _NAME,
        "Address1": Length(1, 125),
        "Address2": Length(0, 125),
        "City": Length(1, 50),
        "StateProvince": Length(2, 50),
        "PostalCode": Length(1, 15),
        "CountryCode_Alpha2": _COUNTRY,
        "CountryCode_Alpha3": _COUNTRY,
        "CountryCode_Numeric": _COUNTRY,
    },
    "Preference": {"FilterId": _ID, "FrequencyId": _FREQUENCY},
    "Attribute": {"Key": _NAME, "Value": Length(0, 1000)},
    "Consent": {"ConsentType": _NAME, "ConsentVersion": _ID, "Locale": _LOCALE},
    "Evidence": {
        "Method": Length(0, 50),
        "SourceSystem": _PART,
        "SourceEventId": _PART,
        "Url": Length(0, 2000),
        "IpAddress": _PART,
        "UserAgent": Length(0, 500),
        "Reference": Length(0, 500),
    },
    "Group": {"GroupType": _NAME, "GroupName": _NAME},
    "Tag": {"Name": _NAME},
    "Field": {"Name": _FIELD_NAME, "Value": _FIELD_VALUE},
    # Initiate
    "InitiateRequest": {"Name": _NAME, "MatchValue": _NAME},
    "SourceRequest": {"FileName": Length(1, 255)},
    # The account document. The length of a list is the length of each text in the list.
    "Account": {"clientId": _ID, "name": _NAME, "locales": _LOCALE},
    "TypeName": {"name": _NAME, "pattern": _PATTERN},
    "Picklist": {"name": _NAME, "values": _FIELD_VALUE},
    "CustomField": {"name": _FIELD_NAME, "pattern": _PATTERN, "default": _FIELD_VALUE},
    "Program": {"id": _ID, "name": _NAME},
    "Filter": {"id": _ID, "name": _NAME, "frequencies": _FREQUENCY},
    "ConsentType": {"name": _NAME},
    "ConsentVersion": {"version": _ID},
    "UserGroup": {"name": _NAME},
    "User": {"id": _NAME, "sourceGroup": _NAME},
}
"""Lengths by object and member; names as on the wire."""

_PLACE = ChainMap(*(dict(LENGTHS[name]) for name in ("Email", "Phone", "Address")))
_SAME: Mapping[str, Mapping[str, Length]] = {
    "Profile": LENGTHS["Record"],
    "WrittenProfile": LENGTHS["Record"],
    "ProfileTag": LENGTHS["Tag"],
    "Place": _PLACE,
}


def text(name: str, member: str, least: int | None = None) -> Meta:
    """The length of a member as msgspec checks it; `least` if a type needs a higher lower bound than the table has."""
    length = LENGTHS[name][member]
    shortest = length.least if least is None else least
    return Meta(min_length=shortest, max_length=length.most) if shortest else Meta(max_length=length.most)


def find_lengths(struct: str) -> Mapping[str, Length]:
    """The lengths of the members of a wire type or an answer type, by the type's name."""
    name = struct.removeprefix("Wire").removesuffix("Answer").removesuffix("Event")
    return LENGTHS.get(name) or _SAME.get(name, {})
