"""The commands that call a server: imports, status, execute, exceptions, cancel, release and undo. Other modules have
the other commands; `register` adds them all."""

import time
import uuid
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.table import Column, Table

from consentory.cli.effects_approval import (
    NOT_EXECUTED,
    Approve,
    PreviewOption,
    YesOption,
    choose_approval,
    say_how_to_go_on,
    summarize_findings,
    summarize_preview,
)
from consentory.cli.held_import import exit_held, list_held
from consentory.cli.import_command import import_files
from consentory.cli.profile_command import deactivate_profile, delete_profile, edit_profile, show_profile
from consentory.client.api_client import ConsentoryClient, ImportRef, JsonObject
from consentory.client.import_run import ImportProgress
from consentory.client.preview_run import find_examples, preview_import
from consentory.client.private_files import replace_private
from consentory.codec.sources.source_note import spell_path
from consentory.terminal.connection import TokenArgument, connected, exit_refused
from consentory.terminal.import_bars import ImportBars
from consentory.terminal.import_summary import advise_not_honored, choose_exit_code, make_books_table
from consentory.terminal.preview_view import print_findings
from consentory.terminal.setting_options import JsonOption
from consentory.terminal.terminal_output import make_console, notes, print_json, write_json_text
from consentory.terminal.visible_text import show_text

_WATCH_PAUSE = 1.0  # seconds
_ENDED = ("Completed", "Failed")


def register(app: typer.Typer) -> None:
    """Add the commands of a client to the command line."""
    app.command("import")(import_files)
    app.command("imports")(list_imports)
    app.command("status")(show_status)
    app.command("exceptions")(fetch_exceptions)
    app.command("execute")(execute_import)
    app.command("cancel")(cancel_import)
    app.command("release")(release_import)
    app.command("undo")(undo_import)
    profile = typer.Typer(help="One person: show, change, deactivate, delete.", no_args_is_help=True)
    profile.command("show")(show_profile)
    profile.command("edit")(edit_profile)
    profile.command("deactivate")(deactivate_profile)
    profile.command("delete")(delete_profile)
    app.add_typer(profile, name="profile")


@connected
def list_imports(
    client: ConsentoryClient,
    *,
    status: Annotated[
        str | None, typer.Option(help="Only imports with this status, for example Completed.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The largest number of imports to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the account's imports, newest first.

    Example: consentory imports --status Processing
    """
    page = client.imports(status=status, limit=limit)
    if as_json:
        return print_json(page)
    headers = ("Status", "AccessToken", "Received", "Processed", "Refused", "Expires")
    # Without lines, so that a row fits 80 columns. Only the name is folded, because a cut token is of no use.
    table = Table(Column("Name", overflow="fold"), box=None, collapse_padding=True)
    for header in headers:
        table.add_column(header, no_wrap=True)
    for item in page["Imports"]:
        refused = item["ValidationFailed"] + item["Exceptions"]
        counts = (f"{count:,}" for count in (item["TotalRecordsReceived"], item["Processed"], refused))
        expires = "-" if item["Status"] in _ENDED else f"{item['Expires'][:16]}Z"
        state = f"{item['Status']} (held)" if item.get("HeldReason") else item["Status"]
        table.add_row(show_text(item["Name"]), state, str(item["AccessToken"] or "-"), *counts, expires)
    make_console().print(table)


@connected
def show_status(
    client: ConsentoryClient,
    token: TokenArgument,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait until the import has ended. The exit codes are those of import.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Show the effects that its last preview found.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the status and the counts of an import.

    Example: consentory status 4503599627370496 --watch
    """
    status = read_status(client, read_ref(token))
    if watch:
        status = watch_import(client, status)
    findings = None
    if preview:
        findings = find_examples(client, status["ImportId"], client.preview(status["ImportId"]))
    if as_json:
        print_json(status if findings is None else status | summarize_preview(findings))
    else:
        if findings is not None:
            print_findings(findings)
        print_books(status)
    if watch:
        raise typer.Exit(choose_exit_code(status))


def watch_import(client: ConsentoryClient, status: JsonObject, *, until_held: bool = False) -> JsonObject:
    """Wait with a bar until the import has ended, or until the guard holds it. Returns its last status object."""
    held: list[str] = []
    with ImportBars(notes) as bars:
        while True:
            done = status["ValidationSuccessful"] - status["Pending"]
            bars.show_progress(ImportProgress("execute", done, status["ValidationSuccessful"], done))
            if status["Status"] in _ENDED:
                return status
            if held != (held := list_held(status)):
                if until_held:
                    return status
                bars.tell(held)
            time.sleep(_WATCH_PAUSE)
            # By the ImportId, because the token may expire meanwhile.
            status = client.import_by_id(status["ImportId"])


def print_books(status: JsonObject) -> None:
    """The counts of an import for people, where its not honored records are, and the reason of a hold or a failure."""
    console = make_console(soft_wrap=True)
    console.print(make_books_table(status))
    for line in advise_not_honored(status) + list_held(status):
        console.print(line)
    if status.get("FailureReason"):
        console.print(show_text(f"Failed: {status['FailureReason']}"))


@connected
def execute_import(
    client: ConsentoryClient,
    token: TokenArgument,
    *,
    preview_id: Annotated[
        uuid.UUID | None,
        typer.Option(help="Execute only if this preview is still current.", show_default=False),
    ] = None,
    preview: PreviewOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Execute an import whose records are staged, and wait for its end. The exit codes are those of import.

    Example: consentory execute 4503599627370496 --preview
    """
    if preview and preview_id:
        exit_refused("--preview makes a new preview, and --preview-id names an existing one. Give only one of them.")
    approve = choose_approval(preview, yes, as_json)
    execute_status(client, read_status(client, read_ref(token)), approve, preview_id=preview_id, as_json=as_json)


def execute_status(
    client: ConsentoryClient,
    status: JsonObject,
    approve: Approve | None,
    *,
    preview_id: uuid.UUID | None = None,
    as_json: bool,
) -> NoReturn:
    """Preview an import where `approve` decides, execute it, wait for its end, and end the command."""
    if approve is not None:
        with ImportBars(notes) as bars:
            findings = preview_import(client, status["ImportId"], report=bars.show_preview)
        if not approve(findings):
            if as_json:
                print_json(summarize_findings(status["ImportId"], findings, is_stopped=True))
            else:
                say_how_to_go_on(status["ImportId"], findings.preview)
            raise typer.Exit(NOT_EXECUTED)
        preview_id = uuid.UUID(findings.preview["PreviewId"])
    executed = client.execute(require_token(status), preview_id=preview_id)
    status = watch_import(client, executed, until_held=True)
    if status.get("HeldReason"):
        exit_held(status, status if as_json else None)
    if as_json:
        print_json(status)
    else:
        print_books(status)
    raise typer.Exit(choose_exit_code(status))


@connected
def fetch_exceptions(
    client: ConsentoryClient,
    token: TokenArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file, and not to standard output."),
    ] = None,
    phase: Annotated[
        Literal["Stage", "Execute", "NotHonored"] | None,
        typer.Option(help="Only faults of these phases. The default is Stage and Execute.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the refused records as NDJSON, each with its faults. Correct the records and import them again.

    On standard output the records are always JSON. --json changes the answer after -o.

    Example: consentory exceptions 4503599627370496 -o refused.ndjson
    """
    lines = client.stream_exceptions(read_ref(token), phase=phase)
    if output is None:
        for line in lines:
            write_json_text(line.decode())
        return
    count = 0
    with replace_private(output) as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    if as_json:
        print_json({"File": spell_path(output), "Records": count})
    else:
        notes.print(show_text(f"{count:,} records written to {output}"))


@connected
def cancel_import(client: ConsentoryClient, token: TokenArgument, *, as_json: JsonOption = False) -> None:
    """Cancel an import before it is processed. Nothing of it is applied.

    Example: consentory cancel 4503599627370496
    """
    status = client.cancel(read_ref(token))
    print_json(status) if as_json else print_books(status)


@connected
def release_import(client: ConsentoryClient, token: TokenArgument, *, as_json: JsonOption = False) -> None:
    """Release an import that the guard of the account holds. This needs the permission release.

    Example: consentory release 01936f5c-8a00-7c3e-9b1f-2f6d1c0a9e77
    """
    ref = read_ref(token)
    status = client.release(ref if isinstance(ref, uuid.UUID) else read_status(client, ref)["ImportId"])
    print_json(status) if as_json else print_books(status)


@connected
def undo_import(
    client: ConsentoryClient,
    import_id: Annotated[str, typer.Argument(help="The ImportId of the import to undo.")],
    *,
    restore_yes: Annotated[
        bool, typer.Option("--restore-yes", help="Also take back its opt-outs. This needs the permission release.")
    ] = False,
    preview: PreviewOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Undo a completed import, and wait until the undo is done. The exit codes are those of import.

    A value stays if somebody changed it since the import. Opt-outs, denials and withdrawals of the import stay too.

    Example: consentory undo 0193f5c5-31b2-7000-8000-5f3a3f6a2b10 --preview
    """
    ref = read_ref(import_id)
    if isinstance(ref, int):
        exit_refused(
            f"An import is undone by its ImportId (a UUID), because access tokens expire. {ref} is an access token. "
            f"This command shows the ImportId: consentory status {ref} --json"
        )
    approve = choose_approval(preview, yes, as_json)
    execute_status(client, client.undo(ref, restore_yes=restore_yes), approve, as_json=as_json)


def require_token(status: JsonObject) -> int:
    """The access token of an import. Ends the command if this user may not know it."""
    if status["AccessToken"] is None:
        exit_refused("Another user initiated this import. Give its access token in place of the ImportId.")
    return int(status["AccessToken"])


def read_ref(token: str) -> ImportRef:
    """Read an access token or an ImportId. Ends the command if the text is neither."""
    if token.isdecimal():
        return int(token)
    try:
        return uuid.UUID(token)
    except ValueError:
        exit_refused(f"The import must be an access token (a number) or an ImportId (a UUID), not {token!r}.")


def read_status(client: ConsentoryClient, ref: ImportRef) -> JsonObject:
    """The status object of an import, by its access token or its ImportId."""
    return client.import_by_id(ref) if isinstance(ref, uuid.UUID) else client.status(ref)
