"""Find the kind of a file by its content: a format that is read, or a known format that is refused by its name."""

import contextlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Literal

from consentory.codec.sources.byte_source import ByteSource
from consentory.codec.sources.source_error import SourceError

FileKind = Literal["text", "json", "xlsx", "xls", "ods", "parquet"]

_AS_TABLE = "export it as CSV or XLSX"
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (4, b"1AY&SY", "packed with bzip2; unpack it, or pack it with gzip or zstd"),
    (0, b"\xfd7zXZ", "packed with xz; unpack it, or pack it with gzip or zstd"),
    (0, b"\x04\x22\x4d\x18", "packed with lz4; unpack it, or pack it with gzip or zstd"),
    (0, b"\x1f\x9d", "packed with compress; unpack it, or pack it with gzip or zstd"),
    (0, b"\x1f\x8b", "packed with gzip twice; unpack it once"),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd twice; unpack it once"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and give the files in it"),
    (0, b"Rar!\x1a\x07", "a RAR archive; unpack it and give the files in it"),
    (257, b"ustar", "a tar archive; unpack it (tar -xf FILE) and give the files in it"),
    (0, b"%PDF-", f"a PDF document; go back to the program it was made with and {_AS_TABLE}"),
    (0, b"{\\rtf", f"an RTF document; copy its table into a spreadsheet and {_AS_TABLE}"),
    (4, b"Standard Jet DB", "a Microsoft Access database; in Access, export the table as XLSX or as text with UTF-8"),
    (4, b"Standard ACE DB", "a Microsoft Access database; in Access, export the table as XLSX or as text with UTF-8"),
    (0, b"SQLite format 3\0", "an SQLite database; export a table: sqlite3 -header -csv FILE 'SELECT * FROM …'"),
    (0, b"PGDMP\x01", "a PostgreSQL dump; restore it and export a query: COPY (…) TO STDOUT WITH (FORMAT csv, HEADER)"),
    (0, b"!BDN", "an Outlook data file (PST); in Outlook, export the contacts as CSV"),
    (0, b"Obj\x01", f"an Avro file; {_AS_TABLE}, or as Parquet"),
    (0, b"ARROW1\0\0", "an Arrow (Feather) file; write it as Parquet"),
    (0, b"\x89HDF", "an HDF5 file; write it as Parquet"),
    (0, b"$FL2@(#)", f"an SPSS file; {_AS_TABLE}"),
    (0, b"<stata_dta>", f"a Stata file; {_AS_TABLE}"),
    (0, b"\x89PNG", f"a picture (PNG); {_AS_TABLE}"),
    (0, b"\xff\xd8\xff", f"a picture (JPEG); {_AS_TABLE}"),
    (0, b"GIF87a", f"a picture (GIF); {_AS_TABLE}"),
    (0, b"GIF89a", f"a picture (GIF); {_AS_TABLE}"),
    (0, b"\x7fELF", "a program (ELF), not a file of people"),
    (0, b"MZ\x90", "a Windows program, not a file of people"),
)

_FOREIGN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (
            r"begin:vcard",
            "a vCard file; open it in an address book (Google Contacts, for example) and export it as CSV",
        ),
        (r"begin:vcalendar", "a calendar (iCalendar), not a file of people"),
        (
            r"(?:<\?xml[^>]*>\s*)?(?:<\?mso[^>]*>\s*)?<(?:\w+:)?workbook\b",
            "a spreadsheet in XML of 2003; open it in a spreadsheet program and save it as XLSX",
        ),
        (
            r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|meta|style|div)\b",
            "an HTML page, although its name may say otherwise; open it in a spreadsheet program and save it as XLSX",
        ),
        (r"<\?xml|<!doctype|<[a-z][\w:.-]*[\s>/]", f"an XML document; {_AS_TABLE}"),
        (r"-----begin pgp|-----begin age", "an encrypted file; decrypt it first"),
        (r"(?:version: 1\s+)?dn:{1,2} ", f"an LDIF file of a directory; {_AS_TABLE}"),
        (
            r"(?:[\w-]+:[ \t][^\n]*\n(?:[ \t][^\n]*\n)*)*?"
            r"(?:mime-version|message-id|received|return-path|delivered-to): ",
            "an email message (EML); save the attached file and import that file",
        ),
        (r"from \S+ +(?:mon|tue|wed|thu|fri|sat|sun) ", "a mailbox (mbox), not a file of people"),
        (
            r"-- (?:mysql|mariadb|postgresql|phpmyadmin|sqlite)|(?:create table|insert into|pragma foreign_keys)\b",
            "a dump of a database in SQL; load it and export the table as CSV",
        ),
    )
)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_KINDS = (
    ("EncryptedPackage", "a workbook protected by a password; open it, remove the password and save it"),
    ("WordDocument", "a Word document; copy its table into a spreadsheet and save it as XLSX"),
    ("PowerPoint Document", f"a PowerPoint document; {_AS_TABLE}"),
    ("__substg1.0_", "an Outlook message; in Outlook, export the contacts as CSV"),
)
_ZIP_KINDS = (
    ("xl/workbook.bin", "an Excel binary workbook (XLSB); save it as Excel Workbook (XLSX)"),
    ("word/document.xml", "a Word document; copy its table into a spreadsheet and save it as XLSX"),
    ("ppt/presentation.xml", f"a PowerPoint document; {_AS_TABLE}"),
    ("Index/Document.iwa", "a Numbers document; in Numbers, export it as Excel or CSV"),
    ("META-INF/MANIFEST.MF", "a Java archive, not a file of people"),
)
_ODS = "application/vnd.oasis.opendocument.spreadsheet"
# A `[` or `{` that begins JSON. A header such as `[id];[name]` does not match.
_JSON = re.compile(r"""\s*(?:\{\s*["'}]|\{\s*$|\[\s*[\[{\]"]|\[\s*$)""")


def recognise_binary(source: ByteSource, head: bytes) -> FileKind | None:
    """Find the kind of a binary file by its first bytes. None: maybe text. Raises SourceError for a refused kind."""
    if head.startswith(b"PAR1\x15"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _recognise_zip(source)
    if head.startswith(_OLE):
        return _recognise_ole(source)
    for offset, mark, kind in _FOREIGN:
        if head.startswith(mark, offset):
            raise SourceError(source.name, "", f"this is {kind}")
    return None


def recognise_text(source: ByteSource, text: str) -> FileKind:
    """Find the kind of decoded text by its beginning. Raises SourceError for a refused kind."""
    beginning = text.lstrip("\ufeff \t\r\n")[:4096]
    for pattern, kind in _FOREIGN_TEXT:
        if pattern.match(beginning):
            raise SourceError(source.name, "", f"this is {kind}")
    return "json" if _JSON.match(beginning) else "text"


@contextlib.contextmanager
def zip_errors(name: str) -> Iterator[None]:
    """Turn the errors of reading a ZIP archive into a SourceError for the file `name`."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        fault = f"the ZIP archive or spreadsheet is damaged or cut off ({error}); fetch or save it again"
        raise SourceError(name, "", fault) from error


def _recognise_zip(source: ByteSource) -> FileKind:
    plain = source.unpack(ARCHIVE_LIMIT, ARCHIVE_ADVICE)
    with zip_errors(source.name), zipfile.ZipFile(io.BufferedReader(plain.open_raw())) as archive:
        names, mimetype = archive.namelist(), ""
        if "mimetype" in names and archive.getinfo("mimetype").file_size < 1000:
            mimetype = archive.read("mimetype").decode("latin-1").strip()
    if "xl/workbook.xml" in names:
        return "xlsx"
    if mimetype.startswith(_ODS):
        return "ods"
    for member, kind in _ZIP_KINDS:
        if member in names:
            raise SourceError(source.name, "", f"this is {kind}")
    if mimetype.startswith("application/vnd.oasis"):
        raise SourceError(source.name, "", f"this is an OpenDocument file, but not a spreadsheet; {_AS_TABLE}")
    inside = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    raise SourceError(source.name, "", f"this is a ZIP archive (in it: {inside}); unpack it and give the files in it")


def _recognise_ole(source: ByteSource) -> FileKind:
    """Find the kind of an old Office file by the names of its streams. They are in UTF-16, anywhere in the file."""
    plain = source.unpack(ARCHIVE_LIMIT, ARCHIVE_ADVICE)
    if plain.size > ARCHIVE_LIMIT:
        raise SourceError(source.name, "", ARCHIVE_ADVICE)
    with plain.unpack_errors():
        content = plain.open_raw().readall() or b""
    for name, kind in _OLE_KINDS:
        if name.encode("utf-16-le") in content:
            raise SourceError(source.name, "", f"this is {kind}")
    if any(name.encode("utf-16-le") in content for name in ("Workbook", "Book")):
        return "xls"
    raise SourceError(source.name, "", f"this is an old Office document, but not a spreadsheet; {_AS_TABLE}")


ARCHIVE_LIMIT = 200_000_000
"""The largest number of bytes of an unpacked spreadsheet."""
ARCHIVE_ADVICE = (
    f"the spreadsheet is larger than {ARCHIVE_LIMIT // 1_000_000} MB unpacked; "
    "save the sheet as CSV (UTF-8) and import that file, or cut it into several files"
)
