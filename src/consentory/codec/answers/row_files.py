"""Streams of answers as files: NDJSON, CSV and Parquet. The columns follow from the type of the rows.

Each writer takes the rows some at a time, and keeps no more than the text of these in memory. A row is written before
the next row is made, because a row that is still in the processor's cache is written in half the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from consentory.codec.answers.csv_rows import make_safe, write_csv_rows

FileFormat = Literal["ndjson", "csv", "parquet"]
Batches = Iterable[Iterable[msgspec.Struct]]
Writer = Callable[[type[msgspec.Struct], Batches], Iterator[bytes]]

_encoder = msgspec.json.Encoder()


def write_ndjson_rows(_: type[msgspec.Struct], batches: Batches) -> Iterator[bytes]:
    """One row per line."""
    for batch in batches:
        yield _encode_lines(batch)


def write_csv_file(row: type[msgspec.Struct], batches: Batches) -> Iterator[bytes]:
    """A row of names, then one line per row. A member with parts is JSON in its cell. A member that is absent is
    empty."""
    yield write_csv_rows([row.__struct_fields__])
    for batch in batches:
        yield write_csv_rows([make_safe(_show(getattr(one, name))) for name in row.__struct_fields__] for one in batch)


def write_parquet(row: type[msgspec.Struct], batches: Batches) -> Iterator[bytes]:
    """See parquet_rows."""
    from consentory.codec.answers.parquet_rows import write_parquet_lines

    return write_parquet_lines(row, (_encode_lines(batch) for batch in batches))


WRITERS: dict[FileFormat, Writer] = {
    "ndjson": write_ndjson_rows,
    "csv": write_csv_file,
    "parquet": write_parquet,
}


def _encode_lines(batch: Iterable[msgspec.Struct]) -> bytes:
    return _encoder.encode_lines(batch)


def _show(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is UNSET:
        return ""
    text = _encoder.encode(value).decode()
    return text.strip('"') if isinstance(value, datetime) else text
