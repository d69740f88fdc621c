"""Hypothesis strategies for imports whose people do not get in each other's way."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from model.execution_model import REFRESH
from model.histories import DATES, records

Wire = dict[str, Any]
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
CHUNKS = st.sampled_from([1, 2, 7, None])


def date_choices(record: Wire, date: str) -> Wire:
    """The record with `date` wherever a choice has none."""
    dated = dict(record)
    for name, value in record.items():
        if isinstance(value, list):
            dated[name] = [date_choices(one, date) for one in value]
    if "FilterId" in dated:
        dated.setdefault("CustomerDate", date)
    if "ConsentType" in dated:
        dated.setdefault("ConsentDate", date)
    return dated


@st.composite
def dated_records(draw: st.DrawFn, *, with_id: bool = True) -> Wire:
    """A record for an import with match type CRM, every choice dated."""
    return date_choices(draw(records("CRM", with_id=with_id)), draw(st.sampled_from(DATES)))


def make_own(record: Wire, person: int) -> Wire:
    """The record with alternate ids that only this person has."""
    own = [
        {**one, "AlternateId": f"{one['AlternateIdType'][0]}-{person}-{one['AlternateId'].lower()[2:]}"}
        for one in record.get("AlternateIds", [])
    ]
    for one in own:
        if one["AlternateIdType"] == "CRM":
            one["AlternateId"] = f"C-{person}"
    return {**record, "AlternateIds": own}


def with_own_id(record: Wire, person: int) -> Wire:
    """The record with alternate ids of the person's own, always with its CRM id, which finds it."""
    own = make_own(record, person)
    others = [one for one in own["AlternateIds"] if one["AlternateIdType"] != "CRM"]
    field = [one for one in own.get("CustomFields", []) if one["Name"] != "Region"]
    return {
        **own,
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{person}"}, *others],
        "CustomFields": [*field, {"Name": "Region", "Value": "N"}],
    }


@st.composite
def flags(draw: st.DrawFn) -> Wire:
    """Settings of an Add import with match type CRM."""
    refresh = draw(st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(REFRESH))))
    return {**MATCH, **dict.fromkeys(refresh, True), "AllowPriorConsents": draw(st.sampled_from([True, True, False]))}


@st.composite
def lone_people(draw: st.DrawFn) -> tuple[list[Wire], list[Wire]]:
    """Two lists of records in each of which every person comes once, with alternate ids of its own."""
    people = range(draw(st.integers(2, 6)))
    before = [make_own(draw(dated_records(with_id=False)), person) for person in people if draw(st.booleans())]
    return before, [make_own(draw(dated_records(with_id=False)), person) for person in people]


def cut(found: list[Any], sizes: list[int]) -> list[list[Any]]:
    """The list in batches of these sizes, the last of them again and again."""
    batches, start = [], 0
    for place in range(len(found)):
        size = sizes[min(place, len(sizes) - 1)]
        if start < len(found):
            batches.append(found[start : start + size])
        start += size
    return batches


SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4)
