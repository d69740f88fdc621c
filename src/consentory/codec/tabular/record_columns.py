"""Find the columns of a file that a place in a record came from, by the mapping alone.

The row is not read again. So where several columns may have filled a place, all of them are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.record.fault_path import Steps, read_steps
from consentory.codec.record.lenient_decode import MSGSPEC_REFUSALS
from consentory.codec.tabular.mapping_document import MappingInvalid, bind_parameters, read_mapping
from consentory.codec.tabular.mapping_plan import Filling, make_plan
from consentory.codec.tabular.target_path import Element
from consentory.domain.text import fold

_PARAMETER = re.compile(r"# ([A-Za-z][A-Za-z0-9]*): (.*)")


class RecordColumns:
    """The columns of one mapping."""

    def __init__(self, fillings: Sequence[Filling], passed: Sequence[str] = ()) -> None:
        """`passed`: the columns that have the name of a member of the record, and need no mapping."""
        self._fillings = [filling for filling in fillings if filling.sources]
        self._passed = frozenset(passed)

    def find(self, record: bytes, path: str) -> str:
        """The columns that filled the JSON path of a record, or the nearest place around the path; "": none is known.

        Several columns are joined by " or ".
        """
        decoded, steps = _decode(record), read_steps(path)
        while steps:
            if names := self._find_exact(decoded, steps):
                return names
            around = _name_sources([filling for filling in self._fillings if _fits(filling, decoded, steps)])
            if around:
                return around[0]
            steps = steps[:-1]
        return ""

    def find_value(self, record: bytes, path: str) -> str:
        """The columns that filled exactly this value of a record; "": none is known."""
        return self._find_exact(_decode(record), read_steps(path))

    def _find_exact(self, decoded: Any, steps: Steps) -> str:
        if not steps or not isinstance(steps[-1], str):
            return ""
        if len(steps) == 1 and steps[0] in self._passed:
            return steps[0]
        depth = sum(isinstance(step, str) for step in steps) - 1  # an array and its index are one step of a target
        fillings = [one for one in self._fillings if len(one.target.steps) == depth]
        return " or ".join(_name_sources([one for one in fillings if _fits(one, decoded, steps)]))


def read_record_columns(text: str, columns: Sequence[str] = ()) -> RecordColumns:
    """The columns of a mapping, as Source of Initiate keeps its text. `columns`: all columns of the table, if known.

    A text that is not a mapping has no columns.
    """
    try:
        mapping = read_mapping(text.encode(), "mapping")
    except MappingInvalid:
        return RecordColumns([])
    bound = bind_parameters(mapping, dict(_read_settings(text, mapping.document.parameters)), None)
    plan = make_plan(bound.document, FaultLog("mapping"))
    named = bound.document.columns
    return RecordColumns(list(plan.fillings.values()), [name for name in columns if name not in named])


def _read_settings(text: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The values of the parameters, which stand as comments before a bound mapping."""
    for line in text.splitlines():
        found = _PARAMETER.fullmatch(line)
        if found is None:
            return
        if found[1] in parameters:
            yield found[1], found[2]


def _decode(record: bytes) -> Any:
    try:
        return msgspec.json.decode(record)
    except MSGSPEC_REFUSALS:
        return None


def _fits(filling: Filling, record: Any, steps: Steps) -> bool:
    """True if the target is at the place, or below it."""
    names = [step for step in steps if isinstance(step, str)]
    target = filling.target
    own = [step.array if isinstance(step, Element) else step for step in target.steps] + [target.member]
    if own[: len(names)] != names:
        return False
    value, depth = record, -1
    for step in steps:
        if isinstance(step, str):
            depth += 1
            value = value.get(step) if isinstance(value, dict) else None
            continue
        items = value if isinstance(value, list) else []
        value = items[step] if step < len(items) else None
        element = target.steps[depth] if depth < len(target.steps) else None
        if not isinstance(element, Element) or not _is_element(element, items, step):
            return False
    return True


def _is_element(element: Element, items: Sequence[Any], index: int) -> bool:
    """True if the item may be the element. Elements of one key may be missing before it, so an item may be a later
    element, and never an earlier one."""
    if not element.rule.key:
        return index < element.occurrence
    keys = [_read_key(item, element.rule.key) for item in items[: index + 1]]
    if not keys or (element.key and fold(element.key) != keys[-1]):
        return False
    return keys.count(keys[-1]) <= element.occurrence


def _read_key(item: Any, member: str) -> str:
    key = item.get(member) if isinstance(item, dict) else None
    return fold(key) if isinstance(key, str) else ""


def _name_sources(fillings: Sequence[Filling]) -> list[str]:
    return list(dict.fromkeys(column for filling in fillings for column, _ in filling.sources))
