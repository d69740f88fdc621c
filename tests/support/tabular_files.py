"""Cases for the tests of mappings: a CSV table, the account of `tests/accounts/acme.yaml`, records as objects."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from consentory.codec.account.account_document import read_account_document
from consentory.codec.tabular.mapping_document import read_mapping
from consentory.codec.tabular.row_mapping import RowMapping, compile_mapping
from consentory.codec.tabular.table import Column, Row, TableDescription
from consentory.domain.configuration import Configuration

FOLDER = Path(__file__).parents[1]


def read_acme() -> Configuration:
    data = (FOLDER / "accounts" / "acme.yaml").read_bytes()
    return read_account_document(data, source="acme.yaml").configuration


def describe(headers: Sequence[str], file_name: str = "people.csv", **more: Any) -> TableDescription:
    """The description of a CSV with these headers; a repeated one is numbered."""
    seen: Counter[str] = Counter()
    columns = []
    for header in headers:
        seen[header] += 1
        columns.append(Column(header if seen[header] == 1 else f"{header}#{seen[header]}", header))
    return TableDescription(
        **({"encoding": "utf-8", "delimiter": ","} | more),
        file_name=file_name,
        format="csv",
        columns=tuple(columns),
        header_line=1,
    )


def compile_text(
    text: str, headers: Sequence[str], configuration: Configuration | None = None, **settings: str
) -> RowMapping:
    """A mapping document compiled for a CSV with these headers."""
    return compile_mapping(read_mapping(text.encode(), "mapping.yaml"), describe(headers), configuration, settings)


def make_records(mapping: RowMapping, rows: Iterable[Sequence[str]]) -> list[Any]:
    """The records of rows of cells."""
    return [json.loads(mapping.make_record(Row(line, list(cells)))) for line, cells in enumerate(rows, start=2)]


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    """The rows of a CSV in UTF-8, its header first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))
