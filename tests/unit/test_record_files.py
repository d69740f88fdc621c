"""Import files: every form and compression gives each record's own bytes; a broken part is named with its place."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consentory.codec.sources import SourceError
from consentory.codec.sources.batch_cutter import cut_batches
from consentory.codec.sources.byte_source import CHUNK
from consentory.codec.sources.record_files import RecordFile, find_json_fault
from consentory.codec.sources.record_inputs import open_inputs

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "gzip": gzip.compress,
    "gzip of two members": lambda text: gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :]),
    "zstd": zstandard.compress,
    "zstd of two frames": lambda text: (
        zstandard.compress(text[: len(text) // 2]) + zstandard.compress(text[len(text) // 2 :])
    ),
    "zstd behind a skippable frame": lambda text: b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstandard.compress(text),
}
FORMS = ("ndjson", "array", "envelope")
ODD_TEXTS = ['"', "\\", '\\"', "}{", "],[", "{", "[", "\u2028", "é", "名", "\U0001f600", "\\u0041", '","', "\n", "\r"]

texts = st.one_of(st.text(max_size=8), st.lists(st.sampled_from(ODD_TEXTS), max_size=5).map("".join))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=15,
)
records = st.dictionaries(texts, values, max_size=4)
unusual_cuts = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read_all(path: Path, skip: int = 0) -> list[bytes]:
    return list(RecordFile(path).read_records(skip))


def compose(form: str, parts: list[bytes], gap: bytes = b"") -> bytes:
    """Write records in one of the three forms. `gap` is white space around each record of an array."""
    if form == "ndjson":
        return b"".join(part + b"\n" for part in parts)
    array = b"[" + b",".join(gap + part + gap for part in parts) + b"]"
    return array if form == "array" else b'{"UserProfilePreferences":' + gap + array + gap + b"}"


def write(folder: Path, text: bytes, name: str = "people") -> Path:
    path = folder / name
    path.write_bytes(text)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", FORMS)
@given(
    people=st.lists(st.one_of(records, values), min_size=1, max_size=6),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, 2]),
    gap=st.sampled_from([b"", b" ", b"\r\n\t "]),
)
@settings(unusual_cuts, max_examples=40)
def test_cutting_gives_what_parsing_gives(
    tmp_path: Path, form: str, packing: str, people: list[Any], *, ascii_only: bool, indent: int | None, gap: bytes
) -> None:
    if form == "ndjson":
        people, indent = [person if isinstance(person, dict) else {"": person} for person in people], None
    parts = [json.dumps(person, ensure_ascii=ascii_only, indent=indent).encode() for person in people]
    text = compose(form, parts, gap)
    path = write(tmp_path, PACKINGS[packing](text))
    assert read_all(path) == parts
    if form != "ndjson":
        parsed = json.loads(text)
        array = parsed if form == "array" else parsed["UserProfilePreferences"]
        assert [json.loads(part) for part in read_all(path)] == array


@pytest.mark.slow
@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("form", FORMS)
def test_records_that_lie_across_the_pieces_read_come_whole(tmp_path: Path, form: str, packing: str) -> None:
    nasty = '\\"}{][,"'
    parts = [json.dumps({"n": n, "text": nasty * (n % 977), "deep": [[[[{"a": [{}]}]]]]}).encode() for n in range(1500)]
    parts.append(json.dumps({"long": "x" * 3 * CHUNK + nasty, "wide": [{}] * CHUNK}).encode())
    path = write(tmp_path, PACKINGS[packing](compose(form, parts, b"\n  " if form != "ndjson" else b"")))
    assert path.stat().st_size > 0
    assert read_all(path) == parts
    assert read_all(path, skip=700) == parts[700:]
    assert read_all(path, skip=len(parts)) == []


def test_a_records_bytes_are_not_altered(tmp_path: Path) -> None:
    record = b'{"n":1.10e+400, "big":123456789012345678901234567890 ,"u":"\\u00e9\\ud800\\/","a":1,"a":-0.0}'
    for form in FORMS:
        assert read_all(write(tmp_path, compose(form, [record, record]))) == [record, record]


def test_blank_lines_line_ends_and_a_byte_order_mark_are_no_records(tmp_path: Path) -> None:
    assert read_all(write(tmp_path, b'\xef\xbb\xbf\r\n{"a":1}\r\n\r\n  \n{"b":2}')) == [b'{"a":1}', b'{"b":2}']
    assert read_all(write(tmp_path, b'\xef\xbb\xbf [{"a":1}]\r\n')) == [b'{"a":1}']


def test_files_without_records_give_none(tmp_path: Path) -> None:
    for text in (b"\n \n", b"[]", b" [ \n] ", b'{"UserProfilePreferences": [ ]}', gzip.compress(b"\n")):
        assert read_all(write(tmp_path, text)) == []
    for text in (b"", gzip.compress(b"")):
        with pytest.raises(SourceError, match="the file is empty"):
            read_all(write(tmp_path, text))


def test_a_page_of_exceptions_is_an_envelope(tmp_path: Path) -> None:
    page = b'{"Count": 1, "Limit": 1000, "UserProfilePreferences": [{"a": 1}, 7, "x", null], "HasMore": false}\n'
    assert read_all(write(tmp_path, page)) == [b'{"a": 1}', b"7", b'"x"', b"null"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["array", "envelope"])
@given(share=st.floats(0, 1, exclude_max=True), people=st.lists(records, min_size=1, max_size=4))
@unusual_cuts
def test_an_array_cut_off_anywhere_is_an_error(tmp_path: Path, form: str, share: float, people: list[Any]) -> None:
    parts = [json.dumps(person).encode() for person in people]
    text = compose(form, parts)
    opened = len(b"[") if form == "array" else len(b'{"UserProfilePreferences":[')
    cut = opened + int(share * (len(text) - opened))
    path = write(tmp_path, text[:cut])
    got: list[bytes] = []
    with pytest.raises(SourceError, match=r"cut off|must follow"):
        got.extend(RecordFile(path).read_records())
    assert got == parts[: len(got)]
    assert read_all(write(tmp_path, text)) == parts


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@pytest.mark.parametrize("form", FORMS)
def test_a_packed_file_cut_off_anywhere_is_an_error(tmp_path: Path, form: str, packing: str) -> None:
    packed = PACKINGS[packing](compose(form, [json.dumps({"n": n, "s": str(n * n)}).encode() for n in range(200)]))
    for cut in range(5, len(packed), max(1, len(packed) // 60)):
        with pytest.raises(SourceError, match="cut off"):
            read_all(write(tmp_path, packed[:cut]))


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_damaged_packed_file_is_an_error(tmp_path: Path, packing: str) -> None:
    packed = bytearray(PACKINGS[packing](b'{"a":1}\n' * 50_000))
    packed[len(packed) // 2 :] = b"\xff" * (len(packed) - len(packed) // 2)
    with pytest.raises(SourceError, match=r"damaged|cut off"):
        read_all(write(tmp_path, bytes(packed)))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"a": 01}', "a comma or } is expected here, at byte 7 of the record"),
        (b'{"a": 1,}', "a member's name in quotes and a colon is expected here, at byte 8"),
        (b'{"a": "\xff"}', "invalid UTF-8 at byte 7 of the record"),
        (b'{"a": NaN}', "a value is expected here, at byte 6"),
        (b'{"a": "\\ud800", "b": Infinity}', "a value is expected here, at byte 21"),
        (b'{"a": "tab\there"}', "a raw control character"),
        (b'{"a": 1} {"b": 2}', "more follows, at byte 9"),
        (b'{"a": [1}', "a comma or ] is expected here, at byte 8"),
        (b'{"a": "b', "the text ends inside a string"),
        (b"Name,Email", "a value is expected here, at byte 0"),
    ],
)
def test_a_broken_line_is_named_with_its_place(tmp_path: Path, line: bytes, fault: str) -> None:
    path = write(tmp_path, b'{"a":1}\n{"b":2}\n' + line + b"\n{}\n", "people.ndjson")
    got: list[bytes] = []
    with pytest.raises(SourceError, match=fault) as caught:
        got.extend(RecordFile(path).read_records())
    assert str(caught.value).startswith(f"{path}, line 3 (byte 16): not JSON: ")
    assert "correct or remove the line" in str(caught.value)
    assert RecordFile(path).size == path.stat().st_size


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        (b'[{"a":1} {"b":2}]', "byte 9", "a comma or the closing bracket"),
        (b'[{"a":1},]', "byte 9", "a record was expected"),
        (b'[,{"a":1}]', "byte 1", "a record was expected"),
        (b'[{"a":1}, {"b":tru}]', "record at byte 10", "not JSON: a value is expected here, at byte 5"),
        (b'[{"a":1}, {"b":[}]}]', "record at byte 10", "not JSON"),
        (b'[{"a":1}]\n[{"b":1}]', "byte 9", "a file of its own"),
        (b'{"UserProfilePreferences":[{}]}\n{"UserProfilePreferences":[{}]}', "byte 30", "a file of its own"),
        (b'{"UserProfilePreferences":[{}]', "byte 30", "cut off"),
    ],
)
def test_a_broken_array_is_named_with_its_place(tmp_path: Path, text: bytes, place: str, fault: str) -> None:
    with pytest.raises(SourceError, match=fault) as caught:
        read_all(write(tmp_path, text))
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"PK\x03\x04rest", "ZIP archive or spreadsheet is damaged"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "old Office document"),
        (b"people.ndjson".ljust(257, b"\0") + b"ustar\x0000", "tar archive"),
        (b"%PDF-1.7", "PDF"),
        (b"\n<!DOCTYPE HTML><html>", "HTML page"),
        (b'<?xml version="1.0"?><people/>', "XML"),
        (b"BEGIN:VCARD\r\nVERSION:4.0\r\n", "vCard"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\0\x01\0\0Standard Jet DB", "Access"),
        (b'{"a": "Zo\xeb"}\n', "iconv -f WINDOWS-1252 -t UTF-8"),
    ],
)
def test_another_kind_of_file_is_named_with_what_to_do(tmp_path: Path, text: bytes, kind: str) -> None:
    with pytest.raises(SourceError, match=kind):
        read_all(write(tmp_path, text))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_records_in_utf_16_and_32_are_read(tmp_path: Path, form: str, encoding: str) -> None:
    parts = [json.dumps({"n": n, "Name": "Zoë 名 🎈"}, ensure_ascii=False).encode() for n in range(9000)]
    path = write(tmp_path, compose(form, parts).decode().encode(encoding))
    assert read_all(path) == parts
    assert read_all(path, skip=8000) == parts[8000:]


def make_long_window(text: bytes, window: int) -> bytes:
    """Data in the form that `zstd --long=N` makes from a pipe: the window is larger than the text."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=window, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(text) + packer.flush()


def test_a_long_window_is_read_up_to_128_megabytes_and_named_beyond(tmp_path: Path) -> None:
    assert read_all(write(tmp_path, make_long_window(b'{"a":1}\n', 27))) == [b'{"a":1}']
    with pytest.raises(SourceError, match=r"window of more than 128 MB.* zstd --long=27"):
        read_all(write(tmp_path, make_long_window(b'{"a":1}\n', 30)))


@pytest.mark.parametrize("packing", PACKINGS)
@given(people=st.lists(records, min_size=2, max_size=5), indent=st.sampled_from([0, 2]), skip=st.integers(0, 5))
@settings(unusual_cuts, max_examples=40)
def test_objects_over_several_lines_are_read_one_after_another(
    tmp_path: Path, packing: str, people: list[Any], indent: int, skip: int
) -> None:
    people[0] = {"first": people[0]}
    parts = [json.dumps(person, indent=indent).encode() for person in people]
    path = write(tmp_path, PACKINGS[packing](b"\r\n".join(parts)))
    assert read_all(path, skip) == parts[skip:]


def test_records_with_carriage_returns_alone_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":1}\r{"b":2}\r\r{"c":3}\r')
    source = RecordFile(path)
    assert [(source.line, record) for record in source.read_records()] == [
        (1, b'{"a":1}'),
        (2, b'{"b":2}'),
        (4, b'{"c":3}'),
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (b'\n{"a":1}\n\n{"b":2}', [2, 4]),
        (b'[\n{"a":1},\n\n{"b":\n2}, {"c":3}\n]', [2, 4, 5]),
        (b'{"UserProfilePreferences":[{"a":1},\n{"b":2}]}', [1, 2]),
        (b'{\n"a":1}\n\n{"b":2}\n', [1, 4]),
        (b'[{"a":"' + b"x" * 2 * CHUNK + b'"},\n{"b":2}]', [1, 2]),
    ],
)
def test_each_record_has_its_line(tmp_path: Path, text: bytes, places: list[int]) -> None:
    source = RecordFile(write(tmp_path, text))
    assert [source.line for _ in source.read_records()] == places


@pytest.mark.parametrize(
    ("text", "good", "broken"),
    [
        (b'{"a":1}\nnope\n{"b":NaN}\n{"c":3}\n{"d"', [b'{"a":1}', b'{"c":3}'], [b"nope", b'{"b":NaN}', b'{"d"']),
        (b'[{"a":1}, {"b":NaN}, {"c":3}]', [b'{"a":1}', b'{"c":3}'], [b'{"b":NaN}']),
        (b'{\n"a":1}\n{\n"b":NaN}\n{"c":3}', [b'{\n"a":1}', b'{"c":3}'], [b'{\n"b":NaN}']),
    ],
)
def test_broken_pieces_are_given_and_the_rest_is_read(
    tmp_path: Path, text: bytes, good: list[bytes], broken: list[bytes]
) -> None:
    path, found = write(tmp_path, text), []
    assert list(RecordFile(path, found.append).read_records()) == good
    assert [piece.raw for piece in found] == broken
    assert list(RecordFile(path, found.append).read_records(skip=1)) == good[1:]


def test_a_missing_file_and_a_folder_are_errors_for_people(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SourceError, match=r"cannot be read|this is a folder"):
            read_all(path)


@given(value=values)
@unusual_cuts
def test_every_json_value_passes_the_check(value: Any) -> None:
    assert find_json_fault(json.dumps(value).encode()) is None
    assert find_json_fault(json.dumps(value, ensure_ascii=False).encode()) is None


@pytest.mark.parametrize("text", ["0e", "1.", "1.e5", "1e+", "-0.5E", '{"n": 3e}', "[1.]", "[1e-]", "[0, 2.,3]"])
def test_a_number_that_ends_too_early_is_a_fault(text: str) -> None:
    """Debian 12's Python 3.11.2 took the exponent's letter for the end of a number."""
    assert find_json_fault(text.encode()) is not None


@given(text=st.lists(st.sampled_from('{}[]",:\\u0123dD8.eE+- truefalsn\n'), max_size=12).map("".join))
@settings(unusual_cuts, max_examples=500)
def test_the_check_agrees_with_another_reader(text: str) -> None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
        other = True
    except ValueError:
        other = False
    assert (find_json_fault(text.encode()) is None) == other


@pytest.mark.parametrize("form", FORMS)
def test_batches_hold_every_record_once_and_can_be_taken_up_anywhere(tmp_path: Path, form: str) -> None:
    parts = [json.dumps({"n": n, "s": "x" * (n % 300)}).encode() for n in range(1000)]
    paths = [
        write(tmp_path, compose(form, parts[:600]), "one"),
        write(tmp_path, b"[]", "none"),
        write(tmp_path, gzip.compress(compose(form, parts[600:])), "two"),
    ]
    with open_inputs(paths) as inputs:
        batches = list(cut_batches(inputs, 10_000))
        assert [record for batch in batches for record in json.loads(batch.body)["UserProfilePreferences"]] == [
            json.loads(part) for part in parts
        ]
        assert all(len(batch.body) <= 10_000 for batch in batches)
        assert [batch.number for batch in batches] == list(range(len(batches)))
        for at, batch in enumerate(batches):
            rest = cut_batches(
                inputs, 10_000, number=batch.number + 1, file=batch.file, records_done=batch.records_done
            )
            assert [again.body for again in rest] == [later.body for later in batches[at + 1 :]]


def test_a_record_larger_than_a_batch_goes_alone(tmp_path: Path) -> None:
    parts = [b'{"n":1}', json.dumps({"s": "x" * 5000}).encode(), b'{"n":2}']
    with open_inputs([write(tmp_path, compose("ndjson", parts))]) as inputs:
        assert [batch.records for batch in cut_batches(inputs, 1000)] == [1, 1, 1]


MEASURE = """
import resource, sys
from pathlib import Path
from consentory.codec.sources.batch_cutter import cut_batches
from consentory.codec.sources.record_inputs import open_inputs

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open_inputs([Path(sys.argv[1])]) as inputs:
    records = sum(batch.records for batch in cut_batches(inputs, 8_000_000))
print(records, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    ("form", "packing", "megabytes"), [("ndjson", "plain", 200), ("array", "zstd", 80), ("envelope", "gzip", 80)]
)
def test_a_large_file_is_cut_in_constant_memory(tmp_path: Path, form: str, packing: str, megabytes: int) -> None:
    emails = [
        {"EmailAddress": f"p{n}@example.com", "EmailPreferences": [{"FilterId": "A", "PreferenceType": 1}]}
        for n in range(12)
    ]
    record = json.dumps({"CustomerName": {"FirstName": "Zoë"}, "Emails": emails}).encode()
    each = 1_000_000 // len(record)
    piece = (record + (b"\n" if form == "ndjson" else b",")) * each
    openers: dict[str, Callable[[Path], Any]] = {
        "plain": lambda path: path.open("wb"),
        "gzip": lambda path: gzip.open(path, "wb", compresslevel=1),  # noqa: SIM115
        "zstd": lambda path: zstandard.open(path, "wb"),
    }
    path = tmp_path / "large"
    with openers[packing](path) as file:
        file.write({"ndjson": b"", "array": b"[", "envelope": b'{"UserProfilePreferences":['}[form])
        for _ in range(megabytes):
            file.write(piece)
        file.write({"ndjson": b"", "array": b"{}]", "envelope": b"{}]}"}[form])
    printed = subprocess.run([sys.executable, "-c", MEASURE, path], check=True, capture_output=True, text=True)
    path.unlink()
    count, kilobytes = map(int, printed.stdout.split())
    assert count == megabytes * each + (form != "ndjson")
    assert kilobytes < 60_000
