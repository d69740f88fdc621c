"""`consentory import`: the command of the main job."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from consentory.cli.effects_approval import (
    NOT_EXECUTED,
    Approve,
    PreviewOption,
    YesOption,
    choose_approval,
    say_how_to_go_on,
    summarize_findings,
)
from consentory.cli.held_import import exit_held
from consentory.cli.import_options import (
    Action,
    ActionOption,
    BatchOption,
    DaysOption,
    DelimiterOption,
    EncodingOption,
    FilesArgument,
    MatchOption,
    NameOption,
    NoMatchOption,
    PriorOption,
    RefreshOption,
    RestartOption,
    SheetOption,
    SkipOption,
    choose_files,
    confirm_unmatched,
    describe_reading,
    make_fields,
    make_input_options,
    make_match,
    warn_of_pipes,
)
from consentory.cli.mapping_commands import MappingOption, PresetOption, SetOption
from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.client.import_run import ImportHeld, ImportOutcome, ImportRun
from consentory.codec.sources.batch_cutter import BATCH_BYTES
from consentory.codec.sources.record_inputs import InputOptions, find_match, open_inputs
from consentory.terminal.connection import connected, exit_refused
from consentory.terminal.import_bars import ImportBars
from consentory.terminal.import_summary import (
    choose_exit_code,
    print_outcome,
    summarize_outcome,
    warn_undated,
)
from consentory.terminal.reading_notes import say_reading
from consentory.terminal.setting_options import JsonOption
from consentory.terminal.terminal_output import notes, print_json

IMPORT_PATIENCE = 60.0
"""A call of an import is tried again for these seconds. A server needs less time to restart."""


@connected
def import_files(
    client: ConsentoryClient,
    files: FilesArgument,
    *,
    name: NameOption,
    match: MatchOption = None,
    no_match: NoMatchOption = False,
    action: ActionOption = Action.ADD,
    mapping: MappingOption = None,
    preset: PresetOption = None,
    settings: SetOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    refresh: RefreshOption = None,
    allow_prior_consents: PriorOption = False,
    stage_days: DaysOption = None,
    skip_broken: SkipOption = False,
    batch_megabytes: BatchOption = BATCH_BYTES // 1_000_000,
    restart: RestartOption = False,
    preview: PreviewOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import files of people: check them, stage them in batches, execute, wait, and fetch the refused records.

    A table (CSV, XLSX, XLS, ODS, Parquet) needs a mapping: see consentory mapping suggest, and --preset.

    The refused records are written to a file beside the input file, in the same format.
    Correct them there and import that file.

    To continue an interrupted import, run the same command again.

    A deleted person comes back with the next file that holds the person. To prevent that, use profile deactivate.

    Exit code 0: all processed; 1: done, with exceptions or not honored ones; 2: refused or failed; 3: previewed, or
    held by the guard, and nothing was applied.

    Example: consentory import people.ndjson --account ACME --name nightly --match CRM --refresh contacts,tags
    """
    options = make_input_options(client, mapping, preset, settings, encoding=encoding, delimiter=delimiter, sheet=sheet)
    if match and no_match:
        exit_refused("--match and --no-match cannot both be given. Leave one of them out.")
    fields = make_fields(name, match, action, refresh, allow_prior_consents, stage_days)
    approve = choose_approval(preview, yes, as_json)
    run = ImportOptions(skip_broken, no_match, batch_megabytes * 1_000_000, restart, approve)
    try:
        end_import(run_import(client, choose_files(files), options, fields, run), as_json)
    except ImportHeld as held:
        exit_held(held.status, {"Status": held.status} if as_json else None, can_resume=held.can_resume)


def end_import(outcome: ImportOutcome, as_json: bool) -> NoReturn:
    """Print the result of the import, or the next step after a preview, and end the command."""
    warn_undated(outcome.status)
    findings, import_id = outcome.findings, outcome.status["ImportId"]
    if as_json:
        told = summarize_findings(import_id, findings, is_stopped=outcome.is_stopped) if findings else {}
        print_json(summarize_outcome(outcome) | told)
    else:
        print_outcome(outcome)
    if not outcome.is_stopped:
        raise typer.Exit(choose_exit_code(outcome.status, outcome.broken + outcome.refused_rows))
    if findings and not as_json:
        say_how_to_go_on(import_id, findings.preview)
    raise typer.Exit(NOT_EXECUTED)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of the run of an import."""

    skip_broken: bool
    no_match: bool
    batch_bytes: int
    restart: bool
    approve: Approve | None


def run_import(
    client: ConsentoryClient, paths: Sequence[Path], options: InputOptions, fields: JsonObject, how: ImportOptions
) -> ImportOutcome:
    """Open the files, print how they are read, and import them with a bar for each phase."""
    client.patience = IMPORT_PATIENCE
    with open_inputs(paths, options, sys.stdin.buffer, say_reading) as inputs:
        warn_of_pipes(inputs)
        fields = fields | make_match(None if how.no_match or "MatchValue" in fields else find_match(inputs))
        with ImportBars(notes) as bars:
            approve = how.approve
            run = ImportRun(
                client,
                inputs,
                fields,
                reading=describe_reading(options),
                batch_bytes=how.batch_bytes,
                skip_broken=how.skip_broken,
                confirm_unmatched=lambda types: how.no_match or bars.ask(lambda: confirm_unmatched(types)),
                approve=None if approve is None else lambda findings: bars.ask(lambda: approve(findings)),
                on_progress=bars.show_progress,
            )
            return run.run(restart=how.restart)
