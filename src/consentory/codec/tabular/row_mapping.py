"""A mapping compiled for one table: from a row to the bytes of a record, in some microseconds per row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from consentory.codec.account.account_faults import DocumentFault
from consentory.codec.record.stage_counts import holds_opt_out
from consentory.codec.tabular.cell_conversions import CODES, CellFault, is_no
from consentory.codec.tabular.mapping_document import MappingInvalid, TableMapping, bind_parameters, read_mapping
from consentory.codec.tabular.mapping_header import check_header, choose_constants, list_passed, needs_no_mapping
from consentory.codec.tabular.mapping_names import check_names, find_default_type
from consentory.codec.tabular.mapping_plan import MappingPlan, make_plan
from consentory.codec.tabular.mapping_presets import identify_preset
from consentory.codec.tabular.mapping_slots import compile_slots
from consentory.codec.tabular.record_nodes import ElementNode, ObjectNode, Values
from consentory.codec.tabular.table import Row, RowFault, TableDescription, spell_undecodable
from consentory.codec.tabular.target_path import RECORD_MEMBERS, Target
from consentory.domain.configuration import Configuration
from consentory.errors import ConsentoryError

_NO_MAPPING = b"{}"
_SHOWN = 200
_LAST_STEP = re.compile(r"(\.[A-Za-z0-9_]+|\[[^\[\]]*\])$")


class RowRefused(ConsentoryError):
    """A row cannot become a record. `faults` holds every fault of the row."""

    def __init__(self, faults: tuple[RowFault, ...]) -> None:
        super().__init__("\n".join(f"{fault.column}: {fault.message}" for fault in faults))
        self.faults = faults


def compile_mapping(
    mapping: TableMapping | None,
    description: TableDescription,
    configuration: Configuration | None = None,
    settings: Mapping[str, str] | None = None,
) -> RowMapping:
    """Check a whole mapping against its table and the account's configuration, and compile it.

    Without a mapping, every column of the table must have the name of a member of the record. `settings` are the values
    of the mapping's parameters. Raises MappingInvalid with every fault and its line.
    """
    if mapping is None:
        if not needs_no_mapping(description):
            raise _ask_for_mapping(description)
        mapping = read_mapping(_NO_MAPPING, description.file_name)
    mapping = bind_parameters(mapping, settings or {}, configuration)
    plan = make_plan(mapping.document, mapping.log)
    if configuration is not None:
        check_names(mapping.document, plan, configuration, mapping.log)
    check_header(mapping.document, plan, description, mapping.log)
    mapping.raise_any()
    return RowMapping(mapping, plan, description, configuration)


def _ask_for_mapping(table: TableDescription) -> MappingInvalid:
    name = table.file_name
    message = f"{name} is a table, and it needs a mapping for its columns. "
    if preset := identify_preset(table):
        message += f"The columns look like those of {preset}: try --preset {preset}. Or write"
    else:
        message += "Write"
    message += f" a mapping, beginning with: consentory mapping suggest {name} > mapping.yaml"
    return MappingInvalid([DocumentFault(None, "$", "Mapping.Missing", message)], message)


class RowMapping:
    """Makes records from the rows of one table."""

    def __init__(
        self,
        mapping: TableMapping,
        plan: MappingPlan,
        description: TableDescription,
        configuration: Configuration | None = None,
    ) -> None:
        """`mapping` is bound, and was checked together with `plan`, `description` and `configuration`."""
        self.left_out: Counter[str] = Counter()
        """Number of elements of each array that were left out because only a part of their value existed. Under
        OPT_OUTS: number of left-out elements that contain an opt-out, a denial or a withdrawal and had no value."""
        self.match = mapping.document.match
        """The alternate id type that people are found by, if the mapping names one."""
        self.text = mapping.text
        """The document with the values of its parameters. Source of Initiate keeps this text."""
        self.columns = [column.name for column in description.columns]
        """The names of the table's columns, in order."""
        self._empty = frozenset(mapping.document.file.empty)
        self._root = ObjectNode()
        self._targets: dict[int, Target] = {}
        document = mapping.document
        slots = compile_slots(
            [*plan.fillings.values(), *list_passed(document, description)],
            plan,
            self.columns,
            choose_constants(document, plan, description.file_name),
        )
        self._constants, self._fills, self._sources = slots.constants, slots.fills, slots.sources
        for filling, slot in slots.places:
            self._targets[slot] = filling.target
            self._root.find(filling.target).scalars.append((filling.target.member, slot))
        self._deciding = [(item.member, slot) for slot, item in self._targets.items() if item.member in CODES]
        self._nested = [
            place
            for place, column in enumerate(description.columns)
            if column.nested and column.name in RECORD_MEMBERS and column.name not in document.columns
        ]
        self._root.scalars += [(self.columns[place], place) for place in self._nested]
        _finish(self._root)
        if configuration is not None:
            self._name_default_types(configuration)

    def _name_default_types(self, configuration: Configuration) -> None:
        """Write the account's default type into elements without a type: a record with all types is staged faster."""
        for array, elements in self._root.arrays.items():
            name = find_default_type(configuration, array)
            for element in elements:
                if name and not element.step.key:
                    element.fixed = {element.step.rule.key: name}

    def make_record(self, row: Row) -> bytes:
        """The record of a row as JSON; raises RowRefused with every fault of the row."""
        if row.faults:
            raise RowRefused(row.faults)
        values = self._clean(row.cells)
        try:
            for fill in self._fills:
                values.append(fill(values))
        except CellFault:
            raise self._refuse(row) from None
        return _encode(self._root.fill({}, values, self.left_out))

    def holds_opt_out(self, row: Row) -> bool:
        """True if a refused row contains an opt-out, a denial or a withdrawal.

        The cells of a row that does not fit the header may belong to different columns. Every possible fit is tried.
        """
        return any(self._says_no(cells) for cells in _fit_cells(row, len(self.columns)))

    def _says_no(self, cells: Sequence[Any]) -> bool:
        values, _ = self._fill_all(cells)
        said = any(is_no(member, values[slot]) for member, slot in self._deciding)
        return said or any(holds_opt_out(_encode(values[place])) for place in self._nested)

    def find_column(self, row: Row, path: str) -> str:
        """The column that filled a JSON path of the row's record, or the nearest place around it; "" if there is
        none."""
        if row.faults:
            return ""
        values, _ = self._fill_all(row.cells)
        found: dict[str, int] = {}
        self._root.trace(values, "$", found)
        while path not in found:
            inside = [slot for known, slot in found.items() if known.startswith((f"{path}.", f"{path}["))]
            names = dict.fromkeys(self._name_column(slot, values) for slot in inside)
            names.pop("", None)
            if len(names) == 1 or (names and path != "$"):
                return next(iter(names))
            shorter = _LAST_STEP.sub("", path)
            if shorter == path:
                return ""
            path = shorter
        return self._name_column(found[path], values)

    def _clean(self, cells: Sequence[Any]) -> list[Any]:
        """The trimmed cells, with None for empty ones; then the constants."""
        values = [(cell.strip() or None) if cell.__class__ is str else cell for cell in cells]
        if self._empty:
            values = [None if value.__class__ is str and value in self._empty else value for value in values]
        return values + self._constants

    def _fill_all(self, cells: Sequence[Any]) -> tuple[list[Any], dict[int, CellFault]]:
        """The values of a row. A value with a fault is blank."""
        values, faults = self._clean(cells), dict[int, CellFault]()
        for fill in self._fills:
            try:
                values.append(fill(values))
            except CellFault as fault:
                faults[len(values)] = fault
                values.append("")
        return values, faults

    def _refuse(self, row: Row) -> RowRefused:
        return RowRefused(self._place_faults(row, *self._fill_all(row.cells)))

    def _place_faults(self, row: Row, values: Values, faults: Mapping[int, CellFault]) -> tuple[RowFault, ...]:
        found: dict[str, int] = {}
        self._root.trace(values, "$", found)
        paths = {slot: path for path, slot in reversed(found.items())}
        collected = []
        for slot, fault in faults.items():
            column = self._name_column(slot, values)
            cell = row.cells[self.columns.index(column)] if column else None
            shown = spell_undecodable(cell)[:_SHOWN] if isinstance(cell, str) else None
            path = paths.get(slot, f"$.{self._targets[slot].text}")
            collected.append(RowFault(fault.code, fault.message, column, shown, path))
        return tuple(collected)

    def _name_column(self, slot: int, values: Values) -> str:
        """The column that a slot's value came from; "" for a constant or the list of a rule."""
        if slot < len(self.columns):
            return self.columns[slot]
        sources = self._sources.get(slot, [])
        filled = [place for place in sources if values[place] is not None]
        return self.columns[(filled or sources)[0]] if sources else ""


_encode = msgspec.json.Encoder().encode


def _fit_cells(row: Row, width: int) -> Iterator[Sequence[Any]]:
    """The possible fits of the cells of a row: from the first column on, and back from the last column."""
    cells = row.cells
    if any(fault.code == "Row.Quoting" for fault in row.faults):
        cells = [cell.strip(' "') if isinstance(cell, str) else cell for cell in cells]
    blanks: list[Any] = [None] * (width - len(cells))
    yield [*cells[:width], *blanks]
    if len(cells) != width:
        yield [*blanks, *cells[max(len(cells) - width, 0) :]]


def _finish(node: ObjectNode) -> None:
    if isinstance(node, ElementNode):
        node.finish()
    for child in node.objects.values():
        _finish(child)
    for elements in node.arrays.values():
        for element in elements:
            _finish(element)
