"""Commands on keys: the keys shared with existing clients, the keys that sign tokens, and the encryption of both."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consentory.cli.account_commands import credentials_app, open_for_command
from consentory.config import require_setting
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import AccountOption, DatabaseOption, DataOption, JsonOption, SecretFileOption
from consentory.terminal.terminal_output import print_json, say

if TYPE_CHECKING:
    from consentory.store.tables.key_store import EncryptedKey


def register(_: typer.Typer) -> None:
    """Add the commands to `consentory credentials`."""
    credentials_app.command("hmac-key")(keep_hmac_key)
    credentials_app.command("rotate-signing-key")(rotate_signing_key)
    credentials_app.command("reencrypt")(reencrypt_keys)


@exit_on_error
def keep_hmac_key(
    *,
    account: AccountOption = None,
    show: Annotated[
        bool, typer.Option("--list", help="List the shared keys. The keys themselves are never shown.")
    ] = False,
    revoke: Annotated[str | None, typer.Option(metavar="KEY_ID", help="End a key at once.", show_default=False)] = None,
    bring: Annotated[
        bool, typer.Option("--bring", help="Read a key that clients have already from standard input.")
    ] = False,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    secret_key_file: SecretFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key with which existing clients sign requests (PNAUTHINFO3). The key is shown only now, and is stored
    encrypted.

    Two keys may be live: make the new key, change the clients, revoke the old key.

    Example: consentory credentials hmac-key --account ACME
    """
    _name_file(secret_key_file)
    brought = sys.stdin.readline().strip() if bring else None
    if bring and not brought:
        raise typer.BadParameter("standard input has no key", param_hint="--bring")
    with open_for_command(data, database_url) as services:
        account_id = services.accounts.find_account(require_setting("account", account))
        keys = services.authentication.shared_keys
        if show:
            _list_keys(keys.list_all(account_id), as_json)
        elif revoke is not None:
            keys.revoke(account_id, revoke)
            if as_json:
                print_json({"key_id": revoke, "revoked": True})
            else:
                say(f"{revoke}: revoked.")
        else:
            key_id, key = keys.create(account_id, brought)
            print_json({"key_id": key_id} if bring else {"key_id": key_id, "key": key})


def _list_keys(found: list[EncryptedKey], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "key_id": k.key_id,
                    "created_at": k.created_at,
                    "revoked_at": k.revoked_at,
                    "encrypted_under": k.secret_key_id,
                }
                for k in found
            ]
        )
        return
    for key in found:
        state = "live" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M}Z"
        say(f"{key.key_id}  created {key.created_at:%Y-%m-%d %H:%M}Z  {state}  encrypted under {key.secret_key_id}")


@exit_on_error
def rotate_signing_key(
    at_once: Annotated[
        bool, typer.Option("--at-once", help="End all earlier keys as well, and all their bearer tokens.")
    ] = False,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    secret_key_file: SecretFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign bearer tokens with a new key from now on. Earlier tokens stay valid until they expire.

    Example: consentory credentials rotate-signing-key
    """
    _name_file(secret_key_file)
    with open_for_command(data, database_url) as services:
        key_id = services.authentication.tokens.rotate(at_once=at_once)
    if as_json:
        return print_json({"key_id": key_id, "older_ended": at_once})
    rest = "all earlier tokens have ended" if at_once else "earlier tokens stay valid until they expire"
    say(f"{key_id}: signs from now on; {rest}.")


@exit_on_error
def reencrypt_keys(
    data: DataOption = None,
    database_url: DatabaseOption = None,
    secret_key_file: SecretFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt all keys under the first of the given secret keys. After that, remove the other secret keys.

    Example: CONSENTORY_SECRET_KEY="$NEW,$OLD" consentory credentials reencrypt
    """
    _name_file(secret_key_file)
    with open_for_command(data, database_url) as services:
        count = services.authentication.tokens.reencrypt() + services.authentication.shared_keys.reencrypt()
    if as_json:
        return print_json({"keys": count})
    say(f"{count} key{'s' if count != 1 else ''} encrypted under the first secret key.")


def _name_file(path: Path | None) -> None:
    from consentory.bootstrap.secret_keys import name_secret_key_file

    name_secret_key_file(path)
