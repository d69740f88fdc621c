"""The effects of a change of a person, by kind (docs/effects.md). A preview counts them, and a guard limits them.

The rules of `domain/audience.py` and `domain/in_force.py` decide if a choice is in force. The effects are the
difference between two states of a person. Changes between these states that cancel each other do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

from consentory.domain.audience import is_in_force, list_places
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.in_force import Site, find_in_force, is_denied_elsewhere, is_granted
from consentory.domain.instants import from_micros
from consentory.domain.profile import PLACE_LETTER, Consent, Element, Preference, ProfileState
from consentory.domain.record import KIND_MEMBERS, KINDS, OPT_IN, WITHDRAWALS, Kind
from consentory.domain.text import fold

EffectKind = Literal[
    "OptInsAdded",
    "OptInsEnded",
    "OptOutsAdded",
    "OptOutsEnded",
    "ConsentsGranted",
    "ConsentsWithdrawn",
    "ConsentsEnded",
    "ContactElementsAdded",
    "ContactElementsDeactivated",
    "AlternateIdsAdded",
    "AlternateIdsDeactivated",
    "MembersChanged",
    "CustomFieldsChanged",
    "CustomFieldsRemoved",
    "GroupsAdded",
    "GroupsDeactivated",
    "TagsAdded",
    "TagsRemoved",
    "ProfilesDeactivated",
    "ProfilesDeleted",
]
EFFECT_KINDS: tuple[EffectKind, ...] = get_args(EffectKind)
"""All kinds of effects, in the order of their counts in the database. New kinds are added at the end."""

ChangeKind = EffectKind | Literal["Exceptions", "NotHonored"]
"""The kinds of single changes that a preview lists."""

DANGEROUS: tuple[ChangeKind, ...] = (
    "OptInsAdded",
    "OptInsEnded",
    "OptOutsEnded",
    "ConsentsEnded",
    "ContactElementsDeactivated",
    "AlternateIdsDeactivated",
    "ProfilesDeactivated",
    "ProfilesDeleted",
    "Exceptions",
    "NotHonored",
)
"""A preview keeps every change of these kinds."""


class Effect(NamedTuple):
    """One change. `place`: "" for the person, else kind letter and index of the contact element, as in the ledger.
    `member`: the name of the changed member, as configured or as on the wire. JSON can hold `before` and `after`."""

    kind: EffectKind
    place: str
    member: str
    before: Any
    after: Any


class _InForce(NamedTuple):
    """The choices of a person that are in force. Keys: place and filter, or place and consent type."""

    preferences: dict[tuple[str, str], Preference]
    consents: dict[tuple[str, str], Consent]


_NOTHING = _InForce({}, {})


def list_effects(
    before: ProfileState | None, after: ProfileState | None, index: ConfigurationIndex, at: int
) -> list[Effect]:
    """The effects of a change from one state of a person to another, at an instant in microseconds.

    `before` None: the person is new. `after` None: the person is deleted. Names in both are spelled as configured.
    """
    effects = list(_compare_choices(_find_choices(before, index, at), _find_choices(after, index, at)))
    if after is None:
        if before is not None:
            effects.append(Effect("ProfilesDeleted", "", "ProfileId", None, None))
        return effects
    effects += _compare_elements(before, after)
    effects += _compare_alternate_ids(before, after)
    effects += _compare_groups(before, after)
    effects += _compare_tags(before, after)
    if before is not None:
        effects += _compare_members(before, after)
        effects += _compare_fields(before, after)
    return effects


def _find_choices(body: ProfileState | None, index: ConfigurationIndex, at: int) -> _InForce:
    if body is None or not body.active:
        return _NOTHING
    found = _InForce({}, {})
    for place, site in list_places(body):
        _add_choices(found, place, site, index, at)
    return found


def _add_choices(found: _InForce, place: str, site: Site, index: ConfigurationIndex, at: int) -> None:
    owner: ProfileState | Element = site.body if site.element is None else site.element
    for item in owner.preferences:
        if is_in_force(site, item, index, at):
            found.preferences[place, item.filter] = item
    for type_name in {consent.type for consent in owner.consents}:
        entry = index.consent_types[type_name]
        deciding = find_in_force(owner.consents, entry)
        if deciding is None:
            continue
        is_yes = is_granted(deciding, at) and not is_denied_elsewhere(site, type_name, deciding.at)
        if is_yes or deciding.status in WITHDRAWALS:
            found.consents[place, type_name] = deciding


def _compare_choices(had: _InForce, has: _InForce) -> Iterator[Effect]:
    for key in had.preferences.keys() | has.preferences.keys() if had.preferences else has.preferences:
        was, now = had.preferences.get(key), has.preferences.get(key)
        if was is not None and (now is None or now.type != was.type):
            kind: EffectKind = "OptInsEnded" if was.type == OPT_IN else "OptOutsEnded"
            yield Effect(kind, *key, _show_preference(was), _show_preference(now))
        if now is not None and (was is None or now.type != was.type):
            kind = "OptInsAdded" if now.type == OPT_IN else "OptOutsAdded"
            yield Effect(kind, *key, _show_preference(was), _show_preference(now))
    for key in had.consents.keys() | has.consents.keys() if had.consents else has.consents:
        yield from _compare_consent(key, had.consents.get(key), has.consents.get(key))


def _compare_consent(key: tuple[str, str], was: Consent | None, now: Consent | None) -> Iterator[Effect]:
    granted_before, granted_now = _says_yes(was), _says_yes(now)
    shown = _show_consent(was), _show_consent(now)
    if was is not None and granted_before and not granted_now:
        yield Effect("ConsentsEnded", *key, *shown)
    if now is None:
        return
    if granted_now and not (was is not None and granted_before and was.version == now.version):
        yield Effect("ConsentsGranted", *key, *shown)
    if not granted_now and (was is None or granted_before):
        yield Effect("ConsentsWithdrawn", *key, *shown)


def _says_yes(consent: Consent | None) -> bool:
    return consent is not None and consent.status not in WITHDRAWALS


def _compare_elements(before: ProfileState | None, after: ProfileState) -> Iterator[Effect]:
    for kind in KINDS:
        old = [] if before is None else before.elements(kind)
        for number, element in enumerate(after.elements(kind)):
            was_active = number < len(old) and old[number].active
            if element.active != was_active:
                place = f"{PLACE_LETTER[kind]}{number}"
                if element.active:
                    yield Effect("ContactElementsAdded", place, _name_array(kind), None, element.given)
                else:
                    yield Effect("ContactElementsDeactivated", place, _name_array(kind), element.given, None)


def _name_array(kind: Kind) -> str:
    return KIND_MEMBERS[kind].array


def _compare_alternate_ids(before: ProfileState | None, after: ProfileState) -> Iterator[Effect]:
    had = {} if before is None else {(i.type, fold(i.value)): i for i in before.alternate_ids if i.active}
    has = {(i.type, fold(i.value)): i for i in after.alternate_ids if i.active}
    for key, item in has.items():
        if key not in had:
            yield Effect("AlternateIdsAdded", "", item.type, None, item.value)
    for key, item in had.items():
        if key not in has:
            yield Effect("AlternateIdsDeactivated", "", item.type, item.value, None)


def _compare_groups(before: ProfileState | None, after: ProfileState) -> Iterator[Effect]:
    had = {} if before is None else {(i.type, fold(i.name)): i for i in before.groups if i.active}
    has = {(i.type, fold(i.name)): i for i in after.groups if i.active}
    for key, item in has.items():
        if key not in had:
            yield Effect("GroupsAdded", "", item.type, None, item.name)
    for key, item in had.items():
        if key not in has:
            yield Effect("GroupsDeactivated", "", item.type, item.name, None)


def _compare_tags(before: ProfileState | None, after: ProfileState) -> Iterator[Effect]:
    old = [] if before is None else before.tags
    if old == after.tags:
        return
    had, has = {fold(tag) for tag in old}, {fold(tag) for tag in after.tags}
    for tag in after.tags:
        if fold(tag) not in had:
            yield Effect("TagsAdded", "", "ProfileTags", None, tag)
    for tag in old:
        if fold(tag) not in has:
            yield Effect("TagsRemoved", "", "ProfileTags", tag, None)


def _compare_members(before: ProfileState, after: ProfileState) -> Iterator[Effect]:
    if before.active and not after.active:
        yield Effect("ProfilesDeactivated", "", "IsActive", True, False)
    elif before.active != after.active:
        yield Effect("MembersChanged", "", "IsActive", before.active, after.active)
    for name, was, now in (
        ("DefaultLocale", before.locale, after.locale),
        ("RegistrationConfirmed", before.registered, after.registered),
        ("CustomerType", before.customer_type, after.customer_type),
    ):
        if was != now:
            yield Effect("MembersChanged", "", name, was, now)
    if before.name != after.name:
        for part in (*before.name, *(part for part in after.name if part not in before.name)):
            if before.name.get(part) != after.name.get(part):
                name = f"CustomerName.{part}"
                yield Effect("MembersChanged", "", name, before.name.get(part), after.name.get(part))


def _compare_fields(before: ProfileState, after: ProfileState) -> Iterator[Effect]:
    if before.fields == after.fields:
        return
    for name, value in after.fields.items():
        if before.fields.get(name) != value:
            yield Effect("CustomFieldsChanged", "", name, before.fields.get(name), value)
    for name, value in before.fields.items():
        if name not in after.fields:
            yield Effect("CustomFieldsRemoved", "", name, value, None)


def _show_preference(item: Preference | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {"PreferenceType": item.type, "CustomerDate": from_micros(item.at)}


def _show_consent(item: Consent | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {"ConsentVersion": item.version, "ConsentStatus": item.status, "ConsentDate": from_micros(item.at)}
