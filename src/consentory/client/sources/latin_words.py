"""Compare encodings of Latin letters by the words that have letters outside ASCII.

A detector that measures the whole text cannot tell them apart: nearly all of the text of such a file is ASCII.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_ENCODINGS = (
    "cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2", "iso8859_15", "iso8859_9", "cp850", "cp852", "cp437",
    "cp1258", "mac_roman",
)  # fmt: skip
_ALPHABETS = [
    frozenset(letters)
    for letters in (
        "äöüß", "àâçéèêëîïôùûüœæ", "áéíñóúü", "àèéìòù", "ãáàâçéêíóôõú", "àçèéíïòóúü", "éëïöü", "åäöé", "åæøé",
        "áðéíóúýþæö", "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž",
        "çğıİöşüâ", "āčēģīķļņšūž", "ąčęėįšųūž", "äöõüšž",
    )
]  # fmt: skip
"""The letters outside ASCII of one language each."""
_DIGIT = re.compile(rb"[0-9]")
_AS_GOOD = 0.9  # a part of the best fit; a fit above it says nothing against an encoding


def compare_latin(words: Sequence[bytes], guess: str, *, enough: bool) -> tuple[str, list[str]]:
    """The encoding that reads the most words as words of one language, and the encodings that are as plausible.

    `guess` is taken where nothing is better, and where it is no encoding of Latin letters. `enough`: the words are so
    many that their language can be told. Else each encoding is plausible that reads letters only.
    """
    if guess not in _ENCODINGS:
        return guess, []
    words = [word for word in words if len(word) > 1 and not _DIGIT.search(word)]  # an amount such as £50 is no word
    measures = {name: _measure(words, name) for name in (guess, *_ENCODINGS)}
    name = max(measures, key=lambda item: measures[item])  # of equals the first
    fit, odd = measures[name]
    if enough and 2 * fit >= len(words):
        return name, [other for other in _ENCODINGS if other != name and measures[other][0] >= _AS_GOOD * fit]
    return name, [other for other in _ENCODINGS if other != name and measures[other][1] >= odd]


def _measure(words: Sequence[bytes], encoding: str) -> tuple[int, int]:
    """The number of words of the language that fits best; minus the number of readings that are no words."""
    read = [word.decode(encoding, "replace") for word in words]
    foreign = [{letter for letter in text if not letter.isascii()} for text in read if _is_word(text)]
    fits = [sum(all(_is_of(letter, alphabet) for letter in item) for item in foreign) for alphabet in _ALPHABETS]
    return max(fits), len(foreign) - len(read)


def _is_of(letter: str, alphabet: frozenset[str]) -> bool:
    return letter in alphabet or letter.lower() in alphabet


def _is_word(text: str) -> bool:
    """True if nothing outside ASCII is a symbol, and no capital outside ASCII follows a small letter."""
    if not all(letter.isascii() or letter.isalpha() for letter in text):
        return False
    pairs = itertools.pairwise(text)
    return not any(left.islower() and right.isupper() and not (left + right).isascii() for left, right in pairs)
