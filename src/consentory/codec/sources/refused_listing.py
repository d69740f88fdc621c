"""List the refused rows of a table: rows that did not become a record, and rows whose record the server refused."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from consentory.codec.answers.exceptions_answer import split_members
from consentory.codec.sources.record_inputs import TableInput
from consentory.codec.tabular.refused_rows import RefusedRows, open_refused_rows
from consentory.codec.tabular.table import Row, RowFault

_HOLDS_NO = b"true"

ListedRow = tuple[Row, Sequence[RowFault], bool]
"""A refused row, its faults, and whether it holds an opt-out, a denial or a withdrawal."""


class Fault(msgspec.Struct, frozen=True):
    """One fault in the words of the server."""

    Code: str
    Message: str = ""
    Path: str = ""
    Value: Any = None
    Place: str = ""
    """The file and the line, and of a table the column; "" where they are not known."""


class RefusedRecords:
    """Gives the refused record with the next number, if it is refused.

    `lines` are the refused records as the exceptions answer has them, in the order of their SequenceNumber.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._number = 0
        self._next: tuple[int, dict[str, bytes]] | None = None
        self._advance()

    def take_next(self) -> dict[str, bytes] | None:
        """The members of the next record, where the server refused it."""
        self._number += 1
        if self._next is None or self._next[0] != self._number:
            return None
        members = self._next[1]
        self._advance()
        return members

    def _advance(self) -> None:
        line = next(self._lines, None)
        self._next = None
        if line is not None:
            members = split_members(line)
            self._next = int(msgspec.json.decode(members["SequenceNumber"])), members


def list_refused(item: TableInput, refused: RefusedRecords) -> Iterator[ListedRow]:
    """The refused rows of a table. The records of the table count on in `refused`."""
    for row, _, refusal in item.map_rows():
        if refusal:
            yield row, refusal.faults, item.mapping.holds_opt_out(row)
        elif members := refused.take_next():
            faults = [_place_fault(item, row, fault) for fault in read_faults(members)]
            yield row, faults, members.get("HoldsOptOut") == _HOLDS_NO


def open_writer(file: BinaryIO, item: TableInput) -> RefusedRows:
    """Begin a file of refused rows in the form of the table."""
    schema = getattr(item.table, "schema", None)
    return open_refused_rows(file, item.table.description, schema)


def read_faults(members: dict[str, bytes]) -> list[Fault]:
    """The faults of a refused record, given by its members."""
    text = members.get("Exceptions", b"[]")
    try:
        return msgspec.json.decode(text, type=list[Fault])
    except msgspec.MsgspecError:
        pass  # half a character in a value, which this reader refuses
    with contextlib.suppress(ValueError, msgspec.MsgspecError):
        return msgspec.convert(json.loads(text), list[Fault])
    return []


def _place_fault(item: TableInput, row: Row, fault: Fault) -> RowFault:
    """A fault of the server with the column that its path leads to."""
    column = item.mapping.find_column(row, fault.Path)
    return RowFault(fault.Code, fault.Message, column, _show(fault.Value), fault.Path)


def _show(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
