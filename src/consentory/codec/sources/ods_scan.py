"""Scan the XML of an ODS file: count its cells, and note the facts that python-calamine does not give."""

import re
from typing import Any
from xml.parsers import expat

from consentory.codec.sources.sheet import LAST_ROW, CellError, SheetNote
from consentory.codec.sources.source_error import SourceError

MOST_CELLS = 20_000_000
"""The largest number of cells of a sheet, because the whole sheet is in memory."""

_FILLED_UP = re.compile(r"[+ 0-]\d[\d /.-]*")
# A number that is shown with more characters than its value has: a postal code, a telephone number.
_NUMBERS = ("float", "currency", "percentage")


class OdsScanner:
    """Notes facts of each sheet by its name. It counts repeated rows and cells, because a small file may have many."""

    def __init__(self, name: str, sheets: dict[str, SheetNote]) -> None:
        self._name = name
        self._sheets = sheets
        self._note = SheetNote()
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._finish
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._row = self._column = self._filled = self._rows = 1
        self._text: list[str] = []
        self._cell: tuple[int, int, bool] | None = None  # column, number of repetitions, True for an error

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes. Raises SourceError for damaged XML and for too many cells."""
        try:
            self._parser.Parse(chunk)
        except expat.ExpatError as error:
            fault = f"the spreadsheet's XML is damaged ({error}); save it again"
            raise SourceError(self._name, "", fault) from error

    def end(self) -> None:
        """Do nothing: every cell is noted already."""

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table-cell" or tag == "table:covered-table-cell":
            count = _read_count(attributes.get("table:number-columns-repeated"))
            kind = attributes.get("office:value-type")
            error = attributes.get("calcext:value-type") == "error"
            if kind or error:
                self._filled = self._column + count
            if kind in _NUMBERS or error:
                self._cell = self._column, count, error
                self._text.clear()
                self._parser.CharacterDataHandler = self._text.append
            if "table:number-columns-spanned" in attributes or "table:number-rows-spanned" in attributes:
                right = self._column + _read_count(attributes.get("table:number-columns-spanned")) - 1
                bottom = self._row + _read_count(attributes.get("table:number-rows-spanned")) - 1
                self._note.merged.append((self._row, self._column, bottom, right))
            self._column += count
        elif tag == "table:table-row":
            self._column = self._filled = 0
            self._rows = _read_count(attributes.get("table:number-rows-repeated"))
        elif tag == "table:table":
            self._note = self._sheets.setdefault(attributes.get("table:name", ""), SheetNote())
            self._row = 0

    def _finish(self, tag: str) -> None:
        if tag == "table:table-cell" and self._cell:
            self._finish_cell(*self._cell)
        elif tag == "table:table-row":
            self._row += self._rows
            if self._filled:
                self._count_cells()

    def _finish_cell(self, column: int, count: int, error: bool) -> None:
        self._parser.CharacterDataHandler = None
        self._cell = None
        text = "".join(self._text)
        if not error and not _FILLED_UP.fullmatch(text):
            return
        value: Any = CellError(text) if error else text
        self._require_room(self._row + self._rows, column + count)
        for row in range(self._row, self._row + self._rows):
            self._note.shown.setdefault(row, {}).update(dict.fromkeys(range(column, column + count), value))

    def _count_cells(self) -> None:
        note = self._note
        note.last_row, note.last_column = self._row, max(note.last_column, self._filled)
        self._require_room(note.last_row, note.last_column)

    def _require_room(self, rows: int, columns: int) -> None:
        if rows > LAST_ROW or rows * columns > MOST_CELLS:
            fault = f"a sheet has more than {MOST_CELLS:,} cells; save it as XLSX or CSV"
            raise SourceError(self._name, "", fault)

    def _refuse(self, *_: object) -> None:
        raise SourceError(self._name, "", "the XML declares a document type, which no spreadsheet program writes")


def _read_count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 1
