"""The bytes of one input: a regular file, a pipe or standard input, packed or not.

An input is read more than once, because the encoding of the whole file is checked before the first row is read. So an
input that can be read only once is first copied into a temporary file without a name. The operating system removes that
file with the process.
"""

import contextlib
import gzip
import io
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol, Self

import zstandard

from consentory.codec.sources.source_error import SourceError
from consentory.codec.sources.zstd_stream import LARGEST_WINDOW, ZstdStream
from consentory.codec.tabular.table import Packing

CHUNK = 1 << 18
"""The number of bytes that are read at a time: large enough for speed, and small in memory."""

HEAD = 1 << 16
"""The number of bytes that tell the kind of a file."""

STANDARD_INPUT = "-"
_WINDOW_REFUSAL = "requires too much memory"
"""The words of the zstd library in its error for a large window."""
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # at byte 1: the first block of a file that a parallel packer wrote


class StoredBytes(Protocol):
    """Bytes that can be read at any place: an open file, or the parts of an upload."""

    @property
    def size(self) -> int: ...

    def read_into(self, buffer: memoryview, at: int) -> int:
        """Fill the buffer, or a part of it, from byte `at` on, and return the number of bytes. 0: the end."""
        ...

    def close(self) -> None: ...


class _OpenFile:
    """An open file that has a descriptor."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._descriptor = file.fileno()
        self.size = os.fstat(self._descriptor).st_size

    def read_into(self, buffer: memoryview, at: int) -> int:
        return os.preadv(self._descriptor, [buffer], at)

    def close(self) -> None:
        self._file.close()


class _Cursor(io.RawIOBase):
    """A reader of stored bytes with a position of its own, so that several readers share them."""

    def __init__(self, stored: StoredBytes) -> None:
        self._stored = stored
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._stored.size)[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._stored.read_into(buffer, self._at)
        self._at += count
        return count


class ByteSource:
    """One input. `name`: its name for a person. `size`: its length in bytes, before it is unpacked.

    `regular`: True if a later process can read the same bytes again, so that an interrupted import can be continued.
    """

    def __init__(self, name: str, stored: StoredBytes, *, regular: bool, copy_limit: int | None = None) -> None:
        """`copy_limit`: the largest number of bytes of a temporary unpacked copy. None: there is no limit."""
        self.name = name
        self.regular = regular
        self._stored = stored
        self._copy_limit = copy_limit
        self.size = stored.size
        self._simple: ByteSource | None = None
        self._cursor = self._open_cursor()
        with self.unpack_errors():
            self.packing: Packing = _tell_packing(self._cursor.read(4) or b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and delete its temporary copies."""
        if self._simple:
            self._simple.close()
        self._stored.close()

    @property
    def position(self) -> int:
        """The number of bytes that the latest reader has read, before unpacking."""
        return min(self._cursor.tell(), self.size)

    def open_raw(self) -> io.RawIOBase:
        """Give the bytes of the input from the first, without unpacking. The reader can seek."""
        self._cursor = self._open_cursor()
        return self._cursor

    def open_unpacked(self) -> io.RawIOBase:
        """Give the unpacked bytes, from the first. `unpack_errors` handles the errors of unpacking."""
        raw = self.open_raw()
        if self.packing == "gzip":
            return _GzipStream(raw)
        if self.packing == "zstd":
            return ZstdStream(raw)
        return raw

    def read_head(self) -> bytes:
        """Give the first bytes, unpacked. Raises SourceError."""
        with self.unpack_errors():
            return read_fully(self.open_unpacked(), HEAD)

    def unpack(self, limit: int | None = None, advice: str = "") -> "ByteSource":
        """Give an input that is not packed: this input, or a temporary unpacked copy of at most `limit` bytes.

        The copy is closed with this source. Raises SourceError with `advice` if the copy would be larger.
        """
        if self.packing == "none":
            return self
        if self._simple is None:
            if limit is None and self._copy_limit is not None:
                limit = self._copy_limit
                advice = f"it has more than {limit // 1_000_000:,} MB unpacked; unpack it, and give the unpacked file"
            with self.unpack_errors():
                copy = _copy(self.name, self.open_unpacked(), limit, advice)
            self._simple = ByteSource(self.name, _OpenFile(copy), regular=self.regular)
        return self._simple

    @contextlib.contextmanager
    def unpack_errors(self) -> Iterator[None]:
        """Turn the errors of reading and unpacking into a SourceError of this input."""
        try:
            yield
        except EOFError as error:
            fault = "the packed file is cut off before its end; fetch or pack it again"
            raise SourceError(self.name, "", fault) from error
        except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            if _WINDOW_REFUSAL in str(error):
                fault = (
                    f"it is packed with a zstd window of more than {LARGEST_WINDOW >> 20} MB, and unpacking it would "
                    "need as much memory; pack it again with: zstd --long=27"
                )
                raise SourceError(self.name, "", fault) from error
            fault = f"the packed file is damaged ({error}); fetch or pack it again"
            raise SourceError(self.name, "", fault) from error
        except OSError as error:
            raise SourceError(self.name, "", f"cannot be read: {error.strerror or error}") from error

    def _open_cursor(self) -> _Cursor:
        return _Cursor(self._stored)


class _GzipStream(io.RawIOBase):
    """A gzip file of one or several members."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._gzip = gzip.GzipFile(fileobj=io.BufferedReader(raw, CHUNK), mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._gzip.readinto(buffer)


def open_source(path: Path, stream: IO[bytes] | None = None) -> ByteSource:
    """Open an input by its path. If `stream` is given, it gives the bytes (standard input, an upload), and `path` the
    name.

    Raises SourceError if the file does not exist, may not be read, or is a folder.
    """
    name = str(path)
    if stream is not None:
        return ByteSource(name, _OpenFile(_quarantine(name, stream)), regular=False)
    try:
        file = path.open("rb", buffering=0)
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except IsADirectoryError as error:
        fault = f"this is a folder; name the files in it, for example {path}/*.csv"
        raise SourceError(name, "", fault) from error
    except (OSError, ValueError) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or error
        raise SourceError(name, "", f"cannot be read: {said}") from error
    if regular:
        return ByteSource(name, _OpenFile(file), regular=True)
    with file:
        return ByteSource(name, _OpenFile(_quarantine(name, file)), regular=False)


def _quarantine(name: str, stream: IO[bytes]) -> IO[bytes]:
    try:
        return _copy(name, stream, None, "")
    except OSError as error:
        fault = (
            f"cannot be copied into {tempfile.gettempdir()}: {error.strerror or error}; "
            "save the input as a file and import that file, or set TMPDIR to a folder with enough space"
        )
        raise SourceError(name, "", fault) from error


def _copy(name: str, stream: IO[bytes] | io.RawIOBase, limit: int | None, advice: str) -> IO[bytes]:
    with contextlib.ExitStack() as on_error:
        copy = on_error.enter_context(tempfile.TemporaryFile(buffering=0))
        size = 0
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if limit is not None and size > limit:
                raise SourceError(name, "", advice)
            while chunk:  # one write may store only a part
                chunk = chunk[copy.write(chunk) :]
        on_error.pop_all()
        return copy


def read_fully(stream: io.RawIOBase, size: int) -> bytes:
    """Read `size` bytes, or fewer if the stream ends before."""
    gathered = b""
    while len(gathered) < size and (chunk := stream.read(size - len(gathered))):
        gathered += chunk
    return gathered


def _tell_packing(magic: bytes) -> Packing:
    if magic.startswith(_GZIP):
        return "gzip"
    if magic.startswith(_ZSTD) or magic[1:4] == _ZSTD_SKIPPABLE:
        return "zstd"
    return "none"
