"""Correct single refused records, and stage them again. A correction is checked before it is staged."""

from __future__ import annotations

import hashlib
from itertools import count

import msgspec

from consentory.codec.limits import LENGTHS
from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.batch_lines import pack_lines
from consentory.codec.staging.initiate_request import check_json
from consentory.domain.caller import Caller
from consentory.domain.imports import ExceptionRow, Import
from consentory.domain.permission import require_import
from consentory.domain.record import Fault, Record
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.imports.exception_service import WITHHELD, ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.staging_service import StagingService
from consentory.store.database import Database
from consentory.store.tables import import_store

_OPEN = ("Initiated", "Staging")


class Correction(msgspec.Struct, frozen=True):
    """The result of a correction: the import that the record was staged into, or the faults that it still has."""

    target: Import | None
    faults: list[Fault]


class CorrectionService:
    """Callers need the permission `import`, and the permissions that the settings of the import need."""

    def __init__(
        self,
        database: Database,
        configurations: ConfigurationCache,
        imports: ImportService,
        staging: StagingService,
        exceptions: ExceptionService,
    ) -> None:
        self._database = database
        self._configurations = configurations
        self._imports = imports
        self._staging = staging
        self._exceptions = exceptions

    def find(self, caller: Caller, item: Import, sequence_number: int) -> ExceptionRow:
        """The refused record. Raises RequestRefused: not_found, gone, conflict (an undo), forbidden (the caller may not
        see the record)."""
        if item.undo is not None:
            text = "The records of an undo are made by the server, and nobody corrects them. Change the person instead."
            raise RequestRefused("conflict", "Undo.TakesNoRecords", text)
        row = self._exceptions.find(caller, item, sequence_number)
        if row.faults and row.faults[0].Message == WITHHELD:
            raise RequestRefused("forbidden", "Import.RecordWithheld", WITHHELD)
        return row

    def stage(self, caller: Caller, item: Import, row: ExceptionRow, record: bytes) -> Correction:
        """Stage the corrected record, if it has no fault any more.

        An own import that is still being staged takes the record itself. Otherwise a new import of the caller takes it,
        with the same settings; corrections of the same import gather there until it is executed. The same correction
        is staged once. Raises RequestRefused like ImportService.initiate_like and StagingService.stage.
        """
        require_import(caller)
        check_json(record)
        faults = self._check(caller, item, record)
        if faults:
            return Correction(None, faults)
        target = item if item.caller == caller.user_id and item.status in _OPEN else self._find_target(caller, item)
        digest = hashlib.sha256(record).hexdigest()[:16]
        key = f"correction {item.import_id} {row.sequence_number} {digest}"
        body = b'{"UserProfilePreferences":[' + record + b"]}"
        lines = None if row.line is None else pack_lines([row.line])
        after, _ = self._staging.stage(caller, str(target.access_token), body, "json", key, lines=lines)
        return Correction(after, [])

    def _check(self, caller: Caller, item: Import, record: bytes) -> list[Fault]:
        with self._database.transaction(caller.account_id) as tx:
            _, revision, now = import_store.prepare_batch(tx)
            index = self._configurations.at_revision(tx, caller.account_id, revision)
        result = RecordValidator(index, item.settings, caller.permissions, now).validate(record)
        return [] if isinstance(result, Record) else result

    def _find_target(self, caller: Caller, item: Import) -> Import:
        """The import of the caller that gathers the corrections, or a new one."""
        name = f"Corrections of {item.settings.name}"[: LENGTHS["InitiateRequest"]["Name"].most]
        settings = msgspec.structs.replace(item.settings, name=name)
        for number in count(1):
            key = f"corrections of {item.import_id} {number}"
            target = self._imports.initiate_like(caller, settings, key)
            if target.status in _OPEN:
                return target
        raise AssertionError  # each earlier one is over
