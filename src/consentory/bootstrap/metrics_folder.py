"""The folder through which the processes of one tree show their numbers as one.

It lies where temporary things lie, and a tree that was killed cannot remove its own: the next to start does. Every
process of a tree holds the lock in it (flock), which the kernel lets go with the last of them: unlike a process id
that cannot be mistaken for somebody else's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder to prometheus_client, in every process of the tree."""

_PREFIX = "consentory-metrics-"
_LOCK = "owner.lock"


@dataclass(frozen=True, slots=True)
class MetricsFolder:
    """A folder of this tree's own. A process that `lock` is passed to holds it, too."""

    path: Path
    lock: int


@contextmanager
def open_metrics_folder() -> Iterator[MetricsFolder]:
    """A new, empty folder that is gone at the end; what killed trees of this user left goes first."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Somebody else's, still in use, or just being removed by another that starts.
        with suppress(OSError):
            _remove_abandoned(left)
    folder = _make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        os.close(folder.lock)


def _remove_abandoned(folder: Path) -> None:
    """Raises OSError when it is not ours to remove."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)


def _make_folder() -> MetricsFolder:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Between the last two lines it was nobody's, and another that starts may have removed it.
        if path.exists():
            return MetricsFolder(path, lock)
        os.close(lock)
