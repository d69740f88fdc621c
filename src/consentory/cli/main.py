"""The `consentory` command."""

import typer

from consentory.cli import (
    account_commands,
    audit_commands,
    changes_command,
    client_commands,
    console_commands,
    data_out_commands,
    key_commands,
    mapping_commands,
    purge_command,
    reader_commands,
    server_commands,
)
from consentory.demo import demo_command
from consentory.terminal.terminal_output import prepare_streams

app = typer.Typer(
    name="consentory",
    help="A self-hosted store of consents and communication preferences.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
app.callback()(prepare_streams)
for commands in (
    server_commands,
    account_commands,
    key_commands,
    audit_commands,
    console_commands,
    reader_commands,
    client_commands,
    changes_command,
    data_out_commands,
    mapping_commands,
    demo_command,
):
    commands.register(app)
purge_command.register(app)
