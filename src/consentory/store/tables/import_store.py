"""Imports, their batches, blocks and faults in the database. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from consentory.codec.staging.batch_lines import find_line
from consentory.codec.staging.staged_block import unpack_run
from consentory.domain.guard import LimitExceeded
from consentory.domain.imports import Books, GuardState, Import, ImportSettings, Phase, StageCounts, Status, UndoOrder
from consentory.domain.record import Fault
from consentory.domain.viewing import ImportName
from consentory.store.database import Transaction, join_keys


class _CodeOfFault(msgspec.Struct):
    Code: str


_decode_codes = msgspec.json.Decoder(list[_CodeOfFault]).decode
_decode_faults = msgspec.json.Decoder(list[Fault]).decode

_FAULTS_AT_ONCE = 1000
"""The number of faulty records that one statement stores. It bounds memory."""

PHASE_NUMBER: dict[Phase, int] = {"Stage": 1, "Execute": 2, "NotHonored": 3}
PHASE_NAME: dict[int, Phase] = {number: name for name, number in PHASE_NUMBER.items()}


class NewBlock(msgspec.Struct, frozen=True):
    """Up to 64 staged records. `offset`: the place of the first record in its batch, from 0."""

    offset: int
    record_count: int
    raw: bytes
    work: bytes
    named_keys: list[bytes]
    named_at: list[int]
    profile_ids: list[int]
    profile_at: list[int]


NewFault = tuple[int, int, bytes]
"""A run of successive faulty records of one block: the place of the first one in its batch, from 0, the number of
records, and their faults (`staged_block.pack_run`)."""


class NewBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch to be stored. `failed`: the number of its records with faults. `number` and `first_sequence` are known
    when the import is locked."""

    number: int = 0
    caller: str
    staged_at: datetime
    first_sequence: int = 0
    blocks: Sequence[NewBlock]
    failed: int
    counts: StageCounts
    idempotency_key: str | None
    body_hash: bytes | None
    lines: bytes | None = None
    """See codec/staging/batch_lines.py. None: not known."""


def _read_import(row: Sequence[Any]) -> Import:
    counts = dict(zip(Books.__struct_fields__, row[5:15], strict=True))
    return Import(
        account_id=row[0],
        import_id=row[1],
        access_token=row[2],
        status=row[3],
        settings=msgspec.convert({**row[4], "source": row[26]}, ImportSettings),
        books=Books(**counts),
        **dict(zip(Import.__struct_fields__[6:-3], row[15:23], strict=True)),
        counts=StageCounts(**dict(zip(StageCounts.__struct_fields__, row[23:26], strict=True))),
        held_reason=None if row[27] is None else msgspec.convert(row[27], list[LimitExceeded]),
        undo=None if row[28] is None else UndoOrder(row[28], row[29]),
    )


def insert_import(tx: Transaction, item: Import, idempotency_key: str | None, request_hash: bytes) -> bool:
    """Store a new import. False: this caller has an import with the same idempotency key."""
    row = tx.row(
        "insert_import",
        {
            "import_id": item.import_id,
            "access_token": item.access_token,
            # The source is a column of its own, because a mapping is long and the settings are read often.
            "settings": Jsonb(msgspec.json.encode(msgspec.structs.replace(item.settings, source=None))),
            "source": Jsonb(msgspec.json.encode(source)) if (source := item.settings.source) else None,
            "caller": item.caller,
            "idempotency_key": idempotency_key,
            "request_hash": request_hash if idempotency_key is not None else None,
            "created_at": item.created_at,
            "expires_at": item.expires_at,
        },
    )
    return row is not None


def find_import_by_key(tx: Transaction, caller: str, idempotency_key: str) -> tuple[UUID, bytes, bool] | None:
    """(import id, request hash, if it is over) of the import that was initiated with this key."""
    row = tx.row("find_import_by_key", {"caller": caller, "idempotency_key": idempotency_key})
    return None if row is None else (row[0], bytes(row[1]), row[2])


def release_import_key(tx: Transaction, import_id: UUID) -> None:
    """Remove the idempotency key from an import that is over."""
    tx.run("release_import_key", {"import_id": import_id})


def lock_initiates(tx: Transaction) -> None:
    """Wait until no other Initiate of the account runs. Other Initiates wait until this transaction ends."""
    tx.run("lock_initiates")


def count_recent_imports(tx: Transaction) -> tuple[int, timedelta | None]:
    """The Initiates of the account in the last 24 hours, and the time until the oldest of them leaves that window."""
    row = tx.row("count_recent_imports")
    assert row is not None
    return row[0], row[1]


def find_import(tx: Transaction, import_id: UUID) -> Import | None:
    """One import of the account, or None."""
    row = tx.row("find_import", {"import_id": import_id})
    return None if row is None else _read_import(row)


def find_import_by_token(tx: Transaction, access_token: int) -> Import | None:
    """One import of the account by its access token. None: there is none, or the token has expired."""
    row = tx.row("find_import_by_token", {"access_token": access_token})
    return None if row is None else _read_import(row)


def list_imports(tx: Transaction, status: Status | None, before: UUID | None, limit: int) -> list[Import]:
    """Imports of the account, newest first, after `before`."""
    rows = tx.rows("list_imports", {"status": status, "before": before, "limit": limit})
    return [_read_import(row) for row in rows]


def list_import_names(tx: Transaction, import_ids: Collection[UUID | None]) -> dict[UUID, ImportName]:
    """The names of imports of the account and of their files, by ImportId."""
    return {row[0]: ImportName(*row[1:]) for row in tx.rows("list_import_names", {"import_ids": list(import_ids)})}


def queue_import(tx: Transaction, import_id: UUID, caller: str) -> bool:
    """Staging -> Queued. False: it was not Staging."""
    return tx.row("queue_import", {"import_id": import_id, "caller": caller}) is not None


def lock_guarded(tx: Transaction, import_id: UUID) -> tuple[GuardState | None, str | None]:
    """(How the guard stands to the import, who executed it), locked until the transaction ends."""
    row = tx.row("lock_guarded", {"import_id": import_id})
    assert row is not None
    return row[0], row[1]


def check_guarded(tx: Transaction, import_id: UUID) -> bool:
    """Let an import wait for the preview of its guard. False: it was cancelled."""
    return tx.row("check_guarded", {"import_id": import_id}) is not None


def settle_guarded(
    tx: Transaction, import_id: UUID, state: GuardState | None, reason: Sequence[LimitExceeded] = ()
) -> bool:
    """End the wait for the preview of the guard. `reason`: why the import is Held. False: the import does not wait."""
    held = Jsonb(msgspec.json.encode(reason)) if state == "Held" else None
    return tx.row("settle_guarded", {"import_id": import_id, "guard_state": state, "held_reason": held}) is not None


def release_import(tx: Transaction, import_id: UUID) -> bool:
    """Let a held import go on. False: no guard holds it."""
    return tx.row("release_import", {"import_id": import_id}) is not None


def fail_import(tx: Transaction, import_id: UUID, reason: str, origins: Sequence[Status]) -> bool:
    """One of `origins` -> Failed. False: it had another status."""
    return tx.row("fail_import", {"import_id": import_id, "reason": reason, "from": list(origins)}) is not None


def expire_imports(tx: Transaction) -> list[tuple[int, UUID]]:
    """Fail each import whose token expired before Execute. Returns (account id, import id) of each, by account."""
    return sorted((row[0], row[1]) for row in tx.rows("expire_imports"))


def expire_import(tx: Transaction, import_id: UUID) -> bool:
    """Fail an import whose token expired before Execute. False: there was nothing to do."""
    return tx.row("expire_import", {"import_id": import_id}) is not None


def lock_import(tx: Transaction, import_id: UUID) -> tuple[Import, int]:
    """(The import, the number of its batches). The import is locked until the transaction ends."""
    row = tx.row("lock_import", {"import_id": import_id})
    assert row is not None
    return _read_import(row), row[30]


def find_batch_hash(tx: Transaction, import_id: UUID, idempotency_key: str) -> bytes | None:
    """The body hash of the batch that was staged with this key, or None."""
    row = tx.row("find_batch_by_key", {"import_id": import_id, "idempotency_key": idempotency_key})
    return None if row is None else bytes(row[0])


def insert_batch(tx: Transaction, import_id: UUID, batch: NewBatch, faults: Iterable[NewFault]) -> Import | None:
    """Store and count a whole batch. Returns the import after that. None: its status forbids it (then roll back).

    The import must be locked (lock_import).
    """
    received = sum(block.record_count for block in batch.blocks)
    first = batch.first_sequence
    tx.run(
        "insert_batch",
        {
            "import_id": import_id,
            "batch_number": batch.number,
            "caller": batch.caller,
            "staged_at": batch.staged_at,
            "first_sequence": first,
            "record_count": received,
            "failed": batch.failed,
            "idempotency_key": batch.idempotency_key,
            "body_hash": batch.body_hash,
            "lines": batch.lines,
        },
    )
    tx.run_many("insert_block", [_block_row(import_id, batch.number, first, block) for block in batch.blocks])
    staged_bytes = sum(len(block.raw) + len(block.work) + 18 * len(block.named_keys) for block in batch.blocks)
    remaining = iter(faults)
    while some := list(islice(remaining, _FAULTS_AT_ONCE)):
        places, repeats, texts = map(list, zip(*some, strict=True))
        staged_bytes += sum(map(len, texts))
        rows = {"places": places, "repeats": repeats, "faults": texts}
        tx.run("insert_faults", {"import_id": import_id, "batch_number": batch.number, **rows})
    counted = {
        "import_id": import_id,
        "received": received,
        "valid": received - batch.failed,
        "failed": batch.failed,
        "staged_bytes": staged_bytes,
        **msgspec.structs.asdict(batch.counts),
    }
    row = tx.row("count_batch", counted)
    return None if row is None else _read_import(row)


def add_stage_counts(tx: Transaction, import_id: UUID, counts: StageCounts) -> None:
    """Add to the counts beside the books. Call it after the books were moved."""
    if counts != StageCounts():
        tx.run("add_stage_counts", {"import_id": import_id, **msgspec.structs.asdict(counts)})


def prepare_batch(tx: Transaction) -> tuple[int, int, datetime]:
    """(The bytes of the account's staged records and their faults, the revision of its configuration, the time of the
    database's clock)."""
    row = tx.row("prepare_batch")
    assert row is not None
    return int(row[0]), row[1], row[2]


def _block_row(import_id: UUID, batch_number: int, first_sequence: int, block: NewBlock) -> dict[str, object]:
    return {
        "import_id": import_id,
        "first_sequence": first_sequence + block.offset,
        "record_count": block.record_count,
        "batch_number": batch_number,
        "raw": block.raw,
        "work": block.work,
        "named_keys": join_keys(block.named_keys),
        "named_at": ",".join(map(str, block.named_at)),
        "profile_ids": block.profile_ids,
        "profile_at": block.profile_at,
    }


def list_faults(
    tx: Transaction, import_id: UUID, phases: frozenset[Phase], *, after: int = 0, limit: int, offset: int = 0
) -> list[tuple[int, Phase, list[Fault]]]:
    """(SequenceNumber, phase, faults) of records after SequenceNumber `after`, in order."""
    parameters = {
        "import_id": import_id,
        "of_not_honored": "NotHonored" in phases,
        "phases": [PHASE_NUMBER[phase] for phase in phases],
        "after": after,
        "limit": limit,
        "offset": offset,
    }
    mixed = len(phases) > 1 and "NotHonored" in phases
    rows = tx.rows("list_all_faults" if mixed else "list_faults", parameters)
    found, run, texts = [], b"", [b""]
    for sequence, phase, faults, place in rows:
        if faults != run:
            run, texts = faults, unpack_run(faults)
        found.append((sequence, PHASE_NAME[phase], _decode_faults(texts[place if len(texts) > 1 else 0])))
    return found


def list_seek_keys(tx: Transaction, import_id: UUID, not_honored: bool, step: int) -> list[int]:
    """The SequenceNumbers of every `step`th refused record. `not_honored`: of the records with a part that was not
    honored instead."""
    return [
        row[0]
        for row in tx.rows("list_seek_keys", {"import_id": import_id, "of_not_honored": not_honored, "step": step})
    ]


def count_faults(tx: Transaction, import_id: UUID, phases: frozenset[Phase]) -> int:
    """The number of records of the import with a fault of these phases."""
    row = tx.row("count_faults", {"import_id": import_id, "phases": [PHASE_NUMBER[phase] for phase in phases]})
    assert row is not None
    return int(row[0])


def stream_fault_codes(tx: Transaction, import_id: UUID) -> Iterator[tuple[Phase, int, frozenset[str]]]:
    """(phase, number of records, the codes of each of them), for all records of the import with a fault."""
    for phase, repeats, faults in tx.stream("stream_fault_codes", {"import_id": import_id}):
        texts = unpack_run(bytes(faults))
        for text in texts:
            codes = frozenset(fault.Code for fault in _decode_codes(text))
            yield PHASE_NAME[phase], repeats if len(texts) == 1 else 1, codes


def list_raw_blocks(tx: Transaction, import_id: UUID, sequences: Sequence[int]) -> list[tuple[int, bytes, str]]:
    """(first SequenceNumber, raw block, caller who staged it) of each block that holds one of `sequences`, in order."""
    rows = tx.rows("list_raw_blocks", {"import_id": import_id, "sequences": list(sequences)})
    return [(row[0], bytes(row[1]), row[2]) for row in rows]


def find_lines(tx: Transaction, import_id: UUID, sequences: Sequence[int]) -> dict[int, int]:
    """The line of the file of each of these records, by SequenceNumber. A record whose line is not known is left
    out."""
    found: dict[int, int] = {}
    rows = tx.rows("list_batch_lines", {"import_id": import_id, "sequences": list(sequences)})
    for first, count, lines in rows:
        found |= {
            number: find_line(bytes(lines), number - first) for number in sequences if first <= number < first + count
        }
    return found
