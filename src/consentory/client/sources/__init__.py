"""Files as people have them: what a file is, how it is encoded, and its rows as text cells.

`open_file` opens an input; its `open_table` gives the table in it. Nothing here knows the command line or the server.
"""

from consentory.client.sources.byte_source import ByteSource, open_source
from consentory.client.sources.source_error import SourceError
from consentory.client.sources.source_file import SourceFile, open_file

__all__ = ["ByteSource", "SourceError", "SourceFile", "open_file", "open_source"]
