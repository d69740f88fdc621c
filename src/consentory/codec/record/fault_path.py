"""The path of a fault, in steps."""

from __future__ import annotations

import re

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")

Steps = tuple[str | int, ...]


def read_steps(path: str) -> Steps:
    """`$.Emails[0].EmailAddress` as ("Emails", 0, "EmailAddress"). The result ends before a name in brackets."""
    steps: list[str | int] = []
    match = _STEP.match(path, 1)
    while match:
        steps.append(match[1] or int(match[2]))
        match = _STEP.match(path, match.end())
    return tuple(steps)
