"""The rules of the account document: a broken rule is refused at its place, and valid values are read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from account_cases import acme, codes, put, read

from consentory.codec.account.account_document import (
    render_yaml,
)


@pytest.mark.parametrize(
    ("path", "value", "code", "at"),
    [
        ("account.clientId", "A/B", "Malformed", ""),
        ("account.clientId", "A" * 51, "Malformed", ""),
        ("account.name", "x" * 101, "TooLong", ""),
        ("account.locales", [], "Missing", ""),
        ("account.locales", ["x" * 16], "TooLong", "[0]"),
        ("account.locales", ["en_US", "EN_us"], "Repeated", "[1]"),
        ("account.timeZone", "../etc/passwd", "Unknown", ""),
        ("account.timeZone", "America", "Unknown", ""),
        ("account.phoneRegion", "us", "Unknown", ""),
        ("account.tokenLifetimeHours", 0, "OutOfRange", ""),
        ("account.importsPerDay", 0, "OutOfRange", ""),
        ("account.undoDays", -1, "OutOfRange", ""),
        ("account.undoDays", 31, "OutOfRange", ""),
        ("account.changesDays", 0, "OutOfRange", ""),
        ("account.changesDays", 366, "OutOfRange", ""),
        ("account.maxStageMegabytes", 28.5, "OutOfRange", ""),
        ("customerTypes.2", {"name": "x" * 101}, "TooLong", ".name"),
        ("customerTypes.2", {"name": " x"}, "Malformed", ".name"),
        ("customerTypes.2", {"name": ""}, "Blank", ".name"),
        ("groupTypes.0.pattern", "a", "NotApplicable", ""),
        ("emailTypes.0.labels", {"en_US": {"title": "x"}}, "UnknownKey", ".en_US.title"),
        ("emailTypes.0.pattern", "(?=a)", "PatternInvalid", ""),
        ("emailTypes.0.pattern", "a" * 1001, "TooLong", ""),
        ("picklists.0.values", ["a::b"], "Malformed", "[0]"),
        ("picklists.0.values", ["a", "A"], "Repeated", "[1]"),
        ("picklists.1", {"name": "tiers", "values": ["a"]}, "Repeated", ".name"),
        ("customFields.0.name", "x" * 95, "TooLong", ""),
        ("customFields.0.picklist", "tiers", "Unknown", ""),
        ("customFields.0.picklist", None, "Missing", ""),
        ("customFields.2.picklist", "Tiers", "NotApplicable", ""),
        ("customFields.2.several", True, "NotApplicable", ""),
        ("customFields.2.min", 0, "NotApplicable", ""),
        ("customFields.2.minLength", 11, "OutOfRange", ""),
        ("customFields.2.minLength", -1, "OutOfRange", ""),
        ("customFields.2.maxLength", 4001, "OutOfRange", ""),
        ("customFields.3.maxLength", 4, "NotApplicable", ""),
        ("customFields.3.pattern", "a", "NotApplicable", ""),
        ("customFields.3.min", 100001, "OutOfRange", ""),
        ("customFields.0.default", "platinum", "DefaultInvalid", ""),
        ("customFields.0.default", "basic::gold", "DefaultInvalid", ""),
        ("customFields.2.default", "S12", "DefaultInvalid", ""),
        ("customFields.2.default", "xS123", "DefaultInvalid", ""),
        ("customFields.3.default", "100000.5", "DefaultInvalid", ""),
        ("customFields.3.default", "1e3", "DefaultInvalid", ""),
        ("customFields.4.default", "2026-02-30", "DefaultInvalid", ""),
        ("customFields.4.default", "20260101", "DefaultInvalid", ""),
        ("customFields.4.default", "2026-03-08T02:30", "DefaultInvalid", ""),
        ("customFields.4.updateRule", "Sometimes", "WrongType", ""),
        ("programs.1.id", "news", "Repeated", ""),
        ("programs.1.filters.0.id", "news-email", "Repeated", ""),
        ("programs.0.filters.0.id", "x" * 51, "TooLong", ""),
        ("programs.0.filters.0.channel", "Pigeon", "WrongType", ""),
        ("programs.0.filters.0.defaultFrequency", "Yearly", "Unknown", ""),
        ("programs.0.filters.0.frequencies", ["Weekly", "x" * 21], "TooLong", "[1]"),
        ("programs.0.filters.0.durationDays", 0, "OutOfRange", ""),
        ("programs.0.filters.0.requiredConsents", ["Privacy"], "Unknown", "[0]"),
        ("consentTypes.1.versions", [], "Missing", ""),
        ("consentTypes.0.versions.1.version", "1.0", "Repeated", ""),
        ("consentTypes.0.versions.1.version", "x" * 51, "TooLong", ""),
        ("consentTypes.0.versions.1.expirationDays", -1, "OutOfRange", ""),
        ("consentTypes.0.versions.1.texts", {}, "Missing", ""),
        ("consentTypes.0.versions.1.texts", {"en_US": " "}, "Blank", ".en_US"),
        ("userGroups.1.permissions.programs", ["OTHER"], "Unknown", "[0]"),
        ("userGroups.1.permissions.consentTypes", ["Other"], "Unknown", "[0]"),
        ("userGroups.1.permissions.channels", ["email"], "WrongType", "[0]"),
        ("userGroups.1.permissions.channels", "some", "WrongType", ""),
        ("userGroups.1.permissions.profile", ["erase"], "WrongType", "[0]"),
        ("users.0.groups", ["loaders"], "Unknown", "[0]"),
        ("users.0.id", "a:b", "Malformed", ""),
        ("users.1.id", "Nightly", "Repeated", ""),
    ],
)
def test_a_broken_rule_is_refused_where_it_is(path: str, value: Any, code: str, at: str) -> None:
    """`at` is the rest of the path after the edited path."""
    place = "$." + re.sub(r"\.(\d+)", r"[\1]", path)
    assert codes(acme(put(path, value))) == {(place + at, code)}


def test_a_fault_may_cause_other_faults() -> None:
    assert codes(acme(put("customerTypes.0.active", False))) == {("$.customerTypes[0].default", "InactiveDefault")}
    assert codes(acme(put("picklists.0.values", []))) == {("$.picklists[0].values", "Missing")}
    assert codes(acme(put("programs.0.id", "x" * 51))) == {
        ("$.programs[0].id", "TooLong"),
        ("$.userGroups[1].permissions.programs[0]", "Unknown"),
    }
    assert codes(acme(put("consentTypes.1.name", "x" * 101))) == {
        ("$.consentTypes[1].name", "TooLong"),
        ("$.programs[0].filters[1].requiredConsents[0]", "Unknown"),
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("customFields.1.default", "Basic::gold"),
        ("customFields.2.default", "S123"),
        ("customFields.3.default", "-0"),
        ("customFields.4.default", "2026-01-31"),
        ("customFields.4.default", "2026-01-31T12:00:00.1234567+02:00"),
        ("customFields.4.default", "2026-01-31T12:00Z"),
        ("account.maxStageMegabytes", 28),
        ("account.timeZone", "Asia/Kathmandu"),
        ("emailTypes.0.labels", {"de_DE": {"name": "Privat", "description": "zu Hause"}}),
        ("consentTypes.0.versions.2", {"version": "3", "texts": {"en_US": "Line one.\nLine two.\t "}}),
        ("userGroups.1.permissions", None),
    ],
)
def test_values_that_the_rules_allow_are_read(path: str, value: Any) -> None:
    configuration = read(acme(put(path, value)))
    assert read(render_yaml(configuration)) == configuration


def test_the_hmac_key_never_signs_for_a_user_who_may_write_the_configuration() -> None:
    edit = put("userGroups.0.permissions.configuration", ["read", "write"])
    assert codes(acme(edit, put("users.0.hmac", True))) == {("$.users[0].hmac", "HmacMayNotConfigure")}
    assert read(acme(edit, put("users.1.hmac", True))).users[1].hmac
