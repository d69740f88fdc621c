"""Refused rows come back in the file's own format: same columns, same order, two more columns (files.md, "What comes
back")."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow
import pytest
from openpyxl import load_workbook
from pyarrow import parquet
from tabular_files import describe

from consentory.codec.sources import open_file
from consentory.codec.tabular.refused_rows import choose_suffix, describe_faults, open_refused_rows
from consentory.codec.tabular.table import ReadOptions, Row, RowFault, TableDescription

FAULTS = [RowFault("Row.UnknownValue", "Not “this”.", "Stätus", "x"), RowFault("Email.Malformed", "No.")]
SAID = "Row.UnknownValue in Stätus: Not “this”. | Email.Malformed: No."
CELLS = ["=1+1", "+491761234567", "0049", ' "quoted" ', "two\nlines", "a;b,c\td", "'apostrophe", "Zoë", ""]


class Back(NamedTuple):
    description: TableDescription
    rows: list[Row]


def write_back(path: Path, table: TableDescription, rows: list[Row], schema: Any = None) -> Back:
    """Write the rows with FAULTS, and read the written file like any other file."""
    with path.open("wb") as file:
        writer = open_refused_rows(file, table, schema)
        for row in rows:
            writer.add(row, FAULTS)
        writer.close()
        assert not file.closed
    with open_file(path) as source:
        written = source.open_table(ReadOptions())
        return Back(written.description, list(written.read_rows()))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_rows_of_csv_come_back_equal(tmp_path: Path, encoding: str, delimiter: str, line_end: str) -> None:
    headers = [f"Stätus {number}" for number in range(len(CELLS))]
    table = describe(headers, encoding=encoding, delimiter=delimiter, line_end=line_end)
    path = tmp_path / "back.csv"
    back = write_back(path, table, [Row(7, list(CELLS)), Row(9, list(reversed(CELLS)))])
    found = back.description
    assert [column.header for column in found.columns] == [*headers, "consentory_line", "consentory_faults"]
    assert (found.delimiter, found.line_end) == (delimiter, line_end)
    first, second = back.rows
    note = " | encoding: cp1252" if encoding == "cp1252" else ""
    assert first.cells == [*CELLS, "7", SAID + note]
    assert second.cells[:-2] == list(reversed(CELLS))
    if encoding.startswith("utf-8"):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")


def test_an_undecodable_byte_goes_out_as_it_came_in(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes("Email,Näme\na@b.de,Ren".encode() + b"\xe9\n")
    with open_file(source, "utf-8") as file:
        table = file.open_table(ReadOptions(encoding="utf-8"))
        (row,) = table.read_rows()
        assert row.faults
        with (tmp_path / "out.csv").open("wb") as out:
            writer = open_refused_rows(out, table.description)
            writer.add(row, row.faults)
            writer.close()
    assert b"a@b.de,Ren\xe9,2,Row.Encoding" in (tmp_path / "out.csv").read_bytes()


def test_a_message_fits_an_encoding_that_lacks_its_letters(tmp_path: Path) -> None:
    table = describe(["A"], encoding="ascii")
    path = tmp_path / "back.csv"
    with path.open("wb") as file:
        writer = open_refused_rows(file, table)
        writer.add(Row(2, ["x"]), FAULTS)
        writer.close()
    assert b"Not ?this?." in path.read_bytes()


def test_rows_refused_again_have_the_two_columns_once(tmp_path: Path) -> None:
    table = describe(["A", "consentory_line", "consentory_faults", "B"])
    back = write_back(tmp_path / "back.csv", table, [Row(3, ["a", "99", "old", "b"])])
    assert [column.name for column in back.description.columns] == ["A", "B", "consentory_line", "consentory_faults"]
    (row,) = back.rows
    assert row.cells == ["a", "b", "3", SAID]


def test_ragged_rows_keep_their_cells(tmp_path: Path) -> None:
    path = tmp_path / "back.csv"
    with path.open("wb") as file:
        writer = open_refused_rows(file, describe(["A", "B"]))
        writer.add(Row(2, ["a"]), FAULTS[1:])
        writer.add(Row(3, ["a", "b", "c"]), FAULTS[1:])
        writer.close()
    assert path.read_text().splitlines()[1:] == ["a,2,Email.Malformed: No.", "a,b,c,3,Email.Malformed: No."]


def test_repeated_headers_stay_as_they_were(tmp_path: Path) -> None:
    back = write_back(tmp_path / "back.csv", describe(["R", "R"]), [Row(2, ["1", "2"])])
    assert [column.header for column in back.description.columns[:2]] == ["R", "R"]


@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
def test_rows_of_a_spreadsheet_come_back_as_text_in_xlsx(tmp_path: Path, form: str) -> None:
    headers = [f"Stätus {number}" for number in range(len(CELLS))]
    table = msgspec.structs.replace(describe(headers), format=form, sheet="Kontakte", delimiter="", encoding="")
    path = tmp_path / "back.xlsx"
    back = write_back(path, table, [Row(7, [*CELLS[:-1], None])])
    assert back.description.sheet == "Kontakte"
    (row,) = back.rows
    assert [cell or "" for cell in row.cells] == [*CELLS, "7", SAID]
    sheet = load_workbook(path).active
    assert {cell.data_type for cell in sheet[2] if cell.value is not None} == {"s"}  # a cell is never a formula
    assert {cell.number_format for cell in sheet[2] if cell.value is not None} == {"@"}


def test_rows_of_parquet_come_back_with_their_nested_columns(tmp_path: Path) -> None:
    emails = [[{"EmailAddress": "a@b.de", "IsDefault": True}], None]
    source = tmp_path / "people.parquet"
    parquet.write_table(pyarrow.table({"Emails": emails, "Id": pyarrow.array([7, 8])}), source)
    with open_file(source) as file:
        table = file.open_table(ReadOptions())
        rows = list(table.read_rows())
        back = write_back(tmp_path / "back.parquet", table.description, rows, parquet.read_schema(source))
    assert [column.nested for column in back.description.columns] == [True, False, False, False]
    again = [row.cells for row in back.rows]
    assert again == [[*row.cells, str(row.line), SAID] for row in rows]


@pytest.mark.parametrize(
    ("nested", "kind"),
    [
        ([[("web", "yes")], []], pyarrow.map_(pyarrow.string(), pyarrow.string())),
        ([{"of": [("web", 7)]}, None], pyarrow.struct([("of", pyarrow.map_(pyarrow.string(), pyarrow.int64()))])),
        ([["vip", "new"], None], pyarrow.list_(pyarrow.string(), 2)),
    ],
)
def test_maps_and_lists_of_parquet_come_back_in_their_shape(tmp_path: Path, nested: list[Any], kind: Any) -> None:
    source = tmp_path / "people.parquet"
    parquet.write_table(pyarrow.table({"Id": ["7", "8"], "Nested": pyarrow.array(nested, kind)}), source)
    with open_file(source) as file:
        table = file.open_table(ReadOptions())
        rows = list(table.read_rows())
        back = write_back(tmp_path / "back.parquet", table.description, rows, parquet.read_schema(source))
    assert [row.cells for row in back.rows] == [[*row.cells, str(row.line), SAID] for row in rows]


def test_the_suffix_is_that_of_the_format() -> None:
    names = {"a.csv": ".csv", "a.tsv.gz": ".tsv", "a": ".csv", "-": ".csv", "a.txt": ".txt", "a.b": ".csv"}
    assert {name: choose_suffix(describe(["A"], name)) for name in names} == names
    sheet = msgspec.structs.replace(describe(["A"], "a.ods"), format="ods")
    assert choose_suffix(sheet) == ".xlsx"
    assert choose_suffix(msgspec.structs.replace(sheet, format="parquet")) == ".parquet"


def test_faults_are_one_cell() -> None:
    assert describe_faults(FAULTS) == SAID
