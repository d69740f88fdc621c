"""The places of records in the file that they came from: the line, and the columns of their faults."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from consentory.codec.sources.recognition import Recognition
from consentory.codec.tabular.record_columns import RecordColumns, read_record_columns
from consentory.codec.tabular.table import Row, TableDescription
from consentory.domain.caller import Caller
from consentory.domain.imports import ExceptionRow, Import
from consentory.services.uploads.upload_service import UploadService


class RecordPlace(msgspec.Struct, frozen=True):
    """`place`: the file and the line, for a person; "": not known. `columns`: one for each fault; "": not known."""

    place: str
    columns: list[str]


class RecordPlaces:
    """The line is known for an uploaded file, the columns for every file whose mapping the import keeps."""

    def __init__(self, uploads: UploadService) -> None:
        self._uploads = uploads

    def find(self, caller: Caller, item: Import, rows: Sequence[ExceptionRow]) -> list[RecordPlace]:
        """The places of refused records, in the same order."""
        table = self._find_table(caller, item)
        columns = _read_columns(item, table)
        return [
            RecordPlace(_name_place(item, table, row), [columns.find(row.raw, fault.Path) for fault in row.faults])
            for row in rows
        ]

    def find_columns(self, caller: Caller, item: Import) -> RecordColumns:
        """The columns of the file of an import."""
        return _read_columns(item, self._find_table(caller, item))

    def _find_table(self, caller: Caller, item: Import) -> TableDescription | None:
        upload = self._uploads.find_of_import(caller, item.import_id)
        if upload is None or upload.recognition is None:
            return None
        return msgspec.json.decode(upload.recognition, type=Recognition).table


def _read_columns(item: Import, table: TableDescription | None) -> RecordColumns:
    source = item.settings.source
    if source is None or source.mapping is None:
        return RecordColumns([])
    return read_record_columns(source.mapping, [column.name for column in table.columns] if table is not None else [])


def _name_place(item: Import, table: TableDescription | None, row: ExceptionRow) -> str:
    if row.line is None:
        return ""
    if table is not None:
        return table.place_row(Row(row.line, []))
    return f"{item.settings.source.file_name}, line {row.line}" if item.settings.source else f"line {row.line}"
