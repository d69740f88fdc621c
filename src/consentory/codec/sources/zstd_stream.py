"""Unpack a zstd file of one or several blocks as a stream, in bounded memory."""

import io
from collections.abc import Iterator

import zstandard

LARGEST_WINDOW = 1 << 27
"""128 MB: the largest window of `zstd --long` without a number above 27."""

_READ = 1 << 18
_PIECE = 1 << 10
# 4 bytes of zstd may unpack to 128 KiB, and the push decoder of the library has no limit. So it gets small pieces: one
# piece unpacks to 32 MiB at most. (The pull decoder has a limit, but it raises no error if a file is cut off. Records
# would be lost without an error.)


class ZstdStream(io.RawIOBase):
    """The unpacked bytes. Raises EOFError if a block is cut off. The reader of zstandard does not raise it."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._pieces = _unpack(raw)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer. If fewer bytes are left, fill a part of it. 0: the end."""
        filled = 0
        while filled < len(buffer):
            if not self._left:
                self._left = memoryview(next(self._pieces, b""))
                if not self._left:
                    break
            count = min(len(buffer) - filled, len(self._left))
            buffer[filled : filled + count] = self._left[:count]
            self._left = self._left[count:]
            filled += count
        return filled


def _unpack(raw: io.RawIOBase) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    block = decoder.decompressobj()
    complete = True
    while packed := raw.read(_READ):
        at = 0
        while at < len(packed):
            piece = packed[at : at + _PIECE]
            if block.eof:
                block = decoder.decompressobj()
            unpacked = block.decompress(piece)
            at += len(piece) - len(block.unused_data)
            complete = block.eof
            if unpacked:
                yield unpacked
    if not complete:
        raise EOFError
