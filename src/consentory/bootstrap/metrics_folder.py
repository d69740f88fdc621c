"""The folder in which the processes of one tree collect their metrics.

It is a temporary folder. A tree that was killed cannot remove its folder, so the next tree that starts does so. Each
process of a tree holds the lock in the folder (flock), and the kernel releases it with the last of them. A process id
would not do, because another process may get it later.
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
"""The name of the folder for prometheus_client, in each process of the tree."""

_PREFIX = "consentory-metrics-"
_LOCK = "owner.lock"


@dataclass(frozen=True, slots=True)
class MetricsFolder:
    """The folder of this tree. A process that gets `lock` holds the lock as well."""

    path: Path
    lock: int


@contextmanager
def open_metrics_folder() -> Iterator[MetricsFolder]:
    """A new, empty folder, which is removed at the end. Removes the folders of killed trees of this user first."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Another user owns it, a tree uses it, or another tree is removing it.
        with suppress(OSError):
            _remove_abandoned(left)
    folder = _make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        os.close(folder.lock)


def _remove_abandoned(folder: Path) -> None:
    """Raises OSError if this process must not remove the folder."""
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
        # Between the last two lines no process held it, and another tree may have removed it.
        if path.exists():
            return MetricsFolder(path, lock)
        os.close(lock)
