"""The OpenAPI document is valid and complete, and its examples fit its schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from litestar.testing import TestClient
from offline_app import make_app
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from consentory.api.routes.change_routes import list_changes
from consentory.api.routes.data_out_routes import export_profiles, get_audience
from consentory.codec.limits import LENGTHS

CALLS = {
    ("post", "/Profiles/v4/Async/{clientId}/Import"),
    ("post", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Stage"),
    ("post", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Execute"),
    ("get", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Status"),
    ("get", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Exceptions"),
    ("post", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Cancel"),
    ("get", "/Profiles/v4/Async/{clientId}/Imports"),
    ("get", "/Profiles/v4/Async/{clientId}/Imports/{importId}"),
    ("get", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Exceptions"),
    ("post", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Cancel"),
    ("post", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Release"),
    ("get", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Progress"),
    ("post", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Undo"),
    ("post", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Preview"),
    ("get", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Preview"),
    ("get", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Preview/Changes"),
    ("post", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Preview"),
    ("get", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Preview"),
    ("get", "/Profiles/v4/Async/{clientId}/Import/{accessToken}/Preview/Changes"),
    ("get", "/Profiles/v4/{clientId}/Profile/{profileId}"),
    ("get", "/Profiles/v4/{clientId}/Profile"),
    ("get", "/Profiles/v4/{clientId}/Profile/{profileId}/History"),
    ("get", "/Profiles/v4/{clientId}/Changes"),
    ("post", "/Profiles/v4/{clientId}/Profile"),
    ("post", "/Profiles/v4/{clientId}/Profile/{profileId}"),
    ("delete", "/Profiles/v4/{clientId}/Profile/{profileId}"),
    ("get", "/Profiles/v4/{clientId}/Tags"),
    ("get", "/Profiles/v4/{clientId}/Export"),
    ("get", "/Profiles/v4/{clientId}/Audience/{filterId}"),
    ("get", "/Profiles/v4/{clientId}/Configuration"),
    ("put", "/Profiles/v4/{clientId}/Configuration"),
    ("get", "/Profiles/v4/{clientId}/Audit"),
    ("post", "/oauth2/token"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with TestClient(make_app()) as client:
        return client.get("/schema/openapi.json").json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(where, media type, content) of the body and of every answer."""
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "body", media_type, content
    for status, answer in operation["responses"].items():
        for media_type, content in answer.get("content", {}).items():
            yield status, media_type, content


def test_calls_that_refuse_unknown_parameters_know_all_of_theirs(document: dict[str, Any]) -> None:
    routes = {"exportProfiles": export_profiles, "getAudience": get_audience, "listChanges": list_changes}
    for operation in (one for path in document["paths"].values() for one in path.values()):
        if operation["operationId"] in routes:
            named = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
            assert set(routes.pop(operation["operationId"]).opt["parameters"]) == named
    assert routes == {}


def test_the_position_of_a_snapshot_is_a_header(document: dict[str, Any]) -> None:
    for call in ("Export", "Audience/{filterId}"):
        answer = document["paths"][f"/Profiles/v4/{{clientId}}/{call}"]["get"]["responses"]["200"]
        assert list(answer["headers"]) == ["Consentory-Position"]


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_it_has_every_call_of_the_contract_and_no_other(document: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == CALLS


def test_the_base_path_is_configurable() -> None:
    with TestClient(make_app("/elsewhere")) as client:
        paths = client.get("/schema/openapi.json").json()["paths"]
        assert "/elsewhere/Async/{clientId}/Import" in paths
        assert "/oauth2/token" in paths
        assert client.get("/Profiles/v4/Async/ACME/Imports").status_code == 404
        assert client.get("/elsewhere/Async/ACME/Imports").status_code == 401


def test_every_call_has_a_summary_a_tag_and_a_description(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for _, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["tags"]) <= tags, path
        assert all(parameter.get("description") for parameter in operation.get("parameters", [])), path


def test_every_content_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for where, media_type, content in contents(operation):
            place = f"{method} {path} {where} {media_type}"
            assert "example" in content, place
            schema = {**content["schema"], "components": document["components"]}
            faults = list(jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"]))
            assert faults == [], place


def test_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], path
                shape = answer["content"]["application/problem+json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/Problem"}


def test_every_call_with_a_client_id_is_authenticated_and_says_so(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if "{clientId}" in path:
            assert {"bearer": []} in operation["security"], (method, path)
            assert {"401", "403", "404", "503"} <= set(operation["responses"]), (method, path)


def test_calls_with_a_body_document_413_and_415(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= set(operation["responses"]), (method, path)


def test_the_record_has_every_member_with_its_type(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"CustomerName", "AlternateIds", "Emails", "ProfilePreferences", "CustomFields"} <= set(
        schemas["Record"]["properties"]
    )
    text = {"type": "string", "minLength": 1, "maxLength": 100}
    assert schemas["Tag"]["properties"]["Name"] == {"anyOf": [text, {"type": "null"}]}


WITHOUT_LENGTH = {"CustomerDate", "ConsentDate", "Mapping"}
"""Texts whose form limits their length. Mapping has a limit in bytes."""


def list_texts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, its options and its elements, if they are texts."""
    if schema.get("type") == "string":
        yield schema
    for inner in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]:
        yield from list_texts(inner)


def find_objects(schemas: dict[str, Any], name: str) -> set[str]:
    """The schema of that name and all schemas that it refers to."""
    found, waiting = set(), {name}
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= set(re.findall(r"#/components/schemas/(\w+)", json.dumps(schemas[one]))) - found
    return found


def test_every_text_that_a_body_may_have_shows_its_length(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in find_objects(schemas, "Batch") | find_objects(schemas, "InitiateRequest"):
        for member, schema in schemas[name]["properties"].items():
            shown = [bool({"maxLength", "enum", "pattern"} & text.keys()) for text in list_texts(schema)]
            assert all(shown) or member in WITHOUT_LENGTH, (name, member)


def test_bodies_answers_and_account_document_show_the_lengths_of_the_table(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, lengths in LENGTHS.items():
        for kind in (name, f"{name}Answer", f"{name}Event"):
            for member, length in lengths.items():
                for text in list_texts(schemas.get(kind, {}).get("properties", {}).get(member, {})):
                    assert (text["minLength"], text["maxLength"]) == length, (kind, member)


def test_every_array_of_a_record_shows_how_many_elements_it_may_have(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    arrays = [
        (member, option["maxItems"])
        for name in find_objects(schemas, "Record")
        for member, schema in schemas[name]["properties"].items()
        for option in schema.get("anyOf", ())
        if option.get("type") == "array"
    ]
    assert len(arrays) > 10
    assert all(most == (50 if member == "PreferenceAttributes" else 100) for member, most in arrays)


@pytest.mark.parametrize(
    ("name", "member", "values"),
    [
        ("StatusObject", "Status", ["Completed", "Failed", "Initiated", "Processing", "Queued", "Staging"]),
        ("StatusObject", "ImportAction", ["Add", "Delete", "Undo"]),
        ("ExceptionRecord", "Phase", ["Execute", "NotHonored", "Stage"]),
        ("Preference", "PreferenceType", [1, 2, "OptIn", "OptOut", None]),
        ("Consent", "ConsentStatus", [1, 2, 3, 4, "Granted", "Denied", "Revoked", "NotSet", None]),
        ("PreferenceAnswer", "PreferenceType", [1, 2]),
        ("PreferenceAnswer", "PreferenceStatus", ["Active", "Expired", "Overruled", "Suspended"]),
        ("ConsentAnswer", "ConsentStatus", [1, 2, 3, 4]),
        ("WrittenProfileAnswer", "Outcome", ["Created", "Updated", "Unchanged", "NotHonored"]),
        ("PlaceAnswer", "Kind", ["Address", "Email", "Phone", "Profile"]),
        ("Filter", "channel", ["Email", "Fax", "Mail", "Phone", "Text"]),
    ],
)
def test_every_enumeration_shows_its_values(document: dict[str, Any], name: str, member: str, values: list) -> None:
    schema = document["components"]["schemas"][name]["properties"][member]
    options = [schema, *schema.get("anyOf", ())]
    assert next(option["enum"] for option in options if "enum" in option) == values


def test_the_body_of_initiate_shows_its_enumerations(document: dict[str, Any]) -> None:
    members = document["components"]["schemas"]["InitiateRequest"]["properties"]
    assert [option.get("enum") for option in members["ImportAction"]["anyOf"]] == [["Add", "Delete"], None]
    assert [option.get("enum") for option in members["MatchCriteria"]["anyOf"]] == [["AlternateIdType"], None]
