"""Commands on mappings, which make records from the columns of a table."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from consentory.client.api_client import ApiProblem, ConsentoryClient
from consentory.codec.sources import SourceFile, open_file
from consentory.codec.sources.byte_source import STANDARD_INPUT
from consentory.codec.sources.record_inputs import InputOptions
from consentory.codec.tabular.mapping_document import TableMapping, read_mapping
from consentory.codec.tabular.mapping_presets import list_presets, read_preset, write_defaults
from consentory.codec.tabular.mapping_suggestion import SAMPLE_ROWS, suggest_mapping
from consentory.codec.tabular.record_nodes import OPT_OUTS
from consentory.codec.tabular.row_mapping import RowMapping, RowRefused, compile_mapping
from consentory.codec.tabular.table import ReadOptions, Row, TableDescription, spell_undecodable
from consentory.domain.configuration import Configuration
from consentory.errors import ConsentoryError
from consentory.terminal.connection import connected_where_set, exit_refused
from consentory.terminal.reading_notes import say_reading
from consentory.terminal.terminal_output import make_console, notes, say
from consentory.terminal.visible_text import show_text

_answers = make_console(soft_wrap=True)
mapping_app = typer.Typer(no_args_is_help=True, help="Mappings, which make records from the columns of a file.")

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="A file: CSV, XLSX, XLS, ODS or Parquet. - is standard input.", show_default=False
    ),
]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="The mapping document, YAML.", show_default=False)
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="A mapping of this program. See consentory mapping presets.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the mapping or preset.", show_default=False),
]
EncodingOption = Annotated[
    str | None,
    typer.Option("--encoding", help="The encoding of a CSV file. It is detected by default.", show_default=False),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option("--delimiter", help="The delimiter of a CSV file. It is detected by default.", show_default=False),
]
HeaderOption = Annotated[
    int | None,
    typer.Option("--header", min=1, help="The line of the header. The default is the first line.", show_default=False),
]
SheetOption = Annotated[
    str | None,
    typer.Option("--sheet", help="The sheet, by name or number. The default is the first sheet.", show_default=False),
]
RowsOption = Annotated[int, typer.Option("--rows", min=1, max=1000, help="The number of rows to show.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(mapping_app, name="mapping")


def choose_mapping(mapping: Path | None, preset: str | None) -> TableMapping | None:
    """Read the mapping or preset that the options name. Ends the command if they name both."""
    if mapping and preset:
        exit_refused("--mapping and --preset cannot both be given. Leave one of them out.")
    if mapping:
        return read_mapping(mapping.read_bytes(), str(mapping))
    return read_preset(preset) if preset else None


def read_settings(given: list[str] | None) -> dict[str, str]:
    """The values of --set by name. Ends the command if one is not of the form NAME=VALUE."""
    settings = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            exit_refused(f"--set {text}: must be NAME=VALUE, such as newsletter=NEWS-EMAIL.")
        settings[name.strip()] = value.strip()
    return settings


def fetch_configuration(client: ConsentoryClient | None) -> Configuration | None:
    """The account's configuration. None: there is no server, or the user may not read it, which is printed."""
    if client is None:
        return None
    try:
        return msgspec.convert(client.configuration(), Configuration)
    except ApiProblem as problem:
        if problem.status != 403:
            raise
        notes.print(
            "The mapping is not compared with the account, because this user may not read the account's configuration."
        )
        return None


@mapping_app.command("suggest")
@connected_where_set
def suggest(
    client: ConsentoryClient | None,
    file: FileArgument,
    *,
    preset: PresetOption = None,
    settings: SetOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    sheet: SheetOption = None,
) -> None:
    """Suggest a mapping for a file, from its header and its first 1,000 rows. Read each comment before you use it.

    With a server, the mapping has the types, filters and fields of the account. With --preset the command prints the
    preset, so that you can edit it. --set puts the values of its parameters into it.

    Example: consentory mapping suggest people.csv > mapping.yaml
    """
    given = read_settings(settings)
    if preset:
        sys.stdout.write(write_defaults(read_preset(preset), given))
        return
    if given:
        exit_refused("--set gives the parameters of a preset. Add --preset, or leave --set out.")
    configuration = fetch_configuration(client)
    options = ReadOptions(encoding, delimiter, header, int(sheet) if sheet and sheet.isdecimal() else sheet)
    with _open(file, encoding) as source:
        table = source.open_table(options)
        say_reading(table.description.summary(), table.description.doubt)
        rows = list(itertools.islice(table.read_rows(), SAMPLE_ROWS))
        sys.stdout.write(suggest_mapping(table.description, rows, configuration, options))


@mapping_app.command("show")
@connected_where_set
def show(
    client: ConsentoryClient | None,
    file: FileArgument,
    *,
    mapping: MappingOption = None,
    preset: PresetOption = None,
    settings: SetOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    rows: RowsOption = 5,
) -> None:
    """Print rows of a file and their records. Nothing is imported.

    Example: consentory mapping show people.csv --mapping mapping.yaml --rows 3
    """
    chosen = choose_mapping(mapping, preset)
    options = InputOptions(encoding, delimiter, sheet, chosen).read_options()
    with _open(file, options.encoding) as source:
        table = source.open_table(options)
        say_reading(table.description.summary(), table.description.doubt)
        compiled = compile_mapping(chosen, table.description, fetch_configuration(client), read_settings(settings))
        for row in itertools.islice(table.read_rows(), rows):
            for line in [*_show_row(row, table.description), *_show_record(row, compiled), ""]:
                _say(line)


@mapping_app.command("presets")
def show_presets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print the document of this preset.")] = None,
) -> None:
    """List the mappings of this program, each with its assumptions and its parameters (--set NAME=VALUE).

    Example: consentory mapping presets mailchimp
    """
    presets = list_presets()
    if name is not None:
        try:
            sys.stdout.write(read_preset(name).text.decode())
        except ConsentoryError as error:
            exit_refused(error)
        return
    for title, preset in presets.items():
        say(title)
        for line in preset.document.about.strip().splitlines():
            say(f"  {line}")
        for parameter, told in preset.document.parameters.items():
            need = f"default {told.default}" if told.default else "optional" if told.optional else "needed"
            say(f"  --set {parameter}=…   {told.about} ({need})")
        say("")


def _open(file: Path, encoding: str | None) -> SourceFile:
    return open_file(file, encoding, sys.stdin.buffer if str(file) == STANDARD_INPUT else None)


def _say(line: str) -> None:
    _answers.print(show_text(line))


def _show_row(row: Row, table: TableDescription) -> list[str]:
    width = max((len(column.name) for column in table.columns), default=0)
    lines = [table.place_row(row)]
    for column, cell in zip(table.columns, row.cells, strict=False):
        if cell not in (None, ""):
            shown = spell_undecodable(cell) if isinstance(cell, str) else cell
            lines.append(f"  {column.name:<{width}}  {shown}")
    return lines


def _show_record(row: Row, mapping: RowMapping) -> list[str]:
    before = mapping.left_out.copy()
    try:
        record = mapping.make_record(row)
    except RowRefused as refused:
        return [f"  refused: {f'{fault.column}: ' if fault.column else ''}{fault.message}" for fault in refused.faults]
    lines = [f"  {line}" for line in msgspec.json.format(record, indent=2).decode().splitlines()]
    left_out = mapping.left_out - before
    if left_out.pop(OPT_OUTS, 0):
        lines.append("  left out: an opt-out, because the row has no address or number for it")
    if left_out:
        lines.append("  left out: an address, because the row has only a part of it")
    return lines
