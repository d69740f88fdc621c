"""A pytest plugin (`-p only_database_tests`): choose the tests that depend on the version of the PostgreSQL server.

The rule: a test runs on a second PostgreSQL if it is marked `database` and not `processes`. Such a test calls the code
that holds the SQL directly: every statement of the store, the walls between accounts, the migrations, the execution of
imports, the properties, and some histories of the model check. A test marked `processes` reaches the same statements
through HTTP or a command: it runs once, on the embedded PostgreSQL. The exceptions are in WHOLE_FILES.
"""

from __future__ import annotations

import pytest

WHOLE_FILES = frozenset({"test_import_api_counts.py", "test_migration.py"})
"""Imports with a server and a worker from Initiate to the status, and migrations of several processes at once."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that the rule does not name."""
    chosen = [item for item in items if depends_on_version(item)]
    config.hook.pytest_deselected(items=[item for item in items if not depends_on_version(item)])
    items[:] = chosen


def depends_on_version(item: pytest.Item) -> bool:
    """The rule at the top of this file."""
    marks = {mark.name for mark in item.iter_markers()}
    return "database" in marks and ("processes" not in marks or item.path.name in WHOLE_FILES)
