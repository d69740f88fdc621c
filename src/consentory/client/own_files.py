"""The files that an import writes beside its input: their names, and the rule that a pattern like `*` skips them.

    people.ndjson.exceptions.ndjson      refused records, to be corrected and imported
    people.ndjson.exceptions.2.ndjson    the refused records of the next import of the same file
    people.csv.exceptions.csv            refused rows, in the form of their file
    people.ndjson.broken                 pieces of the file that are not JSON, unchanged
    people.ndjson.import-state.json      the progress of an import that runs or was interrupted

A person corrects all these files except the last one, so they are never overwritten.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

STATE_ENDING = ".import-state.json"

_CORRECTIONS = re.compile(r"(?P<input>.+)\.exceptions(?:\.\d+)?\.\w+(?:\.bak)?|(?P<broken>.+?)(?:\.\d+)?\.broken")
_WORKING = re.compile(rf".+(?:{re.escape(STATE_ENDING)}|\.part)")


def leave_out_own(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Divide the names of a command line into the files to import and our own files from a pattern.

    A file of corrections that is named alone is imported. Beside other files it came from a pattern, and is skipped.
    """
    working = [path for path in paths if _WORKING.fullmatch(path.name)]
    corrections = [path for path in paths if path not in working and _CORRECTIONS.fullmatch(path.name)]
    left_out = working if len(working) + len(corrections) == len(paths) else working + corrections
    return [path for path in paths if path not in left_out], left_out


def name_exceptions(input_file: Path, suffix: str = ".ndjson") -> Iterator[Path]:
    """Names for the refused records of an import, the first choice first: beside an input file."""
    made = _CORRECTIONS.fullmatch(input_file.name)
    name = (made["input"] or made["broken"]) if made else input_file.name
    yield input_file.with_name(f"{name}.exceptions{suffix}")
    for number in count(2):
        yield input_file.with_name(f"{name}.exceptions.{number}{suffix}")


def name_broken(path: Path) -> Iterator[Path]:
    """Names for the pieces of an input file that are no JSON, the first choice first."""
    yield path.with_name(f"{path.name}.broken")
    for number in count(2):
        yield path.with_name(f"{path.name}.{number}.broken")
