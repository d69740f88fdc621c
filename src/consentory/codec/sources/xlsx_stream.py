"""Read XLSX row by row with openpyxl, if a sheet is large, shows errors, or has formats with leading zeros.

openpyxl has a tenth of the speed of python-calamine. It uses constant memory, and gives number formats and errors.
"""

from collections.abc import Iterator, Sequence
from typing import IO, Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from consentory.codec.sources.sheet import CellError, SheetRows
from consentory.codec.tabular.cell_text import fill_template, read_template


class _StreamedSheet(ReadOnlyWorksheet):  # type: ignore[misc]  # openpyxl has no types
    def _get_size(self) -> None:
        """Do not look for the size. If the file does not state the size, openpyxl would read the whole sheet for it."""


class StreamedWorkbook:
    """An opened workbook. `parts` gives the path of each sheet's XML in the archive by the sheet's name."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.parts = {sheet.name: relation.target.lstrip("/") for sheet, relation in reader.parser.find_sheets()}

    def stream(self, name: str) -> SheetRows:
        """Give the rows of a sheet from row 1."""
        self._reader.read_strings()
        apply_stylesheet(self._reader.archive, self._reader.wb)
        sheet = _StreamedSheet(self._reader.wb, name, self.parts[name], self._reader.shared_strings)

        def rows() -> Iterator[Sequence[Any]]:
            for row in sheet.iter_rows():
                yield [None if cell.value is None else _read_cell(cell) for cell in row]

        return rows


def open_workbook(file: IO[bytes]) -> StreamedWorkbook:
    """Open a workbook. Reads the list of its sheets, but no cells."""
    reader = ExcelReader(file, read_only=True, keep_vba=False, data_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_workbook()
    return StreamedWorkbook(reader)


def _read_cell(cell: Any) -> Any:
    value = cell.value
    if cell.data_type == "n" and type(value) in (int, float):
        template = read_template(cell.number_format)
        return (fill_template(template, value) or value) if template else value
    return CellError(str(value)) if cell.data_type == "e" else value
