"""The content of the audit trail, and the hashes that make a later change of an event visible
(docs/adr/0010-audit-chain.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from consentory.domain.instants import to_micros

Action = Literal[
    "import.initiated",
    "import.staged",
    "import.executed",
    "import.held",
    "import.released",
    "import.cancelled",
    "import.started",
    "import.completed",
    "import.failed",
    "import.expired",
    "import.thinned",
    "import.purged",
    "upload.begun",
    "upload.ordered",
    "upload.given-up",
    "upload.purged",
    "mapping.saved",
    "mapping.deleted",
    "preview.started",
    "preview.completed",
    "preview.failed",
    "preview.read",
    "exceptions.read",
    "profile.read",
    "profile.found",
    "profile.written",
    "profile.deleted",
    "history.read",
    "changes.read",
    "configuration.applied",
    "configuration.read",
    "credential.created",
    "credential.revoked",
    "hmac-key.created",
    "hmac-key.revoked",
    "reader.created",
    "reader.changed",
    "reader.deleted",
    "token.issued",
    "link.created",
    "session.started",
    "session.ended",
    "authentication.refused",
    "authentication.replayed",
    "permission.refused",
    "audit.read",
    "audience.read",
    "audience.count-ordered",
    "export.read",
]
"""The names are stable: a released name is never changed and never removed."""

Detail = str | int | bool
"""A count, a code, a name of the contract, or the id of a credential or user. Personal data is never a detail."""

FIRST_PREVIOUS = bytes(32)
"""The previous hash of the first event of a chain."""


class NewEvent(msgspec.Struct, frozen=True):
    """An event that is not yet stored: the action, the actor and the origin. The database sets the time. The event
    names persons only by ProfileId."""

    event_id: UUID
    caller: str
    client_address: str | None
    request_id: str | None
    action: Action
    import_id: UUID | None
    profile_ids: Sequence[int]
    details: Mapping[str, Detail]


class AuditEvent(NewEvent, frozen=True):
    """A stored event. `number` and `hash` are its place in the account's chain; both are None until the event is
    appended to the chain."""

    recorded_at: datetime
    number: int | None = None
    hash: bytes | None = None


class TrailFilter(msgspec.Struct, frozen=True):
    """The wanted events of a trail. None: all."""

    action: Action | None = None
    import_id: UUID | None = None
    caller: str | None = None


class TrailPage(msgspec.Struct, frozen=True):
    """Events of one account that are in the chain, in the order of their numbers."""

    events: list[AuditEvent]
    has_more: bool
    newest: int
    """The number of the newest event in the account's chain; 0 if the chain is empty."""


def render_canonical(account_id: int, event: NewEvent) -> str:
    """All fields of the event except the time, as one text. The same event gives the same text in every release and
    with every version of every library."""
    fields = [
        account_id,
        str(event.event_id),
        event.caller,
        event.client_address,
        event.request_id,
        event.action,
        None if event.import_id is None else str(event.import_id),
        list(event.profile_ids),
        dict(event.details),
    ]
    return msgspec.json.encode(fields, order="deterministic").decode()


def digest_event(account_id: int, event: AuditEvent) -> bytes:
    """SHA-256 over the time (microseconds since 1970), a space and the canonical text.

    The SQL statement `insert_event` computes the same digest, because the database sets the time.
    """
    return hashlib.sha256(f"{to_micros(event.recorded_at)} {render_canonical(account_id, event)}".encode()).digest()


def chain_hash(number: int, previous: bytes, event_id: UUID, digest: bytes) -> bytes:
    """The hash of a link of the chain: SHA-256 over the number (8 bytes, big-endian), the previous hash, the event id
    and the digest."""
    return hashlib.sha256(number.to_bytes(8, "big", signed=True) + previous + event_id.bytes + digest).digest()
