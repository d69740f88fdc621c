"""Write the refused records of an import to a file beside its input, one record a line. A person corrects them."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from consentory.client.own_files import name_exceptions
from consentory.client.private_files import create_private
from consentory.codec.answers.exceptions_answer import split_members
from consentory.codec.sources.refused_listing import Fault, read_faults
from consentory.codec.sources.source_file import REFUSED_RECORD

FAULTS_KEPT = 5

_HOLDS_NO = b"true"


class Origin(msgspec.Struct, frozen=True):
    """The origin of a refused record: the file's name without folders, and the first line of the record."""

    File: str
    Line: int


@dataclass(frozen=True, slots=True)
class FaultCount:
    """The number of faults of one kind, and the first example."""

    count: int
    example: Fault


@dataclass(slots=True)
class FaultTally:
    """Counts the faults of refused records by their code. `files`: the files with the records."""

    records: int = 0
    opt_outs: int = 0
    """The number of refused records that hold an opt-out, a denial or a withdrawal."""
    files: list[Path] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _examples: dict[str, Fault] = field(default_factory=dict)

    def add_record(self, members: dict[str, bytes], origin: Origin | None) -> None:
        """Count a refused record, given by its members."""
        self.records += 1
        self.opt_outs += members.get("HoldsOptOut") == _HOLDS_NO
        place = f"{origin.File}, line {origin.Line}" if origin else ""
        for fault in read_faults(members):
            self.add_fault(msgspec.structs.replace(fault, Place=place))

    def add_fault(self, fault: Fault) -> None:
        """Count one fault."""
        self._counts[fault.Code] += 1
        self._examples.setdefault(fault.Code, fault)

    @property
    def commonest(self) -> list[FaultCount]:
        """The FAULTS_KEPT commonest kinds of fault, commonest first."""
        return [FaultCount(n, self._examples[code]) for code, n in self._counts.most_common(FAULTS_KEPT)]

    @property
    def more_kinds(self) -> int:
        """Kinds of fault that are not among the commonest."""
        return max(0, len(self._counts) - FAULTS_KEPT)


def write_exceptions(first_input: Path, records: Iterable[tuple[bytes, Origin | None]]) -> FaultTally:
    """Write refused records to a new file of mode 0600 beside the first input. A failure leaves no file.

    Records that hold an opt-out, a denial or a withdrawal come first. A record's `Origin` becomes a member of it.
    Without a record no file is made. Raises OSError, and the errors of `records`.
    """
    tally = FaultTally()
    new = create_private(name_exceptions(first_input))
    with new as (file, taken), tempfile.TemporaryFile(dir=first_input.parent) as others:
        for line, origin in records:
            members = split_members(line)
            tally.add_record(members, origin)
            target = file if members.get("HoldsOptOut") == _HOLDS_NO else others
            target.write((line if origin is None else _put_origin(members, origin)) + b"\n")
        others.seek(0)
        shutil.copyfileobj(others, file)
    tally.files = taken
    return tally


def _put_origin(members: dict[str, bytes], origin: Origin) -> bytes:
    """The record with its origin as its first member; one of an earlier import is replaced."""
    members.pop("Origin", None)
    texts = [REFUSED_RECORD[1:] + msgspec.json.encode(origin)]
    # json.dumps escapes half a character in a name, so the text stays valid UTF-8.
    texts += [json.dumps(name).encode() + b":" + value for name, value in members.items()]
    return b"{" + b",".join(texts) + b"}"
