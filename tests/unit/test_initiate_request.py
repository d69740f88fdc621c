"""The body of Initiate, rule by rule (import-api.md, "Initiate")."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from consentory.codec.staging.initiate_request import read_initiate
from consentory.domain.configuration import Account, Configuration, Permissions, TypeName
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.errors import RequestRefused

CONFIGURATION_INDEX = ConfigurationIndex(
    1,
    1,
    Configuration(
        account=Account(client_id="ACME", name="Acme", locales=("en_US",)),
        alternate_id_types=(TypeName(name="CRM"), TypeName(name="Old", active=False)),
    ),
)
ALL = Permissions(import_=True, profile=("read", "write", "delete"), channels="all", programs="all")
FLAGS = ("RefreshAlternateIds", "RefreshContacts", "RefreshCustomFields", "RefreshGroups", "RefreshTags")


def read(body: bytes | dict[str, Any], permissions: Permissions = ALL) -> ImportSettings:
    return read_initiate(
        body if isinstance(body, bytes) else json.dumps(body).encode(), CONFIGURATION_INDEX, permissions
    )


def refuse(body: bytes | dict[str, Any], permissions: Permissions = ALL) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        read(body, permissions)
    return refused.value


def codes(refused: RequestRefused) -> dict[str, str]:
    return {error.path: error.code for error in refused.errors}


def test_defaults_are_filled_in() -> None:
    assert read({"Name": "Nightly"}) == ImportSettings(
        name="Nightly",
        data_stage_duration=3,
        action="Add",
        match_type=None,
        refresh_alternate_ids=False,
        refresh_contacts=False,
        refresh_custom_fields=False,
        refresh_groups=False,
        refresh_tags=False,
        allow_prior_consents=False,
    )


def test_null_counts_as_absent() -> None:
    assert read(
        dict.fromkeys(("ImportAction", "MatchCriteria", "MatchValue", "RefreshTags"), None) | {"Name": "N"}
    ) == (ImportSettings(name="N"))


def test_every_field_is_taken() -> None:
    body = {"Name": " N ", "DataStageDuration": 0, "MatchCriteria": "AlternateIdType", "MatchValue": "crm"}
    settings = read(body | dict.fromkeys(FLAGS, True) | {"AllowPriorConsents": True})
    assert settings.name == "N"
    assert settings.data_stage_duration == 0
    assert settings.match_type == "CRM"
    assert all(value is True for name, value in msgspec.structs.asdict(settings).items() if name[:3] in ("ref", "all"))


@pytest.mark.parametrize("name", ["x", "x" * 100, "é" * 100, "𝒳" * 100])
def test_name_of_1_to_100_code_points(name: str) -> None:
    assert read({"Name": name}).name == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "String.Blank"),
        ("   ", "String.Blank"),
        ("x" * 101, "String.TooLong"),
        ("a\nb", "String.ControlCharacter"),
        ("\ud800", "String.NotUnicode"),
        (None, "Value.Required"),
        (7, "Value.WrongType"),
    ],
)
def test_another_name_is_refused(name: object, code: str) -> None:
    refused = refuse({"Name": name})
    assert (refused.kind, refused.code, codes(refused)) == ("invalid", "Initiate.Invalid", {"$.Name": code})


@pytest.mark.parametrize("days", [-1, 11, 10**30])
def test_a_duration_outside_0_to_10_is_refused(days: int) -> None:
    assert codes(refuse({"Name": "N", "DataStageDuration": days})) == {"$.DataStageDuration": "Number.OutOfRange"}


@pytest.mark.parametrize("days", ["3", 1.5, True, [], {}])
def test_a_duration_of_another_type_is_refused(days: object) -> None:
    assert codes(refuse({"Name": "N", "DataStageDuration": days})) == {"$.DataStageDuration": "Value.WrongType"}


@pytest.mark.parametrize("action", ["add", "Update", ""])
def test_another_action_is_refused(action: str) -> None:
    assert codes(refuse({"Name": "N", "ImportAction": action})) == {"$.ImportAction": "Initiate.UnknownAction"}


def test_match_criteria_only_alternate_id_type() -> None:
    body = {"Name": "N", "MatchCriteria": "Email", "MatchValue": "CRM"}
    assert codes(refuse(body)) == {"$.MatchCriteria": "Initiate.UnknownMatchCriteria"}


def test_match_value_is_required_with_match_criteria() -> None:
    assert codes(refuse({"Name": "N", "MatchCriteria": "AlternateIdType"})) == {"$.MatchValue": "Value.Required"}


def test_match_value_is_refused_without_match_criteria() -> None:
    assert codes(refuse({"Name": "N", "MatchValue": "CRM"})) == {"$.MatchValue": "Initiate.MatchValueAlone"}


@pytest.mark.parametrize("value", ["Nope", "Old", ""])
def test_an_unconfigured_match_value_is_404_where_that_is_the_only_fault(value: str) -> None:
    refused = refuse({"Name": "N", "MatchCriteria": "AlternateIdType", "MatchValue": value})
    assert (refused.kind, refused.code) == ("not_found", "Initiate.MatchValueUnknown")


def test_an_unconfigured_match_value_is_else_one_of_the_faults_of_a_400() -> None:
    refused = refuse({"MatchCriteria": "AlternateIdType", "MatchValue": "Nope"})
    assert refused.kind == "invalid"
    assert codes(refused) == {"$.Name": "Value.Required", "$.MatchValue": "Initiate.MatchValueUnknown"}


def test_an_unknown_field_is_refused() -> None:
    assert codes(refuse({"Name": "N", "name": "x"})) == {"$.name": "Request.UnknownMember"}


def test_every_fault_is_named_at_once() -> None:
    refused = refuse({"Foo": 1, "DataStageDuration": 11, "ImportAction": "X", "RefreshTags": "yes", "MatchValue": 1})
    assert codes(refused) == {
        "$.Foo": "Request.UnknownMember",
        "$.RefreshTags": "Value.WrongType",
        "$.MatchValue": "Value.WrongType",
        "$.Name": "Value.Required",
        "$.DataStageDuration": "Number.OutOfRange",
        "$.ImportAction": "Initiate.UnknownAction",
    }


@pytest.mark.parametrize("flag", [*FLAGS, "AllowPriorConsents"])
def test_flags_are_refused_with_delete(flag: str) -> None:
    assert codes(refuse({"Name": "N", "ImportAction": "Delete", flag: True})) == {f"$.{flag}": "Initiate.NotWithDelete"}


def test_flags_that_are_false_go_with_delete() -> None:
    body = dict.fromkeys((*FLAGS, "AllowPriorConsents"), False) | {"Name": "N", "ImportAction": "Delete"}
    assert read(body).action == "Delete"


def test_delete_needs_the_permission() -> None:
    held = msgspec.structs.replace(ALL, profile=("read", "write"))
    refused = refuse({"Name": "N", "ImportAction": "Delete"}, held)
    assert (refused.kind, refused.code) == ("forbidden", "Permission.Delete")


@pytest.mark.parametrize("held", [{"channels": ("Email",)}, {"programs": ("NEWS",)}])
def test_refresh_contacts_needs_all_channels_and_all_programs(held: dict[str, Any]) -> None:
    refused = refuse({"Name": "N", "RefreshContacts": True}, msgspec.structs.replace(ALL, **held))
    assert (refused.kind, refused.code) == ("forbidden", "Permission.RefreshContacts")


@pytest.mark.parametrize(
    ("body", "code", "position"),
    [
        (b"", "Request.MalformedJson", "byte 0"),
        (b'{"Name": "N"', "Request.MalformedJson", "byte 12"),
        (b'{"Name": "N"} x', "Request.MalformedJson", "byte 14"),
        (b'{"Name": NaN}', "Request.MalformedJson", "byte 9"),
        (b'{"Name": "\xff"}', "Request.NotUtf8", "byte 10"),
    ],
)
def test_bytes_that_are_not_json_are_refused_with_their_position(body: bytes, code: str, position: str) -> None:
    refused = refuse(body)
    assert (refused.kind, refused.code) == ("invalid", code)
    assert position in refused.detail


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"Name"'])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    assert codes(refuse(body)) == {"$": "Request.NotAnObject"}


def test_the_last_of_a_repeated_member_counts() -> None:
    assert read(b'{"Name": "first", "Name": "last"}').name == "last"


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    refused = refuse(b'{"Name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert refused.kind == "invalid"
