"""Workers calculate a preview in parts, on one snapshot of the database (docs/effects.md, "Preview").

One worker keeps the snapshot in an open transaction, and all workers claim parts of the preview. If that worker ends,
another one begins the preview again. A preview writes and locks no person, and it does not change the status of the
import.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from consentory.domain.caller import SYSTEM, Party
from consentory.errors import OutcomeUnknown, StatementRefused, StoreRefused, StoreUnavailable, trace_error
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.execution.chunking import CHUNK_RECORDS, Groups, cut_chunks
from consentory.services.execution.guarding import count_profiles, judge_preview, settle, settle_failed
from consentory.services.execution.preview_parts import PartPlanner, PartResult
from consentory.store.database import LEASE_SECONDS, SNAPSHOT_ENDED, Database, Transaction
from consentory.store.tables import execution_store, preview_store
from consentory.store.tables.preview_store import PreviewKey, PreviewPart

log = structlog.get_logger(__name__)

PART_RECORDS = 2000
"""The most records of a part, if no group is larger. A worker processes a part as a whole. If parts were larger, one
worker would wait longer for the last part of the other."""

BEAT_SECONDS = LEASE_SECONDS / 6
"""The interval of the sign of life of an open transaction."""


class _Replaced(Exception):
    """The preview was replaced or purged while a worker processed a part of it."""


class _NotPossible(Exception):
    """The import cannot have a preview."""


@dataclass(slots=True)
class _OpenSnapshot:
    """The snapshot of a preview that this worker keeps open."""

    key: PreviewKey
    transaction: Transaction
    stack: ExitStack
    beaten_at: float = field(default_factory=time.monotonic)


class Previewing:
    """Calculates the previews of all accounts. Each worker process has one. Row locks share out the work."""

    def __init__(
        self, database: Database, configurations: ConfigurationCache, *, chunk_records: int = CHUNK_RECORDS
    ) -> None:
        self._database = database
        self._configurations = configurations
        self._part_records = min(chunk_records, PART_RECORDS)
        self._snapshot: _OpenSnapshot | None = None

    def close(self) -> None:
        """Close the snapshot, if there is one. Another worker then begins that preview again. Raises nothing: it is
        called after errors."""
        if self._snapshot is not None:
            snapshot, self._snapshot = self._snapshot, None
            try:
                snapshot.stack.close()
            except Exception as error:  # the transaction wrote nothing, so after any error nothing is left to do
                log.warning("the snapshot of a preview was lost", failure=type(error).__name__)

    def work_once(self) -> bool:
        """Process one part, or begin a preview. Returns False if there was nothing to do.

        Raises StoreUnavailable or OutcomeUnknown if the database is lost. Then previews begin again.
        """
        self._look_after_snapshot()
        return self._process_part() or self._begin_next()

    def _look_after_snapshot(self) -> None:
        """Keep the open transaction alive while its preview runs."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        with self._database.transaction(snapshot.key.account_id) as tx:
            is_wanted = preview_store.is_running(tx, snapshot.key)
        if is_wanted:
            self._beat()
        else:
            self.close()

    def _beat(self) -> None:
        snapshot, now = self._snapshot, time.monotonic()
        if snapshot is not None and now >= snapshot.beaten_at + BEAT_SECONDS:
            snapshot.beaten_at = now
            try:
                snapshot.transaction.run("beat")
            except Exception as error:  # after any error the snapshot is lost, and the preview begins again
                log.warning("the snapshot of a preview was lost", failure=type(error).__name__)
                self.close()

    def _begin_next(self) -> bool:
        """Open the snapshot of the next preview that no worker has opened, and store the parts of the preview."""
        if self._snapshot is not None:
            return False
        with self._database.transaction() as tx:
            running = preview_store.list_running_previews(tx)
        for key in running:
            try:
                with ExitStack() as stack:  # errors of the database get their kind when it ends
                    view = stack.enter_context(self._database.snapshot(key.account_id))
                    if preview_store.try_preview_lock(view, key) and self._begin(view, key):
                        self._snapshot = _OpenSnapshot(key, view, stack.pop_all())
                        return True
            except (StoreUnavailable, OutcomeUnknown):
                raise
            except Exception as error:
                self._fail(key, error)
        return False

    def _begin(self, view: Transaction, key: PreviewKey) -> bool:
        """Cut the import into parts, as an execution cuts it into chunks. Returns False if there is no part."""
        view.run("allow_long_statement")
        snapshot, as_of = preview_store.export_snapshot(view)
        item = preview_store.load_previewable(view, key.import_id)
        if item.status not in ("Staging", "Queued"):
            raise _NotPossible("the import is executed already")
        index = self._configurations.at_revision(view, key.account_id, item.revision)
        match_type = item.settings.match_type
        if match_type is not None and index.alternate_id_types.find(match_type) is None:
            raise _NotPossible("the match type is not active")
        groups = Groups(item.received)
        groups.join(execution_store.stream_shared(view, key.import_id))
        chunks = cut_chunks(key.import_id, item.received, groups, self._part_records, divides_groups=False)
        facts = {
            "as_of": as_of,
            "snapshot": snapshot,
            "first_profile_id": item.next_profile_id,
            "revision": item.revision,
            "received": item.received,
            "records": item.valid,
            "active_profiles": count_profiles(view, index, item.settings),
        }
        with self._database.transaction(key.account_id) as tx:
            tx.run("allow_long_statement")
            if not preview_store.begin_preview(tx, key, facts, chunks if item.valid else ()):
                return False
            if item.valid == 0:
                self._end(tx, key)
            execution_store.notify_work(tx)
        log.info("preview begun", import_id=str(key.import_id), records=item.valid)
        return item.valid > 0

    def _process_part(self) -> bool:
        """Claim a part, find the changes that it would make, and store them. Returns False if there is no part.

        Skip a preview whose snapshot is lost: it must not hold up the others until it begins anew.
        """
        lost: list[UUID] = []
        while True:
            key = None
            try:
                with self._database.transaction() as tx:
                    part = preview_store.claim_part(tx, lost)
                    if part is None:
                        return False
                    key = part.key
                    with ExitStack() as stack:
                        try:
                            view = stack.enter_context(self._database.snapshot(key.account_id, part.snapshot))
                        except (StoreRefused, StatementRefused) as error:
                            if error.sqlstate not in SNAPSHOT_ENDED:
                                raise
                            lost.append(key.preview_id)
                            continue
                        result = self._find_out(tx, view, part)
                    self._record(tx, part, result)
            except _Replaced:
                pass
            except (StoreUnavailable, OutcomeUnknown):
                raise
            except Exception as error:
                if key is None:
                    raise
                self._fail(key, error)
            return True

    def _find_out(self, tx: Transaction, view: Transaction, part: PreviewPart) -> PartResult:
        def keep_alive() -> None:
            tx.run("beat")
            self._beat()

        index = self._configurations.at_revision(view, part.key.account_id, part.configuration_revision)
        ends = preview_store.find_sample_ends(tx, part.key)
        return PartPlanner(view, part, index, ends, keep_alive).find_out()

    def _record(self, tx: Transaction, part: PreviewPart, result: PartResult) -> None:
        is_last = preview_store.record_part(tx, part, result.changes, result.counts)
        if is_last is None:
            raise _Replaced
        if is_last:
            self._end(tx, part.key)

    def _end(self, tx: Transaction, key: PreviewKey) -> None:
        exceeded = judge_preview(tx, self._configurations, key)
        if preview_store.end_preview(tx, key, "Done", exceeded):
            note_event(tx, Party(key.account_id, SYSTEM), "preview.completed", import_id=key.import_id)
            settle(tx, key, exceeded)
            execution_store.notify_work(tx)

    def _fail(self, key: PreviewKey, error: Exception) -> None:
        kinds, places = trace_error(error)
        log.error("preview failed", import_id=str(key.import_id), error=kinds, places=places)
        with self._database.transaction(key.account_id) as tx:
            if preview_store.end_preview(tx, key, "Failed"):
                note_event(tx, Party(key.account_id, SYSTEM), "preview.failed", import_id=key.import_id)
                settle_failed(tx, key, is_possible=not isinstance(error, _NotPossible))
