"""The OpenAPI document: valid, complete, and true to its own examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from litestar.testing import TestClient
from offline_app import make_app
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

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
    ("get", "/Profiles/v4/Async/{clientId}/Imports/{importId}/Progress"),
    ("get", "/Profiles/v4/{clientId}/Profile/{profileId}"),
    ("get", "/Profiles/v4/{clientId}/Profile"),
    ("get", "/Profiles/v4/{clientId}/Profile/{profileId}/History"),
    ("post", "/Profiles/v4/{clientId}/Profile"),
    ("post", "/Profiles/v4/{clientId}/Profile/{profileId}"),
    ("delete", "/Profiles/v4/{clientId}/Profile/{profileId}"),
    ("get", "/Profiles/v4/{clientId}/Tags"),
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
    assert schemas["Tag"]["properties"]["Name"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
