"""Finds the file and the line of refused records, by reading the import's files once more beside them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from consentory.client.exceptions_file import Origin
from consentory.client.own_files import spell_path
from consentory.client.record_files import RecordFile, RecordFileError
from consentory.codec.exception_record import split_members


def name_origins(lines: Iterable[bytes], paths: Sequence[Path]) -> Iterator[tuple[bytes, Origin | None]]:
    """Give each refused record with its origin. `lines` are in the order of their SequenceNumber.

    The records of `paths` have the SequenceNumbers from 1 on. From where a file cannot be read any more, origins
    are None.
    """
    places = _list_places(paths)
    number, place = 0, None
    for line in lines:
        wanted = int(msgspec.json.decode(split_members(line)["SequenceNumber"]))
        while number < wanted:
            number, place = number + 1, next(places, None)
        yield line, place


def _list_places(paths: Sequence[Path]) -> Iterator[Origin]:
    for path in paths:
        name = spell_path(Path(path.name))
        try:
            source = RecordFile(path, on_broken=lambda _: None)
            for _ in source.read_records():
                yield Origin(name, source.line)
        except RecordFileError:
            return
