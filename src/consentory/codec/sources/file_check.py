"""Check all files before an import starts, so that no record of a broken file is staged.

A row that cannot become a record does not stop the import. It is found when its table is staged. So the check maps rows
only until the first of them becomes a record.
"""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from consentory.codec.record.stage_counts import holds_opt_out
from consentory.codec.sources import SourceError
from consentory.codec.sources.record_files import BrokenRecord
from consentory.codec.sources.record_inputs import RecordInput, TableInput
from consentory.errors import ConsentoryError

BROKEN_NAMED = 100
"""The number of broken pieces that a message names one by one."""

_REPORT_EVERY = 1000  # records


OpenBroken = Callable[[RecordInput], AbstractContextManager[tuple[BinaryIO, list[Path]]]]
"""Opens the file for the broken pieces of one input. The list has its path after the end of the block."""


class BrokenFiles(ConsentoryError):
    """Pieces of the files are not JSON. The text names the first pieces and the next step of the command line.

    `named`: the first pieces and the number of the others, without that step.
    """

    def __init__(self, named: list[str], count: int) -> None:
        more = [f"and {count - len(named):,} more"] if count > len(named) else []
        self.named = "\n".join([*named, *more])
        super().__init__(
            f"{self.named}\nNothing was staged. Correct the file, or add --skip-broken. Then the import skips "
            f"{'these lines and writes them' if count > 1 else 'this line and writes it'} to FILE.broken."
        )


class _AlternateId(msgspec.Struct):
    AlternateIdType: object = None


class _Ids(msgspec.Struct):
    ProfileId: object = None
    AlternateIds: list[_AlternateId] | None = None


_IDS = msgspec.json.Decoder(_Ids)


@dataclass(slots=True)
class FileCheck:
    """The result of the check. `records` are all that are JSON, or all rows of tables.

    `has_record`: one of them at least can be staged.

    `unmatched`: the alternate id types of the first record with alternate ids and without a ProfileId.
    `broken_files`: where the broken pieces were written.
    """

    records: int = 0
    has_record: bool = False
    broken: int = 0
    broken_opt_outs: int = 0
    """The number of broken pieces that hold an opt-out, a denial or a withdrawal."""
    unmatched: list[str] = field(default_factory=list)
    broken_files: list[Path] = field(default_factory=list)
    seek_ids: bool = True
    """Whether `unmatched` is looked for."""

    def wants_record(self) -> bool:
        """Whether a record can still change what was found."""
        return not self.has_record or (self.seek_ids and not self.unmatched)

    def take(self, record: bytes | None) -> None:
        """Count a record, or a row (None) whose record is not there or not wanted."""
        self.records += 1
        if record is not None and self.wants_record():
            self.has_record = True
            if self.seek_ids:
                self.unmatched = _list_unmatched(record)


def check_files(
    inputs: Sequence[RecordInput],
    *,
    skip_broken: bool,
    seek_ids: bool = True,
    report: Callable[[int, int], None] = lambda *_: None,
    open_broken: OpenBroken | None = None,
) -> FileCheck:
    """Read all files to their ends. `report` gets the bytes and the records that were read so far.

    With `skip_broken` the broken pieces of a file are counted, and written, raw, to the file of `open_broken`. Raises
    BrokenFiles without it, SourceError for a file that cannot be read on, and OSError.
    """
    found = FileCheck(seek_ids=seek_ids)
    named: list[str] = []
    done = 0
    for item in inputs:
        take = _Taker(item, found, named)
        with contextlib.ExitStack() as stack:
            taken: list[Path] = []
            if open_broken is not None and not isinstance(item, TableInput):
                file, taken = stack.enter_context(open_broken(item))
                take.keep = lambda raw, file=file: file.write(raw + b"\n")  # type: ignore[misc]
            source = item.file.source
            for record in item.check_records(take.take_broken, found.wants_record):
                found.take(record)
                if found.records % _REPORT_EVERY == 0:
                    report(done + source.position, found.records)
            done += source.size
            report(done, found.records)
        found.broken_files += taken
    if named and not skip_broken:
        raise BrokenFiles(named, found.broken)
    return found


class _Taker:
    """Takes the broken pieces of one file."""

    def __init__(self, item: RecordInput, found: FileCheck, named: list[str]) -> None:
        self._name = item.name
        self._found = found
        self._named = named
        self.keep: Callable[[bytes], object] = lambda _: None

    def take_broken(self, broken: BrokenRecord) -> None:
        self._found.broken += 1
        self._found.broken_opt_outs += holds_opt_out(broken.raw)
        if len(self._named) < BROKEN_NAMED:
            self._named.append(str(SourceError(self._name, broken.place, broken.fault)))
        self.keep(broken.raw)


def _list_unmatched(record: bytes) -> list[str]:
    """The types of a record's alternate ids, if it has no ProfileId; otherwise empty."""
    if b'"AlternateIds"' not in record:
        return []
    try:
        ids = _IDS.decode(record)
    except (msgspec.MsgspecError, RecursionError):
        return []  # the server refuses it, so it makes nobody
    if ids.ProfileId is not None:
        return []
    return [item.AlternateIdType for item in ids.AlternateIds or () if isinstance(item.AlternateIdType, str)]
