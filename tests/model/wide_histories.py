"""Histories with many more sources of error, only for the model.

`histories.py` draws valid records on one document. Here records are changed: spelling, unusual white space, invisible
characters, choices without dates, archives, inactive groups, the same address under several types. The document changes
between imports, and between staging and execution. A caller with fewer permissions stages some batches, and the
retention of several workers runs at the same time.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from .account_model import fold
from .histories import (
    ConfigureStep,
    DeleteStep,
    History,
    ImportStep,
    Pick,
    Step,
    WriteStep,
    consents,
    imports,
    preferences,
    writes,
)
from .model_account import PARTS, SPELLINGS, Knobs

Wire = dict[str, Any]
Draw = st.DrawFn
ARRAYS = {"Emails": "EmailPreferences", "PhoneNumbers": "PhoneNumberPreferences", "Addresses": "AddressPreferences"}
TYPES = {
    "Emails": ("EmailAddressType", ["Home", "Work", "Büro"]),
    "PhoneNumbers": ("PhoneType", ["Mobile", "Home"]),
    "Addresses": ("AddressType", ["Home", "Billing"]),
}
FILTERS = {
    "Emails": ["NEWS-EMAIL", "EVENTS-EMAIL", "EVENTS-EMAIL", "OFFERS-EMAIL"],
    "PhoneNumbers": ["OFFERS-PHONE"],
    "Addresses": ["OFFERS-MAIL"],
}
NAMED = (
    "FilterId", "FrequencyId", "ConsentType", "ConsentVersion", "Locale", "DefaultLocale", "CustomerType",
    "AlternateIdType", "EmailAddressType", "PhoneType", "AddressType", "GroupType",
)  # fmt: skip
NOT_NUMBERS = ["2.02E9", "2125550143.0", "212-555-0143 or so"]


def _choices(record: Wire) -> list[Wire]:
    """Every preference and consent of a record, in every place."""
    places = [record, *(one for array in ARRAYS for one in record.get(array) or [])]
    names = ("ProfilePreferences", "Consents", *ARRAYS.values())
    return [one for place in places for name in names for one in place.get(name) or []]


def _undate(record: Wire, draw: Draw) -> None:
    for one in _choices(record):
        one.pop("CustomerDate", None)
        one.pop("ConsentDate", None)


def _prove(record: Wire, draw: Draw) -> None:
    """Add attributes and evidence of several members, so that a part of them can be left out."""
    for one in _choices(record):
        if "FilterId" in one:
            keys = draw(st.sampled_from([["form"], ["form", "page"], ["page"], []]))
            one["PreferenceAttributes"] = [{"Key": key, "Value": draw(st.sampled_from("ab"))} for key in keys]
        else:
            members = draw(st.sampled_from([["Method"], ["Method", "Reference"], ["Reference"], []]))
            one["Evidence"] = {member: draw(st.sampled_from("ab")) for member in members}


def _respell(record: Wire, draw: Draw) -> None:
    spell = SPELLINGS[draw(st.sampled_from(sorted(SPELLINGS)))]

    def walk(one: Any) -> None:
        if isinstance(one, list):
            for item in one:
                walk(item)
        elif isinstance(one, dict):
            for name, value in one.items():
                if name in NAMED and isinstance(value, str):
                    one[name] = spell(value)
                else:
                    walk(value)

    walk(record)
    for one in record.get("CustomFields") or []:
        one["Name"] = spell(one["Name"])


def _space(record: Wire, draw: Draw) -> None:
    """White space of any kind is trimmed, and counts as a space."""
    odd = draw(st.sampled_from(["\u00a0", "\u3000", " ", "\u2009 "]))
    for one in record.get("AlternateIds") or []:
        one["AlternateId"] = f"{odd}{one['AlternateId']}{odd}"
    for one in record.get("Groups") or []:
        one["GroupName"] = f"{one['GroupName']}{odd}"
        one["GroupType"] = f"{odd}{one['GroupType']}"
    for one in record.get("ProfileTags") or []:
        one["Name"] = f"{odd}{one['Name']}"
    for one in record.get("Addresses") or []:
        one["Address1"] = one["Address1"].replace(" ", odd)
    for one in record.get("PhoneNumbers") or []:
        one["PhoneNumber"] = one["PhoneNumber"].replace("-", odd)
    for one in _choices(record):
        if "FilterId" in one:
            one["FilterId"] = f"{one['FilterId']}{odd}"
    for part, value in (record.get("CustomerName") or {}).items():
        if value:
            record["CustomerName"][part] = f"{odd}{value}"


def _hide(record: Wire, draw: Draw) -> None:
    """Add invisible characters: a fault in names that are matched, allowed between the letters of a person's name."""
    if record.get("CustomerName", {}).get("FirstName"):
        record["CustomerName"]["FirstName"] = "A\u200cn\u200dn"
    members = {"AlternateIds": "AlternateId", "Groups": "GroupName", "ProfileTags": "Name"}
    array = draw(st.sampled_from(list(members)))
    for one in record.get(array) or []:
        hidden = draw(st.sampled_from(["\u200b", "\u00ad", "\u200d", "\ue000", "\u2028", "\ufeff"]))
        one[members[array]] = f"{one[members[array]][0]}{hidden}{one[members[array]][1:]}"


def _misdial(record: Wire, draw: Draw) -> None:
    if record.get("PhoneNumbers"):
        record["PhoneNumbers"][0]["PhoneNumber"] = draw(st.sampled_from(NOT_NUMBERS))


def _relabel(record: Wire, draw: Draw) -> None:
    """Put the first element of each kind under another type, in addition or instead, with its own choices."""
    for array, (member, types) in TYPES.items():
        elements = record.get(array) or []
        if not elements:
            continue
        other = {name: value for name, value in elements[0].items() if name not in ("IsDefault", "Consents")}
        taken = {fold(one.get(member, types[0])) for one in elements}
        free = [name for name in types if fold(name) not in taken]
        if not free:
            continue
        other[member] = draw(st.sampled_from(free))
        other[ARRAYS[array]] = draw(preferences(FILTERS[array]))
        if draw(st.booleans()):
            other["Consents"] = draw(consents())
        at = draw(st.integers(0, len(elements)))
        record[array] = [*elements[:at], other, *elements[at:]] if draw(st.booleans()) else [other]


def _archive(record: Wire, draw: Draw) -> None:
    record["PreservePreferences"] = draw(st.booleans())
    record["PreserveConsents"] = draw(st.booleans())
    record["IsActive"] = draw(st.sampled_from([True, True, False, False, None]))


def _quit_groups(record: Wire, draw: Draw) -> None:
    for one in record.get("Groups") or []:
        one["IsActive"] = draw(st.sampled_from([False, True, None]))


def _unmark(record: Wire, draw: Draw) -> None:
    for array in ARRAYS:
        for one in record.get(array) or []:
            one["IsDefault"] = draw(st.sampled_from([False, False, None]))


def _settle(record: Wire, draw: Draw) -> None:
    """Add consents of the person and of the elements that Opt-Ins require. The consents agree or contradict each
    other."""
    record["Consents"] = draw(consents())
    for array in ARRAYS:
        for one in record.get(array) or []:
            one["Consents"] = draw(consents())


TWISTS: list[Callable[[Wire, Draw], None]] = [
    _undate, _undate, _undate, _prove, _respell, _space, _hide, _misdial, _relabel, _relabel, _relabel, _archive,
    _archive, _quit_groups, _unmark, _settle,
]  # fmt: skip


def _twist(draw: Draw, record: Wire) -> Wire:
    twisted = deepcopy(record)
    for twist in draw(st.lists(st.sampled_from(TWISTS), max_size=3)):
        twist(twisted, draw)
    return twisted


IN_BETWEEN: dict[str, st.SearchStrategy[Any]] = {
    "spelling": st.dictionaries(st.sampled_from(PARTS), st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=4),
    "filters off": st.sampled_from([(), ("EVENTS-EMAIL",), ("NEWS-EMAIL",)]),
    "versions": st.sampled_from([(), ("Privacy",), ("Texting",), ("Privacy", "Texting")]),
    "rules": st.dictionaries(
        st.sampled_from(["Plain", "Once", "Nickname", "Segment", "Region"]),
        st.sampled_from(["Always", "Never", "IfCurrentValueIsBlank", "IfNewValueIsNotBlank"]),
        min_size=1,
    ),
    "needs": st.dictionaries(
        st.sampled_from(["EVENTS-EMAIL", "OFFERS-EMAIL", "NEWS-TEXT", "DATA-SHARING"]),
        st.sampled_from([[], ["Privacy"], ["Texting"], ["Texting", "Privacy"]]),
        min_size=1,
    ),
    "required": st.sampled_from([(), (), ("Plain",), ("Nickname",)]),
}
"""Possible changes between staging and execution. execution.md says which configuration applies to each rule."""

ANY: dict[str, st.SearchStrategy[Any]] = {
    **IN_BETWEEN,
    "filters left out": st.sampled_from([(), ("EVENTS-EMAIL",)]),
    "consents off": st.sampled_from([(), (), ("Privacy",), ("Texting",)]),
    "frequencies dropped": st.just(("Daily",)),
    "days": st.dictionaries(st.sampled_from(["NEWS-EMAIL", "EVENTS-EMAIL"]), st.sampled_from([30, 36500]), min_size=1),
    "defaults": st.dictionaries(st.just("emailTypes"), st.sampled_from(["Home", "Work", "Büro"]), min_size=1),
    "account": st.sampled_from(
        [
            {"requireDates": True},
            {"requireDates": False},
            {"earliestDate": "2024-02-01"},
            {"earliestDate": "1990-01-01"},
            {"timeZone": "Europe/Berlin"},
        ]
    ),
}


@st.composite
def knobs(draw: Draw, among: dict[str, st.SearchStrategy[Any]]) -> Knobs:
    names = draw(st.lists(st.sampled_from(["spelling", "spelling", *among]), min_size=1, max_size=2, unique=True))
    return {name: draw(among[name]) for name in names}


@st.composite
def wide_imports(draw: Draw, *, deletes: bool = True) -> ImportStep:
    step = draw(imports(deletes=deletes))
    settings = {**step.settings}
    days = draw(st.sampled_from([None, 0, 0, 1]))
    if days is not None:
        settings["DataStageDuration"] = days
    between = draw(knobs(IN_BETWEEN)) if draw(st.integers(0, 9)) == 0 else None
    if settings.get("ImportAction") == "Delete":
        return replace(step, settings=settings, knobs=between)
    batches = [[_twist(draw, record) for record in batch] for batch in step.batches]
    callers = tuple(draw(st.sampled_from(["nightly"] * 7 + ["clerk"])) for _ in batches)
    return ImportStep(settings, batches, callers, between)


@st.composite
def wide_writes(draw: Draw) -> WriteStep:
    step = draw(writes())
    return replace(step, record=_twist(draw, step.record))


@st.composite
def wide_histories(draw: Draw, max_steps: int = 7) -> History:
    """The first step is an import of people. One step in six repeats an earlier step exactly."""
    deletes = st.integers(0, 5).map(lambda n: DeleteStep(Pick(n)))
    changes = knobs(ANY).map(ConfigureStep)
    step = st.one_of(*[wide_imports()] * 4, *[wide_writes()] * 2, deletes, changes, changes)
    steps: list[Step] = [draw(wide_imports(deletes=False))]
    for _ in range(draw(st.integers(1, max_steps - 1))):
        steps.append(draw(st.sampled_from(steps) if draw(st.integers(0, 5)) == 0 else step))
    chunk_size = draw(st.sampled_from([1, 2, 7, None]))
    return History(steps, chunk_size, draw(st.integers(1, 4)), draw(st.integers(0, 3)))
