"""The inputs of an import: files of records, or tables whose rows become records by a mapping; each opened once."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from consentory.codec.sources import SourceError, SourceFile, open_file
from consentory.codec.sources.byte_source import STANDARD_INPUT
from consentory.codec.sources.record_files import OnBroken, RecordFile
from consentory.codec.sources.row_refusals import RowRefusals
from consentory.codec.tabular.mapping_document import TableMapping
from consentory.codec.tabular.record_nodes import OPT_OUTS
from consentory.codec.tabular.row_mapping import RowMapping, RowRefused, compile_mapping
from consentory.codec.tabular.table import ReadOptions, Row, Table, TableDescription
from consentory.domain.configuration import Configuration

OnRead = Callable[[str, str], None]
"""Gets two texts for a person: how a file is read, and the guesses in that; "": there is no guess."""


@dataclass(frozen=True, slots=True)
class InputOptions:
    """The options that a person gives for reading files. None: the option is detected, or the mapping has it."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    mapping: TableMapping | None = None
    settings: dict[str, str] = field(default_factory=dict)
    """The values of the mapping's parameters."""
    fetch_configuration: Callable[[], Configuration | None] = lambda: None
    """The account's configuration, to check a mapping with. It is called only for tables."""

    def read_options(self) -> ReadOptions:
        """The options, and the options of the mapping for all that are not given."""
        told = self.mapping.options if self.mapping else ReadOptions()
        return ReadOptions(
            encoding=self.encoding or told.encoding,
            delimiter=told.delimiter if self.delimiter is None else self.delimiter,
            header=told.header,
            sheet=told.sheet if self.sheet is None else self.sheet,
        )


class RecordInput:
    """One opened file of JSON. `name`: its name for a person. `path`: our own files are beside it."""

    def __init__(self, path: Path, file: SourceFile) -> None:
        self.name = str(path)
        self.path = Path("stdin") if self.name == STANDARD_INPUT else path
        self.file = file
        self._reader: RecordFile | None = None

    @property
    def line(self) -> int:
        """Where the record that was yielded last begins."""
        return self._reader.line if self._reader else 0

    @property
    def summary(self) -> str:
        """How the file is read, "" where there is nothing to say: JSON in UTF-8."""
        encoding = self.file.encoding
        if encoding is None or encoding.name.startswith("utf-8") or not self.file.decodes_json:
            return ""
        return f"{self.path.name}: JSON, encoding {encoding.name} ({encoding.source})."

    @property
    def left_out(self) -> int:
        """The number of addresses that this reading, or the last one, left out because the row had only a part."""
        return 0

    @property
    def opt_outs_left_out(self) -> int:
        """The number of opt-outs that this reading left out, because the row had no address or number for them."""
        return 0

    def read_records(self, skip: int = 0, on_broken: OnBroken | None = None) -> Iterator[bytes]:
        """Yield the records after the first `skip`. May be called again: each call begins at the first record."""
        self._reader = RecordFile(self.file, on_broken)
        yield from self._reader.read_records(skip)

    def check_records(self, on_broken: OnBroken, wanted: Callable[[], bool]) -> Iterator[bytes | None]:  # noqa: ARG002
        """Read the file to its end. Yield each record; None for a row that is refused, or not `wanted` as a record."""
        yield from self.read_records(on_broken=on_broken)


class TableInput(RecordInput):
    """One opened table with its mapping."""

    def __init__(self, path: Path, file: SourceFile, table: Table, mapping: RowMapping) -> None:
        super().__init__(path, file)
        self.table = table
        self.mapping = mapping
        self._line = 0
        self.refusals = RowRefusals()
        """The rows that this reading, or the last one, refused."""

    @property
    def line(self) -> int:
        return self._line

    @property
    def summary(self) -> str:
        return self.table.description.summary()

    @property
    def left_out(self) -> int:
        return self.mapping.left_out.total() - self.opt_outs_left_out

    @property
    def opt_outs_left_out(self) -> int:
        return self.mapping.left_out[OPT_OUTS]

    def read_records(self, skip: int = 0, on_broken: OnBroken | None = None) -> Iterator[bytes]:  # noqa: ARG002
        """Yield the records of the rows that can become one. A table has no broken records."""
        self.mapping.left_out.clear()
        self.refusals = RowRefusals()
        for row, record, refused in self.map_rows():
            if record is None:
                assert refused is not None  # a row has one or the other
                self.refusals.add(row, refused.faults, holds_opt_out=self.mapping.holds_opt_out(row))
            elif skip:
                skip -= 1
            else:
                self._line = row.line
                yield record

    def check_records(self, on_broken: OnBroken, wanted: Callable[[], bool]) -> Iterator[bytes | None]:  # noqa: ARG002
        for row in self.table.read_rows():
            record = None
            if wanted():
                with contextlib.suppress(RowRefused):
                    record = self.mapping.make_record(row)
            yield record

    def map_rows(self) -> Iterator[tuple[Row, bytes | None, RowRefused | None]]:
        """Yield every row with its record, or with its refusal."""
        make_record = self.mapping.make_record
        for row in self.table.read_rows():
            try:
                record = make_record(row)
            except RowRefused as refused:
                yield row, None, refused
            else:
                yield row, record, None


def find_match(inputs: Sequence[RecordInput]) -> str | None:
    """The alternate id type that the mapping says people are found by."""
    return next((item.mapping.match for item in inputs if isinstance(item, TableInput)), None)


@contextlib.contextmanager
def open_inputs(
    paths: Sequence[Path],
    options: InputOptions | None = None,
    stream: IO[bytes] | None = None,
    on_read: OnRead = lambda *_: None,
) -> Iterator[list[RecordInput]]:
    """Open all files of one import; `stream` is read where a path is "-". They are closed at the end of the block.

    `on_read` gets, for each file, how it is read and what of it is a guess; for a table also where its mapping does not
    fit. Raises SourceError for a file that is not read, MappingInvalid for a mapping that does not fit.
    """
    options = options or InputOptions()
    with contextlib.ExitStack() as stack:
        files = [(path, stack.enter_context(_open(path, options, stream))) for path in paths]
        yield make_inputs(files, options, on_read)


def make_inputs(
    files: Sequence[tuple[Path, SourceFile]], options: InputOptions, on_read: OnRead = lambda *_: None
) -> list[RecordInput]:
    """As `open_inputs`, of files that are open already. The caller closes them."""
    json = [path for path, file in files if file.kind == "json"]
    if json and (len(json) < len(files) or options.mapping):
        fault = "this file holds JSON, which needs no mapping. Import it without a mapping, and without tables"
        raise SourceError(json[0], "", fault)
    if json:
        inputs = [RecordInput(path, file) for path, file in files]
        for item in inputs:
            on_read(item.summary, "")
        return inputs
    tables = [(path, file, file.open_table(options.read_options())) for path, file in files]
    for _, _, table in tables:
        on_read(table.description.summary(), table.description.doubt)
    configuration = options.fetch_configuration()
    return [
        TableInput(path, file, table, _compile(options, table.description, configuration))
        for path, file, table in tables
    ]


def _open(path: Path, options: InputOptions, stream: IO[bytes] | None) -> SourceFile:
    is_stream = str(path) == STANDARD_INPUT
    return open_file(path, options.read_options().encoding, stream if is_stream else None)


def _compile(options: InputOptions, table: TableDescription, configuration: Configuration | None) -> RowMapping:
    return compile_mapping(options.mapping, table, configuration, options.settings)
