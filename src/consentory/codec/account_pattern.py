"""Patterns that an account configures, in RE2 syntax. The time to match a value is linear in the value's length, for
every pattern."""

from __future__ import annotations

import re

import re2

_CLASS = r"\[-?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _.@#/:])+-?\]"
_ITEM = rf"(?:[A-Za-z0-9 _@#/:,;=-]|\\[.+*?()/-]|\\d|{_CLASS})"
_COUNT = "(?:0|[1-9][0-9]{0,2})"  # RE2 reads a count that begins with 0 as text, not as a count
_SIMPLE = re.compile(rf"\^?(?:{_ITEM}(?:\{{{_COUNT}\}})?)*{_ITEM}(?:[+*?]|\{{{_COUNT}(?:,(?:{_COUNT})?)?\}})?\$?")
"""A pattern of characters and simple classes, each with a fixed count; only the last may repeat without bound. Python's
own engine reads such a pattern as RE2 does, and has no positions to backtrack to."""


class AccountPattern:
    """A compiled pattern. Raises re2.error if the text is not a pattern.

    Simple patterns on ASCII values are matched by Python's own engine: it needs a third of the time and does not
    release the interpreter lock. All other patterns are matched by RE2. A property test compares both paths.
    """

    __slots__ = ("_full", "_simple")

    def __init__(self, text: str) -> None:
        self._full = re2.compile(text)
        self._simple = re.compile(text, re.ASCII) if _SIMPLE.fullmatch(text) else None

    @property
    def is_verbatim(self) -> bool:
        """True if the pattern has the fast path."""
        return self._simple is not None

    def matches(self, value: str) -> bool:
        """True if the pattern matches the whole value."""
        if self._simple is not None and value.isascii():
            return self._simple.fullmatch(value) is not None
        # For a str, the library computes character positions that nothing here uses.
        return self._full.fullmatch(value.encode()) is not None
