"""Uploads, their parts, and saved mappings. Every function runs in its caller's transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from consentory.domain.upload import SavedMapping, Upload, UploadCounts, UploadFault, UploadPhase, UploadState
from consentory.store.database import Transaction

_decode_counts = msgspec.json.Decoder(UploadCounts).decode


def measure_uploads(tx: Transaction) -> tuple[int, int]:
    """The number of uploads that no import has taken yet, and the bytes of all uploads. No other upload of the account
    begins until the transaction ends."""
    tx.run("lock_uploads")
    row = tx.row("measure_uploads")
    assert row is not None  # an aggregate has a row
    return row[0], row[1]


def insert_upload(
    tx: Transaction, upload_id: UUID, file_name: str, size: int | None, *, caller: str, options: bytes
) -> None:
    """A new upload without bytes."""
    parameters = {"upload_id": upload_id, "file_name": file_name, "size": size, "caller": caller, "options": options}
    tx.run("insert_upload", parameters)


def find_upload(tx: Transaction, upload_id: UUID) -> Upload | None:
    """The upload. None: the account has no such upload."""
    row = tx.row("find_upload", {"upload_id": upload_id})
    return None if row is None else _read_upload(row)


def lock_upload(tx: Transaction, upload_id: UUID) -> Upload | None:
    """Like `find_upload`. Its row stays locked until the transaction ends."""
    row = tx.row("lock_upload", {"upload_id": upload_id})
    return None if row is None else _read_upload(row)


def list_uploads(tx: Transaction, caller: str | None, limit: int) -> list[Upload]:
    """The uploads that are no staged imports yet, newest first. `caller` None: those of all users."""
    return [_read_upload(row) for row in tx.rows("list_uploads", {"caller": caller, "limit": limit})]


def find_upload_of_import(tx: Transaction, import_id: UUID) -> UUID | None:
    """The upload whose last order made this import."""
    row = tx.row("find_upload_of_import", {"import_id": import_id})
    return None if row is None else row[0]


def append_part(tx: Transaction, upload_id: UUID, offset: int, body: bytes) -> UploadState | None:
    """Store a part. Returns the state after it. None: the part begins at a wrong byte, or nothing is missing."""
    row = tx.row("grow_upload", {"upload_id": upload_id, "offset": offset, "length": len(body)})
    if row is None:
        return None
    tx.run("insert_part", {"upload_id": upload_id, "offset": offset, "bytes": body})
    state: UploadState = row[0]
    return state


def complete_upload(tx: Transaction, upload_id: UUID) -> bool:
    """Receiving -> Recognizing. False: no byte came."""
    return tx.row("complete_upload", {"upload_id": upload_id}) is not None


def read_part(tx: Transaction, upload_id: UUID, at: int) -> tuple[int, bytes] | None:
    """The first byte and the bytes of the part that holds byte `at`. None: there is none."""
    row = tx.row("read_part", {"upload_id": upload_id, "at": at})
    return None if row is None else (row[0], row[1])


def recognize_again(tx: Transaction, upload_id: UUID, options: bytes) -> bool:
    """Recognized, Failed -> Recognizing. False: it was in neither state."""
    return tx.row("recognize_again", {"upload_id": upload_id, "options": options}) is not None


def record_recognition(tx: Transaction, upload_id: UUID, recognition: bytes) -> bool:
    """Recognizing -> Recognized. False: it was given up."""
    return tx.row("record_recognition", {"upload_id": upload_id, "recognition": recognition}) is not None


def order_staging(tx: Transaction, upload_id: UUID, order: bytes) -> bool:
    """Recognized -> Staging. False: it was not Recognized."""
    return tx.row("order_staging", {"upload_id": upload_id, "staging_order": order}) is not None


def note_attempt(tx: Transaction, upload_id: UUID) -> int | None:
    """Count a process that begins the work. None: there is nothing to do."""
    row = tx.row("note_attempt", {"upload_id": upload_id})
    return None if row is None else int(row[0])


def note_import(tx: Transaction, upload_id: UUID, import_id: UUID, counts: UploadCounts) -> bool:
    """Note the import of a staging order. False: the upload was given up."""
    parameters = {"upload_id": upload_id, "import_id": import_id, "counts": msgspec.json.encode(counts)}
    return tx.row("note_upload_import", parameters) is not None


def note_progress(tx: Transaction, upload_id: UUID, phase: UploadPhase, bytes_done: int, records_done: int) -> bool:
    """Note how far a staging order is. False: the upload was given up."""
    parameters = {"upload_id": upload_id, "reading": phase, "bytes_done": bytes_done, "records_done": records_done}
    return tx.row("note_progress", parameters) is not None


def end_staging(tx: Transaction, upload_id: UUID, counts: UploadCounts) -> bool:
    """Staging -> Staged. False: the upload was given up."""
    return tx.row("end_staging", {"upload_id": upload_id, "counts": msgspec.json.encode(counts)}) is not None


def fail_upload(tx: Transaction, upload_id: UUID, fault: UploadFault) -> bool:
    """Recognizing -> Failed, Staging -> Recognized. False: it was in neither state."""
    # PostgreSQL takes no U+0000 in a text.
    parameters = {"upload_id": upload_id, "code": fault.code, "message": fault.message.replace("\0", "\ufffd")}
    return tx.row("fail_upload", parameters) is not None


def give_up_upload(tx: Transaction, upload_id: UUID) -> bool:
    """Any state -> GivenUp. False: there is no such upload."""
    return tx.row("give_up_upload", {"upload_id": upload_id}) is not None


def count_uploaded_batches(tx: Transaction, import_id: UUID, beginning: str) -> tuple[int, int, int]:
    """The batches of an import whose keys have this beginning, their records, and their last SequenceNumber; 0: there
    is none."""
    row = tx.row("count_uploaded_batches", {"import_id": import_id, "beginning": beginning})
    assert row is not None  # an aggregate has a row
    return row[0], row[1], row[2]


def try_upload_lock(tx: Transaction, upload_id: UUID) -> bool:
    """True if no other process reads this upload. The lock is held until the transaction ends."""
    row = tx.row("try_upload_lock", {"upload_id": upload_id})
    return row is not None and bool(row[0])


def list_waiting_uploads(tx: Transaction, state: UploadState) -> list[tuple[int, UUID]]:
    """Account and id of the uploads in this state, of all accounts (worker)."""
    return [(row[0], row[1]) for row in tx.rows("list_waiting_uploads", {"state": state})]


def list_outdated_uploads(tx: Transaction, days: int) -> list[tuple[int, UUID]]:
    """Account and id of the uploads that go, of all accounts (worker). `days`: how long an unused upload is kept."""
    return [(row[0], row[1]) for row in tx.rows("list_outdated_uploads", {"days": days})]


def delete_some_parts(tx: Transaction, upload_id: UUID) -> int:
    """Delete some parts of an upload, and return their number (worker)."""
    return len(tx.rows("delete_upload_parts", {"upload_id": upload_id}))


def delete_upload(tx: Transaction, upload_id: UUID) -> bool:
    """Delete an upload without parts. False: another worker did (worker)."""
    return tx.row("delete_upload", {"upload_id": upload_id}) is not None


def list_mappings(tx: Transaction) -> list[SavedMapping]:
    """The saved mappings of the account, by name."""
    return [SavedMapping(*row) for row in tx.rows("list_mappings")]


def find_mapping(tx: Transaction, name: str) -> SavedMapping | None:
    """The saved mapping of that name."""
    row = tx.row("find_mapping", {"name": name})
    return None if row is None else SavedMapping(*row)


def save_mapping(tx: Transaction, name: str, document: str, *, caller: str, most: int) -> bool:
    """Save a mapping, or replace the one of that name. False: the account has `most` others."""
    parameters: dict[str, Any] = {"name": name, "document": document, "caller": caller, "most": most}
    if tx.row("replace_mapping", parameters) or tx.row("insert_mapping", parameters):
        return True
    return tx.row("replace_mapping", parameters) is not None  # another call has saved one of that name meanwhile


def delete_mapping(tx: Transaction, name: str) -> bool:
    """False: there is no mapping of that name."""
    return tx.row("delete_mapping", {"name": name}) is not None


def _read_upload(row: Any) -> Upload:
    counts, code, message = row[18:21]
    return Upload(
        **dict(zip(Upload.__struct_fields__[:18], row[:18], strict=True)),
        counts=UploadCounts() if counts is None else _decode_counts(counts),
        fault=None if code is None else UploadFault(code, message or ""),
    )
