"""Commands for the console."""

from __future__ import annotations

from typing import Annotated

import typer

from consentory.cli.account_commands import open_for_command
from consentory.config import require_setting
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import AccountOption, DatabaseOption, DataOption, JsonOption, describe_option
from consentory.terminal.terminal_output import print_json, say

ServerOption = Annotated[str | None, describe_option("server")]

console_app = typer.Typer(no_args_is_help=True, help="The console: pages for people in a browser.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(console_app, name="console")


@console_app.command("link")
@exit_on_error
def print_link(
    user: Annotated[str, typer.Option(help="The user, as in the account document.")],
    account: AccountOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link that signs a user in to the console. It works once, and for 10 minutes.

    Example: consentory console link --account ACME --user ana
    """
    url = require_setting("server", server).rstrip("/")
    with open_for_command(data, database_url) as services:
        account_id = services.accounts.find_account(require_setting("account", account))
        link = f"{url}/console/link/{services.sessions.create_link(account_id, user)}"
    if as_json:
        print_json({"link": link, "user": user})
    else:
        say(link)
