"""Open an input and find its kind. Tables of all formats are read in the same way."""

import io
from pathlib import Path
from typing import IO, Self

from consentory.client.sources.byte_source import ByteSource, open_source
from consentory.client.sources.delimited_text import DelimitedText
from consentory.client.sources.file_kinds import FileKind, recognise_binary, recognise_text
from consentory.client.sources.source_error import SourceError
from consentory.client.sources.text_encoding import Encoding, TranscodedText, find_encoding, open_text
from consentory.codec.tabular.table import ReadOptions, Table

REFUSED_RECORD = b'{"Origin":'
"""How a file of refused records begins."""

_BEGINNING = 1 << 13  # characters


class SourceFile:
    """One opened input. `kind` is what it is by its content; `encoding` is None for what is no text.

    Close it, or use it as a context manager; its table ends with it.
    """

    def __init__(self, source: ByteSource, given_encoding: str | None = None) -> None:
        """Look at the content. Raises SourceError for an input that is not read, with what to do."""
        self.source = source
        self.encoding: Encoding | None = None
        head = source.read_head()
        if not head:
            raise SourceError(source.name, "", "the file is empty, and has no record")
        kind = recognise_binary(source, head)
        if kind is None:
            # Refused records are written in UTF-8, whatever encoding their origin was given.
            given = None if head.startswith(REFUSED_RECORD) else given_encoding
            self.encoding = find_encoding(source, given, head)
            kind = recognise_text(source, self._read_beginning(self.encoding))
        self.kind: FileKind = kind

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the input and what was copied of it."""
        self.source.close()

    def open_json(self) -> io.RawIOBase:
        """Give the unpacked text as UTF-8, from its beginning: also text in UTF-16, UTF-32 or a given encoding."""
        stream, encoding = self.source.open_unpacked(), self.encoding
        if encoding is None or encoding.name.startswith("utf-8") or not self.decodes_json:
            return stream
        return TranscodedText(stream, encoding.name)

    @property
    def decodes_json(self) -> bool:
        """Whether JSON is read in `encoding`. One that was only detected does not count: JSON is UTF-8, and what is
        none is a broken record."""
        encoding = self.encoding
        return encoding is not None and (
            encoding.source != "detected" or encoding.name.startswith(("utf-16", "utf-32"))
        )

    def open_table(self, options: ReadOptions) -> Table:
        """Give the table in it. Raises SourceError where there is none."""
        if self.kind == "parquet":
            from consentory.client.sources.parquet_table import ParquetTable  # pyarrow takes half a second to load

            return ParquetTable(self.source)
        if self.kind == "xlsx" or self.kind == "xls" or self.kind == "ods":
            from consentory.client.sources.spreadsheet import open_spreadsheet

            return open_spreadsheet(self.source, self.kind, options)
        if self.encoding is None or self.kind == "json":
            raise SourceError(self.source.name, "", "this file holds JSON, which is not a table and needs no mapping")
        return DelimitedText(self.source, self.encoding, options)

    def _read_beginning(self, encoding: Encoding) -> str:
        with self.source.unpack_errors():
            return open_text(self.source.open_unpacked(), encoding.name).read(_BEGINNING)


def open_file(path: Path, given_encoding: str | None = None, stream: IO[bytes] | None = None) -> SourceFile:
    """Open an input by its path; `stream` gives the bytes of one that has no path (standard input, an upload).

    Raises SourceError for an input that cannot be read or is not read, with what to do.
    """
    source = open_source(path, stream)
    try:
        return SourceFile(source, given_encoding)
    except BaseException:
        source.close()
        raise
