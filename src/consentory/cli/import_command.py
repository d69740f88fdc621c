"""`consentory import`: the whole of the main job."""

import enum
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from consentory.cli.connection import JsonOption, connected, exit_refused
from consentory.cli.import_summary import choose_exit_code, print_outcome, summarize_outcome, warn_undated
from consentory.cli.terminal import notes, print_json
from consentory.cli.visible_text import show_text
from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.client.import_run import BATCH_BYTES, ImportProgress, ImportRun
from consentory.client.own_files import leave_out_own

IMPORT_PATIENCE = 60.0
"""Seconds for which a call of an import is tried again: longer than a server needs to be restarted."""

PHASES = {"check": "Checking", "stage": "Staging", "execute": "Executing", "exceptions": "Fetching refused"}
"""The phases of an import, as a person sees them."""

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
    list[str],
    typer.Argument(metavar="FILE…", help="JSON or NDJSON, also packed with gzip or zstd.", show_default=False),
]
NameOption = Annotated[str, _option("A name for the import, 1 to 100 characters.")]
MatchOption = Annotated[str | None, _option("Find people by their alternate id of this type.", metavar="TYPE")]
NoMatchOption = Annotated[bool, _option("Every record without a ProfileId is a new person.", "--no-match")]
SkipOption = Annotated[
    bool, _option("Go on without lines that are no JSON, and write them to FILE.broken.", "--skip-broken")
]
ActionOption = Annotated[
    Action,
    _option(
        "Add people (the default), or delete them. A deleted person comes back with the next file that holds them.",
        case_sensitive=False,
        metavar="Add|Delete",
    ),
]
RefreshOption = Annotated[
    str | None, _option(f"Remove what a record does not include: {','.join(_REFRESH_FIELDS)}.", metavar="LIST")
]
PriorOption = Annotated[bool, _option("Accept a yes to an older version of a consent.", "--allow-prior-consents")]
DaysOption = Annotated[int | None, _option("Days that staged records are kept; default 3.", min=0, max=10)]
BatchOption = Annotated[int, _option("Size of one Stage call; default 8.", min=1, max=28)]
RestartOption = Annotated[bool, _option("Give up an interrupted import of these files, and begin anew.", "--restart")]


@connected
def import_files(
    client: ConsentoryClient,
    files: FilesArgument,
    *,
    name: NameOption,
    match: MatchOption = None,
    no_match: NoMatchOption = False,
    action: ActionOption = Action.ADD,
    refresh: RefreshOption = None,
    allow_prior_consents: PriorOption = False,
    stage_days: DaysOption = None,
    skip_broken: SkipOption = False,
    batch_megabytes: BatchOption = BATCH_BYTES // 1_000_000,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import files of people: check them, stage them in batches, execute, wait, and fetch the refused records.

    The refused records are written beside the first file as FILE.exceptions.ndjson, ready to be corrected and
    imported again. An import that was interrupted goes on when the same command is run again.

    Deleted people come back with the next file that holds them; consentory profile deactivate keeps them out.

    Exit code 0: all processed; 1: done, with exceptions or not honored ones; 2: refused or failed.

    Example: consentory import people.ndjson --account ACME --name nightly --match CRM --refresh contacts,tags
    """
    client.patience = IMPORT_PATIENCE
    if match and no_match:
        exit_refused("--match and --no-match contradict each other; give one of them.")
    paths = choose_files(files)
    fields = make_fields(name, match, action, refresh, allow_prior_consents, stage_days)
    with ImportBars(notes) as bars:
        run = ImportRun(
            client,
            paths,
            fields,
            batch_bytes=batch_megabytes * 1_000_000,
            skip_broken=skip_broken,
            confirm_unmatched=lambda types: no_match or bars.ask(lambda: confirm_unmatched(types)),
            on_progress=bars.show_progress,
        )
        outcome = run.run(restart=restart)
    warn_undated(outcome.status)
    if as_json:
        print_json(summarize_outcome(outcome))
    else:
        print_outcome(outcome)
    raise typer.Exit(choose_exit_code(outcome.status, outcome.broken))


def choose_files(names: Sequence[str]) -> list[Path]:
    """The files to import; names those that are left out. Ends the command where none is left."""
    if not all(names):
        exit_refused("A file name is empty. Is a variable of the shell not set? Give the name of the file.")
    paths, left_out = leave_out_own([Path(name) for name in names])
    for path in left_out:
        notes.print(show_text(f"{path}: left out, because an import wrote it. To import it, name it alone."))
    if not paths:
        exit_refused("No file is left to import.")
    return paths


def confirm_unmatched(types: Sequence[str]) -> bool:
    """Ask whether records with alternate ids are meant to become new people; no, where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    notes.print(
        f"The records carry alternate ids ({show_text(', '.join(types))}), and --match is not given. Each record "
        "without a ProfileId would become a new person, also one who is stored already."
    )
    return typer.confirm("Import every record as a new person?", err=True)


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

    def ask(self, question: Callable[[], bool]) -> bool:
        """Ask a person something, with the bars out of the way."""
        self._progress.stop()
        try:
            return question()
        finally:
            self._progress.start()

    def show_progress(self, step: ImportProgress) -> None:
        """Move the bar of the step's phase."""
        if step.phase not in self._tasks:
            self._tasks[step.phase] = self._progress.add_task(PHASES[step.phase], total=step.total, note="")
        # A phase without records is a phase that is done.
        self._progress.update(
            self._tasks[step.phase],
            completed=step.done if step.total else 1,
            total=step.total or 1,
            note=f"{step.records:,} records",
        )
