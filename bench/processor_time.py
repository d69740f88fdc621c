"""The processor time and the memory of a tree of processes."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def find_family(root: int) -> dict[int, float]:
    """A process and its descendants, each with the processor seconds of itself and of its children that have ended."""
    used, family = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
        except OSError:  # ended meanwhile
            continue
        family.setdefault(int(words[1]), []).append(int(folder.name))
        used[int(folder.name)] = sum(map(int, words[11:15])) / _TICKS
    found = [root]
    for pid in found:
        found += family.get(pid, [])
    return {pid: used[pid] for pid in found if pid in used}


def read_seconds(root: int) -> float:
    """Processor seconds of a process, its descendants, and their children that have ended."""
    return sum(find_family(root).values())


def read_memory(root: int, word: str) -> float:
    """The megabytes of the largest process with a word in its command line, among a process and its descendants."""
    found = [0.0]
    for pid in find_family(root):
        folder = Path(f"/proc/{pid}")
        try:
            if word in (folder / "cmdline").read_text(errors="replace").split("\0"):
                pages = int((folder / "statm").read_text().split()[1])
                found.append(pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000)
        except OSError:  # ended meanwhile
            continue
    return max(found)
