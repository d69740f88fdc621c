"""The account document as the model needs it: caseless names, defaults, orders. Source: account.md, record.md.

A configured item is identified by a key, the folded name. Keys are stored and compared. `Account` gives a name in its
first configured spelling.
"""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

OPT_IN, OPT_OUT = 1, 2
GRANTED, DENIED, REVOKED, NOT_SET = 1, 2, 3, 4
SECTIONS = (
    "customerTypes",
    "alternateIdTypes",
    "emailTypes",
    "phoneTypes",
    "addressTypes",
    "groupTypes",
)

Document = dict[str, Any]


def trim(text: str) -> str:
    """record.md: "white space of any kind (NBSP and U+3000 too) counts as a space and is trimmed"."""
    return text.strip()


def fold(text: str) -> str:
    """record.md: "Caseless means NFC and full case folding, by one function everywhere"; trimmed, with all white space
    as spaces."""
    spaced = "".join(" " if sign.isspace() else sign for sign in trim(text))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", spaced).casefold())


@dataclass(frozen=True)
class Filter:
    """A filter. All members are keys."""

    key: str
    active: bool
    program: str
    channel: str | None
    frequencies: tuple[str, ...]
    default_frequency: str | None
    days: int | None
    required: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    key: str
    active: bool
    days: int | None
    locales: tuple[str, ...]


@dataclass(frozen=True)
class ConsentType:
    key: str
    active: bool
    versions: tuple[Version, ...]  # oldest first


@dataclass(frozen=True)
class CustomField:
    key: str
    type: str
    required: bool
    rule: str
    default: str | None
    options: dict[str, str]


@dataclass(frozen=True)
class Permissions:
    """The data that a user may touch. None permits all."""

    profile: frozenset[str]
    channels: frozenset[str] | None
    programs: frozenset[str] | None
    consent_types: frozenset[str] | None


class Account:
    """One configuration, after all earlier ones (`before`)."""

    def __init__(self, document: Document, before: "Account | None" = None) -> None:
        # "Nothing that is in use is deleted by leaving it out: it is switched off", and "the spelling first
        # configured stays".
        self.document: Document = apply_document(before.document, document) if before else document
        # Every name ever configured: (kind of item, key) to the first spelling of the name.
        self.spellings: dict[tuple[str, str], str] = dict(before.spellings) if before else {}
        account = self.document["account"]
        self.zone = ZoneInfo(account.get("timeZone", "America/New_York"))
        self.region: str = account.get("phoneRegion", "US")
        self.undo_days = int(account.get("undoDays", 10))
        self.requires_dates = bool(account.get("requireDates"))
        earliest = date.fromisoformat(account.get("earliestDate", "1990-01-01"))
        self.earliest = datetime.combine(earliest, time(), self.zone).astimezone(UTC)
        self.locales = [self._learn("locale", one) for one in account["locales"]]
        # DefaultLocale: "default the account's" (the first of its locales).
        self.default_locale = self.locales[0]
        self.names = {
            section: {self._learn(section, one["name"]): one for one in self.document.get(section) or []}
            for section in SECTIONS
        }
        self.fields = {one.key: one for one in self._read_fields()}
        self.filters = {one.key: one for one in self._read_filters()}
        self.consent_types = {one.key: one for one in self._read_consent_types()}

    def spell(self, what: str, key: str) -> str:
        """record.md: names are "given back as configured", "the spelling first configured stays"."""
        return self.spellings[(what, key)]

    def _learn(self, what: str, name: str) -> str:
        self.spellings.setdefault((what, fold(name)), name)
        return fold(name)

    def _read_filters(self) -> list[Filter]:
        return [
            Filter(
                key=self._learn("filter", one["id"]),
                active=program.get("active", True) and one.get("active", True),
                program=self._learn("program", program["id"]),
                channel=one.get("channel"),
                frequencies=tuple(self._learn("frequency", name) for name in one.get("frequencies") or ()),
                default_frequency=fold(one["defaultFrequency"]) if one.get("defaultFrequency") else None,
                days=one.get("durationDays"),
                required=tuple(fold(name) for name in one.get("requiredConsents") or ()),
            )
            for program in self.document.get("programs") or []
            for one in program.get("filters") or []
        ]

    def _read_fields(self) -> list[CustomField]:
        picklists = {
            fold(one["name"]): {fold(value): value for value in one["values"]}
            for one in self.document.get("picklists") or []
        }
        options = {
            fold(one["name"]): picklists.get(fold(one.get("picklist") or ""), {})
            for one in self.document.get("customFields") or []
        }
        return [
            CustomField(
                self._learn("field", one["name"]),
                one["type"],
                bool(one.get("required")),
                one.get("updateRule", "Always"),
                options[fold(one["name"])].get(fold(one.get("default") or ""), one.get("default")),
                options[fold(one["name"])],
            )
            for one in self.document.get("customFields") or []
        ]

    def _read_consent_types(self) -> list[ConsentType]:
        return [
            ConsentType(
                self._learn("consent", one["name"]),
                one.get("active", True),
                tuple(self._read_version(version) for version in one["versions"]),
            )
            for one in self.document.get("consentTypes") or []
        ]

    def _read_version(self, document: Document) -> Version:
        return Version(
            self._learn("version", str(document["version"])),
            document.get("active", True),
            document.get("expirationDays"),
            tuple(self._learn("locale", one) for one in document.get("texts") or {}),
        )

    def default_name(self, section: str) -> str | None:
        return next((key for key, one in self.names[section].items() if one.get("default")), None)

    def name_in(self, section: str, given: str) -> str:
        """The key of a configured name."""
        if fold(given) not in self.names[section]:
            raise LookupError(f"{given!r} is not configured in {section}")
        return fold(given)

    def is_active(self, section: str, given: str) -> bool:
        return bool(self.names[section].get(fold(given), {"active": False}).get("active", True))

    def filter(self, given: str) -> Filter:
        return self.filters[fold(given)]

    def field(self, given: str) -> CustomField:
        return self.fields[fold(given)]

    def consent_type(self, given: str) -> ConsentType:
        return self.consent_types[fold(given)]

    def version_index(self, consent_type: str, version: str) -> int:
        """execution.md: "Versions of a type are ordered as configured"."""
        return [one.key for one in self.consent_type(consent_type).versions].index(fold(version))

    def version(self, consent_type: str, version: str) -> Version:
        return self.consent_type(consent_type).versions[self.version_index(consent_type, version)]

    def is_prior(self, consent_type: str, version: str, status: int) -> bool:
        """record.md: "a Granted or NotSet of a version older than the type's newest active version"."""
        active = [i for i, one in enumerate(self.consent_type(consent_type).versions) if one.active]
        if status not in (GRANTED, NOT_SET) or not active:
            return False
        return self.version_index(consent_type, version) < active[-1]

    def permissions(self, user: str) -> Permissions:
        """account.md: "Permissions come from user groups"; several groups add up."""
        groups = {fold(one["name"]): one["permissions"] for one in self.document["userGroups"]}
        (found,) = [one for one in self.document["users"] if one["id"] == user]
        mine = [groups[fold(name)] for name in found["groups"]]

        def gather(member: str) -> frozenset[str] | None:
            if any(one.get(member) == "all" for one in mine):
                return None
            return frozenset(fold(name) for one in mine for name in one.get(member) or ())

        profile = frozenset(right for one in mine for right in one.get("profile") or ())
        return Permissions(profile, gather("channels"), gather("programs"), gather("consentTypes"))


def apply_document(old: Document, new: Document) -> Document:
    """The document `new` after `old`. The first spelling stays. Items that `new` leaves out stay, switched off, after
    the other items."""
    result = {**new}
    for section in (*SECTIONS, "picklists", "customFields", "userGroups", "users"):
        if section in old or section in new:
            result[section] = _combine(old.get(section) or [], new.get(section) or [])
    result["consentTypes"] = _combine(old.get("consentTypes") or [], new.get("consentTypes") or [], "versions")
    result["programs"] = _combine(old.get("programs") or [], new.get("programs") or [], "filters")
    return result


def _name_of(item: Document) -> str:
    return next(member for member in ("id", "name", "version") if member in item)


def _combine(old: list[Document], new: list[Document], inner: str | None = None) -> list[Document]:
    before = {fold(one[_name_of(one)]): one for one in old}
    result = []
    for one in new:
        name = _name_of(one)
        known = before.pop(fold(one[name]), None)
        if known is None:
            result.append(one)
            continue
        same = {**one, name: known[name]}
        if inner:
            same[inner] = _combine(known.get(inner) or [], one.get(inner) or [])
        for values in ("values", "frequencies"):
            if values in one:
                first = {fold(value): value for value in known.get(values) or []}
                same[values] = [first.get(fold(value), value) for value in one[values]]
        result.append(same)
    return result + [{**one, "active": False} for one in before.values()]
