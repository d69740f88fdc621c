"""The rows of an export or of an audience, and the position of their snapshot."""

from collections.abc import Callable, Iterator

import msgspec


class RowStream:
    """Rows as NDJSON lines without their line ends. They can be read once."""

    def __init__(self, read: Callable[["RowStream"], Iterator[bytes]]) -> None:
        self.position: int | None = None
        """The position of the first answer: all changes up to it are in the rows. None: no answer has come yet."""
        self._lines = read(self)

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def note_position(self, header: str | None) -> None:
        """Note the header Consentory-Position of an answer. The position of a continued stream does not count."""
        if self.position is None and header is not None:
            self.position = int(header)


class _RowKey(msgspec.Struct):
    """The key by which a stream is continued after a row."""

    ProfileId: int
    Key: str | None = None


_read_row_key = msgspec.json.Decoder(_RowKey).decode


def read_key(line: bytes) -> str:
    """The value of `after` that continues a stream after this row."""
    row = _read_row_key(line)
    return row.Key or str(row.ProfileId)
