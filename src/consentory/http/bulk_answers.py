"""Answers of calls that read in bulk: a page of JSON, or a stream of NDJSON, CSV or Parquet (docs/data-out.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.response import Stream

from consentory.codec.answers.row_files import WRITERS, FileFormat
from consentory.domain.caller import Caller
from consentory.http.byte_stream import ByteStream, StreamSlots
from consentory.http.content_coding import Coding, choose_coding, compress
from consentory.http.media_types import CSV, JSON, NDJSON, PARQUET, choose_answer
from consentory.http.read_slots import ReadSlots
from consentory.services.data_out.snapshot_reading import ItemPage, Reading

ItemT = TypeVar("ItemT")

POSITION_HEADER = "Consentory-Position"
HEADERS = {POSITION_HEADER: "All changes up to this position are in the answer. Read the changes after it next."}
"""The headers of each answer. Changes after the position may be in the answer, and the reader applies them again."""

FORMATS = {"json": JSON, "ndjson": NDJSON, "csv": CSV, "parquet": PARQUET}
_NAMES: dict[str, FileFormat] = {NDJSON: "ndjson", CSV: "csv", PARQUET: "parquet"}
_CHUNK_BYTES = 256 * 1024


class BulkRead(NamedTuple, Generic[ItemT]):
    """A call that reads in bulk: how its reading begins, and how its items are shown."""

    open: Callable[[], AbstractContextManager[Reading[ItemT]]]
    render: Callable[[ItemT], msgspec.Struct]
    row: type[msgspec.Struct]
    make_page: Callable[[list[msgspec.Struct], ItemPage[ItemT]], msgspec.Struct]


async def answer_bulk(
    request: Request[Caller, Any, State], read: BulkRead[Any], data_format: str | None, limit: int
) -> Response[Any]:
    """The answer in the format that the query names, or else in the format that the header Accept prefers."""
    kind = FORMATS[data_format] if data_format else choose_answer(request, tuple(FORMATS.values()))
    coding = "identity" if kind == PARQUET else choose_coding(request)
    if kind == JSON:
        slots: ReadSlots = request.app.state.read_slots
        async with slots.hold(request.user.account_id):
            body, headers = await sync_to_thread(_make_page, read, limit, coding)
        return Response(body, media_type=JSON, headers=headers)
    streams: StreamSlots = request.app.state.stream_slots

    def produce(stream: ByteStream) -> None:
        _write(stream, read, _NAMES[kind], coding)

    headers, chunks = await streams.open(request.user.account_id, produce)
    return Stream(chunks, media_type=kind, headers=headers)


def _make_page(read: BulkRead[ItemT], limit: int, coding: Coding) -> tuple[bytes, dict[str, str]]:
    with read.open() as reading:
        headers = _make_headers(reading, coding)
        page = reading.read_page(limit)
    answer = read.make_page([read.render(item) for item in page.items], page)
    return b"".join(compress([msgspec.json.encode(answer)], coding)), headers


def _write(stream: ByteStream, read: BulkRead[ItemT], name: FileFormat, coding: Coding) -> None:
    with read.open() as reading:
        stream.begin(_make_headers(reading, coding))
        rows = (map(read.render, items) for items in reading.list_steps())
        pieces = _cut_pieces(WRITERS[name](read.row, rows))
        last = b""
        for chunk in compress(pieces, coding):
            stream.send(last, reading.keep_alive)
            last = chunk
    # The last chunk goes out after the event is in the audit trail.
    stream.send(last, _do_nothing)


def _cut_pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _CHUNK_BYTES):
            yield chunk[start : start + _CHUNK_BYTES]


def _make_headers(reading: Reading[Any], coding: Coding) -> dict[str, str]:
    headers = {"Vary": "Accept, Accept-Encoding", POSITION_HEADER: str(reading.snapshot.position)}
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return headers


def _do_nothing() -> None:
    pass
