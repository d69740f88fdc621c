"""One record never costs the batch (import-api.md, "Stage"): unexpected errors, and unusual Delete records."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from batch_cases import validate
from record_cases import make_configuration_index, make_validator, read_document
from structlog.testing import capture_logs

from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.batch_body import split_batch
from consentory.codec.staging.staged_block import decode_record, unpack_raw, unpack_run, unpack_work
from consentory.domain.imports import ImportSettings
from consentory.domain.record import Fault
from consentory.services.imports.batch_validation import ValidatedBatch, validate_batch

CRM = [{"AlternateIdType": "CRM", "AlternateId": "4711"}]
LONG = "1" * 5000
DEEP = "[" * 990 + "]" * 990
VERY_DEEP = "[" * 100_000 + "]" * 100_000


def list_faults(batch: ValidatedBatch) -> dict[int, list[Fault]]:
    return {
        place + more: msgspec.json.decode(faults, type=list[Fault])
        for place, records, run in batch.list_faults()
        for more, faults in enumerate(unpack_run(run) if len(unpack_run(run)) > 1 else unpack_run(run) * records)
    }


def make_breaking_validator(**settings: Any) -> RecordValidator:
    """A validator with a bound that is not a number, so the comparison fails. No account document can have such a
    bound."""
    document = read_document()
    for field in document["customFields"]:
        if field["name"] == "Score":
            field["min"] = float("nan")
    return make_validator(make_configuration_index(document), **settings)


@pytest.mark.parametrize("match_type", [None, "CRM"])
def test_an_unexpected_error_is_the_fault_of_one_record(match_type: str | None) -> None:
    """… is that record's `Stage.Unexpected`, with a reference into the log; the other records are staged."""
    people = [{"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": str(n)}]} for n in range(200)]
    for broken in (3, 70, 71, 199):
        people[broken] |= {"CustomFields": [{"Name": "Score", "Value": "812"}], "CustomerName": {"LastName": "Quixote"}}
    validator = make_breaking_validator(match_type=match_type)
    with capture_logs() as events:
        batch = validate([json.dumps(one) for one in people], validator, match_type=match_type)
    faults = list_faults(batch)
    assert list(faults) == [3, 70, 71, 199]
    assert (batch.failed, sum(len(unpack_work(block.work)) for block in batch.blocks)) == (4, 196)
    told = {event["reference"]: event for event in events}
    for place, (fault,) in faults.items():
        assert (fault.Code, fault.Path) == ("Stage.Unexpected", "$")
        (reference,) = re.findall(r"\b[0-9a-f]{16}\b", fault.Message)
        assert told[reference]["place_in_batch"] == place
        assert told[reference]["error"]
        assert any("validate_fields" in at for at in told[reference]["places"])
    assert not re.search("Quixote|['\"]812['\"]", repr(events))


ODD = [
    '{"ProfileId":5,"AlternateIds":7}',
    '{"ProfileId":5,"AlternateIds":{"CRM":"4711"}}',
    '{"ProfileId":5,"AlternateIds":[7,[],"x",null,{"AlternateIdType":["CRM"]}]}',
    f'{{"ProfileId":5,"Score":{LONG}}}',
    f'{{"ProfileId":5,"CustomFields":[{{"Value":{LONG}.5e{LONG}}}]}}',
    f'{{"ProfileId":5,"Emails":{DEEP}}}',
    f'{{"ProfileId":5,"Emails":{VERY_DEEP}}}',
    f'{{"Emails":{VERY_DEEP},"ProfileId":5,"AlternateIds":[{{"AlternateIdType":"Loyalty","AlternateId":{VERY_DEEP}}}]}}',
    '{"ProfileId":5,"X\\ud800":"\\udc00"}',
    f'{{"AlternateIds":[{{"AlternateIdType":"CRM","AlternateId":"4711","Edited":{VERY_DEEP}}}]}}',
    f'{{"AlternateIds":[{{"AlternateIdType":"crm ","AlternateId":" 4711","N":{LONG}}},{LONG},{VERY_DEEP}]}}',
    '{"AlternateIds":[{"AlternateIdType":"CRM","AlternateId":"4711"},{"AlternateIdType":7,"AlternateId":"\\ud800"}]}',
]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_other_members_of_a_delete_record_are_ignored_in_any_form(form: Any) -> None:
    validator = make_validator(action="Delete", match_type="CRM")
    body = "\n".join(ODD) if form == "ndjson" else f'{{"UserProfilePreferences": [{",".join(ODD)}]}}'
    settings = ImportSettings(name="test", action="Delete", match_type="CRM")
    batch = validate_batch(split_batch(body.encode(), form), validator, settings)
    assert list_faults(batch) == {}
    (block,) = batch.blocks
    records = [decode_record(item.encoded) for item in unpack_work(block.work)]
    assert [record.profile_id for record in records] == [5] * 9 + [None] * 3
    assert len({record.match_key for record in records[9:]}) == 1
    for kept in map(json.loads, unpack_raw(block.raw)):
        assert kept == {"ProfileId": 5} or kept["AlternateIds"][0]["AlternateId"].strip() == "4711"
        assert kept.keys() <= {"ProfileId", "AlternateIds"}


@pytest.mark.parametrize(
    ("record", "code", "path"),
    [
        (f'{{"ProfileId":{LONG}}}', "Number.OutOfRange", "$.ProfileId"),
        (f'{{"ProfileId":{VERY_DEEP}}}', "Value.WrongType", "$.ProfileId"),
        (
            f'{{"AlternateIds":[{{"AlternateIdType":"CRM","AlternateId":{VERY_DEEP}}}]}}',
            "Value.WrongType",
            "$.AlternateIds[0].AlternateId",
        ),
        (VERY_DEEP, "Record.NotAnObject", "$"),
        (LONG, "Record.NotAnObject", "$"),
        ('{"AlternateIds":7}', "Match.IdRequired", "$.AlternateIds"),
        ("{}", "Match.IdRequired", "$.AlternateIds"),
    ],
)
def test_a_fault_in_the_ids_of_a_delete_record_is_one_records_fault(record: str, code: str, path: str) -> None:
    validator = make_validator(action="Delete", match_type="CRM")
    batch = validate(['{"ProfileId":4}', record, '{"ProfileId":6}'], validator, action="Delete", match_type="CRM")
    assert [(fault.Code, fault.Path) for fault in list_faults(batch)[1]] == [(code, path)]
    assert batch.failed == 1
    assert len(unpack_work(batch.blocks[0].work)) == 2


def test_records_in_succession_with_the_same_faults_are_kept_as_one() -> None:
    """A block of equal faulty records has one list of faults, and consecutive records are one run."""
    batch = validate(["1"] * 200 + [json.dumps({"ProfileId": 5})] + ["1", "2", "2"], make_validator())
    kept = [(place, repeats) for place, repeats, _ in batch.list_faults()]
    assert kept == [(0, 64), (64, 64), (128, 64), (192, 8), (201, 3)]
    assert batch.failed == 203
    assert {fault.Code for faults in list_faults(batch).values() for fault in faults} == {"Record.NotAnObject"}


def test_two_kinds_of_faulty_records_in_turn_take_no_more_space_than_one() -> None:
    """Bytes of the faults. Once, 4 kB of a compressed body filled 400 MB, because each of its records differed from the
    record before."""
    batch = validate(["1", "2", "{}", "[]"] * 480, make_validator())
    runs = list(batch.list_faults())
    assert [(place, records) for place, records, _ in runs] == [(place, 64) for place in range(0, 1920, 64)]
    assert sum(len(run) for _, _, run in runs) < 30 * 1920
    assert {fault.Value for faults in list_faults(batch).values() for fault in faults} >= {1, 2}


def test_a_run_of_faults_has_a_bound() -> None:
    """A page of exceptions reads a run once for each of its records."""
    records = [json.dumps({f"Unknown{n}-{m}": 1 for m in range(120)}) for n in range(64)]
    runs = list(validate(records, make_validator()).list_faults())
    assert [records for _, records, _ in runs] == [1] * 64
    assert len(list_faults(validate(records, make_validator()))) == 64
