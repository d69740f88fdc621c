"""`consentory import`: the whole of the main job."""

import enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from consentory.cli.connection import JsonOption, connected, exit_refused, notes, print_json
from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.client.import_run import BATCH_BYTES, ImportOutcome, ImportProgress, ImportRun

IMPORT_PATIENCE = 60.0
"""Seconds for which a call of an import is tried again: longer than a server needs to be restarted."""

_REFRESH_FIELDS = {
    "alternate-ids": "RefreshAlternateIds",
    "contacts": "RefreshContacts",
    "custom-fields": "RefreshCustomFields",
    "groups": "RefreshGroups",
    "tags": "RefreshTags",
}


class Action(enum.StrEnum):
    ADD = "Add"
    DELETE = "Delete"


def _option(help_text: str, *flags: str, **more: Any) -> Any:
    return typer.Option(*flags, help=help_text, show_default=False, **more)


FilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", help="JSON or NDJSON, also packed with gzip or zstd.", show_default=False),
]
NameOption = Annotated[str, _option("What the import is called, 1 to 100 characters.")]
MatchOption = Annotated[str | None, _option("Find people by their alternate id of this type.", metavar="TYPE")]
ActionOption = Annotated[
    Action, _option("Add people (the default), or delete them.", case_sensitive=False, metavar="Add|Delete")
]
RefreshOption = Annotated[
    str | None, _option(f"Remove what a record does not include: {','.join(_REFRESH_FIELDS)}.", metavar="LIST")
]
PriorOption = Annotated[bool, _option("Take a yes to an older version of a consent.", "--allow-prior-consents")]
DaysOption = Annotated[int | None, _option("Days that staged records are kept; default 3.", min=0, max=10)]
BatchOption = Annotated[int, _option("Size of one Stage call; default 8.", min=1, max=28)]
RestartOption = Annotated[bool, _option("Give an interrupted import of these files up and begin anew.", "--restart")]


@connected
def import_files(
    client: ConsentoryClient,
    files: FilesArgument,
    *,
    name: NameOption,
    match: MatchOption = None,
    action: ActionOption = Action.ADD,
    refresh: RefreshOption = None,
    allow_prior_consents: PriorOption = False,
    stage_days: DaysOption = None,
    batch_megabytes: BatchOption = BATCH_BYTES // 1_000_000,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import files of people: stage them in batches, execute, wait, and fetch what was refused.

    What was refused is written beside the first file as FILE.exceptions.ndjson, ready to be corrected and
    imported again. An import that was interrupted goes on when the same command is run again.

    Exit code 0: all processed; 1: done, with exceptions or not honored ones; 2: refused or failed.

    Example: consentory import people.ndjson --account ACME --name nightly --match CRM --refresh contacts,tags
    """
    client.patience = IMPORT_PATIENCE
    fields = make_fields(name, match, action, refresh, allow_prior_consents, stage_days)
    with ImportBars(notes) as bars:
        run = ImportRun(client, files, fields, batch_bytes=batch_megabytes * 1_000_000, on_progress=bars.show_progress)
        if restart:
            run.forget_interrupted()
        outcome = run.run()
    warn_undated(outcome)
    if as_json:
        print_json(summarize_outcome(outcome))
    else:
        print_outcome(outcome)
    raise typer.Exit(choose_exit_code(outcome.status))


def make_fields(
    name: str,
    match: str | None,
    action: Action,
    refresh: str | None,
    allow_prior_consents: bool,
    stage_days: int | None,
) -> JsonObject:
    """Put the options into the fields of Initiate; ends the command where --refresh is wrong."""
    fields: dict[str, Any] = {"Name": name, "ImportAction": str(action)}
    if match:
        fields |= {"MatchCriteria": "AlternateIdType", "MatchValue": match}
    if stage_days is not None:
        fields["DataStageDuration"] = stage_days
    if allow_prior_consents:
        fields["AllowPriorConsents"] = True
    for word in (refresh or "").split(","):
        if not (word := word.strip()):
            continue
        field = _REFRESH_FIELDS.get(word.lower())
        if field is None:
            exit_refused(f"--refresh {word}: unknown; known are {', '.join(_REFRESH_FIELDS)}.")
        fields[field] = True
    return fields


def choose_exit_code(status: JsonObject) -> int:
    """0: all processed; 1: done, with exceptions or not honored ones; 2: failed."""
    if status["Status"] == "Failed":
        return 2
    return int(bool(status["ValidationFailed"] or status["Exceptions"] or status["NotHonored"]))


class ImportBars:
    """A progress bar for each phase, made when the phase begins."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ImportBars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show_progress(self, step: ImportProgress) -> None:
        """Move the bar of the step's phase; the counts beside it come from the server."""
        if step.phase not in self._tasks:
            title = {"stage": "Staging", "execute": "Executing", "exceptions": "Fetching refused"}[step.phase]
            self._tasks[step.phase] = self._progress.add_task(title, total=step.total, note="")
        counted = step.status["TotalRecordsReceived"] if step.phase == "stage" else step.done
        # A phase without records is a phase that is done.
        self._progress.update(
            self._tasks[step.phase],
            completed=step.done if step.total else 1,
            total=step.total or 1,
            note=f"{counted:,} records",
        )


def warn_undated(outcome: ImportOutcome) -> None:
    """Warn of choices that got their date from the moment of staging."""
    undated = outcome.undated_preferences + outcome.undated_consents
    if not undated or outcome.status["ImportAction"] == "Delete":
        return
    notes.print(
        f"[yellow]Warning[/yellow]: {undated:,} choices carry no date of their own "
        f"({outcome.undated_preferences:,} preferences without CustomerDate, "
        f"{outcome.undated_consents:,} consents without ConsentDate). They count as made at the time of this "
        "import, and so win over every choice that was made before it. Give the dates on which people chose."
    )


def summarize_outcome(outcome: ImportOutcome) -> JsonObject:
    """The outcome as `--json` gives it: the status object under `Status`, and what the client adds to it."""
    return {
        "Status": outcome.status,
        "ExceptionsFile": str(outcome.exceptions_file) if outcome.exceptions_file else None,
        "CommonestFaults": [{"Count": fault.count, "Example": fault.example} for fault in outcome.commonest_faults],
        "UndatedPreferences": outcome.undated_preferences,
        "UndatedConsents": outcome.undated_consents,
        "Resumed": outcome.resumed,
        "Seconds": {phase: round(seconds, 3) for phase, seconds in outcome.seconds.items()},
    }


def print_outcome(outcome: ImportOutcome) -> None:
    """Write the summary for people: the books, the speed, the commonest faults, and what to do next."""
    console, status = Console(soft_wrap=True), outcome.status
    # Of a resumed import only a part was timed.
    console.print(make_books_table(status, {} if outcome.resumed else outcome.seconds))
    for fault in outcome.commonest_faults:
        example = fault.example
        console.print(
            f"  {fault.count:,} × [bold]{escape(example.Code)}[/bold]: {escape(example.Message)} "
            f"(say, {escape(example.Path)} = {escape(repr(example.Value))})"
        )
    if outcome.exceptions_file:
        console.print(
            f"Refused records: {outcome.exceptions_file}. Correct them there and import that file.",
            markup=False,
        )
    if outcome.exceptions_gone:
        console.print("The refused records are gone at the server: their retention is over.")
    if status["NotHonored"]:
        console.print(
            "Not honored, because what is stored takes precedence: see "
            f"consentory exceptions {status['AccessToken']} --phase NotHonored"
        )


def make_books_table(status: JsonObject, seconds: dict[str, float] | None = None) -> Table:
    """The counts of an import as a table that adds up, with records a second where times are known."""
    table = Table(title=f"{escape(status['Name'])}: {status['Status']}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for field in ("TotalRecordsReceived", "ValidationSuccessful", "ValidationFailed"):
        table.add_row(field, f"{status[field]:,}", end_section=field == "ValidationFailed")
    table.add_row("Processed", f"{status['Processed']:,}")
    for field in ("Created", "Updated", "Unchanged", "Deleted"):
        if field in status:
            table.add_row(f"  {field}", f"{status[field]:,}")
    for field in ("NotHonored", "Exceptions", "Pending"):
        table.add_row(field, f"{status[field]:,}", end_section=field == "Pending")
    counts = {"stage": status["TotalRecordsReceived"], "execute": status["ValidationSuccessful"]}
    for phase, took in (seconds or {}).items():
        table.add_row(f"Records a second, {phase}", f"{counts[phase] / max(took, 0.001):,.0f}")
    table.add_row("AccessToken", str(status["AccessToken"]))
    return table
