"""Recognize a file for a person: its kind, its form, its first rows, and a suggested mapping."""

import itertools

import msgspec

from consentory.codec.sources.record_files import RecordFile
from consentory.codec.sources.source_file import SourceFile
from consentory.codec.tabular.mapping_presets import identify_preset
from consentory.codec.tabular.mapping_suggestion import SAMPLE_ROWS, suggest_mapping
from consentory.codec.tabular.table import ReadOptions, Row, TableDescription, spell_undecodable
from consentory.domain.configuration import Configuration

SHOWN_ROWS = 10
_LONGEST_CELL = 1000
"""Characters of a cell that are kept. A longer cell is cut, so that the rows stay small."""
_LONGEST_RECORD = 20_000


class Recognition(msgspec.Struct, frozen=True, kw_only=True):
    """The form and the beginning of a file. A table has `table`, `rows` and `suggestion`, JSON has `records`."""

    summary: str
    """How the file is read, in a sentence."""
    doubt: str = ""
    """The guesses in that."""
    table: TableDescription | None = None
    rows: list[Row] = []
    """The first rows. A cell with undecodable bytes has them spelled out."""
    suggestion: str = ""
    """The text of a mapping document."""
    preset: str | None = None
    """The preset whose columns the file has."""
    records: list[str] = []
    """The first records of JSON."""


class StoredOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a person wants a file to be read. None: it is detected."""

    encoding: str | None = None
    delimiter: str | None = None
    header: int | None = None
    sheet: str | None = None

    def read_options(self) -> ReadOptions:
        """The options for the reader. A sheet of digits is a number."""
        sheet = int(self.sheet) if self.sheet and self.sheet.isascii() and self.sheet.isdecimal() else self.sheet
        return ReadOptions(self.encoding, self.delimiter, self.header, sheet)


def recognize_file(file: SourceFile, options: StoredOptions, configuration: Configuration | None) -> Recognition:
    """Read the beginning of a file. Raises SourceError, with the remedy, for a file that is not read."""
    if file.kind == "json":
        return _recognize_json(file)
    form = options.read_options()
    table = file.open_table(form)
    rows = list(itertools.islice(table.read_rows(), SAMPLE_ROWS))
    return Recognition(
        summary=table.description.summary(),
        doubt=table.description.doubt,
        table=table.description,
        rows=[_cut(row) for row in rows[:SHOWN_ROWS]],
        suggestion=suggest_mapping(table.description, rows, configuration, form),
        preset=identify_preset(table.description),
    )


def _recognize_json(file: SourceFile) -> Recognition:
    records = []
    for record in itertools.islice(RecordFile(file, lambda _: None).read_records(), SHOWN_ROWS):
        text = record.decode("utf-8", "backslashreplace")
        records.append(text if len(text) <= _LONGEST_RECORD else text[:_LONGEST_RECORD] + "…")
    encoding = file.encoding
    told = f", encoding {encoding.name} ({encoding.source})" if encoding is not None else ""
    packing = "" if file.source.packing == "none" else f" packed with {file.source.packing}"
    return Recognition(summary=f"{file.source.name}: JSON{packing}{told}.", records=records)


def _cut(row: Row) -> Row:
    cells = [_cut_text(cell) if isinstance(cell, str) else cell for cell in row.cells]
    faults = tuple(
        msgspec.structs.replace(fault, value=None if fault.value is None else _cut_text(fault.value))
        for fault in row.faults
    )
    return Row(row.line, cells, faults)


def _cut_text(text: str) -> str:
    text = spell_undecodable(text)
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
