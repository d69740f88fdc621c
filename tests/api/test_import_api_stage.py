"""import-api.md, "Stage", over HTTP: batches, SequenceNumbers and stored records. Each docstring quotes its
sentence."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
import zstandard
from wire_client import FAULTY, WireClient, at_once, check_problem, pack, person, require

NDJSON = "application/x-ndjson"


@pytest.fixture
def token(ours: WireClient) -> int:
    """The access token of a new import."""
    return int(ours.initiate()["AccessToken"])


def in_lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def refused(ours: WireClient, token: int) -> list[tuple[int, list[tuple[str, str]]]]:
    """(SequenceNumber, (code, path) of each fault) of every record that failed validation."""
    found = ours.exceptions(token)["UserProfilePreferences"]
    return [(one["SequenceNumber"], [(f["Code"], f["Path"]) for f in one["Exceptions"]]) for one in found]


# Media types and encodings


def test_json_is_taken(ours: WireClient, token: int) -> None:
    """POST with {"UserProfilePreferences": [record, …]}, application/json."""
    for media in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert require(ours.try_stage(token, [person(1)], media))["Batch"]["ValidationFailed"] == 0


def test_a_body_without_a_content_type_is_json(ours: WireClient, token: int) -> None:
    """POST with {"UserProfilePreferences": [record, …]}, application/json."""
    assert require(ours.http.post(ours.path(token, "Stage"), content=pack([person(1)])))["TotalRecordsReceived"] == 1


def test_ndjson_is_one_record_a_line(ours: WireClient, token: int) -> None:
    """Also application/x-ndjson, one record a line."""
    body = in_lines(person(1)) + b"\r\n  \n" + in_lines(FAULTY, person(2)).rstrip() + b""
    assert require(ours.try_stage(token, body, NDJSON))["Batch"] == {"First": 1, "Last": 3, "ValidationFailed": 1}
    assert require(ours.try_stage(token, b"", NDJSON))["TotalRecordsReceived"] == 3


@pytest.mark.parametrize("media", ["application/json", NDJSON])
def test_gzip_and_zstd_on_either(ours: WireClient, token: int, media: str) -> None:
    """And Content-Encoding: gzip or zstd on either."""
    body = pack([person(1), person(2)]) if media == "application/json" else in_lines(person(1), person(2))
    for encoding, packed in (
        ("gzip", gzip.compress(body)),
        ("gzip", gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("zstd", zstandard.compress(body)),
        ("zstd", zstandard.compress(body[:9]) + zstandard.compress(body[9:])),
        ("identity", body),
    ):
        answer = ours.try_stage(token, packed, media, Content_Encoding=encoding)
        assert require(answer)["Batch"]["ValidationFailed"] == 0
    assert ours.status(token)["TotalRecordsReceived"] == 10


@pytest.mark.parametrize("media", ["text/plain", "multipart/form-data", "application/json; charset=utf-16"])
def test_another_media_type_is_415(ours: WireClient, token: int, media: str) -> None:
    """415: media type … not supported."""
    answer = ours.try_stage(token, [person(1)], media)
    check_problem(answer, 415, "Request.UnsupportedMediaType")
    assert answer.headers["accept-post"] == f"application/json, {NDJSON}"
    assert ours.status(token)["TotalRecordsReceived"] == 0


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x"])
def test_another_encoding_is_415(ours: WireClient, token: int, encoding: str) -> None:
    """415: … encoding not supported."""
    answer = ours.try_stage(token, [person(1)], Content_Encoding=encoding)
    check_problem(answer, 415, "Request.UnsupportedEncoding")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_of_another_encoding_or_cut_off_is_400(ours: WireClient, token: int, encoding: str) -> None:
    """Bytes that are not JSON text (cut off …) stage nothing: 400."""
    whole = gzip.compress(pack([person(1)])) if encoding == "gzip" else zstandard.compress(pack([person(1)]))
    for body in (pack([person(1)]), whole[:-3], b"", whole + b"rubbish"):
        check_problem(ours.try_stage(token, body, Content_Encoding=encoding), 400, "Request.MalformedEncoding")
    assert ours.status(token)["Status"] == "Initiated"


# One call is one batch


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (b"", "Request.MalformedJson", "byte 0"),
        (b'{"UserProfilePreferences": [{"ProfileId": 1}', "Request.MalformedJson", "byte 44"),
        (b'{"UserProfilePreferences": [{"ProfileId": 1}, {]}', "Request.MalformedJson", "byte 47"),
        (b'{"UserProfilePreferences": []}]', "Request.MalformedJson", "byte 30"),
        (b'{"UserProfilePreferences": [{"ProfileId": 01}]}', "Request.MalformedJson", "byte 43"),
        (b'{"UserProfilePreferences": [{"ProfileId": NaN}]}', "Request.MalformedJson", "byte 42"),
        (b'{"UserProfilePreferences": [{"DefaultLocale": "\xc3"}]}', "Request.NotUtf8", "byte 47"),
        (b'{"UserProfilePreferences": [{"DefaultLocale": "\xed\xa0\x80"}]}', "Request.NotUtf8", "byte 47"),
    ],
)
def test_bytes_that_are_not_json_text_stage_nothing(
    ours: WireClient, token: int, body: bytes, code: str, where: str
) -> None:
    """Bytes that are not JSON text (cut off, invalid UTF-8 …) stage nothing: 400 with the byte position."""
    assert where in check_problem(ours.try_stage(token, body), 400, code)["detail"].replace(".", " ")
    assert ours.status(token)["TotalRecordsReceived"] == 0


def test_a_broken_ndjson_line_is_named(ours: WireClient, token: int) -> None:
    """… a broken NDJSON line, which is named."""
    body = in_lines(person(1)) + b"\n" + in_lines(person(2)) + b'{"ProfileId": }\n' + in_lines(person(3))
    problem = check_problem(ours.try_stage(token, body, NDJSON), 400, "Request.MalformedJson")
    assert f"line 4, byte {body.index(b': }') + 2}" in problem["detail"]
    two_on_a_line = in_lines(person(1)).rstrip() + in_lines(person(2))
    problem = check_problem(ours.try_stage(token, two_on_a_line, NDJSON), 400, "Request.MalformedJson")
    assert "line 1" in problem["detail"]
    check_problem(ours.try_stage(token, in_lines(person(1)) + b'{"a":"\xff"}\n', NDJSON), 400, "Request.NotUtf8")
    assert ours.status(token)["TotalRecordsReceived"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "Request.WrongType"),
        (b"5", "Request.WrongType"),
        (b"{}", "Request.MissingMember"),
        (b'{"UserProfilePreferences": null}', "Request.MissingMember"),
        (b'{"UserProfilePreferences": {}}', "Request.WrongType"),
        (b'{"userProfilePreferences": []}', "Request.UnknownMember"),
        (b'{"UserProfilePreferences": [], "More": 1}', "Request.UnknownMember"),
    ],
)
def test_a_body_of_another_shape_is_400(ours: WireClient, token: int, body: bytes, code: str) -> None:
    """POST with {"UserProfilePreferences": [record, …]}; 400: malformed or invalid request."""
    check_problem(ours.try_stage(token, body), 400, code)


def test_an_empty_collection_is_allowed_and_changes_nothing(ours: WireClient, token: int) -> None:
    """An empty collection is allowed and changes nothing."""
    before = ours.status(token)
    assert ours.stage(token, []) == before
    ours.stage(token, [person(1)])
    before = ours.status(token)
    assert ours.stage(token, []) == before == ours.status(token)


@pytest.mark.parametrize("value", ["5", '"x"', "null", "[]", "[{}]", "true", "1e5"])
def test_a_record_that_is_no_object_is_one_records_fault(ours: WireClient, token: int, value: str) -> None:
    """A JSON value that is no object is the fault of one record: Record.NotAnObject …"""
    body = f'{{"UserProfilePreferences": [{value}, {json.dumps(person(1))}]}}'.encode()
    assert require(ours.try_stage(token, body))["Batch"] == {"First": 1, "Last": 2, "ValidationFailed": 1}
    assert refused(ours, token) == [(1, [("Record.NotAnObject", "$")])]


@pytest.mark.parametrize(
    ("member", "code", "path"),
    [
        (r'"DefaultLocale": "\ud800"', "String.NotUnicode", "$.DefaultLocale"),
        (r'"CustomerName": {"LastName": "a\udc00b"}', "String.NotUnicode", "$.CustomerName.LastName"),
        (r'"DefaultLocale": "en\u0000"', "String.ControlCharacter", "$.DefaultLocale"),
        (r'"CustomerName": {"LastName": "a\tb"}', "String.ControlCharacter", "$.CustomerName.LastName"),
        ('"ProfileId": 1e999', "Number.OutOfRange", "$.ProfileId"),
        ('"ProfileId": 99999999999999999999999', "Number.OutOfRange", "$.ProfileId"),
    ],
)
def test_a_strange_value_is_one_records_fault(ours: WireClient, token: int, member: str, code: str, path: str) -> None:
    """… String.NotUnicode (a lone surrogate), String.ControlCharacter, Number.OutOfRange."""
    strange = json.dumps(person(1))[:-1] + ", " + member + "}"
    body = f'{{"UserProfilePreferences": [{json.dumps(person(2))}, {strange}]}}'.encode()
    assert require(ours.try_stage(token, body))["Batch"]["ValidationFailed"] == 1
    assert refused(ours, token) == [(2, [(code, path)])]


def test_deep_nesting_and_strange_names_are_one_records_fault(ours: WireClient, token: int) -> None:
    """Valid JSON of any depth and with any names is at most the fault of one record."""
    deep = b'{"CustomFields": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    body = b'{"UserProfilePreferences": [' + deep + rb', {"\ud800": 1}, {"": {}}, ' + pack([person(1)])[28:]
    assert require(ours.try_stage(token, body))["Batch"] == {"First": 1, "Last": 4, "ValidationFailed": 3}
    # The text is too deep for the JSON reader of Python's own library.
    assert re.findall('"SequenceNumber":([0-9]+)', ours.try_exceptions(token).text) == ["1", "2", "3"]


def test_the_last_of_a_repeated_member_counts(ours: WireClient, token: int) -> None:
    """The last one of repeated members counts."""
    twice = b'{"CustomerType": "Nobody", "AlternateIds": [{"AlternateIdType":"CRM","AlternateId":"C-1"}],' \
            b' "CustomerType": "Prospect"}'  # fmt: skip
    body = b'{"UserProfilePreferences": [5], "UserProfilePreferences": [' + twice + b"]}"
    assert require(ours.try_stage(token, body))["Batch"] == {"First": 1, "Last": 1, "ValidationFailed": 0}
    ours.finish(token)
    assert ours.find_crm("C-1")["CustomerType"] == "Prospect"


def test_a_faulty_record_never_fails_the_batch(ours: WireClient, token: int) -> None:
    """A faulty record never fails the batch. It counts as ValidationFailed …, with all of its faults."""
    faulty = {
        "DefaultLocale": "xx_XX",
        "Emails": [{"EmailAddress": "nobody"}, {"EmailAddressType": "Moon", "EmailAddress": "b@example.com"}],
        "Emial": [],
    }
    assert ours.stage(token, [person(1), faulty, person(2)])["Batch"]["ValidationFailed"] == 1
    ((number, faults),) = refused(ours, token)
    assert number == 2
    assert sorted(faults) == [
        ("Email.Malformed", "$.Emails[0].EmailAddress"),
        ("Email.UnknownType", "$.Emails[1].EmailAddressType"),
        ("Locale.Unknown", "$.DefaultLocale"),
        ("Record.UnknownMember", "$.Emial"),
    ]
    assert ours.finish(token)["Created"] == 2


def test_a_faulty_record_is_kept_equal_as_json(ours: WireClient, token: int) -> None:
    """… and is kept (equal as JSON)."""
    odd = r'{"Emial": [1.50, 1e400, -0, 123456789012345678901234567890, "\ud83c\udf88\ud800", null, true], "é": ""}'
    require(ours.try_stage(token, f'{{"UserProfilePreferences": [{odd}]}}'.encode()))
    text = ours.try_exceptions(token).text

    def read(given: str) -> Any:
        return json.loads(given, parse_int=str, parse_float=str)

    (kept,) = read(text)["UserProfilePreferences"]
    assert {name: kept[name] for name in ("Emial", "é")} == read(odd)
    assert set(kept) == {"Emial", "é", "SequenceNumber", "Phase", "Exceptions"}


# SequenceNumber


def test_sequence_numbers_count_from_1_over_the_whole_import_without_gaps(ours: WireClient, token: int) -> None:
    """SequenceNumber is 1-based over the whole import, without gaps: a batch takes its range … in its own order."""
    marks = [{"Mark": number} for number in range(150)]
    assert ours.stage(token, marks[:70])["Batch"] == {"First": 1, "Last": 70, "ValidationFailed": 70}
    check_problem(ours.try_stage(token, b"{"), 400, "Request.MalformedJson")
    ours.stage(token, [])
    assert ours.stage(token, marks[70:71])["Batch"] == {"First": 71, "Last": 71, "ValidationFailed": 1}
    assert ours.stage(token, marks[71:])["Batch"] == {"First": 72, "Last": 150, "ValidationFailed": 79}
    found = ours.exceptions(token)["UserProfilePreferences"]
    assert [(one["SequenceNumber"], one["Mark"]) for one in found] == [(n + 1, n) for n in range(150)]


def test_several_clients_may_stage_one_import_at_the_same_time(ours: WireClient, token: int) -> None:
    """Several clients may stage one import at the same time; a batch takes its range when it commits."""

    def stage(name: int) -> list[dict[str, Any]]:
        return [ours.stage(token, [{"Mark": f"{name}.{part}.{n}"} for n in range(20)])["Batch"] for part in range(4)]

    batches = [batch for batches in at_once(*[lambda n=n: stage(n) for n in range(5)]) for batch in batches]
    ranges = sorted((batch["First"], batch["Last"]) for batch in batches)
    assert ranges == [(first, first + 19) for first in range(1, 400, 20)]
    found = [one["Mark"] for one in ours.exceptions(token)["UserProfilePreferences"]]
    for start in range(0, 400, 20):
        prefix = found[start].rsplit(".", 1)[0]
        assert found[start : start + 20] == [f"{prefix}.{number}" for number in range(20)]


def test_an_import_holds_at_most_ten_million_records(ours: WireClient, token: int) -> None:
    """10,000,000 records an import: the batch that would exceed it is refused whole: 400."""
    status = ours.stage(token, [person(1)])
    ours.change(
        "UPDATE import SET received = 9999998, valid = 9999998, pending = 9999998 WHERE import_id = %s",
        status["ImportId"],
    )
    problem = check_problem(ours.try_stage(token, [person(2), person(3), person(4)]), 400, "Import.TooManyRecords")
    assert "10,000,000" in problem["detail"]
    last = ours.stage(token, [person(2), person(3)])
    assert (last["Batch"]["First"], last["Batch"]["Last"]) == (9_999_999, 10_000_000)
    check_problem(ours.try_stage(token, [person(4)]), 400, "Import.TooManyRecords")
    assert ours.stage(token, [])["TotalRecordsReceived"] == 10_000_000
    require(ours.call(token, "Cancel"))
