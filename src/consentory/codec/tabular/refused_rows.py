"""Refused rows in the form of the file that they came from. A person corrects the rows and imports the file again.

The columns are the columns of the file in their order, then `consentory_line` and `consentory_faults`. A cell is
written as it was read. The file contains the person's own data, so no character is put before a `=` or a `+`. A row
that could not be read is written unchanged, so the row is refused again until a person corrects it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from consentory.codec.tabular.correction_columns import (
    OWN_COLUMNS,
    cut_own_cells,
    describe_faults,
    has_own_columns,
    replace_own_cells,
)
from consentory.codec.tabular.table import UNDECODABLE, Cell, Row, RowFault, TableDescription, spell_undecodable

if TYPE_CHECKING:
    import pyarrow

_TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
_PACKED_SUFFIXES = frozenset({".gz", ".zst"})
_PARQUET_ROWS = 10_000
"""Rows of one row group, which is the part of the file that is held in memory."""
_NO_TITLE = re.compile(r"[\\*?:/\[\]]")
_LONGEST_TITLE = 31
_UNDECODABLE_RUN = re.compile(f"{UNDECODABLE.pattern}+")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class RefusedRows(Protocol):
    """A file of refused rows while it is written."""

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        """Write one row with its faults. `holds_opt_out` marks a row that contains a no."""
        ...

    def close(self) -> None:
        """Write the end of the file; the stream stays open."""
        ...


def choose_suffix(table: TableDescription) -> str:
    """The suffix of a file of refused rows: the origin's own suffix for CSV, `.xlsx` for every spreadsheet."""
    if table.format == "parquet":
        return ".parquet"
    if table.format != "csv":
        return ".xlsx"
    suffixes = [suffix.lower() for suffix in PurePath(table.file_name).suffixes]
    own = [suffix for suffix in suffixes if suffix not in _PACKED_SUFFIXES]
    return own[-1] if own and own[-1] in _TEXT_SUFFIXES else ".csv"


def open_refused_rows(file: BinaryIO, table: TableDescription, schema: pyarrow.Schema | None = None) -> RefusedRows:
    """Begin a file of refused rows on a stream, which is written forwards only.

    CSV keeps delimiter, encoding and line ends, and is not compressed. A spreadsheet becomes XLSX with text cells.
    Parquet keeps the shape of its nested columns, from `schema` (of the file), and all leaves are text.
    """
    if table.format == "csv":
        return _RefusedText(file, table)
    return _RefusedParquet(file, table, schema) if table.format == "parquet" else _RefusedSheet(file, table)


class _Layout:
    """The cells of a row that are written, and the header above them."""

    def __init__(self, table: TableDescription) -> None:
        self.kept = [place for place, column in enumerate(table.columns) if column.name not in OWN_COLUMNS]
        self.header = [table.columns[place].header for place in self.kept]
        self.is_correction = has_own_columns(table.columns)
        self._names = [column.name for column in table.columns]

    def arrange(self, row: Row, own: Sequence[str]) -> list[Cell]:
        """The cells of a row, then `own`. A row whose cells do not fit the header keeps all cells in their places."""
        if len(row.cells) != len(self._names) or any(fault.code == "Row.ColumnCount" for fault in row.faults):
            return replace_own_cells(row.cells, own) if self.is_correction else [*row.cells, *own]
        return [*(row.cells[place] for place in self.kept), *own]

    def find_places(self, row: Row, code: str) -> set[int]:
        """The places, among the written cells, of the cells that have a fault of a code."""
        columns = {fault.column for fault in row.faults if fault.code == code and fault.column}
        return {place for place, source in enumerate(self.kept) if self._names[source] in columns}


class _RefusedText:
    def __init__(self, file: BinaryIO, table: TableDescription) -> None:
        self._layout = _Layout(table)
        self._encoding = table.encoding or "utf-8"
        self._delimiter, self._line_end = table.delimiter or ",", table.line_end
        self._has_mark = self._encoding == "utf-8-sig" or self._encoding.startswith(("utf-16", "utf-32"))
        self._text = io.TextIOWrapper(file, self._encoding, RESTORE, newline="", write_through=False)
        if self._encoding.startswith(("utf-16-", "utf-32-")):
            self._text.write("\ufeff")
        self._writer = csv.writer(self._text, delimiter=self._delimiter, lineterminator=self._line_end)
        self._writer.writerow([*self._layout.header, *OWN_COLUMNS])

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        said = [
            RowFault(fault.code, self._keep_encodable(fault.message), self._keep_encodable(fault.column))
            for fault in faults
        ]
        told = describe_faults(said, holds_opt_out=holds_opt_out, encoding=self._choose_note(row))
        if any(fault.code == "Row.Quoting" for fault in row.faults):
            self._text.write(self._join_raw(row, told))
            return
        cells = self._layout.arrange(row, [str(row.line), told])
        self._writer.writerow(["" if cell is None else cell for cell in cells])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()

    def _choose_note(self, row: Row) -> str:
        """The encoding, if the next reader can learn it neither from a byte order mark nor from UTF-8 itself."""
        is_told = self._has_mark or (
            self._encoding == "utf-8" and not any(fault.code == "Row.Encoding" for fault in row.faults)
        )
        return "" if is_told else self._encoding

    def _join_raw(self, row: Row, told: str) -> str:
        """A row with unbalanced quotation marks, as its line is in the file. The quoted last cell keeps the row
        readable."""
        text = self._delimiter.join(map(str, row.cells))
        if self._layout.is_correction:
            text = cut_own_cells(text, self._delimiter)
        quoted = told.replace('"', '""')
        return f'{text}{self._delimiter}{row.line}{self._delimiter}"{quoted}"{self._line_end}'

    def _keep_encodable(self, text: str) -> str:
        return text.encode(self._encoding, "replace").decode(self._encoding)


class _RefusedSheet:
    def __init__(self, file: BinaryIO, table: TableDescription) -> None:
        from openpyxl import Workbook

        self._file = file
        self._layout = _Layout(table)
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet(_NO_TITLE.sub("_", table.sheet)[:_LONGEST_TITLE] or "Refused")
        self._sheet.append([self._make_cell(cell) for cell in [*self._layout.header, *OWN_COLUMNS]])

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        cells = self._layout.arrange(row, [str(row.line), describe_faults(faults, holds_opt_out=holds_opt_out)])
        made = [self._make_cell(cell) for cell in cells]
        for place in self._layout.find_places(row, "Row.NumberTooLong"):
            made[place] = self._make_number(str(cells[place]))
        for place in self._layout.find_places(row, "Row.CellError"):
            made[place] = self._make_error(str(cells[place]))
        self._sheet.append(made)

    def close(self) -> None:
        self._book.save(self._file)

    def _make_cell(self, cell: Cell) -> Any:
        from openpyxl.cell import WriteOnlyCell

        if cell is None:
            return None
        text = _NO_XML.sub(lambda mark: f"\\x{ord(mark[0]):02x}", spell_undecodable(str(cell)))
        made = WriteOnlyCell(self._sheet, value=text)
        made.data_type = "s"  # a cell is never a formula
        made.number_format = "@"  # a corrected cell stays text, with its leading zeros
        return made

    def _make_number(self, text: str) -> Any:
        """A number with more digits than a spreadsheet stores exactly, as a number: a text would look exact."""
        made = self._make_cell(text)
        made.value = int(text) if text.lstrip("-").isdecimal() else float(text)
        made.number_format = "@"
        return made

    def _make_error(self, text: str) -> Any:
        """An error that a cell shows, as an error. An error that XLSX does not know becomes `#VALUE!`."""
        from openpyxl.cell.cell import ERROR_CODES

        made = self._make_cell(text if text in ERROR_CODES else "#VALUE!")
        made.data_type = "e"
        return made


class _RefusedParquet:
    def __init__(self, file: BinaryIO, table: TableDescription, schema: pyarrow.Schema | None) -> None:
        import pyarrow
        from pyarrow import parquet

        self._layout = _Layout(table)
        fields = []
        for place, name in zip(self._layout.kept, self._layout.header, strict=True):
            kind = pyarrow.string()
            if schema is not None and table.columns[place].nested:
                kind = _soften(schema.field(place).type)
            fields.append(pyarrow.field(name, kind))
        self._schema = pyarrow.schema([*fields, *(pyarrow.field(name, pyarrow.string()) for name in OWN_COLUMNS)])
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._rows: list[list[Cell]] = []

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        own = [str(row.line), describe_faults(faults, holds_opt_out=holds_opt_out)]
        self._rows.append(self._layout.arrange(row, own))
        if len(self._rows) >= _PARQUET_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        columns = [[_as_text(row[place]) for row in self._rows] for place in range(len(self._schema))]
        arrays = [_make_array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pyarrow.table(arrays, schema=self._schema))
        self._rows = []


def _soften(kind: Any) -> Any:
    """The type with text in place of every leaf."""
    import pyarrow

    if pyarrow.types.is_struct(kind):
        return pyarrow.struct([pyarrow.field(item.name, _soften(item.type)) for item in kind])
    if pyarrow.types.is_map(kind):
        return pyarrow.map_(pyarrow.string(), _soften(kind.item_type))
    if pyarrow.types.is_nested(kind):  # a list of any size
        return pyarrow.list_(_soften(kind.value_type))
    if pyarrow.types.is_boolean(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
        return kind
    return pyarrow.string()


def _as_text(cell: Any) -> Any:
    if isinstance(cell, Mapping) or (isinstance(cell, Sequence) and not isinstance(cell, str)):
        return cell
    return None if cell is None else str(cell)


def _shape(value: Any, kind: Any) -> Any:
    """A nested value as pyarrow takes it: the entries of a map are pairs."""
    import pyarrow

    if value is None or not pyarrow.types.is_nested(kind):
        return value
    if pyarrow.types.is_struct(kind):
        return {item.name: _shape(value.get(item.name), item.type) for item in kind}
    if pyarrow.types.is_map(kind):
        return [(key, _shape(item, kind.item_type)) for key, item in dict(value).items()]
    return [_shape(item, kind.value_type) for item in value]


def _make_array(values: list[Any], kind: Any) -> Any:
    """One column. Text with undecodable bytes is written with the original bytes."""
    import pyarrow
    from pyarrow import compute

    values = [_shape(value, kind) for value in values] if pyarrow.types.is_nested(kind) else values
    if not any(isinstance(value, str) and UNDECODABLE.search(value) for value in values):
        return pyarrow.array(values, kind)
    raw = [None if value is None else value.encode("utf-8", "surrogateescape") for value in values]
    return compute.cast(pyarrow.array(raw, pyarrow.binary()), options=compute.CastOptions.unsafe(kind))


def _restore_undecodable(error: UnicodeError) -> tuple[bytes, int]:
    """Return undecodable bytes unchanged. In UTF-16 and UTF-32, a rest that is not a whole code unit is filled up to a
    unit that cannot be decoded either, so that the following bytes keep their places."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    marks = _UNDECODABLE_RUN.match(error.object, error.start)
    if marks is None:
        raise error
    raw = bytes(ord(mark) - 0xDC00 for mark in marks[0])
    unit = 2 if error.encoding.startswith("utf-16") else 4 if error.encoding.startswith("utf-32") else 1
    rest = len(raw) % unit
    if rest:
        units = "".join(chr(0xD800 + byte) for byte in raw[len(raw) - rest :])
        raw = raw[: len(raw) - rest] + units.encode(error.encoding, "surrogatepass")
    return raw, marks.end()


RESTORE = "consentory-restore"
"""The name of the error handler that writes undecodable bytes."""
codecs.register_error(RESTORE, _restore_undecodable)
