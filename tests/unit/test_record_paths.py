"""The fast path and the slow path give the same result, and any valid JSON is at most one record's fault."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_cases import ACCOUNTS, check_record, make_validator
from strange_values import STRANGE, list_places

from consentory.codec.answers.exceptions_answer import render_exception
from consentory.domain.record import Record

GOOD = json.loads((ACCOUNTS / "batch.json").read_bytes())["UserProfilePreferences"][0]
VALIDATORS = [
    make_validator(),
    make_validator(match_type="CRM"),
    make_validator(match_type="CRM", action="Delete"),
    make_validator(action="Delete"),
]


CHANGES = st.lists(st.tuples(st.sampled_from(list_places(GOOD)), STRANGE | st.just("remove")), max_size=4)


def change(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    record = copy.deepcopy(GOOD)
    for path, value in changes:
        target = record
        try:
            for step in path[:-1]:
                target = target[step]
            if not path:
                record = copy.deepcopy(value)
            elif value == "remove":
                del target[path[-1]]
            else:
                target[path[-1]] = copy.deepcopy(value)  # a later change may modify the value in place
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed that place
    return record


def read_slowly(record: dict[str, Any], validator: Any) -> Any:
    """Validate the record on the slow path. A first ProfileId of the wrong type leads to the slow path."""
    return check_record(b'{"ProfileId":"x","ProfileId":null,' + json.dumps(record).encode()[1:], validator)


def test_the_slow_path_counts_an_array_that_is_too_long_as_the_fast_one_does() -> None:
    attributes = [{"Key": str(number), "Value": "x"} for number in range(101)]
    record = change([(("Emails", 0, "EmailPreferences", 0, "PreferenceAttributes"), attributes)])
    (fault,) = read_slowly(record, VALIDATORS[0])
    assert (fault.Code, fault.Value) == ("Array.TooLong", 101)
    assert check_record(json.dumps(record).encode(), VALIDATORS[0]) == [fault]


def test_the_slow_path_of_a_delete_ignores_a_long_array_as_the_fast_one_does() -> None:
    ids = [{"AlternateIdType": "LOYALTY", "AlternateId": str(number)} for number in range(150)]
    record = {"AlternateIds": [*ids, None, {"AlternateIdType": "CRM", "AlternateId": "4711"}]}
    validator = make_validator(match_type="CRM", action="Delete")
    without_null = {"AlternateIds": [item for item in record["AlternateIds"] if item]}
    fast = check_record(json.dumps(without_null).encode(), validator)
    assert isinstance(fast, Record)
    assert read_slowly(without_null, validator) == fast
    assert read_slowly(record, validator) == fast
    record["AlternateIds"][-1]["AlternateId"] = 4711
    (fault,) = check_record(json.dumps(record).encode(), validator)
    assert (fault.Code, fault.Path) == ("Value.WrongType", "$.AlternateIds[151].AlternateId")


def test_both_paths_read_no_element_after_the_limit() -> None:
    """150 addresses that count as not included give no data, on either path."""
    record = {"Addresses": [{"IsActive": False}] * 150}
    faults = check_record(json.dumps(record).encode(), VALIDATORS[0])
    assert {fault.Code for fault in faults} >= {"Array.TooLong", "Record.NothingSaid"}
    assert sorted(read_slowly(record, VALIDATORS[0]), key=repr) == sorted(faults, key=repr)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(CHANGES, st.sampled_from(VALIDATORS))
def test_both_paths_agree_on_a_record(changes: list[tuple[tuple[Any, ...], Any]], validator: Any) -> None:
    changed = change(changes)
    raw = json.dumps(changed).encode()
    result = check_record(raw, validator)
    if isinstance(changed, dict) and changed:
        # If a member is repeated, the last one counts. But msgspec stops at a first one of the wrong type.
        slowly = read_slowly(changed, validator)
        if isinstance(result, Record):
            assert slowly == result
        else:
            assert sorted(slowly, key=repr) == sorted(result, key=repr)
    if isinstance(result, list):
        text = render_exception(raw, 1, "Stage", result)
        assert [item["Code"] for item in json.loads(text)["Exceptions"]] == [fault.Code for fault in result]


@settings(max_examples=200, deadline=None)
@given(st.text('{}[]",:\\ud8 01e9-.x' + "éA", max_size=30), st.sampled_from(["FirstName", "Prefix", "X"]))
def test_any_json_is_validated_and_rendered(text: str, member: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        return
    for raw in (text.strip(" "), f'{{"CustomerName":{{"{member}":{text}}}}}'):
        result = check_record(raw.encode())
        if isinstance(result, list):
            assert result
            render_exception(raw.encode(), 1, "Stage", result)
