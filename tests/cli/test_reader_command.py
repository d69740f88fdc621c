"""`consentory reader`: a login from a shell to a query, and gone again."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from command_line import Run
from running_server import AccountAccess


def test_a_login_is_made_used_and_deleted(run: Run, server: AccountAccess, tmp_path: Path) -> None:
    place = ("--account", server.account, "--database-url", server.database_url)
    made = run("reader", "create", *place)
    assert made.returncode == 0, made.stderr
    (url,) = made.stdout.splitlines()  # the answer is the connection string alone, for psql "$(…)"
    assert "The password is not shown again" in made.stderr
    assert url not in made.stderr
    with psycopg.connect(url) as reader:
        assert reader.execute("SELECT count(*) FROM v_profile").fetchone() == (0,)
        login = reader.info.user

    listed = json.loads(run("reader", "list", "--json", *place).stdout)
    assert [(one["login"], one["can_log_in"]) for one in listed] == [(login, True)]

    written = run("reader", "create", "--name", login, "--new-password", "-o", "reader.url", *place)
    assert (written.returncode, written.stdout) == (0, "")
    file = tmp_path / "reader.url"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    psycopg.connect(file.read_text()).close()

    assert run("reader", "delete", login, *place).stdout == f"{login}: deleted.\n"
    again = run("reader", "delete", login, *place)
    assert again.returncode == 2
    assert "List the readers first" in again.stderr
