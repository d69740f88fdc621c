"""The folder of the metrics: one for each tree of processes. No folder stays for ever, also after a killed tree."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash.machine import Machine
from running_server import RunningServer
from waiting import let_pass, wait_for

pytestmark = pytest.mark.processes

NOBODY = 65534

RACE = """
import os, random, signal, sys
from consentory.bootstrap.metrics_folder import open_metrics_folder
risk = float(sys.argv[1])
for _ in range(150):
    with open_metrics_folder() as folder:
        (folder.path / "counter_1.db").write_bytes(b"x")
        if random.random() < risk:
            os.kill(os.getpid(), signal.SIGKILL)
        assert sorted(os.listdir(folder.path)) == ["counter_1.db", "owner.lock"], "it was taken away"
"""


def list_folders(tmp: Path) -> list[Path]:
    return sorted(tmp.glob("consentory-metrics-*"))


def read_metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[[], RunningServer]]:
    """Starts servers whose temporary folder belongs to the test."""
    started: list[RunningServer] = []

    def start_one() -> RunningServer:
        server = RunningServer(database_url, workers=0, environment={"TMPDIR": str(tmp_path)})
        started.append(server)
        server.start()
        let_pass(1, because="the HTTP server loses a SIGTERM of its first moments")
        return server

    yield start_one
    for server in started:
        server.stop()


def test_the_folder_of_a_killed_server_is_removed_when_the_next_server_starts(
    start: Callable[[], RunningServer], tmp_path: Path
) -> None:
    first = start()
    (left,) = list_folders(tmp_path)
    assert left.stat().st_mode & 0o777 == 0o700
    os.killpg(first.processes[0].pid, signal.SIGKILL)
    first.processes[0].wait()
    assert list_folders(tmp_path) == [left]
    start()
    (folder,) = list_folders(tmp_path)
    assert folder != left


def test_each_of_two_servers_keeps_its_own_folder(start: Callable[[], RunningServer], tmp_path: Path) -> None:
    first = start()
    (one,) = list_folders(tmp_path)
    second = start()
    assert len(list_folders(tmp_path)) == 2
    assert one in list_folders(tmp_path)
    for server in (first, second):
        assert 'route="/readyz"' in read_metrics(server.url)
    second.stop()
    assert list_folders(tmp_path) == [one]
    first.stop()
    assert list_folders(tmp_path) == []


def test_a_whole_tree_has_one_and_leaves_none_when_it_is_killed_and_started_again(
    engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del engine  # the fixture is requested so that this test runs on the other PostgreSQL, too
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tmp_path.chmod(0o755)
    machine = Machine()
    machine.start()
    try:
        (left,) = list_folders(tmp_path)
        machine.kill("all", random.Random(1))
        assert list_folders(tmp_path) == [left]
        machine.await_answer()
        (folder,) = list_folders(tmp_path)
        assert folder != left
        # The maintenance loop of a worker writes the metric some time after the server answers.
        wait_for(lambda: read_metrics(machine.url), lambda shown: "consentory_imports" in shown)
    finally:
        machine.stop()
    assert list_folders(tmp_path) == []


def start_race(tmp_path: Path, risk: float) -> subprocess.Popen[bytes]:
    """A process that opens one folder after the other, and is killed at each with this probability."""
    words = [sys.executable, "-c", RACE, str(risk)]
    return subprocess.Popen(words, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=-1)


def run_race(tmp_path: Path) -> None:
    racer = start_race(tmp_path, risk=0)
    said = racer.communicate(timeout=120)[1].decode()
    assert racer.returncode == 0, said


def test_servers_that_start_at_once_remove_no_folder_of_each_other(tmp_path: Path) -> None:
    """Some of the processes are killed in the middle."""
    racers = [start_race(tmp_path, risk=0.01) for _ in range(6)]
    for racer in racers:
        said = racer.communicate(timeout=120)[1].decode()
        assert racer.returncode in (0, -signal.SIGKILL), said
    run_race(tmp_path)
    assert list_folders(tmp_path) == []


def test_foreign_folders_stay(tmp_path: Path) -> None:
    """A link, a folder without a lock, and another user's folder if root, who may remove every folder, runs the
    test."""
    elsewhere = tmp_path / "elsewhere"
    unlocked = tmp_path / "consentory-metrics-unlocked"
    linked = tmp_path / "consentory-metrics-linked"
    for folder in (elsewhere, unlocked):
        folder.mkdir(mode=0o700)
    (elsewhere / "owner.lock").touch()
    linked.symlink_to(elsewhere)
    stays = [linked, unlocked]
    if os.geteuid() == 0:
        foreign = tmp_path / "consentory-metrics-foreign"
        foreign.mkdir(mode=0o700)
        (foreign / "owner.lock").touch()
        shutil.chown(foreign, NOBODY)
        stays.append(foreign)
    run_race(tmp_path)
    assert list_folders(tmp_path) == sorted(stays)
    assert (elsewhere / "owner.lock").exists()
