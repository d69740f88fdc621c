"""Cut input files into batches for staging. The same files and the same size always give the same batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consentory.codec.sources.record_files import OnBroken
from consentory.codec.sources.record_inputs import RecordInput

BATCH_BYTES = 8_000_000
"""The default size of one Stage call. It is below the limit of each server, and large enough to be fast."""

_OPENING = b'{"UserProfilePreferences":['
_CLOSING = b"]}"


@dataclass(frozen=True, slots=True)
class Batch:
    """One Stage call. It ends in the file number `file`, after `records_done` records of that file.

    `position`: how far that file has been read, in bytes of the file on disk (packed or not). `lines`: the line of the
    file on which each record begins.
    """

    number: int
    body: bytes
    records: int
    file: int
    records_done: int
    position: int
    lines: list[int]


def cut_batches(
    inputs: Sequence[RecordInput],
    batch_bytes: int,
    *,
    number: int = 0,
    file: int = 0,
    records_done: int = 0,
    skip_broken: bool = False,
) -> Iterator[Batch]:
    """Yield batches of at most `batch_bytes` (a larger record goes alone), in order; none spans two files.

    Goes on behind `records_done` records of `inputs[file]`, with batch `number`. Raises SourceError, with
    `skip_broken` only where a file cannot be read on.
    """
    on_broken: OnBroken | None = (lambda _: None) if skip_broken else None
    for index in range(file, len(inputs)):
        item = inputs[index]
        done = records_done if index == file else 0
        for records, lines in _group_records(item, item.read_records(done, on_broken), batch_bytes):
            done += len(records)
            yield Batch(
                number=number,
                body=_OPENING + b",".join(records) + _CLOSING,
                records=len(records),
                file=index,
                records_done=done,
                position=item.file.source.position,
                lines=lines,
            )
            number += 1


def _group_records(
    item: RecordInput, records: Iterator[bytes], batch_bytes: int
) -> Iterator[tuple[list[bytes], list[int]]]:
    room = batch_bytes - len(_OPENING) - len(_CLOSING)
    group: list[bytes] = []
    lines: list[int] = []
    size = 0
    for record in records:
        if group and size + len(record) + 1 > room:
            yield group, lines
            group, lines, size = [], [], 0
        group.append(record)
        lines.append(item.line)
        size += len(record) + 1
    if group:
        yield group, lines
