"""The port is taken for one server alone: whoever comes second is told so, and ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from attack_scene import find_children
from running_server import RunningServer, find_free_port, own_server
from waiting import await_true

from consentory.bootstrap.endpoint import Endpoint
from consentory.bootstrap.listener import PortRefused, claim_port

CONSENTORY = Path(sys.executable).with_name("consentory")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}


def start_up(folder: Path, port: int, *more: str) -> subprocess.Popen[str]:
    command = [CONSENTORY, "up", "--data", folder, "--port", str(port), "--workers", "0", "--processes", "1", *more]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@contextmanager
def listening(family: int, host: str, *, shared: bool) -> Iterator[int]:
    """Another program on a port; `shared` as servers are that allow others beside them."""
    with socket.socket(family) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((host, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.slow
def test_a_second_up_on_the_port_is_refused_and_the_first_answers_on(place: Path) -> None:
    port = find_free_port()
    first = start_up(place / "a", port)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == f"Consentory is up: http://127.0.0.1:{port}\n"
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            second = start_up(place / "b", port, "--host", host, "--insecure-http")
            said, complained = second.communicate(timeout=60)
            assert (second.returncode, said) == (2, "")
            assert "port in use" in complained
            assert "Traceback" not in complained
        assert not (place / "b").exists(), "nothing was begun"
        assert httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    finally:
        first.terminate()
        first.communicate(timeout=60)
    assert first.returncode == 0


@pytest.mark.slow
def test_of_two_servers_that_start_at_once_one_is_up(place: Path) -> None:
    port = find_free_port()
    both = [start_up(place / name, port) for name in ("a", "b")]
    try:
        await_true(lambda: any(one.poll() is not None for one in both), 60)
        (refused,) = (one for one in both if one.poll() is not None)
        (served,) = (one for one in both if one is not refused)
        assert (refused.returncode, "port in use" in refused.communicate()[1]) == (2, True)
        assert served.stdout is not None
        assert served.stdout.readline() == f"Consentory is up: http://127.0.0.1:{port}\n"
    finally:
        for one in both:
            one.terminate()
            one.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("family", "theirs", "ours"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "::1"),
    ],
)
def test_a_port_shared_by_a_left_over_process_is_refused(
    place: Path, family: int, theirs: str, ours: str, shared: bool
) -> None:
    with listening(family, theirs, shared=shared) as port:
        served = start_up(place / "data", port, "--host", ours)
        _, complained = served.communicate(timeout=60)
    assert served.returncode == 2
    assert "port in use" in complained


@pytest.mark.parametrize(
    ("first", "second"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "::")]
)
def test_a_claim_counts_before_anybody_listens(first: str, second: str) -> None:
    """Two that start at once listen seconds later: an address of all interfaces takes in every other."""
    port = find_free_port()
    with claim_port(Endpoint(first, port)), pytest.raises(PortRefused, match="port in use"):
        claim_port(Endpoint(second, port))
    claim_port(Endpoint(second, port)).close()


def test_another_address_and_another_port_are_free() -> None:
    port = find_free_port()
    with claim_port(Endpoint("127.0.0.1", port)):
        claim_port(Endpoint("127.0.0.2", port)).close()
        claim_port(Endpoint("0.0.0.0", find_free_port())).close()


@pytest.mark.slow
def test_serve_takes_the_port_alone_too(running: RunningServer) -> None:
    environment = {**ENVIRONMENT, "CONSENTORY_DATABASE_URL": running.database_url, "CONSENTORY_SECRET_KEY": "x" * 32}
    command = [CONSENTORY, "serve", "--port", str(running.port)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "port in use" in done.stderr) == (2, True)


@pytest.mark.slow
def test_an_address_of_another_machine_is_said(place: Path) -> None:
    served = start_up(place / "data", find_free_port(), "--host", "192.0.2.1", "--insecure-http")
    _, complained = served.communicate(timeout=60)
    assert (served.returncode, "does not have that address" in complained) == (2, True)


def count_connections(pid: int) -> int:
    """Open sockets of a process that are connected by TCP."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    connected = {fields[9] for fields in map(str.split, lines) if fields[3] == "01"}
    held = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held += os.readlink(link).removeprefix("socket:[").removesuffix("]") in connected
    return held


@pytest.mark.slow
def test_the_processes_of_one_server_share_the_load(engine: str, template: str) -> None:
    with own_server(engine, template, workers=0, CONSENTORY_PROCESSES="3") as server:
        serving = find_children(server.processes[0].pid, deep=False)
        assert len(serving) == 3

        with ExitStack() as stack:

            def connect_once_more() -> bool:
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
                return all(count_connections(pid) > 5 for pid in serving)

            await_true(connect_once_more)
