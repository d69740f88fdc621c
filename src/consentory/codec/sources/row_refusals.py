"""The rows of a table that could not become a record: how many of each code, and the first ones for a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from consentory.codec.tabular.table import Row, RowFault

MOST_SHOWN = 50
"""The number of rows that are kept with their faults."""


@dataclass(slots=True)
class RowRefusals:
    """The refused rows of one reading of a table."""

    codes: Counter[str] = field(default_factory=Counter)
    """A row with two codes counts for both."""
    opt_outs: int = 0
    """Rows that hold an opt-out, a denial or a withdrawal."""
    rows: list[tuple[Row, tuple[RowFault, ...]]] = field(default_factory=list)
    """The first of them, without their cells."""

    def add(self, row: Row, faults: tuple[RowFault, ...], *, holds_opt_out: bool) -> None:
        """Count a refused row."""
        self.codes.update({fault.code for fault in faults})
        self.opt_outs += holds_opt_out
        if len(self.rows) < MOST_SHOWN:
            self.rows.append((Row(row.line, []), faults))
