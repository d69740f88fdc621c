"""The form that records a choice of a person: the choices that a user may record, and the record of the filled form."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

from consentory.console.change_words import CONSENT_WORDS
from consentory.console.form_check import Fields
from consentory.console.person_words import show_place
from consentory.domain.caller import Caller
from consentory.domain.configuration import ConsentVersion
from consentory.domain.configuration_index import ConsentEntry, FilterEntry
from consentory.domain.profile import PLACE_LETTER, Element, describe_place
from consentory.domain.record import KIND_MEMBERS, KINDS, OPT_IN, OPT_OUT, Kind
from consentory.domain.text import fold
from consentory.domain.viewing import ViewedPerson
from consentory.errors import RequestRefused

_EVIDENCE = ("Method", "Reference")


class Choosable(NamedTuple):
    """A filter or a consent at one place of a person. `kind` None: the person."""

    key: str
    where: str
    kind: Kind | None
    element: Element | None
    filter: FilterEntry | None
    consent: ConsentEntry | None

    @property
    def title(self) -> str:
        """The name of the filter or of the consent."""
        if self.filter is not None:
            return self.filter.filter.name
        assert self.consent is not None
        return self.consent.type.name

    @property
    def versions(self) -> list[ConsentVersion]:
        """The active versions of the consent, the newest first."""
        return [] if self.consent is None else [one for one in reversed(self.consent.type.versions) if one.active]

    @property
    def newest(self) -> ConsentVersion:
        """The version whose text counts now."""
        return self.versions[0]


def list_choosable(caller: Caller, person: ViewedPerson) -> list[Choosable]:
    """Each choice that the user may record for a person, in the order of the places."""
    body = person.viewed.profile.body
    if "write" not in caller.permissions.profile or not body.active:
        return []
    found = list(_list_at(person, "", None, None))
    for kind in KINDS:
        for number, element in enumerate(body.elements(kind)):
            if element.active and element.same_as is None:
                found += _list_at(person, f"{PLACE_LETTER[kind]}{number}", kind, element)
    return found


def find_choosable(caller: Caller, person: ViewedPerson, key: str) -> Choosable:
    """The choice of that key. Raises RequestRefused, not_found."""
    for one in list_choosable(caller, person):
        if one.key == key:
            return one
    raise RequestRefused(
        "not_found",
        "Request.UnknownAddress",
        "This choice cannot be recorded for this person. Open the person, and choose again.",
    )


def _list_at(person: ViewedPerson, place: str, kind: Kind | None, element: Element | None) -> Iterator[Choosable]:
    view = person.viewed.viewing
    where = show_place(describe_place(person.viewed.profile.body, place))
    channels: tuple[str | None, ...] = (None,) if kind is None else KIND_MEMBERS[kind].channels
    for name, entry in view.configuration_index.filters.items():
        fits = entry.filter.channel in channels and not (
            entry.filter.channel == "Text" and element is not None and element.mobile is False
        )
        if entry.active and fits and view.scope.permits_filter(entry):
            yield Choosable(f"{place}.P.{name}", where, kind, element, entry, None)
    if kind is not None and not view.scope.permits_kind(kind):
        return
    for name, consent in view.configuration_index.consent_types.items():
        is_open = consent.type.active and consent.newest_active >= 0
        if is_open and view.scope.permits_consent_type(fold(name)):
            yield Choosable(f"{place}.C.{name}", where, kind, element, None, consent)


def make_record(chosen: Choosable, form: Fields) -> dict[str, Any]:
    """The record of a filled form. The profile service validates it."""
    choice = _make_preference(chosen, form) if chosen.filter is not None else _make_consent(chosen, form)
    if chosen.kind is None or chosen.element is None:
        return {"Consents" if chosen.filter is None else "ProfilePreferences": [choice]}
    members = KIND_MEMBERS[chosen.kind]
    array = "Consents" if chosen.filter is None else members.preferences
    return {members.array: [{members.type: chosen.element.type, **chosen.element.given, array: [choice]}]}


def _make_preference(chosen: Choosable, form: Fields) -> dict[str, Any]:
    assert chosen.filter is not None
    answer = {"yes": OPT_IN, "no": OPT_OUT}.get(form.get("answer", ""))
    choice: dict[str, Any] = {"FilterId": chosen.filter.filter.id, "PreferenceType": _require_answer(answer)}
    if form.get("frequency"):
        choice["FrequencyId"] = form["frequency"]
    return choice | _make_date("CustomerDate", form)


def _make_consent(chosen: Choosable, form: Fields) -> dict[str, Any]:
    assert chosen.consent is not None
    answer = {str(code): code for code in CONSENT_WORDS}.get(form.get("answer", ""))
    evidence = {name: text for name in _EVIDENCE if (text := form.get(name.lower(), "").strip())}
    choice: dict[str, Any] = {
        "ConsentType": chosen.consent.type.name,
        "ConsentVersion": chosen.newest.version,
        "Locale": form.get("locale", ""),
        "ConsentStatus": _require_answer(answer),
    }
    return choice | ({"Evidence": evidence} if evidence else {}) | _make_date("ConsentDate", form)


def _require_answer(answer: int | None) -> int:
    if answer is None:
        raise RequestRefused("invalid", "Request.InvalidParameter", "Say what the person chose: select one answer.")
    return answer


def _make_date(member: str, form: Fields) -> dict[str, str]:
    """The date of the form. Without a date, the choice has the time of the write."""
    text = form.get("day", "").strip()
    if not text:
        return {}
    try:
        return {member: datetime.date.fromisoformat(text).isoformat()}
    except ValueError:
        raise RequestRefused(
            "invalid", "Request.InvalidParameter", f"A day is written as 2026-03-31, and not {text[:50]!r}. Correct it."
        ) from None
