"""Undo (docs/effects.md): what an import did goes back value by value, noes stay, and newer changes stay."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from live_account import Ended, LiveAccount, LiveStore
from lone_people import MATCH
from preview_calls import count_effects, read_states, run_preview

from consentory.domain.effects import EFFECT_KINDS
from consentory.errors import RequestRefused

Wire = dict[str, Any]


@pytest.fixture
def account(store: LiveStore) -> LiveAccount:
    return store.open_account()


def make_person(number: int, **more: Any) -> Wire:
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
        "CustomerName": {"FirstName": "Ann", "LastName": "Diaz"},
        "ProfileTags": [{"Name": "loyal"}, {"Name": "new"}],
        "CustomFields": [{"Name": "Region", "Value": "N"}, {"Name": "Tier", "Value": "gold"}],
        "Groups": [{"GroupType": "Club", "GroupName": "Okubo"}],
        "Emails": [make_email("ann@example.com", [make_choice("NEWS-EMAIL", 1, "2024-01-01")])],
        "ProfilePreferences": [make_choice("DATA-SHARING", 1, "2024-01-01")],
        "Consents": [make_consent(1, "2024-01-01")],
        **more,
    }


def make_email(address: str, choices: list[Wire]) -> Wire:
    return {"EmailAddressType": "Home", "EmailAddress": address, "EmailPreferences": choices}


def make_choice(filter_id: str, kind: int, date: str) -> Wire:
    return {"FilterId": filter_id, "PreferenceType": kind, "CustomerDate": date}


def make_consent(status: int, date: str) -> Wire:
    return {
        "ConsentType": "Privacy", "ConsentVersion": "3.0", "Locale": "en_US", "ConsentStatus": status,
        "ConsentDate": date,
    }  # fmt: skip


def undo(account: LiveAccount, import_id: object, *, restore_yes: bool = False) -> Ended:
    item = account.store.services.undo.undo(account.caller, str(import_id), restore_yes=restore_yes)
    assert (item.status, item.settings.action, str(item.undo.undo_of)) == ("Staging", "Undo", str(import_id))  # type: ignore[union-attr]
    return account.finish(str(item.access_token))


def refuse_undo(account: LiveAccount, import_id: object) -> str:
    with pytest.raises(RequestRefused) as refused:
        undo(account, import_id)
    assert refused.value.kind == "conflict"
    return refused.value.code


def count(status: Wire) -> tuple[int, ...]:
    return tuple(status[name] for name in ("Created", "Updated", "Unchanged", "Deleted", "NotHonored", "Exceptions"))


def drop_times(profile: Wire) -> Wire:
    """The profile without modification times, and without elements that are not active."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: clean(one) for name, one in value.items() if name != "Edited"}
        return [clean(one) for one in value] if isinstance(value, list) else value

    found: Wire = clean(profile)
    for array in ("Emails", "PhoneNumbers", "Addresses"):
        found[array] = [one for one in found[array] if one["IsActive"]]
    return found


def only(account: LiveAccount) -> Wire:
    (profile_id,) = account.profile_ids()
    return drop_times(account.profile(profile_id))


def codes(ended: Ended) -> list[tuple[str, str]]:
    return sorted((fault["Code"], fault["Path"]) for faults in ended.not_honored.values() for fault in faults)


WRONG = {
    "CustomerName": {"FirstName": "Bea", "LastName": ""},
    "IsActive": False,
    "DefaultLocale": "es_US",
    "RegistrationConfirmed": True,
    "ProfileTags": [{"Name": "wrong"}],
    "CustomFields": [{"Name": "Region", "Value": "S"}, {"Name": "Plain", "Value": "x"}],
    "Groups": [{"GroupType": "Household", "GroupName": "Diaz", "IsPrimary": True}],
    "Emails": [make_email("bob@example.com", [make_choice("NEWS-EMAIL", 1, "2025-01-01")])],
    "Addresses": [{"AddressType": "Home", "Address1": "12 Elm St", "City": "Fairview", "StateProvince": "CA",
                   "PostalCode": "90210", "CountryCode_Alpha2": "US"}],
    "ProfilePreferences": [make_choice("DATA-SHARING", 1, "2025-01-01")],
    "Consents": [make_consent(1, "2025-01-01")],
}  # fmt: skip
ALL_FLAGS = ("RefreshAlternateIds", "RefreshContacts", "RefreshCustomFields", "RefreshGroups", "RefreshTags")


@pytest.mark.parametrize("flags", [(), ALL_FLAGS])
def test_everything_goes_back_and_the_file_works_like_the_first_time(
    account: LiveAccount, flags: tuple[str, ...]
) -> None:
    account.run([[make_person(1)]], **MATCH)
    before = only(account)
    loyalty = {"AlternateIdType": "Loyalty", "AlternateId": "L-1"}
    file = [make_person(1, **WRONG, AlternateIds=[{"AlternateIdType": "CRM", "AlternateId": "C-1"}, loyalty])]
    settings = {**MATCH, **dict.fromkeys(flags, True)}
    for preserves in (True, False):
        file[0] |= {"PreservePreferences": preserves, "PreserveConsents": preserves}
        wrong = account.run([file], **settings)
        assert count(wrong.status) == (0, 1, 0, 0, 0, 0)
        after = only(account)
        ended = undo(account, wrong.import_id)
        assert (count(ended.status), codes(ended)) == ((0, 1, 0, 0, 0, 0), [])
        assert only(account) == before
        account.check_alternate_ids()
        again = account.run([file], **settings)
        assert count(again.status) == (0, 1, 0, 0, 0, 0)
        assert only(account) == after
        undo(account, again.import_id)
        assert only(account) == before


def test_created_people_are_deleted_and_the_file_creates_them_anew(account: LiveAccount) -> None:
    first = account.run([[make_person(1), make_person(2)]], **MATCH)
    ended = undo(account, first.import_id)
    assert count(ended.status) == (0, 0, 0, 2, 0, 0)
    assert account.profile_ids() == []
    tombstones = "SELECT count(*) FROM tombstone WHERE account_id = %s AND import_id = %s"
    assert account.store.query(tombstones, account.caller.account_id, ended.import_id) == [(2,)]
    again = account.run([[make_person(1), make_person(2)]], **MATCH)
    assert count(again.status) == (2, 0, 0, 0, 0, 0)


def test_created_and_changed_since_is_kept(account: LiveAccount) -> None:
    first = account.run([[make_person(1), make_person(2), make_person(3)]], **MATCH)
    account.write({"CustomerName": {"FirstName": "Bea"}}, first.first_id)
    account.run([[make_person(2, ProfileTags=[{"Name": "more"}])]], **MATCH)
    ended = undo(account, first.import_id)
    assert count(ended.status) == (0, 0, 0, 1, 2, 0)
    assert codes(ended) == [("Undo.KeptNewer", "$.ProfileId")] * 2
    assert account.profile_ids() == [first.first_id, first.first_id + 1]


def test_a_person_whom_a_later_slice_of_the_import_changed_counts_as_created(account: LiveAccount) -> None:
    first = account.run([[make_person(1), make_person(1, CustomerName={"FirstName": "Bea"})]], chunk_size=1, **MATCH)
    assert count(first.status) == (1, 1, 0, 0, 0, 0)
    ended = undo(account, first.import_id)
    assert count(ended.status) == (0, 0, 0, 1, 0, 0)


def test_unchanged_people_have_no_record(account: LiveAccount) -> None:
    file = [make_person(1), make_person(2)]
    account.run([file], **MATCH)
    second = account.run([[file[0], make_person(2, CustomerName={"FirstName": "Bea"})]], **MATCH)
    ended = undo(account, second.import_id)
    assert (ended.status["TotalRecordsReceived"], count(ended.status)) == (1, (0, 1, 0, 0, 0, 0))
    third = account.run([file], **MATCH)
    ended = undo(account, third.import_id)
    assert (ended.status["Status"], ended.status["TotalRecordsReceived"]) == ("Completed", 0)


def test_what_anybody_changed_since_stays(account: LiveAccount) -> None:
    first = account.run([[make_person(1)]], **MATCH)
    wrong = account.run([[make_person(1, **{**WRONG, "IsActive": True})]], **MATCH)
    newer = {
        "CustomerName": {"FirstName": "Cleo"},
        "CustomFields": [{"Name": "Region", "Value": "N"}],  # as it was before: nothing is held back
        "ProfilePreferences": [make_choice("DATA-SHARING", 1, "2025-06-01")],
        "Emails": [make_email("bob@example.com", [make_choice("EVENTS-EMAIL", 1, "2025-06-01")])],
    }
    account.write(newer, first.first_id)
    ended = undo(account, wrong.import_id)
    assert codes(ended) == [
        ("Undo.KeptNewer", "$.CustomerName"),
        ("Undo.KeptNewer", "$.Emails[1]"),
        ("Undo.KeptNewer", "$.ProfilePreferences"),
    ]
    profile = only(account)
    assert profile["CustomerName"] == {"FirstName": "Cleo", "LastName": "Diaz"}
    assert [one["EmailAddress"] for one in profile["Emails"]] == ["ann@example.com", "bob@example.com"]
    assert [one["FilterId"] for one in profile["Emails"][1]["EmailPreferences"]] == ["EVENTS-EMAIL"]
    assert profile["ProfilePreferences"][0]["CustomerDate"].startswith("2025-06-01")
    assert profile["Consents"][0]["ConsentDate"].startswith("2024-01-01")


def test_a_person_deleted_since_stays_deleted_and_no_image_stays(account: LiveAccount) -> None:
    first = account.run([[make_person(1), make_person(2)]], **MATCH)
    wrong = account.run([[make_person(n, CustomerName={"FirstName": "Bea"}) for n in (1, 2)]], **MATCH)
    images = "SELECT profile_id FROM before_image WHERE account_id = %s ORDER BY 1"
    assert account.store.query(images, account.caller.account_id) == [(first.first_id,), (first.first_id + 1,)]
    item = account.store.services.undo.undo(account.caller, str(wrong.import_id), restore_yes=False)
    account.store.services.profiles.delete(account.caller, first.first_id)
    assert account.store.query(images, account.caller.account_id) == [(first.first_id + 1,)]
    account.run([[{"ProfileId": first.first_id + 1}]], ImportAction="Delete")
    assert account.store.query(images, account.caller.account_id) == []
    ended = account.finish(str(item.access_token))
    assert (count(ended.status), codes(ended)) == ((0, 0, 0, 0, 2, 0), [("Undo.KeptNewer", "$.ProfileId")] * 2)


NOES = {
    "ProfilePreferences": [make_choice("DATA-SHARING", 2, "2025-01-01")],
    "Consents": [make_consent(3, "2025-01-01")],
    "Emails": [make_email("ann@example.com", [make_choice("NEWS-EMAIL", 2, "2025-01-01")])],
}


def test_a_no_stays(account: LiveAccount) -> None:
    account.run([[make_person(1)]], **MATCH)
    wrong = account.run([[make_person(1, **NOES, CustomerName={"FirstName": "Bea"})]], **MATCH)
    ended = undo(account, wrong.import_id)
    assert codes(ended) == [
        ("Undo.KeptNo", "$.Consents"),
        ("Undo.KeptNo", "$.Emails[0].EmailPreferences"),
        ("Undo.KeptNo", "$.ProfilePreferences"),
    ]
    profile = only(account)
    assert profile["CustomerName"]["FirstName"] == "Ann"
    assert profile["ProfilePreferences"][0]["PreferenceType"] == 2
    assert profile["Consents"][0]["ConsentStatus"] == 3
    assert profile["Emails"][0]["EmailPreferences"][0]["PreferenceType"] == 2


def test_a_no_goes_with_restore_yes(account: LiveAccount) -> None:
    account.run([[make_person(1)]], **MATCH)
    before = only(account)
    wrong = account.run([[make_person(1, **NOES)]], **MATCH)
    release = msgspec.structs.replace(account.caller.permissions, release=True)
    plain = account.caller
    with pytest.raises(RequestRefused) as refused:
        undo(account, wrong.import_id, restore_yes=True)
    assert (refused.value.kind, refused.value.code) == ("forbidden", "Permission.Release")
    account.caller = type(plain)(plain.account_id, plain.client_id, plain.user_id, release)
    item = account.store.services.undo.undo(account.caller, str(wrong.import_id), restore_yes=True)
    with pytest.raises(RequestRefused) as refused:
        account.store.services.imports.execute(plain, str(item.access_token))
    assert refused.value.code == "Permission.Release"
    ended = account.finish(str(item.access_token))
    assert codes(ended) == []
    assert only(account) == before


def test_an_element_that_holds_a_kept_no_stays_active(account: LiveAccount) -> None:
    account.run([[make_person(1)]], **MATCH)
    added = make_email("bob@example.com", [make_choice("NEWS-EMAIL", 2, "2025-01-01")])
    wrong = account.run([[make_person(1, Emails=[added])]], **MATCH)
    undo(account, wrong.import_id)
    emails = only(account)["Emails"]
    assert [(one["EmailAddress"], one["IsDefault"]) for one in emails] == [
        ("ann@example.com", True), ("bob@example.com", False)]  # fmt: skip
    assert emails[1]["EmailPreferences"][0]["PreferenceType"] == 2


@pytest.mark.parametrize("chunk_size", [1, None])
def test_an_opt_out_that_the_import_itself_replaced_is_not_kept(account: LiveAccount, chunk_size: int | None) -> None:
    """However many slices changed the person, what counts is how the import left them."""
    account.run([[make_person(1)]], **MATCH)
    before = only(account)
    file = [make_person(1, ProfilePreferences=[make_choice("DATA-SHARING", kind, f"2025-01-0{day}")])
            for kind, day in ((2, 1), (1, 2))]  # fmt: skip
    wrong = account.run([file], chunk_size=chunk_size, **MATCH)
    ended = undo(account, wrong.import_id)
    assert codes(ended) == []
    assert only(account) == before


def test_the_history_is_appended(account: LiveAccount) -> None:
    first = account.run([[make_person(1)]], **MATCH)
    more = {
        "ProfilePreferences": [make_choice("DATA-SHARING", 1, "2025-01-01")],
        "Emails": [make_email("ann@example.com", [make_choice("EVENTS-EMAIL", 1, "2025-01-01")])],
    }
    wrong = account.run([[make_person(1, **more)]], **MATCH)
    before = account.history(first.first_id, "Preferences")
    ended = undo(account, wrong.import_id)
    history = account.history(first.first_id, "Preferences")
    assert history[: len(before)] == before
    added = sorted(
        (one["FilterId"], one["CustomerDate"][:10], one["UndoOf"], one.get("TakenBack"), one["ImportId"])
        for one in history[len(before) :]
    )
    undone, by = str(wrong.import_id), str(ended.import_id)
    assert added == [
        ("DATA-SHARING", "2024-01-01", undone, None, by),
        ("EVENTS-EMAIL", "2025-01-01", undone, True, by),
    ]


def test_alternate_ids_move_back_to_their_holders(account: LiveAccount) -> None:
    """Two people exchange ids within an import; an id that somebody else took since stays there."""
    account.run([[make_person(1), make_person(2)]], **MATCH)
    before = account.profiles()
    first, second = sorted(before)
    loyalty = [{"AlternateIdType": "Loyalty", "AlternateId": f"L-{n}"} for n in (1, 2, 3)]
    account.run(
        [[{"ProfileId": first, "AlternateIds": loyalty[:1]}, {"ProfileId": second, "AlternateIds": loyalty[1:]}]]
    )
    before = account.profiles()
    exchange = [
        {"ProfileId": first, "AlternateIds": [{**loyalty[0], "IsActive": False}]},
        {"ProfileId": second, "AlternateIds": [{**loyalty[1], "IsActive": False}, {**loyalty[2], "IsActive": False}]},
        {"ProfileId": first, "AlternateIds": [loyalty[1]]},
        {"ProfileId": second, "AlternateIds": [loyalty[0]]},
    ]
    wrong = account.run([exchange], chunk_size=1)
    third = account.write({"AlternateIds": [loyalty[2]], "CustomerName": {"FirstName": "Cleo"},
                           "CustomFields": [{"Name": "Region", "Value": "N"}]})["ProfileId"]  # fmt: skip
    ended = undo(account, wrong.import_id)
    assert codes(ended) == [("Undo.KeptNewer", "$.AlternateIds")]
    account.check_alternate_ids()
    after = account.profiles()
    assert drop_times(after[first]) == drop_times(before[first])
    assert [(one["AlternateId"], one["IsActive"]) for one in after[second]["AlternateIds"]] == [
        ("C-2", True), ("L-2", True), ("L-3", False)]  # fmt: skip
    assert after[third]["AlternateIds"][0]["AlternateId"] == "L-3"


def test_an_undo_of_an_undo_is_an_ordinary_undo(account: LiveAccount) -> None:
    account.run([[make_person(1)]], **MATCH)
    wrong = account.run([[make_person(1, **WRONG)]], RefreshContacts=True, **MATCH)
    after = only(account)
    once = undo(account, wrong.import_id)
    before = only(account)
    twice = undo(account, once.import_id)
    assert codes(twice) == []
    assert only(account) == after
    undo(account, twice.import_id)
    assert only(account) == before


def test_a_no_that_an_undo_brought_back_stays_in_its_undo(account: LiveAccount) -> None:
    account.run([[make_person(1, ProfilePreferences=[make_choice("DATA-SHARING", 2, "2024-01-01")])]], **MATCH)
    wrong = account.run([[make_person(1, ProfilePreferences=[make_choice("DATA-SHARING", 1, "2025-01-01")])]], **MATCH)
    once = undo(account, wrong.import_id)
    assert only(account)["ProfilePreferences"][0]["PreferenceType"] == 2
    twice = undo(account, once.import_id)
    assert codes(twice) == [("Undo.KeptNo", "$.ProfilePreferences")]
    assert only(account)["ProfilePreferences"][0]["PreferenceType"] == 2


def test_refusals(account: LiveAccount) -> None:
    services, caller = account.store.services, account.caller
    token = account.initiate(**MATCH)
    account.stage(token, [make_person(1)])
    item = services.imports.find_by_token(caller, token)
    assert refuse_undo(account, item.import_id) == "Undo.NotCompleted"
    account.finish(token)
    once = services.undo.undo(caller, str(item.import_id), restore_yes=False)
    assert refuse_undo(account, item.import_id) == "Undo.Done"
    with pytest.raises(RequestRefused) as refused:
        account.stage(str(once.access_token), [make_person(2)])
    assert (refused.value.kind, refused.value.code) == ("conflict", "Undo.TakesNoRecords")
    services.imports.cancel(caller, str(once.access_token))
    undo(account, item.import_id)  # a cancelled undo is none
    assert refuse_undo(account, item.import_id) == "Undo.Done"
    deletion = account.run([[{"ProfileId": 1}]], ImportAction="Delete")
    assert refuse_undo(account, deletion.import_id) == "Undo.Erased"
    with pytest.raises(RequestRefused) as refused:
        undo(account, "0193f5c5-0000-7000-8000-000000000000")
    assert refused.value.kind == "not_found"


def move_back(account: LiveAccount, ended: Ended, days: float) -> None:
    ((completed_at,),) = account.store.query("SELECT completed_at FROM import WHERE import_id = %s", ended.import_id)
    account.store.change(
        "UPDATE import SET completed_at = %s WHERE import_id = %s",
        completed_at - timedelta(days=days), ended.import_id,
    )  # fmt: skip


def count_images(account: LiveAccount) -> int:
    query = "SELECT count(*) FROM before_image WHERE account_id = %s"
    return int(account.store.query(query, account.caller.account_id)[0][0])


def test_the_window(account: LiveAccount) -> None:
    account.run([[make_person(1)]], **MATCH)
    first, second, third = (
        account.run([[make_person(1, CustomerName={"FirstName": name})]], **MATCH) for name in "ABC"
    )
    retention = account.store.make_retention()
    move_back(account, first, 9.99)
    retention.run_maintenance()
    assert count_images(account) == 3
    undo(account, first.import_id)
    move_back(account, second, 10.01)
    assert refuse_undo(account, second.import_id) == "Undo.TooLate"
    retention.run_maintenance()
    assert count_images(account) == 2
    item = account.store.services.undo.undo(account.caller, str(third.import_id), restore_yes=False)
    move_back(account, third, 11)
    retention.run_maintenance()  # an undo that is under way keeps its images
    assert count_images(account) == 2
    assert count(account.finish(str(item.access_token)).status) == (0, 1, 0, 0, 0, 0)
    account.document["account"]["undoDays"] = 30
    account.store.services.accounts.apply_document(msgspec.json.encode(account.document), source="test", dry_run=False)
    assert refuse_undo(account, second.import_id) == "Undo.TooLate"  # its images are gone


def test_undo_days_0_switches_it_off(account: LiveAccount) -> None:
    account.document["account"]["undoDays"] = 0
    account.store.services.accounts.apply_document(msgspec.json.encode(account.document), source="test", dry_run=False)
    account.run([[make_person(1)]], **MATCH)
    ended = account.run([[make_person(1, CustomerName={"FirstName": "Bea"})]], **MATCH)
    assert count_images(account) == 0
    assert refuse_undo(account, ended.import_id) == "Undo.TooLate"


def test_only_changed_people_have_images(account: LiveAccount) -> None:
    account.run([[make_person(1), make_person(2)]], **MATCH)
    account.run([[make_person(1), make_person(2, CustomerName={"FirstName": "Bea"})]], **MATCH)
    account.write({"CustomerName": {"FirstName": "Cleo"}}, account.profile_ids()[0])
    assert count_images(account) == 1


def test_a_created_person_who_holds_a_no_stays_for_that_no(account: LiveAccount) -> None:
    """All other values go; the ids stay, so that the next import finds the person and the no binds."""
    noes = {"ProfilePreferences": [make_choice("DATA-SHARING", 2, "2025-01-01")], "Consents": []}
    file = [make_person(1, **noes), make_person(2)]
    first = account.run([file], **MATCH)
    created = account.profiles()
    ended = undo(account, first.import_id)
    assert (count(ended.status), codes(ended)) == ((0, 1, 0, 1, 0, 0), [("Undo.KeptNo", "$.ProfilePreferences")])
    profile = only(account)
    assert [one["AlternateId"] for one in profile["AlternateIds"] if one["IsActive"]] == ["C-1"]
    assert [one["PreferenceType"] for one in profile["ProfilePreferences"]] == [2]
    assert [profile[name] for name in ("Emails", "ProfileTags", "Groups")] == [[], [], []]
    again = account.run([file], **MATCH)
    assert count(again.status) == (1, 1, 0, 0, 0, 0)
    assert drop_dates(account.profile(first.first_id)) == drop_dates(created[first.first_id])


def drop_dates(profile: Wire) -> Wire:
    """As drop_times, and without the times at which choices were recorded."""
    profile["CustomFields"].sort(key=lambda one: one["Name"])
    text = msgspec.json.encode({name: value for name, value in drop_times(profile).items() if name != "Modified"})
    return msgspec.json.decode(re.sub(rb'"LastModifiedDate":"[^"]*"', b'"LastModifiedDate":""', text))


def test_a_created_person_goes_with_the_no_with_restore_yes(account: LiveAccount) -> None:
    release = msgspec.structs.replace(account.caller.permissions, release=True)
    plain = account.caller
    account.caller = type(plain)(plain.account_id, plain.client_id, plain.user_id, release)
    first = account.run([[make_person(1, **NOES)]], **MATCH)
    ended = undo(account, first.import_id, restore_yes=True)
    assert (count(ended.status), account.profile_ids()) == ((0, 0, 0, 1, 0, 0), [])


@pytest.mark.parametrize("chunk_size", [1, None])
def test_a_preview_of_an_undo_gives_what_its_execution_gives(account: LiveAccount, chunk_size: int | None) -> None:
    account.run([[make_person(1), make_person(2)]], **MATCH)
    wrong = account.run(
        [[make_person(1, **WRONG), make_person(2, **NOES), make_person(3), make_person(4, **NOES)]], **MATCH
    )
    before = account.versions()
    item = account.store.services.undo.undo(account.caller, str(wrong.import_id), restore_yes=False)
    preview = run_preview(account, str(item.access_token), chunk_size)
    assert account.versions() == before
    states = read_states(account)
    ended = account.finish(str(item.access_token), chunk_size=chunk_size)
    assert preview.state == "Done"
    names = ("created", "updated", "unchanged", "deleted", "not_honored", "exceptions")
    assert tuple(getattr(preview, name) for name in names) == count(ended.status) == (0, 2, 0, 1, 1, 0)
    assert dict(zip(EFFECT_KINDS, preview.effects, strict=True)) == count_effects(account, states, ended.import_id)


def test_one_row_for_a_person_whom_several_slices_changed_and_none_for_the_import_that_created(
    account: LiveAccount,
) -> None:
    names = [make_person(1, CustomerName={"FirstName": name}) for name in "ABC"]
    account.run([names], chunk_size=1, **MATCH)
    assert count_images(account) == 0
    before = only(account)
    wrong = account.run([names], chunk_size=1, **MATCH)
    assert count_images(account) == 1
    undo(account, wrong.import_id)
    assert only(account) == before


def test_the_audit_trail_says_who_took_what_back(account: LiveAccount) -> None:
    wrong = account.run([[make_person(1)]], **MATCH)
    ended = undo(account, wrong.import_id)
    query = "SELECT action, caller, details FROM audit_event WHERE import_id = %s ORDER BY recorded_at, event_id"
    events = account.store.query(query, ended.import_id)
    begun = {"ImportAction": "Undo", "UndoOf": str(wrong.import_id), "RestoreYes": False, "Records": 1}
    assert events[0] == ("import.initiated", "nightly", begun)
    assert [one[0] for one in events[1:4]] == ["import.executed", "import.started", "import.completed"]
