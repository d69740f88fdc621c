"""Records that come again as they were, passed by without being decoded, and without their people being read.

A file that is sent every night is the same for most people. Of such a record the outcome is known beforehand:
applied whole once, it changes nothing when it comes again (execution.md, "How a record is counted"). So each person
keeps the fingerprint of the record that last changed them, and every other write takes it away
(docs/adr/0012-records-that-come-again.md).
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
    """A valid record as it lies in its block, still encoded, and what was sent where it is plain; `new_id` is the
    ProfileId it would create."""

    encoded: msgspec.Raw
    sent: bytes | None
    source: Source
    new_id: int


@dataclass(frozen=True, slots=True)
class SliceRecords:
    """The records of a step: those passed by, those to apply, and the bodies already locked for these, unread."""

    unchanged: list[ProcessedRecord]
    pending: list[PendingRecord]
    locked: dict[int, str]

    def cut(self, limit: int) -> tuple[SliceRecords, int | None]:
        """The records before the one after the first `limit`, and the SequenceNumber of that one; None: none left."""
        if len(self.pending) <= limit:
            return self, None
        end = self.pending[limit].source.sequence_number or 0
        unchanged = [record for record in self.unchanged if record.sequence_number < end]
        return SliceRecords(unchanged, self.pending[:limit], self.locked), end


def make_fingerprint_key(settings: ImportSettings, configuration_index: ConfigurationIndex) -> bytes:
    """The key of a fingerprint, beside the record: all that decides what applying it does.

    Under other rules, another configuration or another flag the same record is another one.
    """
    flags = msgspec.structs.replace(settings, name="", data_stage_duration=0, source=None)
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
    """Tell the records that change nothing from those to apply, and read, with `load`, the people whom their match
    ids mean.

    Only for records of which no two mean one person or name one alternate id: each is judged by itself.
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
    """All of them to be applied, and nobody known by them afterwards."""
    return SliceRecords([], [_decode_pending(record, None) for record in staged], {})


def _hash(record: StagedRecord, begun: blake2b) -> bytes:
    """The fingerprint: of all that the record says."""
    hasher = begun.copy()
    hasher.update(record.encoded)
    if record.sent is not None:
        hasher.update(record.sent)
    return hasher.digest()


def _decode_pending(staged: StagedRecord, fingerprint: bytes | None) -> PendingRecord:
    record = decode_record(staged.encoded) if staged.sent is None else decode_verbatim(staged.encoded)
    return PendingRecord(record, staged.source, staged.new_id, fingerprint, staged.sent)
