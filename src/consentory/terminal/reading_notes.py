"""The first line of each command that reads a file of people: the options for reading, and the guesses in them."""

from consentory.terminal.terminal_output import notes
from consentory.terminal.visible_text import show_text


def say_reading(summary: str, doubt: str = "") -> None:
    """Print how one file is read. An empty text prints nothing. `doubt`: a warning."""
    if summary:
        notes.print(show_text(summary))
    if doubt:
        notes.print(f"[yellow]Warning[/yellow]: {show_text(doubt)}")
