"""Targets of a mapping: paths into the record, such as `Emails[Home].EmailPreferences[NEWS-EMAIL].PreferenceType`.

Members and their types come from `codec/record/wire_record.py`. The only table here says which member names an element
of an array, and which members are the value that every element needs.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Literal, NamedTuple

import msgspec
from msgspec import inspect

from consentory.codec.record import wire_record
from consentory.domain.text import fold

Kind = Literal["text", "boolean", "integer", "code"]
"""`code`: PreferenceType or ConsentStatus, a number or a name."""


class ElementRule(NamedTuple):
    """How the elements of an array are told apart. `key` is the member that names an element; "" if there is none."""

    key: str
    value: tuple[str, ...]
    """The members without which the element is left out."""
    several: bool = False
    """True if one key may name several elements, told apart by `[1]`, `[2]`."""
    key_needed: bool = True
    """False: without a key, the account's default type is used."""


ELEMENTS: dict[type[msgspec.Struct], ElementRule] = {
    wire_record.WireAlternateId: ElementRule("AlternateIdType", ("AlternateId",), several=True),
    wire_record.WireEmail: ElementRule("EmailAddressType", ("EmailAddress",), several=True, key_needed=False),
    wire_record.WirePhone: ElementRule("PhoneType", ("PhoneNumber",), several=True, key_needed=False),
    wire_record.WireAddress: ElementRule(
        "AddressType", ("Address1", "City", "StateProvince", "PostalCode"), several=True, key_needed=False
    ),
    wire_record.WirePreference: ElementRule("FilterId", ("PreferenceType",)),
    wire_record.WireConsent: ElementRule("ConsentType", ("ConsentStatus",), several=True),
    wire_record.WireGroup: ElementRule("GroupType", ("GroupName",), several=True),
    wire_record.WireTag: ElementRule("", ("Name",), several=True, key_needed=False),
    wire_record.WireField: ElementRule("Name", ("Value",)),
    wire_record.WireAttribute: ElementRule("Key", ("Value",)),
}

_BOOLEANS = frozenset({"IsActive", "IsDefault", "IsMobile", "IsPrimary", "RegistrationConfirmed"})
_BOOLEANS |= {"PreservePreferences", "PreserveConsents"}
_CODES = frozenset({"PreferenceType", "ConsentStatus"})
_DATES = frozenset({"CustomerDate", "ConsentDate"})
_STEP = re.compile(r"([A-Za-z][A-Za-z0-9_]*)((?:\[[^\[\]]*\])*)(?:\.|$)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_OCCURRENCE = re.compile("[1-9][0-9]?")


class TargetFault(ValueError):
    """The text is not a target. The message gives the reason, for a person."""


class Element(NamedTuple):
    """One element of an array: the array's member, the key that names the element, and the number of the element among
    those of that key."""

    array: str
    key: str
    occurrence: int
    rule: ElementRule

    @property
    def identity(self) -> tuple[str, str, int]:
        """Equal for the same element in any spelling of its key."""
        return (self.array, fold(self.key), self.occurrence)


class Target(NamedTuple):
    """A path that was read. `steps` lead to the object, `member` is the scalar in the object."""

    text: str
    steps: tuple[Element | str, ...]
    member: str
    kind: Kind

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for targets that mean the same place."""
        return (*(step.identity if isinstance(step, Element) else step for step in self.steps), self.member)

    @property
    def is_date(self) -> bool:
        """True if the member is the time of a choice. The account's or the mapping's zone applies to such a time."""
        return self.member in _DATES

    @property
    def may_split(self) -> bool:
        """True if one cell may give several values: elements of one array, or options of a custom field."""
        last = self.steps[-1] if self.steps else None
        if not isinstance(last, Element) or self.member not in last.rule.value or len(last.rule.value) != 1:
            return False
        return last.rule.several or last.array == "CustomFields"


class Shape(NamedTuple):
    """The members of one object that a mapping can fill."""

    scalars: dict[str, Kind]
    objects: dict[str, type[msgspec.Struct]]
    arrays: dict[str, type[msgspec.Struct]]


def read_target(text: str) -> Target:
    """Read a path; raises TargetFault."""
    shape, steps, place = SHAPES[wire_record.WireRecord], list[Element | str](), 0
    while True:
        match = _STEP.match(text, place)
        if match is None:
            raise TargetFault(f'must be a path such as Emails[Home].EmailAddress, not "{text}"')
        member, brackets = match[1], _BRACKET.findall(match[2])
        place, more = match.end(), match[0].endswith(".")
        if member in shape.arrays:
            cls = shape.arrays[member]
            steps.append(_read_element(member, brackets, ELEMENTS[cls]))
            if place >= len(text) and not more:
                return _choose_value(text, steps, cls)
            shape = SHAPES[cls]
            continue
        if brackets:
            raise TargetFault(f"{member} is not an array, so [{brackets[0]}] cannot follow it")
        if member in shape.objects and more:
            steps.append(member)
            shape = SHAPES[shape.objects[member]]
        elif member in shape.scalars and place >= len(text) and not more:
            return Target(text, tuple(steps), member, shape.scalars[member])
        else:
            raise TargetFault(_describe_unknown(text, member, shape))


def _read_element(member: str, brackets: list[str], rule: ElementRule) -> Element:
    key, occurrence = "", "1"
    if not rule.key:
        occurrence, rest = (brackets[0], brackets[1:]) if brackets else ("1", [])
    else:
        key = brackets[0].strip() if brackets else ""
        occurrence, rest = (brackets[1], brackets[2:]) if len(brackets) > 1 else ("1", [])
        if rule.key_needed and not key:
            raise TargetFault(f"{member} needs the element's {rule.key} in brackets: {member}[…]")
    if rest or (occurrence != "1" and not rule.several):
        raise TargetFault(f"{member} has too many brackets")
    if not _OCCURRENCE.fullmatch(occurrence):
        example = f"{member}[{key}][2]" if rule.key else f"{member}[2]"
        raise TargetFault(f"[{occurrence}] must be a number from 1 to 99, as in {example}")
    return Element(member, key, int(occurrence), rule)


def _choose_value(text: str, steps: list[Element | str], cls: type[msgspec.Struct]) -> Target:
    """The target of a path that ends with an element: the element's only value."""
    rule = ELEMENTS[cls]
    if len(rule.value) > 1 or cls in (wire_record.WirePreference, wire_record.WireConsent):
        raise TargetFault(f'"{text}" names an element. Add a member, such as {text}.{rule.value[0]}')
    member = rule.value[0]
    return Target(text, tuple(steps), member, SHAPES[cls].scalars[member])


def _describe_unknown(text: str, member: str, shape: Shape) -> str:
    known = [*shape.scalars, *shape.objects, *shape.arrays]
    if member in shape.objects:
        return f'"{text}" names an object. Add one of its members: {", ".join(SHAPES[shape.objects[member]].scalars)}'
    if member in known:
        return f"{member} has no members of its own"
    near = get_close_matches(member, known, n=1)
    advice = f"did you mean {near[0]}?" if near else f"the known members are {', '.join(known)}"
    return f"{member} is not a member that a mapping can fill: {advice}"


def _read_shape(cls: type[msgspec.Struct]) -> Shape:
    shape = Shape({}, {}, {})
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        ignored = any(isinstance(kind, inspect.RawType) for kind in types)
        if ignored and not (cls is wire_record.WireGroup and field.name == "IsActive"):
            continue
        struct = next((kind.cls for kind in types if isinstance(kind, inspect.StructType)), None)
        array = next((kind for kind in types if isinstance(kind, inspect.ListType)), None)
        if struct is not None:
            shape.objects[field.name] = struct
        elif array is not None:
            assert isinstance(array.item_type, inspect.StructType)
            shape.arrays[field.name] = array.item_type.cls
        elif cls not in ELEMENTS or field.name != ELEMENTS[cls].key:
            shape.scalars[field.name] = _choose_kind(field.name)
    return shape


def _choose_kind(member: str) -> Kind:
    if member in _BOOLEANS:
        return "boolean"
    if member in _CODES:
        return "code"
    return "integer" if member == "ProfileId" else "text"


def _list_shapes() -> dict[type[msgspec.Struct], Shape]:
    classes: list[type[msgspec.Struct]] = [
        *ELEMENTS,
        wire_record.WireRecord,
        wire_record.WireName,
        wire_record.WireEvidence,
    ]
    return {cls: _read_shape(cls) for cls in classes}


SHAPES = _list_shapes()
"""The shape of every object of a record."""

RECORD_MEMBERS: frozenset[str] = frozenset(field.name for field in msgspec.structs.fields(wire_record.WireRecord))
"""The members at the top level of a record. A column with such a name needs no mapping."""
