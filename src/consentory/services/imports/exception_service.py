"""The records that were refused, or that have a part that was not honored (import-api.md, "Exceptions")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from threading import Lock
from uuid import UUID

import msgspec

from consentory.codec.staging.staged_block import unpack_raw
from consentory.domain.caller import Caller
from consentory.domain.imports import REFUSED, TRANSITIONS, ExceptionPage, ExceptionRow, FaultGroup, Import, Phase
from consentory.domain.permission import has_sent, may_read_all, require_import
from consentory.domain.record import Fault
from consentory.errors import RequestRefused
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import import_store

WITHHELD = "Withheld: you did not send the record, and you may not read everything of a profile."

_NO_RECORD = b"{}"

SEEK_KEY_INTERVAL = 10_000
MOST_SEEK_KEYS = 64
"""The number of lists of exceptions whose seek keys are remembered. Each list has about 1,000 seek keys at most."""
_NOT_HONORED: frozenset[Phase] = frozenset({"NotHonored"})
STREAM_RECORDS = 1000
"""The number of records that a stream reads at a time. It bounds memory. No transaction stays open in between."""


class _SeekKeys:
    """The number of records of one list, and the SequenceNumber of each SEEK_KEY_INTERVALth record.

    The number of refused records is 0 here, because the counts of the import tell it. One thread reads the keys once,
    and other threads wait for it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: tuple[int, list[int]] | None = None

    def find(self, tx: Transaction, item: Import, phases: frozenset[Phase]) -> tuple[int, list[int]]:
        with self._lock:
            if self._found is None:
                is_not_honored = phases == _NOT_HONORED
                places = import_store.list_seek_keys(tx, item.import_id, is_not_honored, SEEK_KEY_INTERVAL)
                total = import_store.count_faults(tx, item.import_id, phases) if is_not_honored else 0
                self._found = total, places
            return self._found


class ExceptionService:
    """Gives exception records to the callers who staged them, and to callers who may read everything of a profile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seek_keys: dict[tuple[UUID, frozenset[Phase]], _SeekKeys] = {}

    def page(self, caller: Caller, item: Import, phases: frozenset[Phase], limit: int, offset: int) -> ExceptionPage:
        """The records `offset` (from 1) to `offset + limit - 1` of all records with a fault of these phases.

        A caller who may not read everything gets only the number and the codes of a record that somebody else staged,
        and of a record of an undo.
        Raises RequestRefused, gone, if the retention is over.
        """
        self._require_readable(caller, item)
        with self._database.transaction(caller.account_id) as tx:
            total = self._count(tx, item, phases)
            found = []
            if offset <= total:
                after, skipped = self._find_start(tx, item, phases, offset - 1)
                found = import_store.list_faults(tx, item.import_id, phases, after=after, limit=limit, offset=skipped)
            rows = list(self._read_rows(tx, caller, item, found))
            _require_kept(tx, item)
            note_event(tx, caller, "exceptions.read", import_id=item.import_id, details={"Count": len(rows)})
        return ExceptionPage(total, offset - 1 + len(rows) < total, rows)

    def stream(self, caller: Caller, item: Import, phases: frozenset[Phase]) -> Iterator[ExceptionRow]:
        """All records with a fault of these phases, in order, in constant memory. Raises like `page`, before the first
        row.

        If the retention ends while the records are read, the iterator raises as well. It never ends early in silence.
        """
        self._require_readable(caller, item)
        with self._database.transaction(caller.account_id) as tx:
            details = {"Count": self._count(tx, item, phases)}
            note_event(tx, caller, "exceptions.read", import_id=item.import_id, details=details)
        return self._stream(caller, item, phases, self._read_after(caller, item, phases, 0))

    def group(self, caller: Caller, item: Import) -> list[FaultGroup]:
        """The number of records by phase and code, the largest groups first. A record with two codes is in two groups.

        Raises RequestRefused, gone, if the retention is over.
        """
        self._require_readable(caller, item)
        counts: Counter[tuple[Phase, str]] = Counter()
        with self._database.transaction(caller.account_id) as tx:
            for phase, records, codes in import_store.stream_fault_codes(tx, item.import_id):
                for code in codes:
                    counts[phase, code] += records
            _require_kept(tx, item)
        return [FaultGroup(phase, code, records) for (phase, code), records in counts.most_common()]

    def list_by_code(
        self, caller: Caller, item: Import, group: tuple[Phase, str], *, after: int, limit: int
    ) -> ExceptionPage:
        """The next records of a group after a SequenceNumber. `total` is only the number of these records.

        Raises and withholds like `page`.
        """
        self._require_readable(caller, item)
        phase, code = group
        found: list[tuple[int, Phase, list[Fault]]] = []
        with self._database.transaction(caller.account_id) as tx:
            is_end = False
            while len(found) <= limit and not is_end:
                some = import_store.list_faults(
                    tx, item.import_id, frozenset((phase,)), after=after, limit=STREAM_RECORDS
                )
                found += [one for one in some if any(fault.Code == code for fault in one[2])]
                is_end = len(some) < STREAM_RECORDS
                after = some[-1][0] if some else after
            rows = _add_lines(tx, item, list(self._read_rows(tx, caller, item, found[:limit])))
            _require_kept(tx, item)
            note_event(tx, caller, "exceptions.read", import_id=item.import_id, details={"Count": len(rows)})
        return ExceptionPage(len(rows), len(found) > limit, rows)

    def find(self, caller: Caller, item: Import, sequence_number: int) -> ExceptionRow:
        """The refused record with this SequenceNumber. Raises and withholds like `page`; not_found."""
        self._require_readable(caller, item)
        with self._database.transaction(caller.account_id) as tx:
            found = import_store.list_faults(tx, item.import_id, REFUSED, after=sequence_number - 1, limit=1)
            rows = _add_lines(tx, item, list(self._read_rows(tx, caller, item, found)))
            _require_kept(tx, item)
            if not rows or rows[0].sequence_number != sequence_number:
                text = f"The record {sequence_number} of this import is not refused."
                raise RequestRefused("not_found", "Import.RecordNotRefused", text)
            note_event(tx, caller, "exceptions.read", import_id=item.import_id, details={"Count": 1})
        return rows[0]

    def _stream(
        self, caller: Caller, item: Import, phases: frozenset[Phase], rows: list[ExceptionRow]
    ) -> Iterator[ExceptionRow]:
        while rows:
            yield from rows
            rows = self._read_after(caller, item, phases, rows[-1].sequence_number)

    def _read_after(self, caller: Caller, item: Import, phases: frozenset[Phase], after: int) -> list[ExceptionRow]:
        with self._database.transaction(caller.account_id) as tx:
            found = import_store.list_faults(tx, item.import_id, phases, after=after, limit=STREAM_RECORDS)
            rows = list(self._read_rows(tx, caller, item, found))
            _require_kept(tx, item)
        return rows

    def _count(self, tx: Transaction, item: Import, phases: frozenset[Phase]) -> int:
        if phases == REFUSED:
            return item.books.failed + item.books.exceptions
        if phases == _NOT_HONORED and not TRANSITIONS[item.status]:
            return self._find_seek_keys(tx, item, phases)[0]
        return import_store.count_faults(tx, item.import_id, phases)

    def _find_start(self, tx: Transaction, item: Import, phases: frozenset[Phase], before: int) -> tuple[int, int]:
        """The start of a page that has `before` records before it: a SequenceNumber, and how many records to skip
        after it.

        To count up to the 900,000th record takes longer than to read a page. The faults of an import that has ended do
        not change, so every SEEK_KEY_INTERVALth SequenceNumber is remembered for such an import.
        """
        seek_key = before // SEEK_KEY_INTERVAL
        if seek_key == 0 or phases not in (REFUSED, _NOT_HONORED) or TRANSITIONS[item.status]:
            return 0, before
        _, known = self._find_seek_keys(tx, item, phases)
        if seek_key > len(known):  # purged since the import was looked up
            raise _make_gone()
        return known[seek_key - 1], before - seek_key * SEEK_KEY_INTERVAL

    def _find_seek_keys(self, tx: Transaction, item: Import, phases: frozenset[Phase]) -> tuple[int, list[int]]:
        key = item.import_id, phases
        if key not in self._seek_keys and len(self._seek_keys) >= MOST_SEEK_KEYS:
            self._seek_keys.clear()
        return self._seek_keys.setdefault(key, _SeekKeys()).find(tx, item, phases)

    def _require_readable(self, caller: Caller, item: Import) -> None:
        require_import(caller)
        if item.purged_at is not None:
            raise _make_gone()

    def _read_rows(
        self, tx: Transaction, caller: Caller, item: Import, found: Sequence[tuple[int, Phase, list[Fault]]]
    ) -> Iterator[ExceptionRow]:
        blocks = import_store.list_raw_blocks(tx, item.import_id, [sequence for sequence, _, _ in found])
        position, first, staged_by = 0, 0, ""
        records: list[bytes] = []
        for sequence, phase, faults in found:
            while position < len(blocks) and blocks[position][0] <= sequence:
                first, block, staged_by = blocks[position]
                records = unpack_raw(block)
                position += 1
            if sequence - first >= len(records):  # lost, or purged since the import was looked up: see _require_kept
                yield ExceptionRow(sequence, phase, faults, _NO_RECORD)
            elif may_read_all(caller.permissions) or has_sent(caller, staged_by, item.settings.action):
                yield ExceptionRow(sequence, phase, faults, records[sequence - first], item.settings.action == "Add")
            else:
                withheld = [Fault(fault.Code, WITHHELD, fault.Path) for fault in faults]
                yield ExceptionRow(sequence, phase, withheld, _NO_RECORD)


def _add_lines(tx: Transaction, item: Import, rows: list[ExceptionRow]) -> list[ExceptionRow]:
    lines = import_store.find_lines(tx, item.import_id, [row.sequence_number for row in rows])
    return [msgspec.structs.replace(row, line=lines.get(row.sequence_number)) for row in rows]


def _require_kept(tx: Transaction, item: Import) -> None:
    """Call this after the rows were read: an import is marked as purged first, in a transaction of its own.

    Raises RequestRefused, gone, if the retention ended since the import was looked up. Then rows may be missing.
    """
    now = import_store.find_import(tx, item.import_id)
    if now is None or now.purged_at is not None:
        raise _make_gone()


def _make_gone() -> RequestRefused:
    return RequestRefused(
        "gone",
        "Import.RetentionOver",
        "The staged records of this import are deleted, because their retention is over. The counts of the import"
        " remain.",
    )
