"""How errors of the server-side commands reach a person: one clear line, no trace."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from consentory.errors import ConsentoryError, RequestRefused
from consentory.terminal.connection import exit_refused

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


def exit_on_error(command: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
    """End the command with exit code 2 and the error's own words when it raises one of ours."""

    @functools.wraps(command)
    def run_refusing(*arguments: ParametersT.args, **options: ParametersT.kwargs) -> ResultT:
        try:
            return command(*arguments, **options)
        except RequestRefused as error:
            exit_refused(error.detail)
        except (ConsentoryError, OSError) as error:
            exit_refused(error)

    return run_refusing
