"""The end of data with a time limit: tokens, staged records, tag changes, changes of people (execution.md,
"Retention")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args
from uuid import UUID

import structlog

from consentory.codec.staging.staged_block import UNREADABLE, pack_raw, unpack_raw
from consentory.domain.caller import OPERATOR, SYSTEM, Party
from consentory.domain.guard import describe_limits
from consentory.domain.imports import TRANSITIONS, Status
from consentory.errors import RequestRefused, StoreBusy
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database
from consentory.store.tables import (
    before_image_store,
    change_store,
    execution_store,
    import_store,
    preview_store,
    profile_store,
)

log = structlog.get_logger(__name__)


class Retention:
    """Runs the maintenance of all accounts, in short transactions. It may be cut off after each of them.

    Any number of workers may run maintenance at the same time. Only one of them works on an import, and the others skip
    that import.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def run_maintenance(self) -> None:
        """Run all transactions of `maintain_in_steps`."""
        for _ in self.maintain_in_steps():
            pass

    def maintain_in_steps(self) -> Iterator[None]:
        """Expire imports that were not executed, delete staged records and changes whose retention is over, fold tags.
        Each step is one short transaction.

        Raises StoreUnavailable. The finished steps stay done, and the next call does the other ones.
        """
        with self._database.transaction() as tx:
            for account_id, import_id in import_store.expire_imports(tx):
                tx.set_account(account_id)
                note_event(tx, Party(account_id, SYSTEM), "import.expired", import_id=import_id)
        yield
        with self._database.transaction() as tx:
            redactable = execution_store.find_redactable(tx)
            purgeable = execution_store.find_purgeable(tx)
            outdated = before_image_store.find_to_purge(tx)
            foldable = profile_store.find_foldable(tx)
            old_changes = change_store.find_outdated(tx)
        for account_id, import_id in redactable:
            yield from _pass_over_busy(self._redact(account_id, import_id), import_id)
        for account_id, import_id in purgeable:
            yield from _pass_over_busy(self._purge(account_id, import_id), import_id)
        for account_id, import_id in outdated:
            yield from _pass_over_busy(self._purge_images(account_id, import_id), import_id)
        for account_id in foldable:
            with self._database.transaction(account_id) as tx:
                profile_store.fold_tags(tx)
            yield
        for account_id, days in old_changes:
            yield from self._purge_changes(account_id, days)

    def purge(self, account_id: int, import_id: UUID) -> None:
        """Delete the staged records of an import now, for the operator. An import before its execution is cancelled.

        Raises RequestRefused: not_found; conflict, if the import is processing.
        """
        operator = Party(account_id, OPERATOR)
        with self._database.transaction(account_id) as tx:
            found = import_store.find_import(tx, import_id)
            if import_store.fail_import(tx, import_id, "Import.Cancelled", ("Initiated", "Staging", "Queued")):
                details = describe_limits((found and found.held_reason) or ())
                note_event(tx, operator, "import.cancelled", import_id=import_id, details=details)
            item = import_store.find_import(tx, import_id)
            if item is None:
                raise RequestRefused(
                    "not_found", "Import.NotFound", f"The account has no import {import_id}. List its imports first."
                )
            if TRANSITIONS[item.status]:
                raise RequestRefused(
                    "conflict", "Import.NotPurgeable", f"This import is {item.status}. Purge it after it has completed."
                )
        for _ in self._purge(account_id, import_id, operator):
            pass

    def count_imports(self) -> dict[str, int]:
        """The number of imports in each status, of all accounts. The result has every status."""
        with self._database.transaction() as tx:
            found = execution_store.count_by_status(tx)
        return {status: found.get(status, 0) for status in get_args(Status)}

    def _purge(self, account_id: int, import_id: UUID, by: Party | None = None) -> Iterator[None]:
        with self._database.transaction(account_id) as tx:
            if execution_store.mark_purged(tx, import_id):
                note_event(tx, by or Party(account_id, SYSTEM), "import.purged", import_id=import_id)
        rows = 1
        while rows:
            yield
            with self._database.transaction(account_id) as tx:
                if not execution_store.try_maintenance_lock(tx, import_id):
                    return
                rows = execution_store.purge_some(tx, import_id) + preview_store.purge_some(tx, import_id)
                if not rows and not execution_store.mark_purge_complete(tx, import_id):
                    return  # rows are left, or another worker has marked it
        log.info("staged records purged", import_id=str(import_id))

    def _purge_images(self, account_id: int, import_id: UUID) -> Iterator[None]:
        """The window for undo is over: the states of people from before the import go."""
        with self._database.transaction(account_id) as tx:
            import_store.lock_import(tx, import_id)  # an Undo call looks at the same row
            before_image_store.mark_going(tx, import_id)
        rows = 1
        while rows:
            yield
            with self._database.transaction(account_id) as tx:
                rows = before_image_store.purge_some(tx, import_id)
                if not rows:
                    before_image_store.mark_gone(tx, import_id)

    def _purge_changes(self, account_id: int, days: int) -> Iterator[None]:
        blocks = 1
        while blocks:
            with self._database.transaction(account_id) as tx:
                blocks = change_store.purge_some(tx, days)
            yield

    def _redact(self, account_id: int, import_id: UUID) -> Iterator[None]:
        """DataStageDuration 0: delete the accepted records at the end of the import. The others stay until the token
        expires."""
        after = 0
        while True:
            yield
            with self._database.transaction(account_id) as tx:
                if not execution_store.try_maintenance_lock(tx, import_id):
                    return
                blocks = execution_store.list_blocks_after(tx, import_id, after)
                if not blocks and not preview_store.purge_some(tx, import_id):
                    if execution_store.mark_redacted(tx, import_id):
                        note_event(tx, Party(account_id, SYSTEM), "import.thinned", import_id=import_id)
                    return
                for first, raw, kept in blocks:
                    try:
                        left = _keep(raw, first, kept)
                    except UNREADABLE as error:  # damaged storage: the whole block goes when the token expires
                        log.error("a staged block cannot be read and stays", import_id=str(import_id),
                                  first_sequence=first, failure=type(error).__name__)  # fmt: skip
                        continue
                    execution_store.redact_block(tx, import_id, first, left)
                after = blocks[-1][0] if blocks else after


def _pass_over_busy(steps: Iterator[None], import_id: UUID) -> Iterator[None]:
    """Run the steps of one import, until the database is busy. Then the other imports go on."""
    try:
        yield from steps
    except StoreBusy as error:
        log.warning("import cannot be purged now", import_id=str(import_id), failure=str(error))


def _keep(block: bytes, first: int, kept: list[int]) -> bytes | None:
    """The block with only the kept records; the others are empty. None: no record is kept."""
    if not kept:
        return None
    wanted = set(kept)
    records = unpack_raw(block)
    return pack_raw([raw if first + place in wanted else b"" for place, raw in enumerate(records)])
