"""The bytes of an import file as one stream, however it is packed: its content shows the packing, not its name."""

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import zstandard

from consentory.errors import ConsentoryError

CHUNK = 1 << 18
"""Bytes asked for at a time: large enough for speed, small enough to be nothing."""

_ZSTD_PIECE = 1 << 10
# A zstd block may swell 128 KiB out of 4 bytes and the library's push decoder has no limit of its own, so it
# is fed in pieces this small: the most one piece can become is 32 MiB. (Its pull decoder has a limit but says
# nothing when a file is cut off, which would lose records in silence.)

MAX_WINDOW = 1 << 27
"""The window of a zstd frame is memory for whoever unpacks it: 128 MB, as `zstd --long` makes it."""
_WINDOW_REFUSAL = "requires too much memory"
"""In the words of the zstd library."""


class RecordFileError(ConsentoryError):
    """An import file that cannot be read on; the text names the file, the place, the fault and the remedy."""

    def __init__(self, path: Path, place: str, fault: str) -> None:
        super().__init__(f"{path}{', ' if place else ''}{place}: {fault}")
        self.path = path
        self.place = place
        self.fault = fault


class ByteStream(Protocol):
    """What the splitters read from: b"" means the end, never "nothing for now"."""

    def read(self, size: int, /) -> bytes: ...


class _ZstdStream:
    """A zstd file of one or several frames. Notices a cut-off file, as zstandard's own reader does not."""

    def __init__(self, source: io.FileIO) -> None:
        self._pieces = self._unpack(source)

    def read(self, _size: int, /) -> bytes:
        """Return about CHUNK bytes, or b"" at the end; raises EOFError where a frame is cut off."""
        gathered: list[bytes] = []
        length = 0
        for piece in self._pieces:
            gathered.append(piece)
            length += len(piece)
            if length >= CHUNK:
                break
        return b"".join(gathered)

    @staticmethod
    def _unpack(source: io.FileIO) -> Iterator[bytes]:
        decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
        frame = decoder.decompressobj()
        complete = True
        while packed := source.read(CHUNK):
            at = 0
            while at < len(packed):
                piece = packed[at : at + _ZSTD_PIECE]
                if frame.eof:
                    frame = decoder.decompressobj()
                unpacked = frame.decompress(piece)
                at += len(piece) - len(frame.unused_data)
                complete = frame.eof
                if unpacked:
                    yield unpacked
        if not complete:
            raise EOFError


@contextlib.contextmanager
def unpack_errors(path: Path) -> Iterator[None]:
    """Turn what the decompressors raise into a RecordFileError for `path`."""
    try:
        yield
    except EOFError as error:
        raise RecordFileError(path, "", "the packed file is cut off before its end; fetch or pack it again") from error
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        if _WINDOW_REFUSAL in str(error):
            raise RecordFileError(
                path,
                "",
                f"it is packed with a zstd window of more than {MAX_WINDOW >> 20} MB, and unpacking it would take as "
                "much memory; pack it again with: zstd --long=27",
            ) from error
        raise RecordFileError(path, "", f"the packed file is damaged ({error}); fetch or pack it again") from error
    except OSError as error:
        raise RecordFileError(path, "", f"cannot be read: {error.strerror or error}") from error


def open_unpacked(source: io.FileIO) -> ByteStream:
    """Give the stream of `source` unpacked: gzip and zstd (several members or frames too), or as it stands."""
    magic = source.read(8)
    source.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=source, mode="rb")
    # The second mark is a skippable frame, with which parallel packers begin.
    if magic.startswith(b"\x28\xb5\x2f\xfd") or magic[1:4] == b"\x2a\x4d\x18":
        return _ZstdStream(source)
    return source
