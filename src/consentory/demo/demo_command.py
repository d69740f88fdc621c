"""`consentory demo`: the whole main job with generated people, from an empty folder to a finished import."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from consentory.client.api_client import ConsentoryClient
from consentory.client.import_run import ImportOutcome, ImportProgress, ImportRun, ImportUnfinished
from consentory.codec.sources.record_inputs import open_inputs
from consentory.demo.demo_files import play_file_scene
from consentory.demo.demo_report import (
    find_surprises,
    make_balance_table,
    print_faults,
    print_not_honored,
    print_person,
    print_speed,
)
from consentory.demo.demo_server import DemoFailed, DemoServer, undisturbed
from consentory.demo.people import generate_records
from consentory.errors import ConsentoryError
from consentory.store.embedded.embedded_server import EmbeddedServer
from consentory.terminal.connection import exit_refused
from consentory.terminal.import_bars import PHASES, ImportBars
from consentory.terminal.terminal_output import make_console
from consentory.terminal.visible_text import show_text

ACCOUNT_FILE = Path(__file__).with_name("demo_account.yaml")
ACCOUNT, USER = "DEMO", "nightly"
PERSON = "ana"
"""The user of the console."""
IMPORT_FIELDS = {"Name": "Demo", "ImportAction": "Add", "MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}

_SEED = 2026
_SCALAR_WIDTH = 120  # columns, where the output is no terminal
_EVERY = 1000  # records between two updates of the progress bar
_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("demo")(run_demo)


def run_demo(
    people: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many records to generate.")] = 100_000,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new or empty folder to work in. The default is a temporary folder."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave the server running until Ctrl-C, with a link to its console; keep the folder."
        ),
    ] = False,
) -> None:
    """Start a server, import generated people into it, show the result, and delete everything that was made.

    Exit code 0: the counts add up and exactly the faulty records were refused; 1: they differ; 2: the demo failed.

    Example: consentory demo --people 20000
    """
    console = _open_console()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    try:
        with open_folder(data, keep, console) as folder:
            console.print("Starting a server on an empty data folder …")
            with DemoServer(folder) as server:
                surprises = play_demo(console, server, folder, people)
                console.print(f"Done in {time.monotonic() - began:.0f} s.")
                print_verdict(console, surprises)
                if keep:
                    leave_running(console, server)
    except ImportUnfinished as error:
        exit_refused(error.cause)
    except (ConsentoryError, OSError) as error:
        exit_refused(error)
    except KeyboardInterrupt:
        console.print("Interrupted. The server was stopped.")
        raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(int(bool(surprises)))


def print_verdict(console: Console, surprises: list[str]) -> None:
    """Say whether the result is the expected one."""
    if not surprises:
        console.print("The counts add up, and exactly the faulty records were refused.", style="green")
    for surprise in surprises:
        console.print(show_text(surprise), style="bold red")


def leave_running(console: Console, server: DemoServer) -> None:
    """Print a link that signs a person in to the console, and wait until Ctrl-C or the end of the server."""
    words = ("console", "link", "--account", ACCOUNT, "--user", PERSON, "--server", server.url)
    console.print(f"\nThe server runs until you press Ctrl-C. Its console: {server.url}/console", soft_wrap=True)
    console.print(
        f"This link signs you in, once and for 10 minutes: {server.run_command(*words).strip()}", soft_wrap=True
    )
    console.print(f"Another link: consentory {' '.join(words)} --data {server.data}", soft_wrap=True)
    try:
        server.wait()
    except KeyboardInterrupt:
        console.print("Stopping the server …")


def _open_console() -> Console:
    console = make_console()
    return console if console.is_terminal else make_console(width=_SCALAR_WIDTH)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def open_folder(data: Path | None, keep: bool, console: Console) -> Iterator[Path]:
    """The folder to work in. Unless `keep` is set, the folder is deleted at the end with its content.

    Raises DemoFailed if the folder is not empty.
    """
    if data is None:
        folder = Path(tempfile.mkdtemp(prefix="consentory-demo-"))
    else:
        folder = data.expanduser().resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DemoFailed(f"{folder} is not empty. Name a new or empty folder for the demo.")
    if os.geteuid() == 0:
        folder.chmod(0o711)  # the database runs as another user, who must be able to enter the folder
    try:
        yield folder
    finally:
        if keep:
            again = f"consentory up --data {folder / 'store'}"
            console.print(f"Kept in {folder}. To start the server again: {again}", soft_wrap=True)
        else:
            with undisturbed():
                EmbeddedServer(folder / "store").erase()  # root's database may be in another folder
                shutil.rmtree(folder)


def play_demo(console: Console, server: DemoServer, folder: Path, count: int) -> list[str]:
    """Play both scenes and show the results. Returns the deviations from the expected results."""
    server.run_command("account", "apply", str(ACCOUNT_FILE))
    credentials = json.loads(server.run_command("credentials", "create", "--account", ACCOUNT, "--user", USER))
    console.print(f"Up at {server.url}, with the account {ACCOUNT} and credentials for its user {USER}.")
    made = make_people(console, folder / "people.ndjson", count)
    with ConsentoryClient(server.url, ACCOUNT, credentials["client_id"], credentials["client_secret"], USER) as client:
        outcome = import_people(console, client, made.path)
        console.print()
        console.print(make_balance_table(outcome.status))
        print_speed(console, outcome, server.measure_memory())
        console.print()
        print_faults(console, outcome.commonest_faults)
        if outcome.status["NotHonored"]:
            print_not_honored(console, client, outcome.status)
        console.print()
        print_person(console, client, made.repeated)
    settings = {
        "CONSENTORY_ACCOUNT": ACCOUNT,
        "CONSENTORY_USER": USER,
        "CONSENTORY_CLIENT_ID": credentials["client_id"],
        "CONSENTORY_CLIENT_SECRET": credentials["client_secret"],
    }
    surprises = play_file_scene(console, server, settings, folder)
    return find_surprises(outcome, made.faults) + surprises


@dataclass(slots=True)
class MadePeople:
    """A file of generated people. `faults`: the fault of each faulty record, by its SequenceNumber."""

    path: Path
    faults: dict[int, str] = field(default_factory=dict)
    repeated: dict[str, None] = field(default_factory=dict)
    """CRM ids of repeated people, in the order of the repetitions."""


def make_people(console: Console, path: Path, count: int) -> MadePeople:
    """Generate an NDJSON file of people, with a progress bar."""
    made = MadePeople(path)
    began = time.monotonic()
    columns = (TextColumn("{task.description:<18}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    bar = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
    with bar, path.open("wb") as file:
        task = bar.add_task("Generating", total=count)
        for number, record in enumerate(generate_records(count, _SEED), start=1):
            file.write(record.line + b"\n")
            if record.fault:
                made.faults[number] = record.fault
            if record.repeats:
                made.repeated[record.repeats] = None
            if number % _EVERY == 0:
                bar.update(task, completed=number)
        bar.update(task, completed=count)
    console.print(
        f"Generated {count:,} records, {path.stat().st_size / 1e6:,.1f} MB, in {time.monotonic() - began:.1f} s: "
        f"{len(made.faults):,} faulty, {len(made.repeated):,} people more than once."
    )
    return made


def import_people(console: Console, client: ConsentoryClient, path: Path) -> ImportOutcome:
    """Import the file as `consentory import` does. Progress is shown as bars, or as lines if there is no terminal."""
    with open_inputs([path]) as inputs:
        if not console.is_terminal:
            return ImportRun(client, inputs, IMPORT_FIELDS, on_progress=ProgressLines(console).show_progress).run()
        with ImportBars(console) as bars:
            return ImportRun(client, inputs, IMPORT_FIELDS, on_progress=bars.show_progress).run()


class ProgressLines:
    """A line for each quarter of each phase."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._quarters: dict[str, int] = {}

    def show_progress(self, step: ImportProgress) -> None:
        """Write a line if the phase reaches its next quarter."""
        quarter = 4 * step.done // max(step.total, 1)
        if quarter > self._quarters.get(step.phase, 0):
            self._quarters[step.phase] = quarter
            self._console.print(f"{PHASES[step.phase]}: {25 * quarter} %")
