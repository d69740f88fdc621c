"""The slow path for a record that does not fit the wire types: it reports every type mismatch with its path, and
decodes the rest.

The semantic rules are in other modules. They check the result of this path in the same way as the result of the fast
path.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from difflib import get_close_matches
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from consentory.codec.fault_collector import FaultCollector, has_lone_surrogate, name_member, quote
from consentory.codec.limits import MOST_ELEMENTS

StructT = TypeVar("StructT", bound=msgspec.Struct)

MSGSPEC_REFUSALS = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""The errors that msgspec raises for JSON text that it cannot read. After such an error this slow path is taken."""

# An int of up to this many digits is converted at once. A longer one is always past 64 bits, and its conversion could
# take long.
_MOST_DIGITS = 20
_MOST_FLOAT_CHARACTERS = 100
_SUGGESTIONS = 100


class _HugeNumber(str):
    """The text of a number that does not fit into 64 bits."""

    __slots__ = ()


class _Member(NamedTuple):
    """The attribute of a member and its allowed values: JSON types by name, and the struct of an object or of the
    elements of an array."""

    attribute: str
    types: frozenset[str]
    struct: type[msgspec.Struct] | None


_ADAPTED = {
    inspect.StrType: "string",
    inspect.IntType: "integer",
    inspect.BoolType: "boolean",
    inspect.ListType: "array",
    inspect.StructType: "object",
    inspect.RawType: "anything",
}


@lru_cache(maxsize=64)
def _members_of(struct: type[msgspec.Struct]) -> dict[str, _Member]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    members = {}
    for field in info.fields:
        options = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        options = tuple(one.type if isinstance(one, inspect.Metadata) else one for one in options)
        nested = None
        for option in options:
            inner = option.item_type if isinstance(option, inspect.ListType) else option
            nested = inner.cls if isinstance(inner, inspect.StructType) else nested
        types = frozenset(_ADAPTED[type(option)] for option in options if type(option) in _ADAPTED)
        members[field.encode_name] = _Member(field.name, types, nested)
    return members


def decode_leniently(raw: bytes, struct: type[StructT], collector: FaultCollector) -> StructT | None:
    """The record with every member that fits. Each member that does not fit is reported and left out.

    `raw` is valid JSON in valid UTF-8. The result is None if the record cannot be read at all: it is not an object, or
    it is nested too deep. Unknown members are ignored if the struct allows them.
    """
    try:
        value = json.loads(raw.decode(), parse_int=_read_integer, parse_float=_read_float)
    except RecursionError:
        if not raw.lstrip().startswith(b"{"):
            collector.report("Record.NotAnObject", "A record must be an object.", "$")
            return None
        text = "The record is nested deeper than any record can be; take the deep part out."
        collector.report("Record.TooDeep", text, "$")
        return None
    if not isinstance(value, dict):
        text = f"A record must be an object, not {_describe(value)}."
        collector.report("Record.NotAnObject", text, "$", value)
        return None
    return _fill(struct, value, "$", collector)


def _read_integer(digits: str) -> int | _HugeNumber:
    return int(digits) if len(digits) <= _MOST_DIGITS else _HugeNumber(digits)


def _read_float(text: str) -> float | int | _HugeNumber:
    if len(text) > _MOST_FLOAT_CHARACTERS:
        return _HugeNumber(text)
    number = float(text)
    if not isfinite(number):
        return _HugeNumber(text)
    # 1.0 is the integer 1, but 1.0000000000000000001 is not an integer, and a float cannot tell the two apart.
    return int(number) if number.is_integer() and Fraction(text) == number else number


def _fill(struct: type[StructT], members: dict[str, object], path: str, collector: FaultCollector) -> StructT:
    known = _members_of(struct)
    strict = struct.__struct_config__.forbid_unknown_fields
    fitting: dict[str, object] = {}
    for name, value in members.items():
        member = known.get(name)
        if member is None:
            if strict and not collector.is_full:
                _report_unknown(name, value, known, path, collector)
        elif value is not None and "anything" not in member.types:
            fitted = _fit(member, value, f"{path}.{name}", name, collector)
            if fitted is not None:
                fitting[member.attribute] = fitted
    return struct(**fitting)


def _report_unknown(name: str, value: object, known: dict[str, _Member], path: str, collector: FaultCollector) -> None:
    text = f"{quote(name)} is not a member of this object"
    # The search for a similar name is slow, so it runs only for the first few names of a record.
    near = get_close_matches(name, known, 1) if len(name) <= 50 and len(collector.faults) < _SUGGESTIONS else []
    text += f"; did you mean {near[0]}?" if near else "; correct its name or leave it out."
    collector.report("Record.UnknownMember", text, name_member(path, name), value)


def _fit(member: _Member, value: object, path: str, name: str, collector: FaultCollector) -> object:
    """The value in the wire type; None after a type mismatch was reported."""
    kind = _kind_of(value)
    if kind == "huge number":
        if "integer" in member.types:
            text = f"{name} is a number that 64 bits cannot hold; send an integer."
            collector.report_mismatch("Number.OutOfRange", text, path, value)
            return None
    elif kind in member.types:
        return _FITTERS[kind](member, value, path, collector) if kind in _FITTERS else value
    wanted = " or ".join(f"{'an' if item[0] in 'aio' else 'a'} {item}" for item in sorted(member.types))
    text = f"{name} must be {wanted}, not {_describe(value)}."
    collector.report_mismatch("Value.WrongType", text, path, value)
    return None


def _fit_string(_: _Member, value: object, path: str, collector: FaultCollector) -> object:
    assert isinstance(value, str)
    if not has_lone_surrogate(value):
        return value
    text = "The string has half of a surrogate pair, which is no character; send the whole character."
    collector.report_mismatch("String.NotUnicode", text, path, value)
    return None


def _fit_integer(_: _Member, value: object, path: str, collector: FaultCollector) -> object:
    assert isinstance(value, int)
    if -(2**63) <= value < 2**63:
        return value
    collector.report_mismatch("Number.OutOfRange", "64 bits cannot hold the number; send a smaller one.", path, value)
    return None


def _fit_object(member: _Member, value: object, path: str, collector: FaultCollector) -> object:
    assert isinstance(value, dict)
    assert member.struct is not None
    return _fill(member.struct, value, path, collector)


def _fit_array(member: _Member, value: object, path: str, collector: FaultCollector) -> object:
    """The elements, index by index. An element that is not an object becomes an empty struct and a type mismatch.

    For an Add record, the elements after the limit stay empty: the code that reads the array counts the elements and
    reads no further.
    """
    assert isinstance(value, list)
    assert member.struct is not None
    blank = member.struct()
    is_bound = member.struct.__struct_config__.forbid_unknown_fields
    elements = []
    for index, element in enumerate(value[:MOST_ELEMENTS] if is_bound else value):
        place = f"{path}[{index}]"
        if isinstance(element, dict):
            elements.append(_fill(member.struct, element, place, collector) if element else blank)
            continue
        elements.append(blank)
        if not collector.is_full:
            text = f"Every element of this array must be an object, not {_describe(element)}."
            collector.report_mismatch("Value.WrongType", text, place, element)
    elements.extend([blank] * (len(value) - len(elements)))
    return elements


_FITTERS: dict[str, Callable[[_Member, object, str, FaultCollector], object]] = {
    "string": _fit_string,
    "integer": _fit_integer,
    "object": _fit_object,
    "array": _fit_array,
}


def _kind_of(value: object) -> str:
    """The name of the JSON type. "huge number" and "number" are numbers that are not integers of 64 bits."""
    if isinstance(value, _HugeNumber):
        return "huge number"
    for type_, kind in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, type_):
            return kind
    return "null"


def _describe(value: object) -> str:
    kind = _kind_of(value)
    return kind if kind == "null" else f"{'an' if kind[0] in 'aio' else 'a'} {kind}"
