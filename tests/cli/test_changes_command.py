"""`consentory changes`: changes of people as lines, as JSON and as a table, once or for as long as they come."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import CONSENTORY, Run, make_people, write_lines
from waiting import await_true

pytestmark = pytest.mark.processes


def store(run: Run, tmp_path: Path, count: int, **more: Any) -> list[Any]:
    people = make_people(count, **more)
    done = run("import", write_lines(tmp_path / "people", people), "--name", "people", "--match", "CRM")
    assert done.returncode == 0, done.stderr
    return people


def await_changes(run: Run, path: Path, count: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command until the file has so many changes: a change gets its position some moments later."""
    done: list[subprocess.CompletedProcess[str]] = []

    def look() -> bool:
        done.append(run("changes", *options, "-o", path))
        assert done[-1].returncode == 0, done[-1].stderr
        return f"{count:,} changes." in done[-1].stderr

    await_true(look)
    return done[-1]


def test_changes_are_written_as_lines_as_json_and_as_a_table(run: Run, tmp_path: Path) -> None:
    store(run, tmp_path, 3, CustomerName={"FirstName": "=1+1"})
    lines, array, table = (tmp_path / f"changes.{ending}" for ending in ("ndjson", "json", "csv"))
    done = await_changes(run, lines, 3)
    assert "To go on: consentory changes --after 3" in done.stderr
    changes = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert [(one["Position"], one["Kind"]) for one in changes] == [(1, "Created"), (2, "Created"), (3, "Created")]
    await_changes(run, array, 3)
    assert json.loads(array.read_text("utf-8")) == changes
    await_changes(run, table, 3)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["Position"]) for row in rows] == [1, 2, 3]
    assert json.loads(rows[0]["Choices"]) == changes[0]["Choices"]
    assert rows[0]["Members"].split() == changes[0]["Members"]
    for path in (lines, array, table):
        assert path.stat().st_mode & 0o777 == 0o600
    shown = run("changes", "--after", "2")
    assert [json.loads(line)["Position"] for line in shown.stdout.splitlines()] == [3]


def test_an_empty_array_is_json(run: Run, tmp_path: Path) -> None:
    done = run("changes", "-o", tmp_path / "none.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "none.json").read_text("utf-8")) == []


@pytest.mark.parametrize(("name", "options"), [("changes.xlsx", ()), ("changes", ()), ("changes.json", ("--follow",))])
def test_another_ending_is_refused(run: Run, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    done = run("changes", *options, "-o", tmp_path / name)
    assert done.returncode == 2
    assert "must end with .ndjson" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_followed_file_grows_and_is_continued(run: Run, tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / "changes.csv"

    def follow(after: int, count: int) -> None:
        process = subprocess.Popen(
            [CONSENTORY, "changes", "--follow", "--after", str(after), "-o", path],
            env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            store(run, tmp_path, 2)
            await_true(lambda: path.exists() and path.read_text("utf-8").count("\n") == count + 1)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == 0, told
        assert f"--after {count}" in told

    follow(0, 2)
    follow(2, 4)
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["Position"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]
    assert path.stat().st_mode & 0o777 == 0o600
