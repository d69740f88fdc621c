"""The harm between two answers about a person: what was there before and is not there afterwards, and new opt-ins.

It reads the answers that a client gets, and shares no code with `domain/effects.py`. It leaves consents out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

Wire = dict[str, Any]
Fact = tuple[str, str, str, str]
"""(Kind of fact, what tells it from another one, place, member)."""

ARRAYS = {
    "Email": ("Emails", "EmailAddressType", "EmailPreferences"),
    "Phone": ("PhoneNumbers", "PhoneType", "PhoneNumberPreferences"),
    "Address": ("Addresses", "AddressType", "AddressPreferences"),
}
GAINS = {"OptIn": "OptInsAdded"}
LOSSES = {
    "OptIn": "OptInsEnded",
    "OptOut": "OptOutsEnded",
    "Element": "ContactElementsDeactivated",
    "AlternateId": "AlternateIdsDeactivated",
    "Active": "ProfilesDeactivated",
}
HARMS = frozenset({*GAINS.values(), *LOSSES.values(), "ProfilesDeleted"})
"""The kinds of change that are told."""


def list_harms(profile_id: int, before: Wire | None, after: Wire | None) -> list[tuple[str, int | None, str, str]]:
    """(Kind, ProfileId or None for a new person, place, member) of each harm."""
    known = None if before is None else profile_id
    had, has = _list_facts(before), _list_facts(after)
    gone = had - has
    if before is not None and after is None:  # of a deleted person the choices alone count as ended
        gone = Counter({fact: count for fact, count in gone.items() if fact[0] in ("OptIn", "OptOut")})
    found = [(GAINS[fact[0]], known, *fact[2:]) for fact in (has - had).elements() if fact[0] in GAINS]
    found += [(LOSSES[fact[0]], known, *fact[2:]) for fact in gone.elements()]
    if before is not None and after is None:
        found.append(("ProfilesDeleted", known, "Profile", "ProfileId"))
    return found


def _list_facts(profile: Wire | None) -> Counter[Fact]:
    return Counter() if profile is None else Counter(_walk(profile))


def _walk(profile: Wire) -> Iterator[Fact]:
    if profile["IsActive"]:
        yield "Active", "", "Profile", "IsActive"
    for choice in profile["ProfilePreferences"]:
        yield from _walk_choice(choice, "", "Profile")
    for one in profile["AlternateIds"]:
        if one["IsActive"]:
            yield "AlternateId", one["AlternateId"].casefold(), "Profile", one["AlternateIdType"]
    for kind, (array, type_member, choices) in ARRAYS.items():
        for number, element in enumerate(profile[array]):
            place = f"{kind} {element[type_member]}"
            if element["IsActive"]:
                yield "Element", str(number), place, array
            for choice in element[choices]:
                yield from _walk_choice(choice, str(number), place)


def _walk_choice(choice: Wire, number: str, place: str) -> Iterator[Fact]:
    if choice["PreferenceStatus"] == "Active":
        yield ("OptIn" if choice["PreferenceType"] == 1 else "OptOut"), number, place, choice["FilterId"]
