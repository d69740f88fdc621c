"""Write the refused rows of each table to a file of the same form beside it. A person corrects that file."""

from collections.abc import Iterable, Sequence

from consentory.client.exceptions_file import FaultTally
from consentory.client.own_files import name_exceptions
from consentory.client.private_files import create_private
from consentory.codec.sources.record_inputs import TableInput
from consentory.codec.sources.refused_listing import Fault, RefusedRecords, list_refused, open_writer
from consentory.codec.tabular.refused_rows import RefusedRows, choose_suffix
from consentory.codec.tabular.table import Row, RowFault


def write_refused_tables(inputs: Sequence[TableInput], lines: Iterable[bytes], *, is_delete: bool) -> FaultTally:
    """Read the tables once more, and write the rows that did not become a record, or whose record was refused.

    With `is_delete` no row is marked as a row with an opt-out, because a Delete record has no choice.
    `lines` are the refused records in the order of their SequenceNumber; these count the records of all tables, from 1.
    Raises OSError, and whatever `lines` raises.
    """
    tally = FaultTally()
    refused = RefusedRecords(lines)
    for item in inputs:
        table = item.table.description
        with create_private(name_exceptions(item.path, choose_suffix(table))) as (file, taken):
            writer: RefusedRows | None = None
            for row, faults, holds_opt_out in list_refused(item, refused):
                writer = writer or open_writer(file, item)
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


def _show_fault(item: TableInput, row: Row, fault: RowFault) -> Fault:
    place = item.table.description.place_row(row) + (f", column {fault.column}" if fault.column else "")
    return Fault(fault.code, fault.message, fault.path, fault.value, place)
