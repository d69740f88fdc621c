"""Spreadsheets as tables: the text that a person sees, sheets, merged headers, and small files that expand to large
ones."""

import contextlib
import datetime
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from table_reading import cells, faults, names, read_table

from consentory.codec.sources import SourceError, open_file, spreadsheet
from consentory.codec.tabular.table import ReadOptions

DATA = Path(__file__).parents[1] / "data"
WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats'
    '.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
)


def write_book(file: Path, rows: list[list[Any]], **formats: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for cell, number_format in formats.items():
        sheet[cell].number_format = number_format
    book.save(file)
    return file


def change_member(file: Path, member: str, change: Any) -> Path:
    """Write the archive again with one member changed."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content[member] = change(content[member])
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return file


@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
def test_cells_are_what_a_person_sees(form: str) -> None:
    """LibreOffice wrote the files: merged headers, a postal code as a number, a formula, an error."""
    description, rows = read_table(DATA / f"libreoffice.{form}", ReadOptions(sheet="Contacts"))
    assert names(description) == ["Name", "Name#2", "Email", "Zip", "When", "Phone", "Id", "Yes"]
    assert description.summary() == (
        f"libreoffice.{form}: {form.upper()}, sheet Contacts (other sheets: Notes), header in row 1, 8 columns."
    )
    assert [(row.line, row.cells) for row in rows] == [
        (2, ["Jürgen", "Müller", "j@example.com", "01234", "2024-03-05", "4915112345678", "42", "TRUE"]),
        (6, ["Zoë", None, "z@example.com", "98765", "2024-03-05T14:30:15", "#DIV/0!", "0.5", None]),
    ]
    assert faults(rows) == [(6, "Row.CellError", "Phone", "#DIV/0!")]
    assert description.place_row(rows[1]) == f"libreoffice.{form}, sheet Contacts, row 6"


@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
def test_a_sheet_by_name_or_number(form: str) -> None:
    for wanted, name in ((None, "Notes"), (1, "Notes"), ("2", "Contacts"), ("Contacts", "Contacts")):
        description, _ = read_table(DATA / f"libreoffice.{form}", ReadOptions(sheet=wanted))
        assert description.sheet == name
    for wanted in ("People", 3, 0):
        with pytest.raises(SourceError, match=f"there is no sheet {wanted}; there are Notes, Contacts"):
            read_table(DATA / f"libreoffice.{form}", ReadOptions(sheet=wanted))


KINDS: list[tuple[Any, str | None]] = [
    ("01234", "01234"),
    (42.0, "42"),
    (42.5, "42.5"),
    (4915112345678, "4915112345678"),
    (1e-7, "0.0000001"),
    (0.1 + 0.2, "0.3"),
    (-1250, "-1250"),
    (True, "TRUE"),
    (datetime.date(2024, 3, 5), "2024-03-05"),
    (datetime.datetime(2024, 3, 5, 14, 30, 15), "2024-03-05T14:30:15"),  # noqa: DTZ001
    (datetime.time(9, 5), "09:05:00"),
    (datetime.datetime(2024, 3, 5, 23, 59, 59, microsecond=600_000), "2024-03-06"),  # noqa: DTZ001
    (datetime.datetime(2024, 3, 5, 9, 12, 0, microsecond=400_000), "2024-03-05T09:12:00"),  # noqa: DTZ001
    (datetime.time(9, 12, 35, 999_999), "09:12:36"),
    (datetime.timedelta(hours=30, minutes=5), "30:05:00"),
    (datetime.timedelta(hours=30, minutes=4, seconds=59, milliseconds=999), "30:05:00"),
    ("\u00a0x\u00a0", "\u00a0x\u00a0"),
    (None, None),
    ("two\nlines", "two\nlines"),
]


def test_values_become_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both readers of XLSX give the same text."""
    header = [f"c{place}" for place in range(len(KINDS))]
    file = write_book(tmp_path / "kinds.xlsx", [header, [value for value, _ in KINDS], ["x"]])
    _, held = read_table(file)
    assert held[0].cells == [text for _, text in KINDS]
    assert held[1].cells == ["x"] + [None] * (len(KINDS) - 1)
    monkeypatch.setattr(spreadsheet, "HELD_CELLS", 0)
    assert read_table(file)[1] == held


def test_formats_that_show_every_digit(tmp_path: Path) -> None:
    rows = [["Zip", "Phone", "Ssn", "Price", "Share"], [1234, 4915112345678, 12345678, 5, 0.5]]
    file = write_book(
        tmp_path / "formats.xlsx", rows, A2="00000", B2='"+"0', C2=r"000\-00\-0000", D2="#,##0.00 €", E2="0%"
    )
    _, read = read_table(file)
    assert read[0].cells == ["01234", "+4915112345678", "012-34-5678", "5", "0.5"]


def test_numbers_and_errors_that_cannot_be_trusted_are_faults(tmp_path: Path) -> None:
    rows = [["Id", "Name", "Note"], [12345678901234567890, "A", None], [1, "#N/A", "b", "stray"], [2, "C", None]]
    _, read = read_table(write_book(tmp_path / "people.xlsx", rows))
    assert faults(read) == [
        (2, "Row.NumberTooLong", "Id", "12345678901234600000"),
        (3, "Row.CellError", "Name", "#N/A"),
        (3, "Row.ColumnCount", "", "stray"),
    ]
    assert read[2].cells == ["2", "C", None]


def test_a_telephone_number_that_became_a_formula(tmp_path: Path) -> None:
    file = write_book(tmp_path / "people.xlsx", [["Phone"], ["=+4915112345678"]])
    with pytest.raises(SourceError, match="cell A2 holds a formula whose result is not in the file"):
        read_table(file)
    sheet = "xl/worksheets/sheet1.xml"
    computed = change_member(file, sheet, lambda xml: re.sub(rb"<v ?/>|<v></v>", b"<v>4915112345678</v>", xml))
    assert read_table(computed)[1][0].cells == ["4915112345678"]


def test_merged_headers_stand_over_each_column(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Id", "Name", None, "Email"], [None, "First", "Last", None], [7, "A", "B", "a@example.com"]):
        sheet.append(row)
    for merged in ("A1:A2", "B1:C1", "D1:D2"):
        sheet.merge_cells(merged)
    book.save(tmp_path / "people.xlsx")
    description, rows = read_table(tmp_path / "people.xlsx")
    assert names(description) == ["Id", "Name", "Name#2", "Email"]
    description, rows = read_table(tmp_path / "people.xlsx", ReadOptions(header=2))
    assert names(description) == ["Id", "First", "Last", "Email"]
    assert [(row.line, row.cells) for row in rows] == [(3, ["7", "A", "B", "a@example.com"])]


def test_a_table_that_begins_further_down_and_to_the_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        [],
        [None, None, "Email", "Name"],
        [],
        [None, None, "a@example.com", "A"],
        ["x", None, "b@example.com", "B"],
    ]
    file = write_book(tmp_path / "people.xlsx", rows)
    description, held = read_table(file)
    assert (names(description), description.header_line) == (["column 1", "column 2", "Email", "Name"], 2)
    assert [row.line for row in held] == [4, 5]
    assert cells(held)[1] == ["x", None, "b@example.com", "B"]
    monkeypatch.setattr(spreadsheet, "HELD_CELLS", 0)
    assert read_table(file)[1] == held


def test_a_hidden_sheet_is_not_the_first(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Lists"
    book.active.sheet_state = "hidden"
    book.active.append(["x"])
    book.create_sheet("People").append(["Email"])
    book.save(tmp_path / "people.xlsx")
    assert read_table(tmp_path / "people.xlsx")[0].sheet == "People"
    assert read_table(tmp_path / "people.xlsx", ReadOptions(sheet="Lists"))[0].sheet == "Lists"


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="sheet Sheet: a header row was expected here"):
        read_table(write_book(tmp_path / "people.xlsx", []))
    with pytest.raises(SourceError, match="sheet Sheet, row 9: a header row was expected here"):
        read_table(write_book(tmp_path / "people.xlsx", [["Email"]]), ReadOptions(header=9))


def write_archive(file: Path, sheet: Iterable[bytes]) -> Path:
    """Write a workbook whose only sheet has this XML between <sheetData> and its end tag."""
    write_book(file, [["x"]])
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist() if "sheet1" not in name}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            member.write(b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
            for piece in sheet:
                member.write(piece)
            member.write(b"</sheetData></worksheet>")
    return file


def text_row(number: int, *texts: str) -> bytes:
    written = "".join(f'<c r="{"ABC"[n]}{number}" t="inlineStr"><is><t>{t}</t></is></c>' for n, t in enumerate(texts))
    return f'<row r="{number}">{written}</row>'.encode()


@pytest.mark.slow
def test_a_sheet_with_every_row_that_there_is(tmp_path: Path) -> None:
    numbers = range(2, 1_048_577)
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><v>7</v></c></row>' for n in numbers)
    file = write_archive(tmp_path / "people.xlsx", [text_row(1, "Id", "Seven"), rows.encode()])
    with open_file(file) as opened:
        count = last = 0
        for row in opened.open_table(ReadOptions()).read_rows():
            count, last = count + 1, row.line
    assert (count, last, row.cells) == (1_048_575, 1_048_576, ["1048576", "7"])


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "bomb.xlsx", [b" " * 1_000_000] * 260)
    assert file.stat().st_size < 1_000_000
    with pytest.raises(SourceError, match="larger than 200 MB unpacked; save the sheet as CSV"):
        read_table(file)


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "bomb.xlsx", [b" " * 1_000_000] * 260)
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    place = content.rindex(size.to_bytes(4, "little"))
    content[place : place + 4] = (5000).to_bytes(4, "little")
    file.write_bytes(content)
    with pytest.raises(SourceError, match="damaged or cut off"):
        read_table(file)


@pytest.mark.parametrize(
    ("place", "said"),
    [("XFD1048576", None), ("A1048577", "beyond row 1048576"), ("XFE1", "beyond row"), ("A4000000000", "beyond row")],
)
def test_a_far_cell_takes_no_memory(tmp_path: Path, place: str, said: str | None) -> None:
    """A reader that allocates memory for every cell before this cell would use gigabytes."""
    row = re.sub(r"\D", "", place)
    far = f'<row r="{row}"><c r="{place}"><v>1</v></c></row>'.encode()
    file = write_archive(tmp_path / "people.xlsx", [text_row(1, "Email"), far])
    if said:
        with pytest.raises(SourceError, match=said):
            read_table(file)
    else:
        with open_file(file) as opened:
            rows = list(opened.open_table(ReadOptions()).read_rows())
        assert faults(rows) == [(1_048_576, "Row.ColumnCount", "", "1")]


def test_a_small_ods_file_with_a_cell_repeated_everywhere_is_refused(tmp_path: Path) -> None:
    def repeat(xml: bytes) -> bytes:
        cell = b'<table:table-row table:number-rows-repeated="1000000"><table:table-cell office:value-type="float" '
        cell += b'office:value="1" table:number-columns-repeated="16000"/></table:table-row>'
        return xml.replace(b"</table:table>", cell + b"</table:table>", 1)

    file = tmp_path / "people.ods"
    file.write_bytes((DATA / "libreoffice.ods").read_bytes())
    with pytest.raises(SourceError, match="a sheet has more than 20,000,000 cells; save it as XLSX or CSV"):
        read_table(change_member(file, "content.xml", repeat))


@pytest.mark.parametrize("form", ["xlsx", "ods"])
def test_entities_are_refused(tmp_path: Path, form: str) -> None:
    def declare(xml: bytes) -> bytes:
        entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        return re.sub(rb"^(<\?xml[^>]*>)?", lambda found: (found[0] or b"") + entities, xml, count=1)

    file = tmp_path / f"people.{form}"
    file.write_bytes((DATA / f"libreoffice.{form}").read_bytes())
    member = "content.xml" if form == "ods" else "xl/worksheets/sheet1.xml"
    with pytest.raises(SourceError, match="declares a document type"):
        read_table(change_member(file, member, declare))


@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
def test_a_spreadsheet_that_is_cut_off_or_damaged_is_refused(tmp_path: Path, form: str) -> None:
    content = (DATA / f"libreoffice.{form}").read_bytes()
    file = tmp_path / f"people.{form}"
    for end in range(600, len(content) - 100, 700):
        file.write_bytes(content[:end])
        with pytest.raises(SourceError):
            read_table(file)
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 0x55
        file.write_bytes(changed)
        with contextlib.suppress(SourceError):  # and no other error
            read_table(file)
