"""Read XLS, the Excel format of 1997 to 2003, with xlrd, because python-calamine gives no number formats or errors."""

import datetime
import io
from collections.abc import Iterator, Sequence
from typing import Any

import xlrd

from consentory.codec.sources.sheet import CellError, Merge, SheetRows
from consentory.codec.tabular.cell_text import fill_template, read_template


class XlsWorkbook:
    """An opened workbook. `names`: the names of its sheets. `shown`: the names of the sheets that are not hidden."""

    def __init__(self, content: bytes) -> None:
        """Open the workbook. Raises xlrd.XLRDError for a damaged or protected file."""
        self._book = xlrd.open_workbook(
            file_contents=content, formatting_info=True, on_demand=True, logfile=io.StringIO()
        )
        self.names: list[str] = self._book.sheet_names()
        self.shown = [
            name for name, visibility in zip(self.names, self._book._sheet_visibility, strict=False) if not visibility
        ]

    def open_sheet(self, name: str) -> tuple[SheetRows, list[Merge]]:
        """Give the rows of a sheet from row 1, and its merged ranges."""
        sheet = self._book.sheet_by_name(name)

        def rows() -> Iterator[Sequence[Any]]:
            for number in range(sheet.nrows):
                yield [self._read_cell(sheet.cell(number, column)) for column in range(sheet.row_len(number))]

        return rows, [(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]

    def _read_cell(self, cell: Any) -> Any:
        value = cell.value
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return CellError(xlrd.error_text_from_code.get(value, "#ERROR"))
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return bool(value)
        if cell.ctype == xlrd.XL_CELL_DATE:
            return self._read_moment(value)
        if cell.ctype == xlrd.XL_CELL_NUMBER:
            shape = self._book.format_map.get(self._book.xf_list[cell.xf_index].format_key)
            template = read_template(shape.format_str) if shape else None
            return (fill_template(template, value) or value) if template else value
        return value or None

    def _read_moment(self, value: float) -> Any:
        try:
            moment = xlrd.xldate_as_datetime(value, self._book.datemode)
        except (ValueError, OverflowError):
            return value
        if value < 1:
            return moment.time()
        # A spreadsheet stores a time as a part of a day, so a second is never exact.
        return (moment + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
