"""import-api.md, "Initiate", over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_server import AccountAccess, RunningServer
from wire_client import WireClient, at_once, check_problem, codes, person, require

FLAGS = ("RefreshAlternateIds", "RefreshContacts", "RefreshCustomFields", "RefreshGroups", "RefreshTags")
CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}


@pytest.fixture
def mailer(running: RunningServer, server: AccountAccess) -> Iterator[WireClient]:
    """Another user of the same account: channel Email, program NEWS, consent type PrivacyPolicy, no delete."""
    with WireClient(running.give_access(server.account, "mailer")) as client:
        yield client


def refuse(client: WireClient, fields: Any) -> list[tuple[str, str]]:
    """(code, path) of every fault of a body that gets a 400."""
    return codes(check_problem(client.try_initiate(fields), 400, "Initiate.Invalid"))


def test_it_answers_200_with_the_status_object_initiated(ours: WireClient) -> None:
    """Answer: 200 with the status object, Status Initiated."""
    status = require(ours.try_initiate({"Name": "Nightly"}))
    assert (status["Status"], status["Name"]) == ("Initiated", "Nightly")


def test_the_defaults_are_filled_in(ours: WireClient) -> None:
    """DataStageDuration default 3; ImportAction Add (default); Refresh… and AllowPriorConsents default false."""
    for fields in ({"Name": "n"}, {"Name": "n", "DataStageDuration": None, "ImportAction": None, "RefreshTags": None}):
        status = require(ours.try_initiate(fields))
        assert (status["DataStageDuration"], status["ImportAction"]) == (3, "Add")
        assert (status["MatchCriteria"], status["MatchValue"]) == (None, None)
        assert [status[flag] for flag in (*FLAGS, "AllowPriorConsents")] == [False] * 6


def test_the_fields_of_initiate_are_given_back(ours: WireClient) -> None:
    """The Initiate fields, as they apply (defaults filled in)."""
    fields = {"Name": "Größe 🎈", "DataStageDuration": 10, "ImportAction": "Add", **CRM} | dict.fromkeys(FLAGS, True)
    status = require(ours.try_initiate(fields | {"AllowPriorConsents": True}))
    assert {name: status[name] for name in fields} == fields
    assert status["AllowPriorConsents"] is True


SOURCE = {"FileName": "Kunden März.csv", "Sha256": "0" * 60 + "ABCD", "Rows": 12, "Mapping": "columns:\n  A: ignore\n"}


def test_the_source_is_given_back_with_the_import(ours: WireClient) -> None:
    """Source at Initiate, given back with the import."""
    assert ours.initiate()["Source"] is None
    status = ours.initiate(Source=SOURCE)
    told = SOURCE | {"Sha256": "0" * 60 + "abcd"}
    assert status["Source"] == told
    ours.stage(status["AccessToken"], [person(1)])
    assert require(ours.call(status["AccessToken"], "Execute"))["Source"] == told
    assert ours.wait(status["AccessToken"])["Source"] == told
    listed = next(item for item in require(ours.try_list())["Imports"] if item["ImportId"] == status["ImportId"])
    assert listed["Source"] == told | {"Mapping": None}, "a listing leaves the mapping out"
    short = ours.initiate(Source={"FileName": "x", "Mapping": "m" * 65_536})["Source"]
    assert short == {"FileName": "x", "Sha256": None, "Rows": None, "Mapping": "m" * 65_536}


def test_every_fault_of_a_source_is_named(ours: WireClient) -> None:
    """FileName at most 255, Mapping at most 64 KB."""
    source = {"FileName": "x" * 256, "Sha256": "abc", "Rows": -1, "Mapping": "é" * 32_769, "Extra": 1}
    assert refuse(ours, {"Name": "n", "Source": source}) == [
        ("Request.UnknownMember", "$.Source.Extra"),
        ("String.TooLong", "$.Source.FileName"),
        ("Initiate.NotSha256", "$.Source.Sha256"),
        ("Number.OutOfRange", "$.Source.Rows"),
        ("String.TooLong", "$.Source.Mapping"),
    ]
    assert refuse(ours, {"Name": "n", "Source": {}}) == [("Value.Required", "$.Source.FileName")]
    assert refuse(ours, {"Name": "n", "Source": {"FileName": "x", "Mapping": "a\0b"}}) == [
        ("String.ControlCharacter", "$.Source.Mapping")
    ]
    assert refuse(ours, {"Name": "n", "Source": "x.csv"}) == [("Value.WrongType", "$.Source")]


def test_another_source_is_another_request(ours: WireClient) -> None:
    """An idempotency key with another body is a conflict."""
    fields = {"Name": "n", "Source": SOURCE}
    first = require(ours.try_initiate(fields, "source-key"))
    assert require(ours.try_initiate(fields, "source-key"))["ImportId"] == first["ImportId"]
    again = ours.try_initiate(fields | {"Source": SOURCE | {"Rows": 13}}, "source-key")
    check_problem(again, 409, "IdempotencyKey.Reused")


@pytest.mark.parametrize("name", ["a", "é" * 100, "🎈" * 100, " " + "a" * 100 + " "])
def test_a_name_of_1_to_100_characters(ours: WireClient, name: str) -> None:
    """Name: string, required, 1..100 (in code points after trimming)."""
    assert require(ours.try_initiate({"Name": name}))["Name"] == name.strip()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "Value.Required"),
        ({"Name": None}, "Value.Required"),
        ({"Name": ""}, "String.Blank"),
        ({"Name": "  "}, "String.Blank"),
        ({"Name": "a" * 101}, "String.TooLong"),
        ({"Name": "a\nb"}, "String.ControlCharacter"),
        ({"Name": 5}, "Value.WrongType"),
    ],
)
def test_any_other_name_is_refused(ours: WireClient, fields: Any, code: str) -> None:
    """Name: string, required, 1..100."""
    assert refuse(ours, fields) == [(code, "$.Name")]


def test_a_data_stage_duration_of_0_to_10_days(ours: WireClient) -> None:
    """DataStageDuration: integer, days that staged records are kept, 0..10."""
    for days in (0, 10):
        assert require(ours.try_initiate({"Name": "n", "DataStageDuration": days}))["DataStageDuration"] == days
    for days in (-1, 11, 10**30):
        found = refuse(ours, {"Name": "n", "DataStageDuration": days})
        assert found == [("Number.OutOfRange", "$.DataStageDuration")]
    for wrong in ("3", True, 1.5, [3]):
        found = refuse(ours, {"Name": "n", "DataStageDuration": wrong})
        assert found == [("Value.WrongType", "$.DataStageDuration")]


def test_import_action_is_add_or_delete(ours: WireClient) -> None:
    """ImportAction: Add (default) or Delete."""
    for action in ("Add", "Delete"):
        assert require(ours.try_initiate({"Name": "n", "ImportAction": action}))["ImportAction"] == action
    for action in ("add", "Update", ""):
        found = refuse(ours, {"Name": "n", "ImportAction": action})
        assert found == [("Initiate.UnknownAction", "$.ImportAction")]


def test_match_criteria_is_alternate_id_type_only(ours: WireClient) -> None:
    """MatchCriteria: only AlternateIdType."""
    found = refuse(ours, {"Name": "n", "MatchCriteria": "EmailAddress", "MatchValue": "CRM"})
    assert found == [("Initiate.UnknownMatchCriteria", "$.MatchCriteria")]


def test_match_value_is_required_with_match_criteria_and_refused_without(ours: WireClient) -> None:
    """MatchValue: … required with MatchCriteria, refused without it."""
    assert refuse(ours, {"Name": "n", "MatchCriteria": "AlternateIdType"}) == [("Value.Required", "$.MatchValue")]
    assert refuse(ours, {"Name": "n", "MatchValue": "CRM"}) == [("Initiate.MatchValueAlone", "$.MatchValue")]


def test_match_value_is_a_configured_name_caseless_and_given_back_as_configured(ours: WireClient) -> None:
    """The name of a configured alternate id type; names from the configuration are caseless and given back so."""
    for value in ("CRM", "crm", " Crm "):
        assert require(ours.try_initiate({"Name": "n"} | CRM | {"MatchValue": value}))["MatchValue"] == "CRM"


def test_an_unconfigured_match_value_is_404_where_that_is_the_only_fault(ours: WireClient) -> None:
    """An unconfigured MatchValue is 404 where that is the only fault, else one of the faults of a 400."""
    unknown = {"Name": "n"} | CRM | {"MatchValue": "SAP"}
    check_problem(ours.try_initiate(unknown), 404, "Initiate.MatchValueUnknown")
    found = refuse(ours, unknown | {"DataStageDuration": 11})
    assert sorted(found) == [
        ("Initiate.MatchValueUnknown", "$.MatchValue"),
        ("Number.OutOfRange", "$.DataStageDuration"),
    ]


def test_a_match_value_that_was_switched_off_is_unconfigured(ours: WireClient) -> None:
    """The name of a configured, active alternate id type."""
    ours.reconfigure(lambda document: document.update(alternateIdTypes=document["alternateIdTypes"][1:]))
    check_problem(ours.try_initiate({"Name": "n"} | CRM), 404, "Initiate.MatchValueUnknown")


@pytest.mark.parametrize("flag", [*FLAGS, "AllowPriorConsents"])
def test_flags_are_booleans_and_refused_with_delete(ours: WireClient, flag: str) -> None:
    """Refresh…, AllowPriorConsents: boolean, default false; refused (400) with Delete."""
    assert require(ours.try_initiate({"Name": "n", flag: True}))[flag] is True
    assert require(ours.try_initiate({"Name": "n", "ImportAction": "Delete", flag: False}))[flag] is False
    deleting = {"Name": "n", "ImportAction": "Delete", flag: True}
    assert refuse(ours, deleting) == [("Initiate.NotWithDelete", f"$.{flag}")]
    assert refuse(ours, {"Name": "n", flag: "true"}) == [("Value.WrongType", f"$.{flag}")]


def test_every_fault_is_named_at_once(ours: WireClient) -> None:
    """An unknown field, a wrong type or a broken rule is 400 and names every fault at once, not only the first."""
    body = {"name": "x", "DataStageDuration": "3", "ImportAction": "Delete", "RefreshTags": True, "MatchValue": "CRM"}
    assert sorted(refuse(ours, body)) == [
        ("Initiate.MatchValueAlone", "$.MatchValue"),
        ("Initiate.NotWithDelete", "$.RefreshTags"),
        ("Request.UnknownMember", "$.name"),
        ("Value.Required", "$.Name"),
        ("Value.WrongType", "$.DataStageDuration"),
    ]


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (b"", "Request.MalformedJson", "byte 0"),
        (b'{"Name":"n"', "Request.MalformedJson", "byte 11"),
        (b'{"Name":"n"} x', "Request.MalformedJson", "byte 13"),
        (b'{"Name":"\xff"}', "Request.NotUtf8", "byte 9"),
    ],
)
def test_a_body_that_is_not_json_is_400(ours: WireClient, body: bytes, code: str, where: str) -> None:
    """400: malformed or invalid request."""
    assert where in check_problem(ours.try_initiate(body), 400, code)["detail"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"Name"', b"5"])
def test_a_body_that_is_no_object_is_400(ours: WireClient, body: bytes) -> None:
    """400: malformed or invalid request."""
    assert refuse(ours, body)


def test_delete_needs_the_permission_profile_delete(ours: WireClient, mailer: WireClient) -> None:
    """Delete needs the permission profile: delete …: else 403."""
    check_problem(mailer.try_initiate({"Name": "n", "ImportAction": "Delete"}), 403, "Permission.Delete")
    require(ours.try_initiate({"Name": "n", "ImportAction": "Delete"}))


def test_refresh_contacts_needs_all_channels_and_all_programs(ours: WireClient, mailer: WireClient) -> None:
    """RefreshContacts needs all channels and all programs: else 403."""
    check_problem(mailer.try_initiate({"Name": "n", "RefreshContacts": True}), 403, "Permission.RefreshContacts")
    for member, few in (("channels", ["Email", "Phone", "Text", "Fax"]), ("programs", ["NEWS"])):
        ours.reconfigure(lambda d, m=member, f=few: d["userGroups"][0]["permissions"].update({m: f}))
        check_problem(ours.try_initiate({"Name": "n", "RefreshContacts": True}), 403, "Permission.RefreshContacts")
        ours.reconfigure(lambda d, m=member: d["userGroups"][0]["permissions"].update({m: "all"}))
    require(mailer.try_initiate({"Name": "n", "RefreshTags": True}))


# Idempotency-Key


def test_the_same_key_from_the_same_caller_returns_the_same_import(ours: WireClient) -> None:
    """Idempotency-Key: the same key from the same caller returns the same import."""
    first = ours.initiate(key="k1", RefreshTags=True)
    ours.stage(first["AccessToken"], [person(1)])
    again = require(ours.try_initiate({"RefreshTags": True, "Name": "test"}, key="k1"))
    assert again == ours.status(first["AccessToken"])
    assert (again["ImportId"], again["TotalRecordsReceived"]) == (first["ImportId"], 1)
    assert require(ours.try_initiate({"Name": "test"}, key="k2"))["ImportId"] != first["ImportId"]
    assert require(ours.try_initiate({"Name": "test"}))["ImportId"] != first["ImportId"]


def test_the_same_key_with_another_body_is_409(ours: WireClient) -> None:
    """The same key with another body is 409."""
    ours.initiate(key="k1")
    check_problem(ours.try_initiate({"Name": "other"}, key="k1"), 409, "IdempotencyKey.Reused")


def test_a_key_is_the_callers_own(ours: WireClient, mailer: WireClient) -> None:
    """The same key from the same caller."""
    assert ours.initiate(key="k1")["ImportId"] != mailer.initiate(key="k1")["ImportId"]


def test_a_key_holds_after_the_import_has_ended_and_for_as_long_as_it_lives(ours: WireClient) -> None:
    """… returns the same import for as long as that import lives."""
    first = ours.initiate(key="k1")
    require(ours.call(first["AccessToken"], "Cancel"))
    assert require(ours.try_initiate({"Name": "test"}, key="k1"))["Status"] == "Failed"
    ours.expire(first["ImportId"])
    second = require(ours.try_initiate({"Name": "another"}, key="k1"))
    assert (second["ImportId"] != first["ImportId"], second["Status"]) == (True, "Initiated")


def test_twins_with_one_key_make_one_import(ours: WireClient) -> None:
    """The same key from the same caller returns the same import."""
    answers = at_once(*[lambda: require(ours.try_initiate({"Name": "twin"}, key="k1"))] * 6)
    assert len({answer["ImportId"] for answer in answers}) == 1
    assert require(ours.try_list())["Count"] == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_no_use_is_400(ours: WireClient, key: str) -> None:
    """400: malformed or invalid request."""
    answer = ours.http.post(f"{ours.imports}/Import", json={"Name": "n"}, headers={"Idempotency-Key": key})
    assert codes(check_problem(answer, 400, "Request.InvalidParameter"))[0][1] == "Idempotency-Key"


def test_a_repeated_member_counts_as_its_last(ours: WireClient) -> None:
    """The last one of repeated members counts, as in every other body."""
    assert require(ours.try_initiate(b'{"Name":"a","Name":"b"}'))["Name"] == "b"


# The daily limit


@pytest.fixture
def limited(running: RunningServer) -> Iterator[WireClient]:
    """An account with a limit of three import requests a day."""
    with WireClient(running.create_account(lambda d: d["account"].update(importsPerDay=3))) as client:
        yield client


def test_the_daily_limit_is_429_with_retry_after_and_ratelimit(limited: WireClient) -> None:
    """429: the account's daily import requests are used up, with Retry-After and RateLimit headers."""
    for _ in range(3):
        require(limited.try_initiate({"Name": "n"}))
    answer = limited.try_initiate({"Name": "n"})
    check_problem(answer, 429, "Import.DailyLimit")
    wait = int(answer.headers["retry-after"])
    assert 86_300 < wait <= 86_400
    assert answer.headers["ratelimit"] == f'"imports";r=0;t={wait}'
    assert answer.headers["ratelimit-policy"] == '"imports";q=3;w=86400'


def test_the_daily_limit_counts_only_initiates_answered_200_and_no_replays(limited: WireClient) -> None:
    """… counts Initiate; only Initiates answered 200, no replays."""
    for _ in range(5):
        check_problem(limited.try_initiate({"Name": ""}), 400, "Initiate.Invalid")
        require(limited.try_initiate({"Name": "n"}, key="same"))
    token = require(limited.try_initiate({"Name": "n"}))["AccessToken"]
    limited.stage(token, [person(1)])
    require(limited.try_initiate({"Name": "n"}))
    check_problem(limited.try_initiate({"Name": "n"}), 429, "Import.DailyLimit")
    require(limited.try_initiate({"Name": "n"}, key="same"))
    limited.stage(token, [person(2)])


def test_the_daily_limit_is_of_a_rolling_24_hours_and_an_account(limited: WireClient, running: RunningServer) -> None:
    """… a rolling 24 hours; per-account setting."""
    ids = [require(limited.try_initiate({"Name": "n"}))["ImportId"] for _ in range(3)]
    with WireClient(running.give_access(limited.access.account, "mailer")) as mailer:
        check_problem(mailer.try_initiate({"Name": "n"}), 429, "Import.DailyLimit")
    age = "UPDATE import SET created_at = created_at - %s::interval WHERE import_id = %s"
    limited.change(age, "23 hours 50 minutes", ids[0])
    answer = limited.try_initiate({"Name": "n"})
    check_problem(answer, 429, "Import.DailyLimit")
    assert 500 < int(answer.headers["retry-after"]) <= 600
    limited.change(age, "10 minutes 1 second", ids[0])
    require(limited.try_initiate({"Name": "n"}))
    check_problem(limited.try_initiate({"Name": "n"}), 429, "Import.DailyLimit")
    limited.reconfigure(lambda document: document["account"].update(importsPerDay=4))
    require(limited.try_initiate({"Name": "n"}))


def test_the_daily_limit_holds_for_initiates_at_once(limited: WireClient) -> None:
    """429: the account's daily import requests are used up."""
    answers = at_once(*[lambda: limited.try_initiate({"Name": "n"})] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5


def test_an_initiate_of_a_user_without_imports_is_403(ours: WireClient) -> None:
    """403: the caller's user groups do not permit it."""
    ours.reconfigure(lambda d: [group["permissions"].update({"import": False}) for group in d["userGroups"]])
    check_problem(ours.try_initiate(json.dumps({"Name": "n"}).encode()), 403, "Permission.Import")
