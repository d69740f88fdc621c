"""The parts of a profile on which two stores must agree: the wire shape reduced to the facts that the contract fixes.

Use it on both sides: `comparable(as_given_out(profile), account) == comparable(answer_of_get_profile, account)`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .account_model import Account, fold
from .record_model import KINDS, Kind, compared_value, render_time

Wire = dict[str, Any]

TOP = ("IsActive", "DefaultLocale", "RegistrationConfirmed", "CustomerType", "CustomerName")
PREFERENCE = ("FilterId", "PreferenceType", "FrequencyId", "CustomerDate", "ExpirationDate", "PreferenceStatus")
CONSENT = ("ConsentType", "ConsentVersion", "Locale", "ConsentStatus", "ConsentDate", "ExpirationDate")
ELEMENT = ("IsDefault", "IsActive", "IsMobile", "Address2", "CountryCode_Alpha2")


def comparable(profile: Wire, account: Account) -> Wire:
    """The profile without ids, edit times and blanks. Arrays are sorted by identity. Only choices in force are
    included."""
    in_force = profile["IsActive"]
    found = _pick(profile, TOP)
    found["CustomerName"] = _pick(profile.get("CustomerName") or {}, list(profile.get("CustomerName") or {}))
    found["AlternateIds"] = _sorted(
        profile, "AlternateIds", ("AlternateIdType", "AlternateId", "IsActive"), ("AlternateIdType", "AlternateId")
    )
    group = ("GroupType", "GroupName")
    found["Groups"] = _sorted(profile, "Groups", (*group, "IsPrimary", "IsActive"), group)
    found["ProfileTags"] = _sorted(profile, "ProfileTags", ("Name",), ("Name",))
    fields = _sorted(profile, "CustomFields", ("Name", "Value"), ("Name",))
    found["CustomFields"] = [one for one in fields if "Value" in one]
    found["ProfilePreferences"] = _preferences(profile, "ProfilePreferences") if in_force else []
    found["Consents"] = _consents(profile) if in_force else []
    for kind in KINDS.values():
        elements = sorted(
            profile.get(kind.array) or [],
            key=lambda one: (fold(one[kind.type]), compared_value(kind.array, one, account)),
        )
        found[kind.array] = [_element(one, kind, in_force=in_force) for one in elements]
    return found


def _element(element: Wire, kind: Kind, *, in_force: bool) -> Wire:
    found = _pick(element, (kind.type, *kind.values, *ELEMENT))
    current = in_force and element["IsActive"]
    found["Preferences"] = _preferences(element, kind.preferences) if current else []
    found["Consents"] = _consents(element) if current else []
    return found


def _preferences(holder: Wire, array: str) -> list[Wire]:
    found = []
    for one in sorted(holder.get(array) or [], key=lambda one: fold(one["FilterId"])):
        attributes = [(a["Key"], a.get("Value")) for a in one.get("PreferenceAttributes") or []]
        found.append(_pick(one, PREFERENCE) | {"Attributes": sorted(attributes)})
    return found


def _consents(holder: Wire) -> list[Wire]:
    found = []
    for one in sorted(holder.get("Consents") or [], key=lambda c: (fold(c["ConsentType"]), fold(c["ConsentVersion"]))):
        evidence = _pick(one.get("Evidence") or {}, list(one.get("Evidence") or {}))
        found.append(_pick(one, CONSENT) | {"Evidence": evidence, "Expired": bool(one.get("Expired"))})
    return found


def _sorted(profile: Wire, array: str, members: tuple[str, ...], identity: tuple[str, ...]) -> list[Wire]:
    elements = profile.get(array) or []
    return [_pick(one, members) for one in sorted(elements, key=lambda one: [fold(one[name]) for name in identity])]


def _pick(holder: Wire, members: Any) -> Wire:
    """The members with a value. Dates and spaces are in one form."""
    found = {name: holder[name] for name in members if holder.get(name) not in (None, "", [])}
    for name, value in found.items():
        if name.endswith("Date"):
            found[name] = render_time(datetime.fromisoformat(value.replace("Z", "+00:00")))
        elif isinstance(value, str):
            # record.md: "white space of any kind [...] counts as a space".
            found[name] = "".join(" " if sign.isspace() else sign for sign in value)
    return found


def check_same(real: Any, wanted: Any, what: str) -> None:
    """AssertionError that names each place where the store's answer differs from the model's."""
    found = list(_differences(real, wanted, what))
    assert not found, "\n".join(found)


def _differences(real: Any, wanted: Any, path: str) -> Iterator[str]:
    if isinstance(real, dict) and isinstance(wanted, dict):
        for name in sorted({*real, *wanted}, key=str):
            yield from _differences(real.get(name), wanted.get(name), f"{path}.{name}")
    elif isinstance(real, list) and isinstance(wanted, list) and len(real) == len(wanted):
        for place, pair in enumerate(zip(real, wanted, strict=True)):
            yield from _differences(*pair, f"{path}[{place}]")
    elif real != wanted:
        yield f"{path}: the store has {real!r}, the model {wanted!r}"
