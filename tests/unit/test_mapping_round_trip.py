"""Any record of record.md that a mapping can express is written to CSV and read back as an equal record."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tabular_files import compile_text

from consentory.codec.record.wire_record import WireRecord
from consentory.codec.tabular.table import Row
from consentory.codec.tabular.target_path import ELEMENTS, SHAPES

Wire = dict[str, Any]
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).map(str.strip).filter(bool)
KEYS = st.text(st.characters(categories=["L", "Nd"], include_characters=" .-_"), min_size=1, max_size=8)
KEYS = KEYS.map(str.strip).filter(bool)
CODES: dict[str, list[int | str]] = {
    "PreferenceType": [1, 2, "OptIn", "OptOut"],
    "ConsentStatus": [1, 2, 3, 4, "Granted", "Denied", "Revoked", "NotSet"],
}


def draw_value(draw: st.DrawFn, member: str, kind: str) -> Any:
    if kind == "code":
        return draw(st.sampled_from(CODES[member]))
    if kind == "boolean":
        return draw(st.booleans())
    return draw(st.integers(1, 2**62)) if kind == "integer" else draw(TEXTS)


def draw_object(draw: st.DrawFn, cls: type[Any], depth: int = 0) -> Wire:
    """An object with some of its members. The object always has its value and the members that its kind needs."""
    shape, drawn = SHAPES[cls], {}
    needed = ELEMENTS[cls].value if cls in ELEMENTS else ()
    if cls.__name__ == "WireConsent":
        needed += ("ConsentVersion", "Locale")
    for member, kind in shape.scalars.items():
        if member in needed or draw(st.integers(0, 3)) == 0:
            drawn[member] = draw_value(draw, member, kind)
    for member, inner in shape.objects.items():
        if draw(st.booleans()) and (part := draw_object(draw, inner, depth + 1)):
            drawn[member] = part
    for member, inner in shape.arrays.items():
        if draw(st.integers(0, depth)) == 0 and (items := draw_array(draw, inner, depth + 1)):
            drawn[member] = items
    return drawn


def draw_array(draw: st.DrawFn, cls: type[Any], depth: int) -> list[Wire]:
    rule, items, seen = ELEMENTS[cls], [], Counter[str]()
    for _ in range(draw(st.integers(0, 2))):
        key = draw(KEYS) if rule.key and (rule.key_needed or draw(st.booleans())) else ""
        seen[key.casefold()] += 1
        if seen[key.casefold()] > 1 and not rule.several:
            continue
        items.append(({rule.key: key} if key else {}) | draw_object(draw, cls, depth))
    return items


@st.composite
def records(draw: st.DrawFn) -> Wire:
    return {"CustomerType": draw(TEXTS)} | draw_object(draw, WireRecord)


def flatten(record: Wire, cls: type[Any], path: str = "") -> Iterator[tuple[str, str, Any]]:
    """(target, kind, value) of every value of a record."""
    shape = SHAPES[cls]
    for member, value in record.items():
        if member in shape.scalars:
            yield path + member, shape.scalars[member], value
        elif member in shape.objects:
            yield from flatten(value, shape.objects[member], f"{path}{member}.")
        elif member in shape.arrays:
            inner, seen = shape.arrays[member], Counter[str]()
            rule = ELEMENTS[inner]
            for item in value:
                key = item.get(rule.key, "")
                seen[key.casefold()] += 1
                brackets = f"[{key}]" if rule.key else ""
                if seen[key.casefold()] > 1 or (rule.several and not rule.key):
                    brackets += f"[{seen[key.casefold()]}]"
                yield from flatten(item, inner, f"{path}{member}{brackets}.")


def write_cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(record=records(), delimiter=st.sampled_from(",;\t|"), padding=st.sampled_from(["", " ", "\u00a0"]))
def test_a_record_goes_out_to_csv_and_comes_back_equal(record: Wire, delimiter: str, padding: str) -> None:
    columns: dict[str, Any] = {}
    cells = []
    for number, (target, kind, value) in enumerate(flatten(record, WireRecord)):
        rule: Wire = {"to": target}
        if kind == "code":
            rule["values"] = {str(code): str(code) for code in CODES[target.rpartition(".")[2]]}
        columns[f"column {number}"] = rule
        cells.append(padding + write_cell(value) + padding)
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([list(columns), cells])
    headers, row = csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=delimiter)
    text = yaml.safe_dump({"columns": columns}, allow_unicode=True, sort_keys=False, width=10_000)
    mapping = compile_text(text, headers)
    assert json.loads(mapping.make_record(Row(2, list(row)))) == record
