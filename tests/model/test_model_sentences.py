"""Tests of the model: one hand-made example for each sentence of the contract that was made more exact.

Each test is named after its sentence in execution.md; test_model_records.py has the tests of record.md.
"""

import pytest

from .execution_model import Model
from .histories import build_account
from .model_examples import (
    D1,
    D2,
    D3,
    MATCH,
    STAGED,
    STARTED,
    Wire,
    archived,
    at_person,
    codes,
    consent,
    email,
    outcomes,
    person,
    phone,
    pref,
    run,
    shown,
    texting,
    under,
    with_pref,
)

HOME, WORK = "Home", "Work"
TEXT, ONE = "NEWS-TEXT", "2125550143"
PATH = "$.Emails[0].EmailPreferences[0]"


@pytest.fixture
def model() -> Model:
    return Model(build_account())


def status(model: Model, label: str) -> str:
    (element,) = [one for one in shown(model)["Emails"] if one["EmailAddressType"] == label]
    return str(element["EmailPreferences"][0]["PreferenceStatus"])


# A no binds the person's address, not a label


def test_an_opt_out_takes_every_opt_in_on_that_address_that_is_not_later_out_of_force(model: Model) -> None:
    run(model, under(HOME, pref(1, D1)))
    assert status(model, HOME) == "Active"
    assert outcomes(model, under(WORK, pref(2, D1))) == ["Updated"]
    assert (status(model, HOME), status(model, WORK)) == ("Overruled", "Active")


def test_an_opt_out_leaves_a_later_opt_in_another_filter_and_another_address_alone(model: Model) -> None:
    run(model, under(HOME, pref(1, D2)))
    run(model, under(WORK, pref(2, D1)), under(WORK, pref(2, D3, "EVENTS-EMAIL")))
    run(model, person(Emails=[email("bob@example.com", EmailPreferences=[pref(2, D3)])]))
    found = [one for one in shown(model)["Emails"] if one["EmailAddressType"] == HOME]
    assert [one["EmailPreferences"][0]["PreferenceStatus"] for one in found] == ["Active", "Active"]


def test_overruled_until_a_later_opt_in(model: Model) -> None:
    run(model, under(HOME, pref(1, D1)), under(WORK, pref(2, D2)))
    assert outcomes(model, under(HOME, pref(1, D1))) == ["Unchanged"]
    assert outcomes(model, under(HOME, pref(1, D2))) == ["NotHonored"]
    assert outcomes(model, under(HOME, pref(1, D3))) == ["Updated"]
    assert (status(model, HOME), status(model, WORK)) == ("Active", "Active")


def test_the_order_in_which_the_two_arrive_makes_no_difference_to_what_is_in_force(model: Model) -> None:
    yes, no = under(HOME, pref(1, D1)), under(WORK, pref(2, D2))
    assert outcomes(model, yes, no) == ["Created", "Updated"]
    assert status(model, HOME) == "Overruled"
    other = Model(build_account())
    assert outcomes(other, no, yes) == ["Created", "Updated"]  # the element is new, and the Opt-In is not honored
    (home,) = [one for one in shown(other)["Emails"] if one["EmailAddressType"] == HOME]
    assert home["EmailPreferences"] == []


def test_an_opt_out_of_an_inactive_element_still_binds_the_address(model: Model) -> None:
    run(model, under(HOME, pref(1, D1)), under(WORK, pref(2, D2)))
    run(model, under(HOME), RefreshContacts=True)
    assert status(model, HOME) == "Overruled"


def test_an_undated_opt_in_over_an_overruled_one_is_a_new_choice(model: Model) -> None:
    run(model, under(HOME, pref(1, D1)), under(WORK, pref(2, D2)))
    assert outcomes(model, under(HOME, pref(1, None))) == ["Updated"]  # the Opt-Out is in force
    assert status(model, HOME) == "Active"


def with_consents(label: str, *consents: Wire) -> Wire:
    return phone(ONE, consents=list(consents), PhoneType=label)


def texts(model: Model) -> str:
    """The status of the Opt-In to text messages under Mobile."""
    (element,) = [one for one in shown(model)["PhoneNumbers"] if one["PhoneType"] == "Mobile"]
    return str(element["PhoneNumberPreferences"][0]["PreferenceStatus"])


def test_consents_bound_to_elements_behave_alike(model: Model) -> None:
    granted, later_no = texting(1, "2025-01-01"), texting(3, "2025-02-01")
    run(model, person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT), consents=[granted])]))
    assert texts(model) == "Active"
    run(model, person(PhoneNumbers=[with_consents("Home", later_no)]))
    assert texts(model) == "Suspended"
    # In the other order the Granted is not honored.
    other = Model(build_account())
    run(other, person(PhoneNumbers=[with_consents("Home", later_no)]))
    result = run(other, person(PhoneNumbers=[with_consents("Mobile", granted)]))
    assert codes(result) == [("Consent.Superseded", "$.PhoneNumbers[0].Consents[0]")]
    fresh = texting(1, "2025-03-01")
    assert outcomes(other, person(PhoneNumbers=[with_consents("Mobile", fresh)])) == ["Updated"]


# Consents


def test_a_no_of_an_older_version_on_the_same_instant_wins(model: Model) -> None:
    run(model, person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT))], Consents=[texting(1, "2025-01-01T00:00:00Z")]))
    assert texts(model) == "Active"
    assert outcomes(model, at_person(texting(3, "2025-01-01T00:00:00Z", "2023"))) == ["Updated"]
    assert texts(model) == "Suspended"


def test_of_two_noes_on_the_same_instant_the_newest_version_is_in_force(model: Model) -> None:
    run(model, at_person(texting(2, "2025-01-01", "2023"), texting(3, "2025-01-01")))
    assert outcomes(model, at_person(consent(3, None, "2024", "Texting"))) == ["Unchanged"]
    assert outcomes(model, at_person(consent(2, None, "2023", "Texting"))) == ["Updated"]


# A dated choice is taken whole


def test_the_proof_of_an_old_choice_never_passes_to_a_new_one(model: Model) -> None:
    proof = [{"Key": "form", "Value": "f1"}]
    run(model, with_pref(pref(1, D1, PreferenceAttributes=proof)))
    run(model, with_pref(pref(1, D2)))
    (element,) = shown(model)["Emails"]
    assert element["EmailPreferences"][0]["PreferenceAttributes"] == []


def test_an_absent_frequency_keeps_the_stored_one_if_the_filter_still_offers_it_else_the_default(model: Model) -> None:
    run(model, with_pref(pref(1, D1, FrequencyId="Daily")))
    run(model, with_pref(pref(1, D2)))
    assert shown(model)["Emails"][0]["EmailPreferences"][0]["FrequencyId"] == "Daily"
    account = build_account()
    account["programs"][0]["filters"][0]["frequencies"] = ["Weekly", "Monthly"]
    model.configure(account)
    run(model, with_pref(pref(1, D3)))
    assert shown(model)["Emails"][0]["EmailPreferences"][0]["FrequencyId"] == "Weekly"


# An undated choice that says the same as the one in force is no change


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({}, "Unchanged"),
        ({"FrequencyId": "daily"}, "Unchanged"),
        ({"PreferenceAttributes": []}, "Unchanged"),
        ({"PreferenceAttributes": [{"Key": "form", "Value": "f1"}]}, "Unchanged"),
        ({"FrequencyId": "Weekly"}, "Updated"),
        ({"PreferenceAttributes": [{"Key": "form", "Value": "f2"}]}, "Updated"),
        ({"PreferenceType": 2}, "Updated"),
    ],
)
def test_an_undated_preference_that_says_the_same_is_no_change(model: Model, said: Wire, outcome: str) -> None:
    stored = pref(1, D1, FrequencyId="Daily", PreferenceAttributes=[{"Key": "form", "Value": "f1"}, {"Key": "page"}])
    run(model, with_pref(stored))
    assert outcomes(model, with_pref({**pref(1, None), **said})) == [outcome]
    date = shown(model)["Emails"][0]["EmailPreferences"][0]["CustomerDate"]
    assert date == (D1 if outcome == "Unchanged" else STAGED)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({}, "Unchanged"),
        ({"Evidence": {"Method": "form"}}, "Unchanged"),
        ({"Evidence": {"Method": "call"}}, "Updated"),
        ({"ConsentStatus": 3}, "Updated"),
    ],
)
def test_an_undated_consent_that_says_the_same_is_no_change(model: Model, said: Wire, outcome: str) -> None:
    run(model, at_person(consent(1, D1, Evidence={"Method": "form", "Reference": "R"})))
    assert outcomes(model, at_person({**consent(1, None), **said})) == [outcome]
    kept = shown(model)["Consents"][0]
    assert kept["ConsentDate"] == (D1 if outcome == "Unchanged" else STAGED)


def test_an_undated_no_of_an_old_version_under_a_newer_yes_is_a_new_choice(model: Model) -> None:
    run(model, at_person(consent(2, D1, "1.0"), consent(1, D2)))
    assert outcomes(model, at_person(consent(2, None, "1.0"))) == ["Updated"]  # the yes of 3.0 was in force


def test_an_undated_choice_whose_like_is_stored_only_archived_is_a_new_choice_of_now(model: Model) -> None:
    run(model, archived(pref(2, D1), Consents=[consent(3, D1)]), person(IsActive=True))
    assert outcomes(model, {**with_pref(pref(2, None)), "Consents": [consent(3, None)]}) == ["Updated"]
    kept = shown(model)
    assert kept["Emails"][0]["EmailPreferences"][0]["CustomerDate"] == STAGED
    assert kept["Emails"][0]["EmailPreferences"][0]["InForce"]
    assert (kept["Consents"][0]["ConsentDate"], kept["Consents"][0]["InForce"]) == (STAGED, True)


def test_a_dated_choice_equal_to_an_archived_one_is_no_change(model: Model) -> None:
    run(model, archived(pref(2, D1), Consents=[consent(3, D1)]), person(IsActive=True))
    assert outcomes(model, {**with_pref(pref(2, D1)), "Consents": [consent(3, D1)]}) == ["Unchanged"]
    # the same choice of the same instant with other members: no change either
    proof = [{"Key": "form", "Value": "f1"}]
    assert outcomes(model, with_pref(pref(2, D1, PreferenceAttributes=proof))) == ["Unchanged"]


# Inside one record


def test_inside_one_record_the_noes_come_first_then_the_older_before_the_newer(model: Model) -> None:
    run(model, under(WORK, pref(2, D2)))
    home = email(EmailPreferences=[pref(1, D1)])
    work = email(EmailAddressType=WORK, EmailPreferences=[pref(1, D3)])
    # The Opt-In of D1 comes first, and the Opt-Out of D2 is still there.
    result = run(model, person(Emails=[work, home]))
    assert codes(result) == [("Preference.Superseded", "$.Emails[1].EmailPreferences[0]")]
    assert status(model, WORK) == "Active"


def test_inside_one_record_older_versions_come_before_newer_ones(model: Model) -> None:
    newer_first = at_person(consent(1, D1, "2.0"), consent(1, D1, "1.0"))
    result = run(model, newer_first, AllowPriorConsents=True)
    assert (result.outcomes, result.not_honored) == ({1: "Created"}, {})
    assert len(shown(model)["Consents"]) == 2
    # The date comes before the version.
    later_old = person("C-2", Consents=[consent(1, D2, "1.0"), consent(1, D1, "2.0")])
    result = run(model, later_old, AllowPriorConsents=True)
    assert codes(result) == [("Consent.NewerVersionPresent", "$.Consents[0]")]


# Required consents


@pytest.mark.parametrize(
    ("at_element", "at_the_person", "outcome"),
    [
        ((1, "2025-01-01"), (3, "2025-02-01"), "Exception"),
        ((1, "2025-02-01"), (3, "2025-01-01"), "Created"),
        ((3, "2025-01-01T12:00:00Z"), (1, "2025-01-01T12:00:00Z"), "Exception"),
        ((3, "2025-01-01"), (1, "2025-02-01"), "Created"),
    ],
)
def test_where_both_stand_the_later_decides_and_on_the_same_instant_the_no(
    model: Model, at_element: tuple[int, str], at_the_person: tuple[int, str], outcome: str
) -> None:
    element = phone(ONE, pref(1, D1, TEXT), consents=[texting(*at_element)])
    assert outcomes(model, person(PhoneNumbers=[element], Consents=[texting(*at_the_person)])) == [outcome]


@pytest.mark.parametrize(("at_element", "at_the_person"), [("2023", "2024"), ("2024", "2023")])
def test_of_two_yeses_of_one_instant_the_unexpired_one_is_in_force(
    model: Model, at_element: str, at_the_person: str
) -> None:
    """Version 2024 expires after 600 days, version 2023 after a century."""
    element = phone(ONE, pref(1, D1, TEXT), consents=[texting(1, D1, at_element)])
    record = person(PhoneNumbers=[element], Consents=[texting(1, D1, at_the_person)])
    assert outcomes(model, record, AllowPriorConsents=True) == ["Created"]


def test_required_consents_are_judged_as_if_the_profile_were_active(model: Model) -> None:
    record = person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT))], Consents=[texting(1, "2025-01-01")], IsActive=False)
    assert outcomes(model, record) == ["Created"]


def test_of_an_expired_one_expired_is_said_before_suspended(model: Model) -> None:
    account = build_account()
    account["programs"][0]["filters"][2]["durationDays"] = 30
    model.configure(account)
    run(model, person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT))], Consents=[texting(1, "2025-01-01")]))
    assert texts(model) == "Expired"
    run(model, at_person(texting(3, "2025-02-01")))
    assert texts(model) == "Expired"


# Default element


def test_is_default_false_passes_over_elements_that_say_false_themselves(model: Model) -> None:
    one, two, three = (email(f"{name}@example.com") for name in ("ann", "bob", "cat"))
    run(model, person(Emails=[one, two, three]))
    run(model, person(Emails=[{**one, "IsDefault": False}, {**two, "IsDefault": False}]))
    assert [e["EmailAddress"] for e in shown(model)["Emails"] if e["IsDefault"]] == ["cat@example.com"]


# Required fields


def test_a_required_field_is_never_cleared(model: Model) -> None:
    """The field is made required between staging and execution. On an existing profile the blank is not honored; a new
    profile is an exception."""
    plain = {"Name": "Plain", "Value": "x"}
    region = {"Name": "Region", "Value": "N"}
    run(model, person(CustomFields=[region, plain]))
    account = build_account()
    account["customFields"][3]["required"] = True
    blank = person("C-1", CustomFields=[region, {"Name": "Plain", "Value": ""}])
    fresh = person("C-2", CustomFields=[region, {"Name": "Plain", "Value": ""}])
    result = model.run_import(
        settings=MATCH,
        batches=[(STAGED, [blank, fresh])],
        started_at=STARTED,
        configured=account,
    )
    assert list(result.outcomes.values()) == ["NotHonored", "Exception"]
    assert codes(result, 1) == [("CustomField.Required", "$.CustomFields[1]")]
