"""What others wrote, as a terminal may show it: nothing in it can hide, reorder or overwrite what stands beside it."""

from __future__ import annotations

from unicodedata import category

from rich.markup import escape

_CONTROLS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Controls, formats (the bidirectional ones among them), half characters, and separators of lines."""
_JOINERS = "\u200c\u200d"
"""Names in Persian, in scripts of India and in emoji need them, and they move nothing."""


def show_text(text: str) -> str:
    """The text for Rich's markup; a control character in it is spelled out, as <U+202E>."""
    return escape("".join(map(_show_character, text)))


def _show_character(character: str) -> str:
    hidden = category(character) in _CONTROLS and character not in _JOINERS
    return f"<U+{ord(character):04X}>" if hidden else character
