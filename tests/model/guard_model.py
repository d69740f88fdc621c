"""The limits of a guard. The effects of an import are the differences between the people before and after it. Source:
effects.md, "Preview" and "Guard"."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .account_model import OPT_IN, Account
from .execution_model import ImportResult
from .force_model import preference_status
from .person_model import Preference, Profile
from .record_model import Place

People = Mapping[int, Profile]


@dataclass(frozen=True, order=True)
class Exceeded:
    """ "HeldReason: [{Code: `Guard.Exceeded`, Limit, Allowed, Found}]"."""

    limit: str
    allowed: int
    found: int


def find_exceeded(
    limits: Mapping[str, int], before: People, after: People, result: ImportResult, account: Account, now: datetime
) -> list[Exceeded]:
    """ "Above a limit the import stays `Queued`." Only absolute limits."""
    found = count_effects(before, after, account, now)
    found["invalid"] = result.counts["ValidationFailed"]
    return sorted(Exceeded(name, allowed, found[name]) for name, allowed in limits.items() if found[name] > allowed)


def count_effects(before: People, after: People, account: Account, now: datetime) -> Counter[str]:
    """The count of each kind of effect, by the kind's name in camelCase. Consents, members and custom fields are not
    counted."""
    found: Counter[str] = Counter()
    for key in {*before, *after}:
        was, is_now = before.get(key), after.get(key)
        found += _count_preferences(_in_force(was, account, now), _in_force(is_now, account, now))
        if is_now is None:
            found["profilesDeleted"] += 1
            continue
        found["profilesDeactivated"] += was is not None and was.active and not is_now.active
        for name, added, removed in (
            ("contactElements", "Added", "Deactivated"),
            ("alternateIds", "Added", "Deactivated"),
            ("groups", "Added", "Deactivated"),
            ("tags", "Added", "Removed"),
        ):
            had, has = _list_items(was, name), _list_items(is_now, name)
            found[name + added] += len(has - had)
            found[name + removed] += len(had - has)
    return found


def _in_force(profile: Profile | None, account: Account, now: datetime) -> dict[tuple[Place, str], Preference]:
    if profile is None:
        return {}
    return {
        (place, key): one
        for (place, key), one in profile.preferences.items()
        if profile.applies(place)
        and not one.archived
        and preference_status(profile, place, one, now, account) == "Active"
    }


def _count_preferences(had: Mapping[Any, Preference], has: Mapping[Any, Preference]) -> Counter[str]:
    """ "Ended means that the choice was in force before and is not afterwards, for whatever reason"."""
    found: Counter[str] = Counter()
    for key in {*had, *has}:
        was, is_now = had.get(key), has.get(key)
        if was is not None and (is_now is None or is_now.type != was.type):
            found["optInsEnded" if was.type == OPT_IN else "optOutsEnded"] += 1
        if is_now is not None and (was is None or is_now.type != was.type):
            found["optInsAdded" if is_now.type == OPT_IN else "optOutsAdded"] += 1
    return found


def _list_items(profile: Profile | None, name: str) -> set[Any]:
    if profile is None:
        return set()
    if name == "tags":
        return set(profile.tags)
    if name == "contactElements":
        return {place for place, one in profile.elements.items() if one.active}
    items = profile.alternate_ids if name == "alternateIds" else profile.groups
    return {key for key, one in items.items() if one.active}
