"""The types that several answers share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]

Instant = Annotated[datetime, Meta(tz=True)]
"""A time in UTC. The wire shows it with Z, and its fraction, six digits, only if that is not zero."""


def to_utc(time: datetime) -> datetime:
    """The same instant in UTC."""
    return time.astimezone(UTC)
