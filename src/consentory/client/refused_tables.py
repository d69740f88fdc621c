"""Write the refused rows of each table to a file of the same form beside it. A person corrects that file."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from consentory.client.exceptions_file import Fault, FaultTally, read_faults
from consentory.client.own_files import name_exceptions
from consentory.client.private_files import create_private
from consentory.client.record_inputs import TableInput
from consentory.codec.answers.exceptions_answer import split_members
from consentory.codec.tabular.refused_rows import RefusedRows, choose_suffix, open_refused_rows
from consentory.codec.tabular.table import Row, RowFault

_HOLDS_NO = b"true"


def write_refused_tables(inputs: Sequence[TableInput], lines: Iterable[bytes], *, is_delete: bool) -> FaultTally:
    """Read the tables once more, and write the rows that did not become a record, or whose record was refused.

    With `is_delete` no row is marked as a row with an opt-out, because a Delete record has no choice.
    `lines` are the refused records in the order of their SequenceNumber; these count the records of all tables, from 1.
    Raises OSError, and whatever `lines` raises.
    """
    tally = FaultTally()
    refused = _Refused(lines)
    for item in inputs:
        table = item.table.description
        with create_private(name_exceptions(item.path, choose_suffix(table))) as (file, taken):
            writer: RefusedRows | None = None
            for row, faults, holds_opt_out in _list_refused(item, refused):
                writer = writer or _open_writer(file, item)
                holds_opt_out = holds_opt_out and not is_delete
                writer.add(row, faults, holds_opt_out=holds_opt_out)
                tally.records += 1
                tally.opt_outs += holds_opt_out
                for fault in faults:
                    tally.add_fault(_show_fault(item, row, fault))
            if writer:
                writer.close()
        tally.files += taken
    return tally


class _Refused:
    """Gives the refused record with the next number, if it is refused."""

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


def _list_refused(item: TableInput, refused: _Refused) -> Iterator[tuple[Row, Sequence[RowFault], bool]]:
    """The refused rows, each with its faults, and whether it holds an opt-out, a denial or a withdrawal."""
    for row, _, refusal in item.map_rows():
        if refusal:
            yield row, refusal.faults, item.mapping.holds_opt_out(row)
        elif members := refused.take_next():
            faults = [_place_fault(item, row, fault) for fault in read_faults(members)]
            yield row, faults, members.get("HoldsOptOut") == _HOLDS_NO


def _place_fault(item: TableInput, row: Row, fault: Fault) -> RowFault:
    """A fault of the server with the column that its path leads to."""
    column = item.mapping.find_column(row, fault.Path)
    return RowFault(fault.Code, fault.Message, column, _show(fault.Value), fault.Path)


def _show(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _show_fault(item: TableInput, row: Row, fault: RowFault) -> Fault:
    place = item.table.description.place_row(row) + (f", column {fault.column}" if fault.column else "")
    return Fault(fault.code, fault.message, fault.path, fault.value, place)


def _open_writer(file: BinaryIO, item: TableInput) -> RefusedRows:
    schema = getattr(item.table, "schema", None)
    return open_refused_rows(file, item.table.description, schema)
