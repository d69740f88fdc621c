"""The second scene of the demo: a file of a mailing tool, imported by a preset, and its refused rows."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from consentory.demo.demo_server import DemoFailed, DemoServer
from consentory.demo.demo_subscribers import SUBSCRIBERS, write_subscribers
from consentory.terminal.visible_text import show_text

_SEED = 2026
_PRESET = ("--preset", "mailchimp", "--set", "newsletter=NEWS-EMAIL", "--set", "id=Loyalty")
_ALL_PROCESSED, _WITH_EXCEPTIONS = 0, 1


def play_file_scene(console: Console, server: DemoServer, settings: Mapping[str, str], folder: Path) -> list[str]:
    """Import the file with the command `consentory import`. Returns the deviations from the expected result.

    `settings`: the settings of the connection, by the names of their environment variables.
    """
    path, faulty = write_subscribers(folder, _SEED)
    console.print()
    console.print(f"And now a file as Mailchimp exports it: {SUBSCRIBERS} subscribers, {len(faulty)} rows faulty.")
    words = ["import", path.name, *_PRESET, "--name", "Subscribers"]
    console.print(f"$ consentory {shlex.join(words)}", markup=False, soft_wrap=True)
    done = server.run_client(words, settings)
    if done.returncode not in (_ALL_PROCESSED, _WITH_EXCEPTIONS):
        raise DemoFailed(f"The import of {path.name} failed:\n{done.stderr or done.stdout}")
    console.print(done.stdout.rstrip(), markup=False)
    refused = next(iter(sorted(folder.glob(f"{path.name}.exceptions*.csv"))), None)
    if refused is None:
        return [f"No row of {path.name} was refused, and {len(faulty)} are faulty."]
    lines = _show_refused(console, refused)
    missed, wronged = sorted(faulty - lines), sorted(lines - faulty)
    return [f"Line {line} of {path.name} was accepted, though faulty." for line in missed] + [
        f"Line {line} of {path.name} was refused, though good." for line in wronged
    ]


def _show_refused(console: Console, refused: Path) -> set[int]:
    """Show the refused rows of the file to correct. Returns the numbers of their lines in the imported file."""
    with refused.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    title = f"{refused.name}: correct the cells, and import this file with the same command"
    table = Table("Email Address", "…", "consentory_line", "consentory_faults", title=title, title_justify="left")
    for row in rows:
        table.add_row(show_text(row["Email Address"]), "…", row["consentory_line"], show_text(row["consentory_faults"]))
    console.print(table)
    return {int(row["consentory_line"]) for row in rows}
