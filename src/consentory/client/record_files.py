"""Import files, read as a stream: each record's own bytes, in order, in constant memory.

Three forms are taken, told apart by content: `{"UserProfilePreferences": [record, …]}`, a bare JSON array of
records, and NDJSON (one record a line); each as it stands or packed with gzip or zstd.
A record is cut out of the stream and never parsed into objects, so that no number, escape or repeated member
is altered on its way. What is cut out is checked to be JSON; what it means is the server's to judge.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from consentory.client.record_streams import CHUNK, ByteStream, RecordFileError, open_unpacked, unpack_errors

__all__ = ["MAX_RECORD_BYTES", "RecordFile", "RecordFileError"]

MAX_RECORD_BYTES = 28_000_000
"""No server takes a body larger than this, so no larger record can ever be staged; it bounds memory here."""

_MAX_END = 4 * CHUNK
# More than this behind the array is no envelope's end.

_BOM = b"\xef\xbb\xbf"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_SCALAR = rb'(?:%s|[^\s,:"{}\[\]]++)' % _STRING
_MEMBER = rb"\s*+%s\s*+:\s*+%s\s*+" % (_STRING, _SCALAR)

# The envelope may carry plain members around the records: a saved page of exceptions can be sent back.
_ENVELOPE = re.compile(rb'\s*+\{(?:%s,)*\s*"UserProfilePreferences"\s*+:\s*+\[' % _MEMBER, re.DOTALL)
_ENVELOPE_END = re.compile(rb"(?:\s*+,%s)*\s*+\}\s*" % _MEMBER, re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*+")
_PLAIN_VALUE = re.compile(_SCALAR, re.DOTALL)
# Group 1: up to the next opening bracket outside strings; group 2: up to the next closing one; no group: the
# rest, where the buffer ends before the next bracket comes.
_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:%s[^"{}\[\]]*+)*+(?:([{\[])|([}\]]))|[\s\S]++' % _STRING, re.DOTALL)

_POSITION = re.compile(r"\(byte (\d+)\)")
_CHECKER = msgspec.json.Decoder(msgspec.Raw)


class RecordFile:
    """One import file. `size` is its length in bytes; `position` how many of them have been read so far."""

    def __init__(self, path: Path) -> None:
        """Raise RecordFileError where there is no such file or it may not be read."""
        self.path = path
        with unpack_errors(path):
            self._source = path.open("rb", buffering=0)
            self.size = path.stat().st_size

    @property
    def position(self) -> int:
        return self.size if self._source.closed else self._source.tell()

    def read_records(self, skip: int = 0) -> Iterator[bytes]:
        """Yield the bytes of each record after the first `skip`, in the order of the file. Works once.

        Raises RecordFileError at the first place that is not JSON or not one of the three forms, with the
        line (NDJSON) or byte (of the unpacked text, from 0) and what to do. Skipped records are not checked.
        """
        with self._source, unpack_errors(self.path):
            stream = open_unpacked(self.path, self._source)
            head = _read_head(stream)
            bom = len(_BOM) if head.startswith(_BOM) else 0
            envelope = _ENVELOPE.match(head, bom)
            first = _SPACE.match(head, bom).end()  # type: ignore[union-attr]  # matches everywhere
            if envelope:
                cutter = _ArrayCutter(self.path, stream, head, envelope.end(), in_envelope=True)
                yield from cutter.cut_records(skip)
            elif head[first : first + 1] == b"[":
                cutter = _ArrayCutter(self.path, stream, head, first + 1, in_envelope=False)
                yield from cutter.cut_records(skip)
            else:
                yield from _cut_lines(self.path, stream, head, bom, skip)


def _read_head(stream: ByteStream) -> bytes:
    head = stream.read(CHUNK)
    while len(head) < CHUNK and (more := stream.read(CHUNK)):
        head += more
    return head


def _cut_lines(path: Path, stream: ByteStream, chunk: bytes, start: int, skip: int) -> Iterator[bytes]:
    """Yield the lines that are not blank, without the white space around them."""
    offset, number, tail = start, 0, chunk[start:]
    while True:
        lines = tail.split(b"\n")
        chunk = stream.read(CHUNK)
        tail = lines.pop() + chunk if chunk else b""
        for line in lines:
            number += 1
            record = line.strip(b" \t\r\n")
            if record:
                if skip:
                    skip -= 1
                else:
                    _check_line(path, record, number, offset)
                    yield record
            offset += len(line) + 1
        if not chunk:
            return
        if len(tail) > MAX_RECORD_BYTES + CHUNK:
            _refuse_large(path, f"line {number + 1}")


def _check_line(path: Path, record: bytes, number: int, offset: int) -> None:
    if fault := find_json_fault(record):
        hint = "correct or remove the line"
        if number == 1:
            hint += (
                "; the file is read as one record a line, because it begins neither with [ "
                'nor with {"UserProfilePreferences": ['
            )
        raise RecordFileError(path, f"line {number} (byte {offset})", f"not JSON: {fault}; {hint}")


class _ArrayCutter:
    """Cuts the elements of one JSON array out of a stream that stands just behind its opening bracket."""

    def __init__(self, path: Path, stream: ByteStream, head: bytes, at: int, *, in_envelope: bool) -> None:
        self._path = path
        self._stream = stream
        self._buffer = head
        self._at = at
        self._base = 0  # the offset of the buffer's first byte in the unpacked text
        self._in_envelope = in_envelope

    def cut_records(self, skip: int) -> Iterator[bytes]:
        """Yield the elements after the first `skip`; a broken one, or a broken end, is a RecordFileError."""
        if self._next_byte() == b"]":
            return self._check_end()
        while True:
            self._next_byte()
            record, place = self._cut_value(), self._base + self._at
            self._at += len(record)
            if skip:
                skip -= 1
            else:
                self._check_record(record, place)
                yield record
            delimiter = self._next_byte()
            if delimiter == b"]":
                return self._check_end()
            if delimiter != b",":
                self._refuse("a comma or the closing bracket ] must follow a record")
            self._at += 1

    def _check_record(self, record: bytes, place: int) -> None:
        if fault := find_json_fault(record):
            raise RecordFileError(self._path, f"record at byte {place}", f"not JSON: {fault}; correct the record")

    def _next_byte(self) -> bytes:
        """Step over white space; the byte found stays unread."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_more():
                raise RecordFileError(
                    self._path,
                    f"byte {self._base + self._at}",
                    "the file ends inside the array of records: it seems cut off; fetch or export it again",
                )

    def _cut_value(self) -> bytes:
        """Return the value that begins here; where it ends is found by its brackets alone."""
        if self._buffer[self._at] not in b"{[":
            return self._cut_plain_value()
        depth, end = 0, 0  # `end`: how far the value has been looked through
        while True:
            for match in _BRACKET.finditer(self._buffer, self._at + end):
                if match.lastindex == 1:
                    depth += 1
                elif match.lastindex == 2:
                    depth -= 1
                    if depth == 0:
                        return self._buffer[self._at : match.end()]
                else:
                    break
                end = match.end() - self._at
            self._demand_more()

    def _cut_plain_value(self) -> bytes:
        """Return a string, number or literal that stands for a record: JSON, and the server's to refuse."""
        while True:
            match = _PLAIN_VALUE.match(self._buffer, self._at)
            if match and match.end() < len(self._buffer):
                return match[0]
            if not match and self._buffer[self._at] != ord('"'):
                self._refuse("a record was expected here")
            self._demand_more()

    def _demand_more(self) -> None:
        place = f"record at byte {self._base + self._at}"
        if len(self._buffer) - self._at > MAX_RECORD_BYTES:
            _refuse_large(self._path, place)
        if not self._read_more():
            raise RecordFileError(
                self._path,
                place,
                "the file ends inside this record: it seems cut off; fetch or export it again",
            )

    def _read_more(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._base += self._at
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def _check_end(self) -> None:
        """Nothing but white space, and the envelope's other plain members, may follow the array."""
        self._at += 1
        while self._read_more() and len(self._buffer) <= _MAX_END:
            pass
        end = _ENVELOPE_END if self._in_envelope else _SPACE
        if end.fullmatch(self._buffer):
            return
        if self._in_envelope and not self._buffer.strip():
            self._refuse("the closing } after the records is missing: the file seems cut off")
        self._refuse(
            "the array of records ends here, and what follows is no part of the file's form; "
            "give each array of records a file of its own"
        )

    def _refuse(self, fault: str) -> NoReturn:
        raise RecordFileError(self._path, f"byte {self._base + self._at}", fault)


def _refuse_large(path: Path, place: str) -> NoReturn:
    raise RecordFileError(
        path,
        place,
        f"one record of more than {MAX_RECORD_BYTES // 1_000_000} MB, more than a server takes; "
        "is a quotation mark or a bracket missing in it?",
    )


def find_json_fault(text: bytes) -> str | None:
    """Say why `text` is not one JSON value in UTF-8, or None where it is one.

    Everything that JSON allows passes, also what no reader takes kindly to: repeated members, numbers out of
    range, lone surrogates as escapes.
    """
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            return f"invalid UTF-8 at byte {error.start} of the record"
    try:
        _CHECKER.decode(text)
    except msgspec.DecodeError as error:
        # msgspec is stricter than JSON about lone surrogates, so the slower reader has the last word there.
        if b"\\u" in text and _reads_as_json(text):
            return None
        return _POSITION.sub(r"at byte \1 of the record", str(error).removeprefix("JSON is malformed: "))
    except RecursionError:
        return None  # nested too deep to look at: the server's to refuse
    return None


def _reads_as_json(text: bytes) -> bool:
    try:
        json.loads(text.decode(), parse_int=len, parse_float=len, parse_constant=_refuse_constant)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
