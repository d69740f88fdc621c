"""The types that several answers share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Natural = Annotated[int, Meta(ge=0)]

Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A time in UTC, written with Z by `codec/times.py`."""
