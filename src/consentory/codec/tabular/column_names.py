"""The names of columns. Each name is unique in its table, so a mapping can name each column."""

from collections.abc import Iterable

from consentory.codec.tabular.table import Column

_AROUND = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\ufeff"
"""Characters that are removed around a header: white space, including kinds that nobody sees."""


def name_columns(headers: Iterable[str], nested: Iterable[int] = ()) -> tuple[Column, ...]:
    """The column of each header. `nested` holds the places (from 0) of struct and list columns."""
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
    """True if a header or a cell shows no text."""
    return not text.strip(_AROUND)
