"""Compare a mapping with the header of its table: columns that the mapping does not name, and columns that do not
exist."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.record.wire_record import WireRecord
from consentory.codec.tabular.column_guess import guess_target
from consentory.codec.tabular.correction_columns import OWN_COLUMNS
from consentory.codec.tabular.mapping_document import IGNORE, ColumnRule, MappingDocument
from consentory.codec.tabular.mapping_plan import Filling, MappingPlan
from consentory.codec.tabular.table import TableDescription
from consentory.codec.tabular.target_path import RECORD_MEMBERS, SHAPES, Target, read_target


def check_header(document: MappingDocument, plan: MappingPlan, table: TableDescription, log: FaultLog) -> None:
    """Report each column that the mapping does not name, and each named column that the table does not have."""
    names = [column.name for column in table.columns]
    if document.other_columns == "stop":
        _refuse_other_columns(document, table, log)
    for name in document.columns:
        if name not in names and document.missing_columns == "stop":
            _refuse_missing(f"$.columns.{name}", name, names, log)
    for name in document.required_columns:
        if name not in names and not (name in document.columns and document.missing_columns == "stop"):
            _refuse_missing("$.requiredColumns", name, names, log)
    for place, conditional in enumerate(document.rules):
        for name in conditional.if_:
            if name not in names and document.missing_columns == "stop" and name not in document.columns:
                _refuse_missing(f"$.rules[{place}].if.{name}", name, names, log)
    for column in table.columns:
        given = document.columns.get(column.name)
        if column.nested and given is not None and given != IGNORE:
            message = "holds structs or lists. Ignore the column, or give it the name of a member of the record"
            log.refuse(f"$.columns.{column.name}", "Nested", message)
    _check_passed(document, plan, table, log)
    if document.file_names and find_file_pattern(document, table.file_name) is None:
        known = ", ".join(document.file_names)
        message = f"the name of the file must fit one of {known}, and {table.file_name} fits none"
        log.refuse("$.fileNames", "FileName", message)


def find_file_pattern(document: MappingDocument, file_name: str) -> str | None:
    """The first pattern of the document that a file's name fits. Letter case does not count."""
    return next((item for item in document.file_names if fnmatchcase(file_name.lower(), item.lower())), None)


def choose_constants(document: MappingDocument, plan: MappingPlan, file_name: str) -> dict[tuple[object, ...], Any]:
    """The constants that the file's name sets, by the identity of their target."""
    pattern = find_file_pattern(document, file_name)
    return {target.identity: value for target, value in plan.file_names.get(pattern or "", ())}


def list_passed(document: MappingDocument, table: TableDescription) -> list[Filling]:
    """Columns of a Parquet file that the mapping does not name because each has the name of a member of the record."""
    scalars = SHAPES[WireRecord].scalars
    return [
        Filling(read_target(column.name), f"$.columns.{column.name}", [(column.name, ColumnRule(to=column.name))])
        for column in table.columns
        if table.format == "parquet"
        and not column.nested
        and column.name in scalars
        and column.name not in document.columns
    ]


def needs_no_mapping(table: TableDescription) -> bool:
    """True if every column has the name of a member of the record. This can be the case for Parquet."""
    return not _find_other_columns(MappingDocument(), table)


def _find_other_columns(document: MappingDocument, table: TableDescription) -> list[str]:
    named = {*document.columns, *OWN_COLUMNS, *(name for rule in document.rules for name in rule.if_)}
    named |= {filling.sources[0][0] for filling in list_passed(document, table)}
    named |= {column.name for column in table.columns if column.nested and column.name in RECORD_MEMBERS}
    return [column.name for column in table.columns if column.name not in named]


def _refuse_other_columns(document: MappingDocument, table: TableDescription, log: FaultLog) -> None:
    present = {column.name for column in table.columns}
    missing = [name for name in document.columns if name not in present]
    others = _find_other_columns(document, table)
    for name in others:
        near = get_close_matches(name, missing, n=1)
        guess = guess_target(name) or IGNORE
        if near:
            advice = f'the mapping names "{near[0]}", which the file does not have. Is it this column?'
        else:
            advice = f'perhaps add to columns: "{name}": {guess}'
        more = f" (otherColumns: {IGNORE} ignores all such columns)" if name == others[-1] else ""
        log.refuse("$.columns", "OtherColumn", f'the mapping does not name the column "{name}": {advice}{more}')


def _refuse_missing(path: str, name: str, names: list[str], log: FaultLog) -> None:
    near = get_close_matches(name, names, n=1)
    advice = f'did you mean "{near[0]}"?' if near else f"its columns: {', '.join(names)}"
    log.refuse(path, "MissingColumn", f'the file has no column "{name}": {advice}')


def _check_passed(document: MappingDocument, plan: MappingPlan, table: TableDescription, log: FaultLog) -> None:
    """A nested column and the mapping cannot both fill the same member of the record."""
    filled = {_name_top(filling.target) for filling in plan.fillings.values()}
    for column in table.columns:
        if column.nested and column.name in filled and column.name not in document.columns:
            message = f"the column {column.name} fills this member of the record already. Write {column.name}: {IGNORE}"
            path = next(item.path for item in plan.fillings.values() if _name_top(item.target) == column.name)
            log.refuse(path, "Nested", message)


def _name_top(target: Target) -> str:
    first = target.steps[0] if target.steps else target.member
    return first if isinstance(first, str) else first.array
