"""A damaged mapping is refused with its faults. It never causes an error of another kind."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_cases import CONTRACT, HEADERS
from tabular_files import describe, read_acme

from consentory.codec.tabular.mapping_document import MappingInvalid, read_mapping
from consentory.codec.tabular.mapping_presets import list_presets
from consentory.codec.tabular.row_mapping import RowMapping, RowRefused, compile_mapping
from consentory.codec.tabular.table import Row

ACME = read_acme()
DOCUMENTS = [CONTRACT, CONTRACT, *(preset.text.decode() for preset in list_presets().values())]
TOKENS = [
    "[",
    "]",
    "{",
    "}",
    ": ",
    "nothing",
    "ignore",
    "null",
    "~",
    "${id}",
    "${x}",
    "%Y%Y",
    "Emails[]",
    ".",
    "- ",
    "'",
]
TOKENS += ['"', "*a", "&a ", "\n", "\n  ", "present", "OptIn", "[2]", "split", "values", "to: ", "\t", "é", "\x07", "$"]
CELLS = ["", "a@b.c", "subscribed", "yes", "false", "01.02.2024 10:00", "x,y", '"a', "\\,", "5", "-"]
DAMAGE = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 20), st.sampled_from(TOKENS)), min_size=1, max_size=4)


def damage(text: str, changes: list[tuple[int, int, str]]) -> str:
    for place, length, token in changes:
        start = place % len(text)
        text = text[:start] + token + text[start + length :]
    return text


@settings(max_examples=300, deadline=None)
@given(
    text=st.sampled_from(DOCUMENTS),
    changes=DAMAGE,
    account=st.booleans(),
    given_values=st.sampled_from([{}, {"newsletter": "NEWS-EMAIL"}, {"newsletter": "NEWS-EMAIL", "id": "CRM"}]),
    cells=st.lists(st.sampled_from(CELLS), min_size=len(HEADERS), max_size=len(HEADERS)),
)
def test_a_damaged_mapping_is_refused_or_works(
    text: str, changes: list[tuple[int, int, str]], account: bool, given_values: dict[str, str], cells: list[str]
) -> None:
    document = damage(text, changes)
    try:
        mapping = compile_mapping(
            read_mapping(document.encode(), "m.yaml"), describe(HEADERS), ACME if account else None, given_values
        )
    except MappingInvalid as invalid:
        codes = [fault.code for fault in invalid.faults]
    else:
        check_mapping(mapping, Row(2, list(cells)))
        return
    assert codes
    assert all(code.startswith("Mapping.") for code in codes)


def check_mapping(mapping: RowMapping, row: Row) -> None:
    with contextlib.suppress(RowRefused):
        mapping.make_record(row)
    for path in ("$", "$.Emails[0].EmailPreferences[0].FilterId", "$.ProfileTags[99]", "$.x[", ""):
        assert mapping.find_column(row, path) in (*mapping.columns, "")


def test_a_time_form_that_names_a_part_twice_is_refused() -> None:
    text = 'columns: {A: {to: "CustomFields[FirstPurchase]", time: "%Y-%m-%d %Y"}}'
    with pytest.raises(MappingInvalid, match="is not a valid form of a time"):
        compile_mapping(read_mapping(text.encode(), "m.yaml"), describe(["A"]))


def test_a_rule_of_an_optional_column_is_left_out_whole() -> None:
    text = """
parameters: {extra: {about: A column., optional: true}}
columns: {E: Emails.EmailAddress}
constants: {"Emails.EmailPreferences[N].PreferenceType": OptIn}
rules:
  - if: {"${extra}": present, E: present}
    set: {"Emails.EmailPreferences[N].PreferenceType": OptOut}
"""
    mapping = compile_mapping(read_mapping(text.encode(), "m.yaml"), describe(["E"]))
    assert b'"PreferenceType":"OptIn"' in mapping.make_record(Row(2, ["a@b.c"]))
