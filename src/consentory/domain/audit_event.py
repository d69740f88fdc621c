"""What the audit trail holds, and the arithmetic that makes a change of it show (docs/adr/0010-audit-chain.md)."""

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
    "import.cancelled",
    "import.started",
    "import.completed",
    "import.failed",
    "import.expired",
    "import.thinned",
    "import.purged",
    "exceptions.read",
    "profile.read",
    "profile.found",
    "profile.written",
    "profile.deleted",
    "history.read",
    "configuration.applied",
    "configuration.read",
    "credential.created",
    "credential.revoked",
    "hmac-key.created",
    "hmac-key.revoked",
    "token.issued",
    "authentication.refused",
    "authentication.replayed",
    "permission.refused",
    "audit.read",
]
"""Names are stable: once given out they neither change nor go."""

Detail = str | int | bool
"""A count, a code, a name of the contract, a credential's or user's id. Never what is known of a person."""

FIRST_PREVIOUS = bytes(32)
"""The hash before the first."""


class NewEvent(msgspec.Struct, frozen=True):
    """What was done, by whom, from where; the time is the database's. Persons are in it by ProfileId only."""

    event_id: UUID
    caller: str
    client_address: str | None
    request_id: str | None
    action: Action
    import_id: UUID | None
    profile_ids: Sequence[int]
    details: Mapping[str, Detail]


class AuditEvent(NewEvent, frozen=True):
    """An event as stored. `number` and `hash` are its place in the account's chain; None until it is sealed."""

    recorded_at: datetime
    number: int | None = None
    hash: bytes | None = None


class TrailPage(msgspec.Struct, frozen=True):
    """Sealed events of one account in the order of their numbers."""

    events: list[AuditEvent]
    has_more: bool
    newest: int
    """The number of the newest event of the account; 0 if none is sealed yet."""


def render_canonical(account_id: int, event: NewEvent) -> str:
    """Every field but the time as one text, the same for the same event whatever the version of anything."""
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

    The statement `insert_event` says the same in SQL, because the time is the database's.
    """
    return hashlib.sha256(f"{to_micros(event.recorded_at)} {render_canonical(account_id, event)}".encode()).digest()


def chain_hash(number: int, previous: bytes, event_id: UUID, digest: bytes) -> bytes:
    """The hash of a link: SHA-256 over number (8 bytes, big-endian), previous hash, event id and its digest."""
    return hashlib.sha256(number.to_bytes(8, "big", signed=True) + previous + event_id.bytes + digest).digest()
