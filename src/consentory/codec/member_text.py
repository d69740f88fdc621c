"""Strings of a record: trimmed, no control characters, lengths in code points (record.md, introduction)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeVar

from consentory.codec.findings import Findings, quote
from consentory.domain.text import fold

# Unicode's White_Space. Python's own strip() would also take U+001C to U+001F, which are control characters.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

ItemT = TypeVar("ItemT")


def trim(text: str) -> str:
    """Without Unicode white space at both ends."""
    return text.strip(_WHITE_SPACE)


def is_trimmed(text: str) -> bool:
    """True only for a text from which `trim` takes nothing. (Python's own strip() takes some characters more.)"""
    return text.strip() == text


def read_text(findings: Findings, value: str, parent: str, member: str, least: int, most: int) -> str | None:
    """The trimmed text, or None after its faults were reported. `least` 0 allows a blank."""
    # Nearly every string takes this road: nothing to trim, nothing that could be a control character.
    if least <= len(value) <= most and value.isprintable() and value.strip() == value:
        return value
    text = trim(value)
    path = f"{parent}.{member}"
    found = True
    control = _CONTROL.search(text)
    if control:
        where = f"U+{ord(control[0]):04X} as character {control.start() + 1}"
        message = f"{member} has a control character ({where}); take it out."
        findings.report("String.ControlCharacter", message, path, value)
        found = False
    if not text and least:
        message = f"{member} is blank, which is not allowed here; fill it in or leave the member out."
        findings.report("String.Blank", message, path, value)
        found = False
    elif len(text) < least:
        message = f"{member} {quote(text)} is shorter than {least} characters."
        findings.report("String.TooShort", message, path, value)
        found = False
    elif len(text) > most:
        message = f"{member} has {len(text):,} characters; at most {most} are allowed. Shorten it."
        findings.report("String.TooLong", message, path, value)
        found = False
    return text if found else None


class Names(Generic[ItemT]):
    """Configured names and what they stand for: at once when written as configured, else by the caseless form."""

    __slots__ = ("_folded", "exact")

    def __init__(self, items: Iterable[tuple[str, ItemT]]) -> None:
        self.exact: dict[str | None, ItemT] = dict(items)
        self._folded = {fold(name): item for name, item in self.exact.items() if name is not None}

    def read(
        self, findings: Findings, value: str | None, parent: str, member: str, most: int, code: str
    ) -> ItemT | None:
        """The item that a member names, caseless; None after a fault: `code` when nothing has that name.

        An absent member is the item under None, where there is one, else it is required.
        """
        item = self.exact.get(value)
        if item is not None:
            return item
        if value is None:
            findings.require(parent, member)
            return None
        text = read_text(findings, value, parent, member, 1, most)
        if text is None:
            return None
        item = self._folded.get(fold(text))
        if item is None:
            message = f"{member} {quote(text)} is not known here; known: {self.list_names()}."
            findings.report(code, message, f"{parent}.{member}", value)
        return item

    def find(self, name: str) -> ItemT | None:
        """The item of that trimmed name, caseless; None when nothing is configured by it."""
        return self._folded.get(fold(name))

    def list_names(self) -> str:
        """A few of the names, for a message."""
        names = [name for name in self.exact if name is not None]
        shown = ", ".join(names[:10]) or "none is configured"
        return shown + (", …" if len(names) > 10 else "")
