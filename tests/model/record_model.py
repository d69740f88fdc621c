"""Read a wire record by the rules of record.md. The result has only the facts that the record gives. Only for valid
records."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import idna
import phonenumbers
import pycountry

from .account_model import DENIED, GRANTED, NOT_SET, OPT_IN, OPT_OUT, REVOKED, Account, CustomField, fold

Wire = dict[str, Any]
# The place of a choice: () is the person, else (kind, type, compared value) of a contact element.
Place = tuple[str, ...]
PERSON: Place = ()

TYPES: dict[Any, int] = {1: OPT_IN, 2: OPT_OUT, "OptIn": OPT_IN, "OptOut": OPT_OUT}
STATUSES: dict[Any, int] = {
    "Granted": GRANTED,
    "Denied": DENIED,
    "Revoked": REVOKED,
    "NotSet": NOT_SET,
    **{number: number for number in (GRANTED, DENIED, REVOKED, NOT_SET)},
}
NAME_PARTS = ("Prefix", "FirstName", "MiddleName", "LastName", "Suffix")
COUNTRY = {
    "CountryCode_Alpha2": "alpha_2",
    "CountryCode_Alpha3": "alpha_3",
    "CountryCode_Numeric": "numeric",
}


class Kind(NamedTuple):
    array: str
    type: str
    section: str
    preferences: str
    values: tuple[str, ...]


KINDS = {
    "Emails": Kind("Emails", "EmailAddressType", "emailTypes", "EmailPreferences", ("EmailAddress",)),
    "PhoneNumbers": Kind("PhoneNumbers", "PhoneType", "phoneTypes", "PhoneNumberPreferences", ("PhoneNumber",)),
    "Addresses": Kind(
        "Addresses",
        "AddressType",
        "addressTypes",
        "AddressPreferences",
        ("Address1", "City", "StateProvince", "PostalCode"),
    ),
}

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def parse_time(text: str, account: Account, *, yes: bool) -> datetime:
    """record.md, Times: in UTC. `yes` decides bare dates and local times that exist twice."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a time of the contract: {text!r}")
    day, minute, second, fraction, zone = match.groups()
    if minute is None:
        # A bare date: for a yes the first instant of that day, for a no its last second.
        clock = time(0, 0) if yes else time(23, 59, 59)
    else:
        # Digits after the sixth are cut.
        micro = int((fraction or "0")[:6].ljust(6, "0"))
        clock = time.fromisoformat(f"{minute}:{second or '00'}").replace(microsecond=micro)
    local = datetime.combine(date.fromisoformat(day), clock)
    if zone == "Z":
        return local.replace(tzinfo=UTC)
    if zone:
        return datetime.fromisoformat(local.isoformat() + zone).astimezone(UTC)
    # Without an offset: local in the account's zone; of a time that exists twice a yes takes the earlier,
    # a no the later.
    return local.replace(tzinfo=account.zone, fold=0 if yes else 1).astimezone(UTC)


def render_time(moment: datetime) -> str:
    """UTC with Z; microseconds only when they are not zero."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# "Digits, one leading +, spaces, hyphens, dots, slashes and brackets between digits"; a bracket may come first.
_PHONE = re.compile(r"[(\[]?\+?[(\[]?\d(?:[\s\-./()\[\]]*\d)*", re.ASCII)
_DECIMAL_TAIL = re.compile(r"\+?\d{7,}\.\d", re.ASCII)


def is_phone_number(given: str) -> bool:
    """ "Only one number, written as numbers are"; "letters, an exponent, a decimal tail" are a fault."""
    text = fold(given)
    return bool(_PHONE.fullmatch(text)) and not _DECIMAL_TAIL.fullmatch(text)


def compared_value(kind: str, element: Wire, account: Account) -> str:
    """The compared value of a contact element of one type. Answers never show it."""
    if kind == "Emails":
        # Compared caseless with the domain in its ASCII form.
        local, _, domain = element["EmailAddress"].strip().rpartition("@")
        return f"{fold(local)}@{idna.encode(domain, uts46=True).decode().lower()}"
    if kind == "PhoneNumbers":
        if not is_phone_number(element["PhoneNumber"]):
            return str(element["PhoneNumber"])  # a fault of staging: the value equals no other value
        # Parsed in the account's default region, compared as E.164.
        number = phonenumbers.parse(fold(element["PhoneNumber"]), account.region)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # Compared by Address1, City, StateProvince and PostalCode, caseless and space-collapsed.
    return "\n".join(fold(" ".join(element[name].split())) for name in KINDS[kind].values)


@dataclass(frozen=True)
class SaidAlternateId:
    type: str
    value: str
    active: bool
    path: str

    @property
    def key(self) -> tuple[str, str]:
        return (self.type, fold(self.value))


@dataclass(frozen=True)
class SaidElement:
    """A contact element. None: the record gives no value."""

    kind: str
    type: str
    values: dict[str, str]
    place: Place
    default: bool | None
    mobile: bool | None
    address2: str | None
    country: str | None
    path: str


@dataclass(frozen=True)
class SaidPreference:
    place: Place
    filter: str
    type: int
    frequency: str | None
    attributes: tuple[tuple[str, str | None], ...]
    date: datetime
    undated: bool
    path: str


@dataclass(frozen=True)
class SaidConsent:
    place: Place
    type: str
    version: str
    locale: str
    status: int
    evidence: tuple[tuple[str, str], ...]
    date: datetime
    undated: bool
    path: str


@dataclass(frozen=True)
class SaidGroup:
    type: str
    name: str
    primary: bool | None
    path: str

    @property
    def key(self) -> tuple[str, str]:
        return (self.type, fold(self.name))


@dataclass(frozen=True)
class SaidField:
    field: CustomField
    value: str | None
    path: str


@dataclass
class Said:
    """One record. None: the member is absent or null, and the record gives no value."""

    profile_id: int | None = None
    active: bool | None = None
    locale: str | None = None
    confirmed: bool | None = None
    customer_type: str | None = None
    preserve_preferences: bool = True
    preserve_consents: bool = True
    name: dict[str, str] = field(default_factory=dict)
    alternate_ids: list[SaidAlternateId] = field(default_factory=list)
    elements: list[SaidElement] = field(default_factory=list)
    preferences: list[SaidPreference] = field(default_factory=list)
    consents: list[SaidConsent] = field(default_factory=list)
    groups: list[SaidGroup] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    fields: list[SaidField] = field(default_factory=list)


def _flag(value: Any) -> bool | None:
    """boolean, also 0 and 1"""
    return None if value is None else bool(value)


def _trimmed(value: str | None) -> str | None:
    return None if value is None else value.strip()


def _items(record: Wire, name: str) -> Iterator[tuple[int, Wire]]:
    yield from enumerate(record.get(name) or [])


def parse_record(record: Wire, account: Account, staged_at: datetime) -> Said:
    reader = _Reader(account, staged_at)
    said = Said(
        profile_id=record.get("ProfileId"),
        active=_flag(record.get("IsActive")),
        locale=fold(record["DefaultLocale"]) if record.get("DefaultLocale") else None,
        confirmed=_flag(record.get("RegistrationConfirmed")),
        # PreservePreferences, PreserveConsents: default true.
        preserve_preferences=_flag(record.get("PreservePreferences")) is not False,
        preserve_consents=_flag(record.get("PreserveConsents")) is not False,
    )
    if record.get("CustomerType"):
        said.customer_type = account.name_in("customerTypes", record["CustomerType"])
    parts = record.get("CustomerName") or {}
    said.name = {part: parts[part].strip() for part in NAME_PARTS if parts.get(part) is not None}
    said.alternate_ids = list(alternate_ids(record, account))
    said.preferences += reader.preferences(record, "ProfilePreferences", PERSON, "$")
    said.consents += reader.consents(record, PERSON, "$")
    for kind in KINDS.values():
        for i, one in _items(record, kind.array):
            if _flag(one.get("IsActive")) is False:
                # An element with IsActive: false is validated, then counts as not included.
                continue
            reader.read_element(said, kind, one, f"$.{kind.array}[{i}]")
    for i, one in _items(record, "Groups"):
        if _flag(one.get("IsActive")) is False:
            continue  # "IsActive: false counts as not included"
        group_type = account.name_in("groupTypes", one["GroupType"])
        path = f"$.Groups[{i}]"
        said.groups.append(SaidGroup(group_type, one["GroupName"].strip(), _flag(one.get("IsPrimary")), path))
    said.tags = [one["Name"].strip() for _, one in _items(record, "ProfileTags")]
    for i, one in _items(record, "CustomFields"):
        custom = account.field(one["Name"])
        value = one.get("Value")
        said.fields.append(
            SaidField(
                custom,
                None if value is None else stored_value(custom, value, account),
                f"$.CustomFields[{i}]",
            )
        )
    return said


def alternate_ids(record: Wire, account: Account) -> Iterator[SaidAlternateId]:
    for i, one in _items(record, "AlternateIds"):
        yield SaidAlternateId(
            account.name_in("alternateIdTypes", one["AlternateIdType"]),
            one["AlternateId"].strip(),
            _flag(one.get("IsActive")) is not False,
            f"$.AlternateIds[{i}]",
        )


def stored_value(custom: CustomField, value: str, account: Account) -> str:
    """Always strings; a bare date stays a date; options are given back as configured (README, reading 15)."""
    value = value.strip()
    if custom.type == "DateTime" and "T" in value:
        return render_time(parse_time(value, account, yes=True))
    if custom.type == "SelectList" and value:
        return "::".join(custom.options[fold(one)] for one in value.split("::"))
    return value


class _Reader:
    def __init__(self, account: Account, staged_at: datetime) -> None:
        self.account = account
        self.staged_at = staged_at

    def read_element(self, said: Said, kind: Kind, one: Wire, path: str) -> None:
        # A type absent means the account's default type of that kind.
        given = one.get(kind.type)
        named = self.account.name_in(kind.section, given) if given else self.account.default_name(kind.section)
        assert named is not None
        place = (kind.array, named, compared_value(kind.array, one, self.account))
        address2 = one.get("Address2")
        said.elements.append(
            SaidElement(
                kind=kind.array,
                type=named,
                values={name: one[name].strip() for name in kind.values},
                place=place,
                default=_flag(one.get("IsDefault")),
                mobile=_flag(one.get("IsMobile")),
                address2=None if address2 is None else address2.strip(),
                country=_country(one),
                path=path,
            )
        )
        said.preferences += self.preferences(one, kind.preferences, place, path)
        said.consents += self.consents(one, place, path)

    def preferences(self, holder: Wire, array: str, place: Place, path: str) -> list[SaidPreference]:
        found = []
        for i, one in _items(holder, array):
            kind = TYPES[one["PreferenceType"]]
            pairs = [(a["Key"].strip(), _trimmed(a.get("Value"))) for _, a in _items(one, "PreferenceAttributes")]
            found.append(
                SaidPreference(
                    place=place,
                    filter=self.account.filter(one["FilterId"]).key,
                    type=kind,
                    frequency=fold(one["FrequencyId"]) if one.get("FrequencyId") else None,
                    attributes=tuple(sorted(pairs, key=lambda pair: pair[0])),
                    date=self._date(one.get("CustomerDate"), yes=kind == OPT_IN),
                    undated=one.get("CustomerDate") is None,
                    path=f"{path}.{array}[{i}]",
                )
            )
        return found

    def consents(self, holder: Wire, place: Place, path: str) -> list[SaidConsent]:
        found = []
        for i, one in _items(holder, "Consents"):
            kind = self.account.consent_type(one["ConsentType"]).key
            status = STATUSES[one["ConsentStatus"]]
            evidence = {k: v.strip() for k, v in (one.get("Evidence") or {}).items() if v is not None}
            found.append(
                SaidConsent(
                    place=place,
                    type=kind,
                    version=self.account.version(kind, one["ConsentVersion"]).key,
                    locale=fold(one["Locale"]),
                    status=status,
                    evidence=tuple(sorted(evidence.items())),
                    date=self._date(one.get("ConsentDate"), yes=status in (GRANTED, NOT_SET)),
                    undated=one.get("ConsentDate") is None,
                    path=f"{path}.Consents[{i}]",
                )
            )
        return found

    def _date(self, given: str | None, *, yes: bool) -> datetime:
        # CustomerDate, ConsentDate: default the time of the Stage call.
        return self.staged_at if given is None else parse_time(given, self.account, yes=yes)


def _country(element: Wire) -> str | None:
    """The three codes are one fact, written in three ways; README, reading 14."""
    for member, attribute in COUNTRY.items():
        if element.get(member):
            code = str(element[member]).strip().upper()
            return next(one.alpha_2 for one in pycountry.countries if getattr(one, attribute) == code)
    return None


def expiry(date_of_choice: datetime, days: int | None) -> datetime | None:
    """The choice's date plus the configured days of 24 hours."""
    return None if days is None else date_of_choice + timedelta(hours=24 * days)
