"""The lines of a file that the records of a batch come from, in a few bytes.

Successive records mostly stand on successive lines. So only the records that do not are stored: each as its place in
the batch, from 0, and its line. A record between two of them stands as many lines further as it stands places further.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence

_PAIR = struct.Struct("<II")


def pack_lines(lines: Sequence[int]) -> bytes:
    """The lines of the records of a batch, in the order of the records."""
    packed = bytearray()
    expected = 0
    for place, line in enumerate(lines):
        if line != expected:
            packed += _PAIR.pack(place, line)
        expected = line + 1
    return bytes(packed)


def find_line(packed: bytes, place: int) -> int:
    """The line of the record at a place of the batch, from 0."""
    pairs = list(_PAIR.iter_unpack(packed))
    first, line = pairs[bisect_right(pairs, place, key=lambda pair: pair[0]) - 1]
    return int(line + place - first)
