"""`consentory import … --preview`: the effects come first, and nothing is executed before somebody said yes."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import CONSENTORY, Run, make_people, write_lines
from running_server import AccountAccess

LATER = "2026-06-01T00:00:00Z"
STOPPED = 3


def change_mind(people: list[Any]) -> list[Any]:
    """The same people with an opt-out in place of their opt-in."""
    no = {"FilterId": "NEWS-EMAIL", "PreferenceType": 2, "CustomerDate": LATER}
    return [{**person, "Emails": [{**person["Emails"][0], "EmailPreferences": [no]}]} for person in people]


@pytest.fixture
def leaving(run: Run, tmp_path: Path) -> Path:
    """A file that ends the opt-ins of five stored people, and holds a new person."""
    people = make_people(5)
    done = run("import", write_lines(tmp_path / "first", people), "--name", "first", "--match", "CRM")
    assert done.returncode == 0, done.stderr
    return write_lines(tmp_path / "leaving.ndjson", [*change_mind(people), *make_people(1)])


def read_count(told: str, name: str) -> int:
    """The number beside a name in the first table that has it."""
    line = next(line for line in told.splitlines() if f" {name} " in line)
    return int(line.split()[-2].replace(",", ""))


def find_status(run: Run, name: str) -> Any:
    (found,) = [item for item in json.loads(run("imports", "--json").stdout)["Imports"] if item["Name"] == name]
    return found


def test_without_a_terminal_it_stops_and_prints_the_command_that_goes_on(
    run: Run, leaving: Path, server: AccountAccess
) -> None:
    words = ["--name", "leaving", "--match", "CRM", "--preview", "--account", server.account]
    done = run("import", leaving, *words, CONSENTORY_ACCOUNT="")
    assert done.returncode == STOPPED, done.stderr
    assert find_status(run, "leaving")["Status"] == "Staging"
    counts = {name: read_count(done.stdout, name) for name in ("Created", "Updated", "OptInsEnded", "OptOutsAdded")}
    assert counts == {"Created": 1, "Updated": 5, "OptInsEnded": 5, "OptOutsAdded": 5}
    assert "OptInsEnded, the first 3:" in done.stdout
    assert done.stdout.count("NEWS-EMAIL: {") == 3
    assert "example.com" not in done.stderr
    (command,) = [line.strip() for line in done.stdout.splitlines() if "consentory execute" in line]
    program, *given = shlex.split(command)
    assert (program, given[-2:]) == ("consentory", ["--account", server.account])
    assert sorted(leaving.parent.iterdir()) == sorted([leaving, leaving.with_name("first")])
    went_on = run(*given, CONSENTORY_ACCOUNT="")
    assert went_on.returncode == 0, went_on.stderr
    assert (read_count(went_on.stdout, "Created"), read_count(went_on.stdout, "Updated")) == (1, 5)
    assert find_status(run, "leaving")["Status"] == "Completed"


def test_yes_executes_what_was_shown(run: Run, leaving: Path) -> None:
    done = run("import", leaving, "--name", "leaving", "--match", "CRM", "--preview", "--yes")
    assert done.returncode == 0, done.stderr
    assert "OptInsEnded, the first 3:" in done.stdout
    assert "Nothing was executed" not in done.stdout
    assert find_status(run, "leaving")["Updated"] == 5


def test_the_answer_for_machines_holds_the_preview_and_the_command(run: Run, leaving: Path) -> None:
    words = ["import", leaving, "--name", "leaving", "--match", "CRM", "--preview", "--json"]
    done = run(*words)
    assert done.returncode == STOPPED, done.stderr
    answer = json.loads(done.stdout)
    assert answer["Status"]["Status"] == "Staging"
    assert answer["Preview"]["Effects"]["OptInsEnded"] == 5
    assert {kind: len(changes) for kind, changes in answer["Examples"].items()} == {"OptInsAdded": 1, "OptInsEnded": 3}
    went_on = run(*shlex.split(answer["Execute"])[1:], "--json")
    assert went_on.returncode == 0, went_on.stderr
    assert json.loads(went_on.stdout)["Updated"] == 5


def test_the_secret_is_never_printed(run: Run, leaving: Path, server: AccountAccess) -> None:
    words = ["--name", "leaving", "--match", "CRM", "--preview", "--client-secret", server.client_secret]
    done = run("import", leaving, *words, CONSENTORY_CLIENT_SECRET="")
    assert done.returncode == STOPPED, done.stderr
    assert server.client_secret not in done.stdout + done.stderr
    assert "--client-secret SECRET" in done.stdout


def test_a_stale_preview_executes_nothing_and_execute_makes_a_new_one(
    run: Run, leaving: Path, server: AccountAccess
) -> None:
    done = run("import", leaving, "--name", "leaving", "--match", "CRM", "--preview", "--json")
    command = shlex.split(json.loads(done.stdout)["Execute"])[1:]
    accounts = server.services.accounts
    document = json.loads(accounts.show(server.account, "json"))
    document["account"]["name"] = "Another name"
    accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
    refused = run(*command)
    assert refused.returncode == 2
    assert "Preview.Stale" in refused.stderr
    assert find_status(run, "leaving")["Status"] == "Staging"
    import_id = command[1]
    stopped = run("execute", import_id, "--preview")
    assert stopped.returncode == STOPPED, stopped.stderr
    assert f"consentory execute {import_id} --preview-id" in stopped.stdout
    done = run("execute", import_id, "--preview", "--yes")
    assert done.returncode == 0, done.stderr
    assert find_status(run, "leaving")["Updated"] == 5


def test_refused_records_are_told_before_anything_is_executed(run: Run, tmp_path: Path) -> None:
    people = make_people(3)
    people[1]["Emails"][0]["EmailAddress"] = "not-an-address"
    file = write_lines(tmp_path / "people.ndjson", people)
    done = run("import", file, "--name", "faulty", "--match", "CRM", "--preview")
    assert done.returncode == STOPPED, done.stderr
    assert "Email.Malformed" in done.stdout
    assert len((tmp_path / "people.ndjson.exceptions.ndjson").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import", "FILE", "--name", "x", "--yes"], "--yes answers the question of --preview"),
        (["execute", "7", "--yes"], "--yes answers the question of --preview"),
        (
            ["execute", "7", "--preview", "--preview-id", "01936d5e-0000-7000-8000-000000000001"],
            "Give only one of them",
        ),
        (["execute", "x"], "must be an access token"),
    ],
)
def test_options_that_do_not_fit_are_refused(run: Run, leaving: Path, words: list[str], told: str) -> None:
    done = run(*[str(leaving) if word == "FILE" else word for word in words])
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


@pytest.fixture
def answer_at_terminal(environment: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs `consentory` at a terminal where a person types an answer; the exit code and what was shown."""

    def run_at_terminal(answer: bytes, *words: str | Path) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        command = subprocess.Popen(
            [CONSENTORY, *words],
            env={**environment, "TERM": "dumb"},
            cwd=tmp_path,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown, is_answered = b"", False
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the command has closed the terminal
                break
            shown += chunk
            if not is_answered and b"with these effects?" in shown:
                os.write(ours, answer)
                is_answered = True
        os.close(ours)
        return command.wait(60), shown.decode(errors="replace")

    return run_at_terminal


@pytest.mark.parametrize(("answer", "code", "status"), [(b"y\n", 0, "Completed"), (b"n\n", STOPPED, "Staging")])
def test_a_person_at_a_terminal_is_asked(
    run: Run, leaving: Path, answer_at_terminal: Callable[..., Any], answer: bytes, code: int, status: str
) -> None:
    words = ["import", leaving, "--name", "leaving", "--match", "CRM", "--preview"]
    ended, shown = answer_at_terminal(answer, *words)
    assert ended == code, shown
    assert shown.index("OptInsEnded, the first 3:") < shown.index("Execute the import with these effects?")
    assert find_status(run, "leaving")["Status"] == status
    assert ("consentory execute" in shown) == (status == "Staging")
