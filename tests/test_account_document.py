"""The account document from outside: bytes in; a configuration, every fault with its line, or a difference out."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from consentory.codec.account_document import (
    AccountDocumentInvalid,
    DocumentFault,
    compare_configurations,
    find_lines,
    read_account_document,
    render_configuration,
    render_yaml,
    text_hashes,
)
from consentory.domain import configuration as structs
from consentory.domain.catalog import Catalog
from consentory.domain.configuration import Configuration

ROOT = Path(__file__).parent
ACME = (ROOT / "accounts" / "acme.yaml").read_bytes()
PAGE = (ROOT.parent / "docs" / "account-document.md").read_text(encoding="utf-8")
Edit = Callable[[dict[str, Any]], Any]


def acme(*edits: Edit) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(ACME)
    for edit in edits:
        edit(document)
    return document


def read(document: dict[str, Any] | bytes | str) -> Configuration:
    if isinstance(document, dict):
        document = json.dumps(document)
    data = document.encode() if isinstance(document, str) else document
    return read_account_document(data, source="acme.yaml")


def faults(document: dict[str, Any] | bytes | str) -> list[DocumentFault]:
    with pytest.raises(AccountDocumentInvalid) as caught:
        read(document)
    return caught.value.faults


def codes(document: dict[str, Any] | bytes | str) -> set[tuple[str, str]]:
    return {(fault.path, fault.code.removeprefix("Configuration.")) for fault in faults(document)}


def minimal(rest: str = "") -> str:
    return "account: {clientId: A, name: A, locales: [en_US]}\n" + rest


# Reading


def test_the_example_is_read_whole() -> None:
    configuration = read(ACME)
    assert configuration.account.client_id == "ACME"
    assert configuration.account.max_stage_megabytes == 25
    assert [item.name for item in configuration.email_types] == ["Home", "Work"]
    newsletter = configuration.programs[0].filters[0]
    assert (newsletter.channel, newsletter.default_frequency, newsletter.duration_days) == ("Email", "Weekly", 730)
    assert configuration.programs[2].filters[0].channel is None
    assert configuration.consent_types[0].versions[1].texts["es_US"] == "Guardamos sus datos durante tres años."
    assert configuration.user_groups[0].permissions.import_ is True
    assert configuration.user_groups[1].permissions.channels == ("Email",)
    assert Catalog(1, 1, configuration).email_types.default == "Home"


def test_json_yaml_and_what_get_gives_are_the_same_document() -> None:
    configuration = read(ACME)
    assert read(acme()) == configuration
    assert read(render_configuration(configuration)) == configuration
    assert read(render_yaml(configuration)) == configuration
    given = json.loads(render_configuration(configuration))
    assert "timeZone" not in given["account"]  # as every default, said or not
    assert given["customFields"][3] == {"name": "Score", "type": "Numeric", "min": 0, "max": 100000}
    assert b"100000.0" not in render_yaml(configuration) + render_configuration(configuration)


def test_what_get_gives_is_decoded_by_the_structs_themselves() -> None:
    configuration = read(ACME)
    assert msgspec.json.decode(render_configuration(configuration), type=Configuration) == configuration


def test_json_with_tabs_escaped_pairs_and_exponents_is_read() -> None:
    document = acme(lambda d: d["account"].update(name="Acme \N{SHOPPING BAGS}", tokenLifetimeHours=1.5))
    text = json.dumps(document, indent="\t").replace("1.5", "15e-1")
    assert "\\ud83d\\udecd" in text
    account = read(text).account
    assert (account.name, account.token_lifetime_hours) == ("Acme \N{SHOPPING BAGS}", 1.5)


def test_null_counts_as_left_out() -> None:
    configuration = read(minimal("users:\nemailTypes: [{name: Home, pattern: null, active: ~}]\n"))
    assert configuration.users == ()
    assert configuration.email_types[0].active is True
    assert codes("account: {clientId: A, name: ~, locales: [en_US]}\n") == {("$.account.name", "WrongType")}


def test_all_faults_come_at_once_each_with_its_line() -> None:
    document = """\
account:
  clientId: AC ME
  locales: [en_US]
  timeZone: Mars/Olympus
  importPerDay: 3
emailTypes:
  - {name: Home, default: true}
  - name: HOME
    default: true
    pattern: "(a"
customFields:
  - name: Tier
    type: SelectList
    picklist: Tears
consentTypes:
  - name: Privacy
    versions:
      - version: 1.0
        texts: {en_US: "x"}
        expirationDays: 0
users:
  - id: no
    groups: [Loaders]
"""
    found = [(f.line, f.path, f.code.removeprefix("Configuration.")) for f in faults(document)]
    assert sorted(found) == [
        (1, "$.account.name", "Missing"),
        (2, "$.account.clientId", "Malformed"),
        (4, "$.account.timeZone", "Unknown"),
        (5, "$.account.importPerDay", "UnknownKey"),
        (8, "$.emailTypes[1].name", "Repeated"),
        (9, "$.emailTypes[1].default", "SeveralDefaults"),
        (10, "$.emailTypes[1].pattern", "PatternInvalid"),
        (14, "$.customFields[0].picklist", "Unknown"),
        (18, "$.consentTypes[0].versions[0].version", "QuoteIt"),
        (20, "$.consentTypes[0].versions[0].expirationDays", "OutOfRange"),
        (22, "$.users[0].id", "QuoteIt"),
        (23, "$.users[0].groups[0]", "Unknown"),
    ]
    with pytest.raises(AccountDocumentInvalid) as caught:
        read(document)
    text = str(caught.value)
    assert "acme.yaml:5: $.account.importPerDay: unknown key 'importPerDay'; did you mean 'importsPerDay'?" in text
    assert 'quote it: "1.0"' in text


def test_a_value_that_cannot_be_read_is_told_once() -> None:
    """Neither a stand-in nor what refers to a broken name is a second fault."""
    assert codes("users: []\n") == {("$.account", "Missing")}
    assert codes("[1]") == {("$", "WrongType")}
    assert codes(
        minimal("programs: [{id: 5, filters: []}]\nuserGroups: [{name: G, permissions: {programs: ['5']}}]")
    ) == {
        ("$.programs[0].id", "QuoteIt"),
        ("$.programs[0].name", "Missing"),
    }
    assert codes(
        minimal("customFields: [{name: F, type: Number, min: 1, picklist: P}]\npicklists: [{name: P, values: [a]}]")
    ) == {("$.customFields[0].type", "WrongType")}
    assert codes(minimal("consentTypes: [Privacy]")) == {("$.consentTypes[0]", "WrongType")}


@pytest.mark.parametrize("word", ["no", "on", "Yes", "1.0", "7", "0x1F", "1:30", "2026-01-31", "1_000", ".5"])
def test_a_text_that_yaml_takes_for_something_else_has_to_be_quoted(word: str) -> None:
    assert codes(minimal(f"emailTypes: [{{name: {word}}}]")) == {("$.emailTypes[0].name", "QuoteIt")}
    assert read(minimal(f"emailTypes: [{{name: '{word}'}}]")).email_types[0].name == word


def test_a_locale_that_yaml_takes_for_a_boolean_has_to_be_quoted() -> None:
    """`no` is Norwegian."""
    document = minimal("consentTypes: [{name: P, versions: [{version: a, texts: {no: Hei}}]}]")
    assert codes(document) == {("$.consentTypes[0].versions[0].texts.'no'", "QuoteIt")}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("importsPerDay", "'7'"),
        ("importsPerDay", "1.5"),
        ("importsPerDay", "010"),
        ("importsPerDay", "1:30"),
        ("importsPerDay", "many"),
        ("tokenLifetimeHours", ".inf"),
        ("tokenLifetimeHours", "1e999"),
        ("maxStageMegabytes", "[25]"),
        ("requireDates", "1"),
        ("requireDates", "'true'"),
        ("requireDates", "!!bool perhaps"),
        ("locales", "en_US"),
        ("name", "{a: b}"),
        ("name", "!!python/name:os.system x"),
        ("name", "!!binary aGVsbG8="),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(key: str, value: str) -> None:
    account = {"clientId": "A", "name": "A", "locales": "[en_US]", key: value}
    document = "account: {" + ", ".join(f"{name}: {text}" for name, text in account.items()) + "}"
    assert codes(document) == {(f"$.account.{key}", "WrongType")}


def test_repeated_keys_are_refused() -> None:
    document = minimal("users:\n  - id: a\n    hmac: false\n    hmac: true\nusers: []\n")
    assert [(fault.line, fault.code) for fault in faults(document)] == [
        (5, "Configuration.RepeatedKey"),
        (6, "Configuration.RepeatedKey"),
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", 1),
        (b"account: [\n", 2),
        (b"a: 1\nb: \xff\n", 2),
        (b"a: 1\nb: \x01\n", 2),
        (b"a: 1\n---\nb: 2\n", 2),
        (b"a: *nowhere\n", 1),
        (b"[" * 100_000, 1),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(data: bytes, line: int) -> None:
    (fault,) = faults(data)
    assert (fault.code, fault.line) == ("Configuration.Malformed", line)


def test_an_alias_may_be_used_but_not_multiply_without_bound() -> None:
    used = read(minimal("emailTypes: &t [{name: Home}]\nphoneTypes: *t\n"))
    assert used.phone_types[0].name == "Home"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    names = "abcdefgh"
    lines += [f"{n}: &{n} [{', '.join([f'*{m}'] * 10)}]" for m, n in pairwise(names)]
    assert ("$.a", "UnknownKey") in codes(minimal("\n".join(lines)))
    filters = ", ".join(["*f"] * 1000)
    bomb = (
        "x: &f {id: A, name: A, frequencies: &q [" + "a, " * 1000 + "]}\n"
        f"y: &p {{id: P, name: P, filters: [{filters}]}}\n"
        f"programs: [{', '.join(['*p'] * 1000)}]\n"
    )
    (fault,) = faults(minimal(bomb))
    assert fault.code == "Configuration.Malformed"
    assert codes(minimal("users: &u [*u]")) == {("$.users[0]", "WrongType")}


def test_a_document_that_is_too_large_is_refused() -> None:
    (fault,) = faults(b"#" * (2 * 1024 * 1024 + 1))
    assert "larger than 2 MiB" in fault.message


def test_a_lone_surrogate_and_control_characters_are_refused() -> None:
    document = acme(lambda d: d["emailTypes"].extend([{"name": "\ud83d"}, {"name": "a\x00"}, {"name": "a\nb"}]))
    assert codes(document) == {
        ("$.emailTypes[2].name", "NotUnicode"),
        ("$.emailTypes[3].name", "ControlCharacter"),
        ("$.emailTypes[4].name", "ControlCharacter"),
    }


# The rules


def put(path: str, value: Any) -> Edit:
    """An edit that sets `account.name` or `programs.0.id` of a document; a list one longer than it is grows."""

    def edit(document: dict[str, Any]) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        target: Any = document
        for step in way:
            target = target[step]
        if isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value

    return edit


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
    """`at` is what follows the edited path."""
    place = "$." + re.sub(r"\.(\d+)", r"[\1]", path)
    assert codes(acme(put(path, value))) == {(place + at, code)}


def test_a_fault_may_have_others_in_its_wake() -> None:
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
def test_what_the_rules_allow_is_read(path: str, value: Any) -> None:
    configuration = read(acme(put(path, value)))
    assert read(render_yaml(configuration)) == configuration


def test_the_hmac_key_never_signs_for_who_may_write_the_configuration() -> None:
    edit = put("userGroups.0.permissions.configuration", ["read", "write"])
    assert codes(acme(edit, put("users.0.hmac", True))) == {("$.users[0].hmac", "HmacMayNotConfigure")}
    assert read(acme(edit, put("users.1.hmac", True))).users[1].hmac


# The difference


def apply(old: Configuration | None, document: dict[str, Any]) -> tuple[Configuration, list[str]]:
    """What applying comes to; applying the same again must change nothing, and what is stored must be readable."""
    new = read(document)
    change = compare_configurations(old, new)
    again = compare_configurations(change.configuration, new)
    assert (again.configuration, again.lines) == (change.configuration, [])
    assert read(render_configuration(change.configuration)) == change.configuration
    return change.configuration, change.lines


def test_a_new_account_is_all_additions() -> None:
    configuration, lines = apply(None, acme())
    assert configuration == read(ACME)
    assert lines[0] == "+ account ACME"
    assert "+ email type Work" in lines
    assert "+ consent version PrivacyPolicy 2.0" in lines
    assert all(line.startswith("+ ") for line in lines)


def test_changes_are_told_one_line_an_element() -> None:
    _, lines = apply(
        read(ACME),
        acme(
            put("account.name", "Acme"),
            put("emailTypes.1.default", True),
            put("emailTypes.0.default", False),
            put("phoneTypes.2", {"name": "Work", "active": False}),
            put("programs.0.filters.0.durationDays", 365),
            put("programs.1.filters.1.active", False),
            put("userGroups.1.permissions.programs", "all"),
            put("consentTypes.1.versions.1", {"version": "2026-02", "texts": {"en_US": "I agree."}}),
        ),
    )
    assert lines == [
        "~ account: name Acme Retail -> Acme",
        "~ email type Home: default true -> false",
        "~ email type Work: default false -> true",
        "+ phone type Work (switched off)",
        "~ filter NEWS-EMAIL: durationDays 730 -> 365",
        "- filter OFFERS-PHONE: switched off",
        "+ consent version TextMessages 2026-02",
        "~ user group EmailOnly: permissions.programs [NEWS] -> all",
    ]


def test_what_is_left_out_is_switched_off_and_keeps_its_order() -> None:
    def leave_out(document: dict[str, Any]) -> None:
        del document["emailTypes"][0]
        del document["customFields"][0:2], document["picklists"]
        del document["programs"][1], document["programs"][0]["filters"][0]
        del document["users"][1]

    configuration, lines = apply(read(ACME), acme(leave_out))
    kept = "switched off (left out; nothing in use is deleted)"
    assert lines == [
        f"- email type Home: {kept}",
        f"- picklist Tiers: {kept}",
        f"- custom field Tier: {kept}",
        f"- custom field Interests: {kept}",
        f"- filter NEWS-EMAIL: {kept}",
        f"- program OFFERS: {kept}",
        f"- user mailer: {kept}",
    ]
    assert [(item.name, item.active, item.default) for item in configuration.email_types] == [
        ("Work", True, False),
        ("Home", False, False),
    ]
    assert [item.name for item in configuration.custom_fields][-2:] == ["Tier", "Interests"]
    catalog = Catalog(1, 2, configuration)
    assert {name for name, entry in catalog.filters.items() if not entry.active} == {
        "news-email",
        "offers-email",
        "offers-phone",
        "offers-mail",
    }
    assert catalog.find_user("mailer") is None
    restored, lines = apply(configuration, acme())
    assert "~ user mailer: switched on" in lines
    assert "~ email type Home: default false -> true, switched on" in lines
    assert restored == read(ACME)


def test_a_filter_may_move_to_another_program() -> None:
    def move(document: dict[str, Any]) -> None:
        document["programs"][2]["filters"].append(document["programs"][0]["filters"].pop())

    configuration, lines = apply(read(ACME), acme(move))
    assert lines == ["~ filter NEWS-TEXT: program NEWS -> DATA"]
    assert Catalog(1, 2, configuration).filters["news-text"].program_id == "DATA"

    def move_and_drop(document: dict[str, Any]) -> None:
        move(document)
        del document["programs"][0]
        document["userGroups"][1]["permissions"]["programs"] = []

    configuration, lines = apply(read(ACME), acme(move_and_drop))
    assert "- program NEWS: switched off (left out; nothing in use is deleted)" in lines
    assert Catalog(1, 2, configuration).filters["news-text"].active


def test_another_order_is_told() -> None:
    _, lines = apply(read(ACME), acme(lambda document: document["emailTypes"].reverse()))
    assert lines == ["~ email types: order Work, Home"]


def test_another_letter_case_is_the_same_element() -> None:
    configuration, lines = apply(read(ACME), acme(put("emailTypes.1.name", "WORK")))
    assert lines == ["~ email type WORK: name Work -> WORK"]
    assert len(configuration.email_types) == 2


def refused(document: dict[str, Any]) -> list[tuple[int | None, str, str]]:
    text = json.dumps(document, indent=1).encode()
    with pytest.raises(AccountDocumentInvalid) as caught:
        compare_configurations(read(ACME), read(text), source="acme.json", lines=find_lines(text, source="acme.json"))
    assert all(fault.line for fault in caught.value.faults)
    return [(fault.line, fault.path, fault.code.removeprefix("Configuration.")) for fault in caught.value.faults]


def test_applied_consent_versions_are_proof() -> None:
    versions = "$.consentTypes[0].versions"

    def codes_of(*edits: Edit) -> list[tuple[str, str]]:
        return [(path, code) for _, path, code in refused(acme(*edits))]

    assert codes_of(
        put("consentTypes.0.versions.0.texts.en_US", "We keep them."),
        put("consentTypes.0.versions.0.expirationDays", 10),
        put("consentTypes.0.versions.1.texts", {"en_US": "We keep your details to serve you, for three years."}),
    ) == [
        (f"{versions}[0].texts.en_US", "TextChanged"),
        (f"{versions}[0].expirationDays", "ExpirationChanged"),
        (f"{versions}[1].texts", "TextChanged"),
    ]
    assert codes_of(lambda d: d["consentTypes"][0]["versions"].reverse()) == [(f"{versions}[1]", "OrderChanged")]
    early = {"version": "0.9", "texts": {"en_US": "x"}}
    assert codes_of(lambda d: d["consentTypes"][0]["versions"].insert(1, early)) == [(f"{versions}[2]", "OrderChanged")]


def test_the_client_id_never_changes() -> None:
    assert [(path, code) for _, path, code in refused(acme(put("account.clientId", "OTHER")))] == [
        ("$.account.clientId", "ClientIdChanged")
    ]


def test_a_consent_version_left_out_is_switched_off_and_keeps_its_rank() -> None:
    def replace(document: dict[str, Any]) -> None:
        document["consentTypes"][0]["versions"][1] = {"version": "3.0", "texts": {"en_US": "New."}}

    configuration, lines = apply(read(ACME), acme(replace))
    assert lines == [
        "+ consent version PrivacyPolicy 3.0",
        "- consent version PrivacyPolicy 2.0: switched off (left out; nothing in use is deleted)",
    ]
    versions = configuration.consent_types[0].versions
    assert [(item.version, item.active) for item in versions] == [("1.0", True), ("2.0", False), ("3.0", True)]


def test_a_text_in_one_more_locale_may_be_added() -> None:
    configuration, lines = apply(read(ACME), acme(put("consentTypes.0.versions.0.texts.es_US", "Guardamos.")))
    assert len(lines) == 1
    assert lines[0].startswith("~ consent version PrivacyPolicy 1.0: texts ")
    assert len(text_hashes(configuration)) == len(text_hashes(read(ACME))) + 1


def test_comparing_changes_neither_side() -> None:
    old, new = read(ACME), read(acme(lambda d: d.pop("users")))
    before = copy.deepcopy((old, new))
    compare_configurations(old, new)
    assert (old, new) == before


def test_every_text_has_the_hash_of_its_very_bytes() -> None:
    hashes = text_hashes(read(ACME))
    assert [item[:3] for item in hashes] == [
        ("PrivacyPolicy", "1.0", "en_US"),
        ("PrivacyPolicy", "2.0", "en_US"),
        ("PrivacyPolicy", "2.0", "es_US"),
        ("TextMessages", "2026-01", "en_US"),
    ]
    assert hashes[2][3] == hashlib.sha256("Guardamos sus datos durante tres años.".encode()).hexdigest()


# The page


@pytest.mark.parametrize(
    ("heading", "cls"),
    [
        ("Top level", structs.Configuration),
        ("account", structs.Account),
        ("Types: customerTypes, alternateIdTypes, emailTypes, phoneTypes, addressTypes, groupTypes", structs.TypeName),
        ("picklists", structs.Picklist),
        ("customFields", structs.CustomField),
        ("programs", structs.Program),
        ("programs: filters", structs.Filter),
        ("consentTypes", structs.ConsentType),
        ("consentTypes: versions", structs.ConsentVersion),
        ("userGroups", structs.UserGroup),
        ("userGroups: permissions", structs.Permissions),
        ("users", structs.User),
    ],
)
def test_the_page_names_every_key_with_its_default(heading: str, cls: type[msgspec.Struct]) -> None:
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", section, re.MULTILINE)}
    defaults = {}
    for field in msgspec.structs.fields(cls):
        value = field.default
        if field.required:
            defaults[field.encode_name] = "required"
        elif isinstance(value, msgspec.Struct):
            defaults[field.encode_name] = "nothing permitted"
        elif value in (None, ()) or value is msgspec.NODEFAULT:
            defaults[field.encode_name] = "none"
        else:
            defaults[field.encode_name] = f"`{str(value).lower() if isinstance(value, bool) else value}`"
    assert rows == defaults


def test_the_page_covers_every_struct() -> None:
    named = {cls for cls in vars(structs).values() if isinstance(cls, type) and issubclass(cls, structs.Item)}
    assert len(named - {structs.Item}) == 12
