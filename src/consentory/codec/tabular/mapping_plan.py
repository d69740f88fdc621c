"""From a mapping document to its plan: for each target, all parts of the document that fill it. All faults are added to
the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from consentory.codec.account.account_faults import FaultLog
from consentory.codec.tabular.cell_conversions import (
    BOOLEANS,
    CODES,
    check_pattern,
    is_denial,
    is_yes,
    make_code,
    make_value,
)
from consentory.codec.tabular.mapping_document import ABSENT, IGNORE, NOTHING, ColumnRule, MappingDocument
from consentory.codec.tabular.target_path import Element, Target, TargetFault, read_target
from consentory.domain.text import fold

Conditions = Mapping[str, str | tuple[str, ...]]

_NEEDED_BESIDE = {"Consents": ("ConsentVersion", "Locale")}
"""Members that every record needs in addition to the value of an element. Without them every record would be
refused."""


@dataclass(slots=True)
class Filling:
    """All parts of the document that fill one target. A rule wins over a column, a column wins over the constant."""

    target: Target
    path: str
    """The first path in the document that names the target."""
    sources: list[tuple[str, ColumnRule]] = field(default_factory=list)
    rules: list[tuple[Conditions, Any]] = field(default_factory=list)
    constant: Any = None
    has_constant: bool = False


@dataclass(slots=True)
class MappingPlan:
    """The fillings of a document in the order in which it names their targets, and the fillings of each file name."""

    fillings: dict[tuple[object, ...], Filling] = field(default_factory=dict)
    file_names: dict[str, list[tuple[Target, Any]]] = field(default_factory=dict)
    zone: ZoneInfo | None = None

    def find(self, target: Target, path: str) -> Filling:
        """The filling of a target. A new filling is added at the end."""
        return self.fillings.setdefault(target.identity, Filling(target, path))


def make_plan(document: MappingDocument, log: FaultLog) -> MappingPlan:
    """Read all targets and values of a document whose parameters are bound."""
    return _Planner(log).plan(document)


class _Planner:
    def __init__(self, log: FaultLog) -> None:
        self._log = log
        self._plan = MappingPlan()

    def plan(self, document: MappingDocument) -> MappingPlan:
        self._plan.zone = self._read_zone(document.zone)
        self._check_form(document)
        for column, rule in document.columns.items():
            self._add_column(column, rule, f"$.columns.{column}")
        for text, value in document.constants.items():
            path = f"$.constants.{text}"
            if target := self._read_target(text, path):
                filling = self._plan.find(target, path)
                if filling.has_constant:
                    self._log.refuse(path, "RepeatedKey", "the mapping has this constant already, in another spelling")
                filling.constant, filling.has_constant = self._read_value(target, value, path), True
        for place, conditional in enumerate(document.rules):
            if conditional.set and not conditional.if_:
                message = "needs if: with a condition. Put a value for each record into constants"
                self._log.refuse(f"$.rules[{place}].set", "ConditionMissing", message)
            for text, value in conditional.set.items():
                self._add_rule(conditional.if_, text, value, f"$.rules[{place}].set.{text}")
        for pattern, constants in document.file_names.items():
            self._plan.file_names[pattern] = list(self._read_constants(constants, f"$.fileNames.{pattern}"))
        self._check_elements()
        self._check_match(document.match)
        return self._plan

    def _add_rule(self, conditions: Conditions, text: str, value: str, path: str) -> None:
        target = self._read_target(text, path)
        if target is None:
            return
        read = self._read_value(target, value, path)
        if is_yes(target.member, read) and conditions and all(map(_says_nothing, conditions.values())):
            message = f"a yes needs a cell that says yes, and these conditions hold without one. Set {NOTHING}"
            self._log.refuse(path, "YesNotSaid", message)
        self._plan.find(target, path).rules.append((conditions, read))

    def _read_zone(self, name: str | None) -> ZoneInfo | None:
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            self._log.refuse("$.zone", "UnknownZone", f"must be a time zone such as Europe/Berlin, not {name}")
            return None

    def _check_form(self, document: MappingDocument) -> None:
        form = document.file
        if form.delimiter is not None and len(form.delimiter) != 1:
            self._log.refuse("$.file.delimiter", "Delimiter", 'must be one character, such as ";" or "\\t"')
        if form.header is not None and form.header < 1:
            self._log.refuse("$.file.header", "Header", "must be the line of the header, 1 or more")

    def _read_constants(self, constants: Mapping[str, str], path: str) -> Iterator[tuple[Target, Any]]:
        for text, value in constants.items():
            here = f"{path}.{text}"
            if target := self._read_target(text, here):
                self._plan.find(target, here)
                yield target, self._read_value(target, value, here)

    def _add_column(self, column: str, given: str | ColumnRule, path: str) -> None:
        rule = ColumnRule(to=given) if isinstance(given, str) else given
        if not rule.targets:
            if rule != ColumnRule() and not self._log.is_broken(f"{path}.to"):
                self._log.refuse(path, "TargetMissing", f"needs to: with a target. Or write {IGNORE} for the column")
            return
        for pattern in rule.patterns:
            if wrong := check_pattern(pattern):
                self._log.refuse(f"{path}.time", "TimePattern", f'"{pattern}" {wrong}')
        if rule.split == "":
            self._log.refuse(f"{path}.split", "Split", "must not be empty")
        here = path if isinstance(given, str) else f"{path}.to"
        for text in rule.targets:
            if target := self._read_target(text, here):
                self._check_rule(rule, target, path)
                self._plan.find(target, here).sources.append((column, rule))

    def _check_rule(self, rule: ColumnRule, target: Target, path: str) -> None:
        if rule.split and not target.may_split:
            self._log.refuse(f"{path}.split", "Split", f"{target.text} has one value, so its cell cannot be split")
        if rule.time and target.kind != "text":
            self._log.refuse(f"{path}.time", "TimePattern", f"{target.text} is not a time")
        if rule.other_values == "keep" and (not rule.values or target.kind != "text"):
            self._log.refuse(f"{path}.otherValues", "OtherValues", "keep needs values: and a target of text")
        for cell, value in rule.values.items():
            here = f"{path}.values.{cell}"
            if is_yes(target.member, self._read_value(target, value, here)) and is_denial(cell):
                message = f'"{cell}" does not say yes, so it must not become a yes. Write "{cell}": {NOTHING}'
                self._log.refuse(here, "YesNotSaid", message)

    def _read_target(self, text: str, path: str) -> Target | None:
        if self._log.is_broken(path):
            return None
        try:
            return read_target(text)
        except TargetFault as fault:
            self._log.refuse(path, "Target", f"{fault}")
            return None

    def _read_value(self, target: Target, text: str, path: str) -> Any:
        """The value that the document gives a target; a fault if the target cannot have the value."""
        if text == NOTHING:
            return None
        known: list[str] = []
        if target.kind == "code" and make_code(target.member, text) is None:
            known = sorted(CODES[target.member])
        elif target.kind == "boolean" and fold(text) not in BOOLEANS:
            known = ["true", "false"]
        elif target.kind == "integer" and not (text.isascii() and text.isdecimal()):
            known = ["a whole number"]
        if known:
            message = f'{target.member} must be {", ".join(known)} or {NOTHING}, not "{text}"'
            self._log.refuse(path, "Value", message)
        return make_value(text, target.kind, target.member)

    def _check_match(self, match: str | None) -> None:
        if match is None:
            return
        target = self._read_target(f"AlternateIds[{match}].AlternateId", "$.match")
        if target and not {target.identity, read_target("ProfileId").identity} & self._plan.fillings.keys():
            self._log.refuse(
                "$.match", "MatchUnfilled", f"people are found by {target.text}, and no part of the mapping fills it"
            )

    def _check_elements(self) -> None:
        """Report elements that get no value. They would be left out of every record."""
        seen: set[tuple[object, ...]] = set()
        for filling in list(self._plan.fillings.values()):
            for depth, step in enumerate(filling.target.steps, start=1):
                steps = filling.target.steps[:depth]
                place = Target("", steps, "", "text").identity
                if not isinstance(step, Element) or place in seen:
                    continue
                seen.add(place)
                for member in (*step.rule.value, *_NEEDED_BESIDE.get(step.array, ())):
                    if Target("", steps, member, "text").identity not in self._plan.fillings:
                        message = f"no part of the mapping fills {name_steps(steps)}.{member}, so this is left out"
                        self._log.refuse(filling.path, "ValueMissing", message)


def _says_nothing(wanted: str | tuple[str, ...]) -> bool:
    """True if a condition holds only for cells that do not say yes."""
    words = (wanted,) if isinstance(wanted, str) else wanted
    return all(word == ABSENT or is_denial(word) for word in words)


def name_steps(steps: tuple[Element | str, ...]) -> str:
    """The path of an object as a mapping writes it."""
    words = []
    for step in steps:
        if isinstance(step, str):
            words.append(step)
            continue
        key = f"[{step.key}]" if step.key or (step.occurrence > 1 and step.rule.key) else ""
        words.append(f"{step.array}{key}" + (f"[{step.occurrence}]" if step.occurrence > 1 else ""))
    return ".".join(words)
