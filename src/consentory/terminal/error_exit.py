"""Print an error of a server-side command for a person: one line without a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from consentory.errors import ConsentoryError, RequestRefused
from consentory.terminal.connection import exit_refused

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


def exit_on_error(command: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
    """End the command with exit code 2 and the text of the error, if the block raises an error of ours."""

    @functools.wraps(command)
    def run_refusing(*arguments: ParametersT.args, **options: ParametersT.kwargs) -> ResultT:
        try:
            return command(*arguments, **options)
        except RequestRefused as error:
            exit_refused(error.detail)
        except (ConsentoryError, OSError) as error:
            exit_refused(error)

    return run_refusing
