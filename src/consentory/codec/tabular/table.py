"""The types of a table: the output of the readers and the input of the mapping.

A reader (codec/sources) turns a file into a `Table`. The mapping turns each `Row` into a record. The writer of refused
rows uses the `TableDescription` to write a file of the same form.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

TableFormat = Literal["csv", "xlsx", "xls", "ods", "parquet"]
"""`csv` is any text with a delimiter of one character. The description has the delimiter."""

_FORMAT_NAMES = {"csv": "CSV", "xlsx": "XLSX", "xls": "XLS", "ods": "ODS", "parquet": "Parquet"}
_DELIMITER_NAMES = {"\t": "tab", " ": "space", ",": "comma", ";": "semicolon", "|": "pipe", ":": "colon"}

Packing = Literal["none", "gzip", "zstd"]

Nested = Mapping[str, Any] | Sequence[Any]
"""A struct or a list of a Parquet column. Its leaves are text, bool or numbers; null members are left out."""

Cell = str | None | Nested
"""The text as a person sees it; None if a file can distinguish "no value" from "" (Parquet, spreadsheets); or a nested
value."""


class Column(msgspec.Struct, frozen=True):
    """One column. `name` is unique in its table; `header` is the text in the file.

    The second column of one header is called `HEADER#2`, the third `HEADER#3`. White space around a header is not
    part of `name`. A column without a header is called `column 3` after its place, counted from 1.
    """

    name: str
    header: str
    nested: bool = False


class RowFault(msgspec.Struct, frozen=True):
    """One fault of a row that was found while reading. `column` is a column's name, "" for the whole row.

    `value` is the cell, with undecodable bytes spelled out (`Ren\\xe9`); None if there is no cell to show. `path` is
    the JSON path of the fault in the record; "" for a fault that was found while reading.
    """

    code: str
    message: str
    column: str = ""
    value: str | None = None
    path: str = ""


class Row(msgspec.Struct, frozen=True):
    """One row below the header.

    `line` is the line of the file on which the row begins (CSV), the row number of the sheet, or the number of the row
    (Parquet). Each counts from 1. A CSV line count includes line breaks inside cells. `cells` has one item for each
    column, in the order of the columns. A row with faults may have more or fewer cells, and must not become a record.
    Its cells may contain undecodable bytes: see `spell_undecodable`.
    """

    line: int
    cells: list[Cell]
    faults: tuple[RowFault, ...] = ()


class TableDescription(msgspec.Struct, frozen=True):
    """The form of one file: the facts that a person is told, and the facts that are needed to write a file of the same
    form."""

    file_name: str
    """The name without folders; "-" for standard input."""
    format: TableFormat
    columns: tuple[Column, ...]
    header_line: int
    """The line or row of the header, from 1; 0 for Parquet."""
    packing: Packing = "none"
    encoding: str = ""
    """For CSV, the encoding as Python names it (`utf-8`, `utf-8-sig`, `cp1252`, `utf-16-le` …); "" for other
    formats."""
    encoding_source: Literal["", "byte order mark", "checked", "detected", "given", "that of the imported file"] = ""
    delimiter: str = ""
    """For CSV; "" for other formats."""
    delimiter_source: Literal["", "detected", "given"] = ""
    line_end: Literal["\r\n", "\n", "\r"] = "\n"
    """For CSV: the end of the header line."""
    sheet: str = ""
    """For a spreadsheet: the name of the sheet that is read."""
    other_sheets: tuple[str, ...] = ()
    sample: str = ""
    """A word with letters outside ASCII as it was decoded, so that a person can check a detected encoding."""
    doubt: str = ""
    """If the encoding is a guess: the same word in this encoding and in others, for a person, with advice."""

    def place_row(self, row: Row) -> str:
        """Name the place of a row for a person: `people.csv, line 7` or `people.xlsx, sheet Contacts, row 7`."""
        if self.sheet:
            return f"{self.file_name}, sheet {self.sheet}, row {row.line}"
        return f"{self.file_name}, {'row' if self.format == 'parquet' else 'line'} {row.line}"

    def summary(self) -> str:
        """Say in one sentence how the file is read: the first line of output."""
        told = [_FORMAT_NAMES[self.format] + (f" packed with {self.packing}" if self.packing != "none" else "")]
        if self.encoding:
            example = f', for example "{self.sample}"' if self.sample else ""
            told.append(f"encoding {self.encoding} ({self.encoding_source}{example})")
        if self.delimiter:
            told.append(f"delimiter {_DELIMITER_NAMES.get(self.delimiter, self.delimiter)} ({self.delimiter_source})")
        if self.sheet:
            others = f" (other sheets: {', '.join(self.other_sheets)})" if self.other_sheets else ""
            told.append(f"sheet {self.sheet}{others}")
        if self.header_line:
            told.append(f"header in {'row' if self.sheet else 'line'} {self.header_line}")
        count = len(self.columns)
        told.append(f"{count} column{'s' if count != 1 else ''}")
        return f"{self.file_name}: {', '.join(told)}."


class ReadOptions(msgspec.Struct, frozen=True):
    """The options that a person gave for reading a file. None: the option is detected, or the first one is used."""

    encoding: str | None = None
    delimiter: str | None = None
    header: int | None = None
    """The line (CSV) or the row (spreadsheet) of the header, from 1; None: the first line that is not blank."""
    sheet: str | int | None = None
    """A sheet by its name, or by its number from 1."""


class Table(Protocol):
    """One opened table."""

    @property
    def description(self) -> TableDescription: ...

    def read_rows(self, skip: int = 0) -> Iterator[Row]:
        """Yield the rows after the first `skip`, in the order of the file. Rows with only empty cells are left out and
        not counted. Each call begins at the first row again."""
        ...


UNDECODABLE = re.compile("[\udc00-\udcff]")
"""A byte that could not be decoded, kept as U+DC00 plus the byte (0x80 and above: Python's `surrogateescape`)."""


def spell_undecodable(text: str) -> str:
    """Replace each undecodable byte of a cell by the form `\\xe9`. All other text stays unchanged."""
    return UNDECODABLE.sub(lambda mark: f"\\x{ord(mark[0]) - 0xDC00:02x}", text)
