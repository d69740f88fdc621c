"""A file of refused rows, imported again: it is read like its origin, and refused until a person corrects it
(files.md)."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from consentory.codec.sources import SourceError, open_file
from consentory.codec.tabular.refused_rows import choose_suffix, open_refused_rows
from consentory.codec.tabular.table import ReadOptions, Row, RowFault, TableDescription

REFUSED = RowFault("Email.Malformed", 'No “mailbox”, said the server; it was "x".', "E-Mail")
Read = tuple[TableDescription, list[Row]]


def refuse(file: Path, options: ReadOptions | None = None, *, all_rows: bool = False) -> Path:
    """Write the refused rows of a file beside the file: the rows that could not be read, or `all_rows`."""
    options = options or ReadOptions()
    with open_file(file, options.encoding) as source:
        table = source.open_table(options)
        refused = file.with_name(f"{file.name}.exceptions{choose_suffix(table.description)}")
        with refused.open("wb") as out:
            writer = open_refused_rows(out, table.description, getattr(table, "schema", None))
            for row in table.read_rows():
                if row.faults or all_rows:
                    writer.add(row, [*row.faults, REFUSED])
            writer.close()
    return refused


def read(file: Path, options: ReadOptions | None = None) -> Read:
    options = options or ReadOptions()
    with open_file(file, options.encoding) as source:
        table = source.open_table(options)
        return table.description, list(table.read_rows())


def codes(rows: list[Row]) -> list[list[str]]:
    return [[fault.code for fault in row.faults] for row in rows]


def require_refused_again(file: Path, options: ReadOptions | None = None, *, faulty: int) -> list[Row]:
    """The refused rows of a file are refused with the same faults the second time, and the third time."""
    _, rows = read(file, options)
    wanted = [found for found in codes(rows) if found]
    assert len(wanted) == faulty
    for _ in range(2):
        file = refuse(file, options)
        _, rows = read(file, options)
        assert codes(rows) == wanted
    return rows


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(st.text("aé\u00a0 \"';,\n=+0|", max_size=6), min_size=1, max_size=4), min_size=1, max_size=8
    ),
    delimiter=st.sampled_from(";,\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1250", "utf-16-le"]),
    lines=st.sampled_from(["\n", "\r\n"]),
    bare=st.booleans(),
)
def test_every_content_of_a_row_comes_back_unchanged(
    tmp_path: Path, rows: list[list[str]], delimiter: str, encoding: str, lines: str, bare: bool
) -> None:
    """Rows of 3 columns. With `bare` the cells are written without quotation marks, so many rows do not fit the
    header."""
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator=lines).writerows([["A", "B", "C"], *rows])
    text = lines.join(map(delimiter.join, [["A", "B", "C"], *rows])) if bare else written.getvalue()
    file = tmp_path / "people.csv"
    file.write_bytes((("\ufeff" if encoding == "utf-16-le" else "") + text).encode(encoding))
    options = ReadOptions(encoding=encoding, delimiter=delimiter)
    _, first = read(file, options)
    _, again = read(refuse(file, options, all_rows=True))
    assert codes(again) == codes(first)
    sound = [[row.cells for row in found if not row.faults] for found in (first, again)]
    assert [cells[:3] for cells in sound[1]] == sound[0]


NAMES = {
    "cp1250": "Łukasz",
    "mac-roman": "José",
    "cp932": "鈴木",
    "cp1251": "Юлия",
    "iso8859-15": "Šárka",
    "utf-16-le": "Zoë",
    "utf-16-be": "Zoë",
    "utf-32-le": "Zoë",
    "utf-8-sig": "Zoë",
    "utf-8": "Zoë",
}


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("delimiter", ["^", ";"])
def test_one_row_is_read_in_the_encoding_and_with_the_delimiter_of_its_origin(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    file = tmp_path / "people.csv"
    text = f"E-Mail{delimiter}Name\nno-address{delimiter}{NAMES[encoding]}\n"
    mark = "\ufeff" if encoding.startswith(("utf-16", "utf-32")) else ""
    file.write_bytes((mark + text).encode(encoding))
    description, rows = read(refuse(file, ReadOptions(encoding=encoding), all_rows=True))
    assert rows[0].cells[:2] == ["no-address", NAMES[encoding]]
    assert (description.encoding, description.delimiter) == (encoding, delimiter)
    if encoding.startswith(("cp", "mac", "iso")):
        assert f"encoding {encoding} (that of the imported file)" in description.summary().replace(
            "mac-roman", encoding
        )


def test_an_undecodable_cell_among_utf_8_is_refused_again(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("E-Mail;Name\na@b.de;Zoë\nc@d.de;Zo".encode() + b"\xff\xfe\n" + "e@f.de;Ünal\n".encode())
    require_refused_again(file, faulty=1)
    refused = refuse(file)
    assert b"c@d.de;Zo\xff\xfe;3;" in refused.read_bytes()
    description, (row,) = read(refused)
    assert description.encoding == "utf-8"
    assert row.faults[0].value == r"Zo\xff\xfe"
    refused.write_bytes(refused.read_bytes().replace(b"Zo\xff\xfe", "Zoë".encode()))
    _, (row,) = read(refused)
    assert (row.cells[1], row.faults) == ("Zoë", ())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_half_a_unit_at_the_end_of_utf_16_shifts_nothing(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "people.csv"
    lone = "\ud83d".encode(encoding, "surrogatepass")
    text = "\ufeffE-Mail;Name\na@b.de;Zoë\nc@d.de;Z".encode(encoding)
    file.write_bytes(text + lone + "o;\nd@e.de;Q".encode(encoding) + b"\x61")
    rows = require_refused_again(file, faulty=2)
    assert [str(row.cells[0]) for row in rows] == ["c@d.de", "d@e.de"]


RAGGED = "A;B;C\n1;2;3\n1;2\n1\n1;2;3;4\n1;2;3;\nx;y;z\n"
MISQUOTED = 'A;B;C\n"1"x;2;3\n1;"open;3\nx;y;z\n1;2;"a"b\n'


@pytest.mark.parametrize("text", [RAGGED, RAGGED.replace(";", ","), RAGGED.replace("A;B;C", "A;B;C;;")])
def test_rows_that_do_not_fit_are_refused_until_they_fit(tmp_path: Path, text: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    _, rows = read(file)
    faulty = sum(bool(row.faults) for row in rows)
    assert faulty >= 3
    require_refused_again(file, faulty=faulty)


def test_a_row_that_does_not_fit_is_refused_too_when_a_spreadsheet_program_filled_it_up(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(RAGGED)
    refused = refuse(file)
    cells = list(csv.reader(io.StringIO(refused.read_text()), delimiter=";"))
    width = max(map(len, cells))
    with refused.open("w", newline="") as out:
        csv.writer(out, delimiter=";").writerows([*row, *[""] * (width - len(row))] for row in cells)
    _, rows = read(refused)
    assert all(row.faults for row in rows)
    assert len(rows) == 4
    require_refused_again(refused, faulty=4)


def test_a_note_that_looks_like_a_fault_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("A;B\n7;Mr.Smith: called twice\n")
    _, (row,) = read(refuse(file, all_rows=True))
    assert (row.cells[:2], row.faults) == (["7", "Mr.Smith: called twice"], ())


def test_a_row_that_was_put_right_in_a_spreadsheet_program_passes(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("A;B;C\n1;2\n")
    refused = refuse(file)
    header, row = csv.reader(io.StringIO(refused.read_text()), delimiter=";")
    with refused.open("w", newline="") as out:
        csv.writer(out, delimiter=",").writerows([header, [*row[:2], "", *row[2:]]])
    description, (again,) = read(refused, ReadOptions(delimiter=";"))
    assert (again.cells[:3], again.faults, description.delimiter) == (["1", "2", ""], (), ",")


@pytest.mark.parametrize("delimiter", [";", ","])
def test_rows_whose_quotation_marks_do_not_fit_are_refused_until_they_fit(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(MISQUOTED.replace(";", delimiter))
    require_refused_again(file, faulty=3)
    lines = refuse(file).read_text().splitlines()
    assert [line.partition("Row.Quoting")[0] for line in lines[1:]] == [
        start.replace(";", delimiter) for start in ('"1"x;2;3;2;"', '1;"open;3;3;"', '1;2;"a"b;5;"')
    ]


def test_a_header_further_down_and_a_line_of_excel_do_not_count_for_refused_rows(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Contacts;;\nmade today;;\nA;B;C\n1;2\n1;2;3\n")
    options = ReadOptions(header=3)
    require_refused_again(file, options, faulty=1)
    file.write_text("sep=|\nA|B|C\n1|2\n1|2|3\n")
    require_refused_again(file, faulty=1)


def write_book(file: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["other"])
    sheet = book.create_sheet("Kunden")
    sheet.append(["Liste"])
    sheet.append(["A", "B", "C"])
    sheet.append(["1", 12345678901234567890, "x"])
    sheet.append(["2", 1.5e300, "x"])
    sheet.append(["3", "#N/A", "x"])
    sheet.append(["4", "y", "x", "beyond"])
    sheet.append(["5", "y", "x"])
    sheet["B5"].data_type = "e"
    book.save(file)


@pytest.mark.parametrize("sheet", ["Kunden", 2])
def test_cells_of_a_spreadsheet_that_cannot_be_trusted_are_refused_until_they_are_typed_anew(
    tmp_path: Path, sheet: str | int
) -> None:
    file = tmp_path / "people.xlsx"
    write_book(file)
    options = ReadOptions(sheet=sheet, header=2)
    rows = require_refused_again(file, options, faulty=4)
    assert codes(rows) == [["Row.NumberTooLong"], ["Row.NumberTooLong"], ["Row.CellError"], ["Row.ColumnCount"]]
    refused = refuse(file, options)
    book = openpyxl.load_workbook(refused)
    book.active["B2"].value = "12345678901234567890"
    book.save(refused)
    assert [bool(row.faults) for row in read(refused, options)[1]] == [False, True, True, True]


def test_another_workbook_without_the_wanted_sheet_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "people.xlsx"
    write_book(file)
    with pytest.raises(SourceError, match="there is no sheet 3; there are Sheet, Kunden"):
        read(file, ReadOptions(sheet=3))


def test_a_name_that_no_sheet_of_xlsx_can_have_is_no_hindrance(tmp_path: Path) -> None:
    table = TableDescription("a.ods", "ods", (), 1, sheet="Kunden: 2024/2025, alle aus dem Norden")
    with (tmp_path / "back.xlsx").open("wb") as out:
        writer = open_refused_rows(out, table)
        writer.close()
    assert openpyxl.load_workbook(tmp_path / "back.xlsx").sheetnames == ["Kunden_ 2024_2025, alle aus dem"]


def test_bytes_of_parquet_that_are_no_utf_8_are_refused_until_they_are(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    raw = pyarrow.array([b"Zo\xff", "Zoë".encode()], pyarrow.binary())
    names = pyarrow.StringArray.from_buffers(len(raw), *raw.buffers()[1:])
    parquet.write_table(pyarrow.table({"A": ["1", "2"], "B": names}), file)
    require_refused_again(file, faulty=1)
