"""Reads files as tables for tests: bytes or a path in, description and rows out."""

from pathlib import Path

from consentory.codec.sources import open_file
from consentory.codec.tabular.table import Cell, ReadOptions, Row, TableDescription


def read_table(file: Path, options: ReadOptions | None = None) -> tuple[TableDescription, list[Row]]:
    options = options or ReadOptions()
    with open_file(file, options.encoding) as opened:
        table = opened.open_table(options)
        rows = list(table.read_rows())
        assert list(table.read_rows(skip=1)) == rows[1:], "a second reading gives the same rows"
        return table.description, rows


def read_bytes(folder: Path, content: bytes, options: ReadOptions | None = None) -> tuple[TableDescription, list[Row]]:
    file = folder / "people.csv"
    file.write_bytes(content)
    return read_table(file, options)


def names(description: TableDescription) -> list[str]:
    return [column.name for column in description.columns]


def cells(rows: list[Row]) -> list[list[Cell]]:
    return [row.cells for row in rows]


def faults(rows: list[Row]) -> list[tuple[int, str, str, str | None]]:
    return [(row.line, fault.code, fault.column, fault.value) for row in rows for fault in row.faults]
