"""PostgreSQL away, connections cut, the disk full, workers frozen: work goes on by itself, nothing is doubled, nothing
is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from crash.dataset import make_dataset
from crash.import_run import ImportRun, Trial
from crash.machine import Machine
from crash.process_set import LEASE_SECONDS, ProcessSet
from waiting import await_true, let_pass

pytestmark = pytest.mark.slow

CUT_ALL = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND random() < %s"""
IN_STATEMENT = """SELECT count(*) FROM pg_stat_activity
  WHERE state = 'active' AND wait_event = 'ClientRead' AND application_name LIKE 'consentory_worker/%%'"""
"""The worker is in the middle of sending rows (COPY): no time-out of PostgreSQL's ends that."""
IN_STEP = """SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
  WHERE a.state LIKE 'idle in transaction%%' AND l.relation = 'import_chunk'::regclass"""


@pytest.fixture(scope="module")
def process_set() -> Iterator[ProcessSet]:
    process_set = ProcessSet()
    process_set.start()
    yield process_set
    process_set.stop()


@pytest.fixture(scope="module")
def trial(process_set: ProcessSet) -> Trial:
    return Trial(process_set, make_dataset(3))


@contextmanager
def postgres_stopped(process_set: ProcessSet) -> Iterator[None]:
    """PostgreSQL is away, in good order, and comes back."""
    process_set.postgres.stop()
    try:
        yield
    finally:
        process_set.postgres.start()


def check_refusal(process_set: ProcessSet) -> None:
    """While the database is away whoever asks is told so, and when to come again."""
    for answer in (
        httpx.get(f"{process_set.url}/readyz", timeout=20, trust_env=False),
        httpx.post(f"{process_set.url}/oauth2/token", auth=("0" * 24, "x"), timeout=20, trust_env=False,
                   data={"grant_type": "client_credentials"}),
    ):  # fmt: skip
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "Server.Unavailable"
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(("progress", "keyed"), [(0.2, False), (0.6, True)])
def test_postgres_is_stopped_for_a_while(process_set: ProcessSet, trial: Trial, progress: float, keyed: bool) -> None:
    def disturb(import_run: ImportRun) -> None:
        assert import_run.await_progress(progress)
        with postgres_stopped(process_set):
            check_refusal(process_set)
            assert not import_run.watch.finished

    differences, _ = trial.disturb(disturb, keyed=keyed)
    assert not differences


def test_after_a_long_outage_the_server_is_ready_within_seconds(process_set: ProcessSet) -> None:
    with postgres_stopped(process_set):
        ends = time.monotonic() + 9
        while time.monotonic() < ends:
            check_refusal(process_set)
    assert process_set.await_answer() < 4


@pytest.mark.parametrize("keyed", [True, False])
def test_connections_are_cut_again_and_again(process_set: ProcessSet, trial: Trial, keyed: bool) -> None:
    cuts = 0

    def disturb(import_run: ImportRun) -> None:
        nonlocal cuts
        with psycopg.connect(process_set.conninfo, autocommit=True) as connection:
            for share in (1.0, 0.2, 0.2, 0.3, 0.3) * 2:
                if import_run.is_over:
                    return
                cuts += connection.execute(CUT_ALL, (share,)).fetchone()[0]
                let_pass(0.15, because="the cuts are spread over the import")

    differences, _ = trial.disturb(disturb, keyed=keyed)
    assert not differences
    assert cuts > 3


def test_a_connection_lost_during_the_commit_is_no_promise_that_nothing_was_done(
    process_set: ProcessSet, trial: Trial
) -> None:
    """A commit that waits for a standby is done here already: whoever is cut off then is not told otherwise."""

    def hold_commits(standby: str) -> None:
        with psycopg.connect(process_set.conninfo, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
            connection.execute("SELECT pg_reload_conf()")
            wanted = "SELECT current_setting('synchronous_standby_names') = %s"
            await_true(lambda: connection.execute(wanted, (standby,)).fetchone()[0])

    def cut_commits(stop: threading.Event) -> None:
        with psycopg.connect(process_set.conninfo, autocommit=True) as connection:
            while not stop.wait(0.05):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                )

    def disturb(import_run: ImportRun) -> None:
        assert import_run.await_progress(0.1)
        stop = threading.Event()
        hold_commits("nobody")
        cutter = threading.Thread(target=cut_commits, args=(stop,))
        cutter.start()
        let_pass(1.5, because="several commits wait and are cut meanwhile")
        hold_commits("")
        stop.set()
        cutter.join()

    differences, import_run = trial.disturb(disturb, keyed=False)
    assert not differences
    assert import_run.import_client.wire.answers["503"] > 0


def freeze_at(import_run: ImportRun, query: str, worker_pid: int) -> bool:
    """Freeze a worker at a moment that the query sees, and which lasts then; False when the end came first."""
    with psycopg.connect(import_run.site.conninfo, autocommit=True) as connection:
        while not import_run.is_over:
            os.kill(worker_pid, signal.SIGSTOP)
            let_pass(0.005, because="the signal needs a moment to stop the worker")
            if connection.execute(query).fetchone()[0]:
                return True
            os.kill(worker_pid, signal.SIGCONT)
            let_pass(0.003, because="the worker goes on to its next statement")
    return False


@pytest.mark.parametrize("moment", [IN_STEP, IN_STATEMENT], ids=["between statements", "in a statement"])
def test_a_frozen_worker_loses_its_claim_and_finds_out(process_set: ProcessSet, trial: Trial, moment: str) -> None:
    frozen, other = process_set.workers
    waits = []

    def disturb(import_run: ImportRun) -> None:
        other.send_signal(signal.SIGSTOP)  # so that the claim that is seen is the frozen worker's
        try:
            was_seen = import_run.await_progress(0.4) and freeze_at(import_run, moment, frozen.pid)
        finally:
            other.send_signal(signal.SIGCONT)
        if not was_seen:
            return
        begun = time.monotonic()
        with suppress(AssertionError):
            await_true(lambda: import_run.is_over, 10 * LEASE_SECONDS)
        waits.append(time.monotonic() - begun)
        frozen.send_signal(signal.SIGCONT)
        let_pass(1, because="the worker goes on and finds out that its claim is lost")

    for _ in range(10):
        differences, _ = trial.disturb(disturb, keyed=True)
        assert not differences
        if waits:
            break
    assert waits, "never seen"
    assert waits[0] < 5 * LEASE_SECONDS, "the others waited too long for a frozen worker"


# A disk that is full ---------------------------------------------------------------------------------------------

DISK_MEGABYTES = 600


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """A file system of its own."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts a small file system")
    folder = Path(tempfile.mkdtemp(prefix="consentory-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}M,mode=755", "consentory-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture(scope="module")
def cramped(small_disk: Path) -> Iterator[Machine]:
    """`consentory up` with its data on the small disk."""
    home = small_disk / "home"
    home.mkdir()
    machine = Machine(home)
    machine.start()
    yield machine
    machine.stop()


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 20)):
            pass
    try:
        assert shutil.disk_usage(folder).free < 1 << 16
        yield
    finally:
        ballast.unlink()


def lose_postgres(conninfo: str) -> None:
    """Fill the WAL file on a full disk. PostgreSQL ends when it needs the next file, and cannot start again."""
    with suppress(psycopg.OperationalError), psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(conninfo)


def is_waiting(import_run: ImportRun) -> bool:
    """True if the client waits for the workers: it has made all calls, or it asks for the state of its preview."""
    return import_run.import_client.doing in ("", "preview")


def await_standstill(import_run: ImportRun) -> None:
    """Until nothing has gone on for two seconds."""
    before, since = import_run.progress, time.monotonic()
    while time.monotonic() < since + 2:
        let_pass(0.05, because="the next look at the progress")
        if import_run.progress != before:
            before, since = import_run.progress, time.monotonic()


@pytest.mark.parametrize("is_lost", [False, True], ids=["refusing to grow", "and PostgreSQL down"])
@pytest.mark.parametrize("progress", [0.15, 0.5], ids=["staging", "executing"])
def test_the_disk_is_full_for_a_while(small_disk: Path, cramped: Machine, progress: float, is_lost: bool) -> None:
    trial = Trial(cramped, make_dataset(5, people=4000))
    seen = []

    def disturb(import_run: ImportRun) -> None:
        assert import_run.await_progress(progress)
        with full_disk(small_disk):
            if is_lost:
                lose_postgres(cramped.conninfo)
            await_standstill(import_run)
            seen.append(import_run.progress)
            await_true(lambda: is_waiting(import_run) or import_run.import_client.wire.answers["503"], 280)

    differences, _ = trial.disturb(disturb, keyed=False)
    assert not differences
    assert seen[0] < 1
    assert cramped.starts == 1, f"it did not come back by itself:\n{cramped.read_log()}"
