"""A person in words: what the person agreed to now, by channel, and every choice of the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from consentory.console.change_words import CONSENT_WORDS, PREFERENCE_WORDS
from consentory.console.console_words import StateWords
from consentory.domain.audience import list_places
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.in_force import (
    PreferenceStatus,
    Site,
    find_in_force,
    is_denied_elsewhere,
    judge_preference,
    list_missing,
)
from consentory.domain.instants import from_micros
from consentory.domain.profile import Consent, Preference, ProfileState, describe_place
from consentory.domain.record import GRANTED, OPT_IN, WITHDRAWALS
from consentory.domain.viewing import (
    HistoryItem,
    Origin,
    ViewedPerson,
    Viewing,
    list_shown_consents,
    list_shown_preferences,
)

CHANNELS = {
    "Email": "Email",
    "Phone": "Calls",
    "Text": "Text messages",
    "Fax": "Fax",
    "Mail": "Post",
    None: "Without a channel",
}
CONSENTS = "Consents"
_OUT = "Stored, and not in force"


class ConsentText(NamedTuple):
    """The text of a consent that the person was shown."""

    version: str
    locale: str
    text: str


class CurrentChoice(NamedTuple):
    """A choice that is stored now. `key` names it for `choice_form.py`."""

    key: str
    title: str
    program: str
    detail: str
    where: str
    state: StateWords
    in_force: bool
    since: datetime
    until: datetime | None
    origin: Origin | None
    shown: ConsentText | None


class PastChoice(NamedTuple):
    """A choice of the history. `kind`: yes, no, or none if the choice was taken back."""

    item: HistoryItem
    key: str
    title: str
    program: str
    detail: str
    where: str
    word: str
    kind: str
    chosen: datetime
    shown: ConsentText | None
    evidence: dict[str, str]


def name_person(body: ProfileState, profile_id: int) -> str:
    """The name of a person, else an alternate id, else the ProfileId."""
    name = " ".join(body.name[part] for part in ("Prefix", "FirstName", "MiddleName", "LastName", "Suffix")
                    if part in body.name)  # fmt: skip
    if name:
        return name
    ids = (f"{one.type} {one.value}" for one in body.alternate_ids if one.active)
    return next(ids, f"Profile {profile_id}")


def show_place(told: dict[str, Any]) -> str:
    """A place of choices as `describe_place` tells it; "" for the person."""
    return ", ".join(text for name, text in told.items() if name != "Kind" and not name.endswith("Type"))


def list_current(person: ViewedPerson) -> dict[str, list[CurrentChoice]]:
    """The choices that are stored now, by channel; the consents last. A channel without a choice is left out."""
    view, body = person.viewed.viewing, person.viewed.profile.body
    found: dict[str, list[CurrentChoice]] = {name: [] for name in (*CHANNELS.values(), CONSENTS)}
    for place, site in list_places(body):
        holder = site.body if site.element is None else site.element
        for item, entry in list_shown_preferences(holder.preferences, view):
            status = judge_preference(site, item, view.configuration_index, view.now)
            group = CHANNELS[entry.filter.channel]
            found[group].append(_describe_preference(person, place, (site, item), status))
        for consent in list_shown_consents(holder.consents, view):
            found[CONSENTS].append(_describe_consent(person, place, site, consent))
    return {name: choices for name, choices in found.items() if choices}


def list_unknown(view: Viewing, known: dict[str, list[CurrentChoice]]) -> list[str]:
    """The filters that the reader may see, and to which the person has said neither yes nor no."""
    said = {one.key.split(".", 2)[2] for choices in known.values() for one in choices}
    return [
        f"{name_program(view.configuration_index, entry.program_id)}: {entry.filter.name}"
        for name, entry in view.configuration_index.filters.items()
        if entry.active and name not in said and view.scope.permits_filter(entry)
    ]


def list_past(person: ViewedPerson) -> list[PastChoice]:
    """The choices of the page of the history, newest first."""
    return list(_list_past(person))


def find_text(configuration_index: ConfigurationIndex, value: dict[str, Any]) -> ConsentText | None:
    """The text of a consent of the ledger."""
    entry = configuration_index.consent_types.find(value["ConsentType"])
    for version in entry.type.versions if entry else ():
        if version.version == value["ConsentVersion"] and value["Locale"] in version.texts:
            return ConsentText(version.version, value["Locale"], version.texts[value["Locale"]])
    return None


def _list_past(person: ViewedPerson) -> Iterator[PastChoice]:
    configuration_index = person.viewed.viewing.configuration_index
    for item in person.choices:
        value, where = item.value, show_place(describe_place(person.viewed.profile.body, item.place))
        is_gone = bool(value.get("TakenBack"))
        if "FilterId" in value:
            entry = configuration_index.filters[value["FilterId"]]
            is_yes, word = value["PreferenceType"] == OPT_IN, PREFERENCE_WORDS[value["PreferenceType"]]
            told = (entry.filter.name, name_program(configuration_index, entry.program_id))
            key, shown = f"{item.place}.P.{entry.filter.id}", None
        else:
            is_yes, word = value["ConsentStatus"] == GRANTED, CONSENT_WORDS[value["ConsentStatus"]]
            told = (value["ConsentType"], f"version {value['ConsentVersion']}")
            key, shown = f"{item.place}.C.{value['ConsentType']}", find_text(configuration_index, value)
        yield PastChoice(
            item, key, *told,
            detail=_list_details(value.get("FrequencyId") if is_yes else None, value.get("PreferenceAttributes")),
            where=where,
            word="Taken back" if is_gone else word,
            kind="none" if is_gone else "yes" if is_yes else "no",
            chosen=from_micros(item.collected),
            shown=shown,
            evidence=value.get("Evidence") or {},
        )  # fmt: skip


def _describe_preference(
    person: ViewedPerson, place: str, of: tuple[Site, Preference], status: PreferenceStatus
) -> CurrentChoice:
    (site, item), view = of, person.viewed.viewing
    entry = view.configuration_index.filters[item.filter]
    attributes = [{"Key": key, "Value": text} for key, text in (item.attributes or {}).items()]
    return CurrentChoice(
        key=f"{place}.P.{item.filter}",
        title=entry.filter.name,
        program=name_program(view.configuration_index, entry.program_id),
        detail=_list_details(item.frequency if item.type == OPT_IN else None, attributes),
        where=show_place(describe_place(site.body, place)),
        state=_judge(item, status, list_missing(entry, site, view.configuration_index.consent_types, view.now)),
        in_force=status == "Active",
        since=from_micros(item.at),
        until=None if item.expires is None else from_micros(item.expires),
        origin=person.origins.get(item.entry),
        shown=None,
    )


def _judge(item: Preference, status: PreferenceStatus, missing: list[str]) -> StateWords:
    if status == "Overruled":
        hint = "A later opt-out of the same address or number, stored under another type, counts."
        return StateWords(_OUT, "pause", "warn", f"Opted in. {hint}")
    if status == "Expired":
        return StateWords("Expired", "ring", "calm", "The opt-in has ended.")
    if status == "Suspended":
        return StateWords(_OUT, "pause", "warn", f"Opted in. The consent {' and '.join(missing)} is missing.")
    is_yes = item.type == OPT_IN
    return StateWords(PREFERENCE_WORDS[item.type], "tick" if is_yes else "cross", "good" if is_yes else "calm", "")


def _describe_consent(person: ViewedPerson, place: str, site: Site, item: Consent) -> CurrentChoice:
    view, holder = person.viewed.viewing, site.body if site.element is None else site.element
    is_over = item.status == GRANTED and item.expires is not None and item.expires <= view.now
    decides = find_in_force(holder.consents, view.configuration_index.consent_types[item.type]) is item
    is_denied = item.status == GRANTED and is_denied_elsewhere(site, item.type, item.at)
    if is_over:
        state = StateWords("Expired", "ring", "calm", "The consent has ended.")
    elif not decides:
        state = StateWords(
            _OUT, "pause", "calm", f"{CONSENT_WORDS[item.status]}. Another answer to this consent counts."
        )
    elif is_denied:
        hint = "It was denied or revoked for the same address or number under another type."
        state = StateWords(_OUT, "pause", "warn", f"Granted. {hint}")
    else:
        shape, tone = {GRANTED: ("tick", "good")}.get(
            item.status, ("cross" if item.status in WITHDRAWALS else "ring", "calm")
        )
        state = StateWords(CONSENT_WORDS[item.status], shape, tone, "")
    value = {"ConsentType": item.type, "ConsentVersion": item.version, "Locale": item.locale}
    return CurrentChoice(
        key=f"{place}.C.{item.type}",
        title=item.type,
        program=f"version {item.version}",
        detail="",
        where=show_place(describe_place(site.body, place)),
        state=state,
        in_force=decides and not is_over and not is_denied,
        since=from_micros(item.at),
        until=None if item.expires is None else from_micros(item.expires),
        origin=person.origins.get(item.entry),
        shown=find_text(view.configuration_index, value),
    )


def _list_details(frequency: str | None, attributes: list[dict[str, str]] | None) -> str:
    told = [frequency] if frequency else []
    return ", ".join([*told, *(f"{one['Key']}: {one['Value']}" for one in attributes or ())])


def name_program(configuration_index: ConfigurationIndex, program_id: str) -> str:
    """The name of a program of the account."""
    return next((one.name for one in configuration_index.configuration.programs if one.id == program_id), program_id)
