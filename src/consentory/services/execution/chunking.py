"""Cut an import into chunks by group (execution.md, "While it runs")."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from uuid import UUID

from consentory.store.tables.execution_store import Chunk

CHUNK_RECORDS = 4000
"""The records of a chunk. A transaction processes a slice of it, whose size adapts to the time of the last slices."""


class Groups:
    """The groups of records that belong together: union-find over SequenceNumbers 1..n, in four bytes a record."""

    def __init__(self, records: int) -> None:
        self._parent = array("i", range(records + 1))
        self._shared = bytearray(records + 1)

    def join(self, pairs: Iterable[tuple[UUID, int]]) -> None:
        """Join the records that have a match token in common. `pairs`: (match token, SequenceNumber), in the order of
        the tokens."""
        last_token, last = None, 0
        for token, sequence in pairs:
            self._shared[sequence] = 1
            if token == last_token:
                self._union(last, sequence)
            last_token, last = token, sequence

    def shared(self) -> list[int]:
        """The SequenceNumbers of records that share a group with another record, ascending."""
        return [sequence for sequence, flag in enumerate(self._shared) if flag]

    def find(self, sequence: int) -> int:
        """The lowest SequenceNumber of the record's group."""
        parent = self._parent
        while parent[sequence] != sequence:
            parent[sequence] = parent[parent[sequence]]
            sequence = parent[sequence]
        return sequence

    def _union(self, one: int, other: int) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low


def cut_chunks(
    import_id: UUID, records: int, groups: Groups, size: int = CHUNK_RECORDS, *, divides_groups: bool = True
) -> Iterator[Chunk]:
    """Cut chunks that together hold every record once: first ranges of lone records, then packed groups.

    The records of a group keep their order. A group larger than `size` becomes consecutive chunks, and each of them
    waits for the one before it. Without `divides_groups` such a group is one chunk, of any size.
    """
    shared = groups.shared()
    number = 0
    position = 0
    for first in range(1, records + 1, size):
        last = min(first + size - 1, records)
        start = position
        while position < len(shared) and shared[position] <= last:
            position += 1
        excluded = shared[start:position]
        if len(excluded) < last - first + 1:
            number += 1
            yield Chunk(
                account_id=0,
                import_id=import_id,
                chunk_number=number,
                next_sequence=first,
                last_sequence=last,
                sequences=None,
                excluded=excluded,
            )
    for pack in _pack_groups(shared, groups, size):
        before = None
        length = size if divides_groups else len(pack)
        for start in range(0, len(pack), length):
            part = pack[start : start + length]
            number += 1
            yield Chunk(0, import_id, number, part[0], part[-1], part, waits_for=before)
            before = number


def _pack_groups(shared: list[int], groups: Groups, size: int) -> Iterator[list[int]]:
    """Pack whole groups together up to `size` records, each pack ascending. A larger group is a pack by itself."""
    members: dict[int, list[int]] = {}
    for sequence in shared:
        members.setdefault(groups.find(sequence), []).append(sequence)
    pack: list[int] = []
    for group in members.values():
        if len(group) > size:
            yield group
            continue
        if len(pack) + len(group) > size:
            yield sorted(pack)
            pack = []
        pack.extend(group)
    if pack:
        yield sorted(pack)
