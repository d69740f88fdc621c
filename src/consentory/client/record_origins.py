"""Find the file and the line of refused records, by reading the import's files once more."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from consentory.client.exceptions_file import Origin
from consentory.codec.answers.exceptions_answer import split_members
from consentory.codec.sources import SourceError
from consentory.codec.sources.record_inputs import RecordInput
from consentory.codec.sources.source_note import spell_path


def name_origins(lines: Iterable[bytes], inputs: Sequence[RecordInput]) -> Iterator[tuple[bytes, Origin | None]]:
    """Give each refused record with its origin. `lines` are in the order of their SequenceNumber.

    The records of `inputs` have the SequenceNumbers from 1 on. From where a file cannot be read any more, origins
    are None.
    """
    places = _list_places(inputs)
    number, place = 0, None
    for line in lines:
        wanted = int(msgspec.json.decode(split_members(line)["SequenceNumber"]))
        while number < wanted:
            number, place = number + 1, next(places, None)
        yield line, place


def _list_places(inputs: Sequence[RecordInput]) -> Iterator[Origin]:
    for item in inputs:
        name = spell_path(Path(item.path.name))
        try:
            for _ in item.read_records(on_broken=lambda _: None):
                yield Origin(name, item.line)
        except SourceError:
            return
