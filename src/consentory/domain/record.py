"""A staged record in its validated form: what one person's record says, names resolved, times in UTC.

This is what validation (codec) makes of the wire form and what `merge` applies. It is kept in staging as
MessagePack arrays, so the order of fields is part of the stored form: add new ones at the end.
Times are integers: microseconds since 1970-01-01T00:00:00Z. Arrays match the wire arrays one to one,
so that an index is also the index of the JSON path. None means "says nothing".
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
    """What all parts of a record share: stored as arrays, immutable."""


class PreferenceInput(Part, frozen=True):
    filter: str
    """The filter's id as configured."""
    type: int
    """1 Opt-In, 2 Opt-Out."""
    at: int
    """When the person chose it; the time of the Stage call where `dated` is false."""
    dated: bool = True
    frequency: str | None = None
    """As configured; None: not said."""
    attributes: dict[str, str] | None = None
    """None: none said, which means none."""


class ConsentInput(Part, frozen=True):
    type: str
    version: str
    locale: str
    status: int
    """1 Granted, 2 Denied, 3 Revoked, 4 NotSet."""
    at: int
    dated: bool = True
    evidence: dict[str, str] | None = None
    """Only said members, trimmed; None: none."""


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
    """One contact element. `given` holds the wire members that make up its value, as given and trimmed:
    EmailAddress; PhoneNumber; or Address1, City, StateProvince, PostalCode."""

    type: str
    """As configured; the default type filled in."""
    compared: str
    """What tells elements of one kind and type apart (record.md, "Contact elements")."""
    given: dict[str, str]
    said: dict[str, str] = {}
    """Address only: Address2 ("" clears) and Country (alpha-2 code)."""
    active: bool = True
    """False: validated, and then counts as not included."""
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
    """False: validated, and then counts as not included."""


class Match(Part, frozen=True):
    """What tells the profile that a record means: the beginning of every record."""

    profile_id: int | None = None
    match_key: bytes | None = None
    """Key of the alternate id to match by. None without MatchCriteria, and where a record with a ProfileId
    carries none or several active ids of the match type (then see `match_count`)."""
    match_count: int = 0
    """Active alternate ids of the match type in the record."""


class Record(Match, frozen=True):
    """One valid record. Of a Delete record only `profile_id` and `match_key` are kept."""

    active: bool | None = None
    locale: str | None = None
    registered: bool | None = None
    customer_type: str | None = None
    preserve_preferences: bool = True
    preserve_consents: bool = True
    name: dict[str, str] = {}
    """Said name parts only (Prefix, FirstName, MiddleName, LastName, Suffix); "" clears."""
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
    """(name as configured, trimmed value); "" clears; None: named, but nothing said."""

    def elements(self, kind: Kind) -> tuple[ElementInput, ...]:
        """The contact elements of one kind, in the record's order."""
        if kind == "Email":
            return self.emails
        return self.phones if kind == "Phone" else self.addresses


class VerbatimRecord(Match, frozen=True):
    """A valid record that is its own validated form: what it says is read from what was sent
    (`codec/record/fast_path/verbatim_record.py`), but for these."""

    keys: tuple[bytes, ...] = ()
    """Of its alternate ids, in the record's order."""
    numbers: tuple[str, ...] | dict[str, str] = ()
    """The compared forms of its phone numbers, which depend on the account's region: by the number as sent, where the
    two differ. A tuple where `reader` is 0: of all its numbers, in the record's order."""
    times: tuple[int, ...] | dict[str, int] = ()
    """Of those of its choices whose date `times.read_canonical_time` does not read: they depend on the account's time
    zone and, where there is no date, on the Stage call. By `verbatim_record.name_date`. A tuple where `reader` is 0: in
    the order of the record's reading, which is emails, phone numbers and addresses, of each element preferences first,
    and then the person's own."""
    reader: int = 0
    """The version of the reader that staged the record, `verbatim_record.READER`; 0 before there were versions."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One reason why a record, or an element of it, was refused or not honored; names as on the wire."""

    Code: str
    Message: str
    Path: str
    Value: str | int | float | bool | None = None
    """What was sent, cut at 200 characters."""
