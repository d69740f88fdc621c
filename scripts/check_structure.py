"""Checks the sizes and names that CONTRIBUTING.md promises. Prints every breach; there are no exemptions."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE, TESTS = ROOT / "src", ROOT / "tests"

FUNCTION_LINES = 50
"""From `def` to the last line: signature and docstring count, decorators do not."""
MODULE_LINES = 500
"""Of tests, too."""
HANDLER_LINES = 15
"""Of a route handler's body, its docstring included."""

EMPTY_NAMES = frozenset(
    {"util", "utils", "utility", "utilities", "common", "helper", "helpers", "manager", "managers", "base", "misc"}
)
"""Names that say nothing of what a module is."""
SHARED_NAMES = frozenset({"__init__.py", "__main__.py"})
VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "route"})
"""Decorators that make a function a route handler."""


def list_files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(p for p in folder.rglob(pattern) if p.is_file() and "__pycache__" not in p.parts)


def check_module(path: Path) -> Iterator[str]:
    lines = len(path.read_text("utf-8").splitlines())
    if lines > MODULE_LINES:
        yield f"{path.relative_to(ROOT)}: {lines} lines, at most {MODULE_LINES}"


def check_functions(path: Path) -> Iterator[str]:
    handlers = path.name.endswith("_routes.py")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        place, end = f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}", node.end_lineno or node.lineno
        if (lines := end - node.lineno + 1) > FUNCTION_LINES:
            yield f"{place} has {lines} lines, at most {FUNCTION_LINES}"
        if handlers and is_handler(node) and (lines := end - node.body[0].lineno + 1) > HANDLER_LINES:
            yield f"{place} is a route handler with {lines} lines of body, at most {HANDLER_LINES}"


def is_handler(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(isinstance(name, ast.Name) and name.id in VERBS for name in called)


def check_names(files: list[Path]) -> Iterator[str]:
    places: dict[str, list[str]] = defaultdict(list)
    for path in files:
        if path.stem in EMPTY_NAMES:
            yield f"{path.relative_to(ROOT)}: name it by what it is, not {path.stem}"
        if path.name not in SHARED_NAMES:
            places[path.name].append(str(path.relative_to(ROOT)))
    for name, same in places.items():
        if len(same) > 1:
            yield f"{name}: a file's name is there once, this one in {', '.join(same)}"


def find_breaches() -> list[str]:
    breaches = list(check_names(list_files(SOURCE)))
    for path in list_files(SOURCE, "*.py"):
        breaches += check_functions(path)
    for path in list_files(SOURCE, "*.py") + list_files(TESTS, "*.py"):
        breaches += check_module(path)
    return breaches


if __name__ == "__main__":
    found = find_breaches()
    for breach in found:
        print(breach)
    print(f"Structure: {len(found)} breaches." if found else "Structure: sizes and names are kept.")
    sys.exit(bool(found))
