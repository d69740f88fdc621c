"""Caseless comparison and key hashes: the one place where "the same name" is decided."""

from __future__ import annotations

import hashlib
import unicodedata


def fold(text: str) -> str:
    """The caseless form: NFC and full case folding (record.md, introduction).

    Folding can leave the NFC form and composing can bring back a capital, so both are repeated
    until nothing changes; two rounds are enough for every assigned character.
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", folded).casefold())


def fold_spaces(text: str) -> str:
    """Caseless and with every run of white space as one blank: how address lines are compared."""
    return " ".join(fold(text).split())


def hash_key(account_id: int, *parts: str) -> bytes:
    """128 bits that name a way to find a person: account, kind, type and folded value.

    Made here and not by the database, so that a batch needs no look-up to know its keys.
    """
    return hashlib.blake2b("\0".join((str(account_id), *parts)).encode(), digest_size=16).digest()
