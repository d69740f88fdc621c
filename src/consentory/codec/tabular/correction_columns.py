"""The two columns that a file of refused rows adds to the columns of its origin: how they are written and found again.

A person corrects the file, often in a spreadsheet program, and imports it again. From these columns the reader learns
three facts: the encoding of the file, its delimiter, and whether the cells of a row are in their places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from consentory.codec.tabular.table import Cell, Column, RowFault

OWN_COLUMNS = ("consentory_line", "consentory_faults")
OPT_OUT_MARK = "HOLDS AN OPT-OUT"
"""The beginning of `consentory_faults` in a row that contains an opt-out, a denial or a withdrawal."""

_FAULTS = rf"(?:{OPT_OUT_MARK} \| )?[A-Z][A-Za-z]*\.[A-Z][A-Za-z]*(?: in [^:]*)?: "
_FAULTS_CELL = re.compile(_FAULTS)
_UNFIT_CELL = re.compile(rf"(?:{OPT_OUT_MARK} \| )?Row\.(?:ColumnCount|Quoting): ")
# Only in such a row the two cells do not stand under their headers.
_ENCODING_NOTE = re.compile(rb"\| encoding: ([A-Za-z0-9_-]+)")
_OWN_HEADER = re.compile(rf'{OWN_COLUMNS[0]}"?(.)"?{OWN_COLUMNS[1]}', re.DOTALL)


def describe_faults(faults: Iterable[RowFault], *, holds_opt_out: bool = False, encoding: str = "") -> str:
    """The faults of a row in one cell. The mark of a row that contains a no comes first; the encoding of the file comes
    last."""
    said = [OPT_OUT_MARK] if holds_opt_out else []
    said += [f"{fault.code}{f' in {fault.column}' if fault.column else ''}: {fault.message}" for fault in faults]
    return " | ".join([*said, f"encoding: {encoding}"] if encoding else said)


def find_noted_encoding(head: bytes) -> str | None:
    """The encoding that a file of refused rows names for itself; None for any other file."""
    noted = _ENCODING_NOTE.search(head, max(0, head.find(OWN_COLUMNS[1].encode())))
    return noted[1].decode() if noted and OWN_COLUMNS[1].encode() in head else None


def find_own_delimiter(lines: Sequence[str]) -> str | None:
    """The delimiter between the two columns in the header of a file of refused rows; None for any other file."""
    found = _OWN_HEADER.search("".join(lines))
    return found[1] if found else None


def has_own_columns(columns: Iterable[Column]) -> bool:
    """True if the table is a table of refused rows."""
    return {column.name for column in columns}.issuperset(OWN_COLUMNS)


def find_shift(columns: Sequence[Column], cells: Sequence[Cell]) -> RowFault | None:
    """The fault of a row whose cells are not in their places: the faults are not under the header `consentory_faults`.

    A spreadsheet program adds empty cells to a short row, so the number of cells does not show the shift.
    """
    for column, cell in zip(columns, cells, strict=False):
        if column.name != OWN_COLUMNS[1] and isinstance(cell, str) and _UNFIT_CELL.match(cell):
            message = (
                "the cells of this row are not under their headers. Insert the missing cells, so that "
                f"{OWN_COLUMNS[0]} and {OWN_COLUMNS[1]} stand in their columns"
            )
            return RowFault("Row.ColumnCount", message)
    return None


def replace_own_cells(cells: Sequence[Cell], own: Sequence[str]) -> list[Cell]:
    """The cells of a row unchanged, with `own` in place of its earlier own cells, else after the last cell."""
    for place, (line, faults) in enumerate(pairwise(cells)):
        if isinstance(line, str) and line.isdecimal() and isinstance(faults, str) and _FAULTS_CELL.match(faults):
            return [*cells[:place], *own, *cells[place + 2 :]]
    return [*cells, *own]


def cut_own_cells(text: str, delimiter: str) -> str:
    """A row of text with unbalanced quotation marks, without its earlier own cells."""
    quoted = re.escape(delimiter)
    found = re.search(rf'(.*){quoted}"?[0-9]+"?{quoted}"?{_FAULTS}', text, re.DOTALL)
    return found[1] if found else text
