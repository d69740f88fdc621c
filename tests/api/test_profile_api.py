"""account.md, "Reading profiles back", over HTTP: reading. Each docstring quotes its sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from running_server import AccountAccess, RunningServer
from wire_client import WireClient, check_problem, choice, codes, mail, person, require

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
LONG_AGO = "2020-01-01T00:00:00Z"
PHONE = "+12025550143"


@pytest.fixture
def mailer(running: RunningServer, server: AccountAccess) -> Iterator[WireClient]:
    """Another user of the same account: channel Email, program NEWS, consent type PrivacyPolicy, no delete."""
    with WireClient(running.give_access(server.account, "mailer")) as client:
        yield client


def consent(name: str, version: str, status: int, at: str, **members: Any) -> dict[str, Any]:
    return {"ConsentType": name, "ConsentVersion": version, "Locale": "en_US", "ConsentStatus": status,
            "ConsentDate": at} | members  # fmt: skip


WHOLE: dict[str, Any] = {
    "DefaultLocale": "es_US",
    "RegistrationConfirmed": True,
    "CustomerType": "Prospect",
    "CustomerName": {"Prefix": "Dr", "FirstName": "Zoë", "LastName": "Ōkubo"},
    "AlternateIds": [
        {"AlternateIdType": "CRM", "AlternateId": "C-1"},
        {"AlternateIdType": "Loyalty", "AlternateId": "7700"},
    ],
    "Emails": [
        {"EmailAddress": "Zoe@Example.com", "EmailPreferences": [
            choice("NEWS-EMAIL", 1, OLD, FrequencyId="Monthly", PreferenceAttributes=[{"Key": "form", "Value": "7"}]),
            choice("OFFERS-EMAIL", 2, OLD)]},
        {"EmailAddressType": "Work", "EmailAddress": "zoe@work.example.com"},
    ],
    "PhoneNumbers": [
        {"PhoneNumber": "(202) 555-0143", "IsMobile": True,
         "Consents": [consent("TextMessages", "2026-01", 1, OLD)],
         "PhoneNumberPreferences": [choice("NEWS-TEXT", 1, OLD)]},
    ],
    "Addresses": [{"Address1": "1 Main St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210",
                   "CountryCode_Alpha2": "US"}],
    "ProfilePreferences": [choice("DATA-SHARING", 2, OLD)],
    "Consents": [consent("PrivacyPolicy", "2.0", 1, LONG_AGO, Evidence={"Method": "web form"})],
    "Groups": [{"GroupType": "Household", "GroupName": "Okubo", "IsPrimary": True}],
    "ProfileTags": [{"Name": "loyal"}],
    "CustomFields": [{"Name": "Tier", "Value": "gold"}],
}  # fmt: skip


def by_filter(elements: list[Any]) -> list[Any]:
    """Choices sorted by their filter, for any order of application; other elements unchanged."""
    return sorted(elements, key=lambda one: one.get("FilterId", ""))


def says(shown: Any, said: Any) -> bool:
    """True if every given member is in the shown profile."""
    if isinstance(said, dict):
        return all(name in shown and says(shown[name], value) for name, value in said.items())
    if isinstance(said, list):
        return len(shown) == len(said) and all(map(says, by_filter(shown), by_filter(said)))
    return bool(shown == said)


# The whole profile


def test_the_whole_profile_in_the_records_shape(ours: WireClient) -> None:
    """GET /{clientId}/Profile/{profileId}: the whole profile: the record's shape …; PreferenceType and
    ConsentStatus as integers."""
    created = ours.write(WHOLE)
    shown = ours.profile(created["ProfileId"])
    assert says(shown, WHOLE), shown
    assert shown == {name: value for name, value in created.items() if name not in ("Outcome", "NotHonored")}


def test_the_ro_members_are_filled(ours: WireClient) -> None:
    """… with the ro members filled (Edited, IsActive, ExpirationDate, Expired, PreferenceStatus …)."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    shown = ours.profile(ours.write(WHOLE)["ProfileId"])
    nested = [one for name in ("AlternateIds", "Emails", "PhoneNumbers", "Groups") for one in shown[name]]
    edited = [one["Edited"] for one in (shown, *nested)]
    assert all(before <= datetime.fromisoformat(text) <= datetime.now(UTC) + timedelta(seconds=1) for text in edited)
    assert [shown["IsActive"], shown["Emails"][0]["IsActive"], shown["Groups"][0]["IsActive"]] == [True] * 3
    assert [email["IsDefault"] for email in shown["Emails"]] == [True, False]
    news, offers = by_filter(shown["Emails"][0]["EmailPreferences"])
    expires = datetime.fromisoformat(OLD) + timedelta(days=730)
    assert datetime.fromisoformat(news["ExpirationDate"]) == expires
    assert (news["PreferenceStatus"], news["ProgramId"], news["ChannelId"]) == ("Active", "NEWS", "Email")
    assert (news["UserId"], datetime.fromisoformat(news["LastModifiedDate"]) >= before) == ("nightly", True)
    assert "ExpirationDate" not in offers
    (privacy,) = shown["Consents"]
    assert (privacy["Expired"], privacy["ConsentStatus"]) == (True, 1)
    assert datetime.fromisoformat(privacy["ExpirationDate"]) == datetime.fromisoformat(LONG_AGO) + timedelta(days=1095)
    (phone,) = shown["PhoneNumbers"]
    assert (phone["PhoneNumberNumeric"], phone["Consents"][0]["Expired"]) == ("12025550143", False)
    (address,) = shown["Addresses"]
    assert (address["CountryCode_Alpha3"], address["CountryCode_Numeric"]) == ("USA", "840")


def test_an_expired_and_a_suspended_opt_in_are_told(ours: WireClient) -> None:
    """PreferenceStatus: an Opt-In expires; one whose required consent is no longer in force is Suspended."""
    text = {"PhoneNumber": PHONE, "PhoneNumberPreferences": [choice("NEWS-TEXT", 1, OLD)]}
    record = person(1, Emails=mail("a@example.com", choice("NEWS-EMAIL", 1, LONG_AGO)))
    granted = consent("TextMessages", "2026-01", 1, OLD)
    profile_id = ours.write(record | {"PhoneNumbers": [text], "Consents": [granted]})["ProfileId"]
    shown = ours.write({"Consents": [consent("TextMessages", "2026-01", 3, NEW)]}, profile_id)
    assert shown["Emails"][0]["EmailPreferences"][0]["PreferenceStatus"] == "Expired"
    assert shown["PhoneNumbers"][0]["PhoneNumberPreferences"][0]["PreferenceStatus"] == "Suspended"


def test_inactive_elements_are_included_and_marked(ours: WireClient) -> None:
    """… inactive elements included and marked."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    off = {"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "7700", "IsActive": False}]}
    shown = ours.write(off | {"Emails": [{"EmailAddress": "b@example.com"}]}, profile_id, RefreshContacts=True)
    assert [(one["EmailAddress"], one["IsActive"]) for one in shown["Emails"]] == [
        ("Zoe@Example.com", False),
        ("zoe@work.example.com", False),
        ("b@example.com", True),
    ]
    assert [one["IsActive"] for one in shown["AlternateIds"]] == [True, False]
    assert [shown[name][0]["IsActive"] for name in ("PhoneNumbers", "Addresses")] == [False, False]
    assert shown["Emails"][0]["EmailPreferences"] == []  # out of force: the answer does not show it as current


def test_it_is_limited_to_what_the_caller_may_see(ours: WireClient, mailer: WireClient) -> None:
    """… limited to what the caller may see."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    shown = mailer.profile(profile_id)
    assert [one["FilterId"] for one in shown["Emails"][0]["EmailPreferences"]] == ["NEWS-EMAIL"]
    assert [one["ConsentType"] for one in shown["Consents"]] == ["PrivacyPolicy"]
    assert shown["ProfilePreferences"] == []
    assert not shown.get("PhoneNumbers")
    assert not shown.get("Addresses")
    assert shown["CustomerName"] == WHOLE["CustomerName"]
    for found in (
        mailer.find_crm("C-1"),
        require(mailer.try_find(emailAddress="zoe@example.com"))["UserProfilePreferences"][0],
    ):
        assert found == shown


def test_a_profile_that_is_not_there_is_404(ours: WireClient, running: RunningServer) -> None:
    """404 if there is none."""
    with WireClient(running.create_account()) as theirs:
        for _ in range(3):
            foreign = theirs.write(person(1))["ProfileId"] if not _ else theirs.write(person(f"x{_}"))["ProfileId"]
    for profile_id in (foreign, 2**62, 0, -1, "x", "1.0", "9" * 30):
        for more in ("", "/History?of=Consents"):
            check_problem(ours.http.get(f"{ours.account}/Profile/{profile_id}{more}"), 404, "Profile.NotFound")


def test_the_answer_of_get_can_be_staged_back_and_changes_nothing(ours: WireClient) -> None:
    """ro members are accepted and ignored, so that what the system gave out can come back in."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    ours.write({"Emails": [{"EmailAddress": "b@example.com"}], "CustomerName": {"Prefix": ""}}, profile_id)
    shown = ours.profile(profile_id)
    done = ours.run([shown], MatchCriteria="AlternateIdType", MatchValue="CRM")
    assert (done["Unchanged"], done["Processed"]) == (1, 1)
    assert ours.write(shown, profile_id)["Outcome"] == "Unchanged"
    assert (
        ours.write(ours.find_crm("C-1"), profile_id, RefreshContacts=True, RefreshTags=True)["Outcome"] == "Unchanged"
    )
    assert ours.profile(profile_id) == shown


# Finding


def test_by_alternate_id_by_active_ids_only_also_an_inactive_profile(ours: WireClient) -> None:
    """GET /{clientId}/Profile?alternateIdType=&alternateId=: that profile, by active ids only, also an inactive
    profile; 404 if there is none."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    for kind, value in (("CRM", "C-1"), ("crm", "c-1"), ("Loyalty", " 7700 ")):
        assert require(ours.try_find(alternateIdType=kind, alternateId=value))["ProfileId"] == profile_id
    off = {
        "IsActive": False,
        "AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "7700", "IsActive": False}],
    }
    ours.write(off, profile_id)
    shown = ours.find_crm("C-1")
    assert (shown["ProfileId"], shown["IsActive"]) == (profile_id, False)
    for kind, value in (("Loyalty", "7700"), ("CRM", "C-2"), ("Loyalty", "C-1"), ("NoType", "C-1")):
        check_problem(ours.try_find(alternateIdType=kind, alternateId=value), 404, "Profile.NotFound")


@pytest.mark.parametrize(
    ("name", "spellings", "unknown"),
    [
        ("emailAddress", ["zoe@example.com", "ZOE@EXAMPLE.COM"], "other@example.com"),
        ("phoneNumber", [PHONE, "(202) 555-0143", "202-555-0143"], "+12025550199"),
    ],
)
def test_by_email_or_phone(ours: WireClient, name: str, spellings: list[str], unknown: str) -> None:
    """?emailAddress= · ?phoneNumber=: {Count, UserProfilePreferences}, active profiles and elements only,
    empty is 200."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    other = ours.write(person(2, PhoneNumbers=[{"PhoneNumber": PHONE}], Emails=[{"EmailAddress": "zoe@example.com"}]))
    both = {"Count": 2, "UserProfilePreferences": [ours.profile(profile_id), ours.profile(other["ProfileId"])]}
    for spelling in spellings:
        assert require(ours.try_find(**{name: spelling})) == both
    assert require(ours.try_find(**{name: unknown})) == {"Count": 0, "UserProfilePreferences": []}
    ours.write({"IsActive": False}, other["ProfileId"])
    assert require(ours.try_find(**{name: spellings[0]}))["Count"] == 1
    ours.write({"Emails": [{"EmailAddress": "new@example.com"}]}, profile_id, RefreshContacts=True)
    assert require(ours.try_find(**{name: spellings[0]})) == {"Count": 0, "UserProfilePreferences": []}


def test_over_50_found_is_403(ours: WireClient) -> None:
    """Over 50 is 403."""
    many = [person(n, Emails=[{"EmailAddress": "shared@example.com"}], PhoneNumbers=[{"PhoneNumber": PHONE}])
            for n in range(50)]  # fmt: skip
    ours.run(many)
    assert require(ours.try_find(emailAddress="shared@example.com"))["Count"] == 50
    ours.write(person(50, Emails=[{"EmailAddress": "shared@example.com"}], PhoneNumbers=[{"PhoneNumber": PHONE}]))
    for query in ({"emailAddress": "shared@example.com"}, {"phoneNumber": PHONE}):
        check_problem(ours.try_find(**query), 403, "Profile.TooManyFound")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"alternateIdType": "CRM"},
        {"alternateId": "C-1"},
        {"alternateIdType": "CRM", "alternateId": "C-1", "emailAddress": "a@example.com"},
        {"emailAddress": "a@example.com", "phoneNumber": PHONE},
        {"emailAddress": ""},
        {"alternateIdType": "CRM", "alternateId": " "},
    ],
)
def test_a_query_without_exactly_one_of_the_three_parameters_is_400(ours: WireClient, query: dict[str, str]) -> None:
    """400: malformed or invalid request."""
    check_problem(ours.try_find(**query), 400, "Request.InvalidParameter")


@pytest.mark.parametrize(
    "text", ["nobody", "\0", "a\tb", "\u200b", "\u202e", "\ufffd", "x" * 300, "12", "1 x 2", "\ue000"]
)
def test_a_look_up_by_any_text_is_200_or_404(ours: WireClient, text: str) -> None:
    """… never 400 for its characters."""
    for member in ("emailAddress", "phoneNumber"):
        assert require(ours.try_find(**{member: text}))["Count"] == 0
    check_problem(ours.try_find(alternateIdType="CRM", alternateId=text), 404, "Profile.NotFound")
    check_problem(ours.try_find(alternateIdType=text, alternateId="C-1"), 404, "Profile.NotFound")


@pytest.mark.parametrize("asked", ["KD 100", "kd\xa0100", " KD\u3000100\u2003", "\tKD\u2007100\n"])
def test_every_accepted_value_can_be_found(ours: WireClient, asked: str) -> None:
    """White space is trimmed and folded alike at staging and at the look-up."""
    ours.run([{"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "KD\xa0100"}]}])
    found = require(ours.try_find(alternateIdType="\xa0Loyalty", alternateId=asked))
    assert found["AlternateIds"][0]["AlternateId"] == "KD\xa0100"


def test_finding_by_a_channel_needs_that_channel(mailer: WireClient, ours: WireClient) -> None:
    """… limited to what the caller may see; 403: the caller's user groups do not permit it."""
    check_problem(mailer.try_find(phoneNumber=PHONE), 403, "Permission.Channel")
    ours.reconfigure(lambda d: d["userGroups"][1]["permissions"].update(channels=["Phone"]))
    check_problem(mailer.try_find(emailAddress="a@example.com"), 403, "Permission.Channel")


# History


def test_the_history_is_in_order_of_application_with_its_lineage(ours: WireClient) -> None:
    """GET …/History?of=Preferences|Consents: {Count, HasMore, Items} in order of application; each item: place, the
    value's own members, CustomerDate or ConsentDate, RecordedDate, Caller, ImportId, SequenceNumber."""
    done = ours.run([person("x"), WHOLE], MatchCriteria="AlternateIdType", MatchValue="CRM")
    profile_id = ours.find_crm("C-1")["ProfileId"]
    ours.write({"Emails": mail("zoe@example.com", choice("NEWS-EMAIL", 2, NEW))}, profile_id)
    page = require(ours.try_profile(profile_id, "/History", of="Preferences"))
    assert (page["Count"], page["HasMore"]) == (5, False)
    items = page["Items"]
    assert sorted(item["FilterId"] for item in items[:4]) == ["DATA-SHARING", "NEWS-EMAIL", "NEWS-TEXT", "OFFERS-EMAIL"]
    assert [(item["ImportId"], item["SequenceNumber"]) for item in items] == [(done["ImportId"], 2)] * 4 + [
        (None, None)
    ]
    assert all(item["Caller"] == "nightly" for item in items)
    recorded = [datetime.fromisoformat(item["RecordedDate"]) for item in items]
    assert recorded == sorted(recorded)
    last = items[-1]
    assert (last["FilterId"], last["PreferenceType"], last["CustomerDate"]) == ("NEWS-EMAIL", 2, NEW)
    assert (last["Place"]["EmailAddressType"], last["Place"]["EmailAddress"]) == ("Home", "Zoe@Example.com")
    first = next(item for item in items if item["FilterId"] == "NEWS-EMAIL")
    assert (first["FrequencyId"], first["CustomerDate"]) == ("Monthly", OLD)


def test_the_history_of_consents(ours: WireClient) -> None:
    """of=Consents: … ConsentDate …"""
    profile_id = ours.write(WHOLE)["ProfileId"]
    page = require(ours.try_profile(profile_id, "/History", of="Consents"))
    by_type = {item["ConsentType"]: item for item in page["Items"]}
    assert (page["Count"], set(by_type)) == (2, {"PrivacyPolicy", "TextMessages"})
    privacy = by_type["PrivacyPolicy"]
    assert [privacy[name] for name in ("ConsentVersion", "Locale", "ConsentStatus", "ConsentDate")] == [
        "2.0", "en_US", 1, LONG_AGO,
    ]  # fmt: skip
    assert privacy["Evidence"] == {"Method": "web form"}
    assert by_type["TextMessages"]["Place"]["PhoneNumber"] == "(202) 555-0143"


def test_the_history_is_paged(ours: WireClient) -> None:
    """…?of=&limit=&offset=: HasMore."""
    profile_id = ours.write(person(1))["ProfileId"]
    for day in range(1, 6):
        at = f"2026-02-0{day}T00:00:00Z"
        ours.write({"Emails": mail("c1@example.com", choice("OFFERS-EMAIL", 1 + day % 2, at))}, profile_id)

    def read(**parameters: int) -> tuple[list[int], bool]:
        page = require(ours.try_profile(profile_id, "/History", of="Preferences", **parameters))
        assert page["Count"] == len(page["Items"])
        return [int(item["CustomerDate"][9:10]) for item in page["Items"]], page["HasMore"]

    assert read() == ([1, 2, 3, 4, 5], False)
    assert read(limit=2) == ([1, 2], True)
    assert read(limit=2, offset=3) == ([3, 4], True)
    assert read(limit=2, offset=5) == ([5], False)
    for name, wrong in (("limit", 0), ("offset", 0), ("limit", 10_001), ("of", "Tags")):
        answer = ours.try_profile(profile_id, "/History", **{"of": "Preferences", name: wrong})
        assert [path for _, path in codes(check_problem(answer, 400, "Request.InvalidParameter"))] == [name]
    check_problem(ours.try_profile(profile_id, "/History"), 400, "Request.InvalidParameter")


def test_the_history_is_limited_to_what_the_caller_may_see(ours: WireClient, mailer: WireClient) -> None:
    """… limited to what the caller may see."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    seen = {
        of: [item.get("FilterId") or item["ConsentType"] for item in
             require(mailer.try_profile(profile_id, "/History", of=of))["Items"]]
        for of in ("Preferences", "Consents")
    }  # fmt: skip
    assert seen == {"Preferences": ["NEWS-EMAIL"], "Consents": ["PrivacyPolicy"]}


# Tags


def test_tags_with_counts_at_most_5_minutes_old(ours: WireClient) -> None:
    """GET /{clientId}/Tags: tags with counts, as of AsOf, at most 5 minutes old."""
    path = f"{ours.account}/Tags"
    assert require(ours.http.get(path))["Tags"] == []
    tagged = [
        person(n, ProfileTags=[{"Name": name} for name in names]) for n, names in enumerate(["ab", "b", "B", "c"])
    ]
    ours.run(tagged, MatchCriteria="AlternateIdType", MatchValue="CRM")
    ours.write(person(3, ProfileTags=[]), ours.find_crm("C-3")["ProfileId"], RefreshTags=True)
    page = require(ours.http.get(path))
    assert {tag["Name"].lower(): tag["Count"] for tag in page["Tags"]} == {"a": 1, "b": 3}
    assert datetime.now(UTC) - datetime.fromisoformat(page["AsOf"]) < timedelta(minutes=5)
    require(ours.http.get(path))
    assert ours.http.delete(f"{ours.account}/Profile/{ours.find_crm('C-0')['ProfileId']}").status_code == 204
    assert {tag["Name"].lower(): tag["Count"] for tag in require(ours.http.get(path))["Tags"]} == {"b": 2}


def test_reading_needs_profile_read(ours: WireClient) -> None:
    """403: the caller's user groups do not permit it (profile: read)."""
    profile_id = ours.write(WHOLE)["ProfileId"]
    ours.reconfigure(lambda d: d["userGroups"][0]["permissions"].update(profile=["write", "delete"]))
    answers = [
        ours.try_profile(profile_id),
        ours.try_profile(profile_id, "/History", of="Consents"),
        ours.try_find(alternateIdType="CRM", alternateId="C-1"),
        ours.try_find(emailAddress="zoe@example.com"),
        ours.http.get(f"{ours.account}/Tags"),
    ]
    for answer in answers:
        check_problem(answer, 403, "Permission.Profile")
    assert "CustomerName" not in ours.write({"CustomerName": {"FirstName": "Z"}}, profile_id)
