"""The calls for previews: start a preview, read it, and read its changes page by page (docs/effects.md, "Preview")."""

from __future__ import annotations

from uuid import UUID

import msgspec

from consentory.domain.caller import Caller
from consentory.domain.effects import ChangeKind
from consentory.domain.identifier import make_uuid7
from consentory.domain.imports import Import
from consentory.domain.permission import has_sent, may_read_all, require_import
from consentory.domain.preview import ChangePage, ListedChange, Preview, PreviewChange
from consentory.domain.record import Fault
from consentory.errors import RequestRefused
from consentory.services.audit.audit_trail import note_event
from consentory.services.imports.exception_service import WITHHELD
from consentory.store.database import Database, Transaction
from consentory.store.tables import account_store, execution_store, import_store, preview_store
from consentory.store.tables.preview_store import PreviewKey


class PreviewService:
    """Starts and shows previews. Every call needs the permission `import`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, caller: Caller, item: Import) -> Preview:
        """Start a preview of an import. It replaces an earlier preview. Raises RequestRefused, conflict."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            item, _ = import_store.lock_import(tx, item.import_id)
            _require_staged(item)
            preview_id = make_uuid7()
            revision = account_store.current_revision(tx)
            preview_store.replace_preview(tx, item, preview_id, revision)
            details = {"PreviewId": str(preview_id)}
            note_event(tx, caller, "preview.started", import_id=item.import_id, details=details)
            execution_store.notify_work(tx)
            return _find(tx, item)

    def find(self, caller: Caller, item: Import) -> Preview:
        """The preview of an import. Raises RequestRefused: not_found; gone, if the retention is over."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            return _find(tx, item)

    def list_changes(
        self, caller: Caller, item: Import, kind: ChangeKind | None, limit: int, cursor: str | None
    ) -> ChangePage:
        """A page of changes after `cursor`, by kind, SequenceNumber and number. Raises RequestRefused like `find`, and
        invalid for a cursor that this server did not give.

        A caller who may not read everything of a profile gets no stored value of a person. Such a caller gets only the
        codes of a record that somebody else staged, and of a record of an undo.
        """
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            preview = _find(tx, item)
            key = PreviewKey(caller.account_id, item.import_id, preview.preview_id)
            found = preview_store.list_changes(tx, key, kind, _read_cursor(cursor), limit + 1)
            changes = [
                _show(caller, change, has_sent(caller, staged_by, item.settings.action))
                for change, staged_by in found[:limit]
            ]
            note_event(tx, caller, "preview.read", import_id=item.import_id, details={"Count": len(changes)})
        return ChangePage(changes, len(found) > limit)


def require_current(tx: Transaction, import_id: UUID, preview_id: UUID) -> None:
    """Require that this preview is done, and that the staged records and the configuration are still the same.

    Raises RequestRefused, conflict.
    """
    preview = preview_store.find_preview(tx, import_id)
    if preview is None or preview.preview_id != preview_id or preview.is_stale:
        raise RequestRefused(
            "conflict",
            "Preview.Stale",
            f"Preview {preview_id} is out of date: more records were staged, the account document changed, or a new"
            " preview was started. Nothing is executed. Start a preview, and execute with its id.",
        )
    if preview.state != "Done":
        raise RequestRefused(
            "conflict",
            "Preview.NotDone",
            f"Preview {preview_id} is {preview.state}. Nothing is executed. Wait until it is Done.",
        )


def _require_staged(item: Import) -> None:
    if item.status == "Initiated":
        raise RequestRefused(
            "conflict",
            "Import.NothingStaged",
            "This import has no staged records. Stage records, then start the preview.",
        )
    if item.status != "Staging" and item.held_reason is None:
        raise RequestRefused(
            "conflict",
            "Preview.NotPossible",
            f"This import is {item.status}. Start a preview before Execute, while records are staged, or while the"
            " guard holds the import.",
        )


def _find(tx: Transaction, item: Import) -> Preview:
    preview = preview_store.find_preview(tx, item.import_id)
    if preview is not None and item.purged_at is None:
        return preview
    if item.purged_at is not None:
        raise RequestRefused(
            "gone",
            "Import.RetentionOver",
            "The preview of this import is deleted, because the retention of its staged records is over.",
        )
    raise RequestRefused("not_found", "Preview.NotFound", "This import has no preview. Start one with POST.")


def _show(caller: Caller, listed: ListedChange, is_sent: bool) -> ListedChange:
    if may_read_all(caller.permissions):
        return listed
    change = listed.change
    if is_sent:
        shown = PreviewChange(member=change.member, after=change.after, fault=change.fault)
        return msgspec.structs.replace(listed, change=shown)
    fault = None if change.fault is None else Fault(change.fault.Code, WITHHELD, change.fault.Path)
    return msgspec.structs.replace(listed, profile_id=None, change=PreviewChange(fault=fault))


def _read_cursor(cursor: str | None) -> tuple[str, int, int]:
    if cursor is None:
        return "", 0, 0
    try:
        kind, sequence, number = cursor.split("-")
        if not (sequence.isascii() and sequence.isdigit() and number.isascii() and number.isdigit()):
            raise ValueError
        if "\0" in kind or len(cursor) > 60:
            raise ValueError
        place = int(sequence), int(number)
        if max(place) >= 1 << 31:
            raise ValueError
    except ValueError:
        raise RequestRefused(
            "invalid",
            "Request.InvalidParameter",
            "cursor must be a value that this server gave. Leave it out to start from the beginning.",
        ) from None
    return kind, *place
