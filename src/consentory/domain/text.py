"""Caseless comparison and key hashes: the one place where "the same name" is decided."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from functools import lru_cache

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space. Python's own strip() would also take U+001C to U+001F, which are control characters."""
_TO_SPACE = str.maketrans(
    dict.fromkeys("\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)
"""The blanks of Unicode (category Zs). All other white space is refused inside a name."""


def trim(text: str) -> str:
    """Without Unicode white space at both ends."""
    return text.strip(WHITE_SPACE)


def fold(text: str) -> str:
    """The caseless form: NFC and full case folding; white space of any kind counts as a space (record.md).

    Folding can leave the NFC form and composing can bring back a capital, so both are repeated
    until nothing changes; two rounds are enough for every assigned character.
    """
    if text.isascii():
        return text.lower()
    if not text.isprintable():
        text = text.translate(_TO_SPACE)
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", folded).casefold())


def fold_spaces(text: str) -> str:
    """Caseless and with every run of white space as one blank: how address lines are compared."""
    return " ".join(fold(text).split())


def compare_address(address1: str, city: str, state_province: str, postal_code: str) -> str:
    """The compared form of a postal address: its four lines, caseless and space-collapsed."""
    # A line feed is a control character, so no line can hold one.
    lines = f"{address1}\n{city}\n{state_province}\n{postal_code}"
    if lines.isascii() and "  " not in lines:  # trimmed, and no other white space is left to collapse
        return lines.lower()
    return "\n".join(fold_spaces(line) for line in lines.split("\n"))


def hash_key(account_id: int, *parts: str) -> bytes:
    """128 bits that name a way to find a person: account, kind, type and folded value.

    Made here and not by the database, so that a batch needs no look-up to know its keys.
    """
    return key_hasher(account_id, *parts[:-1])(parts[-1])


@lru_cache(maxsize=1024)
def key_hasher(account_id: int, *kind: str) -> Callable[[str], bytes]:
    """`hash_key` of one kind, for many folded values."""
    begun = hashlib.blake2b("".join(f"{part}\0" for part in (account_id, *kind)).encode(), digest_size=16)

    def hash_value(value: str) -> bytes:
        hasher = begun.copy()
        hasher.update(value.encode())
        return hasher.digest()

    return hash_value
