"""Validate and pack a batch (import-api.md, "Stage"). A fault refuses one record, and never the batch."""

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
"""The longest refused record, in bytes, and the number of refused records, whose faults are remembered. A batch may
repeat a record."""

Work = list[tuple[int, Record | VerbatimRecord]]


class ValidatedBatch(msgspec.Struct):
    """A batch that is ready to be stored: its blocks, and the packed faults of each block that has some.

    The faults are packed, because the faults of a million empty records take many times the size of the body.
    """

    blocks: list[NewBlock]
    faults: list[bytes]
    records: int
    failed: int = 0
    counts: StageCounts = StageCounts()

    def list_faults(self) -> Iterator[NewFault]:
        """The faults of each refused record, in order. Successive records are one run."""
        return chain.from_iterable(map(unpack_faults, self.faults))


def validate_batch(records: Records, validator: RecordValidator, settings: ImportSettings) -> ValidatedBatch:
    """Validate each record and pack all of them, in order.

    Raises RequestRefused (invalid) if one of them is not a JSON text.
    """
    return _BatchValidation(records, validator, settings).run()


class _BatchValidation:
    """The validation of one batch, from bytes to blocks."""

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
        """The valid records, and the faults of the others as JSON, by place in the block. In an import of action Delete
        this reduces the valid records in `raws` to their ids."""
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
            except Exception as error:  # no record may refuse the batch
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
        """Pack the valid records of a block. A record that cannot be packed moves from `work` to `refused`."""
        try:
            return pack_work(work)
        except Exception:  # the record at fault is found below, and logged
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
    """Log an unexpected error, and return the fault of the record as JSON."""
    reference = secrets.token_hex(8)
    kinds, places = trace_error(error)
    log.error("record broke its validation", reference=reference, place_in_batch=place, error=kinds, places=places)
    text = "The record could not be validated or stored for an unexpected reason. The log has the reason under"
    return msgspec.json.encode([Fault("Stage.Unexpected", f"{text} {reference}.", "$")])


def _join_runs(offset: int, refused: dict[int, bytes]) -> list[NewFault]:
    """The faults of a block's records, in order.

    Successive records become one run if their faults are the same, or are small together. Otherwise a body that
    alternates between two faults could fill the disk.
    """
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
    named = [given_input.key for given_input in record.alternate_ids]
    if record.match_key is not None and record.match_key not in named:
        named.append(record.match_key)
    return named
