"""Check the ZIP archive of a spreadsheet before a library reads it, and note facts for the reader.

A small archive may unpack to any size. So its members are unpacked once, up to a limit, into a temporary copy that is
not packed. The libraries read only that copy.
"""

import contextlib
import io
import re
import tempfile
import zipfile
from dataclasses import dataclass, field
from typing import IO, Protocol

from consentory.codec.sources.byte_source import CHUNK, ByteSource
from consentory.codec.sources.file_kinds import ARCHIVE_ADVICE, ARCHIVE_LIMIT, zip_errors
from consentory.codec.sources.ods_scan import OdsScanner
from consentory.codec.sources.sheet import LAST_COLUMN, LAST_ROW, SheetNote
from consentory.codec.sources.source_error import SourceError
from consentory.codec.tabular.cell_text import read_template

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
class CheckedWorkbook:
    """The copy of a workbook. The keys of `sheets` are the paths of the sheets' XML (XLSX) or their names (ODS).

    `templates`: True if a number format adds leading zeros.
    """

    copy: IO[bytes]
    sheets: dict[str, SheetNote] = field(default_factory=dict)
    templates: bool = False


def check_workbook(source: ByteSource) -> CheckedWorkbook:
    """Copy a workbook up to a limit. Raises SourceError if it is damaged, protected or too large."""
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
            raise SourceError(source.name, "", "the archive is protected by a password; save it without a password")
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


class _Scanner(Protocol):
    """Scans one member while it is copied."""

    def feed(self, chunk: bytes) -> None: ...
    def end(self) -> None: ...


class _StyleScanner:
    def __init__(self, checked: CheckedWorkbook) -> None:
        self._checked = checked
        self._text = b""

    def feed(self, chunk: bytes) -> None:
        self._text += chunk

    def end(self) -> None:
        codes = _FORMAT_CODE.findall(self._text.decode("utf-8", "surrogateescape"))
        self._checked.templates = any(read_template(_unescape(code)) for code in codes)


class _SheetScanner:
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


def _choose_scanner(name: str, member: str, checked: CheckedWorkbook) -> _Scanner | None:
    if _SHEET.fullmatch(member):
        return _SheetScanner(name, checked.sheets.setdefault(member, SheetNote()))
    if member == "xl/styles.xml":
        return _StyleScanner(checked)
    return OdsScanner(name, checked.sheets) if member == "content.xml" else None


def _unescape(code: str) -> str:
    return code.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def column_number(letters: bytes | str) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters if isinstance(letters, bytes) else letters.encode():
        number = number * 26 + letter - 64
    return number
