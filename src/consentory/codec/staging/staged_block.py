"""Staged records packed 64 to a block: MessagePack in one zstd block (docs/adr/0002-staged-blocks.md)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec
import zstandard

from consentory.domain.record import Match, Record, VerbatimRecord

BLOCK_RECORDS = 64
"""Large enough to compress well (some 70 KB of JSON), and small enough to open for one record (0.2 ms)."""

ZSTD_LEVEL = 1

_encode = msgspec.msgpack.Encoder().encode
_decode_raw = msgspec.msgpack.Decoder(list[bytes]).decode
_decode_faults = msgspec.msgpack.Decoder(list[tuple[int, int, bytes]]).decode

LARGEST_RUN = 20_000
"""Largest size of a packed run of faults, in bytes. A page of exceptions reads the run once for each of its records."""


UNREADABLE = (zstandard.ZstdError, msgspec.DecodeError)
"""The errors that the unpack functions raise for bytes that are not a block: damaged storage."""


class _OfThread(threading.local):
    """zstd's contexts. Threads cannot share a context. To make a context is slow in a virtual machine, because each
    context asks the processor for its features."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_of_thread = _OfThread()


def _compress(data: bytes) -> bytes:
    return _of_thread.compressor.compress(data)


def _decompress(data: bytes) -> bytes:
    return _of_thread.decompressor.decompress(data)


def pack_raw(records: Sequence[bytes]) -> bytes:
    """A block of records as sent, in order."""
    return _compress(_encode(records))


def unpack_raw(block: bytes) -> list[bytes]:
    """The records of `pack_raw`, in order."""
    return _decode_raw(_decompress(block))


class WorkItem(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A valid record in a block: its position in the block, from 0, and its Record or VerbatimRecord, still encoded."""

    place: int
    encoded: msgspec.Raw
    is_verbatim: bool = False


def pack_work(records: Sequence[tuple[int, Record | VerbatimRecord]]) -> bytes:
    """A block of valid records, each with its position in the block, from 0."""
    return _compress(_encode([(*item, True) if isinstance(item[1], VerbatimRecord) else item for item in records]))


def unpack_work(block: bytes) -> list[WorkItem]:
    """The items of `pack_work`, in order."""
    return _decode_work(_decompress(block))


_decode_work = msgspec.msgpack.Decoder(list[WorkItem]).decode

decode_record = msgspec.msgpack.Decoder(Record).decode
"""Decodes a record of `unpack_work`."""
decode_verbatim = msgspec.msgpack.Decoder(VerbatimRecord).decode
"""Like decode_record, for an item that is a verbatim record."""
decode_match = msgspec.msgpack.Decoder(Match).decode
"""Like decode_record, but decodes only the members that identify the profile."""


def pack_faults(faults: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The faults of a block's records: the position of a record, the number of consecutive records, and their run."""
    return _compress(_encode(faults))


def unpack_faults(packed: bytes) -> list[tuple[int, int, bytes]]:
    """The input of `pack_faults`, in order."""
    return _decode_faults(_decompress(packed))


def pack_run(faults: Sequence[bytes]) -> bytes:
    """The faults of consecutive records, each as a JSON array. If all are the same: one array; otherwise a packed
    list."""
    return faults[0] if len(set(faults)) == 1 else _compress(_encode(faults))


def unpack_run(run: bytes) -> list[bytes]:
    """The input of `pack_run`, in order. If the list has one element, it stands for all records of the run."""
    return [run] if run.startswith(b"[") else _decode_raw(_decompress(run))
