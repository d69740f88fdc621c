"""Find the delimiter of a text file: the character that cuts the first rows into the same number of cells."""

import collections
import csv
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from consentory.codec.sources.source_error import SourceError

_CANDIDATES = ",;\t|:^~\x1f\x01"
_ROWS = 100
_EXCEL_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
# The first line of a file can name its delimiter for Excel.
_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "colon": ":"}


class Delimiter(NamedTuple):
    """A delimiter. `line`: True if the first line of the file names the delimiter, so that this line is not a row."""

    character: str
    source: Literal["detected", "given"]
    line: bool = False


def find_delimiter(name: str, lines: Sequence[str], given: str | None, own: str | None = None) -> Delimiter:
    """Find the delimiter of a file that begins with `lines`. It is a comma if each row has one cell.

    `own`: the delimiter between the two added columns of a file of refused rows. A spreadsheet program may have changed
    it since the file was written.

    Raises SourceError if `given` is not one character.
    """
    told = _EXCEL_LINE.fullmatch(lines[0]) if lines else None
    if given is not None:
        character = _NAMES.get(given.lower(), given)
        if len(character) != 1 or character in '"\r\n' or 0xDC00 <= ord(character) <= 0xDFFF:
            fault = f"--delimiter {given!r}: must be one character (or tab, comma, semicolon, pipe, colon, space)"
            raise SourceError(name, "", fault)
        if own is None or own == character:
            return Delimiter(character, "given", told is not None)
    if own is not None:
        return Delimiter(own, "detected", told is not None)
    if told:
        return Delimiter(told[1], "detected", True)
    return Delimiter(max(_CANDIDATES, key=lambda character: _rate(lines, character)), "detected")


def _rate(lines: Sequence[str], character: str) -> tuple[float, int]:
    """Rate a delimiter: the share of rows that have the most frequent number of cells, and that number.

    (0, 0) if that number is 1. The share is halved if the first row, the header, has another number of cells.
    """
    widths: collections.Counter[int] = collections.Counter()
    header = 0
    try:
        for row in csv.reader(lines, delimiter=character):
            header = header or len(row)
            widths[len(row)] += bool(row)
            if widths.total() >= _ROWS:
                break
    except csv.Error:
        pass
    if not widths.total():
        return 0.0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    share = count / widths.total() * (1 if header == width else 0.5)
    return (share, width) if width > 1 else (0.0, 0)
