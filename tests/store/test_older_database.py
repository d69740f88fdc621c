"""A database of the first release gives right answers under today's rules, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from older_database import FAILED, INITIATED, PROCESSING, QUEUED, STAGED_AFTER, STAGED_BEFORE, served
from wire_client import WireClient, require

Wire = dict[str, Any]


@pytest.fixture(scope="module")
def older(engine: str, template: str) -> Iterator[WireClient]:
    with served(engine) as access, WireClient(access) as client:
        yield client


def choices(profile: Wire, array: str = "Emails", preferences: str = "EmailPreferences") -> list[tuple[Any, ...]]:
    """(type, filter, choice, status) of each preference given out."""
    kind = {"Emails": "EmailAddressType", "PhoneNumbers": "PhoneType"}[array]
    return [
        (element[kind], item["FilterId"], item["PreferenceType"], item["PreferenceStatus"])
        for element in profile[array]
        for item in element[preferences]
    ]


LAST_OF_C1: Wire = {
    "AlternateIds": [{"AlternateIdType": "Crm", "AlternateId": "C-1"}],
    "Emails": [
        {
            "EmailAddressType": "HOME",
            "EmailAddress": "one@example.com",
            "EmailPreferences": [
                {"FilterId": "News-Email", "PreferenceType": 1, "CustomerDate": "2026-01-01T00:00:00Z"}
            ],
        }
    ],
}
"""The record that changed C-1 last, byte for byte: the first release knew C-1 by its fingerprint."""


def test_no_record_is_skipped_for_a_fingerprint_of_the_first_release(older: WireClient) -> None:
    """The old rules would make the record Unchanged. Today's rules do not honor its Opt-In."""
    older.wait(QUEUED)
    status = older.run([LAST_OF_C1], MatchCriteria="AlternateIdType", MatchValue="Crm")
    assert (status["NotHonored"], status["Unchanged"]) == (1, 0)


def test_an_opt_in_of_january_never_overrules_an_opt_out_of_march_after_a_new_spelling(older: WireClient) -> None:
    """record.md: no stored choice is ever told apart by spelling. The Opt-In staged before the new spelling is
    not honored either."""
    assert choices(older.find_crm("C-1")) == [("HOME", "News-Email", 2, "Active")]


def test_an_element_stored_twice_under_two_spellings_is_one_again(older: WireClient) -> None:
    """record.md: no stored choice, element, id, group, field or consent is ever told apart by spelling."""
    shown = older.find_crm("C-2")
    assert (shown["DefaultLocale"], shown["CustomerType"]) == ("en_us", "CUSTOMER")
    assert [(one["AlternateIdType"], one["AlternateId"]) for one in shown["AlternateIds"]] == [
        ("Crm", "C-2"),
        ("LOYALTY", "L-2"),
    ]
    (email,), (phone,), (address,) = shown["Emails"], shown["PhoneNumbers"], shown["Addresses"]
    assert (email["EmailAddress"], email["EmailAddressType"], email["IsDefault"]) == ("Two@example.com", "HOME", True)
    assert [(one["ConsentType"], one["ConsentStatus"]) for one in email["Consents"]] == [("privacypolicy", 3)]
    assert (phone["PhoneType"], phone["IsMobile"], phone["IsDefault"]) == ("mobile", True, True)
    assert choices(shown, "PhoneNumbers", "PhoneNumberPreferences") == [("mobile", "news-text", 2, "Active")]
    assert (address["Address1"], address["Address2"]) == ("2 Elm St", "Flat 2")
    assert [one["FilterId"] for one in address["AddressPreferences"]] == ["OFFERS-MAIL"]
    (consent,) = shown["Consents"]
    assert (consent["ConsentType"], consent["Evidence"]) == ("privacypolicy", {"Method": "web", "Reference": "A-7"})
    assert [(one["GroupType"], one["GroupName"]) for one in shown["Groups"]] == [("HouseHold", "Two")]
    fields = {one["Name"]: one["Value"] for one in shown["CustomFields"]}
    assert fields == {"TIER": "Gold", "nickname": "Deuce", "STORE": "S002"}


def test_the_history_keeps_its_places(older: WireClient) -> None:
    """An element that became one with another keeps its number: history is never updated."""
    profile_id = older.find_crm("C-2")["ProfileId"]
    for of in ("Preferences", "Consents"):
        history = require(older.try_profile(profile_id, "/History", of=of))
        assert history["Count"] >= 4
        kinds = {item["Place"]["Kind"] for item in history["Items"]}
        assert kinds == ({"Email", "Phone", "Address"} if of == "Preferences" else {"Profile", "Email", "Phone"})
        names = {item["FilterId" if of == "Preferences" else "ConsentType"] for item in history["Items"]}
        assert names <= {"News-Email", "news-text", "OFFERS-MAIL", "privacypolicy", "TEXTMESSAGES"}


def test_a_profile_read_back_can_come_in_again(older: WireClient) -> None:
    shown = older.find_crm("C-2")
    assert older.write(shown, shown["ProfileId"])["Outcome"] == "Unchanged"
    renamed = older.write({"CustomerName": {"FirstName": "Deuce"}}, shown["ProfileId"])
    assert [one["EmailAddress"] for one in renamed["Emails"]] == ["Two@example.com"]
    assert older.find_crm("C-2")["CustomerName"] == {"FirstName": "Deuce"}
    found = require(older.try_find(emailAddress="two@example.com"))
    assert [one["ProfileId"] for one in found["UserProfilePreferences"]] == [shown["ProfileId"]]


def test_an_opt_out_under_another_type_overrules_what_was_there_before(older: WireClient) -> None:
    assert choices(older.find_crm("C-3")) == [
        ("HOME", "News-Email", 1, "Overruled"),
        ("work", "News-Email", 2, "Active"),
    ]


def test_an_inactive_group_is_given_out_marked(older: WireClient) -> None:
    groups = older.find_crm("C-4")["Groups"]
    assert [(one["GroupName"], one["IsActive"]) for one in groups] == [("Left", False), ("Kept", True)]


def test_an_undated_no_that_was_staged_over_an_archived_one_counts(older: WireClient) -> None:
    """Staged by the first release, executed by this one: it is a new choice of the time of its Stage call."""
    assert choices(older.find_crm("C-5")) == []
    status = older.finish(STAGED_BEFORE)
    assert (status["Updated"], status["Created"], status["NotHonored"], status["Exceptions"]) == (2, 1, 1, 0)
    shown = older.find_crm("C-5")
    assert choices(shown) == [("HOME", "News-Email", 2, "Active")]
    assert [one["ConsentStatus"] for one in shown["Emails"][0]["Consents"]] == [3]
    new = older.find_crm("C-14")
    assert new["Emails"][0]["EmailPreferences"][0]["FrequencyId"] == "daily"
    assert [one["ConsentType"] for one in new["Consents"]] == ["privacypolicy"]
    two = older.find_crm("C-2")
    assert (len(two["Emails"]), len(two["Groups"]), two["Groups"][0]["IsPrimary"]) == (1, 1, True)
    test_an_opt_in_of_january_never_overrules_an_opt_out_of_march_after_a_new_spelling(older)


def test_an_opt_in_whose_consent_was_withdrawn_for_the_number_or_the_person_is_suspended(older: WireClient) -> None:
    for number in ("C-7", "C-8"):
        shown = choices(older.find_crm(number), "PhoneNumbers", "PhoneNumberPreferences")
        assert shown == [("mobile", "news-text", 1, "Suspended")]


def test_imports_go_on_from_every_state(older: WireClient) -> None:
    done = older.wait(PROCESSING)
    assert (done["Status"], done["Created"], done["Pending"]) == ("Completed", 6, 0)
    queued = older.wait(QUEUED)
    assert (queued["Status"], queued["NotHonored"], queued["Unchanged"]) == ("Completed", 1, 1)
    assert older.status(FAILED)["Status"] == "Failed"
    assert older.status(INITIATED)["Status"] == "Initiated"
    assert older.finish(STAGED_AFTER)["Created"] == 1


def test_the_spelling_now_configured_stays(older: WireClient) -> None:
    """An account that took a new spelling keeps the one that it has."""
    document = require(older.http.get(f"{older.account}/Configuration"))
    document["programs"][0]["filters"][0]["id"] = "NEWS-EMAIL"
    answer = require(older.http.put(f"{older.account}/Configuration", json=document))
    assert answer == {"Changes": ["= filter NEWS-EMAIL: stays News-Email, as first spelled"], "Applied": False}


def test_the_deleted_stay_deleted_and_the_audit_trail_goes_on(older: WireClient) -> None:
    assert older.try_find(alternateIdType="CRM", alternateId="C-9").status_code == 404
    assert older.find_crm("C-12")["CustomerName"] == {"FirstName": "Zoë"}
    trail = require(older.http.get(f"{older.account}/Audit", params={"action": "configuration.applied"}))
    assert trail["Count"] == 2
