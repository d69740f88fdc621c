"""The embedded server when it or its launcher ends without a word: real kills; what was committed comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from embedded_scene import (
    IS_ROOT,
    ask,
    copy_rows,
    execute,
    find_cluster,
    is_alive,
    launch,
    needs_proc,
    open_server,
    read_answer,
    read_server_pid,
)
from waiting import await_true, let_pass

from consentory.store.embedded import embedded_server
from consentory.store.embedded.embedded_server import EmbeddedServerError

pytestmark = pytest.mark.processes


@needs_proc
def test_the_server_stops_when_its_launcher_is_killed_in_mid_work(place: Path) -> None:
    """Back with exactly what was committed."""
    data = place / "data"
    with launch(data) as process:
        conninfo, _ = read_answer(process)
        pid = read_server_pid(conninfo)
        execute(conninfo, "CREATE TABLE work AS SELECT generate_series(1, 1000) AS n")
        with pytest.raises(psycopg.OperationalError):
            copy_rows(conninfo, killing=process)
        await_true(lambda: not is_alive(pid), seconds=5)
    with open_server(data) as again:
        assert again.owned
        assert ask(again.conninfo, "SELECT count(*) FROM work") == 1000


@needs_proc
def test_the_server_stops_when_its_launcher_forgets_to(place: Path) -> None:
    with launch(place / "data", "forget") as process:
        conninfo, _ = read_answer(process)
        pid = read_server_pid(conninfo)
        process.communicate("go\n", timeout=20)
        await_true(lambda: not is_alive(pid), seconds=5)


def test_everything_killed_at_once_is_recovered(place: Path) -> None:
    """The session of a backend that outlives its postmaster for a moment is waited for."""
    data = place / "data"
    with launch(data) as process:
        conninfo, _ = read_answer(process)
        pid = read_server_pid(conninfo)
        execute(conninfo, "CREATE TABLE work AS SELECT generate_series(1, 1000) AS n", "CHECKPOINT")
        execute(conninfo, "INSERT INTO work SELECT generate_series(1, 500)")
        with closing(psycopg.connect(conninfo)) as busy:
            busy.execute("INSERT INTO work SELECT generate_series(1, 50000)")
            os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait()
            with open_server(data) as again:
                assert ask(again.conninfo, "SELECT count(*) FROM work") == 1500
    assert "not properly shut down" in (data / "server.log").read_text()


def test_a_server_that_dies_alone_is_started_again(place: Path) -> None:
    server = open_server(place / "data")
    os.kill(read_server_pid(server.start()), signal.SIGKILL)
    await_true(lambda: not server.owned)
    assert ask(server.start(), "SELECT 1") == 1
    server.stop()


def test_the_server_outlives_the_thread_that_started_it(place: Path) -> None:
    server = open_server(place / "data")
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    let_pass(0.3, because="a server that ends with its thread would be gone by then")
    assert server.owned
    assert ask(server.conninfo, "SELECT 1") == 1
    server.stop()


@pytest.mark.slow
def test_a_fork_does_not_stop_its_parents_server(place: Path) -> None:
    with open_server(place / "data") as server:
        child = os.fork()
        if child == 0:
            server.stop()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert ask(server.conninfo, "SELECT 1") == 1
        sharer = open_server(place / "data")
        sharer.start()
        assert not sharer.owned


@pytest.mark.slow
def test_a_half_made_cluster_is_made_anew(place: Path) -> None:
    """Killed during initdb: a cluster under another name, and the password that was chosen for it."""
    data = place / "data"
    for seconds in (0.1, 0.25):
        with launch(data) as process:
            let_pass(seconds, because="initdb is then half done")
            process.kill()
    for _ in range(2):
        with open_server(data) as server:
            assert ask(server.conninfo, "SELECT 1") == 1
    assert [path.name for path in find_cluster(data).parent.glob("new-*")] == []


def test_a_process_that_got_the_number_of_a_killed_server_is_left_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_server, "PREDECESSOR_PATIENCE_S", 0.5)
    data = place / "data"
    with open_server(data) as server:
        assert server.owned
    cluster = find_cluster(data)
    user = cluster.stat().st_uid if IS_ROOT else None
    stranger = subprocess.Popen(["sleep", "60"], user=user)
    try:
        pid_file = cluster / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{cluster}\n1\n5432\n{cluster.parent}\n\n0 0\nready   \n")
        with pytest.raises(EmbeddedServerError, match=rf"process {stranger.pid}.*remove .*postmaster\.pid"):
            open_server(data).start()
        assert stranger.poll() is None
        assert pid_file.exists()
        pid_file.unlink()
    finally:
        stranger.kill()
        stranger.wait()
    with open_server(data) as server:
        assert server.owned
