"""Characters that a reader does not see, and that can hide, move or overwrite the text beside them.

A terminal or a spreadsheet interprets such characters: ESC and U+009B change colours and erase text; U+202E reverses
the reading direction.
"""

from __future__ import annotations

import re
from unicodedata import category

_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Controls, formats (among them the bidirectional ones), surrogates, and separators of lines and paragraphs."""
_JOINERS = "\u200c\u200d"
"""Joiners are allowed: names in Persian, in scripts of India and in emoji need them, and joiners do not move text."""
_BEYOND_ASCII = re.compile("[^\x00-\x7e]")


def is_hidden(character: str) -> bool:
    """True if a reader would not see the character."""
    return category(character) in _CATEGORIES and character not in _JOINERS


def spell_hidden(text: str, *, keep: str = "") -> str:
    """Replace each hidden character by its code, for example `<U+202E>`. Other characters, and the characters of
    `keep`, stay."""
    if text.isprintable():
        return text
    return "".join(f"<U+{ord(one):04X}>" if one not in keep and is_hidden(one) else one for one in text)


def escape_hidden(json_text: str) -> str:
    """Replace each hidden character of a JSON text by its escape, for example `\\u202e`. A JSON reader gets the same
    value.

    Line ends between the tokens stay. Inside strings, JSON has already escaped the ASCII controls.
    """
    return _BEYOND_ASCII.sub(lambda found: escape_json(found[0]) if is_hidden(found[0]) else found[0], json_text)


def escape_all(json_text: str) -> str:
    """Replace each character of a JSON text that is not ASCII by its escape. Every encoding can carry the result."""
    return _BEYOND_ASCII.sub(lambda found: escape_json(found[0]), json_text)


def escape_json(character: str) -> str:
    """The JSON escape of a character: two escapes if UTF-16 needs two code units."""
    halves = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))
