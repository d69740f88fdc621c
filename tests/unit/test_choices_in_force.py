"""execution.md, "Precedence": which choice wins, and which choice is in force, sentence by sentence."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from account_cases import acme, put
from live_account import LiveAccount, LiveStore

Wire = dict[str, Any]
JANUARY, MARCH, MAY = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"
OPT_IN, OPT_OUT = 1, 2
GRANTED, DENIED, REVOKED, NOT_SET = 1, 2, 3, 4
ADDRESS, NUMBER = "ann@example.com", "+12125550143"


@pytest.fixture
def account(store: LiveStore) -> LiveAccount:
    return open_account(store)


def open_account(store: LiveStore, **required: list[str]) -> LiveAccount:
    edits = [put("account.clientId", f"F{uuid4().hex[:12].upper()}")]
    for path, names in required.items():
        edits.append(put(path.replace("_", "."), names))
    return store.open_account(acme(*edits))


def choice(kind: int, date: str | None = None, *, filter_id: str = "NEWS-EMAIL", **more: Any) -> Wire:
    dated = {} if date is None else {"CustomerDate": date}
    return {"FilterId": filter_id, "PreferenceType": kind, **dated, **more}


def consent(
    status: int, date: str | None = None, version: str = "2.0", name: str = "PrivacyPolicy", **more: Any
) -> Wire:
    dated = {} if date is None else {"ConsentDate": date}
    named = {"ConsentType": name, "ConsentVersion": version, "Locale": "en_US"}
    return {**named, "ConsentStatus": status, **dated, **more}


def texts(status: int, date: str | None = None) -> Wire:
    return consent(status, date, "2026-01", "TextMessages")


def email(type_name: str, *choices: Wire, **more: Any) -> Wire:
    """A record with one element: its preferences, and under `Consents` its consents."""
    element = {"EmailAddressType": type_name, "EmailAddress": ADDRESS, "EmailPreferences": list(choices), **more}
    return {"Emails": [element]}


def phone(type_name: str, *choices: Wire, **more: Any) -> Wire:
    element = {"PhoneType": type_name, "PhoneNumber": NUMBER, "PhoneNumberPreferences": list(choices), **more}
    return {"PhoneNumbers": [element]}


def statuses(profile: Wire) -> dict[str, list[tuple[int, str]]]:
    """The preferences in the answer for each email type."""
    return {
        one["EmailAddressType"]: [
            (item["PreferenceType"], item["PreferenceStatus"]) for item in one["EmailPreferences"]
        ]
        for one in profile["Emails"]
    }


def begin(account: LiveAccount, *records: Wire) -> int:
    """A person to whom these records were applied. Each record changed the person."""
    profile_id: int | None = None
    for record in records:
        written = account.write(record, profile_id)
        assert written["Outcome"] in ("Created", "Updated"), written
        profile_id = written["ProfileId"]
    assert profile_id is not None
    return profile_id


def codes(written: Wire) -> list[str]:
    return [fault["Code"] for fault in written["NotHonored"]]


@pytest.mark.parametrize("date", [JANUARY, MARCH])
def test_an_opt_out_takes_every_opt_in_on_the_address_that_is_not_later_out_of_force(
    account: LiveAccount, date: str
) -> None:
    """The Opt-In has PreferenceStatus Overruled, under any type of the address."""
    profile_id = begin(account, email("Home", choice(OPT_IN, date)))
    written = account.write(email("Work", choice(OPT_OUT, MARCH)), profile_id)
    assert statuses(written) == {"Home": [(OPT_IN, "Overruled")], "Work": [(OPT_OUT, "Active")]}
    assert [item["PreferenceType"] for item in account.history(profile_id, "Preferences")] == [OPT_IN, OPT_OUT]
    again = account.write(email("Home", choice(OPT_IN, date)), profile_id)
    assert again["Outcome"] == "Unchanged"  # the record equals the stored value


def test_a_later_opt_in_is_in_force_again(account: LiveAccount) -> None:
    """… until a later Opt-In."""
    profile_id = begin(account, email("Home", choice(OPT_IN, JANUARY)), email("Work", choice(OPT_OUT, MARCH)))
    assert statuses(account.write(email("Home", choice(OPT_IN, MAY)), profile_id))["Home"] == [(OPT_IN, "Active")]


def test_a_later_opt_in_is_not_taken_out_of_force(account: LiveAccount) -> None:
    profile_id = begin(account, email("Home", choice(OPT_IN, MAY)), email("Work", choice(OPT_OUT, MARCH)))
    assert statuses(account.profile(profile_id))["Home"] == [(OPT_IN, "Active")]


def test_another_address_or_filter_is_not_overruled(account: LiveAccount) -> None:
    profile_id = begin(
        account,
        email("Home", choice(OPT_IN, JANUARY), choice(OPT_IN, JANUARY, filter_id="OFFERS-EMAIL")),
        email("Work", choice(OPT_OUT, MARCH, filter_id="OFFERS-EMAIL")),
        {"Emails": [{"EmailAddress": "b@example.com", "EmailPreferences": [choice(OPT_OUT, MARCH)]}]},
    )
    shown = account.profile(profile_id)["Emails"][0]["EmailPreferences"]
    assert [(one["FilterId"], one["PreferenceStatus"]) for one in shown] == [
        ("NEWS-EMAIL", "Active"),
        ("OFFERS-EMAIL", "Overruled"),
    ]


def test_the_order_in_which_the_two_arrive_makes_no_difference_to_what_is_in_force(store: LiveStore) -> None:
    """Every order of three choices on one address, under three types, gives the same choices in force."""
    document = put("emailTypes.2", {"name": "Old"})
    for dates in ((JANUARY, MARCH, MAY), (MARCH, MARCH, MARCH), (JANUARY, MAY, MARCH)):
        account = store.open_account(acme(put("account.clientId", f"F{uuid4().hex[:12].upper()}"), document))
        records = [
            email("Home", choice(OPT_IN, dates[0])),
            email("Work", choice(OPT_OUT, dates[1])),
            email("Old", choice(OPT_IN, dates[2])),
        ]
        seen = set()
        for order in permutations(records):
            person = {"CustomerName": {"LastName": "Bo"}}
            profile_id = begin(account, person)
            for record in order:
                account.write(record, profile_id)
            found = statuses(account.profile(profile_id))
            seen.add(tuple(sorted(name for name, items in found.items() if (OPT_IN, "Active") in items)))
        assert len(seen) == 1, (dates, seen)


def test_the_status_expired_comes_before_suspended_and_overruled_before_both(store: LiveStore) -> None:
    """An expired Opt-In has the status Expired. An overruled Opt-In has the status Overruled until a later Opt-In."""
    account = open_account(store, programs_0_filters_0_requiredConsents=["PrivacyPolicy"])
    old = "2023-01-01T00:00:00Z"
    profile_id = begin(
        account,
        email("Home", choice(OPT_IN, old), Consents=[consent(GRANTED, MARCH)]),
        email("Work", Consents=[consent(DENIED, MAY)]),
    )
    assert statuses(account.profile(profile_id))["Home"] == [(OPT_IN, "Expired")]
    account.write(email("Work", choice(OPT_OUT, JANUARY)), profile_id)
    assert statuses(account.profile(profile_id))["Home"] == [(OPT_IN, "Overruled")]


def test_the_status_overruled_comes_before_suspended(store: LiveStore) -> None:
    account = open_account(store, programs_0_filters_0_requiredConsents=["PrivacyPolicy"])
    profile_id = begin(
        account,
        email("Home", choice(OPT_IN, JANUARY), Consents=[consent(GRANTED, JANUARY)]),
        email("Home", Consents=[consent(REVOKED, MARCH)]),
    )
    assert statuses(account.profile(profile_id))["Home"] == [(OPT_IN, "Suspended")]
    account.write(email("Work", choice(OPT_OUT, MARCH)), profile_id)
    assert statuses(account.profile(profile_id))["Home"] == [(OPT_IN, "Overruled")]


@pytest.mark.parametrize("status", [DENIED, REVOKED])
@pytest.mark.parametrize("no", [MARCH, MAY])
def test_a_later_or_equal_no_takes_a_granted_under_another_type_out_of_force(
    store: LiveStore, status: int, no: str
) -> None:
    """Consents of elements follow the same rule."""
    account = open_account(store)
    first = phone("Mobile", choice(OPT_IN, MARCH, filter_id="NEWS-TEXT"), Consents=[texts(GRANTED, MARCH)])
    profile_id = begin(account, first, phone("Home", Consents=[texts(status, no)]))
    shown = account.profile(profile_id)["PhoneNumbers"][0]["PhoneNumberPreferences"]
    assert [one["PreferenceStatus"] for one in shown] == ["Suspended"]


def test_a_granted_is_not_honored_by_a_no_on_its_address(account: LiveAccount) -> None:
    profile_id = begin(account, email("Work", Consents=[consent(DENIED, MARCH)]))
    for date in (JANUARY, MARCH):
        late = account.write(email("Home", Consents=[consent(GRANTED, date)]), profile_id)
        assert codes(late) == ["Consent.Superseded"]
    assert account.write(email("Home", Consents=[consent(GRANTED, MAY)]), profile_id)["Outcome"] == "Updated"


@pytest.mark.parametrize("no_first", [True, False])
def test_a_no_of_an_older_version_on_the_same_instant_as_a_granted_of_a_newer_one_wins(
    store: LiveStore, no_first: bool
) -> None:
    account = open_account(store, programs_0_filters_0_requiredConsents=["PrivacyPolicy"])
    yes, no = {"Consents": [consent(GRANTED, MARCH)]}, {"Consents": [consent(REVOKED, MARCH, "1.0")]}
    profile_id = begin(account, *([no, yes] if no_first else [yes, no]))
    with pytest.raises(Exception, match="could not be applied"):
        account.write(email("Home", choice(OPT_IN, MAY)), profile_id)


def test_a_dated_choice_is_taken_whole(account: LiveAccount) -> None:
    """Absent PreferenceAttributes and Evidence mean that there are none. An absent FrequencyId keeps the stored one."""
    said = {"FrequencyId": "Daily", "PreferenceAttributes": [{"Key": "k", "Value": "v"}]}
    proof = consent(GRANTED, JANUARY, Evidence={"Method": "web"})
    profile_id = begin(account, {**email("Home", choice(OPT_IN, JANUARY, **said)), "Consents": [proof]})
    renewed = account.write({**email("Home", choice(OPT_IN, MARCH)), "Consents": [consent(GRANTED, MARCH)]}, profile_id)
    (shown,) = renewed["Emails"][0]["EmailPreferences"]
    assert (shown["FrequencyId"], "PreferenceAttributes" in shown) == ("Daily", False)
    assert "Evidence" not in renewed["Consents"][0]


def test_on_the_same_instant_the_same_choice_with_other_members_is_an_update(account: LiveAccount) -> None:
    attributes = [{"Key": "k", "Value": "v"}]
    profile_id = begin(account, {**email("Home", choice(OPT_IN, MARCH)), "Consents": [consent(GRANTED, MARCH)]})
    changed = account.write(email("Home", choice(OPT_IN, MARCH, PreferenceAttributes=attributes)), profile_id)
    assert changed["Outcome"] == "Updated"
    trusted = account.write({"Consents": [consent(GRANTED, MARCH, Evidence={"Method": "web"})]}, profile_id)
    assert trusted["Outcome"] == "Updated"


def test_an_undated_choice_that_says_the_same_as_the_one_in_force_is_no_change(account: LiveAccount) -> None:
    """The choice may leave out attributes or evidence: a nightly file of undated yeses deletes no evidence."""
    attributes = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    proof = consent(GRANTED, JANUARY, Evidence={"Method": "web", "Reference": "7"})
    whole = choice(OPT_IN, JANUARY, FrequencyId="Daily", PreferenceAttributes=attributes)
    profile_id = begin(account, {**email("Home", whole), "Consents": [proof]})
    before = account.versions()
    for more in ({}, {"FrequencyId": "daily"}, {"PreferenceAttributes": attributes[:1]}):
        bare = {**email("Home", choice(OPT_IN, **more)), "Consents": [consent(GRANTED)]}
        assert account.write(bare, profile_id)["Outcome"] == "Unchanged"
    part = {"Consents": [consent(GRANTED, Evidence={"Method": "web"})]}
    assert account.write(part, profile_id)["Outcome"] == "Unchanged"
    assert account.versions() == before


@pytest.mark.parametrize(
    "record",
    [
        email("Home", choice(OPT_IN, FrequencyId="Weekly")),
        email("Home", choice(OPT_IN, PreferenceAttributes=[{"Key": "a", "Value": "2"}])),
        email("Home", choice(OPT_IN, PreferenceAttributes=[{"Key": "c", "Value": "1"}])),
        {"Consents": [consent(GRANTED, Evidence={"Method": "call"})]},
        {"Consents": [consent(NOT_SET)]},
    ],
)
def test_an_undated_choice_that_says_something_else_is_a_new_one(account: LiveAccount, record: Wire) -> None:
    whole = choice(OPT_IN, JANUARY, FrequencyId="Daily", PreferenceAttributes=[{"Key": "a", "Value": "1"}])
    proof = consent(GRANTED, JANUARY, Evidence={"Method": "web"})
    assert account.write(record, begin(account, {**email("Home", whole), "Consents": [proof]}))["Outcome"] == "Updated"


def test_an_undated_yes_that_is_not_in_force_is_a_new_choice(account: LiveAccount) -> None:
    """An overruled Opt-In is not in force. A Granted under a later no of an older version is not in force."""
    profile_id = begin(
        account,
        {**email("Home", choice(OPT_IN, JANUARY)), "Consents": [consent(GRANTED, JANUARY)]},
        {**email("Work", choice(OPT_OUT, MARCH)), "Consents": [consent(REVOKED, MARCH, "1.0")]},
    )
    assert account.write(email("Home", choice(OPT_IN)), profile_id)["Outcome"] == "Updated"
    assert statuses(account.profile(profile_id))["Home"] == [(OPT_IN, "Active")]
    assert account.write({"Consents": [consent(GRANTED)]}, profile_id)["Outcome"] == "Updated"


def archive(account: LiveAccount, *records: Wire) -> int:
    """A person whose choices were archived, and whose element is active again."""
    profile_id = begin(account, *records)
    bare = {"CustomerName": {"LastName": "Bo"}, "PreservePreferences": False, "PreserveConsents": False}
    account.write(bare, profile_id, RefreshContacts=True)
    back = account.write(email("Home"), profile_id)
    assert (back["Emails"][0]["IsActive"], back["Emails"][0]["EmailPreferences"]) == (True, [])
    return profile_id


@pytest.mark.parametrize("kind", [OPT_IN, OPT_OUT])
def test_an_undated_choice_whose_like_is_stored_only_archived_is_a_new_choice_of_now(
    account: LiveAccount, kind: int
) -> None:
    profile_id = archive(account, email("Home", choice(kind, JANUARY)))
    written = account.write(email("Home", choice(kind)), profile_id)
    assert (written["Outcome"], statuses(written)["Home"]) == ("Updated", [(kind, "Active")])
    assert [item["PreferenceType"] for item in account.history(profile_id, "Preferences")] == [kind, kind]


@pytest.mark.parametrize("status", [GRANTED, REVOKED])
def test_an_undated_consent_whose_like_is_stored_only_archived_is_a_new_one(account: LiveAccount, status: int) -> None:
    profile_id = archive(account, email("Home", Consents=[consent(status, JANUARY)]))
    written = account.write(email("Home", Consents=[consent(status)]), profile_id)
    assert [one["ConsentStatus"] for one in written["Emails"][0]["Consents"]] == [status]


def test_a_dated_choice_equal_to_an_archived_one_is_no_change(account: LiveAccount) -> None:
    """The same holds with other members: on the same instant the archived choice is not updated."""
    record = email("Home", choice(OPT_OUT, JANUARY), Consents=[consent(DENIED, JANUARY)])
    profile_id = archive(account, record)
    other = email(
        "Home",
        choice(OPT_OUT, JANUARY, PreferenceAttributes=[{"Key": "k", "Value": "v"}]),
        Consents=[consent(DENIED, JANUARY, Evidence={"Method": "web"})],
    )
    for same in (record, other):
        written = account.write(same, profile_id)
        assert (written["Outcome"], codes(written)) == ("Unchanged", [])


def test_inside_one_record_the_noes_come_first_then_the_older_before_the_newer(account: LiveAccount) -> None:
    elements = [
        email("Home", choice(OPT_IN, MAY), choice(OPT_OUT, MAY, filter_id="OFFERS-EMAIL"))["Emails"][0],
        email("Work", choice(OPT_OUT, MARCH), choice(OPT_IN, JANUARY, filter_id="OFFERS-EMAIL"))["Emails"][0],
    ]
    consents = [consent(GRANTED, MARCH), consent(REVOKED, MAY, "1.0"), texts(GRANTED, JANUARY)]
    profile_id = account.write({"Emails": elements, "Consents": consents})["ProfileId"]
    preferences = account.history(profile_id, "Preferences")
    assert [(item["FilterId"], item["PreferenceType"]) for item in preferences] == [
        ("NEWS-EMAIL", OPT_OUT),
        ("OFFERS-EMAIL", OPT_OUT),
        ("NEWS-EMAIL", OPT_IN),
    ]
    found = account.history(profile_id, "Consents")
    assert [(item["ConsentType"], item["ConsentVersion"]) for item in found] == [
        ("PrivacyPolicy", "1.0"),
        ("TextMessages", "2026-01"),
        ("PrivacyPolicy", "2.0"),
    ]


@pytest.mark.parametrize("newer_first", [True, False])
def test_older_versions_come_before_newer_ones(account: LiveAccount, newer_first: bool) -> None:
    both = [consent(GRANTED, MARCH, "1.0"), consent(GRANTED, MARCH)]
    written = account.write({"Consents": both[::-1] if newer_first else both}, AllowPriorConsents=True)
    assert sorted(one["ConsentVersion"] for one in written["Consents"]) == ["1.0", "2.0"]
    assert written["NotHonored"] == []


@pytest.mark.parametrize(
    ("of_element", "of_person", "granted"),
    [
        ((GRANTED, JANUARY), None, True),
        (None, (GRANTED, JANUARY), True),
        ((GRANTED, JANUARY), (REVOKED, MARCH), False),
        ((GRANTED, MARCH), (REVOKED, JANUARY), True),
        ((DENIED, MARCH), (GRANTED, JANUARY), False),
        ((DENIED, JANUARY), (GRANTED, MARCH), True),
        ((GRANTED, MARCH), (DENIED, MARCH), False),
        ((NOT_SET, MARCH), (GRANTED, MARCH), False),
        (None, None, False),
    ],
)
def test_the_later_required_consent_of_element_and_person_decides_and_on_the_same_instant_the_no(
    account: LiveAccount, of_element: tuple[int, str] | None, of_person: tuple[int, str] | None, granted: bool
) -> None:
    own = [] if of_element is None else [texts(*of_element)]
    record = {
        **phone("Mobile", choice(OPT_IN, MAY, filter_id="NEWS-TEXT"), Consents=own),
        "Consents": [] if of_person is None else [texts(*of_person)],
    }
    if granted:
        assert account.write(record)["Outcome"] == "Created"
        return
    with pytest.raises(Exception, match="could not be applied"):
        account.write(record)


@pytest.mark.parametrize(
    ("of_person", "granted"),
    [((REVOKED, MAY), False), ((DENIED, MARCH), False), ((REVOKED, JANUARY), True), ((GRANTED, MAY), True)],
)
def test_an_archived_no_of_the_person_still_decides_over_an_earlier_yes_of_the_element(
    account: LiveAccount, of_person: tuple[int, str], granted: bool
) -> None:
    """ "Precedence still looks at them": an archived no counts, and an archived yes does not come back into force."""
    profile_id = begin(account, {"Consents": [texts(*of_person)]}, {"IsActive": False, "PreserveConsents": False})
    own = phone("Mobile", choice(OPT_IN, MAY, filter_id="NEWS-TEXT"), Consents=[texts(GRANTED, MARCH)])
    if granted:
        assert account.write({"IsActive": True, **own}, profile_id)["Outcome"] == "Updated"
        return
    with pytest.raises(Exception, match="could not be applied"):
        account.write({"IsActive": True, **own}, profile_id)


def test_a_no_of_an_older_version_on_the_same_instant_as_a_not_set_of_a_newer_one_is_not_in_force(
    account: LiveAccount,
) -> None:
    """ "In force is the newest version present, or a later no of an older one": so the undated no is a new choice."""
    profile_id = begin(account, {"Consents": [consent(REVOKED, MARCH, "1.0")]}, {"Consents": [consent(NOT_SET, MARCH)]})
    assert account.write({"Consents": [consent(REVOKED, None, "1.0")]}, profile_id)["Outcome"] == "Updated"


def test_an_undated_choice_that_equals_the_stored_one_is_no_change_whatever_rule_would_hold_it_back(
    account: LiveAccount,
) -> None:
    """Undated choices of one batch have one instant. So the repeated ones equal the stored ones."""
    who = {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}]}
    first = {**who, **email("Home", choice(OPT_IN)), "Consents": [consent(GRANTED, version="1.0")]}
    again = {
        **who,
        "Emails": email("Home", choice(OPT_IN))["Emails"] + email("Work", choice(OPT_OUT))["Emails"],
        "Consents": [consent(GRANTED, version="1.0"), consent(GRANTED, JANUARY, "2.0")],
    }
    match = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM", "AllowPriorConsents": True}
    ended = account.run([[first, again]], **match)
    assert (ended.faults, ended.not_honored) == ({}, {})
    assert (ended.status["Created"], ended.status["Updated"]) == (1, 1)


def test_an_archived_yes_of_the_element_leaves_the_decision_to_the_person(account: LiveAccount) -> None:
    profile_id = begin(account, phone("Mobile", Consents=[texts(GRANTED, MAY)]))
    account.write({"IsActive": False, "PreserveConsents": False}, profile_id)
    mine = phone("Mobile", choice(OPT_IN, MAY, filter_id="NEWS-TEXT"))
    written = account.write({"IsActive": True, "Consents": [texts(GRANTED, MARCH)], **mine}, profile_id)
    assert written["Outcome"] == "Updated"
    assert [one["PreferenceStatus"] for one in written["PhoneNumbers"][0]["PhoneNumberPreferences"]] == ["Active"]


def test_a_granted_of_another_element_never_counts(account: LiveAccount) -> None:
    other = phone("Home", Consents=[texts(GRANTED, MAY)])["PhoneNumbers"]
    mine = phone("Mobile", choice(OPT_IN, MAY, filter_id="NEWS-TEXT"))["PhoneNumbers"]
    with pytest.raises(Exception, match="could not be applied"):
        account.write({"PhoneNumbers": [*mine, *other]})


def test_a_default_with_is_default_false_moves_the_mark_to_an_element_without_it(account: LiveAccount) -> None:
    """IsDefault: false on the default moves the mark to another active element that does not also have IsDefault:
    false."""
    elements = [{"EmailAddress": f"{letter}@example.com"} for letter in "abc"]
    profile_id = begin(account, {"Emails": elements})
    declining = [{**elements[0], "IsDefault": False}, {**elements[1], "IsDefault": False}]
    moved = account.write({"Emails": declining}, profile_id)
    assert [one["IsDefault"] for one in moved["Emails"]] == [False, False, True]
    all_decline = account.write({"Emails": [{**one, "IsDefault": False} for one in elements]}, profile_id)
    assert (all_decline["Outcome"], all_decline["Emails"][2]["IsDefault"]) == ("Unchanged", True)


def test_an_inactive_group_counts_as_not_included(account: LiveAccount) -> None:
    """The answer shows inactive groups and marks them. A record can contain the groups of the answer unchanged."""
    groups = [{"GroupType": "Household", "GroupName": name} for name in ("Okubo", "Diaz")]
    profile_id = begin(account, {"CustomerName": {"LastName": "Bo"}, "Groups": groups})
    off = [groups[0], {**groups[1], "IsActive": False}]
    named = {"CustomerName": {"LastName": "Bo"}}
    assert account.write({**named, "Groups": off}, profile_id)["Outcome"] == "Unchanged"
    left = account.write({**named, "Groups": off}, profile_id, RefreshGroups=True)
    marks = [(one["GroupName"], one["IsActive"]) for one in left["Groups"]]
    assert marks == [("Okubo", True), ("Diaz", False)]
    for refresh in (False, True):
        assert (
            account.write({**named, "Groups": left["Groups"]}, profile_id, RefreshGroups=refresh)["Outcome"]
            == "Unchanged"
        )
    assert account.write({**named, "Groups": groups}, profile_id)["Groups"][1]["IsActive"] is True
    created = account.write({**named, "Groups": [{**groups[0], "IsActive": False}]})
    assert created["Groups"] == []
