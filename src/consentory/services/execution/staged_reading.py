"""Read the staged records of an import block by block, for an execution or a preview."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from consentory.codec.record.fast_path.verbatim_record import VERBATIM_BYTES
from consentory.codec.staging.staged_block import BLOCK_RECORDS, unpack_raw, unpack_work
from consentory.domain.merge_state import make_fault
from consentory.services.execution.repeated_records import StagedRecord
from consentory.store.database import Transaction
from consentory.store.tables import execution_store
from consentory.store.tables.execution_store import Chunk, ProcessedRecord, RunningImport, WorkBlock
from consentory.store.tables.profile_store import Source

log = structlog.get_logger(__name__)

_SENT_BYTES = VERBATIM_BYTES + 64
"""A block with more packed bytes a record than this has no verbatim records."""


def load_staged(
    tx: Transaction, chunk: Chunk, running: RunningImport, limit: int
) -> tuple[list[StagedRecord], list[int], int]:
    """Read the next records of a chunk, up to `limit` SequenceNumbers.

    Returns the records, the SequenceNumbers whose block is gone, and the SequenceNumber after all of them.
    """
    first, last = chunk.next_sequence, chunk.last_sequence
    if chunk.sequences is None:
        upper = min(last, first + limit - 1)
        blocks = execution_store.list_work(tx, chunk.import_id, first, upper, BLOCK_RECORDS, _SENT_BYTES)
        excluded = set(chunk.excluded)
        staged = [s for s in _read_staged(blocks, chunk.import_id, running)
                  if first <= (s.source.sequence_number or 0) <= upper
                  and s.source.sequence_number not in excluded]  # fmt: skip
        wanted: Collection[int] = range(first, upper + 1)
        next_sequence = upper + 1
    else:
        excluded = set()
        left = [sequence for sequence in chunk.sequences if sequence >= first]
        wanted = left[:limit]
        blocks = execution_store.list_scattered_work(tx, chunk.import_id, wanted, _SENT_BYTES)
        asked = set(wanted)
        staged = [s for s in _read_staged(blocks, chunk.import_id, running) if s.source.sequence_number in asked]
        next_sequence = left[limit] if len(left) > limit else last + 1
    gone = [number for number in _find_uncovered(wanted, blocks) if number not in excluded]
    if gone and running.is_processing:  # otherwise nothing is pending, and the end of retention purged the records
        refused = set(execution_store.list_refused(tx, chunk.import_id, gone))
        return staged, [number for number in gone if number not in refused], next_sequence
    return staged, [], next_sequence


def _find_uncovered(wanted: Collection[int], blocks: Sequence[WorkBlock]) -> list[int]:
    """The SequenceNumbers that no block holds, ascending."""
    if isinstance(wanted, range) and wanted:
        ends = [(block.first_sequence, block.first_sequence + block.record_count) for block in blocks]
        if sum(min(end, wanted.stop) - max(start, wanted.start) for start, end in ends) == len(wanted):
            return []
    covered = {block.first_sequence + place for block in blocks for place in range(block.record_count)}
    return [number for number in wanted if number not in covered]


def _read_staged(blocks: Sequence[WorkBlock], import_id: UUID, running: RunningImport) -> list[StagedRecord]:
    staged = []
    for block in blocks:
        if not block.work:  # no record of the block is valid, or the block was redacted
            continue
        items = unpack_work(block.work)
        sent = unpack_raw(block.raw) if any(item.is_verbatim for item in items) else []
        for item in items:
            sequence = block.first_sequence + item.place
            source = Source(block.caller, import_id, sequence)
            verbatim = sent[item.place] if item.is_verbatim else None
            staged.append(StagedRecord(item.encoded, verbatim, source, running.first_profile_id + sequence - 1))
    return staged


def make_gone(import_id: UUID, sequences: Sequence[int]) -> list[ProcessedRecord]:
    """Make exceptions of staged records that are no longer there, because storage was damaged or somebody deleted
    them."""
    if not sequences:
        return []
    reference = secrets.token_hex(8)
    log.error(
        "staged records are gone, each becomes an exception",
        reference=reference,
        import_id=str(import_id),
        records=len(sequences),
        first=sequences[0],
        last=sequences[-1],
    )
    fault = make_fault(
        "Execution.Unexpected",
        "$",
        "The record is no longer in the database, and nothing of it was applied. Send it again in a new import."
        f" The log has the details under {reference}.",
    )
    return [ProcessedRecord(sequence, "Exception", [fault]) for sequence in sequences]
