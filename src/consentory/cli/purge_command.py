"""`consentory purge`: the operator deletes the staged records of an import, in a data folder or a database."""

from __future__ import annotations

import logging
from typing import Annotated
from uuid import UUID

import typer

from consentory.cli.account_commands import choose_database
from consentory.config import require_setting
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import AccountOption, DatabaseOption, DataOption, JsonOption
from consentory.terminal.terminal_output import print_json, say


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("purge")(purge)


@exit_on_error
def purge(
    import_id: Annotated[UUID, typer.Argument(metavar="IMPORT", help="Its ImportId.")],
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete the staged records of an import and their faults now, before their retention ends.

    An import that was not executed is cancelled first. An import that is processing is refused: wait until it has
    completed. The imported people, the import, its counts and its audit trail stay.

    Example: consentory purge 01936d5e-0000-7000-8000-000000000001 --account ACME
    """
    from consentory.bootstrap.composition import open_database, open_worker
    from consentory.bootstrap.logs import configure_logs

    configure_logs(logging.WARNING)
    with open_database(*choose_database(data, database_url)) as conninfo:
        services = open_worker(conninfo)
        try:
            ((account_id, name),) = services.verification.list_accounts(require_setting("account", account))
            services.retention.purge(account_id, import_id)
        finally:
            services.close()
    if as_json:
        print_json({"account": name, "import": str(import_id), "purged": True})
    else:
        say(f"{name}: the staged records of import {import_id} are deleted.")
