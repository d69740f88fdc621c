"""Skip unchanged records: if the fingerprint of a record equals the stored one, count the record as Unchanged.

A file that is sent every night is the same for most people. A record that was applied whole changes nothing when it
comes again (execution.md, "How a record is counted"). So each person keeps the fingerprint of the record that last
changed the person, and every other write removes the fingerprint. An unchanged record is not decoded, and its person is
not read (docs/adr/0012-records-that-come-again.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from consentory.codec.staging.staged_block import decode_match, decode_record, decode_verbatim
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.merge import MERGE_VERSION
from consentory.services.changes.change_plan import ApplyContext, PendingRecord
from consentory.store.database import Transaction
from consentory.store.tables import profile_store
from consentory.store.tables.execution_store import ProcessedRecord
from consentory.store.tables.profile_store import Source

FINGERPRINT_BYTES = 16


MatchLoader = Callable[[Transaction, Mapping[bytes, bytes]], list[tuple[bytes, int, str | None]]]
"""`profile_store.lock_matched` with locks, or `profile_store.load_matched` without."""


class StagedRecord(msgspec.Struct, frozen=True, gc=False):
    """A valid record of a block, not decoded yet. `sent`: the JSON of a verbatim record. `new_id`: the ProfileId that
    the record would create."""

    encoded: msgspec.Raw
    sent: bytes | None
    source: Source
    new_id: int


@dataclass(frozen=True, slots=True)
class SliceRecords:
    """The records of a slice: those that are skipped as unchanged, and those to apply. `locked`: states that are
    locked and loaded already, but not decoded."""

    unchanged: list[ProcessedRecord]
    pending: list[PendingRecord]
    locked: dict[int, str]

    def cut(self, limit: int) -> tuple[SliceRecords, int | None]:
        """Cut the slice after `limit` records to apply. Returns the slice, and the SequenceNumber of the next record to
        apply; None: no record is left."""
        if len(self.pending) <= limit:
            return self, None
        end = self.pending[limit].source.sequence_number or 0
        unchanged = [record for record in self.unchanged if record.sequence_number < end]
        return SliceRecords(unchanged, self.pending[:limit], self.locked), end


def make_fingerprint_key(settings: ImportSettings, configuration_index: ConfigurationIndex) -> bytes:
    """The key of a fingerprint: everything beside the record that decides its outcome.

    Under other rules, another configuration or another flag, the same record has another fingerprint.
    """
    flags = msgspec.structs.replace(settings, name="", data_stage_duration=0, source=None, guard=msgspec.UNSET)
    return blake2b(
        msgspec.json.encode((MERGE_VERSION, configuration_index.rules_digest.hex(), flags)), digest_size=32
    ).digest()


def skip_unchanged(
    tx: Transaction,
    context: ApplyContext,
    staged: Sequence[StagedRecord],
    *,
    load: MatchLoader = profile_store.lock_matched,
) -> SliceRecords:
    """Divide the records into those that change nothing and those to apply. `load` reads the people of their match ids.

    Only for lone records: each is judged by itself, so no two of them may mean one person or name one alternate id.
    """
    if context.settings.match_type is None or context.settings.action == "Delete":
        return apply_all(staged)
    fingerprint_key = make_fingerprint_key(context.settings, context.configuration_index)
    begun = blake2b(digest_size=FINGERPRINT_BYTES, key=fingerprint_key)
    prints = [_hash(record, begun) for record in staged]
    wanted = {}
    for record, fingerprint in zip(staged, prints, strict=True):
        match = decode_match(record.encoded)
        if match.profile_id is None and match.match_key is not None:
            wanted[match.match_key] = fingerprint
    locked: dict[int, str] = {}
    known = set()
    for key, profile_id, body in load(tx, wanted):
        if body is None:
            known.add(wanted[key])
        else:
            locked[profile_id] = body
    unchanged, pending = [], []
    for record, fingerprint in zip(staged, prints, strict=True):
        if fingerprint in known:
            unchanged.append(ProcessedRecord(record.source.sequence_number or 0, "Unchanged", []))
        else:
            pending.append(_decode_pending(record, fingerprint))
    return SliceRecords(unchanged, pending, locked)


def apply_all(staged: Sequence[StagedRecord]) -> SliceRecords:
    """Apply all records, and store no fingerprint of them."""
    return SliceRecords([], [_decode_pending(record, None) for record in staged], {})


def _hash(record: StagedRecord, begun: blake2b) -> bytes:
    """The fingerprint of the whole record."""
    hasher = begun.copy()
    hasher.update(record.encoded)
    if record.sent is not None:
        hasher.update(record.sent)
    return hasher.digest()


def _decode_pending(staged: StagedRecord, fingerprint: bytes | None) -> PendingRecord:
    record = decode_record(staged.encoded) if staged.sent is None else decode_verbatim(staged.encoded)
    return PendingRecord(record, staged.source, staged.new_id, fingerprint, staged.sent)
