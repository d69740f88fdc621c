"""Write the rows of an export or of an audience to a file, in the format of the file's ending."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec
import zstandard

from consentory.client.private_files import replace_private
from consentory.codec.answers.row_files import WRITERS

_BATCH = 500
FORMATS = ("ndjson", "jsonl", "json", "csv", "parquet")
CODINGS = ("gz", "zst")


class FileKind(NamedTuple):
    """The format of a file, and its compression."""

    form: str
    coding: str


def read_kind(path: Path) -> FileKind | None:
    """The kind of a file by its ending, for example .csv or .ndjson.gz; None for another ending."""
    endings = [ending.removeprefix(".").lower() for ending in path.suffixes]
    coding = endings.pop() if endings and endings[-1] in CODINGS else ""
    form = endings[-1] if endings else ""
    if form not in FORMATS or (coding and form == "parquet"):  # Parquet is compressed already
        return None
    return FileKind("ndjson" if form == "jsonl" else form, coding)


def write_rows(path: Path, kind: FileKind, row: type[msgspec.Struct], lines: Iterable[bytes]) -> None:
    """Write rows, given as lines of JSON, to a file of mode 0600, which takes its name when it is complete.

    Raises OSError, and the errors of `lines`.
    """
    with replace_private(path) as file, _compress(file, kind.coding) as target:
        for chunk in make_chunks(kind.form, row, lines):
            target.write(chunk)


def make_chunks(form: str, row: type[msgspec.Struct], lines: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a file of rows."""
    if form == "ndjson":
        yield from (line + b"\n" for line in lines)
    elif form == "json":
        before = b"[\n"
        for line in lines:
            yield before + line
            before = b",\n"
        yield b"[]\n" if before == b"[\n" else b"\n]\n"
    else:
        yield from cast("Any", WRITERS)[form](row, _decode(row, lines))


def _decode(row: type[msgspec.Struct], lines: Iterable[bytes]) -> Iterator[list[msgspec.Struct]]:
    decode: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(row).decode
    batch: list[msgspec.Struct] = []
    for line in lines:
        batch.append(decode(line))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


@contextmanager
def _compress(file: BinaryIO, coding: str) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        if coding == "gz":
            yield cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0)))
        elif coding == "zst":
            writer = zstandard.ZstdCompressor().stream_writer(file, closefd=False)
            yield cast("BinaryIO", stack.enter_context(writer))
        else:
            yield file
