"""Convert the text of a cell to the value of a member: values, times, lists, booleans."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from consentory.codec.tabular.mapping_document import NOTHING, ColumnRule
from consentory.codec.tabular.target_path import Kind, Target
from consentory.codec.times import TimeFault, read_time, render_time
from consentory.domain.text import fold

Convert = Callable[[str], Any]
"""A function from text to a value, None for no value; raises CellFault."""

BOOLEANS: Mapping[str, bool] = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
CODES: Mapping[str, frozenset[str]] = {
    "PreferenceType": frozenset({"OptIn", "OptOut", "1", "2"}),
    "ConsentStatus": frozenset({"Granted", "Denied", "Revoked", "NotSet", "1", "2", "3", "4"}),
}
NO_CODES: frozenset[object] = frozenset({"OptOut", "Denied", "Revoked"})
"""The texts of a deciding member that mean a no. A bare date of a no is the end of its day. For numbers see `is_no`."""
YES_CODES: frozenset[object] = frozenset({"OptIn", "Granted", 1})

_DENIALS = frozenset({"", "0", "false", "no", "n", "off", "none", "null"})
_CLOCK = re.compile(r"%[HIMSfpXcTR]")
_DIRECTIVES = re.compile(r"%(.)")
_KNOWN_DIRECTIVES = frozenset("aAbBcdfHIjmMpSUwWxXyYzZ%GuV")


class CellFault(ValueError):
    """The cell cannot become a value of its target."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_pattern(pattern: str) -> str | None:
    """The fault in a form of a time; None if the form is valid."""
    unknown = [f"%{letter}" for letter in _DIRECTIVES.findall(pattern) if letter not in _KNOWN_DIRECTIVES]
    if unknown or pattern.replace("%%", "").endswith("%"):
        return f"has {unknown[0] if unknown else 'a % at its end'}, which Python's strptime does not know"
    probe = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
    try:
        read = datetime.strptime(probe.strftime(pattern), pattern)  # noqa: DTZ007
    except (ValueError, re.error):  # a repeated directive raises re.error
        return "is not a valid form of a time"
    return None if read.date() == probe.date() else "must name year, month and day, such as %d.%m.%Y"


def make_code(member: str, text: str) -> int | str | None:
    """A deciding member's value as a mapping writes it: a name, or a number of the contract; None if the text is
    neither."""
    if text not in CODES[member]:
        return None
    return int(text) if text.isdecimal() else text


def is_no(member: str, value: object) -> bool:
    """True if the value of a deciding member refuses something."""
    return value in NO_CODES or (value == 2 or (value == 3 and member == "ConsentStatus"))


def is_denial(cell: str) -> bool:
    """True if the cell is blank, `false` or `0`: the cell does not say yes."""
    return fold(cell.strip()) in _DENIALS


def is_yes(member: str, value: object) -> bool:
    """True if the value of a deciding member agrees to something."""
    return member in CODES and value in YES_CODES


def read_boolean(text: str) -> bool:
    """True or false; raises CellFault for any other word."""
    value = BOOLEANS.get(fold(text))
    if value is None:
        raise CellFault(
            "Row.NotABoolean", "The cell must be true, false, 1, 0, yes or no. Or give values: in the mapping."
        )
    return value


def read_integer(text: str) -> int:
    """A whole number; raises CellFault."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise CellFault("Row.NotANumber", "The cell must be a whole number.")
    return int(text)


def split_cell(text: str, separator: str) -> list[str]:
    """The items of a cell, trimmed, without empty items.

    If the separator is one character, an item in quotation marks may contain the separator. A backslash before the
    separator makes the separator a part of the item.
    """
    if len(separator) == 1 and ('"' in text or f"\\{separator}" in text):
        escape = "\\" if f"\\{separator}" in text else None
        rows = csv.reader([text], delimiter=separator, escapechar=escape, skipinitialspace=True)
        items = [item for row in rows for item in row]
    else:
        items = text.split(separator)
    return [item for item in map(str.strip, items) if item]


_DIGITS = {"%Y": "(?P<Y>[0-9]{4})"} | {f"%{letter}": f"(?P<{letter}>[0-9]{{2}})" for letter in "mdHMS"}
_PIECES = re.compile("(%.)")
_DATE, _MINUTE, _SECOND = set("Ymd"), set("YmdHM"), set("YmdHMS")


def _make_fast_reader(pattern: str) -> Callable[[str], str | None] | None:
    """A function that reads the most common forms in a fifth of the time of strptime, and gives None for a text that
    strptime must read.

    The result is None for a form with directives other than the six numbers of a date and a time.
    """
    letters = _DIRECTIVES.findall(pattern)
    if len(letters) != len(set(letters)) or set(letters) not in (_DATE, _MINUTE, _SECOND):
        return None
    form = re.compile("".join(_DIGITS.get(piece, re.escape(piece)) for piece in _PIECES.split(pattern)))
    clock = ("H", "M", "S") if "S" in letters else ("H", "M") if "H" in letters else ()

    def read(text: str) -> str | None:
        found = form.fullmatch(text)
        if found is None:
            return None
        iso = "-".join(found.group("Y", "m", "d"))
        if clock:
            iso += f"T{':'.join(found.group(*clock))}" + (":00" if len(clock) == 2 else "")
        try:
            datetime.fromisoformat(iso)
        except ValueError:
            return None
        return iso

    return read


class TimeReader:
    """Reads times by patterns, or as ISO 8601, and adds a time zone if one is given."""

    def __init__(self, patterns: Sequence[str], zone: tzinfo | None) -> None:
        self._patterns = tuple((pattern, _make_fast_reader(pattern)) for pattern in patterns)
        self._zone = zone
        self._read_cached = lru_cache(maxsize=4096)(self._read)

    def read(self, text: str, *, no: bool) -> str:
        """The time in the form of a record; raises CellFault. `no` is True for the time of a no, as in
        `codec/times.py`."""
        return self._read_cached(text, no)

    def _read(self, text: str, no: bool) -> str:
        iso = self._find_iso(text) if self._patterns else text
        if self._zone is None:
            return iso
        try:
            return render_time(read_time(iso, self._zone, no=no).at)
        except TimeFault as fault:
            raise CellFault(fault.code, f"{fault}.") from None

    def _find_iso(self, text: str) -> str:
        for pattern, read_fast in self._patterns:
            if read_fast is not None and (iso := read_fast(text)) is not None:
                return iso
            try:
                moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the account's zone applies at the server
            except ValueError:
                continue
            return moment.isoformat() if _CLOCK.search(pattern) else moment.date().isoformat()
        forms = " or ".join(pattern for pattern, _ in self._patterns)
        raise CellFault("Row.TimeMalformed", f"The cell must be a time of the form {forms}.")


def make_converter(rule: ColumnRule, target: Target, times: Callable[[str], str] | None) -> Convert | None:
    """The function from the text of a cell to the value of a target; None if the text is already the value."""
    steps: list[Convert] = []
    if rule.strip:
        prefix = rule.strip
        steps.append(lambda text: text.removeprefix(prefix).strip() or None)
    if rule.values:
        steps.append(_choose_from(rule, target))
    if rule.prepend:
        start = rule.prepend
        steps.append(lambda text: text if text.startswith(start) else start + text)
    if times is not None:
        steps.append(times)
    if not rule.values and target.kind in ("boolean", "integer"):
        steps.append(read_boolean if target.kind == "boolean" else read_integer)
    if rule.split:
        return _make_splitter(rule.split, steps, join="::" if target.steps[-1][0] == "CustomFields" else None)
    if not steps:
        return None
    return steps[0] if len(steps) == 1 else _make_chain(steps)


def make_value(text: str, kind: Kind, member: str) -> Any:
    """The value that a mapping writes, in the member's type; None for `nothing` and for a text that does not fit."""
    if text == NOTHING:
        return None
    if kind == "code":
        return make_code(member, text)
    if kind == "boolean":
        return BOOLEANS.get(fold(text))
    if kind == "integer":
        return int(text) if text.isascii() and text.isdecimal() else None
    return text


def _make_chain(steps: Sequence[Convert]) -> Convert:
    def convert(text: str) -> Any:
        value: Any = text
        for step in steps:
            value = step(value)
            if value is None:
                return None
        return value

    return convert


def _make_splitter(separator: str, steps: Sequence[Convert], *, join: str | None) -> Convert:
    convert = _make_chain(steps)

    def split(text: str) -> Any:
        items = [value for item in split_cell(text, separator) if (value := convert(item)) is not None]
        items = list(dict.fromkeys(items))
        if not items:
            return None
        return items if join is None else join.join(items)

    return split


def _choose_from(rule: ColumnRule, target: Target) -> Convert:
    table = {fold(cell.strip()): make_value(value, target.kind, target.member) for cell, value in rule.values.items()}
    known = ", ".join(rule.values)
    keep = rule.other_values == "keep"

    def choose(text: str) -> Any:
        try:
            return table[text]
        except KeyError:
            pass
        folded = fold(text)
        if folded in table:
            return table[folded]
        if keep:
            return text
        raise CellFault("Row.UnknownValue", f"The cell must be one of the values of the mapping: {known}.")

    return choose
