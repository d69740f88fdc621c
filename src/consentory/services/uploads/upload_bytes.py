"""Read the bytes of an upload at any place, one part after the other, in bounded memory."""

from __future__ import annotations

from uuid import UUID

from consentory.store.database import Database
from consentory.store.tables import upload_store

_EARLIER_PARTS = 3
"""A reader of an archive goes back and forth, so some parts stay in memory."""


class UploadBytes:
    """The bytes of one upload. See `codec.sources.byte_source.StoredBytes`."""

    def __init__(self, database: Database, account_id: int, upload_id: UUID, size: int) -> None:
        self._database = database
        self._account_id = account_id
        self._upload_id = upload_id
        self._parts: list[tuple[int, bytes]] = []
        self.size = size

    def read_into(self, buffer: memoryview, at: int) -> int:
        """Raises OSError if the upload was given up, and StoreUnavailable."""
        if at >= self.size or not buffer:
            return 0
        first, part = self._find_part(at)
        taken = memoryview(part)[at - first : at - first + len(buffer)]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        """Forget the parts in memory."""
        self._parts.clear()

    def _find_part(self, at: int) -> tuple[int, bytes]:
        for first, part in reversed(self._parts):
            if first <= at < first + len(part):
                return first, part
        with self._database.transaction(self._account_id) as tx:
            found = upload_store.read_part(tx, self._upload_id, at)
        if found is None or at >= found[0] + len(found[1]):
            raise OSError("the upload was given up")
        del self._parts[:-_EARLIER_PARTS]
        self._parts.append(found)
        return found
