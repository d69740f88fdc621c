"""Print an error of a server-side command for a person: one line without a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from consentory.errors import ConsentoryError, RequestRefused

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


def exit_on_error(command: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
    """End the command with exit code 2 and the text of the error, if the block raises an error of ours."""

    @functools.wraps(command)
    def run_refusing(*arguments: ParametersT.args, **options: ParametersT.kwargs) -> ResultT:
        try:
            return command(*arguments, **options)
        except (ConsentoryError, OSError) as error:
            # Import it here: a process of a server does not load the client.
            from consentory.terminal.connection import exit_refused

            exit_refused(error.detail if isinstance(error, RequestRefused) else error)

    return run_refusing
