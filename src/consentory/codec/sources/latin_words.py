"""Compare encodings of Latin letters by the words that have letters outside ASCII.

A detector that measures the whole text cannot distinguish them, because nearly all of the text is ASCII.
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
"""For each language, its letters outside ASCII."""
_DIGIT = re.compile(rb"[0-9]")
_AS_GOOD = 0.9  # an encoding with this part of the best fit is plausible too


def compare_latin(words: Sequence[bytes], guess: str, *, enough: bool) -> tuple[str, list[str]]:
    """The encoding that reads the most words as words of one language, and the encodings that are as plausible.

    `guess` is taken if no encoding is better, or if `guess` is not an encoding of Latin letters. `enough`: there are
    enough words to find their language. If not, each encoding that reads only letters is plausible.
    """
    if guess not in _ENCODINGS:
        return guess, []
    words = [word for word in words if len(word) > 1 and not _DIGIT.search(word)]  # an amount such as £50 is not a word
    measures = {name: _measure(words, name) for name in (guess, *_ENCODINGS)}
    name = max(measures, key=lambda item: measures[item])  # the first of equal ones
    fit, odd = measures[name]
    if enough and 2 * fit >= len(words):
        return name, [other for other in _ENCODINGS if other != name and measures[other][0] >= _AS_GOOD * fit]
    return name, [other for other in _ENCODINGS if other != name and measures[other][1] >= odd]


def _measure(words: Sequence[bytes], encoding: str) -> tuple[int, int]:
    """The number of words of the language that fits best, and the negative number of readings that are not words."""
    read = [word.decode(encoding, "replace") for word in words]
    foreign = [{letter for letter in text if not letter.isascii()} for text in read if _is_word(text)]
    fits = [sum(all(_is_of(letter, alphabet) for letter in item) for item in foreign) for alphabet in _ALPHABETS]
    return max(fits), len(foreign) - len(read)


def _is_of(letter: str, alphabet: frozenset[str]) -> bool:
    return letter in alphabet or letter.lower() in alphabet


def _is_word(text: str) -> bool:
    """True if each character outside ASCII is a letter, and no capital letter outside ASCII follows a small letter."""
    if not all(letter.isascii() or letter.isalpha() for letter in text):
        return False
    pairs = itertools.pairwise(text)
    return not any(left.islower() and right.isupper() and not (left + right).isascii() for left, right in pairs)
