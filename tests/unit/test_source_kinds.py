"""The content decides what kind of file it is. The file is read in any compression and from any source, or refused with
its kind's name."""

import gzip
import io
import os
import shutil
import sqlite3
import subprocess
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
import zstandard
from table_reading import cells, names, read_table

from consentory.codec.sources import SourceError, open_file
from consentory.codec.tabular.table import ReadOptions

DATA = Path(__file__).parents[1] / "data"
CSV = b"Email;Name\na@example.com;A\nb@example.com;B\n"
ROWS = [["a@example.com", "A"], ["b@example.com", "B"]]


def kind_of(file: Path) -> str:
    with open_file(file) as opened:
        return opened.kind


def refusal(file: Path) -> str:
    with pytest.raises(SourceError) as refused:
        kind_of(file)
    assert str(refused.value).startswith(str(file))
    return refused.value.fault


def pack_long(content: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("packed", "packing"),
    [
        (gzip.compress(CSV, mtime=0), "gzip"),
        (gzip.compress(CSV[:20], mtime=0) + gzip.compress(CSV[20:], mtime=0), "gzip"),
        (zstandard.compress(CSV), "zstd"),
        (zstandard.compress(CSV[:20]) + zstandard.compress(CSV[20:]), "zstd"),
        (b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstandard.compress(CSV), "zstd"),
        (pack_long(CSV), "zstd"),
    ],
)
def test_packed_files_are_read_whatever_they_are_called(tmp_path: Path, packed: bytes, packing: str) -> None:
    file = tmp_path / "people.xlsx"
    file.write_bytes(packed)
    description, rows = read_table(file)
    assert (description.packing, description.format) == (packing, "csv")
    assert f"CSV packed with {packing}" in description.summary()
    assert cells(rows) == ROWS


@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_spreadsheets_are_read(tmp_path: Path, form: str, pack) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "people"
    file.write_bytes(pack((DATA / f"libreoffice.{form}").read_bytes()))
    description, rows = read_table(file, ReadOptions(sheet="Contacts"))
    assert (description.format, len(rows)) == (form, 2)


@pytest.mark.parametrize("packed", [gzip.compress(CSV * 9000, mtime=0), zstandard.compress(CSV * 9000)])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, packed: bytes) -> None:
    file = tmp_path / "people.csv.gz"
    file.write_bytes(packed[:-9])
    assert refusal(file) == "the packed file is cut off before its end; fetch or pack it again"


def test_a_packed_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(3000), mtime=0))
    packed[1500] ^= 255
    file = tmp_path / "people.csv.gz"
    file.write_bytes(packed)
    assert "the packed file is damaged" in refusal(file)


@pytest.mark.parametrize("content", [CSV, gzip.compress(CSV, mtime=0), (DATA / "libreoffice.xlsx").read_bytes()])
def test_a_pipe_is_read_like_a_file(tmp_path: Path, content: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    with open_file(pipe) as opened:
        table = opened.open_table(ReadOptions(sheet=2))
        assert not opened.source.regular
        assert len(list(table.read_rows())) == len(list(table.read_rows())) == 2
    writer.join()


def test_a_stream_is_read_like_a_file() -> None:
    with open_file(Path("-"), stream=io.BytesIO(CSV)) as opened:
        table = opened.open_table(ReadOptions())
        assert table.description.file_name == "-"
        assert cells(list(table.read_rows())) == ROWS


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"UserProfilePreferences": []}', "json"),
        (b'\n [\n {"a": 1}]', "json"),
        (b'{"a": 1}\n{"a": 2}\n', "json"),
        ("\ufeff[\r\n{".encode("utf-16"), "json"),
        (b"{'a': 1}", "json"),
        (b"[]", "json"),
        (b"[id];[name]\n1;2\n", "text"),
        (b"Email\n", "text"),
        (b"PAR1;PARENT\n1;2\n", "text"),
        (b"BZh;MZ\n1;2\n", "text"),
    ],
)
def test_json_and_text_are_told_apart(tmp_path: Path, content: bytes, kind: str) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    assert kind_of(file) == kind


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "this is a vCard file; open it in an address book"),
        ("\ufeffBEGIN:VCARD\r\n".encode("utf-16"), "this is a vCard file"),
        (b"BEGIN:VCALENDAR\r\n", "this is a calendar"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "this is a PDF document"),
        (b"{\\rtf1\\ansi}", "this is an RTF document"),
        (b"\r\n<!DOCTYPE html>\n<html><table>", "this is an HTML page, although its name may say otherwise"),
        (b"<table><tr><td>Email</td></tr></table>", "this is an HTML page"),
        (b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook>', "in XML of 2003"),
        (b'<?xml version="1.0"?><people/>', "this is an XML document"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00", "this is a Microsoft Access database"),
        (b"\x00\x01\x00\x00Standard ACE DB\x00", "this is a Microsoft Access database"),
        (b"dn: cn=A,dc=example\ncn: A\n", "this is an LDIF file"),
        (b"-- MySQL dump 10.13\n", "this is a dump of a database in SQL"),
        (b"INSERT INTO people VALUES (1);\n", "this is a dump of a database in SQL"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "this is a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00", "this is a RAR archive"),
        (b"BZh91AY&SY\0\0", "packed with bzip2"),
        (b"\xfd7zXZ\0\0", "packed with xz"),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), "packed with gzip twice"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", "this is a picture"),
        (bytes(range(256)) * 20, "this is neither text nor a format that is read"),
        (b"ARROW1\0\0\xff\xff", "this is an Arrow (Feather) file"),
    ],
)
def test_known_formats_that_are_not_read_are_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    assert said in refusal(file)


def test_real_files_that_are_not_read_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(CSV)
    with tarfile.open(tmp_path / "people.tar", "w") as tar:
        tar.add(tmp_path / "people.csv", "people.csv")
    assert "this is a tar archive" in refusal(tmp_path / "people.tar")
    with tarfile.open(tmp_path / "people.tgz", "w:gz") as tar:
        tar.add(tmp_path / "people.csv", "people.csv")
    assert "this is a tar archive" in refusal(tmp_path / "people.tgz")
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        archive.write(tmp_path / "people.csv", "export/people.csv")
    assert refusal(tmp_path / "people.zip").startswith("this is a ZIP archive (in it: export/people.csv); unpack it")
    with zipfile.ZipFile(tmp_path / "people.docx", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert "this is a Word document" in refusal(tmp_path / "people.docx")
    with zipfile.ZipFile(tmp_path / "people.xlsb", "w") as archive:
        archive.writestr("xl/workbook.bin", "")
    assert "(XLSB); save it as Excel Workbook (XLSX)" in refusal(tmp_path / "people.xlsb")
    with sqlite3.connect(tmp_path / "people.db") as database:
        database.execute("CREATE TABLE people (email)")
    assert "this is an SQLite database" in refusal(tmp_path / "people.db")
    old_word = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "WordDocument".encode("utf-16-le") + bytes(600)
    (tmp_path / "people.doc").write_bytes(old_word)
    assert "this is a Word document" in refusal(tmp_path / "people.doc")
    locked = old_word.replace("WordDocument".encode("utf-16-le"), "EncryptedPackage".encode("utf-16-le"))
    (tmp_path / "people.xlsx").write_bytes(locked)
    assert "protected by a password" in refusal(tmp_path / "people.xlsx")


def test_a_path_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    assert "this is a folder; name the files in it" in refusal(tmp_path)
    assert refusal(tmp_path / "missing.csv") == "cannot be read: No such file or directory"
    (tmp_path / "empty.csv").touch()
    assert refusal(tmp_path / "empty.csv") == "the file is empty"


@pytest.mark.parametrize(
    "beginning",
    [
        "Return-Path: <a@example.com>\r\nReceived: from x\r\n\tby y; Mon, 2 Jan 2024\r\nSubject: Contacts\r\n",
        "From: a@example.com\nTo: b@example.com\nSubject: Contacts,\n list\nMIME-Version: 1.0\n",
    ],
)
def test_a_message_of_email_is_no_table(tmp_path: Path, beginning: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"{beginning}\nEmail,Name\na@example.com,A\n")
    assert refusal(file) == "this is an email message (EML); save the attached file and import that file"
    file.write_text("From: ,To: \na,b\n")
    assert kind_of(file) == "text"


def test_json_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_bytes(b"[]")
    with open_file(file) as opened, pytest.raises(SourceError, match="JSON, which is not a table"):
        opened.open_table(ReadOptions())


@pytest.mark.processes
def test_a_file_written_by_a_program_of_the_shell(tmp_path: Path) -> None:
    """The programs zstd and gzip, if they are installed, write blocks in their own ways."""
    file = tmp_path / "people.csv"
    file.write_bytes(CSV)
    for program, ending in (("gzip", "gz"), ("zstd", "zst")):
        if shutil.which(program):
            subprocess.run([program, "-k", "-q", str(file)], check=True)
            description, rows = read_table(tmp_path / f"people.csv.{ending}")
            assert names(description) == ["Email", "Name"]
            assert cells(rows) == ROWS
