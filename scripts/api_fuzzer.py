"""Send generated requests to every call of the API, for as long as the arguments say. `scripts/fuzz` runs this script.

The rules are those of tests/api/test_api_fuzz.py: no 500 and no 503, no undocumented status, no answer that breaks its
schema. The script prints the number of answers of each status. Exit code 1: an answer broke a rule.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from typing import Any

import schemathesis
from answer_checks import CHECKS
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from offline_app import make_app
from running_server import RunningServer, create_database, make_template, running_engine
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance
from wire_client import FAULTY, WireClient, person

from consentory.api.openapi.api_operations import list_handlers

EXAMPLES = 25
"""Requests to one call before the next call's turn."""


def widen(document: dict[str, Any]) -> None:
    document["account"]["importsPerDay"] = 1_000_000
    document["userGroups"][0]["permissions"] |= {"configuration": ["read", "write"], "audit": True}


def make_names(client: WireClient) -> dict[str, str]:
    """Make new objects for the parts of a path, because requests delete, cancel and execute them."""
    done = client.run([person(1), FAULTY])
    return {
        "clientId": client.access.account,
        "accessToken": str(client.prepare([person(2)])),
        "importId": str(done["ImportId"]),
        "profileId": str(client.find_crm("C-1")["ProfileId"]),
    }


def ask_some(operation: Any, checks: list[Any], client: WireClient, names: dict[str, str], seen: Counter[str]) -> None:
    """Send some generated requests to one call. Raise the errors that schemathesis finds in the answers."""
    requests = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @seed(random.getrandbits(64))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(requests), st.integers(0, 3))
    def ask(case: schemathesis.Case, draw: int) -> None:
        for name in case.path_parameters:
            if name in names and (name == "clientId" or draw):
                case.path_parameters[name] = names[name]
        case.headers["Authorization"] = client.http.headers["Authorization"]
        answer = case.call(timeout=60)
        seen[f"{operation.definition.raw['operationId']} {answer.status_code}"] += 1
        case.validate_response(answer, checks=checks)

    ask()


def fuzz(server: RunningServer, seconds: float) -> tuple[Counter[str], list[str]]:
    """Repeat all calls until the time is over. The result has the answers of each call, counted, and the errors."""
    schema = schemathesis.openapi.from_url(f"{server.url}/schema/openapi.json")
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with WireClient(server.create_account(widen)) as client:
            names: dict[str, str] = {}
            for number, operation_id in enumerate(list_handlers(make_app())):
                names = names if number % 5 else make_names(client)
                checks = [
                    check
                    for check in CHECKS
                    if operation_id != "watchImport" or check is not response_schema_conformance
                ]
                try:
                    ask_some(schema.find_operation_by_id(operation_id), checks, client, names, seen)
                except Exception as error:
                    wrong.append(f"{operation_id}: {type(error).__name__}: {error}")
                if time.monotonic() > ends:
                    break
    return seen, wrong


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    with running_engine() as conninfo:
        server = RunningServer(create_database(conninfo, make_template(conninfo)))
        server.start()
        try:
            seen, wrong = fuzz(server, seconds)
            unexpected = [line for line in server.log.read_text().splitlines() if '"unexpected"' in line]
        finally:
            server.stop()
    for answer, count in sorted(seen.items()):
        print(f"{count:7} {answer}")
    for fault in [*wrong, *unexpected]:
        print(f"\nWRONG: {fault[:3000]}")
    print(json.dumps({"requests": sum(seen.values()), "wrong": len(wrong), "unexpected": len(unexpected)}))
    sys.exit(bool(wrong or unexpected))


if __name__ == "__main__":
    main()
