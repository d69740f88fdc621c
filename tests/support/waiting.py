"""The two ways in which tests wait: until a condition holds, and for a stated reason.

A test that waits for a condition ends as soon as the condition holds. `let_pass` is for tests of time itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def await_true(
    condition: Callable[[], object], seconds: float = 20, pause: float = 0.02, describe: Callable[[], Any] | None = None
) -> None:
    """Wait until the condition holds, and fail with what `describe` gives after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, describe() if describe else f"did not come true within {seconds} s"
        let_pass(pause, because="the next look at the condition")


def wait_for(look: Callable[[], Any], is_there: Callable[[Any], bool], seconds: float = 30) -> Any:
    """Wait until the seen value is the wanted one, and give it."""
    seen = look()

    def look_again() -> bool:
        nonlocal seen
        seen = look()
        return is_there(seen)

    if not is_there(seen):
        await_true(look_again, seconds, describe=lambda: seen)
    return seen


def let_pass(seconds: float, *, because: str) -> None:
    """Let time pass, because no condition says when enough of it has passed. `because` is for the reader."""
    assert because
    time.sleep(seconds)
