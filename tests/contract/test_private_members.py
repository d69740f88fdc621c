"""The code uses no private member of a library. Another release of the library may change such a member silently."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "scripts")

DOCUMENTED = frozenset({"_exit", "_replace", "_asdict", "_fields", "_make"})
"""Members with a leading underscore that the Python documentation describes."""
EXCEPTIONS = {
    (
        "xls_sheet.py",
        "_sheet_visibility",
    ): "xlrd gives the visibility of a sheet only after it has read all of its cells",
    ("xlsx_stream.py", "_read_only"): "openpyxl has no public class for a sheet that is read without its size",
}
"""Where a library has no public way, by file and member.

This test does not see overridden methods. `process_entry.py` overrides two of Granian's, because Granian has no public
hook between the fork of a server process and its start.
"""


def list_files() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def find_defined(tree: ast.Module) -> Iterator[str]:
    """The names with a leading underscore that a file of this project defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def find_used(tree: ast.Module) -> Iterator[str]:
    """The private members that a file reads from another object or module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (*(node.module or "").split("."), *(alias.name for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split("."))


def test_no_private_member_of_a_library_is_used() -> None:
    trees = {path: ast.parse(path.read_text("utf-8")) for path in list_files()}
    ours = {name for tree in trees.values() for name in find_defined(tree)} | {path.stem for path in trees}
    found = {
        (path.name, name)
        for path, tree in trees.items()
        for name in find_used(tree)
        if is_private(name) and name not in ours and name not in DOCUMENTED
    }
    assert found == set(EXCEPTIONS)
