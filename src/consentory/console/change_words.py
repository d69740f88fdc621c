"""The effects of a preview in words that people use: kinds of changes, and single changes with before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from consentory.console.console_words import show_text, show_time
from consentory.domain.effects import DANGEROUS, EFFECT_KINDS, ChangeKind
from consentory.domain.preview import ListedChange, Preview

_KINDS: dict[ChangeKind, str] = {
    "OptInsAdded": "Opt-ins that begin",
    "OptInsEnded": "Opt-ins that end",
    "OptOutsAdded": "Opt-outs that begin",
    "OptOutsEnded": "Opt-outs that end",
    "ConsentsGranted": "Consents granted",
    "ConsentsWithdrawn": "Consents denied or revoked",
    "ConsentsEnded": "Consents that end",
    "ContactElementsAdded": "Addresses and numbers added",
    "ContactElementsDeactivated": "Addresses and numbers deactivated",
    "AlternateIdsAdded": "Alternate ids added",
    "AlternateIdsDeactivated": "Alternate ids deactivated",
    "MembersChanged": "Names and other members changed",
    "CustomFieldsChanged": "Custom fields changed",
    "CustomFieldsRemoved": "Custom fields removed",
    "GroupsAdded": "Groups joined",
    "GroupsDeactivated": "Groups left",
    "TagsAdded": "Tags added",
    "TagsRemoved": "Tags removed",
    "ProfilesDeactivated": "People deactivated",
    "ProfilesDeleted": "People erased",
    "Exceptions": "Records refused",
    "NotHonored": "Records of which a part is held back",
}
PREFERENCE_WORDS = {1: "Opted in", 2: "Opted out"}
CONSENT_WORDS = {1: "Granted", 2: "Denied", 3: "Revoked", 4: "Not set"}
_LONGEST = 200


class EffectWords(NamedTuple):
    """One kind of change: its number, and whether the change can do harm."""

    kind: ChangeKind
    label: str
    number: int
    is_dangerous: bool


class ChangeWords(NamedTuple):
    """One change. `before` and `after` are None if there is nothing to show."""

    record: int
    person: str
    where: str
    before: str | None
    after: str | None
    reason: str


def name_limit(limit: str) -> str:
    """The words for a limit of the guard."""
    kind: Any = limit[:1].upper() + limit[1:]
    return _KINDS.get(kind, "Records that failed validation" if limit == "invalid" else limit)


def list_effects(preview: Preview) -> list[EffectWords]:
    """The kinds with at least one change. The kinds that can do harm come first."""
    counted: list[tuple[ChangeKind, int]] = [
        *zip(EFFECT_KINDS, preview.effects, strict=True),
        ("Exceptions", preview.exceptions),
        ("NotHonored", preview.not_honored),
    ]
    found = [EffectWords(kind, _KINDS[kind], number, kind in DANGEROUS) for kind, number in counted if number]
    return sorted(found, key=lambda one: not one.is_dangerous)


def describe_change(listed: ListedChange, zone: str) -> ChangeWords:
    """One change of a preview."""
    change = listed.change
    place = " ".join(text for name, text in (change.place or {}).items() if name != "Kind")
    where = ", ".join(part for part in (change.member, place) if part)
    person = "a new person" if listed.profile_id is None else f"profile {listed.profile_id}"
    reason = "" if change.fault is None else f"{change.fault.Code}: {change.fault.Message}"
    return ChangeWords(
        listed.sequence_number,
        person,
        show_text(where),
        _show_value(change.before, zone),
        _show_value(change.after, zone),
        show_text(reason),
    )


def _show_value(value: Any, zone: str) -> str | None:
    """A choice in words with its date; any other value as text."""
    if value is None:
        return None
    if isinstance(value, dict):
        for code, words, date in (
            ("PreferenceType", PREFERENCE_WORDS, "CustomerDate"),
            ("ConsentStatus", CONSENT_WORDS, "ConsentDate"),
        ):
            if code in value:
                since = _show_date(value.get(date), zone)
                return f"{words.get(value[code], value[code])}{since}"
        texts = [str(one) for one in value.values() if isinstance(one, str | int | float)]
        return show_text(" ".join(texts)[:_LONGEST])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return show_text(str(value)[:_LONGEST])


def _show_date(value: Any, zone: str) -> str:
    try:
        return f" since {show_time(msgspec.convert(value, datetime), zone)}" if value else ""
    except (msgspec.ValidationError, ValueError):
        return ""
