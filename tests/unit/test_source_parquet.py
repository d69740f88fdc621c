"""Parquet as tables: text of every type, nested columns, row groups, damage."""

import contextlib
import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from table_reading import cells, faults, names, read_table

from consentory.codec.sources import SourceError


def write_parquet(file: Path, columns: dict[str, Any], **options: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), file, **options)
    return file


UTC = datetime.UTC
MOMENT = datetime.datetime(2024, 3, 5, 14, 30, 15)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pyarrow.array(["01234"]), "01234"),
        (pyarrow.array(["x"], pyarrow.large_string()), "x"),
        (pyarrow.array(["x"]).dictionary_encode(), "x"),
        (pyarrow.array([4915112345678]), "4915112345678"),
        (pyarrow.array([2**63], pyarrow.uint64()), "9223372036854775808"),
        (pyarrow.array([7], pyarrow.int8()).dictionary_encode(), "7"),
        (pyarrow.array([42.0]), "42"),
        (pyarrow.array([1e21]), "1000000000000000000000"),
        (pyarrow.array([float("nan"), 1.0]), None),
        (pyarrow.array([decimal.Decimal("12.50")]), "12.50"),
        (pyarrow.array([True]), "true"),
        (pyarrow.array([datetime.date(2024, 3, 5)]), "2024-03-05"),
        (pyarrow.array([MOMENT]), "2024-03-05T14:30:15"),
        (pyarrow.array([MOMENT.replace(tzinfo=UTC)], pyarrow.timestamp("ms", "UTC")), "2024-03-05T14:30:15+00:00"),
        (pyarrow.array([1709649015123456789], pyarrow.timestamp("ns")), "2024-03-05T14:30:15.123456"),
        (pyarrow.array([b"abc"]), "abc"),
        (pyarrow.array([None], pyarrow.string()), None),
        (pyarrow.array([""]), ""),
        (pyarrow.array([None], pyarrow.null()), None),
    ],
)
def test_values_become_text(tmp_path: Path, column: Any, text: str | None) -> None:
    keys = [f"k{n}" for n in range(len(column))]
    description, rows = read_table(write_parquet(tmp_path / "people.parquet", {"Id": keys, "Value": column}))
    assert (description.format, description.header_line) == ("parquet", 0)
    assert description.summary() == "people.parquet: Parquet, 2 columns."
    assert rows[0].cells == ["k0", text]


def test_structs_and_lists_stay_nested(tmp_path: Path) -> None:
    emails = [
        [{"Type": "Home", "EmailAddress": "a@example.com", "IsPrimary": True, "Rank": None}],
        [],
        None,
    ]
    since = [{"Date": MOMENT, "Amount": decimal.Decimal("1.50")}, None, {"Date": None, "Amount": None}]
    attributes = pyarrow.array([[("a", "b")], [], None], pyarrow.map_(pyarrow.string(), pyarrow.string()))
    columns = {"Id": ["1", "2", "3"], "Emails": emails, "Since": since, "Attributes": attributes}
    description, rows = read_table(write_parquet(tmp_path / "people.parquet", columns))
    assert [column.nested for column in description.columns] == [False, True, True, True]
    assert cells(rows) == [
        [
            "1",
            [{"Type": "Home", "EmailAddress": "a@example.com", "IsPrimary": True}],
            {"Date": "2024-03-05T14:30:15", "Amount": "1.50"},
            {"a": "b"},
        ],
        ["2", [], None, []],
        ["3", None, {}, None],
    ]


def test_rows_are_numbered_over_row_groups(tmp_path: Path) -> None:
    columns = {"Id": [str(n) if n != 1500 else None for n in range(2500)]}
    file = write_parquet(tmp_path / "people", columns, row_group_size=700, compression="zstd")
    _, rows = read_table(file)
    assert len(rows) == 2499
    assert (rows[-1].line, rows[-1].cells) == (2500, ["2499"])
    assert rows[1500].line == 1502, "a row without any value is left out, and counted"


def test_bytes_that_are_no_text_are_the_fault_of_their_row(tmp_path: Path) -> None:
    columns = {"Id": ["1", "2"], "Name": pyarrow.array([b"Ren\xe9", b"Zo\xc3\xab"])}
    _, rows = read_table(write_parquet(tmp_path / "people.parquet", columns))
    assert faults(rows) == [(1, "Row.Encoding", "Name", r"Ren\xe9")]
    assert rows[1].cells == ["2", "Zoë"]
    schema = pyarrow.schema([("Name", pyarrow.string())])
    wrong = pyarrow.array([b"Ren\xe9", b"A"]).view(pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table([wrong], schema=schema), tmp_path / "wrong.parquet")
    _, rows = read_table(tmp_path / "wrong.parquet")
    assert faults(rows) == [(1, "Row.Encoding", "Name", r"Ren\xe9")]
    assert rows[1].cells == ["A"]


def test_columns_of_one_name_and_no_rows(tmp_path: Path) -> None:
    empty = pyarrow.array([], pyarrow.string())
    table = pyarrow.Table.from_arrays([empty, empty], names=["Time", "Time"])
    pyarrow.parquet.write_table(table, tmp_path / "people.parquet")
    description, rows = read_table(tmp_path / "people.parquet")
    assert names(description) == ["Time", "Time#2"]
    assert rows == []


def test_a_file_that_is_cut_off_or_damaged_is_refused(tmp_path: Path) -> None:
    content = write_parquet(tmp_path / "people.parquet", {"Id": [str(n) for n in range(500)]}).read_bytes()
    file = tmp_path / "broken.parquet"
    for end in range(8, len(content), 97):
        file.write_bytes(content[:end])
        with pytest.raises(SourceError, match="the Parquet file cannot be read"):
            read_table(file)
    for place in range(6, len(content), 31):
        changed = bytearray(content)
        changed[place] ^= 0x55
        file.write_bytes(changed)
        with contextlib.suppress(SourceError):  # and no other error
            read_table(file)
