"""Files that only their owner may read: they name people, or an import in progress."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replace_private(path: Path) -> Iterator[BinaryIO]:
    """Give a new file of mode 0600 to write; it takes the place of `path` when the block ends well.

    A reader sees the old content or the whole of the new one. Raises OSError.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
