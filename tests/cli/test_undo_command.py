"""`consentory undo`: a completed import is taken back from the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, make_people, write_lines

STOPPED = 3


def find_import(run: Run, name: str) -> Any:
    (found,) = [item for item in json.loads(run("imports", "--json").stdout)["Imports"] if item["Name"] == name]
    return found


@pytest.fixture
def wrong(run: Run, tmp_path: Path) -> str:
    """The ImportId of an import that created two people, one of them with an opt-out."""
    people = make_people(2)
    people[1]["Emails"][0]["EmailPreferences"][0]["PreferenceType"] = 2
    done = run("import", write_lines(tmp_path / "wrong", people), "--name", "wrong", "--match", "CRM")
    assert done.returncode == 0, done.stderr
    return str(find_import(run, "wrong")["ImportId"])


def test_it_takes_back_and_waits(run: Run, wrong: str) -> None:
    done = run("undo", wrong, "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert (status["Status"], status["UndoOf"]) == ("Completed", wrong)
    assert (status["Deleted"], status["Updated"]) == (1, 1)
    (kept,) = run("exceptions", status["ImportId"], "--phase", "NotHonored").stdout.splitlines()
    assert [fault["Code"] for fault in json.loads(kept)["Exceptions"]] == ["Undo.KeptNo"]
    again = run("undo", wrong)
    assert again.returncode == 2
    assert "Undo.Done" in again.stderr


def test_the_preview_stops_it_and_prints_the_command_that_goes_on(run: Run, wrong: str) -> None:
    done = run("undo", wrong, "--preview")
    assert done.returncode == STOPPED, done.stderr
    assert "ProfilesDeleted, all 1:" in done.stdout
    assert find_import(run, "Undo of wrong")["Status"] == "Staging"
    (command,) = [line.strip() for line in done.stdout.splitlines() if "consentory execute" in line]
    went_on = run(*shlex.split(command)[1:])
    assert went_on.returncode == 0, went_on.stderr
    assert find_import(run, "Undo of wrong")["Deleted"] == 1


def test_restore_yes_is_for_those_who_may_release(run: Run, wrong: str) -> None:
    done = run("undo", wrong, "--restore-yes")
    assert done.returncode == 2
    assert "Permission.Release" in done.stderr


def test_an_access_token_is_refused(run: Run) -> None:
    done = run("undo", "4503599627370496")
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("shows the ImportId: consentory status 4503599627370496 --json")


def test_it_says_where_the_kept_values_are(run: Run, tmp_path: Path) -> None:
    """All of this import are opt-outs of people who were there before, so the undo keeps everything."""
    people = make_people(2)
    assert run("import", write_lines(tmp_path / "right", people), "--name", "right", "--match", "CRM").returncode == 0
    for person in people:
        choice = person["Emails"][0]["EmailPreferences"][0]
        choice.update(PreferenceType=2, CustomerDate="2026-04-01T00:00:00Z")
    assert run("import", write_lines(tmp_path / "noes", people), "--name", "noes", "--match", "CRM").returncode == 0
    done = run("undo", find_import(run, "noes")["ImportId"])
    assert done.returncode == 1, done.stderr
    assert (
        "2 records were not honored, because newer values, opt-outs, denials and withdrawals stay: see " in done.stdout
    )
    (command,) = [line.split("see ")[1] for line in done.stdout.splitlines() if "--phase NotHonored" in line]
    assert len(run(*shlex.split(command)[1:]).stdout.splitlines()) == 2


def test_an_open_undo_is_cancelled_to_choose_anew(run: Run, wrong: str) -> None:
    assert run("undo", wrong, "--preview").returncode == STOPPED
    refused = run("undo", wrong)
    assert "cancel it and make a new one" in refused.stderr
    assert run("cancel", find_import(run, "Undo of wrong")["ImportId"]).returncode == 0
    assert run("undo", wrong).returncode == 0
