"""import-api.md, "Exceptions": the record as staged, with its number, its phase and its faults."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_cases import accept, check_record, person, refuse

from consentory.codec.answers.exceptions_answer import render_exception
from consentory.domain.record import Fault


def fault(path: str, code: str = "Email.Malformed") -> Fault:
    return Fault(code, "It is wrong.", path, "x")


def wire(item: Fault) -> dict[str, Any]:
    return {"Code": item.Code, "Message": item.Message, "Path": item.Path, "Value": item.Value}


def render(raw: bytes, *faults: Fault, phase: str = "Stage") -> Any:
    text = render_exception(raw, 7, phase, list(faults))
    assert b"\n" not in text
    return json.loads(text, parse_float=Decimal)


def test_the_record_comes_with_number_phase_and_faults() -> None:
    faults = [fault("$", "Record.NothingSaid"), fault("$.Emial", "Record.UnknownMember")]
    assert render(b' {"Emial": [ ]} ', *faults, phase="Execute") == {
        "Emial": [],
        "SequenceNumber": 7,
        "Phase": "Execute",
        "Exceptions": [wire(item) for item in faults],
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("$.Emails[1].EmailAddress", ["Emails", 1]),
        ("$.Emails[1]", ["Emails", 1]),
        ("$.Emails[1].Missing", ["Emails", 1]),
        ("$.Emails[1]['odd name']", ["Emails", 1]),
        ("$.Emails[1].EmailPreferences", ["Emails", 1]),
        ("$.Emails[1].EmailPreferences[0].FilterId", ["Emails", 1, "EmailPreferences", 0]),
        ("$.Emails[1].EmailPreferences[0].PreferenceAttributes[0].Key", ["Emails", 1, "EmailPreferences", 0]),
        ("$.CustomerName.FirstName", ["CustomerName"]),
    ],
)
def test_a_fault_stands_twice_in_the_records_own_and_the_nested_elements_exceptions(
    path: str, place: list[Any]
) -> None:
    record = {
        "CustomerName": {"FirstName": "A"},
        "Emails": [{"a": 1}, {"EmailAddress": "x", "EmailPreferences": [{"FilterId": "f"}, 5]}],
    }
    result = render(json.dumps(record, indent=1).encode(), fault(path))
    assert result.pop("Exceptions") == [wire(fault(path))]
    element = result
    for step in place:
        element = element[step]
    assert element.pop("Exceptions") == [wire(fault(path))]
    assert result == record | {"SequenceNumber": 7, "Phase": "Stage"}


@pytest.mark.parametrize("path", ["$.Emails", "$.Emails[0]", "$.Emails[9].EmailAddress", "$.Other.Thing"])
def test_where_there_is_no_nested_object_the_record_alone_has_it(path: str) -> None:
    assert render(b'{"Emails":[5]}', fault(path)) == {
        "Emails": [5], "SequenceNumber": 7, "Phase": "Stage", "Exceptions": [wire(fault(path))],
    }  # fmt: skip


def test_several_faults_of_one_element_stay_in_order() -> None:
    faults = [fault("$.Emails[0].B"), fault("$.Emails[0]"), fault("$.Emails[0].A.x"), fault("$.Emails[1].C")]
    result = render(b'{"Emails":[{"B":1,"A":2},{}]}', *faults)
    assert result["Emails"][0]["Exceptions"] == [wire(item) for item in faults[:3]]
    assert result["Emails"][1]["Exceptions"] == [wire(faults[3])]


def test_the_faults_of_an_earlier_answer_are_replaced() -> None:
    raw = b'{"Exceptions":[1],"Phase":"x","SequenceNumber":1,"Emails":[{"Exceptions":[2],"a":{"Exceptions":3}},{}]}'
    assert render(raw, fault("$.Emails[1].b")) == {
        "Emails": [{"a": {"Exceptions": 3}}, {"Exceptions": [wire(fault("$.Emails[1].b"))]}],
        "SequenceNumber": 7,
        "Phase": "Stage",
        "Exceptions": [wire(fault("$.Emails[1].b"))],
    }


@pytest.mark.parametrize("raw", [b"5", b"null", b"[1]", b'"x"', b"1e999", b'"\\ud800"', b"[" * 9999 + b"]" * 9999])
def test_a_record_that_is_not_an_object_comes_inside_an_object(raw: bytes) -> None:
    item = fault("$", "Record.NotAnObject")
    text = render_exception(raw, 7, "Stage", [item])
    assert text.startswith(b'{"Record":' + raw + b',"SequenceNumber":7,"Phase":"Stage","Exceptions":[{"Code":')


@pytest.mark.parametrize(
    "value",
    [b"1e999", b"9" * 5000, b"1.10", b"1.00000000000000000000000001", b"-0", b'"\\ud800"', b'"\\u00e9"', b"1E5"],
)
def test_any_number_and_string_is_kept_exactly(value: bytes) -> None:
    raw = b'{"a":' + value + b',"Emails":[{"b":' + value + b"}]}"
    text = render_exception(raw, 7, "Stage", [fault("$.Emails[0].b")])
    assert text.startswith(b'{"a":' + value + b',"Emails":[{"b":' + value + b',"Exceptions":[')


def test_a_record_that_only_the_scanner_can_read_gets_its_faults_in_place_too() -> None:
    raw = b'{"\\ud800":1,"Emails":[{"EmailAddress":"\\ud800"}],"x":1,"x":' + b"[" * 9999 + b"]" * 9999 + b"}"
    text = render_exception(raw, 7, "Stage", [fault("$.Emails[0].EmailAddress")])
    assert text.startswith(b'{"\\ud800":1,"Emails":[{"EmailAddress":"\\ud800","Exceptions":[{"Code":')
    assert text.count(b'"x":') == 1


def test_the_last_of_a_repeated_member_counts() -> None:
    assert render(b'{"a":1,"a":2}', fault("$"))["a"] == 2


def test_a_record_of_the_answer_can_be_corrected_and_staged_again_as_it_is() -> None:
    record = person(Emails=[{"EmailAddress": "bad", "EmailPreferences": [{"FilterId": "NEWS-EMAIL"}]}])
    given_out = render(json.dumps(record).encode(), *check_record(record))
    assert refuse(given_out) == refuse(record)
    given_out["Emails"][0]["EmailAddress"] = "a@example.com"
    given_out["Emails"][0]["EmailPreferences"][0]["PreferenceType"] = 1
    accept(given_out)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
PATHS = st.lists(st.sampled_from([".a", ".b", ".c", "[0]", "[1]"]), max_size=5).map(lambda steps: "$" + "".join(steps))


def strip(value: Any) -> Any:
    """The value without any Exceptions."""
    if isinstance(value, dict):
        return {name: strip(inner) for name, inner in value.items() if name != "Exceptions"}
    return [strip(inner) for inner in value] if isinstance(value, list) else value


@given(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), st.lists(PATHS, max_size=4))
def test_apart_from_its_faults_any_record_comes_back_equal(record: dict[str, Any], paths: list[str]) -> None:
    result = json.loads(render_exception(json.dumps(record).encode(), 7, "Stage", [fault(path) for path in paths]))
    assert [item["Path"] for item in result["Exceptions"]] == paths
    assert strip(result) == record | {"SequenceNumber": 7, "Phase": "Stage"}
