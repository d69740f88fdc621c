"""import-api.md, "Stage": bytes, compressions and the records' own bytes."""

import gzip
import json
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from consentory.codec.json_scanner import JsonFault, skip_space, skip_value
from consentory.codec.staging.batch_body import MediaType, decompress, split_batch
from consentory.errors import RequestRefused

LIMIT = 1 << 20


def wrap(records: bytes) -> bytes:
    return b'{"UserProfilePreferences":' + records + b"}"


def split(body: bytes, media: str = "json") -> list[bytes]:
    records = split_batch(body, media)
    for index in range(len(records)):
        records.check(index)
    return [bytes(record) for record in records]


def refuse(body: bytes, media: str = "json") -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        split(body, media)
    assert caught.value.kind == "invalid"
    return caught.value


def pieces(data: bytes, size: int = 7) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def compress_zstd(data: bytes, **options: object) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


# Content-Encoding


@pytest.mark.parametrize("name", [None, "", "identity"])
def test_a_body_without_encoding(name: str | None) -> None:
    assert decompress([b"ab", b"c"], name, 3) == b"abc"
    assert decompress([], name, 3) == b""


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_gzip_of_one_and_several_members(name: str, size: int) -> None:
    data = b"one" * 90_000, b"", b"two"
    assert decompress(pieces(b"".join(map(gzip.compress, data)), size), name, LIMIT) == b"".join(data)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_zstd_of_one_and_several_blocks(size: int) -> None:
    data = b"one" * 90_000, b"", b"two"
    packed = b"".join(map(compress_zstd, data))
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    assert decompress(pieces(packed + skippable, size), "zstd", LIMIT) == b"".join(data)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_compressed_body_that_is_broken_or_cut_off_is_invalid(name: str) -> None:
    good = (gzip.compress if name == "gzip" else compress_zstd)(bytes(range(256)) * 50)
    for bad in (good[:-1], good[: len(good) // 2], b"", b"no such thing", good + b"trailing", good[:20] + b"\0" * 20):
        with pytest.raises(RequestRefused) as caught:
            decompress(pieces(bad), name, LIMIT)
        assert (caught.value.kind, caught.value.code) == ("invalid", "Request.MalformedEncoding")


@pytest.mark.parametrize("name", ["br", "deflate", "gzip, gzip", "zstd,gzip"])
def test_another_encoding_is_unsupported(name: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        decompress([b""], name, LIMIT)
    assert (caught.value.kind, caught.value.code) == ("unsupported", "Request.UnsupportedEncoding")


@pytest.mark.parametrize("name", [None, "gzip", "zstd"])
def test_the_bound_is_measured_after_decompression(name: str | None) -> None:
    pack = {None: bytes, "gzip": gzip.compress, "zstd": compress_zstd}[name]
    assert len(decompress(pieces(pack(b"x" * LIMIT), 1000), name, LIMIT)) == LIMIT
    with pytest.raises(RequestRefused) as caught:
        decompress(pieces(pack(b"x" * (LIMIT + 1)), 1000), name, LIMIT)
    assert (caught.value.kind, caught.value.code) == ("too_large", "Request.BodyTooLarge")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_bomb_is_refused_while_it_inflates_and_memory_stays_bounded(name: str) -> None:
    bomb = b"\0" * 400_000_000
    packed = zlib.compress(bomb, 9, wbits=31) if name == "gzip" else compress_zstd(bomb, level=19)
    del bomb
    tracemalloc.start()
    with pytest.raises(RequestRefused) as caught:
        decompress([packed], name, LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.kind == "too_large"
    assert peak < 60 << 20


def test_a_zstd_window_over_8_mb_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"x" * 10_000) + packer.flush()
    with pytest.raises(RequestRefused) as caught:
        decompress([packed], "zstd", LIMIT)
    assert caught.value.code == "Request.MalformedEncoding"


# The envelope


def test_each_record_comes_as_its_own_bytes_in_order() -> None:
    records = [b'{"a": 1}', b"{ }", b'{"b" :[1, {"c":"\xc3\xa9,]}"}]}', b"null", b"-1.5e+3", b'"x"', b"[]"]
    assert split(wrap(b"[ " + b" ,\n ".join(records) + b" ]")) == records


def test_an_empty_collection_is_allowed() -> None:
    assert split(wrap(b"[]")) == split(wrap(b" [ \n] ")) == []
    assert split(b"", "ndjson") == split(b"\n \r\n", "ndjson") == []


def test_the_last_of_a_repeated_member_counts() -> None:
    body = b'{"UserProfilePreferences":5,"UserProfilePreferences":[1],"UserProfile\\u0050references":[2]}'
    assert split(body) == [b"2"]
    assert split(wrap(b'[{"a":1,"a":2}]')) == [b'{"a":1,"a":2}']


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "Request.MissingMember"),
        (b'{"UserProfilePreferences":null}', "Request.MissingMember"),
        (b'{"UserProfilePreferences":{}}', "Request.WrongType"),
        (b'{"UserProfilePreferences":"x"}', "Request.WrongType"),
        (b"[]", "Request.WrongType"),
        (b"5", "Request.WrongType"),
        (b'{"UserProfilePreferences":[],"Other":1}', "Request.UnknownMember"),
        (b'{"UserProfilePreferences":[],"\\ud800":1}', "Request.UnknownMember"),
        (b'{"userProfilePreferences":[]}', "Request.UnknownMember"),
    ],
)
def test_an_envelope_of_another_shape_is_invalid(body: bytes, code: str) -> None:
    assert refuse(body).code == code


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", 0),
        (b"  ", 2),
        (b'{"UserProfilePreferences":[{"a":1},{"b"', 39),
        (b'{"UserProfilePreferences":[{"a":1}', 34),
        (b'{"UserProfilePreferences":[{"a":1}]', 35),
        (b'{"UserProfilePreferences":[{"a":1}]} x', 37),
        (b'{"UserProfilePreferences":[{"a":01}]}', 33),
        (b'{"UserProfilePreferences":[{"a":1,}]}', 34),
        (b'{"UserProfilePreferences":[1,]}', 29),
        (b'{"UserProfilePreferences":[NaN]}', 27),
        (b'{"UserProfilePreferences":["a\tb"]}', 29),
        (b'{"UserProfilePreferences":["a\\x"]}', 29),
        (b'{"UserProfilePreferences":["\\ud800",}', 36),
        (b'{"UserProfilePreferences":[{"a":1]}', 33),
        (b"{'UserProfilePreferences':[]}", 1),
        (b'{"UserProfilePreferences":["abc', 31),
    ],
)
def test_bytes_that_are_not_json_are_refused_with_the_byte_position(body: bytes, position: int) -> None:
    refused = refuse(body)
    assert refused.code == "Request.MalformedJson"
    assert f"byte {position} " in refused.detail


def test_invalid_utf_8_is_refused_with_the_byte_position() -> None:
    for bad in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"):
        refused = refuse(wrap(b'["a' + bad + b'"]'))
        assert (refused.code, "byte 29." in refused.detail) == ("Request.NotUtf8", True)
    filler = "é" * 600_000  # beyond the edge of a slice, which cuts a character
    body = wrap(b'["a' + filler.encode() + b'\xff"]')
    assert f"byte {body.index(0xFF)}." in refuse(body).detail
    assert len(split(wrap(b'["a' + filler.encode() + b'"]'))) == 1


@pytest.mark.parametrize(
    "record",
    [b'"\\ud800"', b'{"\\udc00":1}', b"1e999", b"9" * 5000, b"[" * 20_000 + b"]" * 20_000, b'{"a":"\\u0000"}', b"-0.0"],
)
def test_valid_json_affects_only_one_record(record: bytes) -> None:
    assert split(wrap(b'[{"a":1},' + record + b" ,2]")) == [b'{"a":1}', record, b"2"]
    assert split(b'{"a":1}\r\n' + record + b" \n2", "ndjson") == [b'{"a":1}', record, b"2"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert split(b"\xef\xbb\xbf" + wrap(b"[1]")) == split(b"\xef\xbb\xbf1\n", "ndjson") == [b"1"]
    assert "byte 3 " in refuse(b"\xef\xbb\xbf\xef\xbb\xbf" + wrap(b"[1]")).detail


def test_a_body_of_very_many_records_is_kept_as_positions() -> None:
    records = split_batch(wrap(b"[" + b"[1,2]," * 600_000 + b"{} ]"), "json")
    assert len(records) == 600_001
    assert (bytes(records[0]), bytes(records[-1])) == (b"[1,2]", b"{}")
    assert [bytes(record) for record in records[5:7]] == [b"[1,2]", b"[1,2]"]
    with pytest.raises(IndexError):
        records[600_001]


def test_the_last_of_a_repeated_collection_counts_also_if_positions_are_kept() -> None:
    many = b"[" + b"1," * 600_000 + b"1]"
    body = b'{"UserProfilePreferences":' + many + b',"UserProfilePreferences":' + many[:-1] + b",[2]]}"
    records = split_batch(body, "json")
    assert (len(records), bytes(records[0]), bytes(records[-1])) == (600_002, b"1", b"[2]")


@pytest.mark.slow
@pytest.mark.parametrize("record", [b"1", b"{}", b'{"a":[1,2,{}]}'])
@pytest.mark.parametrize("media", ["json", "ndjson"])
def test_a_body_holds_at_most_a_million_records(media: MediaType, record: bytes) -> None:
    """At most 1,000,000 records a body: 413 `Batch.TooManyRecords`."""

    def make(count: int) -> bytes:
        if media == "ndjson":
            return (record + b"\n") * count
        return wrap(b"[" + (record + b",") * (count - 1) + record + b"]")

    assert len(split_batch(make(1_000_000), media)) == 1_000_000
    with pytest.raises(RequestRefused) as refused:
        split_batch(make(1_000_001), media)
    assert (refused.value.kind, refused.value.code) == ("too_large", "Batch.TooManyRecords")


@pytest.mark.slow
def test_too_many_records_are_refused_without_memory_for_each() -> None:
    body = wrap(b"[" + b"1," * 8_000_000 + b"1]")
    tracemalloc.start()
    with pytest.raises(RequestRefused, match="more than 1,000,000 records"):
        split_batch(body, "json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000


# NDJSON


def test_ndjson_is_one_record_a_line_and_blank_lines_are_ignored() -> None:
    assert split(b'\n{"a": 1}\r\n\r\n  \n [1, 2] \n"x"', "ndjson") == [b'{"a": 1}', b"[1, 2]", b'"x"']


@pytest.mark.parametrize(
    ("body", "line", "position"),
    [
        (b'{"a":1}\n\n{"a":\n{"b":2}', 3, 14),
        (b'{"a":1} {"b":2}\n', 1, 8),
        (b'{"a":1}\n{"a"\n:1}', 2, 12),
        (b'1\n"\\ud800" x', 2, 11),
    ],
)
def test_a_broken_ndjson_line_is_named(body: bytes, line: int, position: int) -> None:
    refused = refuse(body, "ndjson")
    assert refused.code == "Request.MalformedJson"
    assert f"line {line}, byte {position} " in refused.detail


# Both paths


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_both_paths_find_the_same_records(values: list[object], indent: int | None, ascii_only: bool) -> None:
    text = [json.dumps(value, indent=indent, ensure_ascii=ascii_only) for value in values]
    body = wrap(("[" + ", ".join(text) + "]").encode("utf-8", "surrogatepass"))
    fast = split(body)
    slow = split(body.replace(b"{", b'{"UserProfilePreferences":"\\ud800",', 1))  # msgspec does not read this text
    assert fast == slow == [item.encode() for item in text]


def scan(data: bytes) -> tuple[int, bool]:
    """The position at which the scanner stopped, and whether the whole text is JSON."""
    try:
        end = skip_space(data, skip_value(data, skip_space(data, 0)))
    except JsonFault as fault:
        return fault.position, False
    return end, end == len(data)


@given(st.text('{}[]",:\\u0dD8e1-.+tfalsenr \n\x01é', max_size=25))
@example('{"a":1}x')
@example("-")
@example('"\\u00"')
def test_the_scanner_takes_what_the_standard_library_takes(text: str) -> None:
    def refuse_constant(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse_constant)
        valid = True
    except ValueError:
        valid = False
    end, taken = scan(text.encode())
    assert taken == valid
    assert 0 <= end <= len(text.encode())
