"""SQL by name. Each `sql/*.sql` file holds statements under `-- name: store.verb` lines.

A query's name is its store function's name; the comment beneath it says the order of results, what zero rows
means, which lock, which index.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def all_statements() -> dict[str, str]:
    """Every statement of every file by its name. Raises ValueError when a name stands twice."""
    statements: dict[str, str] = {}
    for file in sorted(files("consentory.store").joinpath("sql").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        parts = _NAME.split(file.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in statements:
                raise ValueError(f"the statement {name} stands twice, the second time in {file.name}")
            statements[name] = text.strip().rstrip(";")
    return statements


def statement(name: str) -> str:
    """The text of one statement, ours and therefore literal. Raises KeyError for an unknown name."""
    return all_statements()[name]
