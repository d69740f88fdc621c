"""A pytest plugin (`-p only_database_tests`): runs just the tests that touch PostgreSQL, to run them on another one."""

from __future__ import annotations

import pytest

ENGINE_FIXTURE = "engine"
"""Every fixture with a database in it is made from this one (tests/conftest.py)."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what never asks for the engine."""
    touching = [item for item in items if ENGINE_FIXTURE in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in touching])
    items[:] = touching
