"""Recognize an uploaded file, and stage it as an import. A process of its own does this (docs/adr/0021-uploads.md).

The work may be cut off anywhere. The next process goes on behind the batches that are stored.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
import structlog

from consentory.codec.answers.exceptions_answer import render_row
from consentory.codec.sources import ByteSource, SourceError, SourceFile
from consentory.codec.sources.batch_cutter import BATCH_BYTES, Batch, cut_batches
from consentory.codec.sources.file_check import BrokenFiles, FileCheck, check_files
from consentory.codec.sources.recognition import Recognition, StoredOptions, recognize_file
from consentory.codec.sources.record_inputs import InputOptions, RecordInput, TableInput, find_match, make_inputs
from consentory.codec.sources.refused_listing import RefusedRecords, list_refused, open_writer
from consentory.codec.sources.source_note import describe_source
from consentory.codec.staging.batch_lines import pack_lines
from consentory.codec.tabular.mapping_document import MappingInvalid, TableMapping, read_mapping
from consentory.domain.caller import Caller
from consentory.domain.configuration import Configuration
from consentory.domain.imports import REFUSED, Import
from consentory.domain.upload import RefusedCell, Upload, UploadCounts, UploadFault
from consentory.errors import OutcomeUnknown, RequestRefused, StoreUnavailable, trace_error
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.staging_service import StagingService
from consentory.services.uploads.refused_rows_service import RefusedCall
from consentory.services.uploads.upload_bytes import UploadBytes
from consentory.services.uploads.upload_service import StagingOrder, StoredOrder, choose_configuration, name_batches
from consentory.store.database import Database
from consentory.store.tables import upload_store

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 5
"""A file that ends so many processes without any progress is refused."""
COPY_BYTES = 2_000_000_000
"""The largest temporary copy of a packed file that must be read at any place (Parquet)."""
REPORT_SECONDS = 0.5
_MOST_CELLS, _LONGEST_MESSAGE = 200, 1000
"""The bounds of the faults of refused rows that an upload keeps."""


class _GivenUp(Exception):
    """A person has given the upload up."""


class _Refused(Exception):
    """The file cannot be read, or not be staged so. `fault` is for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.fault = UploadFault(code, message)


class UploadWork:
    """Does the work on one upload at a time, with the rights of the service and of the user who ordered it."""

    def __init__(
        self,
        database: Database,
        configurations: ConfigurationCache,
        imports: ImportService,
        staging: StagingService,
        exceptions: ExceptionService,
    ) -> None:
        self._exceptions = exceptions
        self._database = database
        self._configurations = configurations
        self._imports = imports
        self._staging = staging

    def work_off(self, account_id: int, upload_id: UUID) -> None:
        """Recognize or stage the upload, or note why that is not possible. Raises StoreUnavailable, OutcomeUnknown."""
        with self._database.transaction(account_id) as tx:
            attempts = upload_store.note_attempt(tx, upload_id)
            item = upload_store.find_upload(tx, upload_id)
        if attempts is None or item is None:
            return
        try:
            with _refusals():
                if attempts > MOST_ATTEMPTS:
                    raise _Refused(
                        "Upload.ProcessLost",
                        f"The process that read the file ended {MOST_ATTEMPTS} times. Save the file anew, or cut it"
                        " into several files, and upload that.",
                    )
                if item.state == "Recognizing":
                    self._recognize(item)
                else:
                    self._stage(item)
        except _GivenUp:
            self._cancel_import(item)
        except _Refused as refused:
            self._cancel_import(item)
            with self._database.transaction(account_id) as tx:
                upload_store.fail_upload(tx, upload_id, refused.fault)

    # Recognizing

    def _recognize(self, item: Upload) -> None:
        options = msgspec.json.decode(item.options, type=StoredOptions)
        configuration = self._find_configuration(item.account_id, item.caller)
        with self._open(item, options.encoding) as file:
            recognition = recognize_file(file, options, configuration)
        with self._database.transaction(item.account_id) as tx:
            upload_store.record_recognition(tx, item.upload_id, msgspec.json.encode(recognition))

    def _find_configuration(self, account_id: int, user_id: str) -> Configuration | None:
        index = self._configurations.current(account_id)
        user = index.find_user(user_id)
        if user is None:
            return None
        caller = Caller(account_id, index.account.client_id, user.id, index.permissions_of(user))
        return choose_configuration(caller, index.configuration)

    @contextmanager
    def _open(self, item: Upload, encoding: str | None) -> Iterator[SourceFile]:
        stored = UploadBytes(self._database, item.account_id, item.upload_id, item.received)
        with ByteSource(item.file_name, stored, regular=True, copy_limit=COPY_BYTES) as source:
            yield SourceFile(source, encoding)

    # Staging

    def _stage(self, item: Upload) -> None:
        stored = msgspec.json.decode(item.staging_order or b"", type=StoredOrder)
        caller = self._find_caller(item.account_id, stored)
        options = self._make_options(item, stored.order, caller)
        with self._open(item, options.read_options().encoding) as file:
            inputs = make_inputs([(Path(item.file_name), file)], options)
            run = _StagingRun(self._database, item, stored.order, inputs[0])
            if item.import_id is None:
                found = self._imports.initiate(caller, run.check(), f"upload {item.upload_id} {item.orders}")
                run.note_import(found)
            else:
                found = self._imports.find_by_id(caller, str(item.import_id))
            limit = min(BATCH_BYTES, self._staging.body_limit(caller))
            for key, batch in run.cut(found, limit):
                lines = pack_lines(batch.lines)
                self._staging.stage(caller, str(found.access_token), batch.body, "json", key, lines=lines)
                run.report("Stage", batch.position, batch.records_done)
            run.end()

    def _find_caller(self, account_id: int, stored: StoredOrder | RefusedCall) -> Caller:
        """The user who gave the order, with the permissions of now."""
        index = self._configurations.current(account_id)
        user = index.find_user(stored.user_id)
        if user is None:
            raise _Refused("Upload.UserInactive", "The user who had this file staged is not active any more.")
        permissions = index.permissions_of(user)
        return Caller(account_id, index.account.client_id, user.id, permissions, stored.origin)

    def _make_options(self, item: Upload, order: StagingOrder, caller: Caller) -> InputOptions:
        options = msgspec.json.decode(item.options, type=StoredOptions)
        configuration = self._configurations.current(item.account_id).configuration
        recognition = msgspec.json.decode(item.recognition or b"", type=Recognition)
        is_table = recognition.table is not None
        return InputOptions(
            encoding=options.encoding,
            delimiter=options.delimiter,
            sheet=options.sheet,
            mapping=_read_order_mapping(order, options) if is_table else None,
            settings=order.settings,
            fetch_configuration=lambda: choose_configuration(caller, configuration),
        )

    # Refused rows

    def write_refused(self, call: RefusedCall, output: BinaryIO) -> None:
        """Write the refused rows of a staged table in the form of its file. Raises LookupError if it is gone."""
        with self._database.transaction(call.account_id) as tx:
            item = upload_store.find_upload(tx, call.upload_id)
        if item is None or item.staging_order is None:
            raise LookupError
        order = msgspec.json.decode(item.staging_order, type=StoredOrder).order
        caller = self._find_caller(call.account_id, call)
        found = self._imports.find_by_id(caller, str(item.import_id))
        refused = RefusedRecords(map(render_row, self._exceptions.stream(caller, found, REFUSED)))
        options = self._make_options(item, order, caller)
        with self._open(item, options.read_options().encoding) as file:
            [table] = make_inputs([(Path(item.file_name), file)], options)
            assert isinstance(table, TableInput)
            writer = open_writer(output, table)
            for row, faults, holds_opt_out in list_refused(table, refused):
                writer.add(row, faults, holds_opt_out=holds_opt_out and found.settings.action != "Delete")
            writer.close()

    def _cancel_import(self, item: Upload) -> None:
        """Cancel the import that the order has made. Nothing of it was executed."""
        with self._database.transaction(item.account_id) as tx:
            now = upload_store.find_upload(tx, item.upload_id)
        import_id = now.import_id if now is not None else item.import_id
        if item.state != "Staging" or import_id is None or item.staging_order is None:
            return
        try:
            caller = self._find_caller(item.account_id, msgspec.json.decode(item.staging_order, type=StoredOrder))
            self._imports.cancel_by_id(caller, str(import_id))
        except (_Refused, RequestRefused):
            log.info("the import of a refused upload is not cancelled", import_id=str(import_id))


def _read_order_mapping(order: StagingOrder, options: StoredOptions) -> TableMapping | None:
    """The mapping of an order. It says the header's line if the person said it, because only a mapping can."""
    if order.mapping is None:
        return None
    mapping = read_mapping(order.mapping.encode(), "mapping")
    form = mapping.document.file
    if form.header is not None or options.header is None:
        return mapping
    form = msgspec.structs.replace(form, header=options.header)
    document = msgspec.structs.replace(mapping.document, file=form)
    return TableMapping(document, mapping.log, mapping.text, is_bound=mapping.is_bound)


@dataclass(slots=True)
class _StagingRun:
    """One pass over a file: the check before the import begins, and the batches."""

    database: Database
    item: Upload
    order: StagingOrder
    input: RecordInput
    _counts: UploadCounts = field(init=False)
    _reported_at: float = field(default=0.0, init=False)
    _staged: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._counts = self.item.counts

    def check(self) -> bytes:
        """Read the whole file, and return the body of Initiate. Raises _Refused for a file without a record."""
        fields = dict(self.order.fields)
        match = find_match([self.input])
        if match is not None and "MatchValue" not in fields and not self.order.no_match:
            fields |= {"MatchCriteria": _raw("AlternateIdType"), "MatchValue": _raw(match)}
        adds = fields.get("ImportAction", _raw("Add")) == _raw("Add") and "MatchValue" not in fields
        found = check_files(
            [self.input],
            skip_broken=self.order.skip_broken,
            seek_ids=adds and not self.order.no_match,
            report=lambda done, records: self._report_seldom("Check", done, records),
        )
        self._require_records(found)
        self._counts = UploadCounts(
            rows=found.records + found.broken, broken=found.broken, broken_opt_outs=found.broken_opt_outs
        )
        mapping = self.input.mapping.text if isinstance(self.input, TableInput) else None
        source = describe_source([self.input], self._counts.rows, mapping)
        return msgspec.json.encode(fields | {"Source": source})

    def _require_records(self, found: FileCheck) -> None:
        if not found.records:
            raise _Refused("Upload.NoRecord", "There is no record in the file. Nothing was staged.")
        if not found.has_record:
            raise _Refused(
                "Upload.NoRecord",
                f"None of the {found.records:,} rows can become a record. Nothing was staged. {self._show_first()}",
            )
        if found.unmatched:
            types = ", ".join(found.unmatched)
            raise _Refused(
                "Upload.NoMatch",
                f"The records have alternate ids ({types}) and no ProfileId, and nothing says by which of them people"
                f" are found. Each record would become a new person, even if the person is stored already. Choose the"
                f" alternate id type, or say that each record is a new person. Nothing was staged.",
            )

    def _show_first(self) -> str:
        assert isinstance(self.input, TableInput)  # JSON has a record, or a broken piece
        for row, _, refused in self.input.map_rows():
            if refused:
                fault = refused.faults[0]
                place = self.input.table.description.place_row(row)
                return f"The first fault: {fault.code}, {fault.message} ({place}, column {fault.column or '-'})."
        return ""

    def note_import(self, found: Import) -> None:
        """Note the import, so that another process goes on with it."""
        with self.database.transaction(self.item.account_id) as tx:
            if not upload_store.note_import(tx, self.item.upload_id, found.import_id, self._counts):
                raise _GivenUp

    def cut(self, found: Import, limit: int) -> Iterator[tuple[str, Batch]]:
        """Yield each batch that is not stored yet, with its key."""
        beginning = name_batches(self.item)
        with self.database.transaction(self.item.account_id) as tx:
            batches, records, _ = upload_store.count_uploaded_batches(tx, found.import_id, beginning)
        self._staged = records
        for batch in cut_batches(
            [self.input], limit, number=batches, records_done=records, skip_broken=self.order.skip_broken
        ):
            yield f"{beginning}{batch.number}", batch
            self._staged = batch.records_done

    def end(self) -> None:
        """Staging -> Staged, with the counts."""
        counts = msgspec.structs.replace(
            self._counts,
            refused_rows=self._counts.rows - self._counts.broken - self._staged,
            left_out=self.input.left_out,
            opt_outs_left_out=self.input.opt_outs_left_out,
            **_tell_refusals(self.input),
        )
        with self.database.transaction(self.item.account_id) as tx:
            if not upload_store.end_staging(tx, self.item.upload_id, counts):
                raise _GivenUp

    def _report_seldom(self, phase: str, done: int, records: int) -> None:
        if time.monotonic() >= self._reported_at + REPORT_SECONDS:
            self.report(phase, done, records)

    def report(self, phase: str, done: int, records: int) -> None:
        """Store the progress. Raises _GivenUp."""
        self._reported_at = time.monotonic()
        with self.database.transaction(self.item.account_id) as tx:
            if not upload_store.note_progress(tx, self.item.upload_id, phase, done, records):  # type: ignore[arg-type]
                raise _GivenUp


def _tell_refusals(item: RecordInput) -> dict[str, Any]:
    """The members of UploadCounts about the rows that could not become a record."""
    if not isinstance(item, TableInput):
        return {}
    table, refusals = item.table.description, item.refusals
    cells = [
        RefusedCell(table.place_row(row), fault.code, fault.column, fault.value, fault.message[:_LONGEST_MESSAGE])
        for row, faults in refusals.rows
        for fault in faults
    ]
    return {
        "refused_codes": dict(refusals.codes),
        "refused_opt_outs": refusals.opt_outs,
        "refused_cells": cells[:_MOST_CELLS],
    }


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn each error of the file, the mapping or the order into a _Refused with a text for the person."""
    try:
        yield
    except (_Refused, _GivenUp, StoreUnavailable, OutcomeUnknown):
        raise
    except SourceError as error:
        raise _Refused("Upload.Unreadable", str(error)) from error
    except BrokenFiles as error:
        text = f"{error.named}\nNothing was staged. Correct the file, or leave out the pieces that are not JSON."
        raise _Refused("Upload.BrokenPieces", text) from error
    except MappingInvalid as error:
        raise _Refused("Upload.MappingInvalid", str(error)) from error
    except RequestRefused as error:
        raise _Refused(error.code, error.detail) from error
    except MemoryError as error:
        text = "The file needs more memory than a process may take. Save it as CSV (UTF-8), and upload that."
        raise _Refused("Upload.TooMuchMemory", text) from error
    except Exception as error:
        kinds, places = trace_error(error)
        log.error("upload cannot be read", error=kinds, places=places)
        text = "The file could not be read, for a reason that nobody foresaw. The server's log has it."
        raise _Refused("Upload.Unexpected", text) from error


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))
