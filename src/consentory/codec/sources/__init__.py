"""Read input files: find the kind and the encoding of a file, and give its rows as text cells.

`open_file` opens an input. Its `open_table` gives the table in it. These modules do not use the command line or the
server.
"""

from consentory.codec.sources.byte_source import ByteSource, open_source
from consentory.codec.sources.source_error import SourceError
from consentory.codec.sources.source_file import SourceFile, open_file

__all__ = ["ByteSource", "SourceError", "SourceFile", "open_file", "open_source"]
