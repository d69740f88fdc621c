"""An import: its settings, its states, its counts (import-api.md, "Initiate", "States", "The status object")."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from consentory.domain.configuration import Guard
from consentory.domain.guard import LimitExceeded
from consentory.domain.record import Fault

Action = Literal["Add", "Delete", "Undo"]
Status = Literal["Initiated", "Staging", "Queued", "Processing", "Completed", "Failed"]
Outcome = Literal["Created", "Updated", "Unchanged", "Deleted", "NotHonored", "Exception"]
Phase = Literal["Stage", "Execute", "NotHonored"]

GuardState = Literal["Checking", "Held", "Passed", "Released"]
"""How the guard stands to an executed import. None: it was not asked, or no limit applies."""

REFUSED: frozenset[Phase] = frozenset(("Stage", "Execute"))
"""The phases in which a whole record is refused."""

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    "Initiated": ("Staging", "Failed"),
    "Staging": ("Queued", "Failed"),
    "Queued": ("Processing", "Failed"),
    "Processing": ("Completed",),
    "Completed": (),
    "Failed": (),
}
"""Maps each status to the statuses that may follow. A test compares the diagram in docs/import-lifecycle.md with this
table."""


class ImportSource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The file of an import, as the client describes the file. Names as on the wire (files.md, `Source`)."""

    file_name: str
    sha256: str | None = None
    """SHA-256 of the unchanged file, as 64 hexadecimal digits."""
    rows: int | None = None
    mapping: str | None = None
    """Name of the mapping document that made records from the rows."""


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
    guard: Guard | msgspec.UnsetType = msgspec.UNSET
    """The limits of Initiate. Left out of the stored settings where Initiate gave none."""


class UndoOrder(msgspec.Struct, frozen=True):
    """The import that an import with the action Undo takes back, and how."""

    undo_of: UUID
    restore_yes: bool
    """True: also the noes that came with that import."""


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of an import. Three equations hold at every moment, and a CHECK in the database enforces them."""

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
    """Counts of staged records that a person should know beside the counts of `Books`."""

    undated_choices: int = 0
    """Choices of accepted records that have no date. Such a choice has the time of the Stage call."""
    refused_opt_outs: int = 0
    """Refused records that contain an Opt-Out, a Denied or a Revoked."""
    numbers_without_country_code: int = 0
    """Phone numbers of accepted records that were read with the account's region."""


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of one import: the data of the status object. Times in UTC."""

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
    held_reason: list[LimitExceeded] | None = None
    """The limits that a held import exceeds. None: no guard holds it."""
    undo: UndoOrder | None = None
    """Not None: the action is Undo."""


class StagedBatch(msgspec.Struct, frozen=True):
    """The result of one Stage call: the first and last SequenceNumber, and the number of records that failed
    validation."""

    first: int
    last: int
    failed: int
    counts: StageCounts = StageCounts()


class ExceptionRow(msgspec.Struct, frozen=True):
    """A record with its faults. The record was refused, or a part of the record was not honored."""

    sequence_number: int
    phase: Phase
    faults: list[Fault]
    raw: bytes
    """The record as staged. An empty object if the reader may not see the record, or if the record is lost."""
    marks_opt_out: bool = False
    """True if the answer marks that the record contains an Opt-Out, a Denied or a Revoked."""
    line: int | None = None
    """The line of the uploaded file that the record comes from. None: not known, or not asked for."""


class FaultGroup(msgspec.Struct, frozen=True):
    """The records of an import that have a fault with one code, in one phase."""

    phase: Phase
    code: str
    records: int


class ExceptionPage(msgspec.Struct, frozen=True):
    """A page of records in the order of SequenceNumber; `total` counts the records of all pages."""

    total: int
    has_more: bool
    rows: list[ExceptionRow]
