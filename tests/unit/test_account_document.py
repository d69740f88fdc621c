"""The account document from outside: bytes in; a configuration out, or every fault with its line."""

from __future__ import annotations

import json
import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from account_cases import ACME, acme, codes, faults, minimal, read

from consentory.codec.account.account_document import (
    AccountDocumentInvalid,
    render_configuration,
    render_yaml,
)
from consentory.domain import configuration as structs
from consentory.domain.configuration import Configuration
from consentory.domain.configuration_index import ConfigurationIndex

PAGE = (Path(__file__).parents[2] / "docs" / "account-document.md").read_text(encoding="utf-8")


# Reading


@pytest.mark.parametrize("text", ["1950-06-01", "'1950-06-01'"])
def test_the_earliest_date_may_be_quoted(text: str) -> None:
    document = f"account: {{clientId: A, name: A, locales: [en_US], earliestDate: {text}}}"
    assert read(document).account.earliest_date == date(1950, 6, 1)


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
    assert ConfigurationIndex(1, 1, configuration).email_types.default == "Home"


def test_json_yaml_and_the_answer_of_get_are_the_same_document() -> None:
    configuration = read(ACME)
    assert read(acme()) == configuration
    assert read(render_configuration(configuration)) == configuration
    assert read(render_yaml(configuration)) == configuration
    given = json.loads(render_configuration(configuration))
    assert "timeZone" not in given["account"]  # like every default, given or not
    assert given["customFields"][3] == {"name": "Score", "type": "Numeric", "min": 0, "max": 100000}
    assert b"100000.0" not in render_yaml(configuration) + render_configuration(configuration)


def test_the_answer_of_get_is_decoded_by_the_structs_themselves() -> None:
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
    assert "acme.yaml:5: $.account.importPerDay: unknown key 'importPerDay': did you mean 'importsPerDay'?" in text
    assert 'Quote it: "1.0"' in text


def test_a_value_that_cannot_be_read_is_reported_once() -> None:
    """A placeholder is no second fault. A reference to a broken name is none either."""
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
        ("earliestDate", "1990-02-30"),
        ("earliestDate", "'1990-1-1'"),
        ("earliestDate", "1990"),
        ("earliestDate", "[1990-01-01]"),
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
def test_text_that_is_not_yaml_is_refused_with_its_line(data: bytes, line: int) -> None:
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
        ("guard", structs.Guard),
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
    assert len(named - {structs.Item, structs.Limits}) == 13
