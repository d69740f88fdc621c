"""Lines of a batch in a few bytes, columns of a mapping, and the values of a record one by one."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from consentory.codec.answers.record_leaves import list_leaves, replace_leaves
from consentory.codec.staging.batch_lines import find_line, pack_lines
from consentory.codec.tabular.record_columns import read_record_columns

MAPPING = """\
# id: CRM
parameters:
  id: {about: the type of the id, kind: alternateIdType}
columns:
  Kunde: AlternateIds[${id}].AlternateId
  E-Mail: Emails[Home].EmailAddress
  E-Mail alt: Emails[Home].EmailAddress
  Zweite: "Emails[Home][2].EmailAddress"
  Büro: Emails[Work].EmailAddress
  Newsletter:
    to: Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType
    values: {ja: OptIn}
  Vorname: CustomerName.FirstName
  Notiz: ignore
constants:
  CustomerType: Prospect
"""
RECORD = {
    "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "c-1"}],
    "CustomerName": {"FirstName": "Zoë"},
    "CustomerType": "Prospect",
    "Emails": [
        {"EmailAddressType": "Work", "EmailAddress": "w@example.com"},
        {
            "EmailAddressType": "home",
            "EmailAddress": "nope",
            "EmailPreferences": [{"FilterId": "NEWS-EMAIL", "PreferenceType": "OptIn"}],
        },
        {"EmailAddressType": "Home", "EmailAddress": "second@example.com"},
    ],
}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=80))
def test_each_record_keeps_its_line(steps: list[int]) -> None:
    lines = [sum(steps[: place + 1]) for place in range(len(steps))]
    packed = pack_lines(lines)
    assert [find_line(packed, place) for place in range(len(lines))] == lines


def test_successive_lines_take_no_more_bytes() -> None:
    assert len(pack_lines(range(2, 1_000_000))) == 8


def test_a_place_of_a_record_leads_to_its_columns() -> None:
    columns = read_record_columns(MAPPING)
    raw = json.dumps(RECORD).encode()
    found = {
        path: columns.find(raw, path)
        for path in (
            "$.AlternateIds[0].AlternateId",
            "$.Emails[0].EmailAddress",
            "$.Emails[1].EmailPreferences[0].PreferenceType",
            "$.Emails[1].EmailPreferences[0]",
            "$.Emails[2].EmailAddress",
            "$.CustomerName.FirstName",
            "$.CustomerType",
            "$",
            "$.Nope",
        )
    }
    assert found == {
        "$.AlternateIds[0].AlternateId": "Kunde",
        "$.Emails[0].EmailAddress": "Büro",
        "$.Emails[1].EmailPreferences[0].PreferenceType": "Newsletter",
        "$.Emails[1].EmailPreferences[0]": "Newsletter",
        "$.Emails[2].EmailAddress": "Zweite",
        "$.CustomerName.FirstName": "Vorname",
        "$.CustomerType": "",
        "$": "",
        "$.Nope": "",
    }
    assert columns.find(raw, "$.Emails[1].EmailAddress") == "E-Mail or E-Mail alt or Zweite", "the row is not known"


def test_a_text_that_is_no_mapping_has_no_columns() -> None:
    assert read_record_columns("{[").find(b"{}", "$.CustomerType") == ""
    assert read_record_columns("{}", ["CustomerType", "Else"]).find(b'{"CustomerType":"x"}', "$.CustomerType") == (
        "CustomerType"
    )
    assert read_record_columns(MAPPING).find(b"[1", "$.CustomerType") == ""


def test_a_value_that_nobody_changes_keeps_its_bytes() -> None:
    raw = b'{"A": 1.50, "Big":123456789012345678901234567890,"T":"x\\u200by", "L":[{"N":"a\\nb"},[]], "Exceptions":[1]}'
    assert [(leaf.path, leaf.text) for leaf in list_leaves(raw)] == [
        ("$.A", "1.50"),
        ("$.Big", "123456789012345678901234567890"),
        ("$.T", "x<U+200B>y"),
        ("$.L[0].N", "a\nb"),
        ("$.L[1]", "[]"),
    ]
    shown = {place: leaf.text for place, leaf in enumerate(list_leaves(raw))}
    for texts in ({}, shown):
        assert replace_leaves(raw, texts) == (
            b'{"A":1.50,"Big":123456789012345678901234567890,"T":"x\\u200by","L":[{"N":"a\\nb"},[]]}'
        )
    assert replace_leaves(raw, {0: "2", 1: "big", 2: "007", 3: "", 4: ""}) == b'{"A":2,"Big":"big","T":"007"}'


def test_a_record_that_is_no_object_is_one_value() -> None:
    assert [leaf.text for leaf in list_leaves(b"17")] == ["17"]
    assert replace_leaves(b"17", {0: ""}) == b"{}"
    deep = b"[" * 50 + b"]" * 50
    assert replace_leaves(deep, {}) == deep
    assert len(list_leaves(deep)) == 1
