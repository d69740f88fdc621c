"""The options of `consentory import`, and their values: files, the fields of Initiate, the options for reading."""

import enum
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from consentory.cli.mapping_commands import choose_mapping, fetch_configuration, read_settings
from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.client.own_files import leave_out_own
from consentory.codec.sources.byte_source import STANDARD_INPUT
from consentory.codec.sources.record_inputs import InputOptions, RecordInput
from consentory.codec.tabular.mapping_document import bind_parameters
from consentory.terminal.connection import exit_refused
from consentory.terminal.terminal_output import notes
from consentory.terminal.visible_text import show_text

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
    typer.Argument(
        metavar="FILE…",
        help="JSON, NDJSON, CSV, XLSX, XLS, ODS or Parquet, also packed with gzip or zstd; - for standard input.",
        show_default=False,
    ),
]
NameOption = Annotated[str, _option("A name for the import, 1 to 100 characters.")]
MatchOption = Annotated[str | None, _option("Find people by their alternate id of this type.", metavar="TYPE")]
NoMatchOption = Annotated[bool, _option("Make a new person of each record without a ProfileId.", "--no-match")]
SkipOption = Annotated[bool, _option("Skip lines that are not JSON, and write them to FILE.broken.", "--skip-broken")]
ActionOption = Annotated[
    Action,
    _option(
        "Add people (the default), or delete them. A deleted person comes back with the next file with the person.",
        case_sensitive=False,
        metavar="Add|Delete",
    ),
]
RefreshOption = Annotated[
    str | None,
    _option(
        f"Remove the values that a record does not include: {', '.join(_REFRESH_FIELDS)}, separated by commas.",
        metavar="LIST",
    ),
]
PriorOption = Annotated[bool, _option("Accept a Granted for an older version of a consent.", "--allow-prior-consents")]
DaysOption = Annotated[int | None, _option("The days that staged records are kept. The default is 3.", min=0, max=10)]
BatchOption = Annotated[int, _option("The megabytes of one Stage call. The default is 8.", min=1, max=28)]
RestartOption = Annotated[
    bool, _option("Give up an interrupted import of these files, and start a new one.", "--restart")
]
EncodingOption = Annotated[str | None, _option("The encoding of a text file, if the detected encoding is wrong.")]
DelimiterOption = Annotated[
    str | None, _option("The delimiter of a CSV file: a character, or tab, comma, semicolon.", metavar="CHARACTER")
]
SheetOption = Annotated[
    str | None, _option("The sheet of a spreadsheet, by name or number. The default is the first sheet.")
]


def choose_files(names: Sequence[str]) -> list[Path]:
    """The files to import. Prints the files that are left out. Ends the command if no file is left."""
    if not all(names):
        exit_refused("A file name is empty. Is a variable of the shell not set? Give the name of the file.")
    if names.count(STANDARD_INPUT) > 1:
        exit_refused("Standard input (-) is named twice. It can be read only once.")
    paths, left_out = leave_out_own([Path(name) for name in names])
    for path in left_out:
        notes.print(show_text(f"{path}: left out, because an import wrote it. To import it, name it alone."))
    if not paths:
        exit_refused("No file is left to import.")
    return paths


def confirm_unmatched(types: Sequence[str]) -> bool:
    """Ask if records with alternate ids shall become new people. If nobody can be asked, the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    notes.print(
        f"The records have alternate ids ({show_text(', '.join(types))}), and --match is not given. Each record "
        "without a ProfileId would become a new person, even if the person is stored already."
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
    """Put the options into the fields of Initiate. Ends the command if --refresh is wrong."""
    fields: dict[str, Any] = {"Name": name, "ImportAction": str(action)} | make_match(match)
    if stage_days is not None:
        fields["DataStageDuration"] = stage_days
    if allow_prior_consents:
        fields["AllowPriorConsents"] = True
    return fields | read_refresh(refresh)


def read_refresh(words: str | None) -> dict[str, bool]:
    """The Refresh flags of `--refresh`. Ends the command if a word is unknown."""
    flags: dict[str, bool] = {}
    for word in filter(None, map(str.strip, (words or "").split(","))):
        field = _REFRESH_FIELDS.get(word.lower())
        if field is None:
            exit_refused(f"--refresh must be one or more of {', '.join(_REFRESH_FIELDS)}, not {word!r}.")
        flags[field] = True
    return flags


def make_match(match: str | None) -> JsonObject:
    """The fields of Initiate for the alternate id that people are found by."""
    return {"MatchCriteria": "AlternateIdType", "MatchValue": match} if match else {}


def make_input_options(
    client: ConsentoryClient,
    mapping: Path | None,
    preset: str | None,
    settings: list[str] | None,
    **reading: str | None,
) -> InputOptions:
    """The options for reading. `reading`: encoding, delimiter and sheet."""
    chosen, values = choose_mapping(mapping, preset), read_settings(settings)
    if chosen is None:
        return InputOptions(
            mapping=None, settings=values, fetch_configuration=lambda: fetch_configuration(client), **reading
        )
    configuration = fetch_configuration(client)
    # The match type may contain a parameter, and is needed before a file is opened.
    bound = bind_parameters(chosen, values, configuration)
    return InputOptions(mapping=bound, settings=values, fetch_configuration=lambda: configuration, **reading)


def describe_reading(options: InputOptions) -> dict[str, str | None]:
    """The options that must be the same to continue an interrupted import."""
    mapping = options.mapping
    return {
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "sheet": options.sheet,
        "mapping": hashlib.sha256(mapping.text).hexdigest() if mapping else None,
        "settings": " ".join(f"{name}={value}" for name, value in sorted(options.settings.items())) or None,
    }


def warn_of_pipes(inputs: Sequence[RecordInput]) -> None:
    """Print that an import of standard input or of a pipe cannot be continued."""
    if not all(item.file.source.regular for item in inputs):
        notes.print(
            "The input is not a regular file. If this import is interrupted, it is cancelled and cannot be continued."
        )
