"""Characters that a reader does not see, and that can hide, move or overwrite the text beside them.

A terminal or a spreadsheet obeys them: ESC and U+009B colour and erase, U+202E reverses the reading direction.
"""

from __future__ import annotations

import re
from unicodedata import category

_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Controls, formats (the bidirectional ones among them), half characters, and separators of lines."""
_JOINERS = "\u200c\u200d"
"""Names in Persian, in scripts of India and in emoji need them, and they move nothing."""
_BEYOND_ASCII = re.compile("[^\x00-\x7e]")


def is_hidden(character: str) -> bool:
    """Whether a reader would not see this character."""
    return category(character) in _CATEGORIES and character not in _JOINERS


def spell_hidden(text: str, *, keep: str = "") -> str:
    """Spell each hidden character out, as `<U+202E>`; all others stay, and those of `keep`."""
    if text.isprintable():
        return text
    return "".join(f"<U+{ord(one):04X}>" if one not in keep and is_hidden(one) else one for one in text)


def escape_hidden(json_text: str) -> str:
    """Write each hidden character of a JSON text as its escape, as `\\u202e`: the same value for a JSON reader.

    The line ends between the tokens stay: inside of strings JSON has its ASCII controls escaped already.
    """
    return _BEYOND_ASCII.sub(lambda found: escape_json(found[0]) if is_hidden(found[0]) else found[0], json_text)


def escape_all(json_text: str) -> str:
    """Write each character of a JSON text that is not ASCII as its escape: any encoding can carry it."""
    return _BEYOND_ASCII.sub(lambda found: escape_json(found[0]), json_text)


def escape_json(character: str) -> str:
    """The character as JSON's own escape: one for each half where UTF-16 needs two."""
    halves = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))
