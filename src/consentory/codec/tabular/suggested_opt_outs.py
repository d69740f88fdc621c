"""The rules of a suggested mapping: a no in any column wins over the yes of another column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consentory.codec.tabular.mapping_document import ABSENT, NOTHING, PRESENT

Condition = str | Sequence[str]


class _SaidNo(NamedTuple):
    column: str
    condition: Condition
    choices: Sequence[str]


class SuggestedOptOuts:
    """Collects the columns that say no, and writes their rules. A choice is named by its path."""

    def __init__(self) -> None:
        self._said: list[_SaidNo] = []
        self._dated: list[_SaidNo] = []
        self._undated: list[_SaidNo] = []
        self._unclear: list[_SaidNo] = []

    def add_words(self, column: str, words: Sequence[str], choices: Sequence[str], *, fills: bool) -> None:
        """The words of a column that say no. `fills`: the column fills the choice itself and needs no rule for it."""
        said = _SaidNo(column, words, choices)
        if words:
            self._undated.append(said)
            self._said += [] if fills else [said]

    def add_times(self, column: str, choices: Sequence[str]) -> None:
        """A column of the times of opt-outs, which fills the time of the choices."""
        self._dated.append(_SaidNo(column, PRESENT, choices))

    def add_unclear(self, column: str, condition: Condition, choices: Sequence[str]) -> None:
        """Cells that perhaps say no: a yes beside them is not imported."""
        if condition:
            self._unclear.append(_SaidNo(column, condition, choices))

    def write(self, yes: Mapping[str, tuple[str, Sequence[str]]], dated_choice: str) -> list[str]:
        """The lines of the rules. `yes`: the column that says yes to a choice, and its words for it. `dated_choice`:
        the choice whose time another column fills, or ""."""
        lines = []
        for said in self._said + self._dated:
            targets = {f"{choice}.PreferenceType": "OptOut" for choice in said.choices}
            lines += _write_rule({said.column: said.condition}, targets)
        for said in self._undated:
            if dated_choice in said.choices:
                # The time of a yes is no time of the no.
                absent = {item.column: ABSENT for item in self._dated if dated_choice in item.choices}
                lines += _write_rule({said.column: said.condition, **absent}, {f"{dated_choice}.CustomerDate": NOTHING})
        for said in self._unclear:
            for choice in said.choices:
                column, words = yes.get(choice, ("", ()))
                if words:
                    conditions = {said.column: said.condition, column: words}
                    lines += _write_rule(conditions, {f"{choice}.PreferenceType": NOTHING})
        return (
            ["rules:   # a no wins, also over a later yes. The first rule whose conditions hold counts", *lines]
            if lines
            else []
        )


def _write_rule(conditions: Mapping[str, Condition], targets: Mapping[str, str]) -> list[str]:
    said = ", ".join(f"{_dump(column)}: {_dump(wanted)}" for column, wanted in conditions.items())
    return [
        f"  - if: {{{said}}}",
        "    set:",
        *(f"      {_dump(target)}: {value}" for target, value in targets.items()),
    ]


def _dump(value: Condition) -> str:
    return json.dumps(value, ensure_ascii=False)
