"""A zstd file of one or several blocks as a stream in bounded memory."""

import io
from collections.abc import Iterator

import zstandard

LARGEST_WINDOW = 1 << 27
"""128 MB: the largest window that `zstd --long` writes without being told a number above 27."""

_READ = 1 << 18
_PIECE = 1 << 10
# A zstd block may swell 128 KiB out of 4 bytes and the library's push decoder has no limit of its own, so it
# is fed in pieces this small: the most one piece can become is 32 MiB. (Its pull decoder has a limit but says
# nothing when a file is cut off, which would lose records in silence.)


class ZstdStream(io.RawIOBase):
    """The unpacked bytes. Raises EOFError where a block is cut off, as zstandard's own reader does not."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._pieces = _unpack(raw)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; fewer bytes mean the end is near, none that it is there."""
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
