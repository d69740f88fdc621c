"""Read Parquet as a table: one row group after another, in constant memory."""

import datetime
import decimal
import io
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow
import pyarrow.parquet

from consentory.codec.sources.byte_source import ByteSource
from consentory.codec.sources.source_error import SourceError
from consentory.codec.tabular.cell_text import write_moment, write_number
from consentory.codec.tabular.column_names import name_columns
from consentory.codec.tabular.table import Cell, Row, RowFault, TableDescription

_BATCH_ROWS = 1000
_BUFFER = 1 << 20


class ParquetTable:
    """One Parquet file as a table. See `codec.tabular.table.Table`."""

    def __init__(self, source: ByteSource) -> None:
        """Read the footer. Raises SourceError for a damaged or encrypted file."""
        self._name = source.name
        try:
            raw = pyarrow.PythonFile(io.BufferedReader(source.unpack().open_raw()), mode="r")
            self._file = pyarrow.parquet.ParquetFile(raw, buffer_size=_BUFFER, pre_buffer=False)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from error
        schema = self._file.schema_arrow
        nested = [place for place, field in enumerate(schema) if pyarrow.types.is_nested(field.type)]
        self.description = TableDescription(
            file_name=source.name.rpartition("/")[2],
            format="parquet",
            columns=name_columns(schema.names, nested),
            header_line=0,
            packing=source.packing,
        )
        self._writers = [_choose_writer(field.type) for field in schema]

    @property
    def schema(self) -> Any:
        """The types of the columns, as types of pyarrow."""
        return self._file.schema_arrow

    def read_rows(self, skip: int = 0) -> Iterator[Row]:
        """Yield the rows that are not blank, after the first `skip` of them. Each call begins at the first row."""
        number = 0
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
                columns = [
                    _write_column(column, writer) for column, writer in zip(batch.columns, self._writers, strict=True)
                ]
                for cells in zip(*columns, strict=True):
                    number += 1
                    if not any(cells):
                        continue
                    if skip:
                        skip -= 1
                    else:
                        yield self._make_row(number, list(cells))
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from error

    def _make_row(self, number: int, cells: list[Any]) -> Row:
        faults = tuple(
            RowFault(
                "Row.Encoding",
                "the cell has bytes that are not UTF-8",
                column.name,
                cell.decode("utf-8", "backslashreplace"),
            )
            for column, cell in zip(self.description.columns, cells, strict=True)
            if type(cell) is bytes
        )
        if faults:
            cells = [cell.decode("utf-8", "surrogateescape") if type(cell) is bytes else cell for cell in cells]
        return Row(number, cells, faults)

    def _damaged(self, error: Exception) -> SourceError:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        fault = f"the Parquet file cannot be read ({first}); fetch or write it again"
        return SourceError(self._name, "", fault)


def _write_column(column: Any, write: Callable[[Any], Cell | bytes] | None) -> list[Any]:
    """Give the cells of one column of a batch. A text that is not UTF-8 stays bytes."""
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
        # The datetimes of Python have microseconds. Nanoseconds carry no information about a person.
        column = column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        values = column.cast(pyarrow.binary()).to_pylist()
        write = _decode
    return values if write is None else [None if value is None else write(value) for value in values]


def _choose_writer(kind: Any) -> Callable[[Any], Cell | bytes] | None:
    """The function that turns the values of a type into cells. None: the values are text already."""
    types = pyarrow.types
    if types.is_dictionary(kind):
        return _choose_writer(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return None
    if types.is_integer(kind):
        return str
    return _write_nested if types.is_nested(kind) else _write_value


def _write_value(value: Any) -> Cell | bytes:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _decode(value)
    if isinstance(value, float):
        return None if value != value else write_number(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return write_moment(value) if isinstance(value, datetime.date | datetime.time | datetime.timedelta) else str(value)


def _write_nested(value: Any) -> Any:
    """Keep structs, lists and maps. A member that is null is left out."""
    if isinstance(value, dict):
        return {name: _write_nested(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # the entries of a map
            return {str(key): _write_nested(item) for key, item in value if item is not None}
        return [_write_nested(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else _write_value(value)


def _decode(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
