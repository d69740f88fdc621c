"""Rows become records (files.md, "The mapping"): the meaning of a cell, the parts that are left out, the faults of a
row."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_cases import CONTRACT
from mapping_cases import HEADERS as FIRST_HEADERS
from tabular_files import compile_text, describe, make_records, read_acme

from consentory.codec.tabular.cell_conversions import CellFault, TimeReader
from consentory.codec.tabular.mapping_document import read_mapping
from consentory.codec.tabular.record_nodes import OPT_OUTS
from consentory.codec.tabular.row_mapping import RowMapping, RowRefused, compile_mapping
from consentory.codec.tabular.table import Column, Row, RowFault, TableDescription

HEADERS = [*FIRST_HEADERS, "UNSUB_REASON", "UNSUB_REASON", "Email Suppressions"]


@pytest.fixture
def contract() -> RowMapping:
    return compile_text(CONTRACT, HEADERS)


def refuse(mapping: RowMapping, *cells: str) -> tuple[RowFault, ...]:
    with pytest.raises(RowRefused) as caught:
        mapping.make_record(Row(7, list(cells)))
    return caught.value.faults


def test_the_mapping_of_the_contract(contract: RowMapping) -> None:
    (record,) = make_records(
        contract, [["a@b.de", " Ann ", "7", "SUBSCRIBED", "01.02.2024 10:00", 'a, "b, c"', "x", "y", "NULL"]]
    )
    assert record == {
        "Emails": [
            {
                "EmailAddressType": "Home",
                "EmailAddress": "a@b.de",
                "EmailPreferences": [
                    {
                        "FilterId": "NEWS-EMAIL",
                        "PreferenceType": "OptIn",
                        "CustomerDate": "2024-02-01T09:00:00Z",
                        "PreferenceAttributes": [{"Key": "source", "Value": "spring fair"}],
                    }
                ],
            }
        ],
        "CustomerName": {"FirstName": "Ann"},
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "7"}],
        "ProfileTags": [{"Name": "a"}, {"Name": "b, c"}],
        "CustomerType": "Prospect",
    }


def test_an_empty_cell_counts_as_absent(contract: RowMapping) -> None:
    (record,) = make_records(contract, [["a@b.de", "-", "NULL", "", "", " ", "", "", ""]])
    assert record == {"CustomerType": "Prospect", "Emails": [{"EmailAddressType": "Home", "EmailAddress": "a@b.de"}]}


def test_a_choice_without_its_deciding_member_is_left_out_whole(contract: RowMapping) -> None:
    (record,) = make_records(contract, [["a@b.de", "", "", "cleaned", "01.02.2024 10:00", "", "", "", ""]])
    assert record["Emails"] == [{"EmailAddressType": "Home", "EmailAddress": "a@b.de"}]


def test_an_element_without_its_value_is_left_out_with_its_choices(contract: RowMapping) -> None:
    (record,) = make_records(contract, [["", "Ann", "", "subscribed", "01.02.2024 10:00", "", "", "", ""]])
    assert record == {"CustomerType": "Prospect", "CustomerName": {"FirstName": "Ann"}}


def test_the_first_rule_that_holds_sets() -> None:
    text = """
columns: {E: Emails.EmailAddress, S: {to: "Emails.EmailPreferences[N].PreferenceType", values: {a: OptIn}}}
rules:
  - {if: {R: bounce, S: a}, set: {"Emails.EmailPreferences[N].PreferenceType": nothing}}
  - {if: {R: [Spam, "manual"]}, set: {"Emails.EmailPreferences[N].PreferenceType": OptOut}}
  - {if: {R: absent, Q: present}, set: {"Emails.EmailPreferences[N].PreferenceType": 2}}
"""
    mapping = compile_text(text, ["E", "S", "R", "Q"])
    rows = [["e", "a", "BOUNCE", ""], ["e", "a", "spam", ""], ["e", "", "", "x"], ["e", "a", "other", ""]]
    choices = [
        [choice["PreferenceType"] for choice in record["Emails"][0].get("EmailPreferences", [])]
        for record in make_records(mapping, rows)
    ]
    assert choices == [[], ["OptOut"], [2], ["OptIn"]]


def test_a_value_that_is_not_named_is_the_rows_fault(contract: RowMapping) -> None:
    faults = refuse(contract, "a@b.de", "", "", "maybe", "tomorrow", "", "", "", "")
    assert [(fault.code, fault.column, fault.value, fault.path) for fault in faults] == [
        ("Row.UnknownValue", "Newsletter", "maybe", "$.Emails[0].EmailPreferences[0].PreferenceType"),
        ("Row.TimeMalformed", "OPTIN_TIME", "tomorrow", "$.Emails[0].EmailPreferences[0].CustomerDate"),
    ]
    assert faults[0].message.endswith("subscribed, unsubscribed, cleaned.")


def test_faults_of_reading_refuse_the_row(contract: RowMapping) -> None:
    fault = RowFault("Row.Encoding", "The cell cannot be decoded.", "First Name", "Ren\\xe9")
    with pytest.raises(RowRefused) as caught:
        contract.make_record(Row(3, ["a"], (fault,)))
    assert caught.value.faults == (fault,)


def test_the_same_target_from_two_columns_fills_the_first_that_is_not_empty() -> None:
    text = """
columns: {M: PhoneNumbers.PhoneNumber, P: PhoneNumbers.PhoneNumber}
constants: {PhoneNumbers.PhoneNumber: "0"}
"""
    mapping = compile_text(text, ["M", "P"])
    rows = [["1", "2"], ["", "2"], ["", ""]]
    assert [record["PhoneNumbers"][0]["PhoneNumber"] for record in make_records(mapping, rows)] == ["1", "2", "0"]


def test_several_elements_of_one_type_and_of_the_default_type() -> None:
    text = """
columns:
  A: Emails[Home][1].EmailAddress
  B: Emails[Home][2].EmailAddress
  C: Emails.EmailAddress
  D: Emails[][2].EmailAddress
  E: {to: "Groups[Household]", split: "|"}
  F: ProfileTags[2]
"""
    (record,) = make_records(compile_text(text, list("ABCDEF")), [["a", "b", "c", "d", "x|y", "t"]])
    assert record == {
        "Emails": [
            {"EmailAddressType": "Home", "EmailAddress": "a"},
            {"EmailAddressType": "Home", "EmailAddress": "b"},
            {"EmailAddress": "c"},
            {"EmailAddress": "d"},
        ],
        "Groups": [{"GroupType": "Household", "GroupName": "x"}, {"GroupType": "Household", "GroupName": "y"}],
        "ProfileTags": [{"Name": "t"}],
    }


def test_options_of_a_field_are_joined_and_types_are_those_of_the_record() -> None:
    text = """
columns:
  I: {to: "CustomFields[Interests]", split: ";"}
  A: IsActive
  P: ProfileId
  M: PhoneNumbers[Mobile].IsMobile
  N: {to: "PhoneNumbers[Mobile].PhoneNumber", prepend: "+", strip: "'"}
"""
    mapping = compile_text(text, list("IAPMN"))
    (record,) = make_records(mapping, [["a;b; a", "TRUE", "12", "0", "'4930"]])
    assert record == {
        "CustomFields": [{"Name": "Interests", "Value": "a::b"}],
        "IsActive": True,
        "ProfileId": 12,
        "PhoneNumbers": [{"PhoneType": "Mobile", "IsMobile": False, "PhoneNumber": "+4930"}],
    }
    faults = refuse(mapping, "", "perhaps", "x7", "", "")
    assert [fault.code for fault in faults] == ["Row.NotABoolean", "Row.NotANumber"]


def test_an_opt_out_of_an_element_without_its_value_is_counted(contract: RowMapping) -> None:
    for word in ("unsubscribed", "subscribed", ""):
        make_records(contract, [["", "Ann", "7", word, *[""] * 5]])
    assert contract.left_out == {OPT_OUTS: 1}


def test_the_default_type_is_written_where_the_account_is_known() -> None:
    text = "columns: {A: Emails.EmailAddress, B: 'PhoneNumbers[Home].PhoneNumber', C: 'Emails[][2].EmailAddress'}"
    (record,) = make_records(compile_text(text, list("ABC"), read_acme()), [["a@b.c", "1", "d@e.f"]])
    assert record == {
        "Emails": [
            {"EmailAddressType": "Home", "EmailAddress": "a@b.c"},
            {"EmailAddressType": "Home", "EmailAddress": "d@e.f"},
        ],
        "PhoneNumbers": [{"PhoneType": "Home", "PhoneNumber": "1"}],
    }


def test_an_address_that_is_not_whole_is_left_out_and_counted() -> None:
    text = "columns: {A: Addresses.Address1, B: Addresses.City, C: Addresses.StateProvince, D: Addresses.PostalCode}"
    mapping = compile_text(text, list("ABCD"))
    whole, part, none = make_records(mapping, [["a", "b", "c", "d"], ["a", "b", "", "d"], ["", "", "", ""]])
    assert whole["Addresses"] == [{"Address1": "a", "City": "b", "StateProvince": "c", "PostalCode": "d"}]
    assert (part, none) == ({}, {})
    assert mapping.left_out == {"Addresses": 1}


@pytest.mark.parametrize(
    ("status", "day", "wanted"),
    [
        ("in", "2024-03-31", "2024-03-30T23:00:00Z"),  # a yes: the first instant of the day in Berlin
        ("out", "2024-03-31", "2024-03-31T21:59:59Z"),  # a no: its last second
        ("in", "2024-10-27T02:30", "2024-10-27T00:30:00Z"),  # exists twice: the earlier for a yes
        ("out", "2024-10-27T02:30", "2024-10-27T01:30:00Z"),
        ("in", "2024-03-01T10:00:00+05:00", "2024-03-01T05:00:00Z"),
    ],
)
def test_the_zone_of_the_mapping_reads_times_as_the_contract_does(status: str, day: str, wanted: str) -> None:
    text = """
zone: Europe/Berlin
columns:
  T: Emails.EmailPreferences[N].CustomerDate
  E: Emails.EmailAddress
  S: {to: "Emails.EmailPreferences[N].PreferenceType", values: {in: OptIn, out: OptOut}}
"""
    (record,) = make_records(compile_text(text, ["T", "E", "S"]), [[day, "e", status]])
    assert record["Emails"][0]["EmailPreferences"][0]["CustomerDate"] == wanted


def test_a_time_that_does_not_exist_in_the_zone_is_the_rows_fault() -> None:
    text = """
zone: Europe/Berlin
columns: {E: Emails.EmailAddress, T: "Emails.EmailPreferences[N].CustomerDate"}
constants: {"Emails.EmailPreferences[N].PreferenceType": OptIn}
"""
    (fault,) = refuse(compile_text(text, ["E", "T"]), "e", "2024-03-31T02:30")
    assert (fault.code, fault.column) == ("Time.NotExisting", "T")


def test_without_a_zone_times_stay_local_and_dates_stay_dates() -> None:
    text = """
columns:
  F: {to: "CustomFields[FirstPurchase]", time: ["%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S%z"]}
"""
    rows = [["01.02.2024"], ["01.02.2024 03:04"], ["2024-02-01T03:04:05Z"]]
    found = [record["CustomFields"][0]["Value"] for record in make_records(compile_text(text, ["F"]), rows)]
    assert found == ["2024-02-01", "2024-02-01T03:04:00", "2024-02-01T03:04:05+00:00"]


EARLY = datetime(1000, 1, 1)  # noqa: DTZ001
FORMS = ["%d.%m.%Y %H:%M:%S", "%Y-%m-%d", "%m/%d/%Y %H:%M", "%Y%m%d"]


@settings(max_examples=400, deadline=None)
@given(form=st.sampled_from(FORMS), moment=st.datetimes(min_value=EARLY), change=st.integers(0, 40))
def test_times_are_read_as_strptime_reads_them(form: str, moment: datetime, change: int) -> None:
    text = moment.strftime(form)
    if change < len(text):  # one digit more or less, or another digit
        text = text[:change] + ["", "9", "00"][change % 3] + text[change + 1 :]
    try:
        wanted: str | None = datetime.strptime(text, form).isoformat()  # noqa: DTZ007
    except ValueError:
        wanted = None
    try:
        found: str | None = TimeReader([form], None).read(text, no=False)
    except CellFault:
        found = None
    assert found == (wanted and (wanted if "H" in form else wanted[:10]))


def test_a_fault_of_the_server_leads_to_its_column(contract: RowMapping) -> None:
    row = Row(2, ["a@b.de", "", "7", "subscribed", "01.02.2024 10:00", "x,y", "", "", ""])
    found = {
        path: contract.find_column(row, path)
        for path in (
            "$.Emails[0].EmailAddress",
            "$.Emails[0].EmailPreferences[0].CustomerDate",
            "$.Emails[0].EmailPreferences[0].FilterId",
            "$.AlternateIds[0].AlternateId",
            "$.ProfileTags[1].Name",
            "$.CustomerType",
            "$",
        )
    }
    assert list(found.values()) == ["Email Address", "OPTIN_TIME", "Newsletter", "Customer ID", "Tags", "", ""]


def test_nested_cells_pass_as_they_are() -> None:
    columns = (Column("Emails", "Emails", nested=True), Column("CustomerType", "CustomerType"))
    table = TableDescription("people.parquet", "parquet", columns, 0)
    mapping = compile_mapping(None, table)
    emails = [{"EmailAddressType": "Home", "EmailAddress": "a@b.de", "IsActive": None}]
    record = json.loads(mapping.make_record(Row(1, [emails, "Customer"])))
    assert record == {"CustomerType": "Customer", "Emails": emails}
    assert json.loads(mapping.make_record(Row(2, [None, None]))) == {}


def test_the_columns_of_refused_rows_are_ignored() -> None:
    text = "columns: {E: Emails.EmailAddress}"
    mapping = compile_mapping(read_mapping(text.encode(), "m"), describe(["E", "consentory_line", "consentory_faults"]))
    assert json.loads(mapping.make_record(Row(2, ["e", "7", "x"]))) == {"Emails": [{"EmailAddress": "e"}]}
