"""The number of people who may be contacted, by day. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
from psycopg.types.json import Jsonb

from consentory.domain.audience import AudienceCounts, CountedDay
from consentory.store.database import Transaction


def find_uncounted(tx: Transaction) -> list[int]:
    """The accounts that are to be counted now, for the worker."""
    return [row[0] for row in tx.rows("find_uncounted")]


def begin_count(tx: Transaction, began_at: datetime) -> date | None:
    """The day of a count of the account that begins now. None: another worker counts."""
    row = tx.row("begin_count", {"began_at": began_at})
    return None if row is None else row[0]


def end_count(tx: Transaction, day: date, began_at: datetime, counts: Mapping[str, list[int]]) -> None:
    """Keep the result of a count: for each filter the people with an opt-in, and with an opt-out, in force."""
    tx.run("end_count", {"day": day, "began_at": began_at, "numbers": Jsonb(msgspec.json.encode(counts))})


def want_count(tx: Transaction) -> None:
    """Ask for a new count of the account."""
    tx.run("want_count")


def list_counts(tx: Transaction, limit: int) -> list[CountedDay]:
    """The counts of the newest days, the newest first."""
    return [
        CountedDay(day, counted_at, msgspec.convert(counts or {}, dict[str, AudienceCounts]), waits)
        for day, counted_at, counts, waits in tx.rows("list_counts", {"limit": limit})
    ]
