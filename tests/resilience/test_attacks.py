"""Attacks over real HTTP and raw sockets: the answer is a clear one, and others hardly notice.

Each notes its figures; they are printed at the end (`pytest -s` shows them).
"""

from __future__ import annotations

import gzip
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from attack_scene import BASE, Party, Scene, read_memory, speak
from running_server import RunningServer, create_database, drop_database
from waiting import let_pass

pytestmark = pytest.mark.slow

CONSENTORY = Path(sys.executable).with_name("consentory")

SLOWEST = 8.0
"""Seconds that another account's Status call may take, on a machine that does other things as well."""
MOST_MEMORY = 900
"""MB of one server process and its stage processes at their peaks."""
MILLION = 1_000_000


@pytest.fixture(scope="module")
def scene(engine: str, template: str) -> Iterator[Scene]:
    database_url = create_database(engine, template)
    server = RunningServer(database_url, workers=1, environment={"CONSENTORY_PROCESSES": "1"})
    server.start()

    def let_configure(document: dict[str, Any]) -> None:
        document["userGroups"][0]["permissions"]["configuration"] = ["read", "write"]

    scene = Scene(server, Party(server.create_account(let_configure)), Party(server.create_account()))
    yield scene
    sys.stdout.write("\n" + "\n".join(scene.figures) + "\n")
    log = server.log.read_text()
    server.stop()
    drop_database(engine, database_url)
    assert '"unexpected"' not in log


def check_bystander(witness: Any) -> None:
    assert witness.refused == []
    assert max(witness.seconds) < SLOWEST
    assert witness.peak < MOST_MEMORY


def wrap(records: bytes) -> bytes:
    return b'{"UserProfilePreferences":[' + records + b"]}"


def pack_gzip(size: int) -> bytes:
    return gzip.compress(b" " * size, 9)


def pack_zstd(size: int) -> bytes:
    return zstandard.ZstdCompressor(19).compress(b" " * size)


# Bodies -------------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[], bytes], dict[str, str], int, str]] = {
    "gzip bomb, 300 MB in 290 KB": (
        lambda: pack_gzip(300 * MILLION), {"Content_Encoding": "gzip"}, 413, "Request.BodyTooLarge"
    ),
    "gzip bomb of many members": (
        lambda: pack_gzip(10 * MILLION) * 60, {"Content_Encoding": "gzip"}, 413, "Request.BodyTooLarge"
    ),
    "gzip in gzip": (
        lambda: gzip.compress(pack_gzip(300 * MILLION)), {"Content_Encoding": "gzip"}, 400, "Request.NotUtf8"
    ),
    "gzip, gzip": (
        lambda: gzip.compress(pack_gzip(MILLION)),
        {"Content_Encoding": "gzip, gzip"}, 415, "Request.UnsupportedEncoding",
    ),
    "zstd bomb, 1 GB in 30 KB": (
        lambda: pack_zstd(1000 * MILLION), {"Content_Encoding": "zstd"}, 413, "Request.BodyTooLarge"
    ),
    "zstd frame that asks for a window of 2 GB": (
        lambda: b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", {"Content_Encoding": "zstd"}, 400, "Request.MalformedEncoding"
    ),
    "24 million brackets, never closed": (lambda: b"[" * (24 * MILLION), {}, 400, "Request.MalformedJson"),
    "a string of 12 million escapes, never closed": (
        lambda: b'{"UserProfilePreferences":["' + b'\\"' * (12 * MILLION), {}, 400, "Request.MalformedJson"
    ),
    "a body of 100 MB": (lambda: b" " * (100 * MILLION), {}, 413, "Request.BodyTooLarge"),
}  # fmt: skip

STAGED: dict[str, tuple[Callable[[], bytes], int, int, str]] = {
    "arrays nested a million deep": (
        lambda: wrap(b"[" * MILLION + b"]" * MILLION), 1, 1, "Record.NotAnObject"
    ),
    "objects nested a million deep": (
        lambda: wrap(b'{"a":' * MILLION + b"1" + b"}" * MILLION), 1, 1, "Record.TooDeep"
    ),
    "an integer of a million digits": (
        lambda: wrap(b'{"ProfileId":' + b"9" * MILLION + b"}"), 1, 1, "Number.OutOfRange"
    ),
    "a fraction of a million digits": (
        lambda: wrap(b'{"ProfileId":1.' + b"9" * MILLION + b"}"), 1, 1, "Number.OutOfRange"
    ),
    "an exponent of a million digits": (
        lambda: wrap(b'{"ProfileId":1e' + b"9" * MILLION + b"}"), 1, 1, "Number.OutOfRange"
    ),
    "a member repeated 100,000 times": (
        lambda: wrap(b'{"CustomerName":{"FirstName":"A"},' + b",".join([b'"IsActive":true'] * 100_000) + b"}"), 1, 0, ""
    ),
    "100,000 unknown members": (
        lambda: wrap(b"{" + b",".join(b'"m%d":1' % number for number in range(100_000)) + b"}"),
        1, 1, "Record.UnknownMember",
    ),
    "a million emails of one person": (
        lambda: wrap(b'{"Emails":[' + b"{}," * (MILLION - 1) + b"{}]}"), 1, 1, "Value.Required"
    ),
    "a name of 24 MB": (
        lambda: wrap(b'{"CustomerName":{"FirstName":"' + b"a" * (24 * MILLION) + b'"}}'), 1, 1, "String.TooLong"
    ),
    "4 million halves of characters": (
        lambda: wrap(b'{"CustomerName":{"FirstName":"' + b"\\ud800" * (4 * MILLION) + b'"}}'), 1, 1, "String.NotUnicode"
    ),
    "24 million blanks": (lambda: wrap(b" " * (24 * MILLION)), 0, 0, ""),
    "a million empty objects": (lambda: wrap(b"{}," * (MILLION - 1) + b"{}"), MILLION, MILLION, "Record.NothingSaid"),
}  # fmt: skip


@pytest.mark.parametrize("attack", REFUSED)
def test_a_broken_body_is_refused_at_once(scene: Scene, attack: str) -> None:
    make, headers, status, code = REFUSED[attack]
    body = make()
    with scene.watch(attack) as witness:
        answer = scene.attacker.stage(body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    check_bystander(witness)


@pytest.mark.parametrize("attack", STAGED)
def test_valid_json_is_at_most_the_fault_of_one_record(scene: Scene, attack: str) -> None:
    make, records, failed, code = STAGED[attack]
    body = make()
    scene.attacker.renew()
    with scene.watch(attack) as witness:
        answer = scene.attacker.stage(body)
    assert answer.status_code == 200, answer.text[:300]
    assert (answer.json()["TotalRecordsReceived"], answer.json()["ValidationFailed"]) == (records, failed)
    if records == 1 and failed:
        assert f'"Code":"{code}"' in scene.attacker.exceptions()
    check_bystander(witness)


def test_blank_lines_without_end_are_no_records(scene: Scene) -> None:
    scene.attacker.renew()
    with scene.watch("24 million blank lines of NDJSON") as witness:
        answer = scene.attacker.stage(b"\n" * (24 * MILLION), Content_Type="application/x-ndjson")
    assert (answer.status_code, answer.json()["TotalRecordsReceived"]) == (200, 0)
    check_bystander(witness)


def test_one_account_that_stages_all_it_can_leaves_room_for_others(scene: Scene) -> None:
    scene.attacker.renew()
    body = wrap(b"{}," * 50_000 + b"{}")
    answers: list[int] = []
    attackers = [
        threading.Thread(target=lambda: answers.append(scene.attacker.stage(body).status_code)) for _ in range(24)
    ]
    with scene.watch("24 batches of 50,000 empty objects at once") as witness:
        for thread in attackers:
            thread.start()
        began = time.perf_counter()
        fine = scene.bystander.stage(wrap(b'{"CustomerName":{"FirstName":"Ana"}}'))
        waited = time.perf_counter() - began
        for thread in attackers:
            thread.join()
    assert fine.status_code == 200
    assert waited < 30
    assert set(answers) <= {200, 503}  # 503: it waited for its turn too long, and may come again
    check_bystander(witness)


def test_hostile_bodies_leave_no_memory_behind(scene: Scene) -> None:
    scene.attacker.renew()
    assert scene.attacker.stage(wrap(b"{}," * (500_000 - 1) + b"{}")).status_code == 200
    stage_processes = scene.find_family()[1:]
    assert all(read_memory(pid, "VmRSS") < 300 for pid in stage_processes)
    assert scene.bystander.stage(wrap(b'{"CustomerName":{"FirstName":"Ana"}}')).status_code == 200
    assert '"stage process lost"' not in scene.server.log.read_text()


# Reading ------------------------------------------------------------------------------------------------------------

FAR_RECORDS = 200_000


def test_far_pages_of_one_account_hold_up_nobody(scene: Scene) -> None:
    """Read pages and files of exceptions while the import takes more records, and after its end."""
    scene.attacker.renew()
    assert scene.attacker.stage(wrap(b"{}," * (FAR_RECORDS - 1) + b"{}")).status_code == 200
    party = scene.attacker
    answers: list[tuple[int, str | None]] = []

    def read(kind: str) -> None:
        url = f"{party.imports}/Import/{party.token}/Exceptions?limit=10000&offset={FAR_RECORDS - 20_000}"
        answer = httpx.get(url, headers={**party.headers, "Accept": kind}, timeout=300, trust_env=False)
        answers.append((answer.status_code, answer.headers.get("Retry-After")))

    kinds = ["application/json"] * 14 + ["text/csv", "application/x-ndjson"]
    for moment in ("staging", "ended"):
        with scene.watch(f"32 far pages at once, {moment}") as witness:
            threads = [threading.Thread(target=read, args=(kind,)) for kind in kinds * 2]
            for thread in threads:
                thread.start()
            began = time.perf_counter()
            status = httpx.get(f"{scene.bystander.account}/Profile/1", headers=scene.bystander.headers, timeout=60,
                               trust_env=False).status_code  # fmt: skip
            waited = time.perf_counter() - began
            for thread in threads:
                thread.join()
        assert status == 404
        assert waited < SLOWEST
        check_bystander(witness)
        cancel = f"{party.imports}/Import/{party.token}/Cancel"
        assert httpx.post(cancel, headers=party.headers, timeout=60, trust_env=False).status_code == 200
    assert {code for code, _ in answers} <= {200, 429}
    assert {code for code, _ in answers} >= {200}
    assert all((retry is not None) == (code == 429) for code, retry in answers)
    assert "ended sessions of frozen processes" not in scene.server.log.read_text()


# Text ---------------------------------------------------------------------------------------------------------------


def test_nul_and_half_characters_are_faults_and_come_back_harmless(scene: Scene) -> None:
    scene.attacker.renew()
    records = [
        rb'{"CustomerName":{"FirstName":"a\u0000b"}}',
        rb'{"CustomerName":{"FirstName":"a\u001b[31mb"}}',
        rb'{"CustomerName":{"FirstName":"\ud800"}}',
        rb'{"CustomerName":{"FirstName":"\udc00\ud800"}}',
        rb'{"Cust\u0000omer\ud800Name":1}',
    ]
    assert scene.attacker.stage(wrap(b",".join(records))).json()["ValidationFailed"] == len(records)
    told = json.loads(scene.attacker.exceptions())["UserProfilePreferences"]
    codes = [{fault["Code"] for fault in record["Exceptions"]} for record in told]
    assert codes == [
        {"String.ControlCharacter"}, {"String.ControlCharacter"}, {"String.NotUnicode"}, {"String.NotUnicode"},
        {"Record.UnknownMember", "Record.NothingSaid"},
    ]  # fmt: skip
    assert scene.attacker.stage(wrap(b'{"CustomerName":{"FirstName":"\0"}}')).status_code == 400


def test_unusual_unicode_is_kept_as_it_was_said_and_found_as_it_was_meant(scene: Scene) -> None:
    name = "ali\u202egnp.exe \u2066x\u2069 Zoe\u0308 \U0001f469\u200d\U0001f680 \u200f"
    record = {
        "CustomerName": {"FirstName": name.strip()},
        "AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "Stra\u00dfe-Caf\u00e9"}],
    }
    party = scene.bystander
    created = httpx.post(f"{party.account}/Profile", headers=party.headers, json=record, trust_env=False)
    assert created.status_code == 201, created.text
    query = {"alternateIdType": "loyalty", "alternateId": "STRASSE-CAFE\u0301"}
    found = httpx.get(f"{party.account}/Profile", headers=party.headers, params=query, trust_env=False).json()
    assert found["CustomerName"]["FirstName"] == name.strip()
    assert found["AlternateIds"][0]["AlternateId"] == "Stra\u00dfe-Caf\u00e9"
    shown = run_client(party, "profile", "show", str(found["ProfileId"]))
    assert "ali<U+202E>gnp.exe <U+2066>x<U+2069> Zoe\u0308 \U0001f469\u200d\U0001f680" in shown
    assert not any(mark in shown for mark in "\u202e\u2066\u2069\u200f")


def run_client(party: Party, *words: str) -> str:
    access = party.access
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")} | {
        "CONSENTORY_SERVER": access.url,
        "CONSENTORY_ACCOUNT": access.account,
        "CONSENTORY_CLIENT_ID": access.client_id,
        "CONSENTORY_CLIENT_SECRET": access.client_secret,
        "CONSENTORY_USER": access.user,
        "COLUMNS": "200",
    }
    return subprocess.run([CONSENTORY, *words], env=environment, capture_output=True, text=True, check=True).stdout


# Connections --------------------------------------------------------------------------------------------------------

HEADS: dict[str, tuple[bytes, int]] = {
    "a header of 10 MB": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * (10 * MILLION) + b"\r\n\r\n", 431),
    "5,000 headers": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n", 431
    ),
    "a query of 10 MB": (b"GET /healthz?" + b"a" * (10 * MILLION) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    "two lengths": (
        b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400
    ),
    "a negative length": (b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n", 400),
    "a chunk larger than any memory": (
        b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 400
    ),
    "a header with a line break": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\nb: c\r\n\x00\r\n\r\n", 400),
    "noise": (bytes(range(256)) * 100 + b"\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize("attack", HEADS)
def test_absurd_requests_are_refused_by_the_server_itself(scene: Scene, attack: str) -> None:
    request, status = HEADS[attack]
    with scene.watch(attack) as witness:
        answer = speak(scene.server.port, request)
    # An answer may be lost when the server closes on a client that is still sending.
    assert answer == b"" or int(answer.split(b" ", 2)[1]) == status
    check_bystander(witness)


def test_a_query_of_absurd_length_and_number_is_harmless(scene: Scene) -> None:
    party = scene.attacker
    with scene.watch("15,000 parameters in one query") as witness, httpx.Client(trust_env=False) as client:
        client.headers.update(party.headers)
        assert client.get(f"{party.imports}/Imports?{'a=1&' * 15_000}").status_code == 200
        for query in ("%00", "%ff%fe", "a" * 50_000, "%F0%9F%98%80" * 4000):
            found = client.get(f"{party.account}/Profile?emailAddress={query}")
            assert found.status_code in (200, 400), query[:20]
            found = client.get(f"{party.account}/Profile?alternateIdType=Loyalty&alternateId={query}")
            assert found.status_code in (400, 404), query[:20]
    check_bystander(witness)


def test_slow_clients_and_idle_connections_hold_nothing(scene: Scene) -> None:
    party, port = scene.attacker, scene.server.port
    path = f"{BASE}/Async/{party.access.account}/Import/{party.token}/Stage"
    slow_body = (
        b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 20000\r\n\r\n"
    )
    slow_batch = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {party.bearer}\r\nContent-Type: application/json\r\n"
        "Content-Length: 20000000\r\n\r\n"
    ).encode()
    kinds = {b"": 500, b"GET /healthz HTTP/1.1\r\nX-A: ": 60, slow_body: 60, slow_batch: 12}
    connections: dict[socket.socket, bytes] = {}
    with scene.watch("500 idle connections and 132 of a byte a second") as witness:
        for beginning, count in kinds.items():
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", port), 10)
                connection.sendall(beginning)
                connections[connection] = beginning
        closed_after, answers = drip_until_closed(connections, patience=90)
    assert not connections, f"still open: {[beginning[:40] for beginning in connections.values()]}"
    assert closed_after < 80
    assert answers >= 60, "bodies that are too slow are answered"
    check_bystander(witness)


def drip_until_closed(connections: dict[socket.socket, bytes], patience: float) -> tuple[float, int]:
    """Send a byte a second to those that began a request, until the server has closed all; (seconds, refusals read).

    `connections` have the bytes that were sent at the beginning. Those that were closed are taken out.
    """
    began, answered = time.monotonic(), 0
    while connections and time.monotonic() - began < patience:
        readable, _, _ = select.select(list(connections), [], [], 1.0)
        for connection in readable:
            try:
                piece = connection.recv(65536)
            except OSError:
                piece = b""
            answered += b"Request.TooSlow" in piece
            if not piece:
                connection.close()
                del connections[connection]
        for connection in [one for one, beginning in connections.items() if beginning]:
            try:
                connection.sendall(b"a")
            except OSError:
                connection.close()
                del connections[connection]
        let_pass(0.5, because="a slow client sends a byte now and then")
    return time.monotonic() - began, answered


def test_a_client_that_breaks_off_is_no_fault_of_ours(scene: Scene) -> None:
    """The log of the scene is looked through at its end: it has nothing unexpected in it."""
    head = b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", scene.server.port), 10) as connection:
            connection.sendall(head + b"Content-Length: 1000\r\n\r\nabc")
            let_pass(0.1, because="the server reads the first bytes before the connection breaks off")
    assert httpx.get(f"{scene.server.url}/healthz", trust_env=False).status_code == 200


# The account document -----------------------------------------------------------------------------------------------

HARMLESS = ("(a*)*$", "(a+)+b", "(a|aa)+$", "(.*)*x", "([a-zA-Z]+)*")
TOO_LARGE = ("(((a{1,100}){1,100}){1,100})", "a{1000}{1000}", "(" * 50_000 + ")" * 50_000, r"\p{L}{1000}")
BEYOND_RE2 = ("(?<=a)b", r"(a)\1", "(?!a)b", "(?>a)")


def put_pattern(scene: Scene, pattern: str) -> httpx.Response:
    party = scene.attacker
    document = json.loads(party.access.services.accounts.show(party.access.account, "json"))
    document["alternateIdTypes"][1]["pattern"] = pattern
    document["customFields"][5] |= {"pattern": pattern}
    return httpx.put(
        f"{party.account}/Configuration", json=document, headers=party.headers, timeout=60, trust_env=False
    )


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_catastrophic_pattern_is_harmless(scene: Scene, pattern: str) -> None:
    with scene.watch(f"pattern {pattern}") as witness:
        assert put_pattern(scene, pattern).status_code == 200
        scene.attacker.renew()
        record = json.dumps(
            {
                "AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "a" * 255 + "!"}],
                "CustomFields": [{"Name": "Nickname", "Value": "a" * 3999 + "!"}],
            }
        ).encode()
        began = time.perf_counter()
        staged = scene.attacker.stage(wrap(b",".join([record] * 1000)))
        took = time.perf_counter() - began
    assert staged.json()["ValidationFailed"] == 1000
    assert took < 30
    check_bystander(witness)


@pytest.mark.parametrize("pattern", [*TOO_LARGE, *BEYOND_RE2], ids=lambda pattern: pattern[:20])
def test_a_pattern_that_re2_does_not_take_is_refused_when_it_is_configured(scene: Scene, pattern: str) -> None:
    with scene.watch(f"pattern {pattern[:20]}") as witness:
        answer = put_pattern(scene, pattern)
    assert (answer.status_code, answer.json()["code"]) == (400, "Configuration.Invalid")
    assert "$.alternateIdTypes[1].pattern" in {error["path"] for error in answer.json()["errors"]}
    check_bystander(witness)


LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 9)) for level in range(1, 30)
)
FILTERS = b", ".join(b"{id: F%d, name: f}" % number for number in range(2000))
PROGRAMS = b"".join(b"  - {id: P%d, name: p, filters: *f}\n" % number for number in range(1, 2000))
DOCUMENTS = {
    "a billion laughs": LAUGHS,
    "filters of one program in 2,000": b"programs:\n  - {id: P0, name: p, filters: &f [" + FILTERS + b"]}\n" + PROGRAMS,
    "a document that holds itself": b"account: &a\n  x: *a\n",
    "a list 100,000 deep": b"[" * 100_000,
    "100,000 unknown keys": b"".join(b"k%d: 1\n" % number for number in range(100_000)),
    "a number of a million digits": b"account:\n  importsPerDay: " + b"9" * MILLION,
    "an object of Python": b'!!python/object/apply:os.system ["id"]',
    "a document of 2 MB": b"#" * (2 * MILLION),
}


@pytest.mark.parametrize("attack", DOCUMENTS)
def test_an_account_document_can_do_no_harm(scene: Scene, attack: str) -> None:
    party = scene.attacker
    with scene.watch(attack) as witness:
        answer = httpx.put(
            f"{party.account}/Configuration",
            content=DOCUMENTS[attack],
            headers={**party.headers, "Content-Type": "application/yaml"},
            timeout=60,
            trust_env=False,
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "Configuration.Invalid")
    check_bystander(witness)
