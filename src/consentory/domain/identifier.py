"""Identifiers that only this module makes."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from uuid import UUID


def make_uuid7(at: datetime | None = None) -> UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits.

    `at` is the moment in the UUID; give `at` if an order depends on the UUID. If `at` is None, the clock of this
    process is read.
    """
    milliseconds = time.time_ns() // 1_000_000 if at is None else int(at.timestamp() * 1000)
    number = milliseconds << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
