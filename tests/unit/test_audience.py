"""data-out.md: who may be contacted now for a filter, and who opted out of the filter."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_cases import ACME, ALL

from consentory.codec.answers.profile_answer import render_profile
from consentory.domain.audience import list_contacts
from consentory.domain.permission import Scope
from consentory.domain.profile import Consent, Element, Preference, Profile, ProfileState
from consentory.domain.record import DENIED, GRANTED, OPT_IN, OPT_OUT, REVOKED
from consentory.domain.viewing import ViewedProfile, Viewing

NOW = 1_000
NEWS, TEXT, SHARING = "NEWS-EMAIL", "NEWS-TEXT", "DATA-SHARING"


def yes(filter_id: str = NEWS, at: int = 500, expires: int | None = None) -> Preference:
    return Preference(filter_id, OPT_IN, at, 1, expires=expires)


def no(filter_id: str = NEWS, at: int = 500, *, archived: bool = False) -> Preference:
    return Preference(filter_id, OPT_OUT, at, 1, archived=archived)


def texts(status: int, at: int = 400, expires: int | None = None) -> Consent:
    return Consent("TextMessages", "2026-01", "en_US", status, at, 1, expires=expires)


def element(*choices: Preference, type_name: str = "Personal", active: bool = True) -> Element:
    return Element(type_name, "ann@example.com", {}, active=active, preferences=list(choices))


def emails(*elements: Element, active: bool = True) -> ProfileState:
    return ProfileState("en_US", active=active, emails=list(elements))


def phone(*consents: Consent) -> ProfileState:
    number = Element("Mobile", "+12125550143", {}, preferences=[yes(TEXT)], consents=list(consents))
    return ProfileState("en_US", phones=[number])


def places(body: ProfileState, filter_id: str = NEWS, *, opted_out: bool = False) -> list[str]:
    return [found.place for found in list_contacts(body, filter_id, ACME, NOW, opted_out=opted_out)]


@pytest.mark.parametrize(
    ("body", "filter_id", "opted_in", "opted_out"),
    [
        (emails(element(yes())), NEWS, ["E0"], []),
        (emails(element(no())), NEWS, [], ["E0"]),
        (emails(element(yes())), "OFFERS-EMAIL", [], []),
        (emails(element(yes()), active=False), NEWS, [], []),
        (emails(element(no()), active=False), NEWS, [], []),
        (emails(element(yes(), active=False)), NEWS, [], []),
        (emails(element(no(), active=False)), NEWS, [], []),
        (emails(element(no(archived=True))), NEWS, [], []),
        (emails(element(yes(expires=NOW))), NEWS, [], []),
        (emails(element(yes(expires=NOW + 1))), NEWS, ["E0"], []),
        (emails(element(yes(at=1)), element(no(at=2), type_name="Work")), NEWS, [], ["E1"]),
        (emails(element(yes()), element(no(), type_name="Work", active=False)), NEWS, [], []),
        (phone(texts(GRANTED)), TEXT, ["P0"], []),
        (phone(), TEXT, [], []),
        (phone(texts(REVOKED)), TEXT, [], []),
        (phone(texts(GRANTED, expires=NOW)), TEXT, [], []),
        (ProfileState("en_US", preferences=[yes(SHARING)]), SHARING, [""], []),
        (ProfileState("en_US", preferences=[no(SHARING)]), SHARING, [], [""]),
    ],
)
def test_only_a_choice_in_force_counts(
    body: ProfileState, filter_id: str, opted_in: list[str], opted_out: list[str]
) -> None:
    assert (places(body, filter_id), places(body, filter_id, opted_out=True)) == (opted_in, opted_out)


INSTANTS = st.integers(1, 4)
EXPIRIES = st.none() | st.sampled_from([NOW - 1, NOW, NOW + 1])
CHOICES = st.builds(
    Preference,
    st.just(TEXT),
    st.sampled_from([OPT_IN, OPT_OUT]),
    INSTANTS,
    st.just(1),
    expires=EXPIRIES,
    archived=st.booleans(),
)
CONSENTS = st.lists(st.builds(texts, st.sampled_from([GRANTED, DENIED, REVOKED]), INSTANTS, EXPIRIES), max_size=1)
PHONES = st.lists(
    st.builds(
        Element,
        st.sampled_from(["Mobile", "Home"]),
        st.sampled_from(["+12125550143", "+12125550144"]),
        st.just({"PhoneNumber": "+12125550143"}),
        active=st.booleans(),
        preferences=st.lists(CHOICES, max_size=1),
        consents=CONSENTS,
    ),
    max_size=3,
)
PEOPLE = st.builds(ProfileState, st.just("en_US"), active=st.booleans(), phones=PHONES, consents=CONSENTS)


@given(PEOPLE)
def test_both_lists_agree_with_the_profile_as_it_is_read(body: ProfileState) -> None:
    """A choice that GET Profile gives as `Active` is in the list of its PreferenceType, and no other choice is."""
    viewed = ViewedProfile(Profile(1, body, 0, 0), Viewing(ACME, Scope(ALL), NOW, {}))
    shown = msgspec.to_builtins(render_profile(viewed))["PhoneNumbers"]
    active = [
        choice["PreferenceType"]
        for number in shown
        for choice in number["PhoneNumberPreferences"]
        if choice["PreferenceStatus"] == "Active"
    ]
    assert active.count(OPT_IN) == len(places(body, TEXT))
    assert active.count(OPT_OUT) == len(places(body, TEXT, opted_out=True))
