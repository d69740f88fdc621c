"""The only module that writes to a terminal. No text of a server or a file can control the terminal.

Foreign text goes through `show_text` (Rich's markup) or `say` (plain lines). A character that the terminal's encoding
does not have is written as its escape, so no encoding stops a command.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import msgspec
from rich.console import Console

from consentory.codec.hidden_characters import escape_all, escape_hidden, spell_hidden


def prepare_streams() -> None:
    """Let standard output and error accept each character, with any encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def make_console(*, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> Console:
    """A console of Rich that keeps `:bomb:` as text, and does not colour numbers or paths."""
    return Console(stderr=stderr, soft_wrap=soft_wrap, width=width, emoji=False, highlight=False)


notes = make_console(stderr=True, soft_wrap=True)
"""For people: progress, warnings, errors. The answer of a command goes to standard output."""


def say(text: str) -> None:
    """Write one line of an answer to standard output."""
    sys.stdout.write(spell_hidden(text) + "\n")


def print_json(answer: object) -> None:
    """Write an answer for machines to standard output."""
    write_json_text(_format_json(answer))


def write_json_text(text: str) -> None:
    """Write JSON text and a line end to standard output. Hidden characters are written as escapes."""
    in_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    sys.stdout.write((escape_hidden(text) if in_unicode else escape_all(text)) + "\n")


def _format_json(answer: Any) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
    except UnicodeEncodeError:  # a file name or a refused value contains half a character
        return json.dumps(msgspec.to_builtins(answer), indent=2)
