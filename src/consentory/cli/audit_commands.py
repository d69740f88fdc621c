"""Commands on the audit trail, against a data folder (running or not) or a database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
import typer

from consentory.cli.account_commands import choose_database
from consentory.codec.answers.audit_answer import render_audit
from consentory.config import SettingError, load_setting, require_setting
from consentory.domain.audit_event import Action
from consentory.domain.caller import OPERATOR, Party
from consentory.terminal.error_exit import exit_on_error
from consentory.terminal.setting_options import AccountOption, DatabaseOption, DataOption, JsonOption
from consentory.terminal.terminal_output import print_json, say

if TYPE_CHECKING:
    from consentory.bootstrap.composition import WorkerServices
    from consentory.services.audit.chain_verification import Verdict

SHOWN = 20
"""The number of events that `show` shows by default."""

audit_app = typer.Typer(
    no_args_is_help=True, help="The audit trail: show all actions, and verify that nobody changed the trail."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(audit_app, name="audit")


@contextmanager
def _open(data: Path | None, database_url: str | None) -> Iterator[WorkerServices]:
    from consentory.bootstrap.composition import open_database, open_worker
    from consentory.bootstrap.logs import configure_logs

    configure_logs(logging.WARNING)
    with open_database(*choose_database(data, database_url)) as conninfo:
        services = open_worker(conninfo)
        try:
            yield services
        finally:
            services.close()


@audit_app.command("verify")
@exit_on_error
def verify_audit(
    account: AccountOption = None,
    expect: Annotated[
        str | None, typer.Option(metavar="NUMBER:HASH", help="A head that `audit head` printed before.")
    ] = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the trail of one account or of all accounts: print each event that was changed, is missing or was added.

    Exit code 0: the trail is unchanged; 1: it was changed; 2: it could not be verified. Only --expect can find a trail
    whose newest events were removed, or that was rewritten as a whole.

    Example: consentory audit verify --account ACME
    """
    name = load_setting("account", account)
    if expect is not None and name is None:
        raise SettingError("--expect is the head of one account's trail. Name the account with --account.")
    with _open(data, database_url) as services:
        accounts = services.verification.list_accounts(name)
        verdicts = [services.verification.verify(*item, expect) for item in accounts]
    if as_json:
        print_json({"intact": not any(v.findings for v in verdicts), "accounts": verdicts})
    else:
        for verdict in verdicts:
            _print_verdict(verdict)
    if any(verdict.findings for verdict in verdicts):
        raise typer.Exit(1)


@audit_app.command("head")
@exit_on_error
def print_head(
    account: AccountOption = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the newest number and hash of each trail. Keep them in a place that the database's owner cannot change.

    Example: consentory audit head --account ACME
    """
    with _open(data, database_url) as services:
        accounts = services.verification.list_accounts(load_setting("account", account))
        services.chaining.append_waiting()
        heads = {name: services.verification.find_head(account_id) for account_id, name in accounts}
    if as_json:
        print_json([{"account": name, "head": head} for name, head in heads.items()])
        return
    for name, head in heads.items():
        say(f"{name} {head or '(nothing recorded yet)'}")


@audit_app.command("show")
@exit_on_error
def show_audit(
    *,
    account: AccountOption = None,
    after: Annotated[int | None, typer.Option(help="Show the events after this number, oldest first.", min=0)] = None,
    limit: Annotated[int, typer.Option(help="The largest number of events to show.", min=1, max=10_000)] = SHOWN,
    action: Annotated[Action | None, typer.Option(help="Only this action, for example import.staged.")] = None,
    import_id: Annotated[UUID | None, typer.Option("--import", metavar="ID", help="Only this import.")] = None,
    data: DataOption = None,
    database_url: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the actions in an account, oldest first. Without --after, --action and --import: the newest ones.

    Example: consentory audit show --account ACME --limit 50
    """
    with _open(data, database_url) as services:
        services.chaining.append_waiting()
        ((account_id, _),) = services.verification.list_accounts(require_setting("account", account))
        if after is None:
            newest = services.verification.find_head(account_id).partition(":")[0]
            after = 0 if action or import_id else max(0, int(newest or 0) - limit)
        shown = services.audit.show(Party(account_id, OPERATOR), after, limit, action, import_id)
    page = msgspec.to_builtins(render_audit(shown))
    if as_json:
        print_json(page)
        return
    for event in page["Events"]:
        say(_describe(event))


def _print_verdict(verdict: Verdict) -> None:
    counts = f"{verdict.events} events" + (f", {verdict.waiting} not chained yet" if verdict.waiting else "")
    state = f"{len(verdict.findings)} findings" if verdict.findings else "as recorded"
    say(f"{verdict.account}: {counts}, {state}" + (f"; head {verdict.head}" if verdict.head else ""))
    for finding in verdict.findings:
        number = "" if finding.number is None else f" {finding.number}"
        event = "" if finding.event_id is None else f" ({finding.event_id})"
        say(f"{verdict.account}{number} {finding.what}: {finding.text}{event}")


def _describe(event: dict[str, Any]) -> str:
    parts = [str(event["Number"]), event["RecordedDate"], event["Caller"], event["ClientAddress"] or "-"]
    parts.append(event["Action"])
    if event["ImportId"]:
        parts.append(f"import {event['ImportId']}")
    if event["ProfileIds"]:
        parts.append("profiles " + ",".join(map(str, event["ProfileIds"])))
    parts += [f"{name}={value}" for name, value in event["Details"].items()]
    return "  ".join(parts)
