"""`consentory profile`: one person is shown with all that proves a choice, changed, deactivated and deleted."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from command_line import CHOSEN, CONSENTORY, EARLIER, Run, make_people, write_lines
from running_server import RunningServer

TEXT = "We keep your details to serve you, for three years."
CONSENT = {
    "ConsentType": "PrivacyPolicy",
    "ConsentVersion": "2.0",
    "Locale": "en_US",
    "ConsentStatus": 1,
    "ConsentDate": CHOSEN,
    "Evidence": {"Method": "web form", "SourceEventId": "e-1"},
}


@pytest.fixture
def person(run: Run, tmp_path: Path) -> dict[str, Any]:
    """One person who is stored."""
    person = make_people(1, Consents=[CONSENT])[0]
    person["Emails"][0]["EmailPreferences"][0]["PreferenceAttributes"] = [{"Key": "source", "Value": "spring fair"}]
    done = run("import", write_lines(tmp_path / "person", [person]), "--name", "person", "--match", "CRM")
    assert done.returncode == 0, done.stdout + done.stderr
    return person


def name_person(person: dict[str, Any]) -> tuple[str, str]:
    return "--alternate-id", f"CRM:{person['AlternateIds'][0]['AlternateId']}"


def show(run: Run, person: dict[str, Any]) -> dict[str, Any]:
    found = run("profile", "show", *name_person(person), "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)["Profiles"][0]["Profile"]


def test_a_person_is_shown_at_80_columns_with_evidence_language_and_the_text_that_was_shown(
    run: Run, person: dict[str, Any]
) -> None:
    shown = run("profile", "show", *name_person(person), COLUMNS="80").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert f"SHA-256 {sha256(TEXT.encode()).hexdigest()}" in shown
    for part in (
        "PrivacyPolicy 2.0: Granted, chosen 2026-03-01T14:05:00Z",
        "evidence Method: web form",
        "evidence SourceEventId: e-1",
        "language: en_US",
        f"text: {TEXT}",
        "attribute source: spring fair",
        "by nightly",
    ):
        assert part in shown
    assert re.search(r"import [0-9a-f-]{36}, record 1", shown)


def test_a_user_without_the_configuration_sees_the_rest(running: RunningServer, run: Run, tmp_path: Path) -> None:
    mailer = running.create_account(user="mailer")
    words = ["--account", mailer.account, "--user", "mailer", "--client-id", mailer.client_id]
    secret = {"CONSENTORY_CLIENT_SECRET": mailer.client_secret}
    file = write_lines(tmp_path / "person", make_people(1, Consents=[CONSENT]))
    assert run("import", file, "--name", "one", "--match", "CRM", *words, **secret).returncode == 0
    person = json.loads(file.read_text())
    shown = run("profile", "show", *name_person(person), *words, **secret)
    assert shown.returncode == 0, shown.stderr
    assert "evidence Method: web form" in shown.stdout
    assert "text: this user may not read it" in shown.stdout


@pytest.mark.slow
def test_a_person_is_changed_by_options_and_by_a_record(run: Run, tmp_path: Path, person: dict[str, Any]) -> None:
    done = run(
        "profile", "edit", *name_person(person), "--set", "CustomerName.FirstName=Ana", "--set", "ProfileTags=[]"
    )
    assert (done.returncode, "Updated" in done.stdout) == (0, True), done.stderr
    assert show(run, person)["CustomerName"] == {**person["CustomerName"], "FirstName": "Ana"}
    (tmp_path / "change.json").write_text(json.dumps({"ProfileTags": [{"Name": "loyal"}]}))
    done = run("profile", "edit", *name_person(person), "--file", "change.json", "--json")
    assert json.loads(done.stdout)["Outcome"] == "Updated"
    assert [tag["Name"] for tag in show(run, person)["ProfileTags"]] == ["loyal"]
    done = run("profile", "edit", *name_person(person), "--set", 'CustomFields=[{"Name": "Nickname", "Value": "A"}]')
    assert done.returncode == 0, done.stderr
    assert run("profile", "edit", *name_person(person), "--set", "CustomerName.FirstName=Ana").returncode == 0
    older = [{**person["Emails"][0]["EmailPreferences"][0], "PreferenceType": 2, "CustomerDate": EARLIER}]
    emails = json.dumps([{"EmailAddress": person["Emails"][0]["EmailAddress"], "EmailPreferences": older}])
    done = run("profile", "edit", *name_person(person), "--set", f"Emails={emails}")
    assert done.returncode == 1
    assert "Not honored: $.Emails[0].EmailPreferences[0]" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Give the changes"),
        (["--set", "CustomerName"], "MEMBER=VALUE"),
        (["--set", "CustomerName=1", "--set", "CustomerName.FirstName=A"], "is not an object"),
        (["--file", "none.json"], "none.json: No such file or directory"),
        (["--set", "Emial=1"], "Record.UnknownMember"),
        (["--file", "FOLDER/deep.json"], "deep.json must be JSON: it is nested deeper than any record."),
        (["--set", f"CustomFields={'[' * 3000}{']' * 3000}"], "Value.WrongType"),
        (["--file", "FOLDER/nan.json"], "nan.json must be JSON: NaN is not JSON."),
        (["--refresh", "everything", "--set", "IsActive=true"], "not 'everything'"),
    ],
)
def test_a_wrong_change_is_refused(
    run: Run, tmp_path: Path, person: dict[str, Any], words: list[str], told: str
) -> None:
    (tmp_path / "deep.json").write_text('{"X":' * 3000 + "1" + "}" * 3000)
    (tmp_path / "nan.json").write_text('{"CustomerName": {"FirstName": NaN}}')
    words = [word.replace("FOLDER", str(tmp_path)) for word in words]
    done = run("profile", "edit", *name_person(person), *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_is_no_profile_id_is_told(run: Run) -> None:
    done = run("profile", "show", "ana@example.com")
    assert done.returncode == 2
    assert "A ProfileId must be a whole number, not ana@example.com." in " ".join(done.stderr.split())


@pytest.mark.slow
def test_who_is_deactivated_stays_so_when_the_next_file_comes(run: Run, tmp_path: Path, person: dict[str, Any]) -> None:
    done = run("profile", "deactivate", *name_person(person))
    assert done.returncode == 0, done.stderr
    assert f"consentory profile edit {show(run, person)['ProfileId']} --set IsActive=true" in done.stderr
    run("import", tmp_path / "person", "--name", "next night", "--match", "CRM")
    assert show(run, person)["IsActive"] is False
    assert run("profile", "edit", *name_person(person), "--set", "IsActive=true").returncode == 0
    assert show(run, person)["IsActive"] is True


@pytest.mark.slow
def test_a_deletion_asks_first_and_says_that_the_person_comes_back(
    run: Run, tmp_path: Path, person: dict[str, Any], environment: dict[str, str]
) -> None:
    alone = run("profile", "delete", *name_person(person))
    assert alone.returncode == 2
    assert "Add --yes" in alone.stderr
    assert "stores the person again" in alone.stderr
    for answer, code in (("n\n", 2), ("y\n", 0)):
        master, slave = pty.openpty()
        words = [CONSENTORY, "profile", "delete", *name_person(person)]
        asking = subprocess.Popen(words, env=environment, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        os.write(master, answer.encode())
        shown = b""
        try:
            while piece := os.read(master, 4096):
                shown += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(master)
        assert asking.wait(60) == code, shown.decode()
        assert b"Delete this person?" in shown
        assert b"stores the person again" in b" ".join(shown.split())
    assert run("profile", "show", *name_person(person)).returncode == 2
    assert run("import", tmp_path / "person", "--name", "next night", "--match", "CRM").returncode == 0
    done = run("profile", "delete", *name_person(person), "--yes", "--json")
    assert json.loads(done.stdout)["Deleted"] is True
