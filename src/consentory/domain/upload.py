"""An uploaded file: its states, and the progress of the work on it (docs/adr/0021-uploads.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

UploadState = Literal["Receiving", "Recognizing", "Recognized", "Staging", "Staged", "Failed", "GivenUp"]
"""Receiving: parts are missing. Recognizing and Staging: a worker has to read the file. Recognized: the file waits for
a person. Failed: the file cannot be read. GivenUp: maintenance deletes it."""

UploadPhase = Literal["Check", "Stage"]
"""The two times that a file is read before its import is staged."""


class RefusedCell(msgspec.Struct, frozen=True):
    """One fault of a row that could not become a record. `value`: the cell; None: there is none to show."""

    place: str
    """The file and the line, for a person."""
    code: str
    column: str
    value: str | None
    message: str


class UploadCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a file that the counts of its import do not have."""

    rows: int = 0
    """Rows of a table, or records and broken pieces of JSON."""
    refused_rows: int = 0
    """Rows that could not become a record."""
    refused_codes: dict[str, int] = {}
    """Their number by code. A row with two codes counts for both."""
    refused_opt_outs: int = 0
    """Those of them that hold an opt-out, a denial or a withdrawal."""
    refused_cells: list[RefusedCell] = []
    """The faults of the first of them."""
    broken: int = 0
    """Pieces of a JSON file that are not JSON, and were left out."""
    broken_opt_outs: int = 0
    left_out: int = 0
    """Addresses that are in no record, because only a part of each was in its row."""
    opt_outs_left_out: int = 0
    """Opt-outs that are in no record, because their row has no address or number for them."""


class UploadFault(msgspec.Struct, frozen=True):
    """The reason why a file could not be read or staged. `message` is for a person."""

    code: str
    message: str


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of one upload. Times in UTC."""

    account_id: int
    upload_id: UUID
    file_name: str
    size: int | None
    """The bytes of the file. None: a form sends it, and its end is not known yet."""
    received: int
    caller: str
    state: UploadState
    created_at: datetime
    touched_at: datetime
    attempts: int
    options: bytes
    recognition: bytes | None
    staging_order: bytes | None
    orders: int
    """How often a person had it staged."""
    import_id: UUID | None
    phase: UploadPhase | None
    bytes_done: int
    records_done: int
    counts: UploadCounts
    fault: UploadFault | None


class UploadLimits(msgspec.Struct, frozen=True):
    """The bounds of uploads: the bytes of one file, and the bytes of all files of an account."""

    file_bytes: int
    account_bytes: int


class SavedMapping(msgspec.Struct, frozen=True):
    """A mapping that the account keeps under a name."""

    name: str
    document: str
    caller: str
    saved_at: datetime
