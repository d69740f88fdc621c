"""Text of others, as a terminal may show it: nothing in it can hide, move or overwrite the text beside it."""

from __future__ import annotations

from rich.markup import escape

from consentory.codec.hidden_characters import spell_hidden


def show_text(text: str) -> str:
    """The text for Rich's markup; a hidden character in it is spelled out, as <U+202E>."""
    return escape(spell_hidden(text))


def show_lines(text: str) -> str:
    """As `show_text`, and the text keeps its line ends."""
    return "\n".join(map(show_text, text.split("\n")))
