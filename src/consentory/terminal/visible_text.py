"""Make foreign text safe for a terminal: it cannot hide, move or overwrite the text beside it."""

from __future__ import annotations

from rich.markup import escape

from consentory.codec.hidden_characters import spell_hidden


def show_text(text: str) -> str:
    """The text for Rich's markup. A hidden character in it is spelled out, for example <U+202E>."""
    return escape(spell_hidden(text))


def show_lines(text: str) -> str:
    """Like `show_text`, but the text keeps its line ends."""
    return "\n".join(map(show_text, text.split("\n")))
