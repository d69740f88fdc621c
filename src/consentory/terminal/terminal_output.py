"""The only way to a terminal: no text of a server or a file can steer it, and no encoding ends a command.

Text that comes from elsewhere goes through `show_text` (Rich's markup) or `say` (plain lines). A character that
the terminal's encoding does not have is written as its escape.
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
    """Let standard output and error take every character, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def make_console(*, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> Console:
    """A console of Rich that takes `:bomb:` as it stands, and colours no numbers or paths by itself."""
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
    """Write JSON text and a line end to standard output, in its encoding, its hidden characters as escapes."""
    in_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    sys.stdout.write((escape_hidden(text) if in_unicode else escape_all(text)) + "\n")


def _format_json(answer: Any) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
    except UnicodeEncodeError:  # half a character in it, of a file name or a refused value
        return json.dumps(msgspec.to_builtins(answer), indent=2)
