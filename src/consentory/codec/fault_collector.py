"""The faults of one record, up to a limit, and the members whose value had the wrong type."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from consentory.codec.limits import MOST_ELEMENTS
from consentory.domain.record import Fault

MOST_FAULTS = 10_000
"""A record of many megabytes can have a million faults. After this number of faults one last fault says that more
exist."""
_VALUE_LENGTH = 200
_QUOTE_LENGTH = 60
_SURROGATE = re.compile("[\ud800-\udfff]")
_SIMPLE_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)

ElementT = TypeVar("ElementT")


def has_lone_surrogate(text: str) -> bool:
    """True if the text has half of a surrogate pair. Such a text cannot be encoded as UTF-8."""
    return _SURROGATE.search(text) is not None


def cut_value(value: object) -> str | int | float | bool | None:
    """A fault's Value: the refused value, cut at 200 characters.

    Objects and arrays become JSON text. A number past 64 bits becomes its digits. A lone surrogate becomes U+FFFD.
    """
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, dict | list):
        value = _begin_json(value)
    return _SURROGATE.sub("\ufffd", str(value)[:_VALUE_LENGTH])


def _begin_json(value: object) -> str:
    """The beginning of the JSON text, made piece by piece, because the whole text may have megabytes."""
    text = ""
    for piece in _ENCODER.iterencode(value):
        text += piece[:_VALUE_LENGTH]
        if len(text) >= _VALUE_LENGTH:
            break
    return text


def quote(value: object) -> str:
    """The value as a message shows it: shortened, and in quotes if the value is text."""
    shown = cut_value(value)
    text = json.dumps(shown, ensure_ascii=False) if isinstance(shown, str) else str(shown)
    return text if len(text) <= _QUOTE_LENGTH else text[: _QUOTE_LENGTH - 1] + "…"


def name_member(parent: str, member: str) -> str:
    """The JSON path of a member with any name. An unusual name is put into brackets and cut at 200 characters."""
    if _SIMPLE_NAME.fullmatch(member) and len(member) <= _VALUE_LENGTH:
        return f"{parent}.{member}"
    shown = _SURROGATE.sub("\ufffd", member[:_VALUE_LENGTH]).replace("\\", "\\\\").replace("'", "\\'")
    return f"{parent}['{shown}']"


class FaultCollector:
    """The faults of one record, in the order in which they were found.

    `mismatches` holds the paths of values of the wrong type. Every further rule treats such a value as absent, and
    `require` does not report the value a second time as missing.
    """

    __slots__ = ("faults", "mismatches")

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.mismatches: set[str] = set()

    @property
    def is_full(self) -> bool:
        """True if no further fault is listed."""
        return len(self.faults) > MOST_FAULTS

    def report(self, code: str, message: str, path: str, value: object = None) -> None:
        """Add one fault. After MOST_FAULTS faults, add only one last fault, which says that more faults exist."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(code, message, path, cut_value(value)))
        elif len(self.faults) == MOST_FAULTS:
            text = f"More than {MOST_FAULTS:,} faults; the rest are not listed. Correct these and stage it again."
            self.faults.append(Fault("Record.TooManyFaults", text, "$"))

    def report_mismatch(self, code: str, message: str, path: str, value: object = None) -> None:
        """Add a fault of type. The member or element at `path` then counts as absent."""
        if len(self.mismatches) < MOST_FAULTS:
            self.mismatches.add(path)
        self.report(code, message, path, value)

    def is_mismatch(self, parent: str, member: str) -> bool:
        """True if a wrong type was reported for the member, or for the whole element that contains the member."""
        mismatches = self.mismatches
        return bool(mismatches) and (parent in mismatches or f"{parent}.{member}" in mismatches)

    def require(self, parent: str, member: str) -> None:
        """Report that a required member is missing, unless a wrong type was reported for the member."""
        if not self.is_mismatch(parent, member):
            self.report("Value.Required", f"{member} is required here; add it.", f"{parent}.{member}")

    def bound(self, elements: list[ElementT], path: str, most: int = MOST_ELEMENTS) -> list[ElementT]:
        """The first `most` elements. If there are more elements, a fault is added and the elements after `most` are not
        checked."""
        if len(elements) <= most:
            return elements
        text = f"{len(elements):,} elements where at most {most} are allowed; send fewer. The rest were not checked."
        self.report("Array.TooLong", text, path, len(elements))
        return elements[:most]

    def report_repeat(self, path: str, what: str, value: object) -> None:
        """Report that an array has the same element twice. `path` is the path of the second."""
        self.report("Array.Duplicate", f"{what} {quote(value)} is in this array twice; keep one.", path, value)
