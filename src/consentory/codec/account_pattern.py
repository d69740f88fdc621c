"""Patterns that an account configures: RE2's syntax and meaning, in time linear in the value whatever they say."""

from __future__ import annotations

import re

import re2

_CLASS = r"\[-?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _.@#/:])+-?\]"
_ITEM = rf"(?:[A-Za-z0-9 _@#/:,;=-]|\\[.+*?()/-]|\\d|{_CLASS})"
_COUNT = "(?:0|[1-9][0-9]{0,2})"  # to RE2 a count that begins with 0 is no count, but text
_SIMPLE = re.compile(rf"\^?(?:{_ITEM}(?:\{{{_COUNT}\}})?)*{_ITEM}(?:[+*?]|\{{{_COUNT}(?:,(?:{_COUNT})?)?\}})?\$?")
"""Characters and plain classes in a row, each so many times, only the last perhaps as often as it likes: Python's own
engine reads such a pattern in the same way, and has nothing to go back to."""


class AccountPattern:
    """A compiled pattern. Raises re2.error when it is none.

    Plain patterns on ASCII values go to Python's own engine, in a third of the time and without letting go of the
    interpreter; all else to RE2. A property test holds both paths together.
    """

    __slots__ = ("_full", "_simple")

    def __init__(self, text: str) -> None:
        self._full = re2.compile(text)
        self._simple = re.compile(text, re.ASCII) if _SIMPLE.fullmatch(text) else None

    @property
    def is_verbatim(self) -> bool:
        """Whether it has the quick path."""
        return self._simple is not None

    def matches(self, value: str) -> bool:
        """Whether the pattern matches the whole value."""
        if self._simple is not None and value.isascii():
            return self._simple.fullmatch(value) is not None
        # For a str the library works out character positions that nobody asks for.
        return self._full.fullmatch(value.encode()) is not None
