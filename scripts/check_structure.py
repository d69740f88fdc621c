"""Check the sizes, arguments and names of CONTRIBUTING.md, and print every breach.

POSITIONAL_EXCEPTIONS has the only exceptions, each with its reason.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE, TESTS = ROOT / "src", ROOT / "tests"
FOLDERS = (SOURCE, TESTS, ROOT / "bench", ROOT / "scripts")
STATEMENTS = SOURCE / "consentory" / "store" / "sql"
"""SQL whose names may change. A released migration never changes, so its names are not looked at."""

FUNCTION_LINES = 50
"""From `def` to the last line: signature and docstring count, decorators do not."""
MODULE_LINES = 500
"""Of tests, too."""
HANDLER_LINES = 15
"""Of a route handler's body, its docstring included."""

MOST_POSITIONAL = 6
"""Arguments that a call gives by position, and parameters that a definition lets it give so; self and cls apart."""
POSITIONAL_EXCEPTIONS = {
    "Record": "19 members by name cost 1.2 µs a record, by position 0.3: it is made for every record of an import",
}
"""Classes and functions of which a call may give more by position, and why."""

OLD_WORD = re.compile(
    "calm|cargo|catalogs|courier|frames?|habits|journey|judgement|landmarks?|lanes?|misfits?|office|plant"
    "|roads?|rulebook|seal(?:s|ed|ing)?|setaside|stocktaking|thin(?:ned)?|things?|tidy"
)
"""Words that no identifier has: they were this project's own, and of no field."""
FOREIGN_NAMES = frozenset({"clear_frames", "frame"})
"""Names of Python's own library, and of its stack."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SQL_NAME = re.compile(r"[A-Za-z_]+")

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


def list_variadic(trees: dict[Path, ast.Module]) -> tuple[set[str], set[str]]:
    """Names of our classes and functions; names of functions that take any number of values, as a command's words."""
    known, variadic = set(), set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                known.add(node.name)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.vararg is not None:
                variadic.add(node.name)
    return known, variadic


def check_positions(path: Path, tree: ast.Module, known: set[str], variadic: set[str]) -> Iterator[str]:
    """Calls of our own classes and functions, and their definitions, with too many arguments by position."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
            count, name, what = len(names) - (names[:1] in (["self"], ["cls"])), node.name, "takes"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            count, what = len(node.args) if name in known - variadic else 0, "is given"
        else:
            continue
        if count > MOST_POSITIONAL and name not in POSITIONAL_EXCEPTIONS:
            place = f"{path.relative_to(ROOT)}:{node.lineno}: {name}"
            yield f"{place} {what} {count} arguments by position, at most {MOST_POSITIONAL}; name the rest"


def check_words(path: Path) -> Iterator[str]:
    """Identifiers of Python, or all names of SQL, that have an old word in them."""
    text = path.read_text("utf-8")
    if path.suffix == ".sql":
        lines = ((number, line.partition("--")[0]) for number, line in enumerate(text.splitlines(), 1))
        names = [(number, name) for number, line in lines for name in _SQL_NAME.findall(line)]
    else:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        names = [(token.start[0], token.string) for token in tokens if token.type == tokenize.NAME]
    for number, name in names:
        old = [word for word in _WORD.findall(name) if OLD_WORD.fullmatch(word.lower())]
        if old and name not in FOREIGN_NAMES:
            yield f"{path.relative_to(ROOT)}:{number}: {name} has the old word {old[0]}"


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
    modules = [path for folder in FOLDERS for path in list_files(folder, "*.py")]
    trees = {path: ast.parse(path.read_text("utf-8")) for path in modules}
    known, variadic = list_variadic(trees)
    for path, tree in trees.items():
        breaches += check_positions(path, tree, known, variadic)
    for path in [*modules, *list_files(STATEMENTS, "*.sql")]:
        breaches += check_words(path)
    return breaches


if __name__ == "__main__":
    found = find_breaches()
    for breach in found:
        print(breach)
    print(f"Structure: {len(found)} breaches." if found else "Structure: sizes, arguments and names are kept.")
    sys.exit(bool(found))
