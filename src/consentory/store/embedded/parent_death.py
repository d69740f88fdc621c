"""A child process that ends with its parent, however the parent ends: kill -9 leaves nothing running."""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1

# Loaded once, here: a child between fork and exec must not load anything.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(parent: int, number: int) -> bool:
    """Ask the kernel (Linux) to send this process the signal `number` when its parent ends.

    False: `parent` is not its parent now, because it ended before the kernel was asked. The caller must end then.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    return os.getppid() == parent
