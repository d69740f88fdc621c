"""Counts in status and exceptions beside the books: a refused record may contain a no, and a no cannot wait."""

from __future__ import annotations

import json
from uuid import UUID

import psycopg
import pytest
from wire_client import WireClient, check_problem, choice, mail, person, require

MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
NO = choice("NEWS-EMAIL", 2, "2026-03-01T00:00:00Z")
YES = choice("NEWS-EMAIL", 1, "2026-03-01T00:00:00Z")
UNDATED = {"FilterId": "NEWS-EMAIL", "PreferenceType": 1}
BAD = {"PhoneNumbers": [{"PhoneNumber": "12"}]}
LOCAL = {"PhoneNumbers": [{"PhoneNumber": "(202) 555-0143"}]}
ABROAD = {"PhoneNumbers": [{"PhoneNumber": "+49 30 1234567"}]}


def test_the_answer_of_stage_counts_of_the_batch_and_the_status_of_the_import(ours: WireClient) -> None:
    token = ours.initiate(**MATCH)["AccessToken"]
    first = ours.stage(token, [person(1, Emails=mail("a@example.com", UNDATED), **LOCAL), person(2, **ABROAD)])
    assert first["Batch"] == {
        "First": 1, "Last": 2, "ValidationFailed": 0, "UndatedChoices": 1, "NumbersWithoutCountryCode": 1,
    }  # fmt: skip
    refused = person(3, Emails=mail("b@example.com", NO), **BAD)
    second = ours.stage(token, [refused, person(4, **BAD), person(5, **LOCAL)])
    assert second["Batch"] == {
        "First": 3, "Last": 5, "ValidationFailed": 2, "RefusedOptOuts": 1, "NumbersWithoutCountryCode": 1,
    }  # fmt: skip
    for status in (second, ours.status(token)):
        counts = ("UndatedChoices", "RefusedOptOuts", "NumbersWithoutCountryCode")
        assert [status[name] for name in counts] == [1, 1, 2]


def test_counts_of_zero_are_absent(ours: WireClient) -> None:
    token = ours.prepare([person(1)], **MATCH)
    assert not ours.status(token).keys() & {"UndatedChoices", "RefusedOptOuts", "NumbersWithoutCountryCode", "Batch"}


def test_the_exceptions_mark_the_refused_records_that_hold_a_no(ours: WireClient) -> None:
    """The order is still the order of SequenceNumber. The mark is accepted and ignored when the record is staged
    again."""
    records = [person(1, **BAD), person(2, Emails=mail("b@example.com", NO), **BAD), person(3)]
    token = ours.prepare(records, **MATCH)
    plain, marked = ours.exceptions(token)["UserProfilePreferences"]
    assert ("HoldsOptOut" in plain, marked["HoldsOptOut"]) == (False, True)
    assert [plain["SequenceNumber"], marked["SequenceNumber"]] == [1, 2]
    del marked["PhoneNumbers"]
    again = ours.stage(token, [marked])
    assert again["Batch"]["ValidationFailed"] == 0
    assert again["RefusedOptOuts"] == 1


def test_a_record_refused_at_execution_counts_too(ours: WireClient) -> None:
    ours.run([person(1, AlternateIds=[{"AlternateIdType": "Loyalty", "AlternateId": "L-1"}])])
    taken = [{"AlternateIdType": "Loyalty", "AlternateId": "L-1"}]
    records = [
        person(2, Emails=mail("b@example.com", NO)),
        person(3, Emails=mail("c@example.com", YES)),
        person(4, Emails=mail("d@example.com", NO)),
    ]
    for record in records[:2]:
        record["AlternateIds"] += taken
    token = ours.prepare(records, **MATCH)
    status = ours.finish(token)
    assert (status["Exceptions"], status["Created"], status["RefusedOptOuts"]) == (2, 1, 1)
    marks = ["HoldsOptOut" in one for one in ours.exceptions(token)["UserProfilePreferences"]]
    assert marks == [True, False]


def test_a_delete_has_no_such_counts(ours: WireClient) -> None:
    """The members of Delete records other than the ids are ignored."""
    token = ours.prepare([person("x", Emails=mail("b@example.com", NO, UNDATED), **LOCAL), {}], ImportAction="Delete")
    assert ours.status(token)["ValidationFailed"] == 2
    assert "RefusedOptOuts" not in ours.status(token)
    assert all("HoldsOptOut" not in one for one in ours.exceptions(token)["UserProfilePreferences"])


def test_many_equal_faults_are_stored_once_and_returned_for_each_record(ours: WireClient) -> None:
    token = ours.prepare([1] * 1000 + [person(1)] + [1] * 100, **MATCH)
    import_id = ours.status(token)["ImportId"]
    page = ours.exceptions(token, limit=30, offset=990)
    assert (page["TotalResults"], page["HasMore"]) == (1100, True)
    numbers = [one["SequenceNumber"] for one in page["UserProfilePreferences"]]
    assert numbers == [*range(990, 1001), *range(1002, 1021)]
    assert all(one["Exceptions"][0]["Code"] == "Record.NotAnObject" for one in page["UserProfilePreferences"])
    with psycopg.connect(ours.access.database_url) as connection:
        kept = connection.execute(
            "SELECT count(*), sum(repeats) FROM import_fault WHERE import_id = %s", [UUID(import_id)]
        ).fetchone()
    assert kept == (19, 1100)
    lines = ours.try_exceptions(token, accept="application/x-ndjson").text.splitlines()
    assert len(lines) == 1100
    assert ours.finish(token)["Created"] == 1
    last = ours.exceptions(token, limit=10, offset=1091)
    assert [one["SequenceNumber"] for one in last["UserProfilePreferences"]] == list(range(1092, 1102))


def test_faults_that_change_from_record_to_record_are_given_out_each(ours: WireClient) -> None:
    sent = [n if n % 3 else person(n) for n in range(1, 301)] + [
        {f"Odd{n}": 1 for n in range(m, m + 99)} for m in (1, 2)
    ]
    token = ours.prepare(sent, **MATCH)
    refused = [n for n in range(1, 301) if n % 3]
    for offset in (1, 2, 43, 64, 65, 66, 130, 199, 200):
        page = ours.exceptions(token, limit=20, offset=offset)["UserProfilePreferences"]
        numbers = [*refused, 301, 302][offset - 1 : offset + 19]
        assert [one["SequenceNumber"] for one in page] == numbers
        values = [one["Exceptions"][0]["Value"] for one in page]
        assert values == [number if number <= 300 else 1 for number in numbers]
    lines = ours.try_exceptions(token, accept="application/x-ndjson").text.splitlines()
    assert [json.loads(line)["SequenceNumber"] for line in lines] == [*refused, 301, 302]
    assert len(json.loads(lines[-1])["Exceptions"]) >= 99
    assert ours.finish(token)["Created"] == 100


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson"])
def test_too_many_records_are_413(ours: WireClient, media: str) -> None:
    token = ours.prepare([person(1)], **MATCH)
    before = ours.status(token)
    many = b"1\n" * 1_000_001
    body = many if "ndjson" in media else b'{"UserProfilePreferences":[' + many[:-1].replace(b"\n", b",") + b"]}"
    check_problem(ours.try_stage(token, body, media=media), 413, "Batch.TooManyRecords")
    assert ours.status(token) == before


def test_an_odd_delete_record_does_not_cost_its_batch(ours: WireClient) -> None:
    made = ours.write(person(7))["ProfileId"]
    token = ours.initiate(ImportAction="Delete")["AccessToken"]
    odd = b'{"ProfileId":%d,"AlternateIds":7,"N":%s,"X":%s}' % (made, b"1" * 5000, b"[" * 990 + b"]" * 990)
    status = require(ours.try_stage(token, b'{"UserProfilePreferences":[' + odd + b',{"ProfileId":0}]}'))
    assert status["ValidationFailed"] == 1
    assert ours.finish(token)["Deleted"] == 1
