"""docs/record.md names every member of the record, and each of its examples can be staged."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from record_cases import accept

from consentory.codec.limits import MOST_ATTRIBUTES, MOST_ELEMENTS, find_lengths
from consentory.codec.record import wire_record as wire

PAGE = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
ELEMENT = wire.WireElement.__struct_fields__
TABLES: list[tuple[str, type[msgspec.Struct]]] = [
    ("## Record\n", wire.WireRecord),
    ("## CustomerName\n", wire.WireName),
    ("## AlternateIds\n", wire.WireAlternateId),
    ("| member of each |", wire.WireElement),
    ("| member of Emails |", wire.WireEmail),
    ("| member of PhoneNumbers |", wire.WirePhone),
    ("| member of Addresses |", wire.WireAddress),
    ("| member of a preference |", wire.WirePreference),
    ("| member of an attribute |", wire.WireAttribute),
    ("| member of a consent |", wire.WireConsent),
    ("| member of Evidence |", wire.WireEvidence),
    ("| member of Groups |", wire.WireGroup),
    ("| member of ProfileTags |", wire.WireTag),
    ("| member of CustomFields |", wire.WireField),
]


def read_rows(heading: str) -> list[tuple[str, str, str]]:
    """(member, type, rule) of the table below a heading."""
    section = re.split(r"\n## |\n\| member of |\n```", PAGE.split(heading, 1)[1], maxsplit=1)[0]
    return re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*)\|$", section, re.MULTILINE)


@pytest.mark.parametrize(("heading", "cls"), TABLES, ids=[cls.__name__ for _, cls in TABLES])
def test_the_page_names_every_member_in_order(heading: str, cls: type[msgspec.Struct]) -> None:
    rows = [(name, kind) for name, kind, _ in read_rows(heading)]
    inherited = () if cls is wire.WireElement else (ELEMENT if issubclass(cls, wire.WireElement) else ())
    everywhere = wire.WireObject.__struct_fields__
    fields = [field for field in msgspec.structs.fields(cls) if field.name not in (*inherited, *everywhere)]
    assert [name for name, _ in rows] == [field.name for field in fields]
    for (name, kind), field in zip(rows, fields, strict=True):
        assert (kind == "read-only") == (field.type is msgspec.Raw), name


@pytest.mark.parametrize(("heading", "cls"), TABLES, ids=[cls.__name__ for _, cls in TABLES])
def test_the_page_says_the_length_of_every_text(heading: str, cls: type[msgspec.Struct]) -> None:
    rules = {name: rule for name, _, rule in read_rows(heading)}
    lengths = find_lengths(cls.__name__)
    for name, (least, most) in lengths.items():
        found = re.search(r"(?:(\d+) to|at most) (\d+)", rules[name])
        assert found is not None, name
        assert int(found[2]) == most, name
        assert found[1] is None or int(found[1]) == least, name
    assert not [name for name, rule in rules.items() if name not in lengths and re.search(r"at most \d", rule)]


def test_the_page_says_how_many_elements_an_array_may_have() -> None:
    assert f"Every array holds at most {MOST_ELEMENTS} elements" in PAGE
    assert f"`PreferenceAttributes` holds at most {MOST_ATTRIBUTES}." in PAGE


def test_the_page_covers_every_object_of_a_record() -> None:
    objects = {cls for cls in vars(wire).values() if isinstance(cls, type) and issubclass(cls, wire.WireObject)}
    assert objects - {wire.WireObject} == {cls for _, cls in TABLES}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_staged(example: str) -> None:
    accept(example.encode())


def test_there_are_ten_examples() -> None:
    assert len(EXAMPLES) >= 10
