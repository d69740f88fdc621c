"""Commands on accounts and credentials, against a data folder (running or not) or a database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentory.codec.hidden_characters import is_hidden
from consentory.config import load_setting, require_setting
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import AccountOption, DatabaseOption, DataOption, JsonOption
from consentory.terminal.terminal_output import print_json, say, write_json_text

if TYPE_CHECKING:
    from consentory.services.service_set import Services

account_app = typer.Typer(no_args_is_help=True, help="Accounts and their configuration document.")
credentials_app = typer.Typer(no_args_is_help=True, help="Credentials of an account's users.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(account_app, name="account")
    app.add_typer(credentials_app, name="credentials")


def choose_database(data: Path | None, database_url: str | None) -> tuple[Path | None, str | None]:
    """The data folder and the database that a command's flags and settings name, as `open_database` takes them."""
    if database_url is not None and data is None:
        return None, database_url  # a flag wins over the environment
    text = load_setting("data")
    return data or (Path(text) if text else None), database_url or load_setting("database_url")


@contextmanager
def open_for_command(data: Path | None, database_url: str | None) -> Iterator[Services]:
    """The services on a data folder or a database, for the time of a command."""
    from consentory.bootstrap.composition import open_database, open_services
    from consentory.bootstrap.secret_keys import find_secret_box

    folder, url = choose_database(data, database_url)
    with open_database(folder, url) as conninfo:
        services = open_services(conninfo, find_secret_box(folder, url))
        try:
            yield services
        finally:
            services.close()


@account_app.command("apply")
@exit_on_error
def apply_account(
    file: Annotated[Path, typer.Argument(help="The account document, YAML or JSON.", exists=True, dir_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the changes, and do not make them.")] = False,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Apply an account document: print the changes, then make them. The command never asks.

    Example: consentory account apply acme.yaml --dry-run
    """
    from consentory.codec.account.account_document import is_change

    content = file.read_bytes()
    with open_for_command(data, database_url) as services:
        client_id, lines = services.accounts.apply_document(content, source=str(file), dry_run=True)
        changes = is_change(lines)
        if as_json:
            print_json({"account": client_id, "changes": lines, "applied": changes and not dry_run})
        else:
            for line in lines:
                say(line)
        if not dry_run:
            services.accounts.apply_document(content, source=str(file), dry_run=False)
    if not as_json:
        outcome = "Nothing to change." if not changes else "Not applied (--dry-run)." if dry_run else "Applied."
        say(f"{client_id}: {outcome}")


@account_app.command("show")
@exit_on_error
def show_account(
    client_id: Annotated[str, typer.Argument(metavar="CLIENTID", help="The account.")],
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print an account's configuration document, as YAML that can be applied again.

    Example: consentory account show ACME
    """
    with open_for_command(data, database_url) as services:
        text = services.accounts.show(client_id, form="json" if as_json else "yaml").decode().rstrip()
        # JSON is YAML as well, and can write each hidden character as an escape.
        if not as_json and any(is_hidden(one) for one in text.replace("\n", "")):
            as_json, text = True, services.accounts.show(client_id, form="json").decode().rstrip()
    if as_json:
        write_json_text(text)
    else:
        sys.stdout.write(text + "\n")


@credentials_app.command("create")
@exit_on_error
def create_credential(
    user: Annotated[str, typer.Option(help="The user, as in the account document.")],
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,  # noqa: ARG001 - the answer is always JSON
) -> None:
    """Make a credential for a user. The answer is JSON. The secret is shown only now, because only its hash is stored.

    Example: consentory credentials create --account ACME --user nightly
    """
    with open_for_command(data, database_url) as services:
        account_id = services.accounts.find_account(require_setting("account", account))
        client_id, secret = services.authentication.create_credential(account_id, user)
    print_json({"client_id": client_id, "client_secret": secret})


@credentials_app.command("list")
@exit_on_error
def list_credentials(
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List an account's credentials, oldest first, also the revoked ones. Secrets are never shown.

    Example: consentory credentials list --account ACME
    """
    with open_for_command(data, database_url) as services:
        account_id = services.accounts.find_account(require_setting("account", account))
        found = services.authentication.list_credentials(account_id)
    if as_json:
        print_json(
            [
                {"client_id": c.client_id, "user": c.user_id, "created_at": c.created_at, "revoked_at": c.revoked_at}
                for c in found
            ]
        )
        return
    for item in found:
        state = "live" if item.revoked_at is None else f"revoked {item.revoked_at:%Y-%m-%d %H:%M}Z"
        say(f"{item.client_id}  {item.user_id}  created {item.created_at:%Y-%m-%d %H:%M}Z  {state}")


@credentials_app.command("revoke")
@exit_on_error
def revoke_credential(
    client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The credential's client_id.")],
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a credential and all its tokens.

    Example: consentory credentials revoke 0123456789abcdef01234567 --account ACME
    """
    with open_for_command(data, database_url) as services:
        account_id = services.accounts.find_account(require_setting("account", account))
        services.authentication.revoke_credential(account_id, client_id)
    if as_json:
        print_json({"client_id": client_id, "revoked": True})
    else:
        say(f"{client_id}: revoked.")
