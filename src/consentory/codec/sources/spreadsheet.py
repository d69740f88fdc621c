"""Read a sheet of XLSX, XLS or ODS as a table. Each cell becomes the text that a person sees in the cell."""

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import python_calamine
import xlrd

from consentory.codec.sources.byte_source import ByteSource
from consentory.codec.sources.file_kinds import ARCHIVE_ADVICE, ARCHIVE_LIMIT
from consentory.codec.sources.sheet import CellError, Sheet, SheetNote
from consentory.codec.sources.source_error import SourceError
from consentory.codec.sources.workbook_archive import CheckedWorkbook, check_workbook
from consentory.codec.sources.xls_sheet import XlsWorkbook
from consentory.codec.tabular.cell_text import LARGEST_EXACT, write_cell
from consentory.codec.tabular.column_names import is_blank, name_columns
from consentory.codec.tabular.correction_columns import OWN_COLUMNS, find_shift, has_own_columns
from consentory.codec.tabular.table import Cell, ReadOptions, Row, RowFault, TableDescription, TableFormat

HELD_CELLS = 4_000_000
"""A sheet with at most this number of cells is read into memory as a whole (about 200 MB)."""


class _SheetMissing(SourceError):
    """The workbook has no sheet of the wanted name or number."""


class Spreadsheet:
    """One sheet as a table. See `codec.tabular.table.Table`."""

    def __init__(self, source: ByteSource, form: TableFormat, sheet: "Sheet", header: int | None) -> None:
        """Read the header. Raises SourceError if there is no usable header."""
        self._source = source
        self._sheet = sheet
        row, headers = self._find_header(header)
        self.description = TableDescription(
            file_name=source.name.rpartition("/")[2],
            format=form,
            columns=name_columns(headers),
            header_line=row,
            packing=source.packing,
            sheet=sheet.name,
            other_sheets=sheet.others,
        )
        self.is_correction = has_own_columns(self.description.columns)

    def read_rows(self, skip: int = 0) -> Iterator[Row]:
        """Yield the rows that are not blank, after the first `skip` of them. Each call begins at the first row."""
        header, width = self.description.header_line, len(self.description.columns)
        for line, values in self._enumerate_rows():
            if line <= header or all(value is None or value == "" for value in values):
                continue
            if skip:
                skip -= 1
                continue
            yield self._make_row(line, values, width)

    def _enumerate_rows(self) -> Iterator[tuple[int, Sequence[Any]]]:
        with _workbook_errors(self._source.name):
            yield from enumerate(self._sheet.rows(), start=1)

    def _make_row(self, line: int, values: Sequence[Any], width: int) -> Row:
        faults: list[RowFault] = []
        for place, value in enumerate(values):
            kind = type(value)
            if kind is CellError:
                message = f"the cell shows the error {value.text}; correct the formula, or type the value"
            elif (kind is float or kind is int) and abs(value) > LARGEST_EXACT:
                message = (
                    "the number is longer than a spreadsheet keeps exactly, so its last digits may be lost; "
                    "format the column as text and type or import it again"
                )
            elif place >= width and value is not None and value != "":
                message = "the cell is to the right of the last column with a header; give the column a header"
            else:
                continue
            code = "Row.CellError" if kind is CellError else "Row.NumberTooLong" if place < width else "Row.ColumnCount"
            name = self.description.columns[place].name if place < width else ""
            shown = value.text if kind is CellError else write_cell(value)
            faults.append(RowFault(code, message, name, shown))
        cells: list[Cell] = [value.text if type(value) is CellError else write_cell(value) for value in values]
        cells.extend([None] * (width - len(cells)))
        while len(cells) > width and cells[-1] is None:
            cells.pop()
        if self.is_correction and (shift := find_shift(self.description.columns, cells)):
            faults.append(shift)
        return Row(line, cells, tuple(faults))

    def _find_header(self, wanted: int | None) -> tuple[int, list[str]]:
        """The header in the wanted row. A file of refused rows always has its header in its first row."""
        if wanted is not None:
            with contextlib.suppress(SourceError):
                line, headers = self._read_header(None)
                if set(OWN_COLUMNS).issubset(headers):
                    return line, headers
        return self._read_header(wanted)

    def _read_header(self, wanted: int | None) -> tuple[int, list[str]]:
        for line, values in itertools.islice(self._enumerate_rows(), (wanted or 1) - 1, None):
            headers = self._fill_merged(line, [_show(value) for value in values])
            while headers and is_blank(headers[-1]):
                headers.pop()
            if headers:
                return line, headers
            if wanted is not None:
                break
        place = f"sheet {self._sheet.name}" + (f", row {wanted}" if wanted is not None else "")
        raise SourceError(self._source.name, place, "a header row was expected here, and there is no text")

    def _fill_merged(self, line: int, headers: list[str]) -> list[str]:
        """Give each cell of a merged range the text of the range, because a person sees that text above the column."""
        touched = [merge for merge in self._sheet.merged if merge[0] <= line - 1 <= merge[2]]
        if touched:
            tops = list(itertools.islice(self._sheet.rows(), line))
            for top, left, _, right in touched:
                headers.extend([""] * (right + 1 - len(headers)))
                shown = _show(tops[top][left]) if left < len(tops[top]) else ""
                headers[left : right + 1] = [shown] * (right + 1 - left)
        return headers


def open_spreadsheet(source: ByteSource, form: TableFormat, options: ReadOptions) -> Spreadsheet:
    """Open one sheet. Raises SourceError if the file is damaged, protected or too large, or if it has no such sheet."""
    with _workbook_errors(source.name):
        try:
            return Spreadsheet(source, form, _open_sheet(source, form, options.sheet), options.header)
        except _SheetMissing:
            # A file of refused rows has only one sheet. The given sheet is a sheet of the imported file.
            only = Spreadsheet(source, form, _open_sheet(source, form, None), None)
            if not only.is_correction:
                raise
            return only


@contextlib.contextmanager
def _workbook_errors(name: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of parts that it would lose when writing
            yield
    except (python_calamine.PasswordError, xlrd.XLRDError) as error:
        if isinstance(error, xlrd.XLRDError) and "encrypted" not in str(error):
            fault = f"the spreadsheet is damaged ({error}); open it in a spreadsheet program and save it as XLSX"
            raise SourceError(name, "", fault) from error
        fault = "the workbook is protected by a password; open it, remove the password and save it"
        raise SourceError(name, "", fault) from error
    except SourceError:
        raise
    except BaseException as error:
        # The libraries raise any kind of error for a damaged file. The panic of python-calamine is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        fault = f"the spreadsheet cannot be read ({error}); open it in a spreadsheet program and save it as XLSX"
        raise SourceError(name, "", fault) from error


def _open_sheet(source: ByteSource, form: TableFormat, wanted: str | int | None) -> Sheet:
    if form == "xls":
        return _open_xls_sheet(source, wanted)
    checked = check_workbook(source)
    book = python_calamine.CalamineWorkbook.from_filelike(checked.copy)
    visible = python_calamine.SheetVisibleEnum.Visible
    work = python_calamine.SheetTypeEnum.WorkSheet
    names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == work]
    shown = [sheet.name for sheet in book.sheets_metadata if sheet.typ == work and sheet.visible == visible]
    name = _choose_sheet(source, names, shown, wanted)
    others = tuple(other for other in shown if other != name)
    if form == "ods":
        return _hold_sheet(book, name, others, checked.sheets.get(name, SheetNote()))
    return _open_xlsx_sheet(source.name, checked, book, name, others)


def _open_xls_sheet(source: ByteSource, wanted: str | int | None) -> Sheet:
    content = source.unpack(ARCHIVE_LIMIT, ARCHIVE_ADVICE).open_raw().readall() or b""
    book = XlsWorkbook(content)
    name = _choose_sheet(source, book.names, book.shown, wanted)
    rows, merged = book.open_sheet(name)
    return Sheet(name, tuple(other for other in book.shown if other != name), rows, merged)


def _open_xlsx_sheet(
    file: str, checked: CheckedWorkbook, book: python_calamine.CalamineWorkbook, name: str, others: tuple[str, ...]
) -> Sheet:
    from consentory.codec.sources import xlsx_stream  # openpyxl takes half a second to load

    workbook = xlsx_stream.open_workbook(checked.copy)
    note = checked.sheets.get(workbook.parts[name])
    if note is None:
        raise SourceError(file, f"sheet {name}", "its cells are not in the file; save the workbook again")
    if note.no_result:
        fault = (
            f"cell {note.no_result} holds a formula whose result is not in the file; "
            "open it in a spreadsheet program and save it, so that the results are kept"
        )
        raise SourceError(file, f"sheet {name}", fault)
    if note.errors or checked.templates or note.last_row * note.last_column > HELD_CELLS:
        book.close()
        return Sheet(name, others, workbook.stream(name), note.merged)
    return _hold_sheet(book, name, others, note)


def _choose_sheet(source: ByteSource, names: list[str], shown: list[str], wanted: str | int | None) -> str:
    if not names:
        raise SourceError(source.name, "", "the workbook has no sheet with cells")
    if wanted is None:
        return (shown or names)[0]
    if isinstance(wanted, str) and wanted in names:
        return wanted
    number = int(wanted) if str(wanted).isdecimal() else 0
    if 1 <= number <= len(names):
        return names[number - 1]
    raise _SheetMissing(source.name, "", f"there is no sheet {wanted}; there are {', '.join(names)}")


def _hold_sheet(book: python_calamine.CalamineWorkbook, name: str, others: tuple[str, ...], note: SheetNote) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    return Sheet(name, others, lambda: _pad_rows(sheet, note.shown), note.merged)


def _pad_rows(sheet: python_calamine.CalamineSheet, shown: Mapping[int, Mapping[int, Any]]) -> Iterator[Sequence[Any]]:
    """Yield the rows of a sheet in memory, from row 1 and column 1. A value of `shown` replaces calamine's value."""
    # python-calamine gives the empty rows before the first value, but not the empty columns before it.
    before = [""] * (sheet.start or (0, 0))[1]
    for number, cells in enumerate(sheet.iter_rows()):
        row = [*before, *cells]
        for column, value in shown.get(number, {}).items():
            row.extend([""] * (column + 1 - len(row)))
            row[column] = value
        yield row


def _show(value: Any) -> str:
    return value.text if isinstance(value, CellError) else write_cell(value) or ""
