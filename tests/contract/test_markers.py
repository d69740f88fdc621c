"""Every test has a kind, the kinds are true, and the lists of scripts/test name existing files."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from marker_rules import KINDS, StartGuard, find_kinds

ROOT = Path(__file__).parents[2]


def test_every_collected_test_has_a_kind_and_a_unit_test_no_other(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        kinds = {mark.name for mark in item.iter_markers()} & set(KINDS)
        assert kinds == find_kinds(item)
        assert kinds == {"unit"} or (kinds and "unit" not in kinds), (item.nodeid, kinds)


def test_a_test_without_the_mark_starts_no_process() -> None:
    with (
        StartGuard().forbidding("this test"),
        pytest.raises(AssertionError, match="starts a process"),
    ):
        subprocess.run([sys.executable, "-V"], check=True)


@pytest.mark.processes
def test_a_test_with_the_mark_starts_processes() -> None:
    assert subprocess.run([sys.executable, "-V"], check=True, capture_output=True).stdout.startswith(b"Python 3")


@pytest.mark.parametrize(("plugin", "table"), [("quick_tests", "SAMPLES"), ("only_database_tests", "WHOLE_FILES")])
def test_each_file_of_a_choice_exists_once(plugin: str, table: str) -> None:
    tree = ast.parse((ROOT / "scripts" / f"{plugin}.py").read_text("utf-8"))
    value = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == table
    )
    names = [one.value for one in ast.walk(value) if isinstance(one, ast.Constant) and str(one.value).endswith(".py")]
    assert names
    assert {name: len(list((ROOT / "tests").rglob(name))) for name in names} == dict.fromkeys(names, 1)


def test_no_test_imports_another_test() -> None:
    found = []
    for path in sorted(folder for name in ("tests", "scripts", "bench") for folder in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [f"{path.relative_to(ROOT)}: {one}" for one in modules if one.split(".")[-1].startswith("test_")]
    assert found == []


def test_tests_sleep_only_through_the_helper_that_wants_a_reason() -> None:
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        found += [f"{path.name}:{call.lineno}" for call in calls if ast.unparse(call.func) in ("time.sleep", "sleep")]
    assert [one for one in found if not one.startswith("waiting.py:")] == []
