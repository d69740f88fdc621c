"""Commands on the logins that read an account with SQL, against a data folder or a database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentory.cli.account_commands import choose_database
from consentory.client.private_files import replace_private
from consentory.config import require_setting
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import AccountOption, DatabaseOption, DataOption, JsonOption
from consentory.terminal.terminal_output import notes, print_json, say

if TYPE_CHECKING:
    from consentory.services.accounts.reader_service import ReaderService

reader_app = typer.Typer(
    no_args_is_help=True, help="Logins of PostgreSQL that read the views of one account with SQL (docs/sql.md)."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(reader_app, name="reader")


@contextmanager
def _open(data: Path | None, database_url: str | None) -> Iterator[ReaderService]:
    from consentory.bootstrap.composition import open_database, open_readers
    from consentory.bootstrap.logs import configure_logs

    configure_logs(logging.WARNING)
    with open_database(*choose_database(data, database_url)) as conninfo:
        readers = open_readers(conninfo)
        try:
            yield readers
        finally:
            readers.close()


@reader_app.command("create")
@exit_on_error
def create_reader(
    *,
    account: AccountOption = None,
    name: Annotated[
        str | None,
        typer.Option(help="The name of the login. Without it the login gets a random name.", show_default=False),
    ] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="The reader may exist: give it a new password, and its rights anew.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the connection string to this file (mode 0600).", dir_okay=False),
    ] = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a login that reads the views of one account, and nothing else. Print its connection string.

    The connection string has the password. It is shown only now, because the database has only a verifier.
    --database-url must name a superuser.

    Example: psql "$(consentory reader create --account ACME)"
    """
    client_id = require_setting("account", account)
    with _open(data, database_url) as readers, replace_private(output) if output else nullcontext() as file:
        login, url = readers.create(readers.find_account(client_id), name, new_password=new_password)
        if file is not None:
            file.write(url.encode() + b"\n")
    if as_json:
        print_json({"account": client_id, "login": login, **({"url": url} if output is None else {})})
        return
    if output is None:
        say(url)
    notes.print(f"{login}: reads the views of {client_id}. The password is not shown again.")


@reader_app.command("list")
@exit_on_error
def list_readers(
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the readers of an account, oldest first. Passwords are never shown.

    Example: consentory reader list --account ACME
    """
    with _open(data, database_url) as readers:
        found = readers.list_all(readers.find_account(require_setting("account", account)))
    if as_json:
        print_json([{"login": one.login, "created_at": one.created_at, "can_log_in": one.is_there} for one in found])
        return
    for one in found:
        state = "" if one.is_there else "  cannot log in"
        say(f"{one.login}  created {one.created_at:%Y-%m-%d %H:%M}Z{state}")


@reader_app.command("delete")
@exit_on_error
def delete_reader(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the login.")],
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop a reader's login with its rights, and end its sessions.

    Example: consentory reader delete reader_0123abcd --account ACME
    """
    with _open(data, database_url) as readers:
        readers.delete(readers.find_account(require_setting("account", account)), name)
    if as_json:
        print_json({"login": name, "deleted": True})
    else:
        say(f"{name}: deleted.")
