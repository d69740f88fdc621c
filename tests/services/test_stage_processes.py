"""Batches are validated in processes apart (docs/adr/0013-stage-processes.md): what others notice of them, and what
becomes of a batch whose process is lost."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from attack_scene import find_children
from running_server import SECRET_KEY, RunningServer, own_server
from waiting import let_pass, wait_for
from wire_client import WireClient, check_problem, pack, person, require

pytestmark = pytest.mark.processes

FEW = [person(number) for number in range(3)]
SIGN = "consentory.bootstrap.stage_entry"


@pytest.fixture(scope="module")
def lone(engine: str, template: str) -> Iterator[RunningServer]:
    """A server of one process, so that all calls meet in it."""
    with own_server(engine, template, CONSENTORY_PROCESSES="1") as server:
        yield server


@pytest.fixture
def client(lone: RunningServer) -> Iterator[WireClient]:
    """The first to stage: no stage process is there yet."""
    kill(find_stage_processes(lone))
    with WireClient(lone.create_account()) as client:
        yield client


@pytest.fixture
def token(client: WireClient) -> int:
    """An import that has taken one batch: a stage process is there."""
    return client.prepare(FEW)


def find_stage_processes(server: RunningServer) -> list[int]:
    family = find_children(server.processes[0].pid)
    return [pid for pid in family if SIGN in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")]


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        wait_for(lambda pid=pid: read_state(pid), lambda state: state in ("", "Z"))


def read_state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Processes that do nothing meanwhile, as if their batches took for ever."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def staging(client: WireClient, token: int, key: str, within: list[int]) -> Iterator[Future[httpx.Response]]:
    """A Stage call under way, in a connection of its own, whose stage process is one of these, frozen meanwhile."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, **dict(client.http.headers)}
    apart = httpx.Client(base_url=client.http.base_url, headers=headers, timeout=60)
    with apart, ThreadPoolExecutor(1) as thread, frozen(within):
        call = thread.submit(lambda: apart.post(client.path(token, "Stage"), content=pack(FEW)))
        let_pass(0.3, because="the call is then on its way; no process of it answers, so nothing tells")
        assert not call.done()
        yield call


def test_other_calls_do_not_wait_for_a_batch(lone: RunningServer, client: WireClient, token: int) -> None:
    """If every stage process is stopped, only their batches wait. All other calls are answered, also the next batch."""
    pids = find_stage_processes(lone)
    with WireClient(lone.create_account()) as other, staging(client, token, "slow", pids) as slow:
        assert client.status(token)["TotalRecordsReceived"] == 3
        assert other.run(FEW)["Created"] == 3
        assert client.stage(token, FEW)["TotalRecordsReceived"] == 6
        assert not slow.done()
        assert client.status(token)["TotalRecordsReceived"] == 6
        os.kill(pids[0], signal.SIGCONT)
        assert require(slow.result(30))["TotalRecordsReceived"] == 9
    assert client.finish(token)["TotalRecordsReceived"] == 9


@pytest.mark.slow
def test_one_account_does_not_take_them_all(lone: RunningServer, client: WireClient, token: int) -> None:
    """Two batches of one account are validated at once. A batch of another account passes the waiting ones."""
    (first,) = find_stage_processes(lone)
    with WireClient(lone.create_account()) as other, staging(client, token, "a", [first]):
        require(client.try_stage(token, FEW, key="b"))  # the second place, in a new process
        (second,) = set(find_stage_processes(lone)) - {first}
        with staging(client, token, "c", [second]), staging(client, token, "d", []) as waiting:
            assert other.run(FEW)["Created"] == 3
            assert not waiting.done()
            assert len(find_stage_processes(lone)) == 3
            os.kill(second, signal.SIGCONT)
            require(waiting.result(30))
    assert client.finish(token)["TotalRecordsReceived"] == 15


def test_a_batch_whose_process_is_killed_is_answered_and_counts_once(
    lone: RunningServer, client: WireClient, token: int
) -> None:
    """503 and Retry-After, for it may have been staged; the same batch under its key again is counted once."""
    pids = find_stage_processes(lone)
    with psycopg.connect(lone.database_url) as standstill:
        standstill.execute("LOCK TABLE import_block IN EXCLUSIVE MODE")
        with staging(client, token, "again", []) as lost:
            kill(pids)
            problem = check_problem(lost.result(30), 503, "Server.Unexpected")
            assert "may have been done" in problem["detail"]
            assert lost.result().headers["Retry-After"] == "2"
        standstill.rollback()
    assert require(client.try_stage(token, FEW, key="again"))["TotalRecordsReceived"] == 6
    assert require(client.try_stage(token, FEW, key="again"))["TotalRecordsReceived"] == 6
    assert client.finish(token)["TotalRecordsReceived"] == 6


def test_a_process_killed_before_it_began_costs_nobody_anything(
    lone: RunningServer, client: WireClient, token: int
) -> None:
    """Another one takes the batch."""
    pids = find_stage_processes(lone)
    with staging(client, token, "handed over", pids) as call:
        kill(pids)
        assert require(call.result(30))["TotalRecordsReceived"] == 6
    require(client.call(token, "Cancel"))


def test_a_process_killed_while_idle_costs_nobody_anything(lone: RunningServer, client: WireClient, token: int) -> None:
    kill(find_stage_processes(lone))
    assert client.stage(token, FEW)["TotalRecordsReceived"] == 6
    require(client.call(token, "Cancel"))


def test_a_client_that_goes_away_leaves_the_batch_its_place(
    lone: RunningServer, client: WireClient, token: int
) -> None:
    """The batch is staged all the same, and the next one is no other's."""
    headers = {**dict(client.http.headers), "Content-Type": "application/json"}
    with frozen(find_stage_processes(lone)), httpx.Client(base_url=client.http.base_url, timeout=0.5) as hasty:
        with pytest.raises(httpx.ReadTimeout):
            hasty.post(client.path(token, "Stage"), content=pack(FEW), headers=headers)
        assert client.status(token)["TotalRecordsReceived"] == 3
    wait_for(lambda: client.status(token)["TotalRecordsReceived"], lambda received: received == 6)
    assert client.stage(token, FEW[:1])["TotalRecordsReceived"] == 7
    require(client.call(token, "Cancel"))


def test_refusals_come_through_as_they_are(client: WireClient, token: int) -> None:
    """Also those that carry more than a text: headers, and what is wrong with the body's bytes."""
    problem = check_problem(client.try_stage(token, b'{"UserProfilePreferences": [}'), 400, "Request.MalformedJson")
    assert "29" in problem["detail"] or "28" in problem["detail"]
    answer = client.try_stage(token + 1, FEW)
    check_problem(answer, 401, "AccessToken.Invalid")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    broken = client.try_stage(token, b"\x1f\x8b nothing", Content_Encoding="gzip")
    check_problem(broken, 400, "Request.MalformedEncoding")
    require(client.call(token, "Cancel"))
    check_problem(client.try_stage(token, FEW), 409, "Import.NotStaging")


def test_stage_processes_hold_no_secret_and_nothing_on_disk(
    lone: RunningServer, client: WireClient, token: int
) -> None:
    """The secret key is not for them, and a body that waits for them is in memory only."""
    pids = find_stage_processes(lone)
    assert pids
    for pid in pids:
        assert SECRET_KEY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    server = next(pid for pid in find_children(lone.processes[0].pid) if pid not in pids)
    with staging(client, token, "waits", pids):
        links = [os.readlink(entry) for entry in Path(f"/proc/{server}/fd").iterdir()]
        assert any(link.startswith("/memfd:batch") for link in links)
    wait_for(lambda: client.status(token)["TotalRecordsReceived"], lambda received: received == 6)
    links = [os.readlink(entry) for entry in Path(f"/proc/{server}/fd").iterdir()]
    assert not any(link.startswith("/memfd:batch") for link in links)
    require(client.call(token, "Cancel"))


def test_an_unforeseen_failure_in_one_is_in_the_log_without_the_data(
    lone: RunningServer, client: WireClient, token: int
) -> None:
    """503 with a reference, under which the log has types and places and nothing of the record."""
    person_data = "Quixote"
    client.change("REVOKE INSERT ON import_block FROM consentory_service")
    try:
        answer = client.try_stage(token, [{**FEW[0], "CustomerName": {"LastName": person_data}}])
    finally:
        client.change("GRANT INSERT ON import_block TO consentory_service")
    check_problem(answer, 503, "Server.Unexpected")
    reference = answer.headers["X-Request-Id"]
    assert reference in answer.json()["detail"]
    log = lone.log.read_text()
    inside, outside = (json.loads(line) for line in log.splitlines() if reference in line and '"error"' in line)
    assert inside["event"] == "batch cannot be staged"
    assert re.search(r"StatementRefused .*42501", inside["error"][0])
    assert any("import_store.insert_batch" in place for place in inside["places"])
    assert outside["error"] == ["consentory.services.imports.stage_processes.StagingFailed"]
    assert person_data not in log
    assert client.stage(token, FEW)["TotalRecordsReceived"] == 6
    require(client.call(token, "Cancel"))


@pytest.mark.parametrize("under_way", [False, True], ids=["idle", "in the middle of a batch"])
def test_they_end_with_their_server_process(engine: str, template: str, under_way: bool) -> None:
    """Also one that is killed leaves none behind, and what its client saw cut off is not stored later."""
    with own_server(engine, template, workers=0, CONSENTORY_PROCESSES="1") as server, ExitStack() as stack:
        client = stack.enter_context(WireClient(server.create_account()))
        token = require(client.try_initiate({"Name": "test"}))["AccessToken"]  # nobody watches
        client.stage(token, FEW)
        pids = find_stage_processes(server)
        (parent,) = find_children(server.processes[0].pid, deep=False)
        with psycopg.connect(server.database_url) as standstill:
            if under_way:
                standstill.execute("LOCK TABLE import_block IN EXCLUSIVE MODE")
                call = stack.enter_context(staging(client, token, "cut off", []))
            os.kill(parent, signal.SIGKILL)
            for pid in pids:
                wait_for(lambda pid=pid: read_state(pid), lambda state: state in ("", "Z"), 5)
            standstill.rollback()
        if under_way:
            assert isinstance(call.exception(30), httpx.TransportError)
        status = wait_for(lambda: try_until_up(client, token), lambda answer: answer is not None).json()
        assert status["TotalRecordsReceived"] == 3


def try_until_up(client: WireClient, token: int) -> httpx.Response | None:
    try:
        answer = client.try_status(token)
    except httpx.TransportError:
        return None
    return answer if answer.status_code == 200 else None


def test_they_let_a_batch_finish_that_the_server_waits_for(engine: str, template: str) -> None:
    """SIGTERM to all processes at once, as service managers send it: the batch under way is answered."""
    with (
        own_server(engine, template, workers=0, CONSENTORY_PROCESSES="1") as server,
        WireClient(server.create_account()) as client,
    ):
        token = require(client.try_initiate({"Name": "test"}))["AccessToken"]
        client.stage(token, FEW)
        with psycopg.connect(server.database_url) as standstill:
            standstill.execute("LOCK TABLE import_block IN EXCLUSIVE MODE")
            with staging(client, token, "last", []) as call:
                for pid in (server.processes[0].pid, *find_children(server.processes[0].pid)):
                    os.kill(pid, signal.SIGTERM)
                let_pass(0.5, because="the server has then taken the signal, which shows nowhere")
                standstill.rollback()
                assert require(call.result(30))["TotalRecordsReceived"] == 6
