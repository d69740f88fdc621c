"""Read CSV, TSV and any text with a delimiter of one character: rows with exact line numbers, in constant memory."""

import contextlib
import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from consentory.codec.sources.byte_source import ByteSource
from consentory.codec.sources.delimiter import find_delimiter
from consentory.codec.sources.source_error import SourceError
from consentory.codec.sources.text_encoding import LONGEST_LINE, Encoding, LineTooLong, open_text
from consentory.codec.tabular.column_names import is_blank, name_columns
from consentory.codec.tabular.correction_columns import find_own_delimiter, find_shift, has_own_columns
from consentory.codec.tabular.table import (
    UNDECODABLE,
    Cell,
    ReadOptions,
    Row,
    RowFault,
    TableDescription,
    spell_undecodable,
)

_HEAD_LINES = 120
_HEAD_CHARACTERS = 1 << 20
_OWN_HEADER_LINES = 20
# A header may hold line breaks.
_SHOWN = 40  # characters of a word
_LINES_IN_A_ROW = 10_000
# A row of more lines has a quotation mark that is never closed.


class _Record(NamedTuple):
    """One row of the text. `fault`: why its quotation marks do not fit; "" if they fit."""

    line: int
    cells: list[str]
    lines: int
    fault: str


class DelimitedText:
    """One text file as a table. See `codec.tabular.table.Table`."""

    def __init__(self, source: ByteSource, encoding: Encoding, options: ReadOptions) -> None:
        """Read the header. Raises SourceError if there is no usable header."""
        self._source = source
        self._encoding = encoding
        with self._read_errors():
            lines = self._read_first_lines()
        # A file of refused rows has its header in its first line, although the imported file may have it elsewhere.
        own = find_own_delimiter(lines[:_OWN_HEADER_LINES])
        start = 0 if own else (options.header or 1) - 1
        if not any(
            line.strip() for line in lines[start : start + _HEAD_LINES if own or options.header is None else start + 1]
        ):
            place = f"line {options.header}" if options.header else ""
            raise SourceError(source.name, place, "a header line was expected here, and there is no text")
        self._delimiter = find_delimiter(source.name, lines[start:], options.delimiter, own)
        with self._read_errors():
            header = self._read_header(start + self._delimiter.line)
        self._width = len(header.cells)
        self._rows_line = header.line + header.lines
        self.description = self._describe(header, lines[0])
        self._is_correction = has_own_columns(self.description.columns)

    def read_rows(self, skip: int = 0) -> Iterator[Row]:
        """Yield the rows that are not blank, after the first `skip` of them. Each call begins at the first row."""
        width, columns = self._width, len(self.description.columns)
        sound = self._encoding.source == "checked" and width == columns and not self._is_correction
        with self._read_errors():
            for line, cells, _, fault in self._cut_from(self._rows_line):
                if not any(cells):
                    continue
                if skip:
                    skip -= 1
                elif sound and not fault and len(cells) == width:
                    yield Row(line, cells)  # type: ignore[arg-type]  # text cells are cells
                else:
                    yield self._check_row(line, cells, fault)

    def _check_row(self, line: int, cells: list[str], fault: str) -> Row:
        """Make a row, with its faults."""
        columns = self.description.columns
        found: list[RowFault] = []
        if fault:
            message = (
                f"the quotation marks of this row do not fit ({fault}); "
                "put a cell with a quotation mark into quotation marks, and double each quotation mark in it"
            )
            found.append(RowFault("Row.Quoting", message))
        elif len(cells) not in (self._width, len(columns)) or any(cells[len(columns) :]):
            message = (
                f"the row has {len(cells)} cells and the header {self._width}; is a delimiter missing, "
                "or does a cell without quotation marks contain a delimiter?"
            )
            found.append(RowFault("Row.ColumnCount", message))
        else:
            del cells[len(columns) :]
            if self._is_correction and (shift := find_shift(columns, cells)):
                found.append(shift)
        if not "".join(cells).isascii():
            for place, cell in enumerate(cells):
                if UNDECODABLE.search(cell):
                    name = columns[place].name if place < len(columns) else ""
                    message = f"the cell has bytes that are not {self._encoding.name}; correct it or give --encoding"
                    found.append(RowFault("Row.Encoding", message, name, spell_undecodable(cell)))
        return Row(line, list[Cell](cells), tuple(found))

    def _read_first_lines(self) -> list[str]:
        text = open_text(self._source.open_unpacked(), self._encoding.name)
        lines: list[str] = []
        length = 0
        while length < _HEAD_CHARACTERS and len(lines) < 10 * _HEAD_LINES and (line := text.readline()):
            lines.append(line if lines else line.removeprefix("\ufeff"))
            length += len(line)
        return lines

    def _read_header(self, lines_before: int) -> _Record:
        for record in self._cut_from(lines_before + 1):
            if any(not is_blank(cell) for cell in record.cells):
                break
        else:
            raise SourceError(self._source.name, "", "the file has no header line and no row")
        place = f"line {record.line}"
        if record.fault:
            raise SourceError(self._source.name, place, f"the header's quotation marks do not fit ({record.fault})")
        broken = next((cell for cell in record.cells if UNDECODABLE.search(cell)), None)
        if broken is not None:
            fault = f"the header {spell_undecodable(broken)} is not {self._encoding.name}; give --encoding"
            raise SourceError(self._source.name, place, fault)
        return record

    def _describe(self, header: _Record, first_line: str) -> TableDescription:
        cells = header.cells
        while is_blank(cells[-1]):
            cells = cells[:-1]
        return TableDescription(
            file_name=self._source.name.rpartition("/")[2],
            format="csv",
            columns=name_columns(cells),
            header_line=header.line,
            packing=self._source.packing,
            encoding=self._encoding.name,
            encoding_source=self._encoding.source,
            delimiter=self._delimiter.character,
            delimiter_source=self._delimiter.source,
            line_end="\r\n" if first_line.endswith("\r\n") else "\r" if first_line.endswith("\r") else "\n",
            sample=self._encoding.sample,
            doubt=self._describe_doubt(),
        )

    def _describe_doubt(self) -> str:
        encoding = self._encoding
        if not encoding.others:
            return ""
        others = ", ".join(f'{name} reads "{word[:_SHOWN]}"' for name, word in encoding.others)
        return (
            f"The encoding {encoding.name} is a guess, because the file has few words with letters outside ASCII. "
            f'{encoding.name} reads "{encoding.word[:_SHOWN]}", {others}. '
            "If the first word is wrong, give the right encoding: --encoding NAME."
        )

    def _cut_from(self, line: int) -> Iterator[_Record]:
        """Cut the text into rows. The first row begins at this line."""
        text = open_text(self._source.open_unpacked(), self._encoding.name)
        for number in range(1, line):
            if not text.readline():
                raise SourceError(self._source.name, f"line {number}", "the file ends before its header line")
        first = text.readline()
        again = deque([first.removeprefix("\ufeff") if line == 1 else first])
        return _cut_rows(text, again, self._delimiter.character, line)

    @contextlib.contextmanager
    def _read_errors(self) -> Iterator[None]:
        try:
            with self._source.unpack_errors():
                yield
        except LineTooLong as error:
            fault = (
                f"a line of more than {LONGEST_LINE // 1_000_000} MB, more than a server takes; "
                "is this a file with one row a line?"
            )
            raise SourceError(self._source.name, "", fault) from error


def _cut_rows(text: io.TextIOWrapper, again: deque[str], delimiter: str, line: int) -> Iterator[_Record]:
    """Cut lines into rows: first the lines of `again`, then the lines of `text`. The first line has the number `line`.

    A row whose quotation marks do not fit ends with its first line, and the next line begins a new row. So one missing
    quotation mark damages only one row.
    """
    held: list[str] = []
    while True:
        try:
            for cells in csv.reader(_hold_lines(text, again, held), delimiter=delimiter, strict=True):
                lines = len(held)
                held.clear()
                yield _Record(line, cells, lines, "")
                line += lines
            return
        except csv.Error as error:
            first = held[0].rstrip("\r\n")
            again.extendleft(reversed(held[1:]))
            held.clear()
            yield _Record(line, first.split(delimiter), 1, str(error))
            line += 1


def _hold_lines(text: io.TextIOWrapper, again: deque[str], held: list[str]) -> Iterator[str]:
    """Yield the lines of `again`, then the lines of `text`. Each yielded line is added to `held`."""
    while again:
        line = again.popleft()
        held.append(line)
        yield line
    for line in text:
        held.append(line)
        if len(held) > _LINES_IN_A_ROW:
            raise csv.Error("a quotation mark is opened and never closed")
        yield line
