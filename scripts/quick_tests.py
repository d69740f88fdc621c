"""A pytest plugin (`-p quick_tests`): choose the tests of `scripts/test --quick`.

The rule: every test marked `unit` in FOLDERS, and every test of the files in SAMPLES, but no test marked `slow`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = {
    "test_statements.py": "store: PostgreSQL prepares every statement",
    "test_schema_contract.py": "store: the tables, the roles, the policies",
    "test_chunking.py": "services: imports are resolved into chunks",
    "test_choices_in_force.py": "services: which choices count",
    "test_import_api_counts.py": "http, api, worker, bootstrap: imports from Initiate to the counts",
    "test_configuration_api.py": "http, api: the account's configuration",
    "test_client_patience.py": "cli, terminal, client: a command whose server does not answer",
}
"""Files with tests that need a database or processes. The unit tests cover the layers below and the demo's people."""

FOLDERS = frozenset({"unit", "model"})
"""The folders of the unit tests. A unit test in another folder is left out: to read all files takes too long."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Do not read the files that hold no chosen test."""
    if not collection_path.name.startswith("test_"):
        return None
    return None if collection_path.name in SAMPLES or collection_path.parent.name in FOLDERS else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that the rule does not name."""
    chosen = [item for item in items if is_quick(item)]
    config.hook.pytest_deselected(items=[item for item in items if not is_quick(item)])
    items[:] = chosen


def is_quick(item: pytest.Item) -> bool:
    """The rule at the top of this file."""
    marks = {mark.name for mark in item.iter_markers()}
    return "slow" not in marks and ("unit" in marks or item.path.name in SAMPLES)
