"""One sheet of a workbook, for each library that reads workbooks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Merge = tuple[int, int, int, int]
"""A merged range: first row, first column, last row, last column, each from 0."""

LAST_ROW = 1_048_576
LAST_COLUMN = 16_384
"""The last row and column that a spreadsheet program can have."""

SheetRows = Callable[[], Iterator[Sequence[Any]]]
"""Gives the values of a sheet from its first row and column on."""


class CellError:
    """A cell that shows an error, such as `#N/A`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(slots=True)
class SheetNote:
    """The findings of the check of a workbook's XML about one sheet."""

    last_row: int = 0
    last_column: int = 0
    errors: bool = False
    no_result: str = ""
    """XLSX: the first cell with a formula whose result is not in the file."""
    merged: list[Merge] = field(default_factory=list)
    shown: dict[int, dict[int, Any]] = field(default_factory=dict)
    """ODS: the shown value, by row and column from 0, of each cell with leading zeros or an error. python-calamine
    does not give it."""


class Sheet:
    """A sheet of an opened workbook: its name, the names of the other sheets, its values and its merged ranges."""

    def __init__(self, name: str, others: tuple[str, ...], rows: SheetRows, merged: list[Merge]) -> None:
        self.name = name
        self.others = others
        self.rows = rows
        self.merged = merged
