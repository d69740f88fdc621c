"""Rendered answers: the status object, and the exceptions as NDJSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest

from consentory.codec.answers.exception_streams import write_csv, write_ndjson
from consentory.codec.answers.status_object import render_status
from consentory.domain.imports import Books, ExceptionRow, Import, ImportSettings, StagedBatch
from consentory.domain.record import Fault

ITEM = Import(
    account_id=1,
    import_id=UUID("01936f5c-8a00-7c3e-9b1f-2f6d1c0a9e77"),
    access_token=2**53 - 1,
    status="Processing",
    settings=ImportSettings(name="Nightly", match_type="CRM"),
    books=Books(
        received=20,
        valid=18,
        failed=2,
        pending=3,
        exceptions=1,
        not_honored=4,
        created=1,
        updated=2,
        unchanged=3,
        deleted=4,
    ),
    caller="nightly",
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    expires_at=datetime(2026, 3, 1, 14, 5, tzinfo=timezone(timedelta(hours=2))),
    started_at=datetime(2026, 3, 1, 1, 2, 3, microsecond=456, tzinfo=UTC),
)


def test_the_status_object_has_every_field_in_the_order_of_the_contract() -> None:
    told = json.loads(msgspec.json.encode(render_status(ITEM)))
    assert list(told.items()) == [
        ("TotalRecordsReceived", 20),
        ("ValidationSuccessful", 18),
        ("ValidationFailed", 2),
        ("Pending", 3),
        ("Processed", 10),
        ("Exceptions", 1),
        ("NotHonored", 4),
        ("AccessToken", 9007199254740991),
        ("Status", "Processing"),
        ("Expires", "2026-03-01T12:05:00Z"),
        ("Name", "Nightly"),
        ("DataStageDuration", 3),
        ("ImportAction", "Add"),
        ("MatchCriteria", "AlternateIdType"),
        ("MatchValue", "CRM"),
        ("RefreshAlternateIds", False),
        ("RefreshContacts", False),
        ("RefreshCustomFields", False),
        ("RefreshGroups", False),
        ("RefreshTags", False),
        ("AllowPriorConsents", False),
        ("ImportId", "01936f5c-8a00-7c3e-9b1f-2f6d1c0a9e77"),
        ("Created", 1),
        ("Updated", 2),
        ("Unchanged", 3),
        ("Deleted", 4),
        ("StartedAt", "2026-03-01T01:02:03.000456Z"),
        ("CompletedAt", None),
        ("FailureReason", None),
        ("HeldReason", None),
        ("Source", None),
    ]


def test_without_a_match_type_both_match_fields_are_null() -> None:
    told = render_status(msgspec.structs.replace(ITEM, settings=ImportSettings(name="N")))
    assert (told.MatchCriteria, told.MatchValue) == (None, None)


def test_batch_is_in_the_answer_of_stage_alone() -> None:
    assert "Batch" not in json.loads(msgspec.json.encode(render_status(ITEM)))
    told = json.loads(msgspec.json.encode(render_status(ITEM, StagedBatch(11, 20, 1))))
    assert told["Batch"] == {"First": 11, "Last": 20, "ValidationFailed": 1}


def make_row(number: int, *values: str | int | float | bool | None) -> ExceptionRow:
    faults = [Fault("Some.Code", "What is wrong.", "$.A", value) for value in values]
    return ExceptionRow(number, "Stage", faults, b'{"SequenceNumber":%d}' % number)


def test_ndjson_is_one_record_a_line() -> None:
    rows = [make_row(number, "x") for number in range(1, 1001)]
    lines = b"".join(write_ndjson(iter(rows))).splitlines()
    assert [json.loads(line)["SequenceNumber"] for line in lines] == list(range(1, 1001))


def test_csv_is_one_row_a_fault() -> None:
    text = b"".join(write_csv(iter([make_row(7, "a", 'say "x",\nplease'), make_row(9, None, True, 1.5)]))).decode()
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [
        {
            "SequenceNumber": str(number),
            "Phase": "Stage",
            "Code": "Some.Code",
            "Path": "$.A",
            "Value": value,
            "Message": "What is wrong.",
        }
        for number, value in [(7, "a"), (7, 'say "x",\nplease'), (9, ""), (9, "true"), (9, "1.5")]
    ]


def test_csv_of_nothing_has_its_row_of_names() -> None:
    assert b"".join(write_csv(iter([]))) == b"SequenceNumber,Phase,Code,Path,Value,Message\r\n"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", -5])
def test_a_cell_that_a_spreadsheet_would_run_is_prefixed_with_an_apostrophe(value: str | int) -> None:
    text = b"".join(write_csv(iter([make_row(1, value)]))).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["Value"] == f"'{value}"


def test_other_cells_stay_as_they_are() -> None:
    text = b"".join(write_csv(iter([make_row(1, "a=b", 5, " -x")]))).decode()
    assert [row["Value"] for row in csv.DictReader(io.StringIO(text, newline=""))] == ["a=b", "5", " -x"]
