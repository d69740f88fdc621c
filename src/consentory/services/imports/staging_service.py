"""Staging: each call stores one batch, as a whole or not at all (import-api.md, "Stage")."""

from __future__ import annotations

import hashlib
from typing import Literal
from uuid import UUID

import msgspec

from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.batch_body import split_batch
from consentory.domain.caller import Caller
from consentory.domain.imports import Import, StagedBatch
from consentory.domain.permission import require_import
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.imports.batch_validation import ValidatedBatch, validate_batch
from consentory.services.imports.import_service import find_by_token
from consentory.store.database import Database, Transaction
from consentory.store.tables import import_store
from consentory.store.tables.import_store import NewBatch

RECORD_LIMIT = 10_000_000
"""The number of records that an import may hold."""

MEGABYTE, GIGABYTE = 1_000_000, 1_000_000_000
MOST_STAGED_BYTES = 50 * GIGABYTE


class StagingService:
    """Stores batches. Callers need the permission `import`."""

    def __init__(
        self, database: Database, configurations: ConfigurationCache, most_staged: int = MOST_STAGED_BYTES
    ) -> None:
        """`most_staged`: the bytes that the staged records of one account may take."""
        self._database = database
        self._configurations = configurations
        self._most_staged = most_staged

    def body_limit(self, caller: Caller) -> int:
        """The bytes that the body of a Stage call may have after decompression."""
        require_import(caller)
        return int(self._configurations.current(caller.account_id).account.max_stage_megabytes * MEGABYTE)

    def stage(
        self,
        caller: Caller,
        token: str,
        body: bytes,
        media: Literal["json", "ndjson"],
        idempotency_key: str | None,
        *,
        lines: bytes | None = None,
    ) -> tuple[Import, StagedBatch | None]:
        """Validate and store a batch. Returns the import after that, and the batch; None: nothing was added.

        `lines`: the lines of the file that the records come from (codec/staging/batch_lines.py); None: not known.
        The validation uses no connection to the database. Raises RequestRefused, and stores nothing: invalid (bytes
        that are not JSON; more than 10,000,000 records), too_large (more than 1,000,000 records in the body), conflict
        (the import's status, or the key with another body), unauthorized (the token).
        """
        require_import(caller)
        body_hash = None if idempotency_key is None else hashlib.sha256(body).digest()
        with self._database.transaction(caller.account_id) as tx:
            item = find_by_token(tx, token)
            if self._is_replay(tx, item, idempotency_key, body_hash):
                return find_by_token(tx, token), None  # the first call may have been counted since the first look
            _require_open(item)
            taken, revision, staged_at = import_store.prepare_batch(tx)
            self._require_space(taken)
            configuration_index = self._configurations.at_revision(tx, caller.account_id, revision)
        validator = RecordValidator(configuration_index, item.settings, caller.permissions, staged_at)
        records = split_batch(body, media)
        _require_room(item.books.received, len(records))
        batch = validate_batch(records, validator, item.settings)
        with self._database.transaction(caller.account_id) as tx:
            sent = NewBatch(
                caller=caller.user_id,
                staged_at=staged_at,
                blocks=batch.blocks,
                failed=batch.failed,
                counts=batch.counts,
                idempotency_key=idempotency_key,
                body_hash=body_hash,
                lines=lines,
            )
            return self._store(tx, item.import_id, caller, batch, sent)

    def _require_space(self, taken: int) -> None:
        if taken >= self._most_staged:
            raise RequestRefused(
                "conflict",
                "Stage.SpaceUsedUp",
                f"The account's staged records take {taken / GIGABYTE:.3g} GB, and the limit is"
                f" {self._most_staged / GIGABYTE:.3g} GB. Records are deleted when the retention of their import ends."
                " Wait for that, or ask the operator to purge an import (`consentory purge`) or to raise"
                " max_staged_gigabytes.",
            )

    def _is_replay(self, tx: Transaction, item: Import, key: str | None, body_hash: bytes | None) -> bool:
        known = import_store.find_batch_hash(tx, item.import_id, key) if key is not None else None
        if known is not None and known != body_hash:
            raise RequestRefused(
                "conflict",
                "IdempotencyKey.Reused",
                "This Idempotency-Key was used before in this import, with another body. Use a new key.",
            )
        return known is not None

    def _store(
        self, tx: Transaction, import_id: UUID, caller: Caller, batch: ValidatedBatch, sent: NewBatch
    ) -> tuple[Import, StagedBatch | None]:
        item, batches = import_store.lock_import(tx, import_id)  # a concurrent call with the same key waits here
        if self._is_replay(tx, item, sent.idempotency_key, sent.body_hash):
            return item, None
        _require_open(item)
        if batch.records == 0 and sent.idempotency_key is None:
            return item, None
        _require_room(item.books.received, batch.records)
        first = item.books.received + 1
        new = msgspec.structs.replace(sent, number=batches + 1, first_sequence=first)
        after = import_store.insert_batch(tx, import_id, new, batch.list_faults())
        assert after is not None  # it is open, and locked
        last = first + batch.records - 1
        if batch.records:
            details = {"First": first, "Last": last, "ValidationFailed": batch.failed}
            note_event(tx, caller, "import.staged", import_id=import_id, details=details)
        added = StagedBatch(first, last, batch.failed, batch.counts) if batch.records else None
        return after, added


def _require_room(received: int, added: int) -> None:
    if received + added > RECORD_LIMIT:
        raise RequestRefused(
            "invalid",
            "Import.TooManyRecords",
            f"An import can have {RECORD_LIMIT:,} records at most, and with this batch of {added:,} records it would"
            f" have {received + added:,}. Execute this import, and stage the other records in a new one.",
        )


def _require_open(item: Import) -> None:
    if item.settings.action == "Undo":
        text = "This import takes back another one and takes no records; initiate another import for them."
        raise RequestRefused("conflict", "Undo.TakesNoRecords", text)
    if item.status not in ("Initiated", "Staging"):
        raise RequestRefused(
            "conflict",
            "Import.NotStaging",
            f"This import is {item.status}, and takes no more records. Initiate a new import for them.",
        )
