"""Caseless comparison and key hashes: the only module that decides whether two names are the same."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from functools import lru_cache

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space. Python's strip() also removes U+001C to U+001F, which are control characters."""
_TO_SPACE = str.maketrans(
    dict.fromkeys("\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)
"""The blanks of Unicode (category Zs). The validation refuses all other white space inside a name."""


def trim(text: str) -> str:
    """The text without Unicode white space at both ends."""
    return text.strip(WHITE_SPACE)


def fold(text: str) -> str:
    """The caseless form: NFC and full case folding. White space of any kind counts as a space (record.md).

    Case folding can leave the NFC form, and composing can bring back a capital letter. So both are repeated until the
    text no longer changes; two rounds are enough for every assigned character.
    """
    if text.isascii():
        return text.lower()
    if not text.isprintable():
        text = text.translate(_TO_SPACE)
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", folded).casefold())


def fold_spaces(text: str) -> str:
    """The caseless form with every run of white space as one blank. Address lines are compared in this form."""
    return " ".join(fold(text).split())


def compare_address(address1: str, city: str, state_province: str, postal_code: str) -> str:
    """The compared form of a postal address: its four lines, caseless and space-collapsed."""
    # A line feed is a control character, so a valid line never contains one.
    lines = f"{address1}\n{city}\n{state_province}\n{postal_code}"
    if lines.isascii() and "  " not in lines:  # the lines are trimmed, so there is no other white space to collapse
        return lines.lower()
    return "\n".join(fold_spaces(line) for line in lines.split("\n"))


def hash_key(account_id: int, *parts: str) -> bytes:
    """A key of 128 bits by which a person is found: a hash of account, kind, type and folded value.

    This code computes the key, not the database, so a batch knows its keys without a query.
    """
    return key_hasher(account_id, *parts[:-1])(parts[-1])


@lru_cache(maxsize=1024)
def key_hasher(account_id: int, *kind: str) -> Callable[[str], bytes]:
    """A function that gives the `hash_key` of a folded value, for many values of one kind."""
    begun = hashlib.blake2b("".join(f"{part}\0" for part in (account_id, *kind)).encode(), digest_size=16)

    def hash_value(value: str) -> bytes:
        hasher = begun.copy()
        hasher.update(value.encode())
        return hasher.digest()

    return hash_value
