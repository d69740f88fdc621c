"""Points in time: how they are read from records, and how they are rendered (record.md, "Times")."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple

SECOND = 1_000_000
"""Times are integers: microseconds since 1970-01-01T00:00:00Z."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall times are compared without a zone
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = -719_162 * 86_400 * SECOND
_LATEST = _EARLIEST + 3_652_059 * 86_400 * SECOND - 1
"""The first and the last microsecond of the years 1 to 9999."""
_MIDNIGHT = time(0)
_CACHED_LENGTH = 40

_HOUR_MINUTE = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_FORM = re.compile(
    "([0-9]{4}-[0-9]{2}-[0-9]{2})"
    rf"(?:T({_HOUR_MINUTE})(?::([0-5][0-9])(?:\.([0-9]+))?)?)?"
    f"(Z|[+-]{_HOUR_MINUTE})?"
)

_OTHER_FORM = re.compile(
    "([0-9]{4})[-/.]?([0-9]{1,2})[-/.]?([0-9]{1,2})"
    "(?:[Tt ]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?) ?([Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_YEAR_LAST = re.compile("[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ][0-9]{4}(?![0-9])")


class TimeFault(ValueError):
    """A text that is not a point in time. `code` is a fault code; the message says the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Moment(NamedTuple):
    """A point in time. Only for a bare date, `day_began` is set: the first instant of that day."""

    at: int
    day_began: int | None


def read_canonical_time(text: str) -> int | None:
    """The microseconds of a time in the usual form, YYYY-MM-DDThh:mm:ss[.fff]Z; None for any other text."""
    if len(text) == 24:
        return _read_milliseconds(text)
    moment = parse_second(text)
    return None if moment is None else int(moment.timestamp()) * SECOND


def _read_milliseconds(text: str) -> int | None:
    fraction = text[20:23]
    if text[19] != "." or not (fraction.isascii() and fraction.isdecimal()):
        return None
    at = read_canonical_time(text[:19] + text[23])
    return None if at is None else at + int(fraction) * 1000


def parse_second(text: str) -> datetime | None:
    """The time of a text of the form YYYY-MM-DDThh:mm:ssZ; None for any other text."""
    # With the separators in these places, fromisoformat accepts no other form.
    if len(text) != 20 or text[4:20:3] != "--T::Z":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # From Python 3.14 on, fromisoformat also accepts 24:00:00, as the next midnight.
    return moment if moment.hour or text[11:13] == "00" else None


def read_time(text: str, zone: tzinfo, *, no: bool) -> Moment:
    """The time of the trimmed text; raises TimeFault.

    `no` is True for the time of a no. A bare date is the first instant of the day for a yes, and the last second of the
    day (23:59:59) for a no. If a local time exists twice, a yes takes the earlier instant and a no takes the later one.
    A bare date with Z or an offset is the day in that zone, by the same rule.
    """
    plain = read_canonical_time(text)
    if plain is not None:
        return Moment(plain, None)
    if len(text) <= _CACHED_LENGTH:
        return _read_short(text, zone, no)
    return _read(text, zone, no)


def _read(text: str, zone: tzinfo, no: bool) -> Moment:
    match = _FORM.fullmatch(text)
    if match is None:
        raise TimeFault("Time.Malformed", f"the form is YYYY-MM-DD[Thh:mm[:ss[.f]]][Z|±hh:mm]{_suggest(text)}")
    day, clock, seconds, fraction, offset = match.groups()
    if offset is not None:
        zone = _read_offset(offset)
    try:
        if clock is None:
            at, began = _read_day(date.fromisoformat(day), zone, no)
        else:
            wall = datetime.fromisoformat(f"{day}T{clock}:{seconds or '00'}")
            at, began = _resolve(wall, zone, later=no), None
    except OverflowError:
        raise TimeFault("Time.OutOfRange", "it lies outside the years 1 to 9999 in UTC") from None
    except TimeFault:
        raise
    except ValueError:
        raise TimeFault("Time.Malformed", "there is no such day in the calendar") from None
    if fraction is not None:
        at += int(fraction[:6].ljust(6, "0"))
    if not _EARLIEST <= at <= _LATEST:
        raise TimeFault("Time.OutOfRange", "it lies outside the years 1 to 9999 in UTC")
    return Moment(at, began)


def _suggest(text: str) -> str:
    """The end of a message, which shows how to write a time that has a common other form; "" if the text has no such
    form."""
    match = _OTHER_FORM.fullmatch(text)
    if match is None:
        return "; write the year first" if _YEAR_LAST.match(text) else ""
    year, month, day, clock, offset = match.groups(default="")
    hour, colon, rest = clock.replace(",", ".").partition(":")
    zone = offset.upper().replace("UTC", "Z").replace("GMT", "Z").strip()
    if len(zone) > 1:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        zone = f"{zone[0]}{digits[:2]}:{digits[2:]}"
    written = f"{year}-{month:0>2}-{day:0>2}" + (f"T{hour:0>2}:{rest}{zone}" if colon else "")
    return f"; write it as {written}" if _FORM.fullmatch(written) else ""


_read_short = lru_cache(maxsize=8192)(_read)


def _read_offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    distance = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-distance if text[0] == "-" else distance)


def _read_day(day: date, zone: tzinfo, no: bool) -> tuple[int, int]:
    """The instant of a bare date, and the first instant of the day."""
    began = _find_edge(datetime.combine(day, _MIDNIGHT), zone, last=False)
    if _to_wall(began, zone).date() != day:
        raise TimeFault("Time.NotExisting", "the zone left that day out")
    if not no:
        return began, began
    return _find_edge(datetime.combine(day, _MIDNIGHT) + timedelta(seconds=86_399), zone, last=True), began


def _find_edge(wall: datetime, zone: tzinfo, *, last: bool) -> int:
    """The instant of the first or the last second of a day. If the clock jumps over that second, the nearest existing
    instant."""
    try:
        return _resolve(wall, zone, later=last)
    except TimeFault:
        # The clock jumps between these two instants. Find the first second after the jump.
        before, after = _to_instant(wall, zone, fold=1), _to_instant(wall, zone, fold=0)
        while after - before > SECOND:
            middle = (before + after) // 2 // SECOND * SECOND
            if _to_wall(middle, zone) < wall:
                before = middle
            else:
                after = middle
        return before if last else after


def _resolve(wall: datetime, zone: tzinfo, *, later: bool) -> int:
    at = _to_instant(wall, zone, fold=int(later))
    if _to_wall(at, zone) != wall:
        raise TimeFault("Time.NotExisting", "the clocks of the account's time zone jumped over that time")
    return at


def _to_instant(wall: datetime, zone: tzinfo, *, fold: int) -> int:
    offset = zone.utcoffset(wall.replace(fold=fold)) or timedelta()
    return (wall - _EPOCH - offset) // _MICROSECOND


def _to_wall(at: int, zone: tzinfo) -> datetime:
    return (_EPOCH_UTC + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None, fold=0)


def count_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a datetime that has a zone."""
    return (moment - _EPOCH_UTC) // _MICROSECOND


def render_time(at: int) -> str:
    """ISO 8601 in UTC with Z. The fraction has six digits and is left out if it is zero."""
    moment = _EPOCH_UTC + timedelta(microseconds=at)
    return moment.replace(tzinfo=None).isoformat() + "Z"
