"""Open an input and find its kind. Tables of all formats are read in the same way."""

import io
from pathlib import Path
from typing import IO, Self

from consentory.codec.sources.byte_source import ByteSource, open_source
from consentory.codec.sources.delimited_text import DelimitedText
from consentory.codec.sources.file_kinds import FileKind, recognise_binary, recognise_text
from consentory.codec.sources.source_error import SourceError
from consentory.codec.sources.text_encoding import Encoding, TranscodedText, find_encoding, open_text
from consentory.codec.tabular.table import ReadOptions, Table

REFUSED_RECORD = b'{"Origin":'
"""The first bytes of a file of refused records."""

_BEGINNING = 1 << 13  # characters


class SourceFile:
    """One opened input. `kind`: its kind by its content. `encoding`: None if the content is not text.

    Close it, or use it as a context manager. Its table cannot be read after it is closed.
    """

    def __init__(self, source: ByteSource, given_encoding: str | None = None) -> None:
        """Find the kind and the encoding. Raises SourceError, with the remedy, for a kind that is not read."""
        self.source = source
        self.encoding: Encoding | None = None
        head = source.read_head()
        if not head:
            raise SourceError(source.name, "", "the file is empty")
        kind = recognise_binary(source, head)
        if kind is None:
            # Refused records are written in UTF-8. The given encoding is the encoding of the imported file.
            given = None if head.startswith(REFUSED_RECORD) else given_encoding
            self.encoding = find_encoding(source, given, head)
            kind = recognise_text(source, self._read_beginning(self.encoding))
        self.kind: FileKind = kind

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the input, and delete its temporary copies."""
        self.source.close()

    def open_json(self) -> io.RawIOBase:
        """Give the unpacked text from its beginning. Text in UTF-16, UTF-32 or a given encoding becomes UTF-8."""
        stream, encoding = self.source.open_unpacked(), self.encoding
        if encoding is None or encoding.name.startswith("utf-8") or not self.decodes_json:
            return stream
        return TranscodedText(stream, encoding.name)

    @property
    def decodes_json(self) -> bool:
        """True if JSON is decoded from `encoding`. A detected encoding is used only if it is UTF-16 or UTF-32. Other
        JSON is UTF-8, and a record that is not UTF-8 is broken."""
        encoding = self.encoding
        return encoding is not None and (
            encoding.source != "detected" or encoding.name.startswith(("utf-16", "utf-32"))
        )

    def open_table(self, options: ReadOptions) -> Table:
        """Give the table of the input. Raises SourceError if it has none."""
        if self.kind == "parquet":
            from consentory.codec.sources.parquet_table import ParquetTable  # pyarrow takes half a second to load

            return ParquetTable(self.source)
        if self.kind == "xlsx" or self.kind == "xls" or self.kind == "ods":
            from consentory.codec.sources.spreadsheet import open_spreadsheet

            return open_spreadsheet(self.source, self.kind, options)
        if self.encoding is None or self.kind == "json":
            raise SourceError(self.source.name, "", "this file holds JSON, which is not a table and needs no mapping")
        return DelimitedText(self.source, self.encoding, options)

    def _read_beginning(self, encoding: Encoding) -> str:
        with self.source.unpack_errors():
            return open_text(self.source.open_unpacked(), encoding.name).read(_BEGINNING)


def open_file(path: Path, given_encoding: str | None = None, stream: IO[bytes] | None = None) -> SourceFile:
    """Open an input by its path. `stream` gives the bytes if the input has no path (standard input, an upload).

    Raises SourceError, with the remedy, if the input cannot be read or has a kind that is not read.
    """
    source = open_source(path, stream)
    try:
        return SourceFile(source, given_encoding)
    except BaseException:
        source.close()
        raise
