"""Merge one record into one profile, collection by collection, as in the table of execution.md."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .account_model import OPT_IN, OPT_OUT, Account, fold
from .choice_model import archive_choices, build_consent, build_preference, decide_consent, decide_preference
from .force_model import NOES, missing_consents
from .person_model import AlternateId, Consent, Element, Group, Preference, Profile
from .record_model import KINDS, PERSON, Place, Said, SaidConsent, SaidPreference, render_time
from .stage_model import Fault

# A code that the contract does not name: the model's own word. It is here so that a comparison can rename the code.
FIELD_NOT_HONORED = "CustomField.UpdateRule"


@dataclass
class Merge:
    """The circumstances of one record, and the results of its merge."""

    account: Account
    number: int
    sequence: int
    caller: str
    started_at: datetime
    applied_at: datetime
    refresh: frozenset[str]
    allow_prior: bool
    # the profile that holds this alternate id (type, folded value) actively
    holder: Callable[[tuple[str, str]], int | None]
    faults: list[Fault] = field(default_factory=list)
    not_honored: list[Fault] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)


def merge_record(profile: Profile, said: Said, merge: Merge, *, is_new: bool) -> Profile:
    """A merged copy. `merge` collects the faults, the parts that are not honored, and the history of applied
    choices."""
    result = deepcopy(profile)
    _merge_scalars(result, said)
    _merge_alternate_ids(result, said, merge)
    for kind in KINDS:
        _merge_elements(result, said, merge, kind)
    _merge_groups(result, said, merge)
    _merge_tags(result, said, merge)
    _merge_fields(result, said, merge, is_new=is_new)
    # Required consents are checked after the record's own consents are merged.
    _merge_consents(result, said, merge)
    _merge_preferences(result, said, merge)
    if not result.active and (is_new or profile.active):
        # The same holds for all choices of a profile that becomes inactive: they are archived unless preserved.
        archive_choices(result, preferences=not said.preserve_preferences, consents=not said.preserve_consents)
    return result


def _merge_scalars(profile: Profile, said: Said) -> None:
    """Given members overwrite; null and absent members change nothing; "" clears a name part."""
    if said.active is not None:
        profile.active = said.active  # an inactive profile stays inactive unless the record has IsActive: true
    if said.locale is not None:
        profile.locale = said.locale
    if said.confirmed is not None:
        profile.confirmed = said.confirmed
    if said.customer_type is not None:
        profile.customer_type = said.customer_type
    for part, value in said.name.items():
        if value:
            profile.name[part] = value
        else:
            profile.name.pop(part, None)


def _merge_alternate_ids(profile: Profile, said: Said, merge: Merge) -> None:
    included = set()
    for one in said.alternate_ids:
        stored = profile.alternate_ids.get(one.key)
        if not one.active:
            # IsActive: false deactivates an id that the profile holds; otherwise it changes nothing.
            if stored:
                stored.active = False
            continue
        included.add(one.key)
        holder = merge.holder(one.key)
        if holder is not None and holder != profile.id:
            # An alternate id is held actively by at most one profile of the account.
            merge.faults.append(Fault("AlternateId.InUse", one.path, str(holder)))
        elif stored:
            stored.active = True  # reactivated; the id keeps the form in which it was first given
        else:
            profile.alternate_ids[one.key] = AlternateId(one.type, one.value)
    if "RefreshAlternateIds" in merge.refresh:
        for key, stored in profile.alternate_ids.items():
            if key not in included:
                stored.active = False


def _merge_elements(profile: Profile, said: Said, merge: Merge, kind: str) -> None:
    mine = [one for one in said.elements if one.kind == kind]
    for one in mine:
        element = profile.elements.get(one.place)
        if element is None:
            profile.added += 1
            element = Element(kind, one.type, dict(one.values), profile.added)
            profile.elements[one.place] = element
        element.active = True  # added or reactivated; its choices are in force again without a further step
        if one.mobile is not None:
            element.mobile = one.mobile
        if one.address2 is not None:
            element.address2 = one.address2
        if one.country is not None:
            element.country = one.country
    if "RefreshContacts" in merge.refresh:
        # Elements that the record does not include are deactivated, for all three kinds.
        gone: set[Place] = set()
        for place, element in profile.elements.items():
            if element.kind == kind and element.active and place not in {one.place for one in mine}:
                element.active = False
                gone.add(place)
        archive_choices(
            profile,
            preferences=not said.preserve_preferences,
            consents=not said.preserve_consents,
            places=gone,
        )
    given = [profile.elements[one.place] for one in mine if one.default is True]
    refused = [profile.elements[one.place] for one in mine if one.default is False]
    settle_default(profile.of_kind(kind), given, refused)


def settle_default(elements: list[Element], given: list[Element], refused: list[Element]) -> None:
    """`elements` are of one kind, in the order in which they were added."""
    active = [one for one in elements if one.active]
    current = [one for one in active if one.default]
    if given:
        chosen = given[:1]  # a new default replaces the old one
    elif current and not _among(current[0], refused):
        chosen = current
    else:
        # The first element of a kind becomes the default. After a deactivation, the active element that was added first
        # becomes it. IsDefault: false on the default moves the mark in the same way, if there is another element.
        others = [one for one in active if not _among(one, refused)]
        chosen = (others or current or active)[:1]
    for one in elements:
        one.default = _among(one, chosen)  # a deactivated element loses the mark


def _among(element: Element, elements: list[Element]) -> bool:
    return any(one is element for one in elements)


def _merge_groups(profile: Profile, said: Said, merge: Merge) -> None:
    for one in said.groups:
        group = profile.groups.setdefault(one.key, Group(one.type, one.name))
        group.active = True  # added or reactivated
        if one.primary is not None:
            group.primary = one.primary
    if "RefreshGroups" in merge.refresh:
        for key, group in profile.groups.items():
            if key not in {one.key for one in said.groups}:
                group.active = False


def _merge_tags(profile: Profile, said: Said, merge: Merge) -> None:
    for name in said.tags:
        profile.tags.setdefault(fold(name), name)
    if "RefreshTags" in merge.refresh:
        included = {fold(name) for name in said.tags}
        profile.tags = {key: name for key, name in profile.tags.items() if key in included}


def _allows(rule: str, current: str, new: str) -> bool:
    """True if `new` may replace `current`, which differs from `new`."""
    if rule in ("IfCurrentValueIsBlank", "Never"):  # Never: a stored value stays
        return current == ""
    if rule == "IfNewValueIsNotBlank":
        return new != ""
    return True


def _merge_fields(profile: Profile, said: Said, merge: Merge, *, is_new: bool) -> None:
    for one in said.fields:
        # "Looked at again, with the configuration of execution's start: [...] update rules, required fields."
        custom = merge.account.field(one.field.key)
        current = profile.fields.get(custom.key, "")
        if one.value is None or one.value == current:
            continue  # no value, or the stored value: no change under any rule
        if not _allows(custom.rule, current, one.value):
            merge.not_honored.append(Fault(FIELD_NOT_HONORED, one.path, custom.key))
        elif one.value:
            profile.fields[custom.key] = one.value
        elif custom.required:
            # "A required field is never cleared." Staging refuses a blank; this field was made required since.
            merge.not_honored.append(Fault("CustomField.Required", one.path, custom.key))
        else:
            profile.fields.pop(custom.key, None)
    if is_new:
        # Defaults come before the omissions. Otherwise the same record, when it comes again, would delete the defaults
        # that it set when it came first (README, reading 16).
        _fill_fields(profile, said, merge)
    if "RefreshCustomFields" in merge.refresh:
        included = {one.field.key for one in said.fields}
        for name, current in list(profile.fields.items()):
            custom = merge.account.field(name)
            # Deletion by omission counts as a blank new value. If a rule keeps the value, that is not reported.
            if name not in included and not custom.required and _allows(custom.rule, current, ""):
                del profile.fields[name]


def _fill_fields(profile: Profile, said: Said, merge: Merge) -> None:
    """ "A profile being created must have it (the field's default counts, only then), else it is an exception"."""
    spoken = {one.field.key for one in said.fields if one.value is not None}
    for custom in merge.account.fields.values():
        if custom.default and custom.key not in spoken:
            profile.fields[custom.key] = custom.default
        if custom.required and not profile.fields.get(custom.key):
            merge.faults.append(Fault("CustomField.Required", "$.CustomFields", custom.key))


def _merge_consents(profile: Profile, said: Said, merge: Merge) -> None:
    """ "Inside one record the [...] Denied and Revoked come first, then the others, the older before the newer; older
    versions before newer ones"."""
    account = merge.account

    def turn(one: SaidConsent) -> tuple[bool, datetime, int]:
        return (one.status not in NOES, one.date, account.version_index(one.type, one.version))

    for one in sorted(said.consents, key=turn):
        new = build_consent(one, account)
        verdict = decide_consent(profile, one, new, account)
        if verdict == "apply":
            profile.consents[(one.place, one.type, one.version)] = new
            _remember(merge, "Consents", one)
        elif verdict != "same":
            merge.not_honored.append(Fault(verdict, one.path))


def _merge_preferences(profile: Profile, said: Said, merge: Merge) -> None:
    """ "Inside one record the Opt-Outs [...] come first, then the others, the older before the newer"."""
    for one in sorted(said.preferences, key=lambda p: (p.type != OPT_OUT, p.date)):
        key = (one.place, one.filter)
        new = build_preference(one, profile.preferences.get(key), merge.account)
        verdict = decide_preference(profile, one, new)
        if verdict == "same":
            continue
        if _is_not_mobile(profile, one, merge.account):
            merge.faults.append(Fault("Preference.NotMobile", one.path))
        if verdict != "apply":
            merge.not_honored.append(Fault(verdict, one.path))
            continue
        if one.type == OPT_IN:
            # "An Opt-In that would be applied needs each required type", "at execution's start", "as if the profile
            # were active".
            for kind in missing_consents(profile, one.place, one.filter, merge.started_at, merge.account):
                merge.faults.append(Fault("Preference.ConsentRequired", one.path, kind))
        profile.preferences[key] = new
        _remember(merge, "Preferences", one)


def _is_not_mobile(profile: Profile, said: SaidPreference, account: Account) -> bool:
    """A text filter with a stored IsMobile: false."""
    return (
        account.filter(said.filter).channel == "Text"
        and said.place != PERSON
        and profile.elements[said.place].mobile is False
    )


def _remember(merge: Merge, of: str, said: SaidPreference | SaidConsent) -> None:
    """Every applied preference and consent is appended to the history: value, times, caller, import, number."""
    merge.history.append({"Of": of, "Place": said.place, **describe_choice(said, merge)})


def describe_choice(said: SaidPreference | SaidConsent | Preference | Consent, merge: Merge) -> dict[str, Any]:
    if isinstance(said, SaidPreference | Preference):
        named = merge.account.spell("filter", said.filter)
        item = {"FilterId": named, "PreferenceType": said.type, "CustomerDate": render_time(said.date)}
    else:
        item = {
            "ConsentType": merge.account.spell("consent", said.type),
            "ConsentVersion": merge.account.spell("version", said.version),
            "ConsentStatus": said.status,
            "ConsentDate": render_time(said.date),
        }
    return item | {
        "Caller": merge.caller,
        "Import": merge.number,
        "SequenceNumber": merge.sequence,
        "RecordedDate": render_time(merge.applied_at),
    }
