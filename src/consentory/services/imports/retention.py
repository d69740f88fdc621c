"""Data with an end of its own: tokens, staged records, tag changes (execution.md, "Retention")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args
from uuid import UUID

import structlog

from consentory.codec.staging.staged_block import UNREADABLE, pack_raw, unpack_raw
from consentory.domain.caller import OPERATOR, SYSTEM, Party
from consentory.domain.imports import TRANSITIONS, Status
from consentory.errors import RequestRefused, StoreBusy
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database
from consentory.store.tables import execution_store, import_store, preview_store, profile_store

log = structlog.get_logger(__name__)


class Retention:
    """Tidies all accounts. Every step is a short transaction of its own and can be cut off anywhere.

    Any number of workers may tidy at once: one of them is at an import, the others leave it to that one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def run_maintenance(self) -> None:
        """All of `maintain_in_steps`."""
        for _ in self.maintain_in_steps():
            pass

    def maintain_in_steps(self) -> Iterator[None]:
        """Expire imports never executed, let staged records go whose time has come, fold tag counts: one short
        transaction at a time.

        Raises StoreUnavailable; what was done until then stays done, the rest is done by the next call.
        """
        with self._database.transaction() as tx:
            for account_id, import_id in import_store.expire_imports(tx):
                tx.set_account(account_id)
                note_event(tx, Party(account_id, SYSTEM), "import.expired", import_id=import_id)
        yield
        with self._database.transaction() as tx:
            redactable = execution_store.find_redactable(tx)
            purgeable = execution_store.find_purgeable(tx)
            foldable = profile_store.find_foldable(tx)
        for account_id, import_id in redactable:
            yield from _pass_over_busy(self._redact(account_id, import_id), import_id)
        for account_id, import_id in purgeable:
            yield from _pass_over_busy(self._purge(account_id, import_id), import_id)
        for account_id in foldable:
            with self._database.transaction(account_id) as tx:
                profile_store.fold_tags(tx)
            yield

    def purge(self, account_id: int, import_id: UUID) -> None:
        """Let an import's staged records go now, for the operator; one that was not executed fails as cancelled.

        Raises RequestRefused: not_found; conflict, while it is processing.
        """
        operator = Party(account_id, OPERATOR)
        with self._database.transaction(account_id) as tx:
            if import_store.fail_import(tx, import_id, "Import.Cancelled", ("Initiated", "Staging", "Queued")):
                note_event(tx, operator, "import.cancelled", import_id=import_id)
            item = import_store.find_import(tx, import_id)
            if item is None:
                raise RequestRefused(
                    "not_found", "Import.NotFound", f"The account has no import {import_id}; list its imports first."
                )
            if TRANSITIONS[item.status]:
                raise RequestRefused(
                    "conflict", "Import.NotPurgeable", f"This import is {item.status}; purge it once it has completed."
                )
        for _ in self._purge(account_id, import_id, operator):
            pass

    def count_imports(self) -> dict[str, int]:
        """How many imports of all accounts there are in each status; every status is there."""
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
                    return  # rows are left, or it was noted already
        log.info("staged records purged", import_id=str(import_id))

    def _redact(self, account_id: int, import_id: UUID) -> Iterator[None]:
        """DataStageDuration 0: what was accepted goes at the import's end, the rest stays until the token expires."""
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
                    except UNREADABLE as error:  # damaged storage: it goes as a whole when the token expires
                        log.error("a staged frame cannot be read and stays", import_id=str(import_id),
                                  first_sequence=first, failure=type(error).__name__)  # fmt: skip
                        continue
                    execution_store.redact_block(tx, import_id, first, left)
                after = blocks[-1][0] if blocks else after


def _pass_over_busy(steps: Iterator[None], import_id: UUID) -> Iterator[None]:
    """The steps of tidying one import, as far as they go: one that cannot be tidied now holds up no other."""
    try:
        yield from steps
    except StoreBusy as error:
        log.warning("import cannot be tidied now", import_id=str(import_id), failure=str(error))


def _keep(block: bytes, first: int, kept: list[int]) -> bytes | None:
    """The block with all records but the kept ones emptied; None when none is kept."""
    if not kept:
        return None
    wanted = set(kept)
    records = unpack_raw(block)
    return pack_raw([raw if first + place in wanted else b"" for place, raw in enumerate(records)])
