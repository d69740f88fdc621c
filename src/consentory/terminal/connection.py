"""The connection options of all commands that call a server, and the messages about errors for a person."""

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Annotated, Any, NoReturn

import stamina.instrumentation
import typer

from consentory.client.api_client import ApiProblem, ConsentoryClient
from consentory.config import SETTINGS, SettingError, load_setting, require_setting
from consentory.errors import ConsentoryError
from consentory.terminal.setting_options import describe_option
from consentory.terminal.terminal_output import notes
from consentory.terminal.visible_text import show_lines, show_text

REFUSED = 2
"""The exit code of a refusal, a failure or a wrong command line."""

PATIENCE = 10.0
"""A call is tried again for these seconds while the server cannot answer."""

_CONNECTION_PANEL = "Connection"
# In the order of ConsentoryClient's parameters.
_CONNECTION = ("server", "account", "client_id", "client_secret", "user", "base_path")

_given: ContextVar[dict[str, str | None]] = ContextVar("the connection options of this command line")

TokenArgument = Annotated[
    str,
    typer.Argument(metavar="TOKEN", help="The import's access token, or its ImportId.", show_default=False),
]


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the connection options in place of its first parameter, a ConsentoryClient.

    The command prints an error of the client for a person, and ends with exit code 2.
    """
    return _connect(command, open_client)


def connected_where_set(command: Callable[..., None]) -> Callable[..., None]:
    """Like `connected`, for a command that does not need a server. The client is None if no credential is set."""
    return _connect(command, _open_where_set)


def _connect(
    command: Callable[..., None],
    open_connection: Callable[[dict[str, str | None]], AbstractContextManager[ConsentoryClient | None]],
) -> Callable[..., None]:
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @functools.wraps(command)
    def run_connected(**options: Any) -> None:
        flags = {name: options.pop(name) for name in (*_CONNECTION, "ca_file")}
        _given.set(flags)
        try:
            with open_connection(flags) as client:
                command(client, **options)
        except (ConsentoryError, OSError) as error:
            exit_refused(error)
        except (KeyboardInterrupt, typer.Abort):
            exit_refused("Interrupted.")

    added = [_make_parameter(name) for name in (*_CONNECTION, "ca_file")]
    run_connected.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]
    run_connected.__annotations__ = {parameter.name: parameter.annotation for parameter in own + added}
    return run_connected


def open_client(flags: dict[str, str | None]) -> ConsentoryClient:
    """Make a client from the settings; `flags` by setting name. Raises SettingError."""
    stamina.instrumentation.set_on_retry_hooks([_note_retry])
    values = [require_setting(name, flags[name]) for name in _CONNECTION]
    try:
        return ConsentoryClient(*values, patience=PATIENCE, ca_file=load_setting("ca_file", flags["ca_file"]))
    except ValueError as error:
        raise SettingError(str(error)) from error


def _open_where_set(flags: dict[str, str | None]) -> AbstractContextManager[ConsentoryClient | None]:
    named = any(load_setting(name, flags[name]) for name in ("account", "client_id", "client_secret"))
    return open_client(flags) if named or flags["server"] else nullcontext()


def exit_refused(error: Exception | str) -> NoReturn:
    """Print the error for a person, and end with exit code 2."""
    if isinstance(error, ApiProblem):
        notes.print(
            f"[red]Refused[/red] ({error.status} {show_text(error.code)})", show_text(error.detail or error.title)
        )
        for fault in error.errors:
            notes.print(show_text(f"  {fault.get('path', '')} {fault.get('code', '')}: {fault.get('message', '')}"))
    elif isinstance(error, OSError) and error.filename is not None:
        notes.print(show_text(f"{error.filename}: {error.strerror}"), style="red")
    else:
        notes.print(show_lines(str(error)), style="red")
    raise typer.Exit(REFUSED)


def list_connection_words() -> list[str]:
    """The connection options of this command line, for the next command, without the secret."""
    words = []
    for name, value in _given.get().items():
        if value is not None:
            words += [SETTINGS[name].flag, "SECRET" if name == "client_secret" else value]
    return words


def _make_parameter(name: str) -> inspect.Parameter:
    option = Annotated[str | None, describe_option(name, _CONNECTION_PANEL)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)


def _note_retry(details: stamina.instrumentation.RetryDetails) -> None:
    cause = details.caused_by
    why = cause.detail or cause.title if isinstance(cause, ApiProblem) else str(cause) or type(cause).__name__
    notes.print(f"The server cannot answer now ({show_text(why)}). Trying again in {details.wait_for:.1f} s.")
