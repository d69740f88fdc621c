"""The timeline of a person as pictures: a row for each choice of each place, from the first choice to now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from consentory.console.console_words import show_day
from consentory.console.person_words import PastChoice

MOST_ROWS = 20


class Span(NamedTuple):
    """A time in which one choice was the latest. `x` and `width` are percents of the row. `kind`: yes, no, or over for
    a choice that is not in force now."""

    kind: str
    word: str
    x: float
    width: float


class TimelineRow(NamedTuple):
    """A line of the picture. `text`: the row in words."""

    title: str
    where: str
    spans: list[Span]
    text: str


class TimelinePicture(NamedTuple):
    """The rows, and the dates below them."""

    rows: list[TimelineRow]
    left_out: int
    begin: str
    middle: str


def draw_timeline(
    choices: Sequence[PastChoice], in_force: Collection[str], now: datetime, zone: str
) -> TimelinePicture:
    """The choices as rows. `in_force`: the keys of the choices that are in force now."""
    begin = min((one.chosen for one in choices), default=now)
    whole = max((now - begin).total_seconds(), 1.0)

    def place(moment: datetime) -> float:
        return round(min(max((moment - begin).total_seconds() / whole * 100, 0.0), 100.0), 2)

    by_key: dict[str, list[PastChoice]] = {}
    for one in choices:
        by_key.setdefault(one.key, []).append(one)
    rows = []
    for key, found in list(by_key.items())[:MOST_ROWS]:
        ordered = sorted(found, key=lambda one: (one.chosen, one.item.entry))
        spans = []
        for number, one in enumerate(ordered):
            is_last = number + 1 == len(ordered)
            end = 100.0 if is_last else place(ordered[number + 1].chosen)
            is_over = is_last and key not in in_force
            x = min(place(one.chosen), 98.5)
            if one.kind != "none":
                spans.append(Span("over" if is_over else one.kind, one.word, x, max(round(end - x, 2), 1.5)))
        told = [f"{one.word} on {show_day(one.chosen, zone)}" for one in ordered]
        told.append("in force now" if key in in_force else "not in force now")
        rows.append(TimelineRow(ordered[-1].title, ordered[-1].where, spans, ", ".join(told)))
    middle = begin + (now - begin) / 2
    return TimelinePicture(
        rows, max(len(by_key) - MOST_ROWS, 0), show_day(begin, zone), show_day(middle, zone) if whole > 86_400 else ""
    )
