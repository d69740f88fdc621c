"""The books of an import as one bar. The segments and the numbers beside them add up to the records received."""

from __future__ import annotations

from typing import NamedTuple

from consentory.domain.imports import Books

_WIDTH = 1000.0
_LEAST_WIDTH = 6.0
"""A segment with one record of a million is visible as well."""

_PARTS = (
    ("created", "Created", "new people"),
    ("updated", "Updated", "people changed"),
    ("unchanged", "Unchanged", "people who were like this already"),
    ("deleted", "Deleted", "people erased"),
    ("not_honored", "Not honored", "records of which a part was held back, for example by a newer choice"),
    ("exceptions", "Exceptions", "records refused when they were applied"),
    ("failed", "Failed", "records refused when they were checked"),
    ("pending", "Pending", "records that wait"),
)


class Segment(NamedTuple):
    """One part of the bar. `x` and `width` are thousandths of the bar."""

    kind: str
    label: str
    meaning: str
    records: int
    x: float
    width: float


class BooksPicture(NamedTuple):
    """The segments with at least one record, in their order, and the sum of all of them."""

    segments: list[Segment]
    total: int
    text: str
    """The picture in words."""


def draw_books(books: Books) -> BooksPicture:
    """The bar of an import. It has no segment if no record was received."""
    counted = [(part, int(getattr(books, part[0]))) for part in _PARTS]
    counted = [(part, count) for part, count in counted if count]
    widths = _share_width([count for _, count in counted])
    segments, x = [], 0.0
    for ((kind, label, meaning), count), width in zip(counted, widths, strict=True):
        segments.append(Segment(kind, label, meaning, count, round(x, 2), round(width, 2)))
        x += width
    words = ", ".join(f"{one.label} {one.records:,}" for one in segments)
    return BooksPicture(segments, books.received, f"{books.received:,} records: {words}" if words else "No records yet")


def _share_width(counts: list[int]) -> list[float]:
    """The widths of the segments. Each has at least the least width; the larger ones give it."""
    total = sum(counts)
    if not total:
        return []
    widths = [max(_WIDTH * count / total, _LEAST_WIDTH) for count in counts]
    scale = _WIDTH / sum(widths)
    return [width * scale for width in widths]
