"""The rules for strings of a record: trimmed, without control characters, lengths in code points (record.md,
introduction)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeVar
from unicodedata import category

from consentory.codec.fault_collector import FaultCollector, quote
from consentory.domain.text import fold, trim

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = frozenset(("Cc", "Cf", "Co", "Cn", "Zl", "Zp"))
"""Categories of characters that nobody sees. Two names that differ only in such characters look the same."""

ItemT = TypeVar("ItemT")


def is_trimmed(text: str) -> bool:
    """True only if `trim` removes nothing from the text. (Python's strip() removes some more characters.)"""
    return text.strip() == text


def is_name(text: str) -> bool:
    """True only if `read_name` accepts the text unchanged."""
    return text.isprintable() and text.strip() == text


def read_text(collector: FaultCollector, value: str, parent: str, member: str, least: int, most: int) -> str | None:
    """The trimmed text; None after its faults were reported. `least` 0 allows a blank text."""
    # Nearly every string takes this path: there is nothing to trim, and no character can be a control character.
    if least <= len(value) <= most and value.isprintable() and value.strip() == value:
        return value
    text = trim(value)
    path = f"{parent}.{member}"
    control = _CONTROL.search(text)
    if control:
        where = f"U+{ord(control[0]):04X} as character {control.start() + 1}"
        message = f"{member} has a control character ({where}); take it out."
        collector.report("String.ControlCharacter", message, path, value)
    fits = _check_length(collector, value, path, least, most)
    return text if fits and not control else None


def read_name(collector: FaultCollector, value: str, parent: str, member: str, most: int) -> str | None:
    """Like read_text, for a name that records are matched by: it has no invisible character and is not blank."""
    if 0 < len(value) <= most and is_name(value):
        return value
    text = trim(value)
    path = f"{parent}.{member}"
    place = next((place for place, one in enumerate(text) if category(one) in _INVISIBLE), None)
    if place is not None:
        where = f"U+{ord(text[place]):04X} as character {place + 1}"
        message = f"{member} has a character that nobody sees ({where}); take it out."
        collector.report("String.InvisibleCharacter", message, path, value)
    fits = _check_length(collector, value, path, 1, most)
    return text if fits and place is None else None


def read_reference(collector: FaultCollector, value: str, parent: str, member: str, most: int) -> str | None:
    """Like read_name, for a name of the configuration. A control character gives the same fault as in read_text."""
    if _CONTROL.search(trim(value)):
        return read_text(collector, value, parent, member, 1, most)
    return read_name(collector, value, parent, member, most)


def _check_length(collector: FaultCollector, value: str, path: str, least: int, most: int) -> bool:
    """True if the trimmed text has a length from `least` to `most`; otherwise False, and a fault is reported."""
    text, member = trim(value), path.rpartition(".")[2]
    if not text and least:
        message = f"{member} is blank, which is not allowed here; fill it in or leave the member out."
        collector.report("String.Blank", message, path, value)
    elif len(text) < least:
        message = f"{member} {quote(text)} is shorter than {least} characters."
        collector.report("String.TooShort", message, path, value)
    elif len(text) > most:
        message = f"{member} has {len(text):,} characters; at most {most} are allowed. Shorten it."
        collector.report("String.TooLong", message, path, value)
    else:
        return True
    return False


class CaselessIndex(Generic[ItemT]):
    """Maps configured names to their items. A name written as configured is found at once, another spelling by its
    caseless form."""

    __slots__ = ("_folded", "exact")

    def __init__(self, items: Iterable[tuple[str, ItemT]]) -> None:
        self.exact: dict[str | None, ItemT] = dict(items)
        self._folded = {fold(name): item for name, item in self.exact.items() if name is not None}

    def read(
        self, collector: FaultCollector, value: str | None, parent: str, member: str, most: int, code: str
    ) -> ItemT | None:
        """The item that a member names, caseless; None after a fault. The fault is `code` if no item has that name.

        If the member is absent, the result is the item under None. Without such an item the member is required.
        """
        item = self.exact.get(value)
        if item is not None:
            return item
        if value is None:
            collector.require(parent, member)
            return None
        item = self._folded.get(fold(trim(value)))
        if item is None:
            text = read_reference(collector, value, parent, member, most)
            if text is None:
                return None
            message = f"{member} {quote(text)} is not known here; known: {self.list_names()}."
            collector.report(code, message, f"{parent}.{member}", value)
        return item

    def find(self, name: str) -> ItemT | None:
        """The item of that trimmed name, caseless; None if no item has that name."""
        return self._folded.get(fold(name))

    def list_names(self) -> str:
        """A few of the names, for a message."""
        names = [name for name in self.exact if name is not None]
        shown = ", ".join(names[:10]) or "none is configured"
        return shown + (", …" if len(names) > 10 else "")
