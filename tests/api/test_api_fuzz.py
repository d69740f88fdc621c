"""The OpenAPI document against the running server: requests are generated, and every answer must be described in the
document."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from answer_checks import CHECKS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from offline_app import make_app
from running_server import RunningServer
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance
from wire_client import FAULTY, WireClient, person

from consentory.api.openapi.api_operations import list_handlers

EXAMPLES = 8


@pytest.fixture(scope="module")
def target(running: RunningServer) -> Any:
    """A client of an account with data, and the values of the path parameters that name an item."""

    def widen(document: dict[str, Any]) -> None:
        document["account"]["importsPerDay"] = 100_000
        document["userGroups"][0]["permissions"]["configuration"] = ["read", "write"]

    with WireClient(running.create_account(widen)) as client:
        done = client.run([person(1), FAULTY])
        token = client.prepare([person(2)])
        profile_id = client.find_crm("C-1")["ProfileId"]
        yield (
            client,
            {
                "clientId": client.access.account,
                "accessToken": str(token),
                "importId": done["ImportId"],
                "profileId": str(profile_id),
            },
        )


@pytest.fixture(scope="module")
def api_schema(running: RunningServer) -> Any:
    return schemathesis.openapi.from_url(f"{running.url}/schema/openapi.json")


@pytest.mark.parametrize(
    "operation_id", sorted(name for name in list_handlers(make_app()) if not name.startswith("console"))
)
def test_every_answer_is_as_documented(operation_id: str, api_schema: Any, target: Any) -> None:
    """Every request, by anybody: no 500 or 503, no undocumented status, no answer that does not fit its schema."""
    client, names = target
    operation = api_schema.find_operation_by_id(operation_id)
    # For a stream of events, the schema describes the whole stream, but the check would compare each event.
    checks = [check for check in CHECKS if operation_id != "watchImport" or check is not response_schema_conformance]
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]), st.integers(0, 3))
    def ask(case: schemathesis.Case, draw: int) -> None:
        for name in case.path_parameters:
            # One in four values stays as generated and names no item.
            if name in names and (name == "clientId" or draw):
                case.path_parameters[name] = names[name]
        case.headers["Authorization"] = client.http.headers["Authorization"]
        case.call_and_validate(checks=checks, timeout=30)

    ask()
