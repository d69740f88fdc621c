"""The embedded server, seen from outside: what runs, how it starts and stops, who shares it, what it refuses."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import psycopg
import pytest
from embedded_scene import (
    BUFFERS_MB,
    IS_ROOT,
    ask,
    execute,
    find_cluster,
    is_alive,
    launch,
    needs_proc,
    open_server,
    read_answer,
    read_server_pid,
)
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consentory.store.embedded.embedded_server import EmbeddedServer, EmbeddedServerError
from consentory.store.embedded.server_cluster import list_settings

pytestmark = pytest.mark.processes

# The running server


def test_the_embedded_server_serves_the_database_consentory_to_its_owner(embedded: EmbeddedServer) -> None:
    assert embedded.owned
    query = "SELECT concat_ws(' ', current_database(), current_user, current_setting('is_superuser'))"
    assert ask(embedded.start(), query) == "consentory consentory on"


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
        ("max_connections", "200"),
        ("jit", "off"),
        ("TimeZone", "UTC"),
    ],
)
def test_settings(embedded: EmbeddedServer, name: str, value: str) -> None:
    assert ask(embedded.start(), f"SHOW {name}") == value


@pytest.mark.parametrize(("free_mb", "wal"), [(400_000, "16384MB"), (40_000, "10000MB"), (1_000, "1024MB")])
def test_the_wal_leaves_room_on_the_disk(free_mb: int, wal: str) -> None:
    assert list_settings(Path("/run/here"), 64, free_mb)["max_wal_size"] == wal


def test_letters_are_unicode_letters(embedded: EmbeddedServer) -> None:
    assert ask(embedded.start(), "SELECT lower('ÉŽΩ')") == "éžω"


def test_a_wrong_or_no_password_is_refused(embedded: EmbeddedServer) -> None:
    known = conninfo_to_dict(embedded.start())
    known.pop("password")
    for password in ({"password": "wrong"}, {"passfile": "/nonexistent"}):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(**{**known, **password}))


def test_only_the_user_can_reach_password_log_and_socket(embedded: EmbeddedServer) -> None:
    server = Path(str(conninfo_to_dict(embedded.start())["host"]))
    data = server.parent
    assert stat.S_IMODE(server.stat().st_mode) == 0o700
    assert stat.S_IMODE(data.stat().st_mode) == (0o711 if IS_ROOT else 0o700)
    for name in ("conninfo", "server.log", "launcher.lock"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
        assert (data / name).stat().st_uid == os.geteuid()


@pytest.mark.slow
@needs_proc
def test_no_password_on_a_command_line_and_none_of_our_environment(place: Path) -> None:
    with launch(place / "data") as process:
        conninfo, _ = read_answer(process)
        folder = Path(f"/proc/{read_server_pid(conninfo)}")
        password = str(conninfo_to_dict(conninfo)["password"])
        assert password not in (folder / "cmdline").read_text()
        assert "top-secret" not in (folder / "environ").read_text()
        assert len(password) >= 32


def test_the_log_holds_no_values_of_failed_statements(embedded: EmbeddedServer) -> None:
    conninfo = embedded.start()
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
