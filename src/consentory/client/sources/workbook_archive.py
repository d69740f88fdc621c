"""Checks a spreadsheet's ZIP archive before a library reads it, and notes what the reader must know.

A small archive may claim, or become, any size. The members are unpacked once, counted, into a temporary copy that is
not packed; the libraries read that copy, and so cannot be made to unpack more.
"""

import contextlib
import io
import re
import tempfile
import zipfile
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from consentory.client.sources.byte_source import CHUNK, ByteSource
from consentory.client.sources.file_kinds import ARCHIVE_ADVICE, ARCHIVE_LIMIT, zip_errors
from consentory.client.sources.sheet import Merge
from consentory.client.sources.source_error import SourceError
from consentory.codec.tabular.cell_text import read_template

LAST_ROW = 1_048_576
LAST_COLUMN = 16_384
"""Of every spreadsheet program's sheets."""

_MEMBERS = 10_000
_UNREAD = re.compile(r"(?:xl|ppt|word)/(?:media|embeddings|drawings|printerSettings)/|Pictures/|Thumbnails/|docProps/")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml|(?:.*/)?sheet\d*\.xml", re.IGNORECASE)
_PART = rb"<(?:\w+:)?"
_PLACE = re.compile(rb'\sr="([A-Z]{1,4})(\d{1,10})"')
_ROW = re.compile(_PART + rb'row\b[^>]*?\sr="(\d{1,10})"')
_ERROR = re.compile(_PART + rb'c\b[^>]*\st="e"')
_NO_RESULT = re.compile(
    _PART + rb'c\b[^>]*?(?:\sr="(\w+)")?[^>]*>\s*' + _PART + rb"f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)
_MERGED = re.compile(_PART + rb'mergeCell\b[^>]*?\sref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_FORMAT_CODE = re.compile(r'\sformatCode="([^"]*)"')
_CELL_END = re.compile(
    rb"</(?:\w+:)?(?:c|row|cfRule|conditionalFormatting|dataValidation|hyperlink)>|(?:mergeCell|hyperlink|col)\b[^>]*/>"
)


@dataclass(slots=True)
class SheetNote:
    """What the check saw of one sheet's XML."""

    last_row: int = 0
    last_column: int = 0
    errors: bool = False
    no_result: str = ""
    """The first cell with a formula whose result is not in the file."""
    merged: list[Merge] = field(default_factory=list)


@dataclass(slots=True)
class CheckedWorkbook:
    """The copy of a workbook. `sheets` goes by the path of their XML.

    `templates`: whether a number format fills numbers up with zeros.
    """

    copy: IO[bytes]
    sheets: dict[str, SheetNote] = field(default_factory=dict)
    templates: bool = False


def check_workbook(source: ByteSource) -> CheckedWorkbook:
    """Copy a workbook, counted. Raises SourceError for one that is damaged, protected or too large."""
    plain = source.unpack(ARCHIVE_LIMIT, ARCHIVE_ADVICE)
    with (
        contextlib.ExitStack() as on_error,
        zip_errors(source.name),
        zipfile.ZipFile(io.BufferedReader(plain.open_raw(), CHUNK)) as archive,
    ):
        checked = CheckedWorkbook(on_error.enter_context(tempfile.TemporaryFile()))
        members = [member for member in archive.infolist() if not _UNREAD.match(member.filename)]
        if len(members) > _MEMBERS or sum(member.file_size for member in members) > ARCHIVE_LIMIT:
            raise SourceError(source.name, "", ARCHIVE_ADVICE)
        if any(member.flag_bits & 1 for member in members):
            raise SourceError(source.name, "", "the archive is protected by a password; save it without one")
        left = ARCHIVE_LIMIT
        with zipfile.ZipFile(checked.copy, "w") as copy:
            for member in members:
                with archive.open(member) as packed, copy.open(member.filename, "w") as unpacked:
                    left -= _copy_member(source.name, packed, unpacked, checked, left)
        on_error.pop_all()
    checked.copy.seek(0)
    return checked


def _copy_member(name: str, packed: IO[bytes], unpacked: IO[bytes], checked: CheckedWorkbook, left: int) -> int:
    size = 0
    scanner = _choose_scanner(name, packed.name, checked)
    while chunk := packed.read(CHUNK):
        size += len(chunk)
        if size > left:
            raise SourceError(name, "", ARCHIVE_ADVICE)
        unpacked.write(chunk)
        if scanner:
            scanner.feed(chunk)
    if scanner:
        scanner.end()
    return size


class _Scanner:
    """Looks through one member as it is copied."""

    def feed(self, chunk: bytes) -> None: ...
    def end(self) -> None: ...


class _StyleScanner(_Scanner):
    def __init__(self, checked: CheckedWorkbook) -> None:
        self._checked = checked
        self._text = b""

    def feed(self, chunk: bytes) -> None:
        self._text += chunk

    def end(self) -> None:
        codes = _FORMAT_CODE.findall(self._text.decode("utf-8", "surrogateescape"))
        self._checked.templates = any(read_template(_unescape(code)) for code in codes)


class _SheetScanner(_Scanner):
    def __init__(self, name: str, note: SheetNote) -> None:
        self._name = name
        self._note = note
        self._rows = 0
        self._text = b""

    def feed(self, chunk: bytes) -> None:
        text = self._text + chunk
        end = 0
        for found in _CELL_END.finditer(text, max(0, len(text) - 4096)):
            end = found.end()
        self._scan(text[:end])
        self._text = text[end:]
        if len(self._text) > CHUNK * 8:
            raise SourceError(self._name, "", "a cell of this sheet is too large; save the sheet as CSV")

    def end(self) -> None:
        self._scan(self._text)

    def _scan(self, text: bytes) -> None:
        note = self._note
        if b"<!" in text and re.search(rb"<!(?:DOCTYPE|ENTITY)", text):
            raise SourceError(self._name, "", "the sheet declares a document type, which no spreadsheet program writes")
        columns = {letters for letters, _ in _PLACE.findall(text)}
        self._rows += text.count(b"<row") + text.count(b":row ")
        note.last_column = max(note.last_column, *(column_number(letters) for letters in columns), 0)
        note.last_row = max(note.last_row, self._rows, *map(int, _ROW.findall(text)), 0)
        if note.last_row > LAST_ROW or note.last_column > LAST_COLUMN:
            raise SourceError(self._name, "", f"the sheet names a cell beyond row {LAST_ROW}; save it again")
        note.errors = note.errors or (b't="e"' in text and bool(_ERROR.search(text)))
        if not note.no_result and b"<f" in text and (found := _NO_RESULT.search(text)):
            note.no_result = (found[1] or b"a cell").decode()
        for first, top, last, bottom in _MERGED.findall(text) if b"mergeCell" in text else ():
            note.merged.append((int(top) - 1, column_number(first) - 1, int(bottom) - 1, column_number(last) - 1))


class _ContentScanner(_Scanner):
    """Counts the cells that an ODS sheet becomes once its repeated rows and cells are written out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._finish
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._row = self._column = self._filled = self._repeated = 0
        self._last_row = self._last_column = 0

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.Parse(chunk)
        except expat.ExpatError as error:
            fault = f"the spreadsheet's XML is damaged ({error}); save it again"
            raise SourceError(self._name, "", fault) from error

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("table:table-cell", "table:covered-table-cell"):
            count = _read_count(attributes.get("table:number-columns-repeated"))
            if "office:value-type" in attributes or "calcext:value-type" in attributes:
                self._filled = self._column + count
            self._column += count
        elif tag == "table:table-row":
            self._column = self._filled = 0
            self._repeated = _read_count(attributes.get("table:number-rows-repeated"))
        elif tag == "table:table":
            self._row = self._last_row = self._last_column = 0

    def _finish(self, tag: str) -> None:
        if tag != "table:table-row":
            return
        self._row += self._repeated
        if self._filled:
            self._last_row = self._row
            self._last_column = max(self._last_column, self._filled)
            if self._last_row > LAST_ROW or self._last_row * self._last_column > MOST_CELLS:
                fault = f"a sheet has more than {MOST_CELLS:,} cells; save it as XLSX or CSV"
                raise SourceError(self._name, "", fault)

    def _refuse(self, *_: object) -> None:
        raise SourceError(self._name, "", "the XML declares a document type, which no spreadsheet program writes")


MOST_CELLS = 20_000_000
"""Of a sheet that is held in memory as a whole."""


def _choose_scanner(name: str, member: str, checked: CheckedWorkbook) -> _Scanner | None:
    if _SHEET.fullmatch(member):
        return _SheetScanner(name, checked.sheets.setdefault(member, SheetNote()))
    if member == "xl/styles.xml":
        return _StyleScanner(checked)
    return _ContentScanner(name) if member == "content.xml" else None


def _read_count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 1


def _unescape(code: str) -> str:
    return code.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def column_number(letters: bytes | str) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters if isinstance(letters, bytes) else letters.encode():
        number = number * 26 + letter - 64
    return number
