"""Instants as integers: microseconds since 1970-01-01T00:00:00Z, the form in which choices are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Microseconds of an aware datetime, without rounding."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime of a number of microseconds, without rounding."""
    return _EPOCH + timedelta(microseconds=micros)
