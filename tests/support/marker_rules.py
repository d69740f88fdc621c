"""The kind of each test: `unit`, `database` or `processes`. Folder and fixtures decide it, and a guard holds it.

`slow` is a mark that a test or its module sets itself. `scripts/test --quick` leaves slow tests out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ("unit", "database", "processes")
TESTS = Path(__file__).parents[1]

PROCESS_FOLDERS = frozenset({"cli", "console", "resilience"})
"""Each test in these folders starts processes of Consentory."""
PROCESS_FIXTURES = frozenset({"running", "run"})
"""A running Consentory, and a command of it."""
DATABASE_FIXTURES = frozenset({"engine", "embedded", "place"})
"""Each fixture with a PostgreSQL in it uses one of these."""

STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
"""Audit events of Python: this process starts another one."""


def find_kinds(item: pytest.Item) -> set[str]:
    """The kinds of a test: those that it or its module sets, else those of its folder and its fixtures."""
    given = {mark.name for mark in item.iter_markers() if mark.name in KINDS}
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.path.relative_to(TESTS).parts[0] in PROCESS_FOLDERS or fixtures & PROCESS_FIXTURES:
        given.add("processes")
    if fixtures & DATABASE_FIXTURES:
        given.add("database")
    return given or {"unit"}


class StartGuard:
    """Refuse the start of a process while a test runs that is not marked `processes`.

    Python has no way to remove an audit hook. The hook is therefore added once, and `forbidding` switches it.
    """

    def __init__(self) -> None:
        self._test: str | None = None
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._test is not None and event in STARTS:
            test, self._test = self._test, None
            raise AssertionError(f"{test} starts a process ({event}): mark it with pytest.mark.processes")

    @contextmanager
    def forbidding(self, test: str) -> Iterator[None]:
        """Refuse each start of a process within the block."""
        self._test = test
        try:
            yield
        finally:
            self._test = None
