"""Execution: an import whose turn has come is resolved into chunks, and chunks are worked off in steps."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog

from consentory.codec.frame import FRAME_RECORDS, unpack_raw, unpack_work
from consentory.codec.plain_record import PLAIN_BYTES
from consentory.codec.stage_counts import claims_opt_out
from consentory.domain.caller import SYSTEM, Party
from consentory.domain.draft import make_fault
from consentory.domain.imports import StageCounts
from consentory.domain.instants import to_micros
from consentory.errors import OutcomeUnknown, StatementRefused, StoreRefused, StoreUnavailable
from consentory.services.audit_trail import note_event
from consentory.services.catalogs import Catalogs
from consentory.services.chunking import CHUNK_RECORDS, Groups, cut_chunks
from consentory.services.record_application import Rules, Task, apply_records
from consentory.services.repeated_records import StagedRecord, apply_all, sort_out
from consentory.store import account_store, execution_store, import_store
from consentory.store.database import Database, Transaction
from consentory.store.execution_store import Chunk, ProcessedRecord, RunningImport, WorkFrame
from consentory.store.profile_store import Source

log = structlog.get_logger(__name__)

FIRST_STEP_RECORDS = 500
STEP_SECONDS = 0.15
"""A step, which is one transaction, is sized towards this: everyday writes do not wait for an import."""

MATCH_TYPE_INACTIVE = "Import.MatchTypeInactive"
SET_ASIDE_SECONDS = 60.0
"""How long an import that broke for a reason nobody foresaw is passed over, before it is tried again."""

BUSY_SECONDS = 1.0

_SENT_BYTES = PLAIN_BYTES + 64
"""For each record of a frame, of what was sent, packed: a frame with more has no plain records."""

KEY_RACE_TRIES = 3
"""How often a step is tried again because an everyday write gave out one of its alternate ids meanwhile."""


class SetAside:
    """Imports that this worker passes over for a while, so that others go on."""

    def __init__(self) -> None:
        self._until: dict[UUID, float] = {}

    def add(self, import_id: UUID, seconds: float) -> None:
        """Pass an import over from now on."""
        self._until[import_id] = time.monotonic() + seconds

    def list_ids(self) -> list[UUID]:
        """Those whose time is not over."""
        now = time.monotonic()
        self._until = {import_id: until for import_id, until in self._until.items() if until > now}
        return list(self._until)


class StepDone(NamedTuple):
    """What a step did: records counted, and how many of them it applied; `was_cut`: there were more to apply."""

    records: int
    tasks: int
    was_cut: bool


class Pace:
    """How many records a step looks at, and how many of them it may apply: sized by what the last steps took.

    Passing a record by takes a sixth of the time of applying it, and the next ones may be all of one kind.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = self.tasks = min(FIRST_STEP_RECORDS, most)

    def note(self, done: StepDone, seconds: float) -> None:
        """Size the next step by what this one took."""
        factor = min(2.0, max(0.5, STEP_SECONDS / max(seconds, 0.001)))
        if done.tasks >= self.tasks // 2:
            self.tasks = max(1, min(self._most, round(self.tasks * factor)))
        if done.was_cut or done.records >= self.records // 2:
            self.records = max(1, min(self._most, round((done.records if done.was_cut else self.records) * factor)))


class Execution:
    """Resolves and works off imports of all accounts. One per worker process; workers share by row locks."""

    def __init__(
        self,
        database: Database,
        catalogs: Catalogs,
        *,
        chunk_records: int = CHUNK_RECORDS,
        set_aside_seconds: float = SET_ASIDE_SECONDS,
    ) -> None:
        self._database = database
        self._catalogs = catalogs
        self._chunk_records = chunk_records
        self._set_aside_seconds = set_aside_seconds
        # Two, because an import that another worker is resolving may be worked on a moment later.
        self._unresolved, self._unworkable = SetAside(), SetAside()
        self._pace = Pace(chunk_records)

    def resolve_next(self) -> UUID | None:
        """Resolve the next queued import into chunks: it is Processing then, or Failed because it cannot run.

        Returns its id; None when there is nothing to resolve, or another worker is at it. One that breaks for
        a reason nobody foresaw is logged and set aside for a while, so that other accounts' go on.
        Raises StoreUnavailable; then nothing was done. Raises OutcomeUnknown, too: ask again.
        """
        with self._database.transaction() as tx:
            found = execution_store.next_queued_import(tx, self._unresolved.list_ids())
        if found is None:
            return None
        account_id, import_id = found
        try:
            with self._database.transaction(account_id) as tx:
                if not execution_store.try_resolve_lock(tx):
                    # Another worker is at it, which may take minutes: other accounts' imports do not wait for that.
                    self._unresolved.add(import_id, BUSY_SECONDS)
                    return None
                return import_id if self._resolve(tx, account_id, import_id) else None
        except (StoreUnavailable, OutcomeUnknown):
            raise
        except Exception as error:
            self._unresolved.add(import_id, self._set_aside_seconds)
            failure = _describe(error)
            log.error("import cannot be resolved, trying again later", import_id=str(import_id), failure=failure)
            return None

    def _resolve(self, tx: Transaction, account_id: int, import_id: UUID) -> bool:
        status, records, settings = execution_store.load_resolvable(tx, import_id)
        if status != "Queued":
            return False
        worker = Party(account_id, SYSTEM)
        catalog = self._catalogs.current_in(tx, account_id)
        if settings.match_type is not None and catalog.alternate_id_types.find(settings.match_type) is None:
            log.warning("import failed", import_id=str(import_id), reason=MATCH_TYPE_INACTIVE)
            failed = import_store.fail_import(tx, import_id, MATCH_TYPE_INACTIVE, ("Queued",))
            if failed:
                note_event(tx, worker, "import.failed", import_id=import_id, details={"Reason": MATCH_TYPE_INACTIVE})
            return failed
        groups = Groups(records)
        groups.join(execution_store.stream_shared(tx, import_id))
        chunks = list(cut_chunks(import_id, records, groups, self._chunk_records))
        first_id = account_store.reserve_profile_ids(tx, records)
        if not execution_store.start_import(tx, import_id, catalog.revision, first_id, chunks):
            raise StoreUnavailable("the import was cancelled while it was being resolved")
        note_event(tx, worker, "import.started", import_id=import_id, details={"Revision": catalog.revision})
        if execution_store.complete_import(tx, import_id):  # where no record passed validation
            note_event(tx, worker, "import.completed", import_id=import_id)
        execution_store.notify_work(tx)
        log.info("import started", import_id=str(import_id), records=records, chunks=len(chunks))
        return True

    def step(self) -> int | None:
        """Claim a chunk and work off a part of it in one transaction; the records done, None: nothing to claim.

        A chunk that breaks for a reason nobody foresaw, a frame that cannot be read say, is logged, its import is
        set aside for a while, and no records were done. Raises StoreUnavailable; then nothing was done, and the
        claim is gone. Raises OutcomeUnknown: the claim is gone, and what is left of the chunk is what was not done.
        """
        begun = time.monotonic()
        chunk = None
        try:
            with self._database.transaction() as tx:
                chunk = execution_store.claim_chunk(tx, self._unworkable.list_ids())
                if chunk is None:
                    return None
                done = self._work_off(tx, chunk)
        except (StoreUnavailable, OutcomeUnknown):
            raise
        except Exception as error:
            if chunk is None:
                raise
            self._unworkable.add(chunk.import_id, self._set_aside_seconds)
            log.error(
                "chunk cannot be worked off, trying again later",
                import_id=str(chunk.import_id),
                chunk_number=chunk.chunk_number,
                failure=_describe(error),
                place=_find_place(error),
            )
            return 0
        self._pace.note(done, time.monotonic() - begun)
        return done.records

    def _work_off(self, tx: Transaction, chunk: Chunk) -> StepDone:
        """Apply the next records of a claimed chunk and count them."""
        tx.set_account(chunk.account_id)
        running = execution_store.load_running(tx, chunk.import_id)
        are_lone = chunk.sequences is None
        limit = self._pace.records if are_lone else self._pace.tasks
        staged, next_sequence = _load_staged(tx, chunk, running, limit)
        if not staged:
            execution_store.leave_chunk(tx, chunk, next_sequence)
            return StepDone(0, 0, was_cut=False)
        catalog = self._catalogs.at_revision(tx, chunk.account_id, running.configuration_revision)
        rules = Rules(catalog, running.settings, to_micros(running.started_at), running.first_profile_id)
        found = sort_out(tx, rules, staged) if are_lone else apply_all(staged)
        work, cut_at = found.cut(self._pace.tasks)
        done = work.unchanged + (_apply_or_split(tx, rules, work.tasks, work.locked) if work.tasks else [])
        execution_store.leave_chunk(tx, chunk, next_sequence if cut_at is None else cut_at)
        pending = execution_store.record_outcomes(tx, chunk.import_id, done)
        if pending is None:
            raise StoreUnavailable("the import is not processing")
        if running.settings.action == "Add":
            counts = StageCounts(refused_opt_outs=_count_refused_opt_outs(work.tasks, done))
            import_store.add_stage_counts(tx, chunk.import_id, counts)
        if pending == 0:
            note_event(tx, Party(chunk.account_id, SYSTEM), "import.completed", import_id=chunk.import_id)
        return StepDone(len(done), len(work.tasks), was_cut=cut_at is not None)


def _count_refused_opt_outs(tasks: Sequence[Task], done: Sequence[ProcessedRecord]) -> int:
    """The exceptions among the tasks that hold an Opt-Out, a Denied or a Revoked."""
    refused = {record.sequence_number for record in done if record.outcome == "Exception"}
    if not refused:
        return 0
    return sum(claims_opt_out(task.record) for task in tasks if task.source.sequence_number in refused)


def _load_staged(tx: Transaction, chunk: Chunk, running: RunningImport, limit: int) -> tuple[list[StagedRecord], int]:
    """The next records of a chunk, up to `limit` SequenceNumbers, and where to go on after them."""
    first, last = chunk.next_sequence, chunk.last_sequence
    if chunk.sequences is None:
        upper = min(last, first + limit - 1)
        frames = execution_store.list_work(tx, chunk.import_id, first, upper, FRAME_RECORDS, _SENT_BYTES)
        excluded = set(chunk.excluded)
        staged = _read_staged(frames, chunk.import_id, running)
        return [s for s in staged if first <= (s.source.sequence_number or 0) <= upper
                and s.source.sequence_number not in excluded], upper + 1  # fmt: skip
    left = [sequence for sequence in chunk.sequences if sequence >= first]
    wanted = set(left[:limit])
    frames = execution_store.list_scattered_work(tx, chunk.import_id, left[:limit], _SENT_BYTES)
    staged = _read_staged(frames, chunk.import_id, running)
    next_sequence = left[limit] if len(left) > limit else last + 1
    return [record for record in staged if record.source.sequence_number in wanted], next_sequence


def _read_staged(frames: Sequence[WorkFrame], import_id: UUID, running: RunningImport) -> list[StagedRecord]:
    staged = []
    for frame in frames:
        items = unpack_work(frame.work)
        sent = unpack_raw(frame.raw) if any(item.is_plain for item in items) else []
        for item in items:
            sequence = frame.first_sequence + item.place
            source = Source(frame.caller, import_id, sequence)
            plain = sent[item.place] if item.is_plain else None
            staged.append(StagedRecord(item.encoded, plain, source, running.first_profile_id + sequence - 1))
    return staged


def _apply_or_split(
    tx: Transaction, rules: Rules, tasks: Sequence[Task], locked: Mapping[int, str] | None = None
) -> list[ProcessedRecord]:
    """Apply records; when their data breaks something that nobody foresaw, split until the record at fault
    stands alone and becomes an exception (execution.md, "While it runs")."""
    for attempt in range(KEY_RACE_TRIES + 1):
        try:
            with tx.savepoint():
                return apply_records(tx, rules, tasks, locked)
        except (StoreUnavailable, StatementRefused):  # of neither is a record at fault
            raise
        except StoreRefused as error:
            # An everyday write took one of the alternate ids: its commit is visible to the next try.
            if error.constraint != "alternate_key_pkey" or attempt == KEY_RACE_TRIES:
                failure: Exception = error
                break
        except Exception as error:  # our own checks: a record must not stop an import, whatever it is
            failure = error
            break
    if len(tasks) == 1:
        return [_make_unexpected(tasks[0], failure)]
    middle = len(tasks) // 2
    return _apply_or_split(tx, rules, tasks[:middle]) + _apply_or_split(tx, rules, tasks[middle:])


def _make_unexpected(task: Task, failure: Exception) -> ProcessedRecord:
    reference = secrets.token_hex(8)
    log.error(
        "record broke its chunk",
        reference=reference,
        import_id=str(task.source.import_id),
        sequence_number=task.source.sequence_number,
        failure=_describe(failure),
        place=_find_place(failure),
    )
    fault = make_fault(
        "Execution.Unexpected",
        "$",
        f"This record could not be applied for a reason that nobody foresaw; the log has it under {reference}.",
    )
    return ProcessedRecord(task.source.sequence_number or 0, "Exception", [fault])


def _describe(failure: Exception) -> str:
    """A failure for the log: its own words may hold personal data, but for those that we made."""
    return str(failure) if isinstance(failure, StoreRefused | StatementRefused) else type(failure).__name__


def _find_place(failure: Exception) -> str:
    """File and line that a failure was raised at."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
