"""Tests of the model: hand-made examples of precedence, consents, expiry, choices in force and times."""

from datetime import UTC, datetime

import pytest

from .account_model import Account
from .execution_model import ImportResult, Model
from .histories import build_account
from .model_examples import (
    D1,
    D2,
    D3,
    MATCH,
    STAGED,
    STARTED,
    at_person,
    codes,
    consent,
    current,
    email,
    outcomes,
    person,
    phone,
    pref,
    run,
    shown,
    texting,
    with_pref,
)
from .profile_model import as_given_out
from .record_model import parse_time, render_time


@pytest.fixture
def model() -> Model:
    return Model(build_account())


# Preferences


@pytest.mark.parametrize(
    ("first", "second", "outcome", "stands"),
    [
        ((1, D1), (2, D2), "Updated", (2, D2)),
        ((2, D1), (1, D2), "Updated", (1, D2)),
        ((2, D2), (1, D1), "NotHonored", (2, D2)),
        ((1, D2), (2, D1), "NotHonored", (1, D2)),
        ((1, D1), (2, D1), "Updated", (2, D1)),
        ((2, D1), (1, D1), "NotHonored", (2, D1)),
        ((1, D1), (1, D2), "Updated", (1, D2)),
        ((1, D2), (1, D1), "NotHonored", (1, D2)),
        ((1, D1), (1, D1), "Unchanged", (1, D1)),
        ((1, D1), (1, None), "Unchanged", (1, D1)),
        ((2, D1), (1, None), "Updated", (1, STAGED)),
    ],
)
def test_preference_precedence(
    model: Model, first: tuple[int, str], second: tuple[int, str | None], outcome: str, stands: tuple[int, str]
) -> None:
    run(model, with_pref(pref(*first)))
    result = run(model, with_pref(pref(*second)))
    assert result.outcomes == {1: outcome}
    if outcome == "NotHonored":
        assert codes(result) == [("Preference.Superseded", "$.Emails[0].EmailPreferences[0]")]
    assert (current(model)["PreferenceType"], current(model)["CustomerDate"]) == stands


def test_no_binds_the_address_not_a_label(model: Model) -> None:
    run(model, with_pref(pref(2, D2), EmailAddressType="Work"))
    assert outcomes(model, with_pref(pref(1, D2), EmailAddressType="Home")) == ["Updated"]  # only the element
    assert outcomes(model, with_pref(pref(1, D1), EmailAddressType="Home")) == ["NotHonored"]
    assert outcomes(model, with_pref(pref(1, D2, "EVENTS-EMAIL"))) == ["Updated"]  # another filter
    assert outcomes(model, with_pref(pref(1, D3))) == ["Updated"]  # later than the no


def test_no_binds_the_address_within_one_record_whatever_the_order(model: Model) -> None:
    yes = email(EmailPreferences=[pref(1, D1)])
    no = email(EmailAddressType="Work", EmailPreferences=[pref(2, D1)])
    result = run(model, person("C-1", Emails=[yes, no]), person("C-2", Emails=[no, yes]))
    assert list(result.outcomes.values()) == ["Created", "Created"]
    assert codes(result, 1) == [("Preference.Superseded", "$.Emails[0].EmailPreferences[0]")]
    assert codes(result, 2) == [("Preference.Superseded", "$.Emails[1].EmailPreferences[0]")]


def test_choice_is_taken_whole(model: Model) -> None:
    proof = [{"Key": "form", "Value": "f1"}]
    run(model, with_pref(pref(1, D1, FrequencyId="daily", PreferenceAttributes=proof)))
    assert current(model)["FrequencyId"] == "Daily"
    run(model, with_pref(pref(1, D2)))
    assert (current(model)["FrequencyId"], current(model)["PreferenceAttributes"]) == ("Daily", [])
    # on the same instant the same choice with other members is an update
    assert outcomes(model, with_pref(pref(1, D2, FrequencyId="Monthly"))) == ["Updated"]
    assert current(model)["FrequencyId"] == "Monthly"


def test_absent_frequency_is_the_default_for_a_new_choice(model: Model) -> None:
    run(model, with_pref(pref(1, D1)))
    assert current(model)["FrequencyId"] == "Weekly"
    assert current(model)["ExpirationDate"] == "2025-12-31T00:00:00Z"  # 730 days of 24 hours, through a leap year


def test_only_opt_in_expires(model: Model) -> None:
    run(model, with_pref(pref(2, D1)))
    assert "ExpirationDate" not in current(model)


# Force and archive


def test_choices_of_an_inactive_element_are_out_of_force_and_come_back(model: Model) -> None:
    run(model, with_pref(pref(1, D1)))
    run(model, person(), RefreshContacts=True)
    assert (current(model)["InForce"], current(model)["Archived"]) == (False, False)
    assert as_given_out(shown(model))["Emails"][0]["EmailPreferences"] == []
    run(model, person(Emails=[email()]))
    assert current(model)["InForce"] is True


def test_archived_choices_do_not_come_back_and_still_take_precedence(model: Model) -> None:
    run(model, with_pref(pref(2, D2)))
    run(model, person(PreservePreferences=False), RefreshContacts=True)
    assert outcomes(model, with_pref(pref(1, D1))) == ["Updated"]  # the element came back
    assert (current(model)["InForce"], current(model)["Archived"]) == (False, True)
    assert outcomes(model, with_pref(pref(1, D2))) == ["NotHonored"]
    assert outcomes(model, with_pref(pref(2, D2))) == ["Unchanged"]
    assert outcomes(model, with_pref(pref(1, D3))) == ["Updated"]
    assert (current(model)["InForce"], current(model)["PreferenceType"]) == (True, 1)


def test_preserve_speaks_of_each_sort_alone(model: Model) -> None:
    run(model, with_pref(pref(1, D1), Consents=[consent(1, D1)]))
    run(model, person(PreserveConsents=False), RefreshContacts=True)
    (element,) = shown(model)["Emails"]
    assert element["EmailPreferences"][0]["Archived"] is False
    assert element["Consents"][0]["Archived"] is True


def test_profile_set_inactive_takes_all_choices_out_of_force(model: Model) -> None:
    run(model, {**with_pref(pref(1, D1)), "Consents": [consent(1, D1)]})
    run(model, person(IsActive=False))
    assert shown(model)["Consents"][0]["InForce"] is False
    run(model, person(IsActive=True))
    assert shown(model)["Consents"][0]["InForce"] is True
    run(model, person(IsActive=False, PreserveConsents=False))
    run(model, person(IsActive=True))
    assert shown(model)["Consents"][0]["Archived"] is True
    assert current(model)["InForce"] is True


# Consents


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ((1, D1), (3, D1), "Updated"),
        ((3, D1), (2, D1), "NotHonored"),
        ((2, D1), (4, D1), "NotHonored"),
        ((4, D1), (1, D1), "NotHonored"),
        ((1, D1), (4, D1), "Updated"),
        ((3, D1), (1, D2), "Updated"),
        ((1, D2), (3, D1), "NotHonored"),
        ((1, D1), (1, D1), "Unchanged"),
        ((1, D1), (1, None), "Unchanged"),
    ],
)
def test_consent_precedence_within_a_version(
    model: Model, first: tuple[int, str], second: tuple[int, str | None], outcome: str
) -> None:
    run(model, at_person(consent(*first)))
    result = run(model, at_person(consent(*second)))
    assert result.outcomes == {1: outcome}
    assert codes(result) == ([("Consent.Superseded", "$.Consents[0]")] if outcome == "NotHonored" else [])


def test_proof_never_passes_to_a_new_choice(model: Model) -> None:
    run(model, at_person(consent(1, D1, Evidence={"Method": "form", "Url": None})))
    assert shown(model)["Consents"][0]["Evidence"] == {"Method": "form"}
    run(model, at_person(consent(1, D2)))
    assert "Evidence" not in shown(model)["Consents"][0]


def test_prior_version_needs_the_flag_but_a_no_never_does(model: Model) -> None:
    result = run(model, at_person(consent(1, D1, "1.0")), at_person(consent(3, D1, "1.0")))
    assert list(result.outcomes.values()) == ["ValidationFailed", "Created"]
    assert codes(result) == [("Consent.PriorVersion", "$.Consents[0]")]
    allowed = run(Model(build_account()), at_person(consent(1, D1, "1.0")), AllowPriorConsents=True)
    assert allowed.outcomes == {1: "Created"}


def test_prior_version_is_looked_at_again_at_execution(model: Model) -> None:
    after = build_account()
    after["consentTypes"][0]["versions"].append({"version": "4.0", "texts": {"en_US": "Newer."}})
    result = model.run_import(
        settings=MATCH,
        batches=[(STAGED, [at_person(consent(1, D1, "3.0"))])],
        started_at=STARTED,
        configured=after,
    )
    assert (result.outcomes, codes(result)) == ({1: "Exception"}, [("Consent.PriorVersion", "$.Consents[0]")])


def test_newer_version_present_holds_an_older_yes_back(model: Model) -> None:
    run(model, at_person(consent(1, D1, "2.0")), AllowPriorConsents=True)
    result = run(model, at_person(consent(1, D2, "1.0")), AllowPriorConsents=True)
    assert codes(result) == [("Consent.NewerVersionPresent", "$.Consents[0]")]
    assert outcomes(model, at_person(consent(2, D1, "1.0"))) == ["Updated"]  # a no is taken by its date


TEXT = "NEWS-TEXT"
ONE, TWO = "2125550143", "2025550199"


def test_opt_in_needs_its_consents_at_the_element_or_the_person(model: Model) -> None:
    yes = pref(1, D1, TEXT)
    granted = texting(1, "2025-01-01")
    here = person("C-1", PhoneNumbers=[phone(ONE, yes, consents=[granted])])
    at_the_person = person("C-2", PhoneNumbers=[phone(ONE, yes)], Consents=[granted])
    elsewhere = person("C-3", PhoneNumbers=[phone(ONE, yes), phone(TWO, consents=[granted])])
    revoked = person("C-4", PhoneNumbers=[phone(ONE, yes, consents=[texting(3, "2025-01-01")])])
    expired = person("C-5", PhoneNumbers=[phone(ONE, yes, consents=[texting(1, "2023-01-01")])])
    out = person("C-6", PhoneNumbers=[phone(ONE, pref(2, D1, TEXT))])
    result = run(model, here, at_the_person, elsewhere, revoked, expired, out)
    expected = ["Created", "Created", "Exception", "Exception", "Exception", "Created"]
    assert list(result.outcomes.values()) == expected
    path = "$.PhoneNumbers[0].PhoneNumberPreferences[0]"
    assert codes(result, 3) == [("Preference.ConsentRequired", path)]


def test_later_no_of_an_older_version_is_in_force(model: Model) -> None:
    yes = person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT))], Consents=[texting(1, "2025-01-01")])
    run(model, yes)
    assert shown(model)["PhoneNumbers"][0]["PhoneNumberPreferences"][0]["PreferenceStatus"] == "Active"
    run(model, person(Consents=[texting(3, "2025-06-01", "2023")]))
    given = shown(model)["PhoneNumbers"][0]["PhoneNumberPreferences"][0]
    assert given["PreferenceStatus"] == "Suspended"
    later = person(PhoneNumbers=[phone(ONE, pref(1, D3, TEXT))])
    assert outcomes(model, yes, later) == ["Unchanged", "Exception"]


def test_expired_consent_suspends(model: Model) -> None:
    run(model, person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT))], Consents=[texting(1, "2025-01-01")]))
    late = model.get_profile(("CRM", "C-1"), now=datetime(2027, 1, 1, tzinfo=UTC))
    assert late is not None
    assert late["PhoneNumbers"][0]["PhoneNumberPreferences"][0]["PreferenceStatus"] == "Suspended"
    assert late["Consents"][0]["Expired"] is True


def test_not_honored_opt_in_needs_no_consent(model: Model) -> None:
    run(model, person(PhoneNumbers=[phone(ONE, pref(2, D2, TEXT))]))
    assert outcomes(model, person(PhoneNumbers=[phone(ONE, pref(1, D1, TEXT))])) == ["NotHonored"]


def test_text_filter_against_a_stored_landline(model: Model) -> None:
    run(model, person(PhoneNumbers=[phone(ONE, IsMobile=False)]))
    result = run(model, person(PhoneNumbers=[phone(ONE, pref(2, D1, TEXT))]))
    path = "$.PhoneNumbers[0].PhoneNumberPreferences[0]"
    assert codes(result) == [("Preference.NotMobile", path)]
    now_mobile = phone(ONE, pref(2, D1, TEXT), IsMobile=True)
    assert outcomes(model, person(PhoneNumbers=[now_mobile])) == ["Updated"]


# History


def test_history_holds_what_was_applied_and_nothing_else(model: Model) -> None:
    first = run(model, with_pref(pref(1, D2)))
    run(model, with_pref(pref(1, D2)), with_pref(pref(2, D1)))
    last = run(model, person("C-1"), with_pref(pref(2, D3)))
    items = model.history(("CRM", "C-1"))
    assert [(i["PreferenceType"], i["Import"], i["SequenceNumber"]) for i in items] == [
        (1, first.number, 1),
        (2, last.number, 2),
    ]
    assert items[0]["Place"] == ("Emails", "home", "ann@example.com")
    assert (items[0]["CustomerDate"], items[0]["Caller"]) == (D2, "nightly")


def test_person_in_two_records_ends_with_what_the_last_one_says(model: Model) -> None:
    result: ImportResult = run(model, with_pref(pref(1, D1)), with_pref(pref(2, D2)), person(RegistrationConfirmed=1))
    assert list(result.outcomes.values()) == ["Created", "Updated", "Updated"]
    assert current(model)["PreferenceType"] == 2


# Times


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("2024-03-01", "2024-03-01T05:00:00Z", "2024-03-02T04:59:59Z"),
        ("2024-07-01", "2024-07-01T04:00:00Z", "2024-07-02T03:59:59Z"),
        ("2024-03-01T10:00", "2024-03-01T15:00:00Z", "2024-03-01T15:00:00Z"),
        ("2024-11-03T01:30", "2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z"),
        ("2024-03-01T10:00:00+02:00", "2024-03-01T08:00:00Z", "2024-03-01T08:00:00Z"),
        ("2024-03-01T10:00:00.1234567Z", "2024-03-01T10:00:00.123456Z", "2024-03-01T10:00:00.123456Z"),
    ],
)
def test_times(text: str, yes: str, no: str) -> None:
    account = Account(build_account())
    assert render_time(parse_time(text, account, yes=True)) == yes
    assert render_time(parse_time(text, account, yes=False)) == no
