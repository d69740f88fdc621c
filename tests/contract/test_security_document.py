"""SECURITY.md names a test for every claim, and each named test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def list_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_named_test_is_there() -> None:
    named = NAMED.findall(DOCUMENT)
    assert len(named) > 40
    missing = [f"{file}::{name}" for file, name in named if name not in list_tests(ROOT / file)]
    assert missing == []


def test_every_attack_names_a_test_or_says_that_there_is_none() -> None:
    rows = [
        line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith(("| attack |", "| ---"))
    ]
    assert len(rows) > 20
    for row in rows:
        attack, defence, shown = (cell.strip() for cell in row.strip("|").split(" | "))
        assert attack, row
        assert defence, row
        assert NAMED.search(shown) or shown == "no test", row
