"""import-api.md, "Exceptions", over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from running_server import RunningServer
from waiting import wait_for
from wire_client import FAULTY, WireClient, check_problem, choice, codes, mail, pack, person, require

CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
NDJSON = "application/x-ndjson"
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


def marked(*marks: Any) -> list[dict[str, Any]]:
    """Records that fail validation and can be told apart."""
    return [{"Mark": mark} for mark in marks]


def numbers(page: dict[str, Any]) -> list[int]:
    return [record["SequenceNumber"] for record in page["UserProfilePreferences"]]


# Pages


def test_the_page_has_every_field(ours: WireClient) -> None:
    """Count, Limit, Offset, HasMore, TotalResults, UserProfilePreferences; limit default 1,000; offset default 1."""
    token = ours.prepare([person(1), FAULTY])
    page = ours.exceptions(token)
    records = page.pop("UserProfilePreferences")
    assert page == {"Count": 1, "Limit": 1000, "Offset": 1, "HasMore": False, "TotalResults": 1}
    assert (len(records), records[0]["SequenceNumber"], records[0]["Phase"]) == (1, 2, "Stage")


def test_limit_and_offset_are_1_based_and_in_order(ours: WireClient) -> None:
    """offset 1-based: limit 100 and offset 101 are records 101 to 200. In order of SequenceNumber."""
    token = ours.prepare(marked(*range(250)))
    page = ours.exceptions(token, limit=100, offset=101)
    assert numbers(page) == list(range(101, 201))
    assert [page[name] for name in ("Count", "Limit", "Offset", "HasMore", "TotalResults")] == [
        100,
        100,
        101,
        True,
        250,
    ]
    last = ours.exceptions(token, limit=100, offset=201)
    assert (numbers(last), last["HasMore"]) == (list(range(201, 251)), False)
    beyond = ours.exceptions(token, offset=251)
    assert [beyond[name] for name in ("Count", "HasMore", "TotalResults")] == [0, False, 250]


def test_limit_is_1_to_10000(ours: WireClient) -> None:
    """limit 1..10,000; 400: malformed or invalid request."""
    token = ours.prepare(marked("a", "b"))
    assert numbers(ours.exceptions(token, limit=1)) == [1]
    assert ours.exceptions(token, limit=10_000)["Limit"] == 10_000
    for name, wrong in (("limit", 0), ("limit", 10_001), ("limit", "x"), ("offset", 0), ("offset", -1), ("phase", "x")):
        problem = check_problem(ours.try_exceptions(token, **{name: wrong}), 400, "Request.InvalidParameter")
        assert [path for _, path in codes(problem)] == [name]


def test_pages_are_stable_once_the_import_has_ended(ours: WireClient) -> None:
    """Pages are stable once the import has ended; together they are all, each once."""
    token = ours.prepare([*marked(*range(30)), *[person(1)] * 3])  # of three records with one id, two are InUse
    ours.finish(token)
    pages = [ours.exceptions(token, limit=7, offset=start) for start in range(1, 33, 7)]
    assert pages == [ours.exceptions(token, limit=7, offset=start) for start in range(1, 33, 7)]
    assert [number for page in pages for number in numbers(page)] == [*range(1, 31), 32, 33]
    assert pages[0]["TotalResults"] == 32


# The content of exceptions


def test_far_pages_hold_what_the_stream_holds(ours: WireClient) -> None:
    """Page by page, and as a stream: the same records in the same order, beyond every seek key."""
    token = ours.initiate()["AccessToken"]
    count = 25_000
    # Every seventh record is valid, so places and SequenceNumbers differ.
    records = [person(number) if number % 7 == 0 else {"Nope": number} for number in range(count)]
    ours.stage(token, records[:20_000])
    ours.stage(token, records[20_000:])
    refused = [number + 1 for number in range(count) if number % 7]
    ended = ours.call(token, "Cancel")  # the places in an ended import are remembered
    assert ended.status_code == 200
    for offset, limit in ((1, 3), (9_999, 4), (10_000, 2), (10_001, 1), (20_001, 3), (19_998, 10), (len(refused), 5)):
        page = ours.exceptions(token, limit=limit, offset=offset)
        assert numbers(page) == refused[offset - 1 : offset - 1 + limit]
        assert page["TotalResults"] == len(refused)
    assert numbers(ours.exceptions(token, limit=5, offset=len(refused) + 20_000)) == []


@pytest.fixture
def ended(ours: WireClient) -> int:
    """The token of an import with every kind of outcome. By SequenceNumber: 1 created, 2 refused at staging, 3 refused
    at execution, 4 updated with a part not honored, 5 not honored at all, 6 unchanged."""
    known = [person(n, Emails=mail(f"c{n}@example.com", choice("OFFERS-EMAIL", 2, NEW))) for n in range(4, 7)]
    ours.run(known, **CRM)
    unconsented = choice("NEWS-TEXT", 1, NEW)
    late = [mail(f"c{n}@example.com", choice("OFFERS-EMAIL", 1, OLD)) for n in range(7)]
    batch = [
        person(1),
        person(2, CustomerType="Nobody"),
        person(3, PhoneNumbers=[{"PhoneNumber": "+12025550143", "PhoneNumberPreferences": [unconsented]}]),
        person(4, Emails=late[4], ProfileTags=[{"Name": "new"}]),
        person(5, Emails=late[5]),
        known[2],
    ]
    return int(ours.run(batch, **CRM)["AccessToken"])


def test_records_from_staging_and_from_execution_are_both_here(ours: WireClient, ended: int) -> None:
    """Records from staging and from execution are both here; the default is the first two, so that
    TotalResults = ValidationFailed + Exceptions."""
    page, status = ours.exceptions(ended), ours.status(ended)
    assert [(one["SequenceNumber"], one["Phase"]) for one in page["UserProfilePreferences"]] == [
        (2, "Stage"),
        (3, "Execute"),
    ]
    assert page["TotalResults"] == status["ValidationFailed"] + status["Exceptions"] == 2
    assert page["UserProfilePreferences"][1]["Exceptions"][0]["Code"] == "Preference.ConsentRequired"


@pytest.mark.parametrize(
    ("phases", "found"),
    [
        (["Stage"], [2]),
        (["Execute"], [3]),
        (["NotHonored"], [4, 5]),
        (["Stage", "Execute"], [2, 3]),
        (["Execute", "NotHonored"], [3, 4, 5]),
        (["Stage", "Execute", "NotHonored"], [2, 3, 4, 5]),
    ],
)
def test_phase_picks(ours: WireClient, ended: int, phases: list[str], found: list[int]) -> None:
    """phase=Stage|Execute|NotHonored picks."""
    page = ours.exceptions(ended, phase=phases)
    assert (numbers(page), page["TotalResults"]) == (found, len(found))
    assert all(record["Phase"] in phases for record in page["UserProfilePreferences"])
    second = ours.exceptions(ended, phase=phases, limit=1, offset=2)
    assert (numbers(second), second["HasMore"]) == (found[1:2], len(found) > 2)


def test_not_honored_lists_every_record_of_which_something_was_not_honored(ours: WireClient, ended: int) -> None:
    """NotHonored lists every record of which a part was not honored, with the reason for each element."""
    for record in ours.exceptions(ended, phase="NotHonored")["UserProfilePreferences"]:
        assert [(fault["Code"], fault["Path"]) for fault in record["Exceptions"]] == [
            ("Preference.Superseded", "$.Emails[0].EmailPreferences[0]")
        ]
        nested = record["Emails"][0]["EmailPreferences"][0]["Exceptions"]
        assert nested == record["Exceptions"]


def test_a_fault_stands_twice(ours: WireClient) -> None:
    """A fault is {Code, Message, Path, Value} and stands twice: in the record's own Exceptions, with a JSON path,
    and in the Exceptions of the nested element that it belongs to."""
    faulty = person(1, Emails=[{"EmailAddress": "a@example.com"}, {"EmailAddress": "nobody"}], CustomerType="Nobody")
    (record,) = ours.exceptions(ours.prepare([faulty]))["UserProfilePreferences"]
    by_path = {fault["Path"]: fault for fault in record["Exceptions"]}
    assert set(by_path) == {"$.Emails[1].EmailAddress", "$.CustomerType"}
    fault = by_path["$.Emails[1].EmailAddress"]
    assert list(fault) == ["Code", "Message", "Path", "Value"]
    assert (fault["Code"], fault["Value"]) == ("Email.Malformed", "nobody")
    assert fault["Message"]
    assert record["Emails"] == [{"EmailAddress": "a@example.com"}, {"EmailAddress": "nobody", "Exceptions": [fault]}]


def test_value_is_what_was_sent_cut_at_200_characters(ours: WireClient) -> None:
    """Value is what was sent, cut at 200 characters."""
    batch = [person(1, CustomerType="é" * 300), person(2, CustomerType=17), person(3, CustomerType="é" * 200)]
    found = ours.exceptions(ours.prepare(batch))["UserProfilePreferences"]
    assert [record["Exceptions"][0]["Value"] for record in found] == ["é" * 200, 17, "é" * 200]


def test_a_record_taken_from_the_answer_may_be_corrected_and_staged_again(ours: WireClient) -> None:
    """A record taken from the exceptions answer may be corrected and staged again as it is. It counts as a new one."""
    token = ours.prepare([person(1, CustomerType="Nobody", Emails=[{"EmailAddress": "nobody"}])])
    (record,) = ours.exceptions(token)["UserProfilePreferences"]
    assert ours.stage(token, [record])["Batch"] == {"First": 2, "Last": 2, "ValidationFailed": 1}
    again = ours.exceptions(token)["UserProfilePreferences"][1]
    assert again == record | {"SequenceNumber": 2}
    record["CustomerType"] = "Prospect"
    record["Emails"][0]["EmailAddress"] = "somebody@example.com"
    status = ours.stage(token, [record])
    assert status["Batch"] == {"First": 3, "Last": 3, "ValidationFailed": 0}
    assert (status["TotalRecordsReceived"], status["ValidationFailed"]) == (3, 2)
    ours.finish(token)
    assert ours.find_crm("C-1")["Emails"][0]["EmailAddress"] == "somebody@example.com"


# Streams


def test_ndjson_streams_all_of_them(ours: WireClient) -> None:
    """Accept: application/x-ndjson … streams all of them (whatever limit and offset say)."""
    token = ours.prepare(marked(*range(2500)))
    answer = ours.try_exceptions(token, NDJSON, limit=1)
    assert answer.headers["content-type"].startswith(NDJSON)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["SequenceNumber"], line["Mark"]) for line in lines] == [(n + 1, n) for n in range(2500)]
    assert lines[:3] == ours.exceptions(token, limit=3)["UserProfilePreferences"]
    assert require(ours.try_stage(token, answer.content, NDJSON))["Batch"]["First"] == 2501


def test_csv_streams_one_row_a_fault(ours: WireClient, ended: int) -> None:
    """Accept: text/csv streams all of them (CSV: one row a fault …)."""
    answer = ours.try_exceptions(ended, "text/csv", phase=["Stage", "Execute", "NotHonored"])
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["SequenceNumber"], row["Phase"], row["Code"]) for row in rows] == [
        ("2", "Stage", "CustomerType.Unknown"),
        ("3", "Execute", "Preference.ConsentRequired"),
        ("4", "NotHonored", "Preference.Superseded"),
        ("5", "NotHonored", "Preference.Superseded"),
    ]
    two = ours.prepare([person(1, CustomerType="Nobody", DefaultLocale="xx")])
    assert len(ours.try_exceptions(two, "text/csv").text.splitlines()) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_cell_that_begins_like_a_formula_is_prefixed(ours: WireClient, start: str) -> None:
    """A cell that begins with = + - @ is prefixed with an apostrophe."""
    token = ours.prepare([person(1, CustomerType=start + 'cmd|" /C calc"!A0')])
    (row,) = csv.DictReader(io.StringIO(ours.try_exceptions(token, "text/csv").text, newline=""))
    assert row["Value"] == f"'{start}" + 'cmd|" /C calc"!A0'


def test_an_accept_that_fits_nothing_is_406(ours: WireClient) -> None:
    """405, 406: as HTTP has them."""
    token = ours.prepare([FAULTY])
    check_problem(ours.try_exceptions(token, "text/html"), 406, "Request.NotAcceptable")
    assert ours.try_exceptions(token, "text/html, */*;q=0.1").headers["content-type"] == "application/json"


# Who gets the records


def test_exception_records_are_returned_to_their_stager_and_to_readers_of_everything(
    ours: WireClient, running: RunningServer
) -> None:
    """The records are given to whoever staged them, and to callers who may read profiles with all channels,
    programs and consent types."""
    token = ours.initiate()["AccessToken"]
    ours.stage(token, marked("secret-of-nightly"))
    with WireClient(running.give_access(ours.access.account, "mailer")) as mailer:
        mailer.stage(token, marked("secret-of-mailer"))
        theirs, own = mailer.exceptions(token)["UserProfilePreferences"]
        assert own["Mark"] == "secret-of-mailer"
        assert (theirs["SequenceNumber"], theirs["Phase"], "Mark" in theirs) == (1, "Stage", False)
        for accept in (None, NDJSON, "text/csv"):
            text = mailer.try_exceptions(token, accept).text
            assert "secret-of-nightly" not in text
            assert "secret-of-mailer" in text
    assert [record["Mark"] for record in ours.exceptions(token)["UserProfilePreferences"]] == [
        "secret-of-nightly",
        "secret-of-mailer",
    ]


# Retention


@pytest.mark.slow
def test_after_their_retention_the_staged_records_are_gone_and_the_counts_stay(ours: WireClient) -> None:
    """Asking for exceptions after that is 410: the staged records are gone. The import and its counts stay.
    (Staged records go at the later of Initiate + DataStageDuration and the import's end; with 0, what was
    refused stays until the token expires.)"""
    kept = ours.run([person(1), FAULTY], DataStageDuration=3)
    none_kept = ours.run([person(2), FAULTY], DataStageDuration=0)
    open_still = ours.initiate(DataStageDuration=1)
    ours.stage(open_still["AccessToken"], [FAULTY])
    for one in (kept, open_still):
        ours.change(
            "UPDATE import SET created_at = created_at - interval '4 days' WHERE import_id = %s", one["ImportId"]
        )
    wait_for(lambda: ours.try_exceptions(kept["AccessToken"]).status_code, lambda status: status == 410)
    for accept in (None, NDJSON, "text/csv"):
        check_problem(ours.try_exceptions(kept["AccessToken"], accept), 410, "Import.RetentionOver")
    check_problem(ours.try_import(kept["ImportId"], "/Exceptions"), 410, "Import.RetentionOver")
    assert ours.status(kept["AccessToken"]) == kept
    assert ours.exceptions(open_still["AccessToken"])["Count"] == 1  # the import has not ended
    assert ours.exceptions(none_kept["AccessToken"])["Count"] == 1
    ours.expire(none_kept["ImportId"])
    by_id = none_kept["ImportId"]
    wait_for(lambda: ours.try_import(by_id, "/Exceptions").status_code, lambda status: status == 410)
    assert require(ours.try_import(by_id))["Created"] == 1


def test_the_exceptions_of_an_import_by_its_id(ours: WireClient, ended: int) -> None:
    """One import by id, its exceptions."""
    import_id = ours.status(ended)["ImportId"]
    assert require(ours.try_import(import_id, "/Exceptions")) == ours.exceptions(ended)
    assert require(ours.try_import(import_id, "/Exceptions", phase="NotHonored", limit=1))["HasMore"] is True


def test_a_delete_keeps_only_the_ids_of_valid_records(ours: WireClient) -> None:
    """Delete records: of a valid record only these two are kept in staging."""
    done = ours.run([person("gone", CustomerName={"FirstName": "Zoe"})], ImportAction="Delete", **CRM)
    (record,) = ours.exceptions(done["AccessToken"], phase="NotHonored")["UserProfilePreferences"]
    assert "Zoe" not in json.dumps(record)
    assert json.dumps(record).count("C-gone") >= 1
    assert pack([record])
