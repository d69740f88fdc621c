"""A batch validated and packed (import-api.md, "Stage"): a fault costs one record, and never the batch."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec
import structlog

from consentory.codec.record.fast_path.verbatim_record import VERBATIM_BYTES
from consentory.codec.record.stage_counts import holds_opt_out
from consentory.codec.record.validate_record import RecordValidator
from consentory.codec.staging.batch_body import Records
from consentory.codec.staging.staged_block import (
    BLOCK_RECORDS,
    LARGEST_RUN,
    pack_faults,
    pack_raw,
    pack_run,
    pack_work,
    unpack_faults,
)
from consentory.domain.imports import ImportSettings, StageCounts
from consentory.domain.record import Fault, Record, VerbatimRecord
from consentory.errors import RequestRefused, trace_error
from consentory.store.tables.import_store import NewBlock, NewFault

log = structlog.get_logger(__name__)

_SHORT = 256
_MOST_REMEMBERED = 1024
"""Bytes of a refused record, and refused records, that are remembered with their faults: a batch may repeat one."""

Work = list[tuple[int, Record | VerbatimRecord]]


class ValidatedBatch(msgspec.Struct):
    """A batch ready to be stored: its blocks, and the packed faults of each block that has some.

    A body of a million records that say nothing has faults of many times its size, so they are kept packed.
    """

    blocks: list[NewBlock]
    faults: list[bytes]
    records: int
    failed: int = 0
    counts: StageCounts = StageCounts()

    def list_faults(self) -> Iterator[NewFault]:
        """The faults of each faulty record, in order; records in succession in one run."""
        return chain.from_iterable(map(unpack_faults, self.faults))


def validate_batch(records: Records, validator: RecordValidator, settings: ImportSettings) -> ValidatedBatch:
    """Validate each record and pack all of them, in order; `records` may be as long as a body holds.

    Raises RequestRefused (invalid) when one of them is no JSON text.
    """
    return _BatchValidation(records, validator, settings).run()


class _BatchValidation:
    """One batch on its way from bytes to blocks."""

    def __init__(self, records: Records, validator: RecordValidator, settings: ImportSettings) -> None:
        self._records = records
        self._validator = validator
        self._is_delete = settings.action == "Delete"
        self._refused: dict[bytes, bytes] = {}
        self._refused_opt_outs = 0

    def run(self) -> ValidatedBatch:
        batch = ValidatedBatch([], [], len(self._records))
        for offset in range(0, len(self._records), BLOCK_RECORDS):
            raws = [bytes(raw) for raw in self._records[offset : offset + BLOCK_RECORDS]]
            work, refused = self._validate_block(offset, raws)
            packed = self._pack_work(offset, work, refused)
            if refused:
                batch.faults.append(pack_faults(_join_runs(offset, refused)))
                batch.failed += len(refused)
                self._refused_opt_outs += self._count_opt_outs(raws, refused)
            batch.blocks.append(_make_block(offset, raws, work, packed))
        counts = self._validator.counts
        batch.counts = msgspec.structs.replace(counts, refused_opt_outs=self._refused_opt_outs)
        return batch

    def _validate_block(self, offset: int, raws: list[bytes]) -> tuple[Work, dict[int, bytes]]:
        """The valid records, and the faults as JSON of the others, by place in the block. Of a Delete record `raws`
        then holds only the ids."""
        may_be_verbatim = sum(map(len, raws)) <= VERBATIM_BYTES * len(raws)
        work: Work = []
        refused: dict[int, bytes] = {}
        check = self._validator.check
        for place, raw in enumerate(raws):
            try:
                result: Record | VerbatimRecord | None = check(raw) if may_be_verbatim else None
                if result is None:
                    known = self._refused.get(raw) if len(raw) <= _SHORT else None
                    judged = known if known is not None else self._judge(offset + place, raw)
                    if isinstance(judged, bytes):
                        refused[place] = judged
                        continue
                    result = judged
                if self._is_delete:
                    raws[place] = self._validator.keep_ids()
            except RequestRefused:
                raise
            except Exception as error:  # one record never costs the batch, whatever it is
                refused[place] = _report_unexpected(error, offset + place)
                continue
            work.append((place, result))
        return work, refused

    def _judge(self, index: int, raw: bytes) -> Record | bytes:
        """The valid record, or its faults as JSON."""
        self._records.check(index)
        result = self._validator.validate(raw)
        if isinstance(result, Record):
            return result
        faults = msgspec.json.encode(result)
        if len(raw) <= _SHORT and len(self._refused) < _MOST_REMEMBERED:
            self._refused[raw] = faults
        return faults

    def _pack_work(self, offset: int, work: Work, refused: dict[int, bytes]) -> bytes:
        """The block of the valid records. One that cannot be packed goes from `work` to `refused`."""
        try:
            return pack_work(work)
        except Exception:  # which one it is is found below, and logged
            for item in list(work):
                try:
                    pack_work([item])
                except Exception as error:
                    work.remove(item)
                    refused[item[0]] = _report_unexpected(error, offset + item[0])
            return pack_work(work)

    def _count_opt_outs(self, raws: Sequence[bytes], refused: dict[int, bytes]) -> int:
        return 0 if self._is_delete else sum(holds_opt_out(raws[place]) for place in refused)


def _report_unexpected(error: Exception, place: int) -> bytes:
    """Log what nobody foresaw; the record's fault, as JSON."""
    reference = secrets.token_hex(8)
    kinds, places = trace_error(error)
    log.error("record broke its validation", reference=reference, place_in_batch=place, error=kinds, places=places)
    text = "This record could not be validated or kept, for a reason that nobody foresaw. The log has the reason under"
    return msgspec.json.encode([Fault("Stage.Unexpected", f"{text} {reference}.", "$")])


def _join_runs(offset: int, refused: dict[int, bytes]) -> list[NewFault]:
    """The faults of a block's records, in order. Records in succession become one run: those with the same faults, and
    those whose faults are few. A body of two kinds of nonsense in turn would fill the disk otherwise."""
    joined: list[NewFault] = []
    run: list[bytes] = []
    start = size = 0
    for place, faults in sorted(refused.items()):
        is_next = place == start + len(run)
        if run and not (is_next and (size + len(faults) <= LARGEST_RUN or {faults}.issuperset(run))):
            joined.append((offset + start, len(run), pack_run(run)))
            run, size = [], 0
        start = start if run else place
        run.append(faults)
        size += len(faults)
    if run:
        joined.append((offset + start, len(run), pack_run(run)))
    return joined


def _make_block(offset: int, raws: list[bytes], work: Work, packed: bytes) -> NewBlock:
    keys: list[bytes] = []
    key_places: list[int] = []
    ids: list[int] = []
    id_places: list[int] = []
    for place, record in work:
        named = _list_named(record)
        keys += named
        key_places += [place] * len(named)
        if record.profile_id is not None:
            ids.append(record.profile_id)
            id_places.append(place)
    return NewBlock(
        offset=offset,
        record_count=len(raws),
        raw=pack_raw(raws),
        work=packed,
        named_keys=keys,
        named_at=key_places,
        profile_ids=ids,
        profile_at=id_places,
    )


def _list_named(record: Record | VerbatimRecord) -> Sequence[bytes]:
    """The keys of the alternate ids that a record names."""
    if isinstance(record, VerbatimRecord):
        return record.keys
    named = [claim.key for claim in record.alternate_ids]
    if record.match_key is not None and record.match_key not in named:
        named.append(record.match_key)
    return named
