"""Take back the changes of an import to one person (docs/effects.md, "Undo"). The functions are pure: no I/O.

Each value is taken back by itself. It is compared in three states of the person: before the import, after the import,
and now. If the value is now the value after the import, it becomes the value before the import. If the value is
another one, it stays and is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import Outcome
from consentory.domain.merge import hash_alternate_id, list_alternate_keys
from consentory.domain.merge_state import copy_state
from consentory.domain.profile import AlternateId, Group, LedgerEntry, ProfileState
from consentory.domain.record import Fault
from consentory.domain.text import fold
from consentory.domain.undo_contacts import undo_contacts
from consentory.domain.undo_state import Image, UndoContext, UndoState, undo_choices

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

_KEPT = "somebody changed this since the import, so it stays"


class Undone(NamedTuple):
    """The result of taking back an import from one person."""

    outcome: Outcome
    """Updated, Unchanged or NotHonored."""
    state: ProfileState
    ledger: list[LedgerEntry]
    not_honored: list[Fault]


def undo(profile_id: int, current: ProfileState, images: Sequence[Image], context: UndoContext) -> Undone:
    """Take back the changes of `images` from the person's present state `current`. The earliest image comes first.

    `current` is not changed. Names in all states are spelled as configured. If the outcome is Unchanged or NotHonored,
    the returned state is equal to `current`.
    """
    state = UndoState(context, profile_id, copy_state(current))
    for image in reversed(images):
        _undo_scalars(state, image)
        _undo_alternate_ids(state, image)
        _undo_groups(state, image)
        _undo_tags(state, image)
        undo_contacts(state, image)
        undo_choices(state, "", "$", state.body, image.before, image.after)
    if state.body == current:
        return Undone("NotHonored" if state.not_honored else "Unchanged", current, [], state.not_honored)
    return Undone("Updated", state.body, state.ledger, state.not_honored)


def join_images(images: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The images (before, after) of one person, earliest first. Two successive images become one if nobody changed the
    person between them. So the number of slices that changed a person makes no difference."""
    joined: list[tuple[str, str]] = []
    for before, after in images:
        if joined and joined[-1][1] == before:
            joined[-1] = (joined[-1][0], after)
        else:
            joined.append((before, after))
    return joined


def make_bare(state: ProfileState, configuration_index: ConfigurationIndex) -> ProfileState:
    """The state of a person whom the import created, and whom the undo keeps because of a no. It is the state of a new
    person with only these alternate ids. The next import finds the person by them. An inactive person stays
    inactive."""
    return ProfileState(
        configuration_index.default_locale,
        active=state.active,
        customer_type=configuration_index.customer_types.default,
        alternate_ids=state.alternate_ids,
        fields=_list_required(state, configuration_index) | configuration_index.default_fields,
    )


def _list_required(state: ProfileState, configuration_index: ConfigurationIndex) -> dict[str, str]:
    """The required fields that the person has. A profile never loses them."""
    required = [item.name for item in configuration_index.required_fields]
    return {name: state.fields[name] for name in required if name in state.fields}


def _undo_values(
    state: UndoState,
    path: str,
    current: dict[KeyT, ValueT],
    before: Mapping[KeyT, ValueT],
    after: Mapping[KeyT, ValueT],
) -> None:
    """Take back a mapping, each value by itself. The mapping gets its order from before the import."""
    has_changed = False
    for key in {**before, **after}:
        was, left, now = before.get(key), after.get(key), current.get(key)
        if was == left or now == was:
            continue
        if now != left:
            name = key if isinstance(key, str) else ""
            state.report("Undo.KeptNewer", path, f"{name or 'This value'}: {_KEPT}.", name or None)
            continue
        has_changed = True
        if was is None:
            del current[key]
        else:
            current[key] = was
    if has_changed:
        kept = dict(current)
        current.clear()
        current.update({key: kept[key] for key in before if key in kept})
        current.update(kept)


def _undo_scalars(state: UndoState, image: Image) -> None:
    body, (before, after) = state.body, image
    for member, attribute in (
        ("IsActive", "active"),
        ("DefaultLocale", "locale"),
        ("RegistrationConfirmed", "registered"),
        ("CustomerType", "customer_type"),
    ):
        was, left, now = getattr(before, attribute), getattr(after, attribute), getattr(body, attribute)
        if was != left and now == left:
            setattr(body, attribute, was)
        elif was not in (left, now):
            state.report("Undo.KeptNewer", f"$.{member}", f"{member}: {_KEPT}.", None)
    _undo_values(state, "$.CustomerName", body.name, before.name, after.name)
    _undo_fields(state, image)


def _undo_fields(state: UndoState, image: Image) -> None:
    """A required field is never removed, even if it was not required when the import set it."""
    fields, (before, after) = state.body.fields, image
    held = {
        name: value
        for name, value in after.fields.items()
        if name in state.context.required_fields and name not in before.fields and fields.get(name) == value
    }
    for name in held:
        state.report("CustomField.Required", "$.CustomFields", f"{name}: a required field is never removed.", name)
    _undo_values(state, "$.CustomFields", fields, before.fields | held, after.fields)


def _undo_tags(state: UndoState, image: Image) -> None:
    current = {fold(tag): tag for tag in state.body.tags}
    before, after = ({fold(tag): tag for tag in one.tags} for one in image)
    _undo_values(state, "$.ProfileTags", current, before, after)
    state.body.tags = list(current.values())


def release_alternate_id(
    profile_id: int, current: ProfileState, images: Sequence[Image], key: bytes, context: UndoContext
) -> ProfileState | None:
    """The person without an alternate id that the import gave them. None: the id was changed since the import."""
    state = UndoState(context, profile_id, copy_state(current))
    for image in reversed(images):
        _undo_alternate_ids(state, image, only=key)
    return None if key in list_alternate_keys(context.account_id, state.body) else state.body


def list_lost_keys(current: ProfileState, images: Sequence[Image], account_id: int) -> set[bytes]:
    """The keys of the alternate ids that the import took from the person, and that the person does not hold now."""
    lost: set[bytes] = set()
    for before, after in images:
        lost |= list_alternate_keys(account_id, before).keys() - list_alternate_keys(account_id, after).keys()
    return lost - list_alternate_keys(account_id, current).keys()


def _undo_alternate_ids(state: UndoState, image: Image, only: bytes | None = None) -> None:
    """An id that another profile holds now is not taken back. `only`: the key of the only id to take back."""
    current, before, after = (_list_ids(one) for one in (state.body, *image))
    for key in {**before, **after}:
        if only is not None and only != hash_alternate_id(state.context.account_id, *key):
            continue
        was, left, now = (_is_active(one.get(key)) for one in (before, after, current))
        if was == left or now == was:
            continue
        named = before.get(key) or after[key]
        if now != left or (was and _is_held_elsewhere(state, named)):
            text = f"{named.type}: {_KEPT}." if now != left else f"Another profile holds this {named.type} id now."
            state.report("Undo.KeptNewer", "$.AlternateIds", text, named.value)
            continue
        if was is None:
            del current[key]
        else:
            current[key] = msgspec.structs.replace(current.get(key, named), active=was, edited=state.context.now)
    state.body.alternate_ids = list(current.values())


def _is_active(item: AlternateId | None) -> bool | None:
    return None if item is None else item.active


def _is_held_elsewhere(state: UndoState, item: AlternateId) -> bool:
    holder = state.context.holders.get(hash_alternate_id(state.context.account_id, item.type, item.value))
    return holder is not None and holder != state.profile_id


def _list_ids(state: ProfileState) -> dict[tuple[str, str], AlternateId]:
    return {(item.type, fold(item.value)): item for item in state.alternate_ids}


def _undo_groups(state: UndoState, image: Image) -> None:
    current, before, after = (
        {(item.type, fold(item.name)): item for item in one.groups} for one in (state.body, *image)
    )
    for key in {**before, **after}:
        was, left, now = (_read_group(one.get(key)) for one in (before, after, current))
        if was == left or now == was:
            continue
        if now != left:
            state.report("Undo.KeptNewer", "$.Groups", f"{key[0]}: {_KEPT}.", after.get(key, before.get(key)).name)  # type: ignore[union-attr]
        elif was is None:
            del current[key]
        else:
            item = current.get(key, before[key])
            current[key] = msgspec.structs.replace(item, primary=was[0], active=was[1], edited=state.context.now)
    state.body.groups = list(current.values())


def _read_group(item: Group | None) -> tuple[bool, bool] | None:
    return None if item is None else (item.primary, item.active)
