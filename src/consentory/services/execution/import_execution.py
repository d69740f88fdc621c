"""Execution: a queued import is resolved into chunks, and the chunks are processed slice by slice."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from consentory.codec.record.stage_counts import gives_opt_out, holds_opt_out
from consentory.domain.caller import SYSTEM, Party
from consentory.domain.imports import StageCounts
from consentory.domain.instants import to_micros
from consentory.domain.merge_state import make_fault
from consentory.domain.record import Record
from consentory.errors import OutcomeUnknown, StatementRefused, StoreBusy, StoreRefused, StoreUnavailable
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.changes.change_plan import ApplyContext, PendingRecord, plan_records
from consentory.services.changes.change_writing import write_changes
from consentory.services.execution.adaptive_batch_size import (
    CLUSTER_SLICE_SECONDS,
    QUARANTINE_SECONDS,
    SLICE_SECONDS,
    AdaptiveBatchSize,
    Backoff,
    SliceResult,
)
from consentory.services.execution.chunking import CHUNK_RECORDS, Groups, cut_chunks
from consentory.services.execution.guarding import may_start
from consentory.services.execution.repeated_records import apply_all, skip_unchanged
from consentory.services.execution.staged_reading import load_staged, make_gone
from consentory.store.database import LEASE_SECONDS, Database, Transaction
from consentory.store.tables import account_store, execution_store, import_store
from consentory.store.tables.execution_store import Chunk, ProcessedRecord

log = structlog.get_logger(__name__)

MATCH_TYPE_INACTIVE = "Import.MatchTypeInactive"
BUSY_SECONDS = 1.0
"""An import that another worker resolves is skipped for this time."""

RETRY_STATEMENT_SECONDS = max(1, LEASE_SECONDS // 6)
"""The time limit of a statement of an import that failed before. The worker does nothing else while it waits."""

KEY_RACE_TRIES = 3
"""How often records are applied again because an everyday write took one of their alternate ids meanwhile."""

_RACES = ("alternate_key_pkey", "before_image_pkey")


class Execution:
    """Resolves and executes the imports of all accounts. Each worker process has one. Row locks share out the work."""

    def __init__(
        self,
        database: Database,
        configurations: ConfigurationCache,
        *,
        chunk_records: int = CHUNK_RECORDS,
        quarantine_seconds: float = QUARANTINE_SECONDS,
    ) -> None:
        self._database = database
        self._configurations = configurations
        self._chunk_records = chunk_records
        self._quarantine_seconds = quarantine_seconds
        # Two, because an import that failed to resolve here may be resolved elsewhere, and have chunks a moment later.
        self._unresolved, self._unworkable = Backoff(), Backoff()
        self._resolved_elsewhere = Backoff()
        self._batch_size = AdaptiveBatchSize(chunk_records)
        self.waits = 0
        """How often an import had to wait although its data was not the reason."""

    def count_quarantined(self) -> int:
        """The number of imports that this worker skips now because their last try failed."""
        return len({*self._unresolved.list_waiting(), *self._unworkable.list_waiting()})

    def resolve_next(self) -> UUID | None:
        """Resolve the next queued import into chunks. Afterwards it is Processing, or Failed because it cannot run.

        Returns its id. Returns None if there is nothing to resolve, if another worker resolves it, or if resolving
        failed. Such a failure is logged, and the import is skipped for a while, so that other accounts' imports go on.
        Raises StoreUnavailable if the database is lost: nothing was done. Raises OutcomeUnknown: ask again.
        """
        begun = time.monotonic()
        with self._database.transaction() as tx:
            skipped = [*self._unresolved.list_waiting(), *self._resolved_elsewhere.list_waiting()]
            found = execution_store.next_queued_import(tx, skipped)
        if found is None:
            return None
        account_id, import_id = found
        try:
            with self._database.transaction(account_id) as tx:
                if not execution_store.try_resolve_lock(tx):
                    # Another worker resolves it. That may take minutes, and other accounts' imports do not wait for it.
                    self._resolved_elsewhere.quarantine(import_id, BUSY_SECONDS)
                    return None
                is_resolved = self._resolve(tx, account_id, import_id)
        except (StoreUnavailable, OutcomeUnknown) as error:
            self._put_off(self._unresolved, import_id, error, begun)
            return None
        except Exception as error:
            self._unresolved.quarantine(import_id, self._quarantine_seconds)
            failure = _describe(error)
            log.error("import cannot be resolved, trying again later", import_id=str(import_id), failure=failure)
            return None
        self._unresolved.observe_success(import_id, is_recovered=True)
        return import_id if is_resolved else None

    def _put_off(
        self,
        backoff: Backoff,
        import_id: UUID,
        error: StoreUnavailable | OutcomeUnknown,
        begun: float,
        batch_size: AdaptiveBatchSize | None = None,
    ) -> None:
        """Skip an import for a while that failed although its data is not the reason. Raises the error if all other
        imports would fail as well."""
        seconds = backoff.back_off(import_id, time.monotonic() - begun, batch_size)
        if not isinstance(error, StoreBusy):
            raise error
        self.waits += 1
        log.warning("import waits", import_id=str(import_id), failure=str(error), seconds=seconds)

    def _resolve(self, tx: Transaction, account_id: int, import_id: UUID) -> bool:
        status, records, settings, guard_state = execution_store.load_resolvable(tx, import_id)
        if status != "Queued" or guard_state in ("Checking", "Held"):
            return False
        worker = Party(account_id, SYSTEM)
        configuration_index = self._configurations.current_in(tx, account_id)
        if settings.match_type is not None and configuration_index.alternate_id_types.find(settings.match_type) is None:
            log.warning("import failed", import_id=str(import_id), reason=MATCH_TYPE_INACTIVE)
            failed = import_store.fail_import(tx, import_id, MATCH_TYPE_INACTIVE, ("Queued",))
            if failed:
                note_event(tx, worker, "import.failed", import_id=import_id, details={"Reason": MATCH_TYPE_INACTIVE})
            return failed
        if not may_start(tx, configuration_index, import_id, settings, guard_state):
            return False
        groups = Groups(records)
        groups.join(execution_store.stream_shared(tx, import_id))
        chunks = list(cut_chunks(import_id, records, groups, self._chunk_records))
        first_id = account_store.reserve_profile_ids(tx, records)
        keeps_images = configuration_index.account.undo_days > 0 and settings.action != "Delete"
        if not execution_store.start_import(
            tx, import_id, configuration_index.revision, first_id, chunks, keeps_images=keeps_images
        ):
            raise StoreBusy("the import was cancelled while it was being resolved")
        note_event(
            tx, worker, "import.started", import_id=import_id, details={"Revision": configuration_index.revision}
        )
        if execution_store.complete_import(tx, import_id):  # if no record passed validation
            note_event(tx, worker, "import.completed", import_id=import_id)
        execution_store.notify_work(tx)
        log.info("import started", import_id=str(import_id), records=records, chunks=len(chunks))
        return True

    def process_slice(self) -> int | None:
        """Claim a chunk and process a slice of it in one transaction. Returns the number of records; None: no chunk.

        If the slice fails, the failure is logged and the result is 0. The import is skipped for a while, and then tried
        with fewer records. Raises StoreUnavailable if the database is lost: nothing was done, and the claim is gone.
        Raises OutcomeUnknown: the claim is gone, and the chunk names the records that are still to do.
        """
        begun = time.monotonic()
        chunk, batch_size = None, self._batch_size
        try:
            with self._database.transaction() as tx:
                chunk = execution_store.claim_chunk(tx, self._unworkable.list_waiting())
                if chunk is None:
                    return None
                after_failure = self._unworkable.find_batch_size(chunk.import_id)
                if after_failure is not None:
                    batch_size = after_failure
                    execution_store.limit_statements(tx, RETRY_STATEMENT_SECONDS)
                done = self._process_records(tx, chunk, batch_size)
        except (StoreUnavailable, OutcomeUnknown) as error:
            if chunk is None:
                raise
            self._put_off(self._unworkable, chunk.import_id, error, begun, batch_size.make_smaller(_count_left(chunk)))
            return 0
        except Exception as error:
            if chunk is None:
                raise
            self._unworkable.quarantine(
                chunk.import_id, self._quarantine_seconds, batch_size.make_smaller(_count_left(chunk))
            )
            log.error(
                "chunk cannot be processed, trying again later",
                import_id=str(chunk.import_id),
                chunk_number=chunk.chunk_number,
                failure=_describe(error),
                place=_find_place(error),
            )
            return 0
        batch_size.observe(done, time.monotonic() - begun, CLUSTER_SLICE_SECONDS if tx.bounds else SLICE_SECONDS)
        if batch_size is not self._batch_size:
            self._unworkable.observe_success(
                chunk.import_id, is_recovered=batch_size.records >= self._batch_size.records
            )
        return done.records

    def _process_records(self, tx: Transaction, chunk: Chunk, batch_size: AdaptiveBatchSize) -> SliceResult:
        """Apply the next records of a claimed chunk, and count them."""
        tx.set_account(chunk.account_id)
        running = execution_store.load_running(tx, chunk.import_id)
        are_lone = chunk.sequences is None
        limit = batch_size.records if are_lone else batch_size.pending
        staged, gone, next_sequence = load_staged(tx, chunk, running, limit)
        if not staged and not gone:
            execution_store.leave_chunk(tx, chunk, next_sequence)
            return SliceResult(0, 0, was_cut=False)
        configuration_index = self._configurations.at_revision(tx, chunk.account_id, running.configuration_revision)
        context = ApplyContext(
            configuration_index,
            running.settings,
            to_micros(running.started_at),
            running.first_profile_id,
            undo=running.undo,
            own_ids=running.own_ids,
            appends_images=not are_lone,
        )
        found = skip_unchanged(tx, context, staged) if are_lone else apply_all(staged)
        work, cut_at = found.cut(batch_size.pending)
        done = work.unchanged + (_apply_or_split(tx, context, work.pending, work.locked) if work.pending else [])
        done += make_gone(chunk.import_id, [one for one in gone if cut_at is None or one < cut_at])
        execution_store.leave_chunk(tx, chunk, next_sequence if cut_at is None else cut_at)
        pending = execution_store.record_outcomes(tx, chunk.import_id, done)
        if pending is None:
            raise StoreBusy("the import is not processing")
        if running.settings.action == "Add":
            counts = StageCounts(refused_opt_outs=_count_refused_opt_outs(work.pending, done))
            import_store.add_stage_counts(tx, chunk.import_id, counts)
        if pending == 0:
            note_event(tx, Party(chunk.account_id, SYSTEM), "import.completed", import_id=chunk.import_id)
        return SliceResult(len(done), len(work.pending), was_cut=cut_at is not None)


def _count_refused_opt_outs(pending: Sequence[PendingRecord], done: Sequence[ProcessedRecord]) -> int:
    """How many records became exceptions and hold an Opt-Out, a Denied or a Revoked."""
    refused = {record.sequence_number for record in done if record.outcome == "Exception"}
    if not refused:
        return 0
    return sum(_holds_opt_out(one) for one in pending if one.source.sequence_number in refused)


def _holds_opt_out(pending: PendingRecord) -> bool:
    if isinstance(pending.record, Record):
        return gives_opt_out(pending.record)
    return pending.sent is not None and holds_opt_out(pending.sent)


def _count_left(chunk: Chunk) -> int:
    """How many records a claimed chunk still has at most."""
    if chunk.sequences is None:
        return chunk.last_sequence - chunk.next_sequence + 1
    return sum(sequence >= chunk.next_sequence for sequence in chunk.sequences)


def _apply_or_split(
    tx: Transaction, context: ApplyContext, pending: Sequence[PendingRecord], locked: Mapping[int, str] | None = None
) -> list[ProcessedRecord]:
    """Apply records. If they fail for an unexpected reason, split them until the record at fault is alone. That record
    becomes an exception (execution.md, "While it runs")."""
    for attempt in range(KEY_RACE_TRIES + 1):
        try:
            with tx.savepoint():
                changes = plan_records(tx, context, pending, loaded=locked)
                write_changes(tx, changes, appends_images=context.appends_images)
                return changes.outcomes
        except (StoreUnavailable, StatementRefused):  # no record is at fault
            raise
        except StoreRefused as error:
            # An everyday write took one of the alternate ids, or gave an id to a person whom an earlier slice changed.
            # The next try sees its commit.
            if error.constraint not in _RACES or attempt == KEY_RACE_TRIES:
                failure: Exception = error
                break
            context = replace(context, appends_images=True)
        except Exception as error:  # a check of our own: no record may stop an import
            failure = error
            break
    if len(pending) == 1:
        return [make_unexpected(pending[0], failure)]
    middle = len(pending) // 2
    return _apply_or_split(tx, context, pending[:middle]) + _apply_or_split(tx, context, pending[middle:])


def make_unexpected(pending: PendingRecord, failure: Exception) -> ProcessedRecord:
    """Log a record that could not be applied, and make an exception of it."""
    reference = secrets.token_hex(8)
    log.error(
        "record broke its chunk",
        reference=reference,
        import_id=str(pending.source.import_id),
        sequence_number=pending.source.sequence_number,
        failure=_describe(failure),
        place=_find_place(failure),
    )
    fault = make_fault(
        "Execution.Unexpected",
        "$",
        f"The record could not be applied for an unexpected reason. The log has the reason under {reference}.",
    )
    return ProcessedRecord(pending.source.sequence_number or 0, "Exception", [fault])


def _describe(failure: Exception) -> str:
    """A failure for the log: only our own errors may show their text, because other texts may hold personal data."""
    return str(failure) if isinstance(failure, StoreRefused | StatementRefused) else type(failure).__name__


def _find_place(failure: Exception) -> str:
    """The file and line that raised a failure."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
