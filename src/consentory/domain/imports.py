"""What an import is: its settings, its states, its books (import-api.md, "Initiate", "States", "The status object")."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from consentory.domain.record import Fault

Action = Literal["Add", "Delete"]
Status = Literal["Initiated", "Staging", "Queued", "Processing", "Completed", "Failed"]
Outcome = Literal["Created", "Updated", "Unchanged", "Deleted", "NotHonored", "Exception"]
Phase = Literal["Stage", "Execute", "NotHonored"]

REFUSED: frozenset[Phase] = frozenset(("Stage", "Execute"))
"""The phases in which a record is refused as a whole."""

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    "Initiated": ("Staging", "Failed"),
    "Staging": ("Queued", "Failed"),
    "Queued": ("Processing", "Failed"),
    "Processing": ("Completed",),
    "Completed": (),
    "Failed": (),
}
"""From each status, where it may go. The diagram in docs/import-lifecycle.md is compared with it by a test."""


class ImportSource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The file that an import came from, as the client says it; names as on the wire (files.md, `Source`)."""

    file_name: str
    sha256: str | None = None
    """Of the file as it lay there, 64 hexadecimal digits."""
    rows: int | None = None
    mapping: str | None = None
    """The document that made the rows into records."""


class ImportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Initiate fields with their defaults filled in. `match_type` is MatchValue as configured."""

    name: str
    data_stage_duration: int = 3
    action: Action = "Add"
    match_type: str | None = None
    refresh_alternate_ids: bool = False
    refresh_contacts: bool = False
    refresh_custom_fields: bool = False
    refresh_groups: bool = False
    refresh_tags: bool = False
    allow_prior_consents: bool = False
    source: ImportSource | None = None


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of an import. Three identities hold at every moment, and a CHECK holds them in the database."""

    received: int = 0
    valid: int = 0
    failed: int = 0
    pending: int = 0
    exceptions: int = 0
    not_honored: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def processed(self) -> int:
        """Processed = Created + Updated + Unchanged + Deleted."""
        return self.created + self.updated + self.unchanged + self.deleted


class StageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a person should know of staged records beside the books."""

    undated_choices: int = 0
    """Of accepted records: choices that have the time of the Stage call for want of a date."""
    refused_opt_outs: int = 0
    """Refused records that hold an Opt-Out, a Denied or a Revoked."""
    numbers_without_country_code: int = 0
    """Of accepted records: phone numbers that were read in the account's region."""


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import as it stands: what the status object shows. Times in UTC."""

    account_id: int
    import_id: UUID
    access_token: int
    status: Status
    settings: ImportSettings
    books: Books
    caller: str
    created_at: datetime
    expires_at: datetime
    queued_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    purged_at: datetime | None = None
    failure_reason: str | None = None
    counts: StageCounts = StageCounts()


class StagedBatch(msgspec.Struct, frozen=True):
    """What one Stage call added: its range of SequenceNumbers and how many of them failed validation."""

    first: int
    last: int
    failed: int
    counts: StageCounts = StageCounts()


class ExceptionRow(msgspec.Struct, frozen=True):
    """A record that was refused, or of which something was not honored, with its faults."""

    sequence_number: int
    phase: Phase
    faults: list[Fault]
    raw: bytes
    """The record as staged. An empty object, if the reader may not see the record or the record is lost."""
    marks_opt_out: bool = False
    """Whether its answer says that it holds an Opt-Out, a Denied or a Revoked."""


class ExceptionPage(msgspec.Struct, frozen=True):
    """A page of records in order of SequenceNumber; `total` counts those of all pages."""

    total: int
    has_more: bool
    rows: list[ExceptionRow]
