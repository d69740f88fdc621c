"""The text of a cell that is a number, a date or a truth value in its file: the text that a person sees in the cell."""

import datetime
import decimal
import functools
import math
import re
from typing import Any

LARGEST_EXACT = 2**53
"""Spreadsheets store numbers as 64-bit floats. A larger integer may have lost its last digits."""

_TEMPLATE = re.compile(r'\\(.)|"([^"]*)"|(0)|([ \-/().+])')
_TRUTH = {True: "TRUE", False: "FALSE"}


def write_number(value: float) -> str:
    """The number without an exponent and without `.0`. A spreadsheet shows 15 significant digits."""
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < LARGEST_EXACT:
        return str(int(value))
    if not math.isfinite(value):
        return str(value)
    return f"{decimal.Decimal(f'{value:.15g}'):f}"


def write_cell(value: Any) -> str | None:
    """The text of a spreadsheet's cell; None for an empty cell. Dates and times are ISO 8601."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return _TRUTH[value]
    if isinstance(value, int | float):
        return write_number(value)
    return write_moment(_round_moment(value))


def _round_moment(value: Any) -> Any:
    """Round a time. A spreadsheet stores a time as a fraction of a day, so a second is never exact."""
    half = datetime.timedelta(milliseconds=500)
    if isinstance(value, datetime.datetime) and value.microsecond:
        return (value + half).replace(microsecond=0)
    if isinstance(value, datetime.time) and value.microsecond:
        return (datetime.datetime.combine(datetime.date.min, value) + half).time().replace(microsecond=0)
    return value + half if isinstance(value, datetime.timedelta) else value


def write_moment(value: Any) -> str:
    """A date, a time or a duration as ISO 8601. Midnight of a day is written as the day alone."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None and value.time() == datetime.time.min:
            return value.date().isoformat()
        return value.isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        seconds = int(value.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)


@functools.lru_cache(maxsize=256)
def read_template(number_format: str) -> tuple[str, ...] | None:
    """Split a number format that shows every digit, such as `00000` or `\\+0`; None for any other format.

    Each item is "0" for a digit, or "=" and the characters that are shown between digits.
    """
    parts: list[str] = []
    at, section = 0, number_format.split(";")[0]
    while at < len(section):
        token = _TEMPLATE.match(section, at)
        if token is None:
            return None
        parts.append("0" if token[3] else "=" + (token[1] or token[2] or token[4] or ""))
        at = token.end()
    return tuple(parts) if "0" in parts and parts != ["0"] else None


def fill_template(template: tuple[str, ...], number: float) -> str | None:
    """Write a whole number by a template of `read_template`; None for a negative number or a number with a fraction."""
    if number < 0 or number != int(number) or number >= LARGEST_EXACT:
        return None
    digits = str(int(number)).rjust(template.count("0"), "0")
    shown: list[str] = []
    left = template.count("0")
    for part in reversed(template):
        if part != "0":
            shown.append(part[1:])
            continue
        left -= 1
        # The first placeholder takes all remaining digits.
        digits, digit = (digits[:-1], digits[-1]) if left else ("", digits)
        shown.append(digit)
    return "".join(reversed(shown))
