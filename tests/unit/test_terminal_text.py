"""Text from a server or a file cannot control a terminal or a spreadsheet, and no encoding ends a command."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import CONSENTORY, Run, make_people, write_lines
from running_server import ACME, AccountAccess
from typer.main import get_command
from wire_client import WireClient

from consentory.cli.main import make_app
from consentory.client.api_client import ConsentoryClient

ROOT = Path(__file__).parents[2]
NASTY = "\u202ered\u009b31m\x1b[5m:bomb:[red]x[/red]\u2028"
"""The text reverses the reading direction, colours, blinks, means a picture and markup to Rich, and ends a line."""
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\U0001f4a3]")


def check_text(done: subprocess.CompletedProcess[str]) -> str:
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown
    assert OBEYED.findall(shown) == []
    return shown


def make_nasty_people() -> list[dict[str, Any]]:
    people = make_people(2)
    people[0][NASTY] = 1
    people[1]["Emails"][0]["EmailAddress"] = NASTY
    return people


def test_every_command_of_an_import_spells_hidden_characters_out(run: Run, tmp_path: Path) -> None:
    file = write_lines(tmp_path / f"p{NASTY[:2]}:bomb:", make_nasty_people())
    done = run("import", file, "--name", "n:bomb:[b]x[/b]", "--match", "CRM")
    shown = check_text(done)
    assert done.returncode == 1
    assert "<U+202E>red<U+009B>31m" in shown
    assert "<U+001B>[5m:bomb:[red]x[/red]" in shown
    assert "n:bomb:[b]x[/b]: Completed" in shown
    as_json = run("import", file, "--name", "n", "--match", "CRM", "--json")
    answer = json.loads(as_json.stdout)
    check_text(as_json)
    assert answer["CommonestFaults"][0]["Example"]["Message"].count("\u202e") == 1
    token = str(answer["Status"]["AccessToken"])
    refused = run("exceptions", token)
    check_text(refused)
    assert NASTY in {name for line in refused.stdout.splitlines() for name in json.loads(line)}
    for words in (["status", token], ["imports"], ["imports", "--status", NASTY], ["status", NASTY]):
        check_text(run(*words))
    assert "n:bomb:[b]x[/b]" in run("imports").stdout
    check_text(run("import", tmp_path / NASTY, "--name", "none"))
    check_text(run("import", file, "--name", NASTY, "--match", NASTY))
    check_text(run("profile", "show", "--alternate-id", f"{NASTY}:{NASTY}"))


def test_the_table_of_faults_is_safe_in_terminals_and_spreadsheets(server: AccountAccess) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(1)"]
    people = [*make_nasty_people(), *({"CustomerType": formula} for formula in formulas)]
    with ConsentoryClient(server.url, server.account, server.client_id, server.client_secret, server.user) as client:
        started = client.initiate({"Name": "csv"})
        client.stage(started["AccessToken"], json.dumps({"UserProfilePreferences": people}).encode())
    with WireClient(server) as wire:
        path = wire.path(started["AccessToken"], "Exceptions")
        text = wire.http.get(path, headers={"Accept": "text/csv"}).content.decode()
    assert OBEYED.findall(text.replace("\r\n", "\n")) == []
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert any("<U+202E>" in cell for cell in cells)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_no_encoding_of_the_terminal_ends_a_command(run: Run, tmp_path: Path, encoding: str) -> None:
    people = make_people(1)
    people.append({**make_people(1)[0], "CustomerType": "Ōkubo \U0001f600"})
    file = write_lines(tmp_path / "Ō.ndjson", people)
    narrow = {"PYTHONIOENCODING": encoding}
    done = run("import", file, "--name", "Ō", "--match", "CRM", **narrow)
    assert done.returncode == 1, done.stderr
    check_text(done)
    assert "\\u014ckubo" in done.stdout
    crm = people[0]["AlternateIds"][0]["AlternateId"]
    for words in (
        ["imports"],
        ["profile", "show", "--alternate-id", f"CRM:{crm}"],
        ["import", "Ō/none", "--name", "n"],
    ):
        check_text(run(*words, **narrow))
    for words in (["imports", "--json"], ["profile", "show", "--alternate-id", f"CRM:{crm}", "--json"]):
        assert "Ō" in json.dumps(json.loads(run(*words, **narrow).stdout), ensure_ascii=False)


@pytest.mark.processes
def test_commands_on_accounts_spell_hidden_characters_out(tmp_path: Path, database_url: str) -> None:
    document = yaml.safe_load(ACME.read_text("utf-8"))
    document["consentTypes"][0]["versions"][0]["texts"]["en_US"] = "Yes \u202e :bomb:"
    document["account"]["name"] = "Ōcme \u202e"
    file = tmp_path / "account.json"
    file.write_text(json.dumps(document))

    def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [CONSENTORY, *words, "--database-url", database_url]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    subprocess.run([CONSENTORY, "migrate", "--database-url", database_url], check=True, capture_output=True)
    applied = call("account", "apply", file)
    assert applied.returncode == 0, applied.stderr
    assert (applied.returncode, applied.stdout.splitlines()[-1]) == (0, "ACME: Applied.")
    for words in (["account", "show", "ACME"], ["account", "show", "ACME", "--json"]):
        shown = call(*words)
        assert OBEYED.findall(shown.stdout) == []
        assert yaml.safe_load(shown.stdout)["account"]["name"] == "Ōcme \u202e"
    check_text(call("account", "show", NASTY.replace("\x00", "")))
    check_text(call("audit", "show", "--account", "ACME"))


def test_only_one_module_writes_to_the_terminal() -> None:
    """A module with its own console, or its own prints, bypasses the code that the tests above check."""
    folder = ROOT / "src" / "consentory" / "cli"
    sources = {path.name: path.read_text("utf-8") for path in folder.glob("*.py") if path.name != "terminal.py"}
    other_ways = re.compile(r"\bConsole\(|(?<!\.)\bprint\(|typer\.s?echo\(")
    found = {name for name, text in sources.items() if other_ways.search(text)}
    assert found <= {"server_commands.py"}


SILENT = {"up", "serve", "worker", "migrate", "demo"}
"""Commands that run a program and print no result."""
DATA = {"audience", "export", "changes"}
"""Commands whose result is data, in the format that the name of the file says."""
YAML = {"mapping suggest", "mapping show", "mapping presets"}
"""Commands whose result is a mapping, which is a YAML document."""


def test_every_command_that_answers_something_takes_json() -> None:
    def walk(command: Any, name: str = "") -> list[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            return [(name, command)]
        return [found for word, inner in command.commands.items() for found in walk(inner, f"{name} {word}".strip())]

    without = {
        name for name, command in walk(get_command(make_app())) if not any("--json" in p.opts for p in command.params)
    }
    assert without <= SILENT | DATA | YAML
