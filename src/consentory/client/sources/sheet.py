"""One sheet of a workbook, whichever library reads it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Merge = tuple[int, int, int, int]
"""A merged range: first row, first column, last row, last column, each from 0."""

SheetRows = Callable[[], Iterator[Sequence[Any]]]
"""Gives the values of a sheet from its first row and column on."""


class CellError:
    """A cell that shows an error, such as `#N/A`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Sheet:
    """A sheet of an opened workbook: its name, those of the others, its values and its merged ranges."""

    def __init__(self, name: str, others: tuple[str, ...], rows: SheetRows, merged: Callable[[], list[Merge]]) -> None:
        self.name = name
        self.others = others
        self.rows = rows
        self.merged = merged
