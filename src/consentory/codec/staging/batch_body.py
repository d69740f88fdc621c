"""Split a Stage body into the bytes of its records (import-api.md, "Stage").

If any part of a body is not JSON text, no record of the body is staged. In a JSON text, a record's content is at most a
fault of that record.
"""

from __future__ import annotations

import json
import zlib
from array import array
from codecs import utf_8_decode
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, overload

import msgspec
import zstandard

from consentory.codec.fault_collector import quote
from consentory.codec.json_scanner import JsonFault, find_fault, skip_space, skip_value, walk_array, walk_object
from consentory.errors import RequestRefused

MediaType = Literal["json", "ndjson"]

_COLLECTION = "UserProfilePreferences"
_BOM = b"\xef\xbb\xbf"
_UTF8_SLICE = 1 << 20
_INFLATE_SLICE = 1 << 16
# A zstd block of 4 bytes can stand for 128 kB, so a slice of this size decompresses to at most 16 MB.
_ZSTD_SLICE = 512
# RFC 9659: the zstd content coding allows windows of up to 8 MB. This limits a reader's memory.
_ZSTD_WINDOW = 8 << 20
RECORD_LIMIT = 1_000_000
"""Largest number of records in a body."""
# A record costs some 60 bytes as an object. If a body has more commas than this, only the positions of its records are
# kept.
_MOST_OBJECTS = 1_000_000


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    UserProfilePreferences: list[msgspec.Raw]


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def decompress(body_chunks: Iterable[bytes], encoding: str | None, limit: int) -> bytes:
    """The body without its Content-Encoding: none, `identity`, `gzip` (any members) or `zstd` (any blocks).

    Raises RequestRefused: too_large as soon as the result would exceed `limit` bytes; unsupported for another encoding;
    invalid if the bytes do not have that encoding or are cut off.
    """
    name = (encoding or "identity").strip().lower()
    if name in ("gzip", "x-gzip"):
        pieces = _inflate_gzip(body_chunks)
    elif name == "zstd":
        pieces = _inflate_zstd(body_chunks)
    elif name in ("identity", ""):
        pieces = iter(body_chunks)
    else:
        detail = f"Content-Encoding {quote(name)} is not supported; send gzip, zstd or none."
        raise RequestRefused("unsupported", "Request.UnsupportedEncoding", detail)
    taken = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            detail = f"The body is larger than {limit:,} bytes (after decompression); stage it in smaller batches."
            raise RequestRefused("too_large", "Request.BodyTooLarge", detail)
        taken.append(piece)
    return b"".join(taken)


def _refuse_encoding(name: str, reason: str) -> RequestRefused:
    detail = f"The body is not {name} as its Content-Encoding says: {reason}. Send it again."
    return RequestRefused("invalid", "Request.MalformedEncoding", detail)


def _inflate_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    complete = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            try:
                yield member.decompress(rest, _INFLATE_SLICE)
            except zlib.error as error:
                raise _refuse_encoding("gzip", "its data is broken") from error
            complete = member.eof
            rest = member.unused_data if complete else member.unconsumed_tail
    # Output of a member that did not fit into the slice comes without further input.
    while not complete:
        piece = member.decompress(b"", _INFLATE_SLICE)
        complete = member.eof
        if not piece and not complete:
            raise _refuse_encoding("gzip", "it is cut off")
        yield piece


def _inflate_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    block = decompressor.decompressobj()
    started = complete = False
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _ZSTD_SLICE):
            rest: bytes | memoryview = view[start : start + _ZSTD_SLICE]
            while rest:
                if complete:
                    block, complete = decompressor.decompressobj(), False
                started = True
                try:
                    yield block.decompress(rest)
                except zstandard.ZstdError as error:
                    reason = f"its data is broken, or its window is over {_ZSTD_WINDOW >> 20} MB (level 20 and above)"
                    raise _refuse_encoding("zstd", reason) from error
                complete = block.eof
                rest = block.unused_data if complete else b""
    if not (started and complete):
        raise _refuse_encoding("zstd", "it is cut off")


class Records(Sequence[bytes | msgspec.Raw]):
    """The records of one body, in order: any JSON values, each as its own bytes."""

    def check(self, index: int) -> None:
        """Raise RequestRefused (invalid) if a record is not JSON text in UTF-8. Records that were found by reading the
        whole body are known to be JSON text.

        Call this for every record that no other code has checked.
        """


class _RawRecords(list[msgspec.Raw], Records):
    """Records that were found by reading the whole body."""


class _Slices(Records):
    """Records whose positions are kept. Each record is cut out of the body when it is requested."""

    _between = b" \t\r\n,"
    """The bytes that may be between two records. No JSON value ends with one of these bytes."""

    def __init__(self, body: bytes, starts: array[int]) -> None:
        """`starts` holds the position of each record, and at its end the position after the last record."""
        self._body = body
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        body, starts, between = self._body, self._starts, self._between
        places = range(len(self))[index]
        if isinstance(places, range):
            return [body[starts[place] : starts[place + 1]].rstrip(between) for place in places]
        return body[starts[places] : starts[places + 1]].rstrip(between)


class _Lines(_Slices):
    """The records of NDJSON. Only the positions of the records are known; no record was read yet."""

    _between = b" \t\r\n"

    def check(self, index: int) -> None:
        body, first = self._body, self._starts[index]
        end = body.find(b"\n", first)
        line = memoryview(body)[first : len(body) if end < 0 else end]
        _check_utf8(line, first)
        fault = find_fault(line)
        if fault is not None:
            number = 1 + body.count(b"\n", 0, first)
            raise _refuse_json(JsonFault(first + fault.position, f"{fault}; put one record on a line"), number)


def split_batch(body: bytes, media_type: MediaType) -> Records:
    """The records of a body. Raises RequestRefused (invalid), like `Records.check`.

    A byte order mark at the beginning is skipped, which RFC 8259 permits: files from Windows have one, and it has no
    other meaning. Positions in messages count bytes of the whole body from 0.
    """
    start = len(_BOM) if body.startswith(_BOM) else 0
    if media_type == "ndjson":
        return _split_lines(body, start)
    if not body.isascii():
        _check_utf8(memoryview(body))
    return _split_envelope(body, start)


def _require_few(records: int) -> None:
    if records > RECORD_LIMIT:
        detail = f"The body holds more than {RECORD_LIMIT:,} records; stage several batches. Nothing was staged."
        raise RequestRefused("too_large", "Batch.TooManyRecords", detail)


def _check_utf8(text: memoryview, first: int = 0) -> None:
    """Refuse invalid UTF-8, slice by slice, so that the decoded text is never in memory as a whole. The check begins at
    `first`."""
    start = 0
    while start < len(text):
        piece = text[start : start + _UTF8_SLICE]
        try:
            start += utf_8_decode(piece, "strict", start + len(piece) >= len(text))[1]
        except UnicodeDecodeError as error:
            detail = f"The body is not valid UTF-8 at byte {first + start + error.start}. Nothing was staged."
            raise RequestRefused("invalid", "Request.NotUtf8", detail) from error


def _refuse_json(fault: JsonFault, line: int | None = None) -> RequestRefused:
    where = f"line {line}, byte {fault.position}" if line else f"byte {fault.position}"
    detail = f"The body is not JSON at {where} of it: {fault}. Nothing was staged."
    return RequestRefused("invalid", "Request.MalformedJson", detail)


def _split_envelope(body: bytes, start: int) -> Records:
    if body.count(b",") <= _MOST_OBJECTS:
        try:
            raws = _ENVELOPE.decode(memoryview(body)[start:]).UserProfilePreferences
        except (msgspec.MsgspecError, RecursionError):
            pass  # broken JSON, or JSON that only the scanner can read: the scanner decides
        else:
            _require_few(len(raws))
            return _RawRecords(raws)
    try:
        return _scan_envelope(body, start)
    except JsonFault as fault:
        raise _refuse_json(fault) from None


def _scan_envelope(body: bytes, start: int) -> _Slices:
    """The slow path, for any JSON. Raises JsonFault and RequestRefused."""
    places: dict[str, int] = {}
    starts = array("I")
    start = skip_space(body, start)

    def take_record(place: int) -> int:
        starts.append(place)
        _require_few(len(starts))
        return skip_value(body, place)

    def take_member(name: bytes, place: int) -> int:
        member = json.loads(name)
        places[member] = place
        if member != _COLLECTION or body[place : place + 1] != b"[":
            return skip_value(body, place)
        del starts[:]  # if the member is repeated, the last one counts
        end = walk_array(body, place, take_record)
        starts.append(end - 1)  # the last record ends before the closing bracket
        return end

    is_object = body[start : start + 1] == b"{"
    end = walk_object(body, start, take_member) if is_object else skip_value(body, start)
    if skip_space(body, end) < len(body):
        raise JsonFault(skip_space(body, end), "the JSON text is over, but more follows")
    if not is_object:
        detail = f'The body must be an object: {{"{_COLLECTION}": [record, …]}}. Nothing was staged.'
        raise RequestRefused("invalid", "Request.WrongType", detail)
    _check_members(body, places)
    return _Slices(body, starts)


def _check_members(body: bytes, places: dict[str, int]) -> None:
    unknown = [name for name in places if name != _COLLECTION]
    if unknown:
        detail = f"{quote(unknown[0])} is no member of this body; only {_COLLECTION} is. Nothing was staged."
        raise RequestRefused("invalid", "Request.UnknownMember", detail)
    place = places.get(_COLLECTION)
    if place is None or body[place : place + 4] == b"null":
        detail = f"{_COLLECTION} is missing; send an array of records, empty if need be."
        raise RequestRefused("invalid", "Request.MissingMember", detail)
    if body[place : place + 1] != b"[":
        detail = f"{_COLLECTION} must be an array of records. Nothing was staged."
        raise RequestRefused("invalid", "Request.WrongType", detail)


def _split_lines(body: bytes, start: int) -> _Lines:
    """NDJSON: one record per line. Blank lines are skipped. A line ends with \\r\\n or \\n."""
    starts = array("I")
    # White space is read only once, for any number of blank lines.
    while (first := start if body[start : start + 1] == b"{" else skip_space(body, start)) < len(body):
        starts.append(first)
        _require_few(len(starts))
        start = body.find(b"\n", first) + 1 or len(body)
    starts.append(len(body))
    return _Lines(body, starts)
