"""Tests of the model: one hand-made example for each sentence of record.md that was made more exact."""

from typing import Any

import pytest

from .execution_model import ImportResult, Model
from .histories import build_account
from .model_account import PARTS, SPELLINGS, build_changed
from .model_examples import (
    D1,
    D2,
    D3,
    MATCH,
    STAGED,
    STARTED,
    Wire,
    at_person,
    codes,
    consent,
    email,
    outcomes,
    person,
    pref,
    run,
    shown,
    with_pref,
)
from .profile_model import as_given_out


@pytest.fixture
def model() -> Model:
    return Model(build_account())


def configured(model: Model, **knobs: Any) -> Model:
    model.configure(build_changed("JUDGE", {name.replace("_", " "): value for name, value in knobs.items()}))
    return model


# The spelling first configured stays


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_nothing_stored_is_told_apart_by_spelling(model: Model, spelling: str) -> None:
    group = {"GroupType": "Club", "GroupName": "Okubo"}
    record = {
        **with_pref(pref(2, D2, FrequencyId="Daily"), EmailAddressType="Büro"),
        "Consents": [consent(3, D2)],
        "Groups": [group],
    }
    run(model, record)
    before = as_given_out(shown(model))
    configured(model, spelling=dict.fromkeys(PARTS, spelling))
    assert as_given_out(shown(model)) == before
    assert outcomes(model, record) == ["Unchanged"]
    older = {
        **with_pref(pref(1, D1, SPELLINGS[spelling]("NEWS-EMAIL")), EmailAddressType=SPELLINGS[spelling]("Büro")),
        "Consents": [consent(1, D1, kind=SPELLINGS[spelling]("Privacy"))],
    }
    assert outcomes(model, older) == ["NotHonored"]
    assert as_given_out(shown(model)) == before


def test_what_is_left_out_of_the_document_is_switched_off_and_stays_stored(model: Model) -> None:
    run(model, with_pref(pref(2, D1, "EVENTS-EMAIL")))
    configured(model, filters_left_out=("EVENTS-EMAIL",))
    assert shown(model)["Emails"][0]["EmailPreferences"][0]["FilterId"] == "EVENTS-EMAIL"
    result = run(model, with_pref(pref(1, D2, "EVENTS-EMAIL")))
    assert codes(result) == [("Preference.UnknownFilter", "$.Emails[0].EmailPreferences[0]")]
    configured(model, filters_left_out=())
    assert outcomes(model, with_pref(pref(1, D1, "EVENTS-EMAIL"))) == ["NotHonored"]


def test_nobody_is_refused_a_withdrawal(model: Model) -> None:
    configured(model, consents_off=("Privacy",))
    assert outcomes(model, at_person(consent(3, D1, "1.0"))) == ["Created"]
    assert codes(run(model, at_person(consent(1, D2)))) == [("Consent.UnknownType", "$.Consents[0]")]


# White space and invisible characters


@pytest.mark.parametrize("odd", ["\u00a0", "\u3000", "\u2009"])
def test_white_space_of_any_kind_is_trimmed(model: Model, odd: str) -> None:
    group, tag = {"GroupType": "Club", "GroupName": "Okubo"}, {"Name": "loyal"}
    run(model, person("C-1", Groups=[group], ProfileTags=[tag]))
    again = person(
        f"{odd}C-1{odd}", Groups=[{**group, "GroupName": f"Okubo{odd}"}], ProfileTags=[{"Name": f"{odd}loyal"}]
    )
    assert outcomes(model, again) == ["Unchanged"]


def test_white_space_of_any_kind_counts_as_a_space(model: Model) -> None:
    street = {"Address1": "12 Elm St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}
    run(model, person(Addresses=[street]))
    assert outcomes(model, person(Addresses=[{**street, "Address1": "12\u00a0Elm\u3000St"}])) == ["Unchanged"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u200d", "\ue000", "\ufeff"])
def test_invisible_characters_are_a_fault_in_what_is_matched(model: Model, hidden: str) -> None:
    record = person(
        f"C{hidden}-1",
        Groups=[{"GroupType": "Club", "GroupName": f"O{hidden}k"}],
        ProfileTags=[{"Name": f"l{hidden}o"}],
    )
    paths = ["$.AlternateIds[0]", "$.Groups[0]", "$.ProfileTags[0]"]
    assert codes(run(model, record)) == [("String.InvisibleCharacter", path) for path in paths]


def test_joiners_are_allowed_in_a_persons_name(model: Model) -> None:
    assert outcomes(model, person(CustomerName={"FirstName": "A\u200cn\u200dn"})) == ["Created"]


# Groups


def test_inactive_group_counts_as_not_included_and_is_given_out_marked(model: Model) -> None:
    club = {"GroupType": "Club", "GroupName": "Okubo"}
    run(model, person(Groups=[club]))
    assert outcomes(model, person(Groups=[{**club, "IsActive": False}])) == ["Unchanged"]
    assert outcomes(model, person(Groups=[{**club, "IsActive": False}]), RefreshGroups=True) == ["Updated"]
    assert as_given_out(shown(model))["Groups"] == [{**club, "IsPrimary": False, "IsActive": False}]
    assert outcomes(model, person(Groups=[club])) == ["Updated"]


# Telephone numbers


@pytest.mark.parametrize("number", ["2.02E9", "2125550143.0", "212-555-0143 or so", "1-800-FLOWERS"])
def test_a_telephone_number_is_one_number_written_as_numbers_are(model: Model, number: str) -> None:
    result = run(model, person(PhoneNumbers=[{"PhoneNumber": number}]))
    assert codes(result) == [("Phone.NotANumber", "$.PhoneNumbers[0]")]


@pytest.mark.parametrize(
    "number", ["+1 (212) 555-0143", "212.555.0143", "212/555/0143", "[212] 555 0143", "212\u00a0555\u20090143"]
)
def test_separators_between_digits_are_written_as_numbers_are(model: Model, number: str) -> None:
    run(model, person(PhoneNumbers=[{"PhoneNumber": "2125550143"}]))
    assert outcomes(model, person(PhoneNumbers=[{"PhoneNumber": number}])) == ["Unchanged"]


# Dates


def test_earliest_date(model: Model) -> None:
    old = with_pref(pref(1, "1989-12-31"))
    assert codes(run(model, old)) == [("Date.Implausible", "$.Emails[0].EmailPreferences[0]")]
    configured(model, account={"earliestDate": "2024-02-15"})
    result = run(model, at_person(consent(3, D2)), at_person(consent(3, D3)))
    assert list(result.outcomes.values()) == ["ValidationFailed", "Created"]


def test_require_dates(model: Model) -> None:
    configured(model, account={"requireDates": True})
    result = run(model, {**with_pref(pref(1, None)), "Consents": [consent(1, None)]})
    paths = ["$.Consents[0]", "$.Emails[0].EmailPreferences[0]"]
    assert codes(result) == [("Time.Required", path) for path in paths]


# Permissions


def by_clerk(model: Model, record: Wire, **settings: Any) -> ImportResult:
    return model.run_import(settings={**MATCH, **settings}, batches=[(STAGED, [record], "clerk")], started_at=STARTED)


def test_a_refresh_flag_needs_a_caller_who_may_touch_all_that_it_can_remove(model: Model) -> None:
    assert codes(by_clerk(model, person(), RefreshContacts=True)) == [("Permission.Refresh", "$")]
    assert by_clerk(model, person(), RefreshGroups=True).outcomes == {1: "Created"}


def test_other_flags_need_profile_write() -> None:
    account = build_account()
    account["userGroups"][1]["permissions"]["profile"] = ["read"]
    assert codes(by_clerk(Model(account), person(), RefreshTags=True)) == [("Permission.Refresh", "$")]


def test_a_record_that_reaches_further_is_never_half_accepted(model: Model) -> None:
    record = person(Emails=[email(EmailPreferences=[pref(1, D1), pref(2, D1, "OFFERS-EMAIL")])])
    result = by_clerk(model, record)
    assert codes(result) == [("Permission.Program", "$.Emails[0].EmailPreferences[1]")]
    assert model.all_profiles() == []


def test_a_frequency_is_one_that_the_filter_offers(model: Model) -> None:
    configured(model, frequencies_dropped=("Daily",))
    result = run(model, with_pref(pref(1, D1, FrequencyId="daily")))
    assert codes(result) == [("Preference.UnknownFrequency", "$.Emails[0].EmailPreferences[0]")]


def test_the_same_element_twice_is_a_fault_also_by_the_default_type(model: Model) -> None:
    record = person(Emails=[email(), email(EmailAddressType="Work")])
    assert outcomes(model, record) == ["Created"]
    configured(model, defaults={"emailTypes": "Work"})
    assert codes(run(model, record)) == [("Array.Duplicate", "$.Emails[1]")]
