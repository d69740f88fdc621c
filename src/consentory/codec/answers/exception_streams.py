"""The exceptions of an import as files: NDJSON to correct and stage again, CSV to look at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from consentory.codec.answers.csv_rows import make_safe, write_csv_rows
from consentory.codec.answers.exceptions_answer import render_row
from consentory.domain.imports import ExceptionRow
from consentory.domain.record import Fault

CSV_COLUMNS = ("SequenceNumber", "Phase", "Code", "Path", "Value", "Message")
_RECORDS_A_CHUNK = 200


def write_ndjson(rows: Iterator[ExceptionRow]) -> Iterator[bytes]:
    """One record per line, as in the JSON answer."""
    while chunk := list(islice(rows, _RECORDS_A_CHUNK)):
        yield b"".join(render_row(row) + b"\n" for row in chunk)


def write_csv(rows: Iterator[ExceptionRow]) -> Iterator[bytes]:
    """One fault per row, after a row of names; RFC 4180, UTF-8."""
    yield write_csv_rows([CSV_COLUMNS])
    while chunk := list(islice(rows, _RECORDS_A_CHUNK)):
        yield write_csv_rows(_make_cells(row, fault) for row in chunk for fault in row.faults)


def _make_cells(row: ExceptionRow, fault: Fault) -> tuple[str, ...]:
    value = fault.Value if isinstance(fault.Value, str) else _show(fault.Value)
    cells = (str(row.sequence_number), row.phase, fault.Code, fault.Path, value, fault.Message)
    return tuple(make_safe(cell) for cell in cells)


def _show(value: float | bool | None) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()
