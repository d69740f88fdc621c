"""Read import files as a stream: the unchanged bytes of each record, in order, in constant memory.

A file has one of four forms: `{"UserProfilePreferences": [record, …]}`, a bare JSON array of records, NDJSON (one
record in each line), or JSON objects one after another, each over one or several lines. The content shows the form.
Each form may be packed with gzip or zstd.
A record is cut out of the stream without parsing it into objects, so that no number, escape or repeated member changes.
The reader checks that each record is JSON. The server validates the content.
"""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from consentory.codec.json_scanner import LOOSE_STRING, JsonFault, find_fault, skip_brackets, skip_value
from consentory.codec.sources import SourceError, SourceFile, open_file
from consentory.codec.sources.byte_source import CHUNK, read_fully

MAX_RECORD_BYTES = 28_000_000
"""A server takes no larger body, so a larger record cannot be staged. The limit bounds the memory."""

_MAX_END = 4 * CHUNK
# The end of an envelope has at most this number of bytes after the array.

_BOM = b"\xef\xbb\xbf"
_SCALAR = rb'(?:%s|[^\s,:"{}\[\]]++)' % LOOSE_STRING
_MEMBER = rb"\s*+%s\s*+:\s*+%s\s*+" % (LOOSE_STRING, _SCALAR)

# The envelope may have simple members beside the records, so that a saved page of exceptions can be imported.
_ENVELOPE = re.compile(rb'\s*+\{(?:%s,)*\s*"UserProfilePreferences"\s*+:\s*+\[' % _MEMBER, re.DOTALL)
_ENVELOPE_END = re.compile(rb"(?:\s*+,%s)*\s*+\}\s*" % _MEMBER, re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SCALAR_VALUE = re.compile(_SCALAR, re.DOTALL)

_NOT_UTF_8 = "invalid UTF-8"
_HOW_TO_CONVERT = "; if the whole file is in Windows-1252 or Latin-1, convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE"


class BrokenRecord(NamedTuple):
    """A piece of a file in the place of a record that is not JSON. `place` and `fault` are for a person."""

    place: str
    fault: str
    raw: bytes


OnBroken = Callable[[BrokenRecord], None]


class RecordFile:
    """One import file. `size`: its length in bytes. `position`: the number of bytes that are read."""

    def __init__(self, file: Path | SourceFile, on_broken: OnBroken | None = None) -> None:
        """Take a path or an opened file. Raises SourceError if the file cannot be read or has a kind that is not read.

        `on_broken` gets each broken record, and the reading continues. Without `on_broken`, the first broken record
        raises SourceError.
        """
        self._file = open_file(file) if isinstance(file, Path) else file
        self._is_own = isinstance(file, Path)
        self.path = Path(self._file.source.name)
        self.size = self._file.source.size
        self._on_broken = on_broken
        self._cutter: _Cutter | None = None

    @property
    def position(self) -> int:
        return self._file.source.position

    @property
    def line(self) -> int:
        """The first line of the record that was yielded last. Lines of the unpacked text are counted from 1."""
        return self._cutter.line if self._cutter else 0

    def read_records(self, skip: int = 0) -> Iterator[bytes]:
        """Yield the bytes of each record after the first `skip`, in the order of the file. Call it only once.

        Raises SourceError at the first place that is not JSON or does not fit the form. The error names the line
        (NDJSON) or the byte (of the unpacked text, from 0), and the remedy. Without `on_broken`, skipped records are
        not checked.
        """
        try:
            with self._file.source.unpack_errors():
                stream = self._file.open_json()
                self._cutter = self._choose_cutter(stream, read_fully(stream, CHUNK))
                yield from self._cutter.cut_records(skip)
        finally:
            if self._is_own:
                self._file.close()

    def _choose_cutter(self, stream: io.RawIOBase, head: bytes) -> "_Cutter":
        bom = len(_BOM) if head.startswith(_BOM) else 0
        first = _SPACE.match(head, bom).end()  # type: ignore[union-attr]  # matches everywhere
        if envelope := _ENVELOPE.match(head, bom):
            return _ArrayCutter(self.path, stream, head, envelope.end(), self._on_broken, in_envelope=True)
        if head[first : first + 1] == b"[":
            return _ArrayCutter(self.path, stream, head, first + 1, self._on_broken)
        if _is_sequence(head, first):
            return _SequenceCutter(self.path, stream, head, first, self._on_broken)
        return _LineCutter(self.path, stream, head, bom, self._on_broken)


def _is_sequence(head: bytes, first: int) -> bool:
    """True if the first record has several lines, or if another record follows in its line."""
    if head[first : first + 1] != b"{":
        return False
    try:
        end = skip_value(head, first)
    except JsonFault:
        return False
    rest = head[end:].partition(b"\n")[0].lstrip(b" \t\r")
    return b"\n" in head[first:end] or rest.startswith(b"{")


class _Cutter:
    """The common part of the three cutters. `line`: the first line of the record that was yielded last."""

    def __init__(self, path: Path, stream: io.RawIOBase, head: bytes, at: int, on_broken: OnBroken | None) -> None:
        self._path = path
        self._stream = stream
        self._buffer = head
        self._at = at
        self._on_broken = on_broken
        self.line = 0

    def cut_records(self, skip: int) -> Iterator[bytes]:
        raise NotImplementedError

    def _accept(self, record: bytes, place: str, remedy: str) -> bool:
        """True if the record is JSON. If not, `on_broken` gets the record. Without `on_broken`, raises SourceError."""
        fault = find_json_fault(record)
        if fault is None:
            return True
        if fault.startswith(_NOT_UTF_8):
            remedy += _HOW_TO_CONVERT
        broken = BrokenRecord(place, f"not JSON: {fault}; {remedy}", record)
        if self._on_broken is None:
            raise SourceError(self._path, broken.place, broken.fault)
        self._on_broken(broken)
        return False


class _LineCutter(_Cutter):
    """NDJSON: cuts the lines that are not blank, without leading and trailing white space."""

    def cut_records(self, skip: int) -> Iterator[bytes]:
        offset, number, tail = self._at, 0, self._buffer[self._at :]
        self._buffer = b""
        while True:
            lines = tail.split(b"\n")
            chunk = self._stream.read(CHUNK) or b""
            tail = lines.pop() + chunk if chunk else b""
            for line in lines:
                number += 1
                record = line.strip(b" \t\r\n")
                if record:
                    if skip and self._on_broken is None:
                        skip -= 1
                    elif self._accept_line(record, number, offset):
                        if skip:
                            skip -= 1
                        else:
                            self.line = number
                            yield record
                offset += len(line) + 1
            if not chunk:
                return
            if len(tail) > MAX_RECORD_BYTES + CHUNK:
                _refuse_large(self._path, f"line {number + 1}")

    def _accept_line(self, record: bytes, number: int, offset: int) -> bool:
        remedy = "correct or remove the line"
        if number == 1:
            remedy += (
                "; the file is read as one record in each line, because it begins neither with [ "
                'nor with {"UserProfilePreferences": ['
            )
        return self._accept(record, f"line {number} (byte {offset})", remedy)


class _BracketCutter(_Cutter):
    """Finds the end of a record by its brackets, not by line ends."""

    def __init__(self, path: Path, stream: io.RawIOBase, head: bytes, at: int, on_broken: OnBroken | None) -> None:
        super().__init__(path, stream, head, at, on_broken)
        self._base = 0  # the offset of the buffer's first byte in the unpacked text
        self._line_end = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
        self._lines = 1  # the number of the line at `_counted`
        self._counted = 0  # line ends of the buffer are counted up to here

    def _take_record(self, skipped: bool) -> bytes | None:
        """Cut the record that begins here, and note its line. None: the record is broken, or is skipped unchecked."""
        record, place = self._cut_value(), self._base + self._at
        self._count_lines()
        line = self._lines
        self._at += len(record)
        if skipped and self._on_broken is None:
            return None
        if not self._accept(record, f"record at byte {place}", "correct the record"):
            return None
        self.line = line
        return record

    def _count_lines(self) -> None:
        self._lines += self._buffer.count(self._line_end, self._counted, self._at)
        self._counted = self._at

    def _next_byte(self) -> bytes:
        """Skip white space, and return the next byte without reading it. b"": the end of the file."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_more():
                return b""

    def _cut_value(self) -> bytes:
        """Return the value that begins here. Its end is found only by its brackets."""
        if self._buffer[self._at] not in b"{[":
            return self._cut_scalar()
        depth, length = 0, 0  # `length`: the number of scanned bytes of the value
        while True:
            end, depth = skip_brackets(self._buffer, self._at + length, depth)
            if depth == 0:
                return self._buffer[self._at : end]
            length = end - self._at
            self._demand_more()

    def _cut_scalar(self) -> bytes:
        """Return a string, number or literal in the place of a record. It is JSON. The server refuses it."""
        while True:
            match = _SCALAR_VALUE.match(self._buffer, self._at)
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
            raise SourceError(
                self._path,
                place,
                "the file ends inside this record, so it seems to be cut off; fetch or export it again",
            )

    def _read_more(self) -> bool:
        chunk = self._stream.read(CHUNK) or b""
        self._count_lines()
        self._base += self._at
        self._counted = 0
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def _refuse(self, fault: str) -> NoReturn:
        raise SourceError(self._path, f"byte {self._base + self._at}", fault)


class _SequenceCutter(_BracketCutter):
    """JSON objects in sequence, separated by white space only."""

    def cut_records(self, skip: int) -> Iterator[bytes]:
        """Yield the objects after the first `skip`. Raises SourceError for a broken object or one that is cut off."""
        while self._next_byte():
            if self._buffer[self._at] != ord("{"):
                self._refuse("a JSON object was expected here, because the file has one JSON object after another")
            record = self._take_record(skipped=bool(skip))
            if skip and (record is not None or self._on_broken is None):
                skip -= 1
            elif record is not None:
                yield record


class _ArrayCutter(_BracketCutter):
    """Cuts the elements of one JSON array. The stream begins directly after the opening bracket."""

    def __init__(
        self,
        path: Path,
        stream: io.RawIOBase,
        head: bytes,
        at: int,
        on_broken: OnBroken | None,
        *,
        in_envelope: bool = False,
    ) -> None:
        super().__init__(path, stream, head, at, on_broken)
        self._in_envelope = in_envelope

    def cut_records(self, skip: int) -> Iterator[bytes]:
        """Yield the elements after the first `skip`. Raises SourceError for a broken element or a broken end."""
        if self._require_byte() == b"]":
            return self._check_end()
        while True:
            self._require_byte()
            record = self._take_record(skipped=bool(skip))
            if skip and (record is not None or self._on_broken is None):
                skip -= 1
            elif record is not None:
                yield record
            delimiter = self._require_byte()
            if delimiter == b"]":
                return self._check_end()
            if delimiter != b",":
                self._refuse("a comma or the closing bracket ] must follow a record")
            self._at += 1

    def _require_byte(self) -> bytes:
        found = self._next_byte()
        if not found:
            raise SourceError(
                self._path,
                f"byte {self._base + self._at}",
                "the file ends inside the array of records, so it seems to be cut off; fetch or export it again",
            )
        return found

    def _check_end(self) -> None:
        """Refuse the file if anything except white space and simple members of the envelope follows the array."""
        self._at += 1
        while self._read_more() and len(self._buffer) <= _MAX_END:
            pass
        end = _ENVELOPE_END if self._in_envelope else _SPACE
        if end.fullmatch(self._buffer):
            return
        if self._in_envelope and not self._buffer.strip():
            self._refuse("the closing } after the records is missing, so the file seems to be cut off")
        self._refuse(
            "the array of records ends here, and the text after it does not belong to the form of the file; "
            "put each array of records into a file of its own"
        )


def _refuse_large(path: Path, place: str) -> NoReturn:
    raise SourceError(
        path,
        place,
        f"one record of more than {MAX_RECORD_BYTES // 1_000_000} MB, more than a server takes; "
        "is a quotation mark or a bracket missing in it?",
    )


def find_json_fault(text: bytes) -> str | None:
    """The reason why `text` is not one JSON value in UTF-8. None: it is one.

    All JSON is accepted, also repeated members, numbers out of range, and lone surrogates as escapes.
    """
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            return f"{_NOT_UTF_8} at byte {error.start} of the record"
    fault = find_fault(text)
    return None if fault is None else f"{fault}, at byte {fault.position} of the record"
