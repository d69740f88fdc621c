"""The `consentory` command, made of the commands of its modules."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

from consentory.terminal.terminal_output import prepare_streams

MODULES = {
    "consentory.cli.server_commands": ("up", "serve", "worker", "migrate"),
    "consentory.cli.account_commands": ("account", "credentials"),
    "consentory.cli.key_commands": ("credentials",),
    "consentory.cli.audit_commands": ("audit",),
    "consentory.cli.console_commands": ("console",),
    "consentory.cli.reader_commands": ("reader",),
    "consentory.cli.client_commands": (
        "import",
        "imports",
        "status",
        "exceptions",
        "execute",
        "cancel",
        "release",
        "undo",
        "profile",
    ),
    "consentory.cli.changes_command": ("changes",),
    "consentory.cli.data_out_commands": ("audience", "export"),
    "consentory.cli.mapping_commands": ("mapping",),
    "consentory.demo.demo_command": ("demo",),
    "consentory.cli.purge_command": ("purge",),
}
"""Each module with its commands, in the order of the help. Two modules may share a group of commands. A module has a
function `register`."""


def make_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """The application. If the first argument is a command, the application has only the commands of its modules.

    To load all modules takes longer than most commands run, and each process of a server is such a command.
    """
    app = typer.Typer(
        name="consentory",
        help="A self-hosted store of consents and communication preferences.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_show_locals=False,
    )
    # With a callback the application stays a group, even if it has one command.
    app.callback()(prepare_streams)
    named = [module for module, commands in MODULES.items() if arguments and arguments[0] in commands]
    for module in named or MODULES:
        import_module(module).register(app)
    return app
