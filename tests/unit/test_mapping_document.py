"""Mapping documents (files.md, "The mapping"): all faults at once, each with its line. A column without a name in the
mapping stops the import."""

from __future__ import annotations

import pytest
from tabular_files import compile_text, describe, read_acme

from consentory.codec.tabular.mapping_document import MappingInvalid, read_mapping
from consentory.codec.tabular.row_mapping import compile_mapping
from consentory.codec.tabular.table import Column, TableDescription

ACME = read_acme()


def refuse(text: str, *headers: str, account: bool = True, **settings: str) -> list[tuple[int | None, str, str]]:
    """Line, code and message of every fault of a document."""
    with pytest.raises(MappingInvalid) as caught:
        compile_text(text, headers, ACME if account else None, **settings)
    return [(fault.line, fault.code.removeprefix("Mapping."), fault.message) for fault in caught.value.faults]


def test_every_fault_is_told_at_once_with_its_line() -> None:
    faults = refuse(
        """\
match: Loyalti
zone: Europe/Atlantis
columns:
  Email: Emails[Hoome].EmailAddress
  First: CustomerName.FirstNam
  Id: AlternateIds.AlternateId
  Status:
    to: Emails[Hoome].EmailPreferences[NEWS-MAIL].PreferenceType
    values: {yes: OptedIn}
  When: {to: "Emails[Hoome].EmailPreferences[NEWS-MAIL].CustomerDate", time: "%d.%m"}
  Tier: CustomFields[Teir]
  Gone: ignore
colums: {}
constants:
  CustomerType: Prospekt
""",
        *("Email", "First", "Id", "Status", "When", "Tier", "Other"),
    )
    assert [(line, code) for line, code, _ in faults] == [
        (1, "MatchUnfilled"),
        (1, "UnknownName"),
        (2, "UnknownZone"),
        (3, "OtherColumn"),
        (4, "UnknownName"),
        (5, "Target"),
        (6, "Target"),
        (8, "UnknownName"),
        (9, "Value"),
        (10, "TimePattern"),
        (11, "UnknownName"),
        (12, "MissingColumn"),
        (13, "UnknownKey"),
        (15, "UnknownName"),
    ]
    told = {code: message for _, code, message in faults}
    assert "did you mean 'columns'?" in told["UnknownKey"]
    assert told["Value"] == 'PreferenceType must be 1, 2, OptIn, OptOut or nothing, not "OptedIn"'
    messages = " ".join(message for _, _, message in faults)
    for advice in (
        "did you mean Loyalty?",
        "did you mean FirstName?",
        "did you mean Home?",
        "did you mean NEWS-EMAIL?",
        "did you mean Tier?",
    ):
        assert advice in messages


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "must be a path such as"),
        ("Emails[Home].EmailAdress", "did you mean EmailAddress?"),
        ("Emails[Home][0].EmailAddress", "must be a number from 1 to 99, as in Emails[Home][2]"),
        ("Emails[Home][1][2].EmailAddress", "too many brackets"),
        ("CustomerName[1].FirstName", "CustomerName is not an array"),
        ("CustomerName", "Add one of its members: Prefix, FirstName"),
        ("Emails[Home].EmailPreferences.PreferenceType", "EmailPreferences needs the element's FilterId in brackets"),
        ("Emails[Home].EmailPreferences[NEWS-EMAIL]", "Add a member, such as"),
        ("Emails[Home].EmailPreferences[NEWS-EMAIL].UserId", "is not a member that a mapping can fill"),
        ("Emails[Home].EmailAddress.", "has no members of its own"),
        ("CustomFields[Tier][2]", "too many brackets"),
        ("SequenceNumber", "is not a member that a mapping can fill"),
        ("Emails[Home", "must be a path such as"),
    ],
)
def test_a_target_that_is_not_a_path_is_refused_with_the_reason(target: str, message: str) -> None:
    ((line, code, said),) = refuse(f'columns:\n  A: "{target}"\n', "A")
    assert (line, code) == (2, "Target")
    assert message in said


def test_a_column_that_is_not_named_stops_with_a_suggestion() -> None:
    text = "columns:\n  Email: Emails[Home].EmailAddress\n  Frist Name: ignore\n"
    faults = refuse(text, "Email", "First Name", "Surname", "Shoe size")
    messages = [message for _, code, message in faults if code == "OtherColumn"]
    assert 'the mapping names "Frist Name", which the file does not have' in messages[0]
    assert 'perhaps add to columns: "Surname": CustomerName.LastName' in messages[1]
    assert 'perhaps add to columns: "Shoe size": ignore' in messages[2]
    assert messages[2].endswith("(otherColumns: ignore ignores all such columns)")
    assert [line for line, code, _ in faults if code == "MissingColumn"] == [3]


def test_other_columns_can_be_allowed_and_own_ones_always_are() -> None:
    text = "columns:\n  Email: Emails[Home].EmailAddress\n"
    compile_text(text + "otherColumns: ignore\n", ["Email", "Shoe size"])
    compile_text(text, ["Email", "consentory_line", "consentory_faults"])


def test_a_column_of_a_rule_alone_is_named() -> None:
    text = """
columns:
  Email: Emails[Home].EmailAddress
rules:
  - if: {Suppressed: present}
    set: {"Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType": OptOut}
"""
    compile_text(text, ["Email", "Suppressed"], ACME)
    assert [fault[:2] for fault in refuse(text, "Email")] == [(5, "MissingColumn")]


@pytest.mark.parametrize("cell", ["false", "FALSE", "0", "no", "", " "])
def test_a_yes_must_be_said(cell: str) -> None:
    text = f"""
columns:
  Email: Emails[Home].EmailAddress
  Opt out:
    to: Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType
    values: {{true: OptOut, "{cell}": OptIn}}
"""
    ((line, code, message),) = refuse(text, "Email", "Opt out")
    assert (line, code) == (6, "YesNotSaid")
    assert f'"{cell}": nothing' in message


@pytest.mark.parametrize("condition", ["absent", "'0'", "['false', absent]"])
def test_a_rule_makes_no_yes_of_an_empty_cell(condition: str) -> None:
    text = f"""
columns: {{Email: "Emails[Home].EmailAddress", Opt out: ignore}}
rules:
  - if: {{Opt out: {condition}}}
    set: {{"Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType": OptIn}}
"""
    assert [fault[:2] for fault in refuse(text, "Email", "Opt out")] == [(5, "YesNotSaid")]
    compile_text(text.replace(condition, "given"), ["Email", "Opt out"], ACME)


def test_a_rule_without_a_condition_is_reported() -> None:
    text = """
columns: {A: Emails.EmailAddress}
rules:
  - set: {"Emails.EmailPreferences[N].PreferenceType": OptIn}
"""
    with pytest.raises(
        MappingInvalid, match=r"rules\[0\].set: needs if: with a condition\. Put a value for each record"
    ):
        compile_text(text, ["A"])


def test_the_id_that_people_are_found_by_must_be_filled() -> None:
    text = "match: CRM\ncolumns: {E: 'Emails[Home].EmailAddress', I: 'AlternateIds[Loyalty].AlternateId'}"
    assert [fault[:2] for fault in refuse(text, "E", "I")] == [(1, "MatchUnfilled")]
    compile_text(text.replace("Loyalty", "crm"), ["E", "I"], ACME)


def test_an_element_without_a_value_is_reported() -> None:
    text = """
columns:
  Email: Emails[Home].EmailAddress
  When: Emails[Home].EmailPreferences[NEWS-EMAIL].CustomerDate
  Street: Addresses.Address1
  Privacy: Consents[PrivacyPolicy].ConsentStatus
"""
    faults = refuse(text, "Email", "When", "Street", "Privacy")
    assert [(line, code) for line, code, _ in faults] == [
        (4, "ValueMissing"),
        *([(5, "ValueMissing")] * 3),
        *([(6, "ValueMissing")] * 2),
    ]
    assert "Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType" in faults[0][2]
    assert "Consents[PrivacyPolicy].ConsentVersion" in faults[4][2]


def test_a_filter_in_the_wrong_place_is_reported() -> None:
    text = """
columns:
  Email: Emails[Home].EmailAddress
  Status: {to: "Emails[Home].EmailPreferences[NEWS-TEXT].PreferenceType", values: {a: OptIn}}
"""
    ((line, code, message),) = refuse(text, "Email", "Status")
    assert (line, code) == (4, "WrongPlace")
    assert "NEWS-TEXT has the channel Text" in message
    assert "Filters for it: NEWS-EMAIL, OFFERS-EMAIL" in message


def test_impossible_options_are_reported() -> None:
    text = """
file: {delimiter: ";;", header: 0}
columns:
  A: {to: CustomerName.FirstName, split: ","}
  B: {to: ProfileTags, otherValues: keep}
  C: {to: RegistrationConfirmed, time: "%Y-%m-%d", values: {a: perhaps}}
  D: {values: {a: b}}
  E: {to: ProfileTags, split: "", tmie: x}
"""
    faults = refuse(text, "A", "B", "C", "D", "E")
    assert [(line, code) for line, code, _ in faults] == [
        (2, "Delimiter"),
        (2, "Header"),
        (4, "Split"),
        (5, "OtherValues"),
        (6, "TimePattern"),
        (6, "Value"),
        (7, "TargetMissing"),
        (8, "UnknownKey"),
        (8, "Split"),
    ]


def test_words_are_texts_as_they_are_written() -> None:
    mapping = read_mapping(b"columns: {A: {to: ProfileTags, values: {yes: no, 010: 1.0, ~: x}}}", "m.yaml")
    rule = mapping.document.columns["A"]
    assert not isinstance(rule, str)
    assert rule.values == {"yes": "no", "010": "1.0", "~": "x"}
    assert read_mapping(b'file: {empty: ["", NULL, "-"], sheet: 2}', "m").options.sheet == 2
    assert read_mapping(b'file: {empty: ["", NULL, "-"]}', "m").document.file.empty == ("", "NULL", "-")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a: [", b"a: \x07", b"columns: &a {b: *a}" * 9])
def test_text_that_is_not_yaml_is_refused_with_its_line(data: bytes) -> None:
    with pytest.raises(MappingInvalid) as caught:
        compile_mapping(read_mapping(data, "m.yaml"), describe(["A"]))
    assert str(caught.value).startswith("m.yaml:1: ")
    assert caught.value.faults[0].code.startswith("Mapping.")


def test_nested_columns_need_no_mapping() -> None:
    columns = (Column("Emails", "Emails", nested=True), Column("CustomerType", "CustomerType"), Column("x", "x", True))
    table = TableDescription("people.parquet", "parquet", columns, 0)
    with pytest.raises(MappingInvalid, match=r"it needs a mapping for its columns\. Write a mapping"):
        compile_mapping(None, table)
    with pytest.raises(MappingInvalid, match='does not name the column "x"') as caught:
        compile_mapping(read_mapping(b"{}", "m.yaml"), table)
    assert len(caught.value.faults) == 1
    both = read_mapping(b"columns: {CustomerType: 'Emails[Home].EmailAddress', x: ProfileTags}", "m.yaml")
    with pytest.raises(MappingInvalid) as caught:
        compile_mapping(both, table)
    assert [fault.code for fault in caught.value.faults] == ["Mapping.Nested", "Mapping.Nested"]
