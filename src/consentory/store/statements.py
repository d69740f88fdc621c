"""SQL by name. Each `sql/*.sql` file holds statements under `-- name: store.verb` lines.

A query has the name of its store function. The comment below the name tells the order of the results, the meaning of
zero rows, the lock and the index.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def all_statements() -> dict[str, str]:
    """All statements of all files, by name. Raises ValueError if two statements have one name."""
    statements: dict[str, str] = {}
    for file in sorted(files("consentory.store").joinpath("sql").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        parts = _NAME.split(file.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in statements:
                raise ValueError(f"two statements have the name {name}; the second one is in {file.name}")
            statements[name] = text.strip().rstrip(";")
    return statements


def statement(name: str) -> str:
    """The text of one statement. It is our own, and so a literal for psycopg. Raises KeyError for an unknown name."""
    return all_statements()[name]
