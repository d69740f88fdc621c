"""The refused records of an import, as a file beside its input: one record a line, ready to be corrected."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from consentory.client.private_files import replace_private

FAULTS_KEPT = 3


class Fault(msgspec.Struct, frozen=True):
    """One fault as the server names it."""

    Code: str
    Message: str = ""
    Path: str = ""
    Value: Any = None


class _Refused(msgspec.Struct):
    Exceptions: list[Fault] = []


@dataclass(frozen=True, slots=True)
class FaultCount:
    """How often one kind of fault came, and its first example."""

    count: int
    example: Fault


@dataclass(slots=True)
class FaultTally:
    """Counts the faults of refused records by their code."""

    records: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    _examples: dict[str, Fault] = field(default_factory=dict)

    def add_record(self, line: bytes) -> None:
        """Count a refused record, given as its NDJSON line."""
        self.records += 1
        with contextlib.suppress(msgspec.MsgspecError):  # a tally is not worth losing the file for
            for fault in msgspec.json.decode(line, type=_Refused).Exceptions:
                self._counts[fault.Code] += 1
                self._examples.setdefault(fault.Code, fault)

    @property
    def commonest(self) -> list[FaultCount]:
        """The FAULTS_KEPT commonest faults, commonest first."""
        return [FaultCount(n, self._examples[code]) for code, n in self._counts.most_common(FAULTS_KEPT)]


def name_exceptions_file(first_input: Path) -> Path:
    """Where the refused records of an import go: beside its first input file."""
    return first_input.with_name(first_input.name + ".exceptions.ndjson")


def write_exceptions(path: Path, lines: Iterable[bytes]) -> FaultTally:
    """Write refused records to `path`, mode 0600, whole or not at all.

    A file of that name belongs to an earlier import and may hold corrections: it is kept as `.bak`. With no
    line at all no file is left. Raises OSError, and whatever `lines` raises.
    """
    tally = FaultTally()
    with replace_private(path) as file:
        for line in lines:
            file.write(line + b"\n")
            tally.add_record(line)
        if path.exists():
            path.replace(path.with_name(path.name + ".bak"))
    if not tally.records:
        path.unlink()
    return tally
