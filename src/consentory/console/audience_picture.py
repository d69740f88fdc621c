"""The number of people who may be contacted, over time, as a picture with its words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from consentory.domain.audience import CountedDay

WIDTH, HEIGHT = 1000.0, 100.0
_ROOM = 4.0
"""Room above the highest point, so that its line is seen whole."""


class AudiencePicture(NamedTuple):
    """A line, and the area below it, as paths of SVG. `text`: the picture in words."""

    line: str
    area: str
    most: int
    begin: str
    end: str
    text: str


def name_day(day: date) -> str:
    """A day as people write it."""
    return f"{day.day} {day:%b %Y}"


def draw_audience(days: Sequence[CountedDay], filter_id: str) -> AudiencePicture | None:
    """The opt-ins of one filter over the days, the newest first. None: fewer than two days are counted."""
    points = [(one.day, one.counts[filter_id].opted_in) for one in reversed(days) if filter_id in one.counts]
    if len(points) < 2:
        return None
    (begin, first), (end, last) = points[0], points[-1]
    most = max(number for _, number in points)
    whole = (end - begin).days

    def place(day: date, number: int) -> str:
        x = (day - begin).days / whole * WIDTH
        y = HEIGHT - number / max(most, 1) * (HEIGHT - _ROOM)
        return f"{x:.1f},{y:.1f}"

    line = "M" + " L".join(place(*point) for point in points)
    text = f"From {first:,} on {name_day(begin)} to {last:,} on {name_day(end)}; at most {most:,}"
    area = f"{line} L{WIDTH:.1f},{HEIGHT:.1f} L0.0,{HEIGHT:.1f} Z"
    return AudiencePicture(line, area, most, name_day(begin), name_day(end), text)
