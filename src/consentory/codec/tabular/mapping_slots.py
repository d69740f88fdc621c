"""Slots: the place of each target in the list of a row's values, and the function that fills the place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from consentory.codec.tabular.cell_conversions import Convert, TimeReader, is_no, make_converter
from consentory.codec.tabular.mapping_document import ABSENT, PRESENT, ColumnRule
from consentory.codec.tabular.mapping_plan import Conditions, Filling, MappingPlan
from consentory.codec.tabular.record_nodes import Values
from consentory.codec.tabular.target_path import Target
from consentory.domain.text import fold

Fill = Callable[[Values], Any]
"""A function from the values so far to the value of a target; raises CellFault."""

_DECIDING = {"CustomerDate": "PreferenceType", "ConsentDate": "ConsentStatus"}
_UNCONVERTED = ColumnRule()


class Slots(NamedTuple):
    """The values of a row are its cells, then `constants`, then the result of each function of `fills`, in this
    order."""

    places: list[tuple[Filling, int]]
    """Each filling and its slot, in the order of the document."""
    constants: list[Any]
    fills: list[Fill]
    sources: dict[int, list[int]]
    """The columns from which a filled slot takes its value, in the order in which they are tried."""


def compile_slots(
    fillings: Iterable[Filling], plan: MappingPlan, columns: Sequence[str], by_name: Mapping[tuple[object, ...], Any]
) -> Slots:
    """Give each filling a slot. `by_name` has the constants that the file's name sets."""
    return _SlotCompiler(plan, columns, by_name).compile(list(fillings))


class _SlotCompiler:
    def __init__(self, plan: MappingPlan, columns: Sequence[str], by_name: Mapping[tuple[object, ...], Any]) -> None:
        self._zone = plan.zone
        self._by_name = by_name
        self._columns = {name: place for place, name in enumerate(columns)}
        self._slots: dict[tuple[object, ...], int] = {}

    def compile(self, fillings: list[Filling]) -> Slots:
        constants: list[Any] = []
        waiting: list[Filling] = []
        for filling in fillings:
            sources, constant = self._list_sources(filling), self._find_constant(filling)
            if self._is_verbatim(filling):
                self._slots[filling.target.identity] = sources[0][0]
            elif sources or filling.rules:
                waiting.append(filling)
            else:
                self._slots[filling.target.identity] = len(self._columns) + len(constants)
                constants.append(constant)
        # A time may depend on its choice, so times come last.
        waiting.sort(key=lambda filling: filling.target.is_date)
        fills: list[Fill] = []
        origins: dict[int, list[int]] = {}
        for slot, filling in enumerate(waiting, start=len(self._columns) + len(constants)):
            self._slots[filling.target.identity] = slot
            origins[slot] = [place for place, _ in self._list_sources(filling)] or self._list_conditions(filling)
            fills.append(self._make_fill(filling))
        places = [(filling, self._slots[filling.target.identity]) for filling in fillings]
        return Slots(places, constants, fills, origins)

    def _list_sources(self, filling: Filling) -> list[tuple[int, ColumnRule]]:
        return [(self._columns[name], rule) for name, rule in filling.sources if name in self._columns]

    def _list_conditions(self, filling: Filling) -> list[int]:
        names = dict.fromkeys(name for conditions, _ in filling.rules for name in conditions)
        return [self._columns[name] for name in names if name in self._columns]

    def _find_constant(self, filling: Filling) -> Any:
        return self._by_name.get(filling.target.identity, filling.constant)

    def _is_verbatim(self, filling: Filling) -> bool:
        """True if the text of one cell is the value."""
        sources, target = self._list_sources(filling), filling.target
        if filling.rules or len(sources) != 1 or self._find_constant(filling) is not None:
            return False
        if target.is_date and self._zone is not None:
            return False
        return not sources[0][1].patterns and make_converter(sources[0][1], target, None) is None

    def _make_fill(self, filling: Filling) -> Fill:
        tests = [(self._make_test(conditions), value) for conditions, value in filling.rules]
        sources = [(place, self._make_convert(rule, filling.target)) for place, rule in self._list_sources(filling)]
        constant = self._find_constant(filling)
        if not tests and len(sources) == 1:
            place, convert = sources[0]

            def fill_from_one(values: Values) -> Any:
                cell = values[place]
                return constant if cell is None else convert(cell, values)

            return fill_from_one

        def fill(values: Values) -> Any:
            for test, value in tests:
                if test(values):
                    return value
            for place, convert in sources:
                if (cell := values[place]) is not None:
                    return convert(cell, values)
            return constant

        return fill

    def _make_convert(self, rule: ColumnRule, target: Target) -> Callable[[str, Values], Any]:
        if not rule.patterns and not (target.is_date and self._zone is not None):
            convert = make_converter(rule, target, None)
            return (lambda cell, _: cell) if convert is None else (lambda cell, _: convert(cell))
        reader = TimeReader(rule.patterns, self._zone)
        decider = self._find_decider(target)
        yes = make_converter(rule, target, lambda text: reader.read(text, no=False))
        if decider is None or self._zone is None:
            return self._ignore_values(yes)
        no = make_converter(rule, target, lambda text: reader.read(text, no=True))
        member, slot = decider

        def convert_time(cell: str, values: Values) -> Any:
            convert = no if is_no(member, values[slot]) else yes
            return cell if convert is None else convert(cell)

        return convert_time

    @staticmethod
    def _ignore_values(convert: Convert | None) -> Callable[[str, Values], Any]:
        return (lambda cell, _: cell) if convert is None else (lambda cell, _: convert(cell))

    def _find_decider(self, target: Target) -> tuple[str, int] | None:
        """The member that decides a choice, and its slot. A bare date has another meaning if the choice is a no."""
        member = _DECIDING.get(target.member, "")
        slot = self._slots.get(target._replace(member=member).identity)
        return None if slot is None else (member, slot)

    def _make_test(self, conditions: Conditions) -> Callable[[Values], bool]:
        tests = [self._make_condition(self._columns.get(name), wanted) for name, wanted in conditions.items()]
        if len(tests) == 1:
            return tests[0]
        return lambda values: all(test(values) for test in tests)

    @staticmethod
    def _make_condition(place: int | None, wanted: str | tuple[str, ...]) -> Callable[[Values], bool]:
        """A column that the file does not have counts as empty in every row."""
        if place is None:
            return lambda _: wanted == ABSENT
        if wanted == PRESENT:
            return lambda values: values[place] is not None
        if wanted == ABSENT:
            return lambda values: values[place] is None
        texts = frozenset(fold(text.strip()) for text in ((wanted,) if isinstance(wanted, str) else wanted))
        return lambda values: isinstance(values[place], str) and fold(values[place]) in texts
