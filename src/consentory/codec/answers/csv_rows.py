"""Rows of CSV (RFC 4180, UTF-8) that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from consentory.codec.hidden_characters import spell_hidden

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run a cell that begins so as a formula. The last two begin a formula in some spreadsheets."""
_HARMLESS = "\t\r\n"
"""White space that a quoted cell may contain."""


def make_safe(cell: str) -> str:
    """The cell without hidden characters. An apostrophe stands before the beginning of a formula."""
    shown = spell_hidden(cell, keep=_HARMLESS)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


def write_csv_rows(rows: Iterable[Iterable[str]]) -> bytes:
    """The rows as text, each with its line end."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
