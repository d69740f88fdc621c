"""account.md, "Reading profiles back", over HTTP: one person written at once, and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from running_server import AccountAccess, RunningServer
from wire_client import WireClient, at_once, check_problem, choice, codes, mail, person, require

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


@pytest.fixture
def mailer(running: RunningServer, server: AccountAccess) -> Iterator[WireClient]:
    """Another user of the same account: channel Email, program NEWS, consent type PrivacyPolicy, no delete."""
    with WireClient(running.give_access(server.account, "mailer")) as client:
        yield client


def test_a_new_person_is_201_with_the_profile_outcome_and_not_honored(ours: WireClient) -> None:
    """POST /{clientId}/Profile: 201 … with the profile, Outcome and NotHonored."""
    answer = ours.try_write(person(1, CustomerName={"FirstName": "Zoë"}))
    assert answer.status_code == 201
    created = answer.json()
    assert (created["Outcome"], created["NotHonored"]) == ("Created", [])
    assert ours.profile(created["ProfileId"]) | {"Outcome": "Created", "NotHonored": []} == created


def test_a_known_person_is_200(ours: WireClient) -> None:
    """POST /{clientId}/Profile/{profileId}: 200 with the profile, Outcome and NotHonored."""
    record = person(1, Emails=mail("a@example.com", choice("OFFERS-EMAIL", 2, NEW)))
    profile_id = ours.write(record)["ProfileId"]
    changed = ours.try_write({"ProfileTags": [{"Name": "new"}]}, profile_id)
    assert (changed.status_code, changed.json()["Outcome"]) == (200, "Updated")
    assert changed.json()["ProfileTags"] == [{"Name": "new"}]
    same = ours.try_write(record, profile_id)
    assert (same.status_code, same.json()["Outcome"], same.json()["NotHonored"]) == (200, "Unchanged", [])
    late = ours.write({"Emails": mail("a@example.com", choice("OFFERS-EMAIL", 1, OLD))}, profile_id)
    assert late["Outcome"] == "NotHonored"
    (fault,) = late["NotHonored"]
    assert (fault["Code"], fault["Path"]) == ("Preference.Superseded", "$.Emails[0].EmailPreferences[0]")
    assert late["Emails"][0]["EmailPreferences"][0]["PreferenceType"] == 2


def test_a_profile_id_in_the_body_names_the_profile_too(ours: WireClient) -> None:
    """The rules are those of an import: a given ProfileId that exists means that profile."""
    profile_id = ours.write(person(1))["ProfileId"]
    answer = ours.try_write({"ProfileId": profile_id, "CustomerName": {"FirstName": "Z"}})
    assert (answer.status_code, answer.json()["ProfileId"], answer.json()["Outcome"]) == (200, profile_id, "Updated")
    assert (
        ours.write({"ProfileId": profile_id, "CustomerName": {"FirstName": "Z"}}, profile_id)["Outcome"] == "Unchanged"
    )
    problem = ours.try_write({"ProfileId": profile_id + 1, "CustomerName": {"FirstName": "Q"}}, profile_id)
    check_problem(problem, 400, "Profile.IdMismatch")


@pytest.mark.parametrize("said", ['"ProfileId": null, ', '"ProfileId" :null , "ProfileId":\tnull, ', ""])
def test_a_profile_id_of_null_counts_as_absent(ours: WireClient, said: str) -> None:
    """record.md: null says nothing. The path names the profile then."""
    profile_id = ours.write(person(1))["ProfileId"]
    body = f'{{ {said}"CustomerName": {{"FirstName": "Zoe"}} }}\n'.encode()
    answer = ours.http.post(
        f"{ours.account}/Profile/{profile_id}", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["ProfileId"]) == (200, profile_id), answer.text
    assert answer.json()["CustomerName"]["FirstName"] == "Zoe"


@pytest.mark.parametrize("odd", ['"x"', "0", "1" * 5000, "[null]", '"\\ud800"'])
def test_any_other_profile_id_of_the_body_counts(ours: WireClient, odd: str) -> None:
    profile_id = ours.write(person(1))["ProfileId"]
    body = f'{{"ProfileId": {odd}, "CustomerName": {{"FirstName": "Zoe"}}}}'.encode()
    answer = ours.http.post(
        f"{ours.account}/Profile/{profile_id}", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert "FirstName" not in ours.profile(profile_id).get("CustomerName", {})


def test_staging_faults_are_400_all_of_them_and_nothing_is_done(ours: WireClient) -> None:
    """Staging faults 400."""
    faulty = person(1, CustomerType="Nobody", Emails=[{"EmailAddress": "nobody"}], Emial=[])
    expected = [
        ("CustomerType.Unknown", "$.CustomerType"),
        ("Email.Malformed", "$.Emails[0].EmailAddress"),
        ("Record.UnknownMember", "$.Emial"),
    ]
    answer = ours.try_write(faulty)
    assert sorted(codes(check_problem(answer, 400, answer.json()["code"]))) == expected
    check_problem(ours.try_find(alternateIdType="CRM", alternateId="C-1"), 404, "Profile.NotFound")


def test_a_record_that_says_nothing_is_400(ours: WireClient) -> None:
    """The very same rules as an import: at least one … must say something."""
    check_problem(ours.try_write({}), 400, "Record.NothingSaid")
    assert ours.write({}, ours.write(person(1))["ProfileId"])["Outcome"] == "Unchanged"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "Request.MalformedJson"),
        (b'{"ProfileId": 1', "Request.MalformedJson"),
        (b"{} {}", "Request.MalformedJson"),
        (b'{"DefaultLocale": "\xff"}', "Request.NotUtf8"),
        (b"[]", "Request.WrongType"),
        (b"5", "Request.WrongType"),
        (rb'{"DefaultLocale": "\ud800"}', "String.NotUnicode"),
        (b'{"ProfileId": 1e999}', "Number.OutOfRange"),
        (b'{"CustomFields": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "Record.TooDeep"),
    ],
)
def test_a_body_that_is_not_one_record_is_400(ours: WireClient, body: bytes, code: str) -> None:
    """400: malformed or invalid request; staging faults 400."""
    known = ours.write(person(1))["ProfileId"]
    for profile_id in (None, known):
        check_problem(ours.try_write(body, profile_id), 400, code)


def test_execution_faults_are_409_and_nothing_is_done(ours: WireClient) -> None:
    """… execution faults 409."""
    holder = ours.write(person(1))["ProfileId"]
    other = ours.write(person(2))["ProfileId"]
    for profile_id in (None, other):
        answer = ours.try_write(person(1, ProfileTags=[{"Name": "x"}]), profile_id)
        problem = check_problem(answer, 409, "AlternateId.InUse")
        assert codes(problem) == [("AlternateId.InUse", "$.AlternateIds[0].AlternateId")]
        assert str(holder) in problem["errors"][0]["message"]
    unconsented = {"PhoneNumber": "+12025550143", "PhoneNumberPreferences": [choice("NEWS-TEXT", 1, NEW)]}
    check_problem(ours.try_write({"PhoneNumbers": [unconsented]}, other), 409, "Preference.ConsentRequired")
    assert "PhoneNumbers" not in ours.profile(other) or ours.profile(other)["PhoneNumbers"] == []
    assert ours.profile(other)["ProfileTags"] == []


FLAGS: list[tuple[str, str, list[dict[str, Any]], Any]] = [
    ("RefreshTags", "ProfileTags", [{"Name": "a"}], []),
    ("RefreshGroups", "Groups", [{"GroupType": "Household", "GroupName": "Okubo"}], [False]),
    ("RefreshCustomFields", "CustomFields", [{"Name": "Tier", "Value": "gold"}], []),
    ("RefreshContacts", "Emails", [{"EmailAddress": "a@example.com"}], [False]),
    ("RefreshAlternateIds", "AlternateIds", [{"AlternateIdType": "CRM", "AlternateId": "C-1"}], [False]),
]


@pytest.mark.parametrize(("flag", "collection", "elements", "left"), FLAGS)
def test_the_refresh_flags_are_query_parameters(
    ours: WireClient, flag: str, collection: str, elements: list[dict[str, Any]], left: Any
) -> None:
    """The Refresh flags as query parameters."""
    named = {"CustomerName": {"FirstName": "Zoë"}}
    profile_id = ours.write(named | {collection: elements})["ProfileId"]
    for off in ({}, {flag: "false"}):
        assert ours.write(named, profile_id, **off)["Outcome"] == "Unchanged"
    shown = ours.write(named, profile_id, **{flag: "true"})
    assert shown["Outcome"] == "Updated"
    assert [one.get("IsActive") for one in shown[collection]] == left
    problem = check_problem(ours.try_write(named, profile_id, **{flag: "x"}), 400, "Request.InvalidParameter")
    assert [path for _, path in codes(problem)] == [flag]


def test_allow_prior_consents_is_a_query_parameter(ours: WireClient) -> None:
    """The rules are those of an import (AllowPriorConsents)."""
    prior = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "1.0", "Locale": "en_US", "ConsentStatus": 1}
    check_problem(ours.try_write({"Consents": [prior]}), 400, "Consent.PriorVersion")
    assert ours.write({"Consents": [prior]}, AllowPriorConsents="true")["Outcome"] == "Created"


def test_writing_under_a_profile_id_that_is_not_there_is_404(ours: WireClient, running: RunningServer) -> None:
    """404: what the path names is not there."""
    with WireClient(running.create_account()) as theirs:
        foreign = [theirs.write(person(n))["ProfileId"] for n in range(3)][-1]
    for profile_id in (foreign, 2**62):
        check_problem(ours.try_write(person(1), profile_id), 404, "Profile.NotFound")
    for text in ("0", "-1", "x", "9" * 30):
        answer = ours.http.post(f"{ours.account}/Profile/{text}", json=person(1))
        check_problem(answer, 404, "Profile.NotFound")


def test_two_people_at_once_with_one_alternate_id_is_one_conflict(ours: WireClient) -> None:
    """An alternate id is held actively by at most one profile of the account; execution faults 409."""
    answers = at_once(*[lambda: ours.try_write(person(1))] * 6)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


def test_delete_is_204_or_404_and_takes_everything(ours: WireClient) -> None:
    """DELETE /{clientId}/Profile/{profileId}: 204, or 404. The profile and all that hangs on it goes for good,
    its keys and history included."""
    record = person(1, Emails=mail("a@example.com", choice("OFFERS-EMAIL", 2, NEW)))
    profile_id = ours.write(record)["ProfileId"]
    path = f"{ours.account}/Profile/{profile_id}"
    answer = ours.http.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    answers = [
        ours.http.delete(path),
        ours.try_profile(profile_id),
        ours.try_profile(profile_id, "/History", of="Preferences"),
        ours.try_find(alternateIdType="CRM", alternateId="C-1"),
        ours.try_write(record, profile_id),
    ]
    for gone in answers:
        check_problem(gone, 404, "Profile.NotFound")
    assert require(ours.try_find(emailAddress="a@example.com"))["Count"] == 0
    assert ours.write(record)["ProfileId"] != profile_id


def test_a_profile_of_another_account_cannot_be_deleted(ours: WireClient, running: RunningServer) -> None:
    """Accounts are walled off from each other."""
    with WireClient(running.create_account()) as theirs:
        foreign = [theirs.write(person(n))["ProfileId"] for n in range(3)][-1]
        check_problem(ours.http.delete(f"{ours.account}/Profile/{foreign}"), 404, "Profile.NotFound")
        check_problem(ours.http.delete(f"{theirs.account}/Profile/{foreign}"), 404, "Account.NotFound")
        assert theirs.profile(foreign)["ProfileId"] == foreign


def test_writing_and_deleting_need_their_permissions(ours: WireClient, mailer: WireClient) -> None:
    """Permissions come from user groups: profile (read, write, delete), channels, programs, consentTypes."""
    profile_id = ours.write(person(1))["ProfileId"]
    check_problem(mailer.http.delete(f"{ours.account}/Profile/{profile_id}"), 403, "Permission.Profile")
    check_problem(mailer.try_write({}, profile_id, RefreshContacts="true"), 403, "Permission.RefreshContacts")
    check_problem(
        mailer.try_write({"PhoneNumbers": [{"PhoneNumber": "+12025550143"}]}, profile_id), 400, "Permission.Channel"
    )
    ours.reconfigure(lambda d: d["userGroups"][1]["permissions"].update(profile=["read"]))
    check_problem(mailer.try_write({"CustomerName": {"FirstName": "Z"}}, profile_id), 403, "Permission.Profile")
    assert mailer.profile(profile_id)["ProfileId"] == profile_id


def test_other_media_types_and_large_bodies_are_refused(ours: WireClient) -> None:
    """413, 415: body too large; media type not supported."""
    answer = ours.http.post(f"{ours.account}/Profile", content=b"x=1", headers={"Content-Type": "text/plain"})
    check_problem(answer, 415, "Request.UnsupportedMediaType")
    check_problem(ours.try_write(b'{"A":"' + b"a" * 5_000_000 + b'"}'), 413, "Request.BodyTooLarge")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = ours.http.post(f"{ours.account}/Profile", content=b"\x1f\x8b", headers=headers)
    assert answer.status_code in (400, 415)
