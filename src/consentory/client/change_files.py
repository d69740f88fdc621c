"""Write changes to a file or to standard output, as JSON, as lines of JSON, or as CSV."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import msgspec

from consentory.client.api_client import JsonObject
from consentory.client.private_files import replace_private
from consentory.codec.answers.csv_rows import make_safe, write_csv_rows

Format = Literal["ndjson", "json", "csv"]
ENDINGS: dict[str, Format] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json", ".csv": "csv"}

_COLUMNS = (
    "Position", "At", "ProfileId", "Kind", "Caller", "ImportId", "SequenceNumber", "Members", "Choices",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


class ChangeWriter(Protocol):
    """Writes changes in one format."""

    def write(self, changes: list[JsonObject]) -> None:
        """Write the next changes."""

    def finish(self) -> None:
        """Write the end of the file."""


class _LineWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, changes: list[JsonObject]) -> None:
        self._file.write(b"".join(_encode(one) + b"\n" for one in changes))
        self._file.flush()

    def finish(self) -> None:
        """Lines have no end of their own."""


class _ArrayWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = b"[\n"

    def write(self, changes: list[JsonObject]) -> None:
        for one in changes:
            self._file.write(self._before + _encode(one))
            self._before = b",\n"

    def finish(self) -> None:
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


class _TableWriter:
    """One row for each change. Members stand in one cell, with spaces between them. Choices stand in one cell as
    JSON."""

    def __init__(self, file: BinaryIO, *, has_head: bool) -> None:
        self._file = file
        if not has_head:
            file.write(write_csv_rows([_COLUMNS]))

    def write(self, changes: list[JsonObject]) -> None:
        self._file.write(write_csv_rows([make_safe(cell) for cell in _make_cells(one)] for one in changes))
        self._file.flush()

    def finish(self) -> None:
        """Rows have no end of their own."""


def _make_cells(change: JsonObject) -> Iterator[str]:
    for name in _COLUMNS[:-2]:
        yield "" if change[name] is None else str(change[name])
    yield " ".join(change["Members"])
    yield _encode(change["Choices"]).decode()


def make_writer(form: Format, file: BinaryIO, *, has_head: bool = False) -> ChangeWriter:
    """A writer of one format. `has_head`: the file has the head of a table already."""
    if form == "csv":
        return _TableWriter(file, has_head=has_head)
    return _ArrayWriter(file) if form == "json" else _LineWriter(file)


@contextlib.contextmanager
def open_changes_file(path: Path, form: Format, *, append: bool) -> Iterator[ChangeWriter]:
    """A writer to a file of mode 0600. `append`: each change is in the file at once, after those of an earlier run;
    otherwise the file takes its place at the end. Raises OSError."""
    if append:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            os.fchmod(file.fileno(), 0o600)
            yield make_writer(form, file, has_head=file.tell() > 0)
        return
    with replace_private(path) as file:
        writer = make_writer(form, file)
        yield writer
        writer.finish()
