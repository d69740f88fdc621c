"""Refused rows in the form of the file that they came from, to be corrected there and imported again.

The columns are those of the file in their order, then `consentory_line` and `consentory_faults`. A cell is written
as it was read: the file that comes back is the person's own data, so nothing is put before a `=` or a `+`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from consentory.codec.tabular.mapping_header import OWN_COLUMNS
from consentory.codec.tabular.table import Cell, Row, RowFault, TableDescription, spell_undecodable

if TYPE_CHECKING:
    import pyarrow

OPT_OUT_MARK = "HOLDS AN OPT-OUT"
"""What `consentory_faults` begins with in a row that holds an opt-out, a denial or a withdrawal."""

_TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
_PACKED_SUFFIXES = frozenset({".gz", ".zst"})
_PARQUET_ROWS = 10_000
"""Rows of one row group: what is held in memory."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class RefusedRows(Protocol):
    """A file that is being written."""

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        """Write one row with its faults. `holds_opt_out` marks a row that holds a no."""
        ...

    def close(self) -> None:
        """Write the end of the file; the stream stays open."""
        ...


def choose_suffix(table: TableDescription) -> str:
    """The suffix of a file of refused rows: of CSV the origin's own, of every spreadsheet `.xlsx`."""
    if table.format == "parquet":
        return ".parquet"
    if table.format != "csv":
        return ".xlsx"
    suffixes = [suffix.lower() for suffix in PurePath(table.file_name).suffixes]
    own = [suffix for suffix in suffixes if suffix not in _PACKED_SUFFIXES]
    return own[-1] if own and own[-1] in _TEXT_SUFFIXES else ".csv"


def describe_faults(faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> str:
    """The faults of a row in one cell, behind the mark of a row that holds a no."""
    said = [f"{fault.code}{f' in {fault.column}' if fault.column else ''}: {fault.message}" for fault in faults]
    return " | ".join([OPT_OUT_MARK, *said] if holds_opt_out else said)


def open_refused_rows(file: BinaryIO, table: TableDescription, schema: pyarrow.Schema | None = None) -> RefusedRows:
    """Begin a file of refused rows on a stream, which is written forwards only.

    CSV keeps delimiter, encoding and line ends, and is not packed; a spreadsheet becomes XLSX with cells of text;
    Parquet keeps the shape of its nested columns, which `schema` (of the file) tells, and all leaves are text.
    """
    if table.format == "csv":
        return _RefusedText(file, table)
    return _RefusedParquet(file, table, schema) if table.format == "parquet" else _RefusedSheet(file, table)


class _Layout:
    """Which cells of a row are written, and the header over them."""

    def __init__(self, table: TableDescription) -> None:
        self.kept = [place for place, column in enumerate(table.columns) if column.name not in OWN_COLUMNS]
        self.header = [table.columns[place].header for place in self.kept]
        self._width = len(table.columns)

    def arrange(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool) -> list[Cell]:
        """The cells as they are written. Cells past the header stand after the last column."""
        cells = [row.cells[place] if place < len(row.cells) else None for place in self.kept]
        return [*cells, str(row.line), describe_faults(faults, holds_opt_out=holds_opt_out), *row.cells[self._width :]]


class _RefusedText:
    def __init__(self, file: BinaryIO, table: TableDescription) -> None:
        self._layout = _Layout(table)
        self._encoding = table.encoding or "utf-8"
        # A byte that could not be decoded goes out as it came in, where the encoding has bytes of its own for it.
        errors = (
            "replace"
            if self._encoding.replace("_", "-").lower().startswith(("utf-16", "utf-32"))
            else "surrogateescape"
        )
        self._text = io.TextIOWrapper(file, self._encoding, errors, newline="", write_through=False)
        self._writer = csv.writer(self._text, delimiter=table.delimiter or ",", lineterminator=table.line_end)
        self._writer.writerow([*self._layout.header, *OWN_COLUMNS])

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        said = [
            RowFault(fault.code, self._keep_encodable(fault.message), self._keep_encodable(fault.column))
            for fault in faults
        ]
        self._writer.writerow(
            ["" if cell is None else cell for cell in self._layout.arrange(row, said, holds_opt_out=holds_opt_out)]
        )

    def close(self) -> None:
        self._text.flush()
        self._text.detach()

    def _keep_encodable(self, text: str) -> str:
        return text.encode(self._encoding, "replace").decode(self._encoding)


class _RefusedSheet:
    def __init__(self, file: BinaryIO, table: TableDescription) -> None:
        from openpyxl import Workbook

        self._file = file
        self._layout = _Layout(table)
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet(table.sheet or "Refused")
        self._write([*self._layout.header, *OWN_COLUMNS])

    def add(self, row: Row, faults: Iterable[RowFault], *, holds_opt_out: bool = False) -> None:
        self._write(self._layout.arrange(row, faults, holds_opt_out=holds_opt_out))

    def close(self) -> None:
        self._book.save(self._file)

    def _write(self, cells: Sequence[Cell]) -> None:
        self._sheet.append([self._make_cell(cell) for cell in cells])

    def _make_cell(self, cell: Cell) -> Any:
        from openpyxl.cell import WriteOnlyCell

        if cell is None:
            return None
        text = _NO_XML.sub(lambda mark: f"\\x{ord(mark[0]):02x}", spell_undecodable(str(cell)))
        made = WriteOnlyCell(self._sheet, value=text)
        made.data_type = "s"  # never a formula
        made.number_format = "@"  # so that a corrected cell stays text, with its leading zeros
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
        self._rows.append(self._layout.arrange(row, faults, holds_opt_out=holds_opt_out))
        if len(self._rows) >= _PARQUET_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        columns = [[_as_text(row[place]) for row in self._rows] for place in range(len(self._schema))]
        arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pyarrow.table(arrays, schema=self._schema))
        self._rows = []


def _soften(kind: Any) -> Any:
    """The type with text in the place of every leaf."""
    import pyarrow

    if pyarrow.types.is_struct(kind):
        return pyarrow.struct([pyarrow.field(item.name, _soften(item.type)) for item in kind])
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return pyarrow.list_(_soften(kind.value_type))
    if pyarrow.types.is_boolean(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
        return kind
    return pyarrow.string()


def _as_text(cell: Any) -> Any:
    if isinstance(cell, Mapping) or (isinstance(cell, Sequence) and not isinstance(cell, str)):
        return cell
    return None if cell is None else spell_undecodable(str(cell))
