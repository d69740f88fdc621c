"""The names of columns: unique in their table, so that a mapping can name each."""

from collections.abc import Iterable

from consentory.codec.tabular.table import Column

_AROUND = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\ufeff"
"""Removed around a header: white space, also the kinds that no person sees."""


def name_columns(headers: Iterable[str], nested: Iterable[int] = ()) -> tuple[Column, ...]:
    """Give each header its column; `nested` holds the places (from 0) of struct and list columns."""
    structured = set(nested)
    taken: set[str] = set()
    columns: list[Column] = []
    for place, header in enumerate(headers):
        wanted = header.strip(_AROUND) or f"column {place + 1}"
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}#{number}"
        taken.add(name)
        columns.append(Column(name, header, place in structured))
    return tuple(columns)


def is_blank(text: str) -> bool:
    """Whether a header or a cell shows nothing."""
    return not text.strip(_AROUND)
