"""The account document as the judge needs it: names caseless, defaults, orders. Source: account.md."""

import unicodedata
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

OPT_IN, OPT_OUT = 1, 2
GRANTED, DENIED, REVOKED, NOT_SET = 1, 2, 3, 4


def fold(text: str) -> str:
    """Caseless means NFC and full case folding, by one function everywhere."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@dataclass(frozen=True)
class Filter:
    id: str
    program: str
    channel: str | None
    frequencies: tuple[str, ...]
    default_frequency: str | None
    days: int | None
    required: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    name: str
    active: bool
    days: int | None
    locales: tuple[str, ...]


@dataclass(frozen=True)
class CustomField:
    name: str
    type: str
    required: bool
    rule: str
    default: str | None
    options: tuple[str, ...]


class Account:
    """Names are caseless and given back as configured: look-ups fold, answers are as written."""

    def __init__(self, document: dict[str, Any]) -> None:
        account = document["account"]
        self.zone = ZoneInfo(account.get("timeZone", "America/New_York"))
        self.region: str = account.get("phoneRegion", "US")
        self.locales: list[str] = list(account["locales"])
        # DefaultLocale: default the account's; CustomerType: default the account's default type.
        self.default_locale: str = self.locales[0]
        self._document = document
        self.default_customer_type = self.default_name("customerTypes")
        self.fields = self._fields(document)
        self.filters = self._filters(document)
        self.consent_types: dict[str, tuple[str, list[Version]]] = {
            fold(one["name"]): (one["name"], [_version(v) for v in one["versions"]])
            for one in document.get("consentTypes") or []
        }

    def _filters(self, document: dict[str, Any]) -> dict[str, Filter]:
        return {
            fold(one["id"]): Filter(
                one["id"],
                program["id"],
                one.get("channel"),
                tuple(one.get("frequencies") or ()),
                one.get("defaultFrequency"),
                one.get("durationDays"),
                tuple(one.get("requiredConsents") or ()),
            )
            for program in document.get("programs") or []
            for one in program.get("filters") or []
        }

    def _fields(self, document: dict[str, Any]) -> dict[str, CustomField]:
        picklists = {one["name"]: tuple(one["values"]) for one in document.get("picklists") or []}
        return {
            fold(one["name"]): CustomField(
                one["name"],
                one["type"],
                bool(one.get("required")),
                one.get("updateRule", "Always"),
                one.get("default"),
                picklists.get(one.get("picklist"), ()),
            )
            for one in document.get("customFields") or []
        }

    def default_name(self, section: str) -> str | None:
        for one in self._document.get(section) or []:
            if one.get("default"):
                return str(one["name"])
        return None

    def name_in(self, section: str, given: str) -> str:
        """The configured form of a name."""
        for one in self._document.get(section) or []:
            if fold(one["name"]) == fold(given):
                return str(one["name"])
        raise LookupError(f"{given!r} is not configured in {section}")

    def is_active(self, section: str, given: str) -> bool:
        return any(
            fold(one["name"]) == fold(given) and one.get("active", True) for one in self._document.get(section) or []
        )

    def locale(self, given: str) -> str:
        return next(one for one in self.locales if fold(one) == fold(given))

    def filter(self, given: str) -> Filter:
        return self.filters[fold(given)]

    def field(self, given: str) -> CustomField:
        return self.fields[fold(given)]

    def consent_type(self, given: str) -> str:
        return self.consent_types[fold(given)][0]

    def versions(self, consent_type: str) -> list[Version]:
        """Oldest first."""
        return self.consent_types[fold(consent_type)][1]

    def version_index(self, consent_type: str, version: str) -> int:
        names = [fold(one.name) for one in self.versions(consent_type)]
        return names.index(fold(version))

    def is_prior(self, consent_type: str, version: str, status: int) -> bool:
        """A Granted or NotSet of a version older than the type's newest active version is a prior version."""
        active = [i for i, one in enumerate(self.versions(consent_type)) if one.active]
        if status not in (GRANTED, NOT_SET) or not active:
            return False
        return self.version_index(consent_type, version) < active[-1]


def _version(document: dict[str, Any]) -> Version:
    return Version(
        str(document["version"]),
        document.get("active", True),
        document.get("expirationDays"),
        tuple(document.get("texts") or {}),
    )
