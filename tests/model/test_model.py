"""Tests of the model: one hand-made example for each rule of execution.md on matching, merging, counting, deleting.

test_model_choices.py has precedence, consents and times. Every example begins with one or two people.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from .execution_model import REFRESH, ImportResult, Model
from .histories import build_account
from .model_examples import MATCH, STAGED, STARTED, Wire, codes, email, ids, names, outcomes, person, run, shown


@pytest.fixture
def model() -> Model:
    return Model(build_account())


# The profile that a record means


def test_given_and_found_profile_id_decides(model: Model) -> None:
    first = run(model, person("C-1"))
    one = model.id_of(first.number, 1)
    assert outcomes(model, person(None, ProfileId=one, CustomerType="Prospect")) == ["Updated"]
    assert shown(model)["CustomerType"] == "Prospect"


def test_match_id_finds_caseless_and_keeps_its_first_form(model: Model) -> None:
    assert outcomes(model, person("C-1"), person("c-1"), person("C-2")) == ["Created", "Unchanged", "Created"]
    assert names(shown(model, "c-1"), "AlternateIds", "AlternateId") == ["C-1"]


def test_unknown_profile_id_is_not_taken_over(model: Model) -> None:
    assert outcomes(model, person(None, ProfileId=77), person(None, ProfileId=77)) == ["Created", "Created"]
    assert model.get_profile(77) is None


def test_profile_id_counts_only_if_it_existed_at_the_start(model: Model) -> None:
    assert outcomes(model, person("C-1"), person(None, ProfileId=1)) == ["Created", "Created"]


def test_unknown_profile_id_falls_back_on_the_match_id(model: Model) -> None:
    run(model, person("C-1"))
    assert outcomes(model, person("C-1", ProfileId=77)) == ["Unchanged"]


def test_unknown_profile_id_with_several_match_ids_is_ambiguous(model: Model) -> None:
    result = run(model, person(ProfileId=77, AlternateIds=ids("C-1", "C-2")))
    assert codes(result) == [("Match.Ambiguous", "$.AlternateIds")]
    assert result.outcomes == {1: "Exception"}


def test_match_needs_exactly_one_active_id(model: Model) -> None:
    several = person(AlternateIds=ids("C-1", "C-2"))
    inactive = person(AlternateIds=ids("C-1", IsActive=False))
    fine = person(AlternateIds=ids("C-1") + ids("C-2", IsActive=0))
    assert outcomes(model, person(None), several, inactive, fine) == ["ValidationFailed"] * 3 + ["Created"]


def test_without_match_criteria_every_record_is_a_new_person(model: Model) -> None:
    result = run(model, person(None), person(None), MatchValue=None)
    assert result.counts["Created"] == 2


def test_alternate_id_of_another_is_an_exception_naming_the_holder(model: Model) -> None:
    run(model, person("C-1"))
    loyal = {"AlternateIdType": "Loyalty", "AlternateId": "L-1"}
    run(model, person("C-2", AlternateIds=[*ids("C-2"), loyal]))
    result = run(model, person("C-1", CustomerType="Prospect", AlternateIds=[*ids("C-1"), loyal]))
    assert codes(result) == [("AlternateId.InUse", "$.AlternateIds[1]")]
    assert result.faults[1][0].about == "2"
    assert shown(model)["CustomerType"] == "Customer"  # no part of the record was applied


def test_alternate_id_passes_on_when_its_holder_gave_it_up(model: Model) -> None:
    gives = person("C-1", AlternateIds=[*ids("C-1"), *ids("C-9", IsActive=False)])
    run(model, person("C-1"), person("C-2"))
    one = shown(model)["ProfileId"]
    run(model, person(None, ProfileId=one, AlternateIds=ids("C-9")))
    two = shown(model, "C-2")["ProfileId"]
    takes = person(None, ProfileId=two, AlternateIds=ids("C-9"))
    assert outcomes(model, takes, gives, takes) == ["Exception", "Updated", "Updated"]
    assert shown(model, "C-9")["ProfileId"] == two


def test_inactive_profile_is_matched_holds_its_ids_and_stays_inactive(model: Model) -> None:
    run(model, person("C-1", IsActive=False))
    assert outcomes(model, person("C-1", CustomerType="Prospect")) == ["Updated"]
    assert shown(model)["IsActive"] is False
    assert outcomes(model, person("C-1", IsActive=1)) == ["Updated"]
    assert shown(model)["IsActive"] is True


def test_switched_off_match_type_fails_the_import(model: Model) -> None:
    account = build_account()
    account["alternateIdTypes"][0]["active"] = False
    model.configure(account)
    result = run(model, person("C-1"))
    assert (result.status, result.counts["Pending"]) == ("Failed", 1)
    assert model.all_profiles() == []


# Merging


def test_new_profile_gets_the_defaults(model: Model) -> None:
    run(model, person())
    profile = shown(model)
    assert (profile["DefaultLocale"], profile["CustomerType"]) == ("en_US", "Customer")
    assert (profile["IsActive"], profile["RegistrationConfirmed"]) == (True, False)
    fields = {one["Name"]: one["Value"] for one in profile["CustomFields"]}
    assert fields == {"Region": "N", "Grade": "C", "Tier": "basic"}


def test_said_overwrites_null_leaves_alone_blank_clears(model: Model) -> None:
    run(model, person(CustomerName={"FirstName": "Ann", "LastName": "Diaz", "Suffix": "Jr"}))
    run(model, person(CustomerName={"FirstName": "ann", "LastName": None, "Suffix": ""}))
    assert shown(model)["CustomerName"] == {"FirstName": "ann", "LastName": "Diaz"}


def test_omitted_alternate_ids_go_inactive_only_under_their_flag(model: Model) -> None:
    loyal = {"AlternateIdType": "Loyalty", "AlternateId": "L-1"}
    run(model, person(AlternateIds=[*ids("C-1"), loyal]))
    assert outcomes(model, person()) == ["Unchanged"]
    assert outcomes(model, person(), RefreshAlternateIds=True) == ["Updated"]
    assert names(shown(model), "AlternateIds", "AlternateId", active=False) == ["L-1"]
    assert outcomes(model, person(AlternateIds=[*ids("C-1"), loyal])) == ["Updated"]
    assert names(shown(model), "AlternateIds", "AlternateId", active=False) == []


def test_inactive_alternate_id_that_is_not_held_is_no_change(model: Model) -> None:
    run(model, person())
    assert outcomes(model, person(AlternateIds=[*ids("C-1"), *ids("C-5", IsActive=False)])) == ["Unchanged"]


def test_contact_elements_are_matched_by_their_compared_value(model: Model) -> None:
    phone = {"PhoneNumber": "(212) 555-0143", "IsMobile": True}
    street = {"Address1": "12 Elm St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}
    run(model, person(Emails=[email("Ann@Example.com")], PhoneNumbers=[phone], Addresses=[street]))
    other = {**street, "Address1": "12  ELM st"}
    again = person(Emails=[email("ann@EXAMPLE.com")], PhoneNumbers=[{"PhoneNumber": "+12125550143"}], Addresses=[other])
    assert outcomes(model, again) == ["Unchanged"]
    profile = shown(model)
    assert names(profile, "Emails", "EmailAddress") == ["Ann@Example.com"]
    assert names(profile, "PhoneNumbers", "PhoneNumber") == ["(212) 555-0143"]


def test_said_members_of_an_element_overwrite(model: Model) -> None:
    street = {"Address1": "12 Elm St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}
    run(model, person(Addresses=[{**street, "Address2": "Apt 1", "CountryCode_Alpha3": "USA"}]))
    run(model, person(Addresses=[{**street, "CountryCode_Alpha2": "CA"}]))
    (address,) = shown(model)["Addresses"]
    assert (address["Address2"], address["CountryCode_Alpha3"]) == ("Apt 1", "CAN")
    run(model, person(Addresses=[{**street, "Address2": ""}]))
    assert "Address2" not in shown(model)["Addresses"][0]


def test_refresh_contacts_deactivates_all_three_kinds(model: Model) -> None:
    run(model, person(Emails=[email()], PhoneNumbers=[{"PhoneNumber": "2125550143"}]))
    assert outcomes(model, person(), RefreshContacts=True) == ["Updated"]
    profile = shown(model)
    assert names(profile, "Emails", "EmailAddress", active=False) == ["ann@example.com"]
    assert len(names(profile, "PhoneNumbers", "PhoneNumber", active=False)) == 1
    assert outcomes(model, person(Emails=[email()])) == ["Updated"]  # reactivated
    assert names(shown(model), "Emails", "EmailAddress") == ["ann@example.com"]


def test_inactive_element_counts_as_not_included(model: Model) -> None:
    run(model, person(Emails=[email()]))
    gone = person(Emails=[email(IsActive=False), email("bob@example.com", IsActive=False)])
    assert outcomes(model, gone) == ["Unchanged"]
    assert outcomes(model, gone, RefreshContacts=True) == ["Updated"]
    assert names(shown(model), "Emails", "EmailAddress", active=False) == ["ann@example.com"]


def test_groups_and_tags(model: Model) -> None:
    club = {"GroupType": "club", "GroupName": "Okubo", "IsPrimary": True}
    run(model, person(Groups=[club], ProfileTags=[{"Name": "Loyal"}]))
    again = person(Groups=[{"GroupType": "Club", "GroupName": "OKUBO"}], ProfileTags=[{"Name": "loyal"}])
    assert outcomes(model, again) == ["Unchanged"]
    assert outcomes(model, person(), RefreshGroups=True, RefreshTags=True) == ["Updated"]
    profile = shown(model)
    assert profile["Groups"] == [{"GroupType": "Club", "GroupName": "Okubo", "IsPrimary": True, "IsActive": False}]
    assert profile["ProfileTags"] == []
    assert outcomes(model, person(Groups=[{**club, "IsPrimary": False}])) == ["Updated"]
    assert shown(model)["Groups"][0]["IsActive"] is True


# Default element


def default_of(model: Model) -> list[str]:
    return [one["EmailAddress"] for one in shown(model)["Emails"] if one["IsDefault"]]


A, B, C = "ann@example.com", "bob@example.com", "cat@example.com"


def test_first_of_a_kind_is_the_default_and_a_new_one_takes_over(model: Model) -> None:
    run(model, person(Emails=[email(B), email(A)]))
    assert default_of(model) == [B]
    run(model, person(Emails=[email(C, IsDefault=True)]))
    assert default_of(model) == [C]


def test_deactivated_default_passes_to_the_one_added_first(model: Model) -> None:
    run(model, person(Emails=[email(C), email(B), email(A)]))
    run(model, person(Emails=[email(A), email(B)]), RefreshContacts=True)
    assert default_of(model) == [B]
    run(model, person(Emails=[email(C)]))  # a reactivated element does not get the mark back
    assert default_of(model) == [B]


def test_is_default_false_moves_the_mark_on_if_there_is_another(model: Model) -> None:
    run(model, person(Emails=[email(A, IsDefault=False)]))
    assert default_of(model) == [A]
    assert outcomes(model, person(Emails=[email(A, IsDefault=False)])) == ["Unchanged"]
    run(model, person(Emails=[email(B), email(A, IsDefault=False)]))
    assert default_of(model) == [B]
    everyone = person(Emails=[email(A, IsDefault=False), email(B, IsDefault=False)])
    assert outcomes(model, everyone) == ["Unchanged"]


# Custom fields


def field(name: str, value: str | None) -> Wire:
    return person(CustomFields=[{"Name": "Region", "Value": "N"}, {"Name": name, "Value": value}])


@pytest.mark.parametrize(
    ("name", "first", "second", "outcome", "stored"),
    [
        ("Plain", "x", "y", "Updated", "y"),
        ("Plain", "x", "", "Updated", None),
        ("Plain", "x", None, "Unchanged", "x"),
        ("Plain", "x", "X", "Updated", "X"),
        ("Once", "x", "y", "NotHonored", "x"),
        ("Once", "x", "x", "Unchanged", "x"),
        ("Once", "", "y", "Updated", "y"),
        ("Nickname", "x", "y", "NotHonored", "x"),
        ("Nickname", "x", "", "NotHonored", "x"),
        ("Nickname", "", "y", "Updated", "y"),
        ("Segment", "x", "", "NotHonored", "x"),
        ("Segment", "x", "y", "Updated", "y"),
        ("Segment", "", "", "Unchanged", None),
        ("Tier", "GOLD", "gold", "Unchanged", "gold"),
    ],
)
def test_update_rules(
    model: Model, name: str, first: str, second: str | None, outcome: str, stored: str | None
) -> None:
    run(model, field(name, first))
    assert outcomes(model, field(name, second)) == [outcome]
    found = {one["Name"]: one["Value"] for one in shown(model)["CustomFields"]}
    assert found.get(name) == stored


def test_omitted_fields_are_deleted_by_the_update_rule_and_not_reported(model: Model) -> None:
    values = {"Region": "N", "Grade": "A", "Plain": "x", "Once": "x", "Nickname": "x", "Segment": "x"}
    run(model, person(CustomFields=[{"Name": n, "Value": v} for n, v in values.items()]))
    result = run(model, person("C-1", CustomFields=None), RefreshCustomFields=True)
    assert (result.outcomes, result.not_honored) == ({1: "Updated"}, {})
    kept = [one["Name"] for one in shown(model)["CustomFields"]]
    assert kept == ["Grade", "Nickname", "Once", "Region", "Segment"]  # required fields are never removed


def test_required_field_is_needed_only_at_creation(model: Model) -> None:
    bare = person(CustomFields=[])
    result = run(model, bare, person(), bare)
    assert list(result.outcomes.values()) == ["Exception", "Created", "Unchanged"]
    assert codes(result) == [("CustomField.Required", "$.CustomFields")]
    assert outcomes(model, person(CustomFields=[{"Name": "Region", "Value": ""}])) == ["ValidationFailed"]


def test_defaults_do_not_outlive_their_omission_at_creation(model: Model) -> None:
    assert outcomes(model, person(), person(), RefreshCustomFields=True) == ["Created", "Unchanged"]


# Outcomes and counts


def test_every_fault_of_a_record_is_reported_and_nothing_is_applied(model: Model) -> None:
    run(model, person("C-1"))
    bad = person(None, AlternateIds=ids("C-1"), CustomFields=[])
    outcome = model.single_write(bad, profile_id=None, refresh=set(), at=STARTED)
    assert [one.code for one in outcome.faults] == ["AlternateId.InUse", "CustomField.Required"]
    assert len(model.all_profiles()) == 1


def test_not_honored_beside_a_change_is_updated_and_listed(model: Model) -> None:
    run(model, field("Once", "x"))
    result = run(model, {**field("Once", "y"), "CustomerType": "Prospect"})
    assert result.outcomes == {1: "Updated"}
    assert codes(result) == [("CustomField.UpdateRule", "$.CustomFields[1]")]


def test_unchanged_writes_nothing(model: Model) -> None:
    run(model, person(Emails=[email()]))
    before = shown(model)
    late = datetime(2026, 1, 1, tzinfo=UTC)
    model.run_import(settings=MATCH, batches=[(STAGED, [person(Emails=[email()])])], started_at=late)
    assert shown(model) == before


def test_created_at_started_at_modified_at_application(model: Model) -> None:
    late = datetime(2025, 12, 1, 14, tzinfo=UTC)
    model.run_import(settings=MATCH, batches=[(STAGED, [person()])], started_at=STARTED, applied_at=late)
    assert shown(model)["Times"] == {"Created": "2025-12-01T13:00:00Z", "Modified": "2025-12-01T14:00:00Z"}


def test_counts_balance_over_batches(model: Model) -> None:
    records = [person("C-1"), person("C-1"), person(None), person("C-2", CustomFields=[])]
    result = model.run_import(settings=MATCH, batches=[(STAGED, [one]) for one in records], started_at=STARTED)
    assert result.counts == {
        "TotalRecordsReceived": 4,
        "ValidationSuccessful": 3,
        "ValidationFailed": 1,
        "Pending": 0,
        "Processed": 2,
        "Exceptions": 1,
        "NotHonored": 0,
        "Created": 1,
        "Updated": 0,
        "Unchanged": 1,
        "Deleted": 0,
    }


# Delete


def delete(model: Model, *records: Wire, **settings: Any) -> ImportResult:
    return run(model, *records, ImportAction="Delete", **settings)


def test_delete_by_id_and_by_match_id(model: Model) -> None:
    run(model, person("C-1"), person("C-2"), person("C-3"))
    records = [{"ProfileId": 1}, {"ProfileId": 1}, person("c-2"), person("C-2"), person("C-9"), {}]
    result = delete(model, *records)
    expected = ["Deleted", "NotHonored", "Deleted", "NotHonored", "NotHonored", "ValidationFailed"]
    assert list(result.outcomes.values()) == expected
    assert [one["ProfileId"] for one in model.all_profiles()] == [3]
    assert model.history(1) == []
    assert model.tombstones[0] == {
        "ProfileId": 1,
        "When": "2025-12-01T13:00:00Z",
        "Who": "nightly",
        "Import": result.number,
    }


def test_delete_conflict_only_where_another_holds_the_match_id(model: Model) -> None:
    run(model, person("C-1"), person("C-2"))
    result = delete(model, {"ProfileId": 1, "AlternateIds": ids("C-2")})
    assert codes(result) == [("Match.Conflict", "$.AlternateIds[0]")]
    assert delete(model, {"ProfileId": 1, "AlternateIds": ids("C-7")}).outcomes == {1: "Deleted"}
    assert delete(model, {"ProfileId": 1, "AlternateIds": ids("C-2")}).outcomes == {1: "NotHonored"}


def test_delete_frees_the_alternate_id(model: Model) -> None:
    run(model, person("C-1"))
    assert model.delete_profile(1)
    assert not model.delete_profile(1)
    assert outcomes(model, person("C-1")) == ["Created"]


# Single writes


def test_single_write(model: Model) -> None:
    made = model.single_write(person("C-1"), profile_id=None, refresh=set(), at=STARTED)
    assert (made.outcome, made.profile_id) == ("Created", model.id_of(made.number, 1))
    same = model.single_write(person("C-1"), profile_id=made.profile_id, refresh=set(REFRESH), at=STARTED)
    assert same.outcome == "Updated"  # the default of Tier is not included
    assert model.single_write(person(), profile_id=99, refresh=set(), at=STARTED).outcome == "NotFound"
    # no match type: the same alternate id again is in use
    assert model.single_write(person("C-1"), profile_id=None, refresh=set(), at=STARTED).outcome == "Exception"
