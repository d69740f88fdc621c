"""Inputs that failed in trials, each with its kind: staged over HTTP and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_server import AccountAccess, RunningServer
from wire_client import WireClient, check_problem, choice, mail, pack, person, require

CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
LOYALTY = {"MatchCriteria": "AlternateIdType", "MatchValue": "Loyalty"}


@pytest.fixture
def ours(server: AccountAccess) -> Iterator[WireClient]:
    with WireClient(server) as client:
        yield client


@pytest.fixture
def mailer(running: RunningServer, server: AccountAccess) -> Iterator[WireClient]:
    """Another user of the same account: channel Email, program NEWS, consent type PrivacyPolicy, no delete."""
    with WireClient(running.give_access(server.account, "mailer")) as client:
        yield client


def loyalty(value: str) -> dict[str, Any]:
    return {"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": value}]}


def refused(ours: WireClient, token: int) -> list[tuple[int, str, str, Any]]:
    """(SequenceNumber, code, path, value) of every fault."""
    page = ours.exceptions(token)["UserProfilePreferences"]
    return [
        (one["SequenceNumber"], fault["Code"], fault["Path"], fault["Value"])
        for one in page
        for fault in one["Exceptions"]
    ]


SPREADSHEET = [
    "2.02555014E9", "2,02555E+09", "491761234567.0", "2025550143.00", "4.91761234567E11", "0176 1234567 privat",
    "030 1234567/89", "202-555-0143 or 202-555-0144", "+12025550143 +12025550144",
]  # fmt: skip


def test_a_number_damaged_by_a_spreadsheet_never_becomes_a_number(ours: WireClient) -> None:
    """Each text gives a fault `Phone.NotANumber` with the value. A valid number beside these texts is accepted."""
    people = [person(number, PhoneNumbers=[{"PhoneNumber": text}]) for number, text in enumerate(SPREADSHEET)]
    people.append(person("good", PhoneNumbers=[{"PhoneNumber": "(202) 555-0143"}]))
    token = ours.prepare(people, **CRM)
    path = "$.PhoneNumbers[0].PhoneNumber"
    assert refused(ours, token) == [
        (number, "Phone.NotANumber", path, text) for number, text in enumerate(SPREADSHEET, 1)
    ]
    assert ours.finish(token)["Created"] == 1
    assert require(ours.try_find(phoneNumber="+12025550143"))["Count"] == 1


@pytest.mark.parametrize("space", ["\xa0", "\u3000", "\u2007", "\u202f"])
def test_an_id_with_an_unusual_space_is_found_and_matched(ours: WireClient, space: str) -> None:
    """Staging and search fold white space in the same way: the space that was typed makes no difference, there is one
    person."""
    ours.run([loyalty(f"KD{space}100"), loyalty("kd 100") | {"CustomerName": {"FirstName": "Mira"}}], **LOYALTY)
    for asked in (f"KD{space}100", "KD 100", f"{space}kd\u2003100{space}"):
        found = require(ours.try_find(alternateIdType="Loyalty", alternateId=asked))
        assert found["CustomerName"]["FirstName"] == "Mira"
        assert found["AlternateIds"][0]["AlternateId"] == f"KD{space}100"


def test_invisible_twins_are_one_person_and_faults(ours: WireClient) -> None:
    """… the two others are faults `String.InvisibleCharacter`."""
    twins = ["Z-1", "Z-1\u200b", "Z-1\ufeff", "Z\u2060-1", "\u200eZ-1", "Z\xad-1"]
    token = ours.prepare([loyalty(value) for value in twins], **LOYALTY)
    codes = [(number, code) for number, code, _, _ in refused(ours, token)]
    assert codes == [(number, "String.InvisibleCharacter") for number in range(2, 7)]
    assert ours.finish(token)["Created"] == 1
    for value in twins[1:]:
        check_problem(ours.try_find(alternateIdType="Loyalty", alternateId=value), 404, "Profile.NotFound")


def test_a_unit_mixed_up_does_not_make_a_no_lose(ours: WireClient) -> None:
    """An opt-out of 1970 is a fault `Date.Implausible`, and the refused record is marked because it contains a no."""
    yes = person(1, Emails=mail("c1@example.com", choice("NEWS-EMAIL", 1, "2024-03-01T00:00:00Z")))
    no = person(1, Emails=mail("c1@example.com", choice("NEWS-EMAIL", 2, "1970-01-21T12:19:19Z")))
    token = ours.prepare([yes, no], **CRM)
    path = "$.Emails[0].EmailPreferences[0].CustomerDate"
    assert refused(ours, token) == [(2, "Date.Implausible", path, "1970-01-21T12:19:19Z")]
    assert ours.status(token)["RefusedOptOuts"] == 1


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\ud83dx", "a\\udfff"])
@pytest.mark.parametrize("place", ['{"CustomerName":{"FirstName":"%s"}}', '{"AlternateIds":[{"AlternateId":"%s"}]}'])
def test_half_a_character_is_one_records_fault_and_is_given_back(ours: WireClient, half: str, place: str) -> None:
    record = (place % half).encode()
    token = ours.initiate(**CRM)["AccessToken"]
    body = b'{"UserProfilePreferences":[%s,%s]}' % (record, json.dumps(person(1)).encode())
    assert require(ours.try_stage(token, body))["Batch"]["ValidationFailed"] == 1
    codes = [code for _, code, _, _ in refused(ours, token)]
    assert "String.NotUnicode" in codes
    for accept in (None, "application/x-ndjson", "text/csv"):
        answer = ours.try_exceptions(token, accept=accept)
        assert answer.status_code == 200
        assert "String.NotUnicode" in answer.content.decode("utf-8")
    (given,) = ours.exceptions(token)["UserProfilePreferences"]
    assert json.loads(record).items() <= {**given, **json.loads(record)}.items()


DEPTHS = [990, 1000, 10_000]


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"Consents":', b"}]")])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("member", ["Extra", "AlternateIds", "Emails", "Exceptions", "CustomerName"])
def test_a_deep_record_is_one_records_fault_and_is_given_back(
    ours: WireClient, member: str, depth: int, opening: bytes, closing: bytes
) -> None:
    """Any member may be deep. The same holds beside the faults of an earlier answer, which are removed."""
    deep = opening * depth + b"1" + closing * depth
    record = b'{"ProfileId":0,"Exceptions":[],"Phase":"Stage","%s":%s}' % (member.encode(), deep)
    token = ours.initiate()["AccessToken"]
    body = b'{"UserProfilePreferences":[%s,%s]}' % (record, json.dumps(person(1)).encode())
    assert require(ours.try_stage(token, body))["Batch"] == {"First": 1, "Last": 2, "ValidationFailed": 1}
    answer = ours.try_exceptions(token)
    assert answer.status_code == 200
    assert b'"SequenceNumber":1' in answer.content
    assert member == "Exceptions" or deep in answer.content
    assert ours.finish(token)["Created"] == 1


def test_a_user_of_one_channel_takes_nothing_away_through_the_import_of_another(
    ours: WireClient, mailer: WireClient
) -> None:
    """Under RefreshContacts a record removes the data that it leaves out. So the record is refused, and the person
    stays unchanged."""
    whole = person(1, PhoneNumbers=[{"PhoneNumber": "+12025550143"}], CustomerName={"FirstName": "Mira"})
    ours.run([whole], **CRM)
    token = ours.initiate(RefreshContacts=True, **CRM)["AccessToken"]
    staged = require(mailer.try_stage(token, pack([person(1, Emails=mail("c1@example.com"))])))
    assert staged["Batch"]["ValidationFailed"] == 1
    ours.stage(token, [person(2)])
    assert [(code, path) for _, code, path, _ in refused(mailer, token)] == [("Permission.Refresh", "$")]
    assert ours.finish(token)["Created"] == 1
    assert [one["PhoneNumber"] for one in ours.find_crm("C-1")["PhoneNumbers"]] == ["+12025550143"]
