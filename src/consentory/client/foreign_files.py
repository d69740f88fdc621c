"""Files that are no records of ours: named by what they are, with what to do.

A file is recognised by its first bytes, after gzip or zstd is unpacked. Its name says nothing.
"""

from __future__ import annotations

from consentory.codec.hidden_characters import spell_hidden
from consentory.codec.json_scanner import JsonFault, skip_space, skip_value

_EXPORT = "export it as NDJSON, one JSON record a line"

_MARKS = (
    (b"PK\x03\x04", f"a ZIP archive or an Excel workbook; unpack it, or {_EXPORT}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an old Excel workbook (or another Office file); {_EXPORT}"),
    (b"\xff\xfe\0\0", "text in UTF-32; convert it first: iconv -f UTF-32 -t UTF-8 FILE"),
    (b"\0\0\xfe\xff", "text in UTF-32; convert it first: iconv -f UTF-32 -t UTF-8 FILE"),
    (b"\xff\xfe", "text in UTF-16; convert it first: iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xfe\xff", "text in UTF-16; convert it first: iconv -f UTF-16 -t UTF-8 FILE"),
    (b"BZh", "packed with bzip2; unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ", "packed with xz; unpack it, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it"),
    (b"\x04\x22\x4d\x18", "packed with lz4; unpack it, or pack it with gzip or zstd"),
    (b"PAR1", f"a Parquet file; {_EXPORT}"),
    (b"Obj\x01", f"an Avro file; {_EXPORT}"),
    (b"ORC", f"an ORC file; {_EXPORT}"),
    (b"SQLite format 3\0", f"an SQLite database; {_EXPORT}"),
    (b"\0\x01\0\0Standard ", f"an Access database; {_EXPORT}"),
    (b"%PDF", "a PDF document; ask for the data as NDJSON"),
)
_TEXT_MARKS = (
    (b"<!doctype html", "a web page (HTML), perhaps the page of a login or of an error; fetch the file again"),
    (b"<html", "a web page (HTML), perhaps the page of a login or of an error; fetch the file again"),
    (b"<?xml", f"an XML file; {_EXPORT}"),
    (b"begin:vcard", f"a file of vCards; {_EXPORT}"),
)
_TAR_MARK = slice(257, 262)
_DELIMITERS = b",;\t|"
_SAMPLE = 512
"""Bytes that are looked at for zeros between the letters, as UTF-16 and UTF-32 have them."""


def describe_foreign(head: bytes) -> str | None:
    """Say what a file is that begins with `head`, and what to do; None where it may hold records."""
    for mark, kind in _MARKS:
        if head.startswith(mark):
            return kind
    if head[_TAR_MARK] == b"ustar":
        return "a tar archive; unpack it"
    if encoding := _find_wide_encoding(head[:_SAMPLE]):
        return f"text in {encoding}; convert it first: iconv -f {encoding} -t UTF-8 FILE"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, kind in _TEXT_MARKS:
        if text[: len(mark)].lower() == mark:
            return kind
    return _describe_table(text)


def _find_wide_encoding(sample: bytes) -> str | None:
    """The encoding of text whose letters take two or four bytes, told by where its zeros are; no mark needed."""
    for width, name in ((4, "UTF-32"), (2, "UTF-16")):
        letters = len(sample) // width
        if letters < 2:
            continue
        zeros = [sum(byte == 0 for byte in sample[place::width]) for place in range(width)]
        if zeros[0] < letters * 0.1 and min(zeros[1:]) > letters * 0.6:
            return f"{name}LE"
        if zeros[-1] < letters * 0.1 and min(zeros[:-1]) > letters * 0.6:
            return f"{name}BE"
    return None


def _describe_table(text: bytes) -> str | None:
    """Name a table of text (CSV) by its first line; JSON is none."""
    if not text or text[:1] in b"{[":
        return None
    line = text.replace(b"\r", b"\n").partition(b"\n")[0]
    if _is_json(line):
        return None
    counts = {line.count(delimiter): delimiter for delimiter in map(bytes, zip(_DELIMITERS, strict=True))}
    most = max(counts)
    if not most:
        return None
    cells = [cell.strip(' "') for cell in line.decode("utf-8", "backslashreplace").split(counts[most].decode())]
    names = spell_hidden(", ".join(cells)[:200])
    return f"a table of text (CSV) whose first line is: {names}. Write one JSON record for each row of it"


def _is_json(line: bytes) -> bool:
    try:
        return skip_space(line, skip_value(line, skip_space(line, 0))) == len(line)
    except JsonFault:
        return False
