"""Merge the members that are neither contact elements nor choices: single members, alternate ids, groups, tags, custom
fields."""

from __future__ import annotations

from consentory.domain.configuration import UpdateRule
from consentory.domain.merge_state import MergeState
from consentory.domain.profile import AlternateId, Group
from consentory.domain.text import fold


def merge_members(state: MergeState) -> None:
    """Apply all members except contact elements and choices (execution.md, "What is merged")."""
    _merge_scalars(state)
    _merge_alternate_ids(state)
    _merge_groups(state)
    _merge_tags(state)
    _merge_fields(state)


def _merge_scalars(state: MergeState) -> None:
    record, body = state.record, state.body
    if record.active is not None:
        body.active = record.active
    if record.locale is not None:
        body.locale = record.locale
    if record.registered is not None:
        body.registered = record.registered
    if record.customer_type is not None:
        body.customer_type = record.customer_type
    for part, value in record.name.items():
        if value:
            body.name[part] = value
        else:
            body.name.pop(part, None)


def _merge_alternate_ids(state: MergeState) -> None:
    stored = {(item.type, fold(item.value)): item for item in state.body.alternate_ids}
    included = set()
    for index, given_input in enumerate(state.record.alternate_ids):
        identity = (given_input.type, given_input.folded)
        item = stored.get(identity)
        if not given_input.active:
            if item is not None:
                item.active = False
            continue
        included.add(identity)
        if item is not None and item.active:
            continue
        holder = state.context.holders.get(given_input.key)
        if holder is not None and holder != state.profile_id:
            state.refuse(
                "AlternateId.InUse",
                f"$.AlternateIds[{index}].AlternateId",
                f"This {given_input.type} id is held by profile {holder}; deactivate it there first.",
                given_input.value,
            )
        elif item is not None:
            item.active = True
        else:
            state.body.alternate_ids.append(AlternateId(given_input.type, given_input.value, state.context.now))
    if state.context.settings.refresh_alternate_ids:
        for identity, item in stored.items():
            if identity not in included:
                item.active = False


def _merge_groups(state: MergeState) -> None:
    if not state.record.groups and not state.context.settings.refresh_groups:
        return
    stored = {(item.type, fold(item.name)): item for item in state.body.groups}
    included = set()
    for given_input in state.record.groups:
        if not given_input.active:  # the group is validated, and then treated as not included
            continue
        identity = (given_input.type, given_input.folded)
        included.add(identity)
        item = stored.get(identity)
        if item is None:
            primary = given_input.primary or False
            state.body.groups.append(Group(given_input.type, given_input.name, state.context.now, primary))
            continue
        item.active = True
        if given_input.primary is not None:
            item.primary = given_input.primary
    if state.context.settings.refresh_groups:
        for identity, item in stored.items():
            if identity not in included:
                item.active = False


def _merge_tags(state: MergeState) -> None:
    body = state.body
    if not state.record.tags and not state.context.settings.refresh_tags:
        return
    stored = {fold(tag) for tag in body.tags}
    body.tags.extend([tag for tag in state.record.tags if fold(tag) not in stored])
    if state.context.settings.refresh_tags:
        included = {fold(tag) for tag in state.record.tags}
        body.tags = [tag for tag in body.tags if fold(tag) in included]


def _merge_fields(state: MergeState) -> None:
    body, configuration_index, refresh = (
        state.body,
        state.context.configuration_index,
        state.context.settings.refresh_custom_fields,
    )
    for index, (name, value) in enumerate(state.record.fields):
        if value is not None:
            _set_field(state, name, value, index)
    if state.old is not None and not refresh:
        return
    named = {name for name, _ in state.record.fields}
    if state.old is None:
        for name, value in configuration_index.default_fields.items():
            if name not in named or (name, None) in state.record.fields:
                body.fields[name] = value
    if refresh:
        # A field that the record leaves out counts as a field with a blank new value. If an update rule keeps the
        # stored value, that is not reported. At creation the deletion also removes defaults. Otherwise the same record
        # would change the profile when the record comes again.
        for name in [name for name in body.fields if name not in named]:
            if _may_change(state, name, "") is None:
                del body.fields[name]
    if state.old is None:
        for item in configuration_index.required_fields:
            if item.name not in body.fields:
                state.refuse(
                    "CustomField.Required",
                    "$.CustomFields",
                    f"A new profile needs the custom field {item.name}; give it a value.",
                )


def _set_field(state: MergeState, name: str, value: str, index: int) -> None:
    fields = state.body.fields
    if fields.get(name, "") == value:
        return
    reason = _may_change(state, name, value)
    if reason is not None:
        state.add_not_honored(reason[0], f"$.CustomFields[{index}].Value", f"{name}: {reason[1]}", value)
    elif value:
        fields[name] = value
    else:
        del fields[name]


def _may_change(state: MergeState, name: str, value: str) -> tuple[str, str] | None:
    """None if the stored value may become `value` ("" is a blank); otherwise the fault code and the reason in words."""
    item = state.context.configuration_index.custom_fields[name]
    current = state.body.fields.get(name, "")
    if item.required and not value:
        return "CustomField.Required", "a required field is never cleared."
    rule: UpdateRule = item.update_rule
    if rule in ("Never", "IfCurrentValueIsBlank") and current:
        return "CustomField.UpdateRule", f"its update rule {rule} keeps the value that is there."
    if rule == "IfNewValueIsNotBlank" and not value:
        return "CustomField.UpdateRule", f"its update rule {rule} does not let a blank clear it."
    return None
