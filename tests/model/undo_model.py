"""The undo of an import: each person and each value by itself. Source: effects.md, "Undo"."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from .account_model import OPT_OUT, Account
from .force_model import NOES
from .merge_model import Merge, describe_choice, settle_default
from .person_model import Consent, Preference, Profile
from .record_model import KINDS, Place

KEPT_NEWER = "Undo.KeptNewer"
KEPT_NO = "Undo.KeptNo"
REQUIRED = "CustomField.Required"

Key = tuple[Any, ...]
"""The name of a value: its sort, then its identity."""
Values = dict[Key, Any]
MEMBERS = ("active", "locale", "confirmed", "customer_type")
# The members of a contact element, and their values if no record gave them.
ELEMENT_MEMBERS = {"mobile": None, "address2": "", "country": None}
CHOICES = ("preference", "consent")


@dataclass
class Image:
    """A profile before the import first changed it (None: the import created it), and the profile after the import."""

    before: Profile | None
    after: Profile


@dataclass
class Undone:
    """`profile`: the person after the undo; None: deleted. `kept`: the code and the key of each value that stays.
    `choices`: for each changed choice, its key, the choice after the import, and the choice now (None: taken back)."""

    profile: Profile | None
    kept: set[tuple[str, Key]] = field(default_factory=set)
    choices: list[tuple[Key, Any, Any]] = field(default_factory=list)


def list_values(profile: Profile) -> Values:
    """Every value of a person by its key. A missing value has no key."""
    found: Values = {("member", name): getattr(profile, name) for name in MEMBERS}
    found |= {("name", part): value for part, value in profile.name.items()}
    found |= {("id", key): one.active for key, one in profile.alternate_ids.items()}
    for place, element in profile.elements.items():
        found[("element", place)] = element.active
        found |= {(name, place): getattr(element, name) for name in ELEMENT_MEMBERS}
    for kind in KINDS:
        found[("default", kind)] = default_place(profile, kind)
    found |= {("group", key): (one.active, one.primary) for key, one in profile.groups.items()}
    found |= {("tag", key): name for key, name in profile.tags.items()}
    found |= {("field", key): value for key, value in profile.fields.items()}
    found |= {("preference", *key): one for key, one in profile.preferences.items()}
    found |= {("consent", *key): one for key, one in profile.consents.items()}
    return found


def default_place(profile: Profile, kind: str) -> Place | None:
    return next((place for place, one in profile.elements.items() if one.kind == kind and one.default), None)


def undo_person(
    image: Image, current: Profile, account: Account, *, restore_yes: bool, is_taken: Callable[[tuple[str, str]], bool]
) -> Undone:
    """`is_taken`: after the undo another profile holds this alternate id actively."""
    before = image.before
    if before is None:
        if current is not image.after:
            return Undone(current, {(KEPT_NEWER, ())})  # "Changed since: kept."
        if restore_yes or not has_noes(current):
            return Undone(None)  # "A person whom the import created and nobody changed since is deleted."
        before = make_bare(current, account)
    old, left, now = list_old_values(before, image.after), list_values(image.after), list_values(current)
    undone = Undone(deepcopy(current))
    target = dict(now)
    for key in {*old, *left}:
        if old.get(key) == left.get(key) or now.get(key) == old.get(key):
            continue  # the import did not change the value, or the value is as before the import already
        if now.get(key) != left.get(key):
            undone.kept.add((KEPT_NEWER, key))  # "What anybody changed since stays."
        elif not restore_yes and came_as_no(old.get(key), left.get(key)):
            undone.kept.add((KEPT_NO, key))  # "A no stays."
        elif key[0] == "id" and old.get(key) and is_taken(key[1]):
            undone.kept.add((KEPT_NEWER, key))  # somebody gave this id to another person since
        elif key in old:
            target[key] = old[key]
        elif key[0] == "field" and account.field(key[1]).required:
            undone.kept.add((REQUIRED, key))  # "A required field is never cleared nor removed."
        else:
            del target[key]
    _hold_elements(undone, before, target, now, left)
    undone.profile = _rebuild(current, before, target)
    undone.choices = [
        (key, now.get(key), target.get(key))
        for key in {*now, *target}
        if key[0] in CHOICES and _content(now.get(key)) != _content(target.get(key))
    ]
    return undone


def has_noes(profile: Profile) -> bool:
    return any(came_as_no(None, one) for one in [*profile.preferences.values(), *profile.consents.values()])


def make_bare(profile: Profile, account: Account) -> Profile:
    """ "A no stays", so a created person with a no is not deleted. The person keeps only the ids, and the values that
    every person has (README, reading 28)."""
    bare = Profile(
        profile.id,
        profile.created_by,
        profile.created,
        profile.modified,
        account.default_locale,
        account.default_name("customerTypes"),
        active=profile.active,
        alternate_ids=deepcopy(profile.alternate_ids),
    )
    for custom in account.fields.values():
        # "A required field is never cleared nor removed."
        value = custom.default or (profile.fields.get(custom.key) if custom.required else None)
        if value:
            bare.fields[custom.key] = value
    return bare


def list_old_values(before: Profile, after: Profile) -> Values:
    """The values before the import. A contact element that the import added becomes inactive and loses its members. It
    stays in the store, because the history refers to it (README, reading 27)."""
    old = list_values(before)
    for place in after.elements:
        if place not in before.elements:
            old[("element", place)] = False
            old |= {(name, place): nothing for name, nothing in ELEMENT_MEMBERS.items()}
    return old


def came_as_no(old: Any, left: Any) -> bool:
    """ "Opt-outs, denials and withdrawals that came with the import": a no that the import only archived did not come
    with it."""
    if isinstance(left, Preference):
        is_no = left.type == OPT_OUT
    elif isinstance(left, Consent):
        is_no = left.status in NOES
    else:
        return False
    return is_no and _content(old) != _content(left)


def _content(choice: Preference | Consent | None) -> Preference | Consent | None:
    """The choice without its archive mark. Archiving a choice, or bringing it back, does not make another choice."""
    return choice and replace(choice, archived=False)


def _hold_elements(undone: Undone, before: Profile, target: Values, now: Values, left: Values) -> None:
    """Keep a contact element active if it has a kept no or a newer choice. If the import added the element, keep its
    members too."""
    for key in [key for key in target if key[0] == "element" and now.get(key) and not target[key]]:
        place: Place = key[1]
        kept_noes = [one for code, one in undone.kept if code == KEPT_NO and one[1] == place]
        newer = [one for one in now if one[0] in CHOICES and one[1] == place and now[one] != left.get(one)]
        default = ("default", place[0])
        if now[default] == place != left[default]:
            newer.append(default)  # somebody made it the default since
        if newer:
            undone.kept.add((KEPT_NEWER, key))
        if newer or kept_noes:
            names = ("element",) if place in before.elements else ("element", *ELEMENT_MEMBERS)
            target |= {(name, place): now[(name, place)] for name in names}


def _rebuild(current: Profile, before: Profile, target: Values) -> Profile:
    """The person with these values. An item that comes back has its form from before."""
    result = deepcopy(current)
    for name in MEMBERS:
        setattr(result, name, target[("member", name)])
    of = {sort: {key[1:]: value for key, value in target.items() if key[0] == sort} for sort in SORTS}
    result.name = {part: value for (part,), value in of["name"].items()}
    result.tags = {key: value for (key,), value in of["tag"].items()}
    result.fields = {key: value for (key,), value in of["field"].items()}
    result.preferences = dict(of["preference"])
    result.consents = dict(of["consent"])
    ids = {**before.alternate_ids, **current.alternate_ids}
    result.alternate_ids = {key: replace(ids[key], active=active) for (key,), active in of["id"].items()}
    groups = {**before.groups, **current.groups}
    result.groups = {
        key: replace(groups[key], active=active, primary=primary) for (key,), (active, primary) in of["group"].items()
    }
    for place, element in result.elements.items():
        element.active = target[("element", place)]
        for name in ELEMENT_MEMBERS:
            setattr(element, name, target[(name, place)])
    for kind in KINDS:
        marked = result.elements.get(target[("default", kind)] or ())
        settle_default(result.of_kind(kind), [marked] if marked and marked.active else [], [])
    return result


SORTS = ("name", "id", "group", "tag", "field", "preference", "consent")


def remember_reversals(undone: Undone, number: int, merge: Merge) -> None:
    """Append an item to the history for each changed choice: the choice that came back, or that is taken back."""
    for (sort, place, *_), was, now in undone.choices:
        item = {"Of": "Preferences" if sort == "preference" else "Consents", "Place": place}
        item |= describe_choice(was if now is None else now, merge)
        merge.history.append({**item, "UndoOf": number, "TakenBack": now is None})
