"""SIGTERM and Ctrl-C end what they are sent to, also at its start, while it waits, and as process 1 of a container."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest
from attack_scene import find_children
from embedded_scene import IS_ROOT, find_cluster, open_server
from running_server import find_free_port
from started_processes import CONSENTORY, PATIENCE, end, started, up
from waiting import await_true

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
MIGRATION_LOCK = 0x636F6E73


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal by now."""
    caught = Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0]
    return bool(int(caught, 16) >> (number - 1) & 1)


def find_postgres(cluster: Path) -> list[str]:
    """Command lines of servers on the cluster."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(cluster) in words and "postgres" in words.split("\0")[0]:
            found.append(words)
    return found


@pytest.mark.slow
@SIGNALS
def test_up_that_waits_for_another_launchers_lock_ends(place: Path, number: int) -> None:
    data = place / "data"
    data.mkdir()
    with (data / "launcher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with started(*up(data, find_free_port())) as process:
            await_true(lambda: catches(process.pid, signal.SIGTERM))
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(3)
            end(process, number)


@pytest.mark.slow
@SIGNALS
def test_up_ends_while_postgresql_recovers(place: Path, number: int) -> None:
    """A standby that serves nobody stands in for a recovery without an end."""
    data = place / "data"
    server = open_server(data)
    server.start()
    server.stop()
    cluster = find_cluster(data)
    (cluster / "standby.signal").touch()
    with (cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write("hot_standby = off\nrestore_command = '/bin/false'\n")
    shutil.chown(cluster / "standby.signal", cluster.stat().st_uid, cluster.stat().st_gid)
    with started(*up(data, find_free_port())) as process:
        await_true(lambda: bool(find_postgres(cluster)), PATIENCE)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        end(process, number)
    assert find_postgres(cluster) == []


@pytest.mark.slow
@SIGNALS
def test_up_ends_while_it_waits_for_the_lock_of_a_migration(place: Path, number: int) -> None:
    server = open_server(place / "data")
    with psycopg.connect(server.start(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        with started(*up(place / "data", find_free_port())) as process:
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await_true(lambda: other.execute(query).fetchone() == (1,), PATIENCE)
            end(process, number)
    server.stop()


@pytest.mark.parametrize("command", ["serve", "worker"])
@SIGNALS
def test_serve_and_worker_end_while_they_wait_for_a_lock(database_url: str, command: str, number: int) -> None:
    settings = {"CONSENTORY_DATABASE_URL": database_url, "CONSENTORY_SECRET_KEY": "x" * 32}
    settings["CONSENTORY_PORT"] = str(find_free_port())
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        with started(CONSENTORY, command, **settings) as process:
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            await_true(lambda: other.execute(query).fetchone() == (1,), PATIENCE)
            end(process, number)


def test_a_server_process_that_was_just_forked_loses_no_signal(database_url: str) -> None:
    settings = {"CONSENTORY_DATABASE_URL": database_url, "CONSENTORY_SECRET_KEY": "x" * 32}
    settings |= {"CONSENTORY_PORT": str(find_free_port()), "CONSENTORY_PROCESSES": "1"}
    with started(CONSENTORY, "serve", **settings) as process:
        await_true(lambda: bool(find_children(process.pid, deep=False)), PATIENCE)
        process.terminate()
        process.communicate(timeout=8)  # after 10 s Granian kills a process that does not hear
        assert process.returncode == 0


CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def can_contain() -> bool:
    if not IS_ROOT or shutil.which("unshare") is None:
        return False
    return subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not can_contain(),
    reason="needs root and the right to make a PID namespace (unshare)",
)


@pytest.mark.slow
@needs_namespaces
def test_up_as_process_1_keeps_its_children_and_buries_orphans(place: Path) -> None:
    port = find_free_port()
    with started(*CONTAINER, *up(place / "data", port)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Consentory is up: http://127.0.0.1:{port}\n"
        (first,) = find_children(process.pid, deep=False)
        (serving,) = (pid for pid in find_children(first, deep=False) if "\0serve\0" in read_command(pid))
        assert httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
        os.kill(serving, signal.SIGKILL)  # its own children become those of process 1
        await_true(lambda: not Path(f"/proc/{serving}").exists(), PATIENCE)
        await_true(lambda: answers(port), PATIENCE)
        await_true(lambda: not find_zombies(first), PATIENCE)
        os.kill(first, signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0


def read_command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def find_zombies(parent: int) -> list[int]:
    states = {pid: Path(f"/proc/{pid}/stat").read_text() for pid in find_children(parent)}
    return [pid for pid, stat in states.items() if stat.rpartition(")")[2].split()[0] == "Z"]
