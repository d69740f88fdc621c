"""Merging of what is no contact element and no choice: plain members, alternate ids, groups, tags, custom fields."""

from __future__ import annotations

from consentory.domain.configuration import UpdateRule
from consentory.domain.merge_state import Draft
from consentory.domain.profile import AlternateId, Group
from consentory.domain.text import fold


def merge_members(draft: Draft) -> None:
    """Apply everything but contact elements and choices (execution.md, "What is merged")."""
    _merge_scalars(draft)
    _merge_alternate_ids(draft)
    _merge_groups(draft)
    _merge_tags(draft)
    _merge_fields(draft)


def _merge_scalars(draft: Draft) -> None:
    record, body = draft.record, draft.body
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


def _merge_alternate_ids(draft: Draft) -> None:
    stored = {(item.type, fold(item.value)): item for item in draft.body.alternate_ids}
    included = set()
    for index, claim in enumerate(draft.record.alternate_ids):
        identity = (claim.type, claim.folded)
        item = stored.get(identity)
        if not claim.active:
            if item is not None:
                item.active = False
            continue
        included.add(identity)
        if item is not None and item.active:
            continue
        holder = draft.context.holders.get(claim.key)
        if holder is not None and holder != draft.profile_id:
            draft.refuse(
                "AlternateId.InUse",
                f"$.AlternateIds[{index}].AlternateId",
                f"This {claim.type} id is held by profile {holder}; deactivate it there first.",
                claim.value,
            )
        elif item is not None:
            item.active = True
        else:
            draft.body.alternate_ids.append(AlternateId(claim.type, claim.value, draft.context.now))
    if draft.context.settings.refresh_alternate_ids:
        for identity, item in stored.items():
            if identity not in included:
                item.active = False


def _merge_groups(draft: Draft) -> None:
    if not draft.record.groups and not draft.context.settings.refresh_groups:
        return
    stored = {(item.type, fold(item.name)): item for item in draft.body.groups}
    included = set()
    for claim in draft.record.groups:
        if not claim.active:  # validated, and then counts as not included
            continue
        identity = (claim.type, claim.folded)
        included.add(identity)
        item = stored.get(identity)
        if item is None:
            primary = claim.primary or False
            draft.body.groups.append(Group(claim.type, claim.name, draft.context.now, primary))
            continue
        item.active = True
        if claim.primary is not None:
            item.primary = claim.primary
    if draft.context.settings.refresh_groups:
        for identity, item in stored.items():
            if identity not in included:
                item.active = False


def _merge_tags(draft: Draft) -> None:
    body = draft.body
    if not draft.record.tags and not draft.context.settings.refresh_tags:
        return
    stored = {fold(tag) for tag in body.tags}
    included = {fold(tag) for tag in draft.record.tags}
    body.tags.extend(tag for tag in draft.record.tags if fold(tag) not in stored)
    if draft.context.settings.refresh_tags:
        body.tags = [tag for tag in body.tags if fold(tag) in included]


def _merge_fields(draft: Draft) -> None:
    body, catalog, refresh = draft.body, draft.context.catalog, draft.context.settings.refresh_custom_fields
    for index, (name, value) in enumerate(draft.record.fields):
        if value is not None:
            _set_field(draft, name, value, f"$.CustomFields[{index}].Value")
    if draft.old is not None and not refresh:
        return
    named = {name for name, _ in draft.record.fields}
    if draft.old is None:
        for name, value in catalog.default_fields.items():
            if name not in named or (name, None) in draft.record.fields:
                body.fields[name] = value
    if refresh:
        # Deletion by omission counts as a blank new value; what a rule then keeps is not reported. At creation it
        # takes defaults away too, else the same record would be a change when it comes again.
        for name in [name for name in body.fields if name not in named]:
            if _may_change(draft, name, "") is None:
                del body.fields[name]
    if draft.old is None:
        for item in catalog.required_fields:
            if item.name not in body.fields:
                draft.refuse(
                    "CustomField.Required",
                    "$.CustomFields",
                    f"A new profile needs the custom field {item.name}; give it a value.",
                )


def _set_field(draft: Draft, name: str, value: str, path: str) -> None:
    fields = draft.body.fields
    if fields.get(name, "") == value:
        return
    reason = _may_change(draft, name, value)
    if reason is not None:
        draft.hold_back(reason[0], path, f"{name}: {reason[1]}", value)
    elif value:
        fields[name] = value
    else:
        del fields[name]


def _may_change(draft: Draft, name: str, value: str) -> tuple[str, str] | None:
    """None when the stored value may become `value` ("" blank), else why not: code and words."""
    item = draft.context.catalog.custom_fields[name]
    current = draft.body.fields.get(name, "")
    if item.required and not value:
        return "CustomField.Required", "a required field is never cleared."
    rule: UpdateRule = item.update_rule
    if rule in ("Never", "IfCurrentValueIsBlank") and current:
        return "CustomField.UpdateRule", f"its update rule {rule} keeps the value that is there."
    if rule == "IfNewValueIsNotBlank" and not value:
        return "CustomField.UpdateRule", f"its update rule {rule} does not let a blank clear it."
    return None
