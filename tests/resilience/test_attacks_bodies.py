"""Bodies in their hundreds: who calls, whether they may, and how much is known before a body takes memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from attack_scene import Party, Scene, read_memory, take_token
from running_server import RunningServer, create_database, drop_database

pytestmark = pytest.mark.slow

MILLION = 1_000_000
AT_ONCE = 32
MOST_MEMORY = 250
"""MB of one server process and its stage processes at their peaks."""
KEPT = 60
"""MB that they may have more afterwards than before."""
YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def scene(engine: str, template: str) -> Iterator[Scene]:
    database_url = create_database(engine, template)
    server = RunningServer(database_url, workers=1, environment={"CONSENTORY_PROCESSES": "1"})
    server.start()

    def add_nobody(document: dict[str, Any]) -> None:
        document["userGroups"].append({"name": "Nobodies", "permissions": {}})
        document["users"].append({"id": "nobody", "groups": ["Nobodies"]})
        document["userGroups"][0]["permissions"]["configuration"] = ["read", "write"]

    scene = Scene(server, Party(server.create_account(add_nobody)), Party(server.create_account()))
    yield scene
    sys.stdout.write("\n" + "\n".join(scene.figures) + "\n")
    log = server.log.read_text()
    server.stop()
    drop_database(engine, database_url)
    assert '"unexpected"' not in log


def send_many(method: str, url: str, headers: dict[str, str], size: int, count: int) -> set[tuple[int, str]]:
    """Send a body of so many bytes, so many times; (status, code) of the answers."""
    body = b"#" * size

    def send(_: int) -> tuple[int, str]:
        answer = httpx.request(method, url, content=body, headers=headers, timeout=300, trust_env=False)
        return answer.status_code, answer.json().get("code", "")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return set(pool.map(send, range(count)))


@pytest.fixture(scope="module")
def nobody(scene: Scene) -> dict[str, str]:
    """The headers of a user who may not do anything."""
    access = scene.server.give_access(scene.attacker.access.account, "nobody")
    return {"Authorization": f"Bearer {take_token(access)}"}


def find_calls(scene: Scene) -> dict[str, tuple[str, str, dict[str, str]]]:
    party = scene.attacker
    return {
        "Configuration": ("PUT", f"{party.account}/Configuration", YAML),
        "Profile": ("POST", f"{party.account}/Profile", JSON),
        "Initiate": ("POST", f"{party.imports}/Import", JSON),
        "Stage": ("POST", f"{party.imports}/Import/{party.token}/Stage", JSON),
    }


def check_memory(scene: Scene, witness: Any, before: float) -> None:
    assert witness.refused == []
    assert witness.peak < MOST_MEMORY
    assert sum(read_memory(pid, "VmRSS") for pid in scene.find_family()) < before + KEPT


def measure(scene: Scene) -> float:
    return sum(read_memory(pid, "VmRSS") for pid in scene.find_family())


@pytest.mark.parametrize("call", ["Configuration", "Profile", "Initiate", "Stage"])
def test_the_body_of_a_caller_who_may_not_call_takes_no_memory(scene: Scene, nobody: dict[str, str], call: str) -> None:
    method, url, media = find_calls(scene)[call]
    headers, before = {**nobody, **media}, measure(scene)
    with scene.watch(f"100 bodies of 20 MB to {call}, not permitted") as witness:
        answers = send_many(method, url, headers, 20 * MILLION, 100)
    assert {status for status, _ in answers} == {403}
    check_memory(scene, witness, before)


def test_the_body_of_an_unknown_caller_or_import_takes_no_memory(scene: Scene) -> None:
    party, before = scene.attacker, measure(scene)
    with scene.watch("100 bodies of 20 MB without a credential or an import") as witness:
        for method, url, media in find_calls(scene).values():
            assert send_many(method, url, media, 20 * MILLION, 20) == {(401, "Auth.Missing")}
        url = f"{party.imports}/Import/{party.token + 1}/Stage"
        assert send_many("POST", url, {**party.headers, **JSON}, 20 * MILLION, 20) == {(401, "AccessToken.Invalid")}
    check_memory(scene, witness, before)


def test_a_body_larger_than_its_call_takes_is_refused_by_what_it_announces(scene: Scene) -> None:
    before, form = measure(scene), {"Content-Type": "application/x-www-form-urlencoded"}
    with scene.watch("200 bodies of 30 MB to calls that take less") as witness:
        assert send_many("POST", f"{scene.server.url}/oauth2/token", form, 30 * MILLION, 40) == {
            (413, "Request.BodyTooLarge")
        }
        for method, url, media in find_calls(scene).values():
            headers = {**scene.attacker.headers, **media}
            assert send_many(method, url, headers, 30 * MILLION, 40) == {(413, "Request.BodyTooLarge")}
    check_memory(scene, witness, before)


def test_an_account_has_a_few_bodies_in_memory_at_once(scene: Scene) -> None:
    before = measure(scene)
    headers = {**scene.attacker.headers, **JSON}
    with scene.watch("100 records of 5 MB, permitted") as witness:
        answers = send_many("POST", f"{scene.attacker.account}/Profile", headers, 5 * MILLION, 100)
    assert answers == {(400, "Request.MalformedJson")}
    check_memory(scene, witness, before)
