"""A staged record in its validated form: the statements of a record about one person.

The validation (codec) makes this form of the wire form, and `merge` applies this form. Names are resolved, and times
are in UTC. Staging keeps the form as MessagePack arrays, so the order of the fields is part of the stored form: add new
fields at the end. Times are integers: microseconds since 1970-01-01T00:00:00Z. Each array matches the wire array item
by item, so the index of an item is also the index in the JSON path. None means that the record says nothing about the
member.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

Kind = Literal["Email", "Phone", "Address"]
KINDS: tuple[Kind, ...] = ("Email", "Phone", "Address")


class KindMembers(NamedTuple):
    """The members of a record that a kind of contact element has, and the channels of its preferences."""

    array: str
    type: str
    preferences: str
    channels: tuple[str, ...]


KIND_MEMBERS: dict[Kind, KindMembers] = {
    "Email": KindMembers("Emails", "EmailAddressType", "EmailPreferences", ("Email",)),
    "Phone": KindMembers("PhoneNumbers", "PhoneType", "PhoneNumberPreferences", ("Phone", "Text", "Fax")),
    "Address": KindMembers("Addresses", "AddressType", "AddressPreferences", ("Mail",)),
}

OPT_IN, OPT_OUT = 1, 2
GRANTED, DENIED, REVOKED, NOT_SET = 1, 2, 3, 4
WITHDRAWALS = (DENIED, REVOKED)

STRENGTH = {GRANTED: 0, NOT_SET: 1, DENIED: 2, REVOKED: 3}
"""On the same instant the stronger consent status wins."""


class Part(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True, gc=False):
    """The base of all parts of a record: the parts are stored as arrays and are immutable."""


class PreferenceInput(Part, frozen=True):
    filter: str
    """The filter's id as configured."""
    type: int
    """1 Opt-In, 2 Opt-Out."""
    at: int
    """Time at which the person chose; the time of the Stage call if `dated` is false."""
    dated: bool = True
    frequency: str | None = None
    """As configured; None if the record gives no frequency."""
    attributes: dict[str, str] | None = None
    """None if the record gives no attributes. The preference then has no attributes."""


class ConsentInput(Part, frozen=True):
    type: str
    version: str
    locale: str
    status: int
    """1 Granted, 2 Denied, 3 Revoked, 4 NotSet."""
    at: int
    dated: bool = True
    evidence: dict[str, str] | None = None
    """Only the members that the record gives, trimmed; None if the record gives none."""


class AlternateIdInput(Part, frozen=True):
    type: str
    """As configured."""
    value: str
    """As given (trimmed)."""
    folded: str
    key: bytes
    """`hash_key(account_id, "AlternateId", fold(type), folded)`."""
    active: bool = True


class ElementInput(Part, frozen=True):
    """One contact element. `given` holds the wire members of the element's value, as given and trimmed: EmailAddress;
    or PhoneNumber; or Address1, City, StateProvince and PostalCode."""

    type: str
    """As configured. The default type is filled in if the record gives no type."""
    compared: str
    """The compared form of the value. It tells the elements of one kind and type apart (record.md, "Contact
    elements")."""
    given: dict[str, str]
    said: dict[str, str] = {}
    """Address only: Address2 ("" clears) and Country (alpha-2 code)."""
    active: bool = True
    """False: the element is validated and then treated as if the record did not include the element."""
    default: bool | None = None
    mobile: bool | None = None
    preferences: tuple[PreferenceInput, ...] = ()
    consents: tuple[ConsentInput, ...] = ()


class GroupInput(Part, frozen=True):
    type: str
    name: str
    folded: str
    primary: bool | None = None
    active: bool = True
    """False: the group is validated and then treated as if the record did not include the group."""


class Match(Part, frozen=True):
    """The members that identify the profile of a record. Every stored form of a record begins with these members."""

    profile_id: int | None = None
    match_key: bytes | None = None
    """Key of the alternate id to match by. The key is None without MatchCriteria. The key is also None if a record with
    a ProfileId has no active id of the match type, or has several of them (see `match_count`)."""
    match_count: int = 0
    """Number of active alternate ids of the match type in the record."""


class Record(Match, frozen=True):
    """One valid record. For a Delete record only `profile_id` and `match_key` are kept."""

    active: bool | None = None
    locale: str | None = None
    registered: bool | None = None
    customer_type: str | None = None
    preserve_preferences: bool = True
    preserve_consents: bool = True
    name: dict[str, str] = {}
    """Only the name parts that the record gives (Prefix, FirstName, MiddleName, LastName, Suffix); "" clears the
    part."""
    alternate_ids: tuple[AlternateIdInput, ...] = ()
    emails: tuple[ElementInput, ...] = ()
    phones: tuple[ElementInput, ...] = ()
    addresses: tuple[ElementInput, ...] = ()
    preferences: tuple[PreferenceInput, ...] = ()
    consents: tuple[ConsentInput, ...] = ()
    groups: tuple[GroupInput, ...] = ()
    tags: tuple[str, ...] = ()
    """As given and trimmed."""
    fields: tuple[tuple[str, str | None], ...] = ()
    """Pairs of (name as configured, trimmed value). The value "" clears the field. The value None means that the record
    names the field and gives no value."""

    def elements(self, kind: Kind) -> tuple[ElementInput, ...]:
        """The contact elements of one kind, in the order of the record."""
        if kind == "Email":
            return self.emails
        return self.phones if kind == "Phone" else self.addresses


class VerbatimRecord(Match, frozen=True):
    """A valid record that is stored as the client sent it. A reader (`codec/record/fast_path/verbatim_record.py`) makes
    the validated form from the sent bytes and from the members below."""

    keys: tuple[bytes, ...] = ()
    """The keys of the record's alternate ids, in the order of the record."""
    numbers: tuple[str, ...] | dict[str, str] = ()
    """The compared forms of the record's phone numbers. The compared form of a number depends on the account's region.

    The dict maps the number as sent to the compared form, and holds only the numbers for which the two differ. If
    `reader` is 0, the value is a tuple with the compared forms of all numbers, in the order of the record.
    """
    times: tuple[int, ...] | dict[str, int] = ()
    """The times of the choices whose date `times.read_canonical_time` cannot read. Such a time depends on the account's
    time zone. The time of a choice without a date is the time of the Stage call.

    The dict maps the result of `verbatim_record.name_date` to the time. If `reader` is 0, the value is a tuple in the
    order in which the record is read: emails, phone numbers, addresses and then the person. For each, the preferences
    come before the consents.
    """
    reader: int = 0
    """Version of the reader that staged the record, `verbatim_record.READER`; 0 for records staged before readers had
    versions."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One reason why a record was refused, or why an element of the record was refused or not honored. Names as on the
    wire."""

    Code: str
    Message: str
    Path: str
    Value: str | int | float | bool | None = None
    """The refused value as sent, cut at 200 characters."""
