"""The rules of an account document beyond its types: lengths, unique and existing names, ranges, patterns.

Every rule adds its faults to the log and continues. A blank text is the placeholder of a text that could not be read
(see `account_nodes.py`), so the rules skip blank texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.account.account_fields import check_custom_field, check_pattern
from consentory.codec.limits import LENGTHS
from consentory.domain.configuration import (
    Account,
    Configuration,
    ConsentType,
    Filter,
    Guard,
    Permissions,
    Picklist,
    TypeName,
    User,
)
from consentory.domain.guard import LIMIT_ADVICE, is_limit, list_limits
from consentory.domain.permission import may_configure
from consentory.domain.text import fold

TYPE_SECTIONS = {
    "customerTypes": "customer_types",
    "alternateIdTypes": "alternate_id_types",
    "emailTypes": "email_types",
    "phoneTypes": "phone_types",
    "addressTypes": "address_types",
    "groupTypes": "group_types",
}
MOST_DAYS = 36_525
"""A hundred years: a choice's date plus this number of days is still a valid date."""

_PATTERNED = {"alternateIdTypes", "emailTypes", "phoneTypes"}
_LONGEST_CLIENT_ID = LENGTHS["Account"]["clientId"].most
_LONGEST_USER_ID = LENGTHS["User"]["id"].most
_CLIENT_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST_CLIENT_ID}}}")
_USER_ID = re.compile(rf"[A-Za-z0-9_.@-]{{1,{_LONGEST_USER_ID}}}")
_MOST_TOKEN_HOURS = 87_600
_MOST_IMPORTS = 1_000_000
_MOST_UNDO_DAYS = 30
_MOST_CHANGES_DAYS = 365
_MOST_MEGABYTES = 28


def check_configuration(configuration: Configuration, log: FaultLog) -> None:
    """Add every broken rule of the whole document to the log."""
    _check_account(configuration.account, log)
    for section, attribute in TYPE_SECTIONS.items():
        _check_types(section, getattr(configuration, attribute), log)
    _check_picklists(configuration.picklists, log)
    _check_custom_fields(configuration, log)
    _check_programs(configuration, log)
    _check_consent_types(configuration.consent_types, log)
    _check_guard(configuration.guard, log)
    _check_user_groups(configuration, log)
    _check_users(configuration, log)


def _check_account(account: Account, log: FaultLog) -> None:
    path = "$.account"
    if account.client_id and not _CLIENT_ID.fullmatch(account.client_id):
        message = f"{account.client_id!r} must be 1 to {_LONGEST_CLIENT_ID} letters, digits, - or _"
        message += ", without accents or blanks"
        log.refuse(f"{path}.clientId", "Malformed", message)
    _check_text(f"{path}.name", account.name, LENGTHS["Account"]["name"].most, log)
    _check_names(f"{path}.locales", account.locales, LENGTHS["Account"]["locales"].most, log)
    if not account.locales:
        log.refuse(f"{path}.locales", "Missing", "needs at least one locale; the first is the default")
    if account.time_zone not in _list_zones():
        message = f"must be a time zone of the tz database, such as Europe/Madrid, not {account.time_zone!r}"
        log.refuse(f"{path}.timeZone", "Unknown", message)
    if account.phone_region not in phonenumbers.SUPPORTED_REGIONS:
        message = f"must be a phone region of two capital letters, such as US, not {account.phone_region!r}"
        log.refuse(f"{path}.phoneRegion", "Unknown", message)
    hours, megabytes = account.token_lifetime_hours, account.max_stage_megabytes
    if not 0 < hours <= _MOST_TOKEN_HOURS:
        log.refuse(f"{path}.tokenLifetimeHours", "OutOfRange", f"must be more than 0, and at most {_MOST_TOKEN_HOURS}")
    if not 1 <= account.imports_per_day <= _MOST_IMPORTS:
        log.refuse(f"{path}.importsPerDay", "OutOfRange", f"must be 1 to {_MOST_IMPORTS}")
    if not 0 <= account.undo_days <= _MOST_UNDO_DAYS:
        log.refuse(f"{path}.undoDays", "OutOfRange", f"must be 0 to {_MOST_UNDO_DAYS}")
    if not 1 <= account.changes_days <= _MOST_CHANGES_DAYS:
        log.refuse(f"{path}.changesDays", "OutOfRange", f"must be 1 to {_MOST_CHANGES_DAYS}")
    if not 0 < megabytes <= _MOST_MEGABYTES:
        log.refuse(f"{path}.maxStageMegabytes", "OutOfRange", f"must be more than 0, and at most {_MOST_MEGABYTES}")


def _check_types(section: str, types: Sequence[TypeName], log: FaultLog) -> None:
    _check_unique(f"$.{section}", "name", [item.name for item in types], log)
    chosen: str | None = None
    for place, item in enumerate(types):
        path = f"$.{section}[{place}]"
        _check_text(f"{path}.name", item.name, LENGTHS["TypeName"]["name"].most, log)
        _check_labels(path, item.labels, log)
        if item.pattern is not None and section not in _PATTERNED:
            message = f"only {', '.join(sorted(_PATTERNED))} have patterns; leave it out"
            log.refuse(f"{path}.pattern", "NotApplicable", message)
        elif item.pattern is not None:
            check_pattern(f"{path}.pattern", item.pattern, log)
        if not item.default:
            continue
        if not item.active:
            log.refuse(f"{path}.default", "InactiveDefault", "an item that is switched off cannot be the default")
        if chosen is not None:
            log.refuse(f"{path}.default", "SeveralDefaults", f"{chosen!r} is the default already; keep one")
        chosen = chosen or item.name


def _check_picklists(picklists: Sequence[Picklist], log: FaultLog) -> None:
    _check_unique("$.picklists", "name", [item.name for item in picklists], log)
    for place, item in enumerate(picklists):
        path = f"$.picklists[{place}]"
        _check_text(f"{path}.name", item.name, LENGTHS["Picklist"]["name"].most, log)
        _check_names(f"{path}.values", item.values, LENGTHS["Picklist"]["values"].most, log)
        if not item.values:
            log.refuse(f"{path}.values", "Missing", "needs at least one value")
        for rank, value in enumerate(item.values):
            if "::" in value:
                message = f"{value!r} has ::, which separates the values of a field with several values"
                log.refuse(f"{path}.values[{rank}]", "Malformed", message)


def _check_custom_fields(configuration: Configuration, log: FaultLog) -> None:
    fields = configuration.custom_fields
    picklists = {fold(item.name): item for item in configuration.picklists}
    known_zone = configuration.account.time_zone in _list_zones()
    zone = ZoneInfo(configuration.account.time_zone) if known_zone else UTC
    _check_unique("$.customFields", "name", [item.name for item in fields], log)
    for place, field in enumerate(fields):
        path = f"$.customFields[{place}]"
        _check_text(f"{path}.name", field.name, LENGTHS["CustomField"]["name"].most, log)
        _check_labels(path, field.labels, log)
        check_custom_field(path, field, picklists, zone, log)
        if field.picklist is not None:
            names = [item.name for item in configuration.picklists]
            _check_reference(f"{path}.picklist", field.picklist, names, "picklists", log)


def _check_programs(configuration: Configuration, log: FaultLog) -> None:
    programs = configuration.programs
    consents = [item.name for item in configuration.consent_types]
    _check_unique("$.programs", "id", [item.id for item in programs], log)
    seen: dict[str, str] = {}
    for place, program in enumerate(programs):
        path = f"$.programs[{place}]"
        _check_text(f"{path}.id", program.id, LENGTHS["Program"]["id"].most, log)
        _check_text(f"{path}.name", program.name, LENGTHS["Program"]["name"].most, log)
        for rank, item in enumerate(program.filters):
            here = f"{path}.filters[{rank}]"
            # A record names a filter only by its id, so ids are unique over all programs.
            _check_new(f"{here}.id", item.id, seen, log)
            _check_filter(here, item, consents, log)


def _check_filter(path: str, item: Filter, consents: Sequence[str], log: FaultLog) -> None:
    _check_text(f"{path}.id", item.id, LENGTHS["Filter"]["id"].most, log)
    _check_text(f"{path}.name", item.name, LENGTHS["Filter"]["name"].most, log)
    _check_names(f"{path}.frequencies", item.frequencies, LENGTHS["Filter"]["frequencies"].most, log)
    if item.default_frequency is not None:
        _check_reference(
            f"{path}.defaultFrequency", item.default_frequency, item.frequencies, "the filter's frequencies", log
        )
    _check_days(f"{path}.durationDays", item.duration_days, log)
    _check_references(f"{path}.requiredConsents", item.required_consents, consents, "consentTypes", log)


def _check_consent_types(types: Sequence[ConsentType], log: FaultLog) -> None:
    _check_unique("$.consentTypes", "name", [item.name for item in types], log)
    for place, item in enumerate(types):
        path = f"$.consentTypes[{place}]"
        _check_text(f"{path}.name", item.name, LENGTHS["ConsentType"]["name"].most, log)
        if not item.versions:
            log.refuse(f"{path}.versions", "Missing", "needs at least one version")
        _check_unique(f"{path}.versions", "version", [version.version for version in item.versions], log)
        for rank, version in enumerate(item.versions):
            here = f"{path}.versions[{rank}]"
            _check_text(f"{here}.version", version.version, LENGTHS["ConsentVersion"]["version"].most, log)
            _check_days(f"{here}.expirationDays", version.expiration_days, log)
            _check_locales(f"{here}.texts", version.texts, log)
            if not version.texts:
                log.refuse(f"{here}.texts", "Missing", "needs the text in at least one locale")


def _check_guard(guard: Guard | None, log: FaultLog) -> None:
    for name, limit in [] if guard is None else list_limits(guard):
        if not is_limit(limit):
            log.refuse(f"$.guard.{name}", "Malformed", f"{_cut(str(limit))!r} is no limit; {LIMIT_ADVICE}")


def _check_user_groups(configuration: Configuration, log: FaultLog) -> None:
    groups = configuration.user_groups
    programs = [item.id for item in configuration.programs]
    consents = [item.name for item in configuration.consent_types]
    _check_unique("$.userGroups", "name", [item.name for item in groups], log)
    for place, group in enumerate(groups):
        path = f"$.userGroups[{place}]"
        _check_text(f"{path}.name", group.name, LENGTHS["UserGroup"]["name"].most, log)
        permitted = group.permissions
        if permitted.programs != "all":
            _check_references(f"{path}.permissions.programs", permitted.programs, programs, "programs", log)
        if permitted.consent_types != "all":
            here = f"{path}.permissions.consentTypes"
            _check_references(here, permitted.consent_types, consents, "consentTypes", log)


def _check_users(configuration: Configuration, log: FaultLog) -> None:
    users = configuration.users
    groups = {group.name: group.permissions for group in configuration.user_groups if group.active}
    names = [group.name for group in configuration.user_groups]
    _check_unique("$.users", "id", [user.id for user in users], log)
    for place, user in enumerate(users):
        path = f"$.users[{place}]"
        if user.id and not _USER_ID.fullmatch(user.id):
            message = f"{user.id!r} must be 1 to {_LONGEST_USER_ID} letters, digits, or any of _ . @ -"
            log.refuse(f"{path}.id", "Malformed", message)
        _check_references(f"{path}.groups", user.groups, names, "userGroups", log)
        if user.source_group is not None:
            _check_text(f"{path}.sourceGroup", user.source_group, LENGTHS["User"]["sourceGroup"].most, log)
        _check_hmac(path, user, groups, log)


def _check_hmac(path: str, user: User, groups: Mapping[str, Permissions], log: FaultLog) -> None:
    """The shared key signs for every `hmac` user, so the shared key must not permit to change the configuration."""
    writing = [name for name in user.groups if name in groups and may_configure(groups[name])]
    if user.hmac and user.active and writing:
        message = f"a user with hmac must not write the configuration, and the group {writing[0]!r} permits it"
        log.refuse(f"{path}.hmac", "HmacMayNotConfigure", message)


def _check_text(path: str, text: str, longest: int, log: FaultLog) -> None:
    """A name or id: at most `longest` characters, one line, no white space at its ends (records are trimmed, too)."""
    if text != text.strip():
        log.refuse(path, "Malformed", f"{_cut(text)!r} has white space around it. Remove the white space")
    elif any(letter in text for letter in "\n\r\t"):
        log.refuse(path, "ControlCharacter", f"{_cut(text)!r} has a line break or a tab")
    if len(text) > longest:
        log.refuse(path, "TooLong", f"has {len(text)} characters, at most {longest} are allowed")


def _check_names(path: str, names: Sequence[str], longest: int, log: FaultLog) -> None:
    """A list of texts. Each is checked as in `_check_text`, and no text is repeated."""
    seen: dict[str, str] = {}
    for place, name in enumerate(names):
        _check_text(f"{path}[{place}]", name, longest, log)
        _check_new(f"{path}[{place}]", name, seen, log)


def _check_unique(path: str, key: str, names: Sequence[str], log: FaultLog) -> None:
    """Check that no two elements of the list at `path` have the same name (`key`). Letter case does not count."""
    seen: dict[str, str] = {}
    for place, name in enumerate(names):
        _check_new(f"{path}[{place}].{key}", name, seen, log)


def _check_new(path: str, name: str, seen: dict[str, str], log: FaultLog) -> None:
    """Check that the name is not yet in `seen` (folded name to its path), and add the name."""
    if not name:
        return
    first = seen.setdefault(fold(name), path)
    if first != path:
        log.refuse(path, "Repeated", f"{first} has {_cut(name)!r} already (letter case does not count)")


def _check_references(path: str, names: Sequence[str], known: Sequence[str], section: str, log: FaultLog) -> None:
    seen: dict[str, str] = {}
    for place, name in enumerate(names):
        _check_new(f"{path}[{place}]", name, seen, log)
        _check_reference(f"{path}[{place}]", name, known, section, log)


def _check_reference(path: str, name: str, known: Sequence[str], section: str, log: FaultLog) -> None:
    """Check that the name is one of the known names, with the same spelling: a reference is looked up exactly as
    written."""
    if not name or name in known:
        return
    configured = next((item for item in known if fold(item) == fold(name)), None)
    if configured is None:
        offered = ", ".join(_cut(item) for item in known[:10] if item) or "none"
        log.refuse(path, "Unknown", f"{_cut(name)!r} is not in {section} (there: {offered})")
    else:
        log.refuse(path, "Unknown", f"{_cut(name)!r} is written {configured!r} in {section}; write it the same")


def _check_days(path: str, days: int | None, log: FaultLog) -> None:
    if days is not None and not 1 <= days <= MOST_DAYS:
        log.refuse(path, "OutOfRange", f"must be 1 to {MOST_DAYS} days. Without an end, leave it out")


def _check_labels(path: str, labels: Mapping[str, Mapping[str, str]], log: FaultLog) -> None:
    _check_locales(f"{path}.labels", labels, log)
    for locale, texts in labels.items():
        for key in texts:
            if key not in ("name", "description"):
                log.refuse(
                    f"{path}.labels.{locale}.{key}",
                    "UnknownKey",
                    f"unknown key {_cut(key)!r}: the known keys are name, description",
                )


def _check_locales(path: str, texts: Mapping[str, object], log: FaultLog) -> None:
    """Check that the keys are locales. Locales that the account no longer has are allowed, because texts that were
    shown stay."""
    seen: dict[str, str] = {}
    for locale in texts:
        _check_text(f"{path}.{locale}", locale, LENGTHS["Account"]["locales"].most, log)
        _check_new(f"{path}.{locale}", locale, seen, log)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


@cache
def _list_zones() -> frozenset[str]:
    return frozenset(available_timezones())
