"""Files that only their owner may read, because they name people or a running import."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replace_private(path: Path) -> Iterator[BinaryIO]:
    """Give a new file of mode 0600 to write; it takes the place of `path` when the block ends well.

    A reader sees the old content or the whole of the new one. Raises OSError.
    """
    with _write_part(path) as (part, file):
        yield file
        file.close()
        part.replace(path)


@contextlib.contextmanager
def create_private(names: Iterable[Path]) -> Iterator[tuple[BinaryIO, list[Path]]]:
    """Give a new file of mode 0600 to write, which gets the first of `names` that is free when the block ends well.

    That name is then in the list. No file is overwritten, and a block that leaves the file empty makes none.
    Raises OSError.
    """
    taken: list[Path] = []
    names = iter(names)
    first = next(names)
    with _write_part(first) as (part, file):
        yield file, taken
        file.close()
        if part.stat().st_size:
            taken.append(_give_free_name(part, first, names))
        else:
            part.unlink()


def _give_free_name(part: Path, first: Path, others: Iterator[Path]) -> Path:
    name = first
    while True:
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            name = next(others)
        else:
            part.replace(name)
            return name


@contextlib.contextmanager
def _write_part(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside `path`, gone when the block fails."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w+b") as file:
            yield part, file
    except BaseException:
        part.unlink(missing_ok=True)
        raise
