"""A process that is frozen is noticed by its parent, killed and replaced; the others go on meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from attack_scene import find_children
from embedded_scene import is_alive
from running_server import find_free_port, own_server
from started_processes import ENVIRONMENT, PATIENCE, end, started, up
from waiting import await_true

pytestmark = pytest.mark.slow

FROZEN = {"CONSENTORY_FROZEN_SECONDS": "5"}
KILLED = '"process is frozen, killing it"'
COUNTED = "consentory_processes_frozen_total"

PULSE = """
import asyncio, os, signal, time
from consentory.bootstrap.pulse import FROZEN_SECONDS, PulseWatch

def await_frozen(watch):
    while not watch.is_frozen():
        time.sleep(0.1)

async def hang():
    await watch.pulse.beat_in_loop()
    await asyncio.sleep(2 * FROZEN_SECONDS)
    print("the loop hangs", flush=True)
    time.sleep(600)

watch = PulseWatch()
child = os.fork()
if child == 0:
    asyncio.run(hang())
await_frozen(watch)
print("frozen", flush=True)
time.sleep(2 * FROZEN_SECONDS)
print(watch.is_frozen())
await_frozen(watch)
print("frozen again")
os.kill(child, signal.SIGKILL)
"""


def answers(url: str) -> bool:
    """Whether a call is answered in a connection of its own, which the kernel gives to any of the processes."""
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=2).status_code == 200
    return False


def read_count(url: str) -> float:
    with suppress(httpx.TransportError):
        lines = httpx.get(f"{url}/metrics", trust_env=False, timeout=2).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(COUNTED))
    return -1


def has_begun(worker: int) -> bool:
    """Whether a worker works: it has its loops then, and its pulse."""
    return len(list(Path(f"/proc/{worker}/task").iterdir())) > 3


def find_commands(parent: int, command: str) -> list[int]:
    """The children of a process that run this command."""
    words = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in find_children(parent, deep=False)}
    return [pid for pid, line in words.items() if f"\0{command}\0" in line]


def test_a_frozen_server_process_is_replaced_and_the_other_answers_on(engine: str, template: str) -> None:
    with own_server(engine, template, 0, CONSENTORY_PROCESSES="2", **FROZEN) as server:
        parent = server.processes[0].pid
        await_true(lambda: len(find_children(parent, deep=False)) == 2)
        await_true(lambda: all(answers(server.url) for _ in range(10)), PATIENCE)
        assert read_count(server.url) == 0
        frozen, other = find_children(parent, deep=False)
        os.kill(frozen, signal.SIGSTOP)
        await_true(lambda: answers(server.url))
        await_true(lambda: not is_alive(frozen), PATIENCE)
        await_true(lambda: len(find_children(parent, deep=False)) == 2, PATIENCE)
        await_true(lambda: all(answers(server.url) for _ in range(10)), PATIENCE)
        assert other in find_children(parent, deep=False)
        assert server.processes[0].poll() is None
        (line,) = [line for line in server.log.read_text().splitlines() if KILLED in line]
        assert f'"pid":{frozen}' in line.replace(" ", "")
        assert read_count(server.url) == 1


def test_up_replaces_a_frozen_worker_and_a_server_that_is_frozen_with_its_processes(place: Path) -> None:
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    with started(*up(place / "data", port), **FROZEN) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Consentory is up: {url}\n"
        (worker,) = find_commands(process.pid, "worker")
        (server,) = find_commands(process.pid, "serve")
        await_true(lambda: has_begun(worker), PATIENCE)
        os.kill(worker, signal.SIGSTOP)
        await_true(lambda: worker not in find_children(process.pid, deep=False), PATIENCE)
        await_true(lambda: bool(find_commands(process.pid, "worker")), PATIENCE)
        served = find_children(server)
        for pid in (server, *served):
            os.kill(pid, signal.SIGSTOP)
        await_true(lambda: not any(is_alive(pid) for pid in (server, *served)), PATIENCE)
        await_true(lambda: answers(url), PATIENCE)
        assert read_count(url) == 2
        said = end(process, signal.SIGTERM)
    assert said.count(KILLED) == 2


def test_a_loop_that_hangs_is_frozen_but_not_while_the_parent_itself_stood_still() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PULSE],
        env=ENVIRONMENT | {"CONSENTORY_FROZEN_SECONDS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["the loop hangs", "frozen", "False", "frozen again"], done.stderr
