"""The audit trail in the database: events, their queue and their chain. Every function runs in its caller's
transaction, bound to the account unless it says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from consentory.domain.audit_event import AuditEvent, NewEvent, TrailFilter, render_canonical
from consentory.store.database import Transaction


class Waiting(msgspec.Struct, frozen=True, order=True):
    """An event that waits for its place in the chain."""

    recorded_at: datetime
    event_id: UUID
    digest: bytes


class Link(msgspec.Struct, frozen=True):
    """One link of the chain."""

    number: int
    event_id: UUID
    digest: bytes
    previous: bytes
    hash: bytes


def insert_event(tx: Transaction, account_id: int, event: NewEvent) -> None:
    """Add an event, which commits together with its action. `account_id`: the account of the transaction."""
    tx.run(
        "insert_event",
        {
            "event_id": event.event_id,
            "caller": event.caller,
            "client_address": event.client_address,
            "request_id": event.request_id,
            "action": event.action,
            "import_id": event.import_id,
            "profile_ids": list(event.profile_ids),
            "details": Jsonb(msgspec.json.encode(event.details)),
            "canonical": render_canonical(account_id, event),
        },
    )


def list_events(
    tx: Transaction, after: int, limit: int, action: str | None, import_id: UUID | None
) -> list[AuditEvent]:
    """The events of the chain with a number above `after`, in the order of the chain."""
    parameters = {"after": after, "limit": limit, "action": action}
    if import_id is not None:
        rows = tx.rows("list_import_events", {**parameters, "import_id": import_id})
    else:
        rows = tx.rows("list_events", parameters)
    return [AuditEvent(*row) for row in rows]


def list_latest(tx: Transaction, before: int | None, limit: int, wanted: TrailFilter) -> list[AuditEvent]:
    """The newest events of the chain, newest first; with `before`, those with a lower number."""
    parameters = {"before": before, "limit": limit, "action": wanted.action, "caller": wanted.caller}
    if wanted.import_id is not None:
        rows = tx.rows("list_latest_import_events", {**parameters, "import_id": wanted.import_id})
    else:
        rows = tx.rows("list_latest_events", parameters)
    return [AuditEvent(*row) for row in rows]


def find_head(tx: Transaction) -> tuple[int, bytes] | None:
    """(number, hash) of the newest link. None: the chain is empty."""
    row = tx.row("find_head")
    return None if row is None else (row[0], bytes(row[1]))


def find_unchained(tx: Transaction) -> list[int]:
    """The accounts with waiting events, across accounts."""
    return [row[0] for row in tx.rows("find_unchained")]


def try_chain_lock(tx: Transaction) -> bool:
    """True if only this transaction appends to the chain of its account."""
    row = tx.row("try_chain_lock")
    return row is not None and row[0]


def take_waiting(tx: Transaction, limit: int) -> list[Waiting]:
    """Take the oldest events from the queue, in order. []: none waits. Call it with try_chain_lock."""
    return sorted(Waiting(row[0], row[1], bytes(row[2])) for row in tx.rows("take_waiting", {"limit": limit}))


def append_links(tx: Transaction, links: Sequence[Link]) -> None:
    """Append to the chain. Call it with try_chain_lock."""
    rows = [(link.number, link.event_id, link.digest, link.previous, link.hash) for link in links]
    tx.copy("copy_links", ["int8", "uuid", "bytea", "bytea", "bytea"], rows)


def list_accounts(tx: Transaction) -> list[tuple[int, str]]:
    """(account id, clientId) of each account, by clientId, for the worker's role."""
    return [(row[0], row[1]) for row in tx.rows("list_accounts")]


def stream_chain(tx: Transaction) -> Iterator[tuple[Link, AuditEvent | None]]:
    """Each link with its event, in order. None: the event is gone. Allows long statements from here on."""
    tx.run("allow_long_statement")
    for row in tx.stream("list_chain"):
        yield Link(row[0], row[1], *map(bytes, row[2:5])), _read_event(row[5:])


def list_queue(tx: Transaction) -> list[tuple[UUID, bytes, AuditEvent | None]]:
    """(event id, digest, event) of all waiting events, oldest first. Event None: it is gone."""
    return [(row[0], bytes(row[1]), _read_event(row[2:])) for row in tx.rows("list_queue")]


def list_loose(tx: Transaction) -> list[UUID]:
    """The events that are not in the chain and not in the queue."""
    return [row[0] for row in tx.rows("list_loose")]


def list_chained_twice(tx: Transaction) -> list[tuple[UUID, int | None]]:
    """(event id, newest number) of the events that have more than one place."""
    return [(row[0], row[1]) for row in tx.rows("list_chained_twice")]


def _read_event(row: Sequence[Any]) -> AuditEvent | None:
    return None if row[0] is None else AuditEvent(*row)
