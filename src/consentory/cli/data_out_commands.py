"""`consentory audience` and `consentory export`: people in bulk, to standard output or to a file."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from consentory.client.api_client import ConsentoryClient
from consentory.client.people_files import read_kind, write_rows
from consentory.codec.answers.audience_answer import AudienceMember
from consentory.codec.answers.profile_answer import ProfileAnswer
from consentory.terminal.connection import connected, exit_refused
from consentory.terminal.terminal_output import notes

_NOTE_ROWS = 1000

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", show_default=False,
        help="A file .ndjson, .json, .csv or .parquet; all but .parquet also with .gz or .zst. Default: lines of JSON"
        " to standard output.",
    ),
]  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("audience")(write_audience)
    app.command("export")(write_export)


@connected
def write_audience(
    client: ConsentoryClient,
    filter_id: Annotated[str, typer.Argument(metavar="FILTER", help="The id of a filter, for example NEWS-EMAIL.")],
    *,
    opted_out: Annotated[bool, typer.Option("--opted-out", help="List the opt-outs in force instead.")] = False,
    output: OutputOption = None,
) -> None:
    """Write everyone who may be contacted now for a filter: one row for each address or number.

    Example: consentory audience NEWS-EMAIL -o news.csv
    """
    write(client.stream_audience(filter_id, opted_out=opted_out), AudienceMember, output)


@connected
def write_export(
    client: ConsentoryClient,
    *,
    customer_type: Annotated[str | None, typer.Option(metavar="NAME", help="Only this customer type.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="NAME", help="Only people with this tag.")] = None,
    group: Annotated[str | None, typer.Option(metavar="TYPE:NAME", help="Only people in this group.")] = None,
    import_id: Annotated[str | None, typer.Option(metavar="ID", help="Only people whom this import created.")] = None,
    modified_since: Annotated[str | None, typer.Option(metavar="TIME", help="Only people changed since then.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Only active people, or others.")] = None,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Write all profiles in the order of their ProfileId. The options are combined.

    The last line on standard error has the position of the export: the changes after it complete the picture.

    Example: consentory export --active --tag loyal -o loyal.parquet
    """
    given = {
        "customerType": customer_type,
        "tag": tag,
        "group": group,
        "importId": import_id,
        "modifiedSince": modified_since,
        "active": None if active is None else str(active).lower(),
    }
    rows = client.stream_export({name: value for name, value in given.items() if value is not None})
    write(rows, ProfileAnswer, output)
    notes.print(f"The changes after it: consentory changes --after {rows.position}", markup=False)


def write(lines: Iterable[bytes], row: type[msgspec.Struct], output: Path | None) -> None:
    """Write the rows, with progress on standard error. Ends the command if the file has an unknown ending."""
    kind = None if output is None else read_kind(output)
    if output is not None and kind is None:
        exit_refused(f"The file must end with .ndjson, .json, .csv or .parquet, not {output.name}.")
    counted = Counted(lines)
    with notes.status("Reading people") as status:
        counted.show = lambda count: status.update(f"{count:,} rows")
        if output is None or kind is None:
            for line in counted:
                sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
        else:
            write_rows(output, kind, row, counted)
    notes.print(f"{counted.count:,} rows{'' if output is None else f' in {output}'}.", markup=False)


class Counted:
    """Lines that are counted while they are read."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.count = 0
        self.show: Callable[[int], None] = lambda _: None

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            yield line
            self.count += 1
            if self.count % _NOTE_ROWS == 0:
                self.show(self.count)
