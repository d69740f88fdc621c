"""Undo in the model: an example for each sentence of effects.md, "Undo"."""

from datetime import timedelta
from typing import Any

import pytest

from .execution_model import ImportResult, Model, Undo
from .model_account import build_account
from .model_examples import (
    D1,
    D2,
    D3,
    STARTED,
    archived,
    at_person,
    codes,
    consent,
    email,
    ids,
    names,
    person,
    pref,
    run,
    shown,
    under,
    with_pref,
)

Wire = dict[str, Any]
LATER = STARTED + timedelta(hours=1)
NEWER, NO = "Undo.KeptNewer", "Undo.KeptNo"


@pytest.fixture
def model() -> Model:
    return Model(build_account())


def make(model: Model, number: int, *, restore_yes: bool = False) -> Undo:
    made = model.start_undo(number, restore_yes=restore_yes, at=LATER)
    assert isinstance(made, Undo), made
    return made


def undo(model: Model, number: int, *, restore_yes: bool = False) -> ImportResult:
    return model.run_undo(make(model, number, restore_yes=restore_yes), started_at=LATER)


def kept(result: ImportResult) -> list[str]:
    return sorted({code for sequence in result.not_honored for code, _ in codes(result, sequence)})


def without_times(profile: Wire) -> Wire:
    return {name: value for name, value in profile.items() if name not in ("Times", "CreatedBy")}


# Per person and per value


def test_what_still_is_as_the_import_left_it_goes_back(model: Model) -> None:
    run(model, person(CustomerName={"FirstName": "Ann", "LastName": "Diaz"}, ProfileTags=[{"Name": "old"}]))
    before = without_times(shown(model))
    changes = person(
        CustomerName={"FirstName": "Bea", "LastName": ""},
        RegistrationConfirmed=True,
        CustomFields=[{"Name": "Region", "Value": "S"}, {"Name": "Plain", "Value": "x"}],
        Groups=[{"GroupType": "Household", "GroupName": "Okubo"}],
        ProfileTags=[{"Name": "new"}],
    )
    run(model, changes, RefreshTags=True)
    result = undo(model, 2)
    assert (result.outcomes, result.not_honored) == ({1: "Updated"}, {})
    assert without_times(shown(model)) == before


def test_what_anybody_changed_since_stays(model: Model) -> None:
    run(model, person(CustomerName={"FirstName": "Ann", "LastName": "Diaz"}))
    run(model, person(CustomerName={"FirstName": "Bea", "LastName": "Wolf"}))
    run(model, person(CustomerName={"FirstName": "Cat"}))
    result = undo(model, 2)
    assert (result.outcomes, kept(result)) == ({1: "Updated"}, [NEWER])
    assert shown(model)["CustomerName"] == {"FirstName": "Cat", "LastName": "Diaz"}


def test_what_is_as_before_already_is_no_change(model: Model) -> None:
    run(model, person(CustomerName={"FirstName": "Ann"}))
    run(model, person(CustomerName={"FirstName": "Bea"}))
    run(model, person(CustomerName={"FirstName": "Ann"}))
    assert undo(model, 2).counts["Unchanged"] == 1


def test_only_created_and_changed_people_have_a_record(model: Model) -> None:
    run(model, person("C-1"), person("C-2", CustomerName={"FirstName": "Ann"}))
    run(model, person("C-1"), person("C-2", CustomerName={"FirstName": "Bea"}), person("C-3"))
    result = undo(model, 2)
    assert result.people == {1: 2, 2: 3}
    assert result.outcomes == {1: "Updated", 2: "Deleted"}


# People whom the import created


def test_a_created_person_whom_nobody_changed_is_deleted_and_a_tombstone_stays(model: Model) -> None:
    run(model, at_person(consent(1, D1)))
    assert undo(model, 1).outcomes == {1: "Deleted"}
    assert not model.profiles
    assert [(one["ProfileId"], one["Import"]) for one in model.tombstones] == [(1, 2)]


def test_a_created_person_with_a_no_is_kept_for_the_sake_of_the_no(model: Model) -> None:
    elements = [email("a@x.com", EmailPreferences=[pref(2, D1)], Consents=[consent(1, D1)]), email("b@x.com")]
    record = person(Emails=elements, CustomerName={"FirstName": "Ann"}, ProfileTags=[{"Name": "loyal"}])
    run(model, record)
    result = undo(model, 1)
    assert (result.outcomes, kept(result)) == ({1: "Updated"}, [NO])
    now = shown(model)
    assert (now["CustomerName"], now["ProfileTags"]) == ({}, [])
    assert names(now, "Emails", "EmailAddress") == ["a@x.com"]
    assert (len(now["Emails"][0]["EmailPreferences"]), now["Emails"][0]["Consents"]) == (1, [])
    assert {one["Name"] for one in now["CustomFields"]} >= {"Region", "Grade"}
    other = Model(build_account())
    run(other, record)
    assert undo(other, 1, restore_yes=True).outcomes == {1: "Deleted"}


def test_a_created_person_who_was_changed_since_is_kept(model: Model) -> None:
    run(model, person(CustomerName={"FirstName": "Ann"}))
    run(model, person(ProfileTags=[{"Name": "loyal"}]))
    before = shown(model)
    result = undo(model, 1)
    assert (result.outcomes, kept(result)) == ({1: "NotHonored"}, [NEWER])
    assert shown(model) == before


def test_a_person_deleted_since_has_no_record(model: Model) -> None:
    run(model, person("C-1"))
    run(model, person("C-1", ProfileTags=[{"Name": "loyal"}]))
    model.delete_profile(1)
    assert undo(model, 2).outcomes == {}


# A no stays


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (with_pref(pref(1, D1)), with_pref(pref(2, D2))),
        (at_person(consent(1, D1)), at_person(consent(2, D2))),
        (at_person(consent(1, D1)), at_person(consent(3, D2))),
        (person(), at_person(consent(3, D2))),
    ],
)
def test_a_no_that_came_with_the_import_stays_unless_restore_yes(model: Model, first: Wire, second: Wire) -> None:
    run(model, first)
    before = without_times(shown(model))
    run(model, second)
    after = without_times(shown(model))
    result = undo(model, 2)
    assert (result.outcomes, kept(result)) == ({1: "NotHonored"}, [NO])
    assert without_times(shown(model)) == after
    other = Model(build_account())
    run(other, first)
    run(other, second)
    assert undo(other, 2, restore_yes=True).outcomes == {1: "Updated"}
    assert without_times(shown(other)) == before


def test_a_yes_goes_back_to_the_no_that_it_replaced(model: Model) -> None:
    run(model, with_pref(pref(2, D1)))
    run(model, with_pref(pref(1, D2)))
    assert undo(model, 2).outcomes == {1: "Updated"}
    assert shown(model)["Emails"][0]["EmailPreferences"][0]["PreferenceType"] == 2
    assert model.history(1)[-1] | {"RecordedDate": ""} == {
        "Of": "Preferences", "Place": ("Emails", "home", "ann@example.com"), "FilterId": "NEWS-EMAIL",
        "PreferenceType": 2, "CustomerDate": D1, "Caller": "nightly", "Import": 3, "SequenceNumber": 1,
        "RecordedDate": "", "UndoOf": 2, "TakenBack": False,
    }  # fmt: skip


def test_a_yes_that_came_with_the_import_is_taken_back(model: Model) -> None:
    run(model, person())
    run(model, at_person(consent(1, D1)))
    undo(model, 2)
    assert shown(model)["Consents"] == []
    assert [(one["ConsentStatus"], one.get("UndoOf")) for one in model.history(1)] == [(1, None), (1, 2)]
    assert model.history(1)[-1]["TakenBack"]


def test_a_choice_that_was_made_since_stays(model: Model) -> None:
    run(model, with_pref(pref(1, D1)))
    run(model, with_pref(pref(2, D2)))
    run(model, with_pref(pref(1, D3)))
    result = undo(model, 2, restore_yes=True)
    assert (result.outcomes, kept(result)) == ({1: "NotHonored"}, [NEWER])


# Contact elements


def test_contact_elements_that_a_refresh_flag_deactivated_come_back_with_their_choices(model: Model) -> None:
    elements = [email("a@x.com", EmailPreferences=[pref(1, D1)], Consents=[consent(3, D1)]), email("b@x.com")]
    run(model, person(Emails=elements))
    before = without_times(shown(model))
    run(model, person(PreservePreferences=False, PreserveConsents=False), RefreshContacts=True)
    assert names(shown(model), "Emails", "EmailAddress") == []
    result = undo(model, 2)
    assert (result.outcomes, result.not_honored) == ({1: "Updated"}, {})
    assert without_times(shown(model)) == before


def test_an_element_that_the_import_added_goes_inactive_and_its_yes_is_taken_back(model: Model) -> None:
    run(model, person(Emails=[email("a@x.com")]))
    run(model, person(Emails=[email("b@x.com", IsDefault=True, EmailPreferences=[pref(1, D1)])]))
    undo(model, 2)
    assert names(shown(model), "Emails", "EmailAddress") == ["a@x.com"]
    (gone,) = [one for one in shown(model)["Emails"] if not one["IsActive"]]
    assert gone["EmailPreferences"] == []
    assert [one["EmailAddress"] for one in shown(model)["Emails"] if one["IsDefault"]] == ["a@x.com"]


def test_an_element_with_a_kept_no_stays_active(model: Model) -> None:
    run(model, person(Emails=[email("a@x.com")]))
    run(model, person(Emails=[email("b@x.com", EmailPreferences=[pref(2, D1)])]))
    result = undo(model, 2)
    assert (result.outcomes, kept(result)) == ({1: "NotHonored"}, [NO])
    assert names(shown(model), "Emails", "EmailAddress") == ["a@x.com", "b@x.com"]


def test_an_element_with_a_newer_choice_stays_active(model: Model) -> None:
    run(model, person(Emails=[email("a@x.com")]))
    run(model, person(Emails=[email("b@x.com")]))
    run(model, person(Emails=[email("b@x.com", EmailPreferences=[pref(1, D1)])]))
    result = undo(model, 2)
    assert (result.outcomes, kept(result)) == ({1: "NotHonored"}, [NEWER])
    assert names(shown(model), "Emails", "EmailAddress") == ["a@x.com", "b@x.com"]


def test_a_yes_that_comes_back_stays_under_a_no_of_the_same_address(model: Model) -> None:
    run(model, under("Home", pref(1, D1)))
    run(model, under("Work", pref(2, D2)), RefreshContacts=True)
    assert kept(undo(model, 2)) == [NO]
    home = next(one for one in shown(model)["Emails"] if one["EmailAddressType"] == "Home")
    assert home["IsActive"]
    assert home["EmailPreferences"][0]["PreferenceStatus"] == "Overruled"


def test_a_profile_that_the_import_set_inactive_comes_back_with_its_choices(model: Model) -> None:
    run(model, with_pref(pref(1, D1), Consents=[consent(1, D1)]), at_person(consent(1, D1)))
    before = without_times(shown(model))
    run(model, archived())
    undo(model, 2)
    assert without_times(shown(model)) == before


# Alternate ids


def test_ids_that_people_of_one_import_exchanged_go_back(model: Model) -> None:
    run(model, person("C-1"), person("C-2"))
    first, second = sorted(model.profiles)
    swap = [
        {"ProfileId": first, "AlternateIds": ids("C-3"), "CustomFields": []},
        {"ProfileId": second, "AlternateIds": ids("C-1")},
        {"ProfileId": first, "AlternateIds": ids("C-2")},
    ]
    assert list(run(model, *swap, RefreshAlternateIds=True).outcomes.values()) == ["Updated"] * 3
    assert kept(undo(model, 2)) == []
    assert (shown(model, "C-1")["ProfileId"], shown(model, "C-2")["ProfileId"]) == (first, second)


def test_an_id_that_another_person_holds_by_now_stays_there(model: Model) -> None:
    run(model, person("C-1"))
    run(model, {"ProfileId": 1, "AlternateIds": ids("C-9")}, RefreshAlternateIds=True)
    run(model, person("C-1"))
    result = undo(model, 2)
    assert kept(result) == [NEWER]
    assert shown(model, "C-1")["ProfileId"] == 2


# Refusals


def test_the_refusals(model: Model) -> None:
    run(model, person("C-1"))
    run(model, person("C-1"), ImportAction="Delete")
    assert model.start_undo(2, restore_yes=False, at=LATER) == "Undo.Erased"
    assert model.start_undo(1, restore_yes=False, at=STARTED + timedelta(days=10)) == "Undo.TooLate"
    made = make(model, 1)
    assert model.start_undo(1, restore_yes=False, at=LATER) == "Undo.Done"
    model.cancel_undo(made)
    make(model, 1)
    off = build_account()
    off["alternateIdTypes"][0]["active"] = False
    model.configure(off)
    run(model, person("C-1"))
    assert model.start_undo(3, restore_yes=False, at=LATER) == "Undo.NotCompleted"


@pytest.mark.parametrize("later", [0, 10])
def test_zero_days_switch_undo_off(later: int) -> None:
    account = build_account()
    account["account"]["undoDays"] = 10 - later
    model = Model(account)
    run(model, person("C-1"))
    account = build_account()
    account["account"]["undoDays"] = later
    model.configure(account)
    assert model.start_undo(1, restore_yes=False, at=LATER) == "Undo.TooLate"


# Afterwards


def test_the_same_file_works_like_the_first_time(model: Model) -> None:
    run(model, person("C-1", ProfileTags=[{"Name": "old"}]))
    file = [person("C-1", ProfileTags=[{"Name": "new"}]), person("C-2")]
    first = run(model, *file, RefreshTags=True)
    after = shown(model)["ProfileTags"]
    undo(model, 2)
    again = run(model, *file, RefreshTags=True)
    assert again.outcomes == first.outcomes == {1: "Updated", 2: "Created"}
    assert shown(model)["ProfileTags"] == after


def test_an_undo_of_an_undo_is_an_ordinary_undo(model: Model) -> None:
    run(model, with_pref(pref(1, D1)))
    run(model, with_pref(pref(1, D2)), person("C-2"))
    after = without_times(shown(model))
    assert undo(model, 2).outcomes == {1: "Updated", 2: "Deleted"}
    result = undo(model, 3)
    assert (result.people, result.outcomes) == ({1: 1}, {1: "Updated"})  # a deleted person does not come back
    assert without_times(shown(model)) == after
    assert model.start_undo(2, restore_yes=False, at=LATER) == "Undo.Done"
