"""`consentory changes`: the changes of people after a position, to standard output or to a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from consentory.client.api_client import ConsentoryClient, JsonObject
from consentory.client.change_files import ENDINGS, ChangeWriter, Format, make_writer, open_changes_file
from consentory.terminal.connection import connected, exit_refused
from consentory.terminal.terminal_output import notes

_PAGE = 5000
_WAIT = 25
"""The seconds for which a call waits for the next change."""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("changes")(write_changes)


@connected
def write_changes(
    client: ConsentoryClient,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for further changes, until Ctrl+C. A file is continued.")
    ] = False,
    after: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="POSITION", help="Only changes after this position. Default: all that are kept.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file .ndjson, .json or .csv. Default: standard output.",
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Write the changes of people in the order of their positions: one line of JSON for each change, or a file.

    The last line on standard error has the position after which the next run goes on.

    Example: consentory changes --after 4711 -o changes.csv
    """
    form = choose_format(output, follow=follow)
    count, position = 0, after
    try:
        with _open_writer(output, form, follow=follow) as writer, notes.status("Reading changes") as status:
            for page in list_pages(client, after, follow=follow):
                writer.write(page["Items"])
                count, position = count + len(page["Items"]), page["Next"]
                status.update(f"{count:,} changes, position {position:,} of {page['Latest']:,}")
    except KeyboardInterrupt:
        if not follow:
            raise
    notes.print(f"{count:,} changes. To go on: consentory changes --after {0 if position is None else position}")


def choose_format(output: Path | None, *, follow: bool) -> Format:
    """The format by the file's ending. Ends the command if the file has another ending."""
    form = "ndjson" if output is None else ENDINGS.get(output.suffix.lower())
    if form is None or (follow and form == "json"):
        allowed = ".ndjson or .csv" if follow else ".ndjson, .json or .csv"
        exit_refused(f"The file must end with {allowed}, not {output}.")
    return form


def list_pages(client: ConsentoryClient, after: int | None, *, follow: bool) -> Iterator[JsonObject]:
    """The pages of changes, until nothing is left, or for ever."""
    while True:
        page = client.changes(after=after, limit=_PAGE, wait=_WAIT if follow else None)
        yield page
        after = page["Next"]
        if not follow and page["Next"] >= page["Latest"]:
            return


@contextmanager
def _open_writer(output: Path | None, form: Format, *, follow: bool) -> Iterator[ChangeWriter]:
    if output is None:
        yield make_writer(form, sys.stdout.buffer)
        return
    with open_changes_file(output, form, append=follow) as writer:
        yield writer
