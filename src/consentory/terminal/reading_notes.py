"""The first line of every command that reads a file of people: how it reads the file, and which part is a guess."""

from consentory.terminal.terminal_output import notes
from consentory.terminal.visible_text import show_text


def say_reading(summary: str, doubt: str = "") -> None:
    """Say how one file is read; nothing for an empty text. `doubt` is a warning."""
    if summary:
        notes.print(show_text(summary))
    if doubt:
        notes.print(f"[yellow]Warning[/yellow]: {show_text(doubt)}")
