"""Find the uploads that a worker has to have read, and delete those whose time is over (the worker's rights)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from consentory.domain.caller import SYSTEM, Party
from consentory.domain.upload import UploadFault, UploadState
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database
from consentory.store.tables import import_store, upload_store

KEPT_DAYS = 3
"""An upload that nobody goes on with is deleted after these days."""


class UploadJobs:
    """The uploads of all accounts. Any number of workers may use it at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_next(self, state: UploadState) -> tuple[int, UUID] | None:
        """The account and the id of an upload in this state that no process reads."""
        with self._database.transaction() as tx:
            waiting = upload_store.list_waiting_uploads(tx, state)
        for account_id, upload_id in waiting:
            with self._database.transaction(account_id) as tx:
                # The process takes the lock again. Until then another worker may start one, which then ends at once.
                if upload_store.try_upload_lock(tx, upload_id):
                    return account_id, upload_id
        return None

    def fail(self, account_id: int, upload_id: UUID, fault: UploadFault) -> None:
        """Note that an upload cannot be read. Cancel the import that has a part of its records."""
        with self._database.transaction(account_id) as tx:
            item = upload_store.lock_upload(tx, upload_id)
            if item is None or not upload_store.fail_upload(tx, upload_id, fault):
                return
            if item.state != "Staging" or item.import_id is None:
                return
            if import_store.fail_import(tx, item.import_id, "Import.Cancelled", ("Initiated", "Staging")):
                note_event(tx, Party(account_id, SYSTEM), "import.cancelled", import_id=item.import_id)

    def purge_in_steps(self) -> Iterator[None]:
        """Delete the uploads whose time is over, in short transactions."""
        with self._database.transaction() as tx:
            outdated = upload_store.list_outdated_uploads(tx, KEPT_DAYS)
        for account_id, upload_id in outdated:
            rows = 1
            while rows:
                yield
                with self._database.transaction(account_id) as tx:
                    rows = upload_store.delete_some_parts(tx, upload_id)
                    if not rows and upload_store.delete_upload(tx, upload_id):
                        details = {"Upload": str(upload_id)}
                        note_event(tx, Party(account_id, SYSTEM), "upload.purged", details=details)
