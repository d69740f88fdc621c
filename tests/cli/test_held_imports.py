"""An import that the guard holds, at the command line: the reason, the exit code, and the commands that go on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import CONSENTORY, Run, make_environment, make_people, write_lines
from running_server import AccountAccess, RunningServer
from waiting import await_true


@pytest.fixture
def environment(running: RunningServer) -> dict[str, str]:
    def add_guard(document: dict[str, Any]) -> None:
        document["guard"] = {"tagsAdded": 2}
        document["userGroups"][0]["permissions"]["release"] = True

    return make_environment(running.create_account(add_guard))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "people.ndjson", make_people(3, ProfileTags=[{"Name": "new"}]))


IMPORT = ("--name", "wrong", "--match", "CRM")


def read_status(run: Run, import_id: str) -> dict[str, Any]:
    return dict(json.loads(run("status", import_id, "--json").stdout))


def hold(run: Run, file: Path) -> str:
    """The ImportId of a held import of the file."""
    held = run("import", file, *IMPORT, "--json")
    assert held.returncode == 3, held.stdout + held.stderr
    status = json.loads(held.stdout)["Status"]
    assert status["HeldReason"] == [{"Code": "Guard.Exceeded", "Limit": "tagsAdded", "Allowed": 2, "Found": 3}]
    return str(status["ImportId"])


def test_import_says_why_it_is_held_and_goes_on_after_the_release(run: Run, file: Path) -> None:
    held = run("import", file, *IMPORT)
    assert held.returncode == 3
    assert "Held: the import exceeds the guard of the account. Nothing of it is applied yet." in held.stderr
    assert "tagsAdded: 3 found, 2 allowed" in held.stderr
    assert "run the same command again" in held.stderr
    (release,) = [line.split() for line in held.stderr.splitlines() if line.startswith("  consentory release ")]
    (cancel,) = [line.split() for line in held.stderr.splitlines() if line.startswith("  consentory cancel ")]
    assert release[2] == cancel[2]
    status = run("status", release[2])
    assert status.returncode == 0
    assert "tagsAdded: 3 found, 2 allowed" in status.stdout
    assert " ".join(release) in status.stdout
    assert "Queued (held)" in run("imports").stdout
    again = run("import", file, *IMPORT)  # nobody has released it yet
    assert (again.returncode, again.stderr.count("tagsAdded")) == (3, 1)
    done = run(*release[1:])
    assert done.returncode == 0, done.stderr
    assert "Held" not in done.stdout
    ended = run("import", file, *IMPORT, "--json")
    assert ended.returncode == 0, ended.stderr
    outcome = json.loads(ended.stdout)
    assert (outcome["Resumed"], outcome["Status"]["ImportId"], outcome["Status"]["Created"]) == (True, release[2], 3)


def test_cancel_gives_a_held_import_up_by_its_id(run: Run, file: Path) -> None:
    import_id = hold(run, file)
    cancelled = run("cancel", import_id, "--json")
    assert (cancelled.returncode, json.loads(cancelled.stdout)["FailureReason"]) == (0, "Import.Cancelled")
    again = run("import", file, *IMPORT)
    assert again.returncode == 2
    assert "Import.Cancelled" in again.stderr


def test_release_takes_the_token_as_well_and_refuses_an_import_that_is_not_held(run: Run, file: Path) -> None:
    import_id = hold(run, file)
    token = str(read_status(run, import_id)["AccessToken"])
    released = run("release", token, "--json")
    assert (released.returncode, json.loads(released.stdout)["HeldReason"]) == (0, None)
    await_true(lambda: read_status(run, import_id)["Status"] == "Completed")
    other = write_lines(file.with_name("other.ndjson"), make_people(1))
    ended = json.loads(run("import", other, *IMPORT, "--json").stdout)["Status"]
    refused = run("release", ended["ImportId"])
    assert refused.returncode == 2
    assert "Import.NotHeld" in refused.stderr


def test_a_watcher_is_told_once_and_waits_for_the_end(run: Run, file: Path, environment: dict[str, str]) -> None:
    import_id = hold(run, file)
    words = [CONSENTORY, "status", import_id, "--watch", "--json"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stderr is not None
        told = ""
        while "consentory cancel" not in told:
            told += watch.stderr.readline()
        assert run("release", import_id).returncode == 0
        out, err = watch.communicate(timeout=60)
    assert watch.returncode == 0
    assert (told + err).count("tagsAdded: 3 found, 2 allowed") == 1
    assert json.loads(out)["Status"] == "Completed"


def test_execute_stops_at_a_held_import(run: Run, file: Path) -> None:
    staged = run("import", file, *IMPORT, "--preview", "--json")
    assert staged.returncode == 3, staged.stderr
    import_id = json.loads(staged.stdout)["Status"]["ImportId"]
    assert json.loads(staged.stdout)["Preview"]["LimitsExceeded"][0]["Limit"] == "tagsAdded"
    held = run("execute", import_id)
    assert held.returncode == 3
    assert f"consentory release {import_id}" in held.stderr
    as_json = run("execute", import_id, "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)["HeldReason"][0]["Found"]) == (3, 3)


def test_a_user_without_the_permission_may_not_release(run: Run, file: Path, server: AccountAccess) -> None:
    other = make_environment(server)
    ended = json.loads(run("import", file, *IMPORT, "--json", **other).stdout)["Status"]
    refused = run("release", ended["ImportId"], **other)
    assert refused.returncode == 2
    assert "Permission.Release" in refused.stderr
