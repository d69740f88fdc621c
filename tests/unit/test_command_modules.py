"""The command loads the modules that it needs, and the table of modules is whole."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command

from consentory.cli.main import MODULES, make_app

COMMANDS = sorted({command for commands in MODULES.values() for command in commands})


def list_commands(arguments: list[str]) -> dict[str, set[str]]:
    """The commands of the application, each with the commands of its group."""
    found = get_command(make_app(arguments)).commands
    return {name: set(getattr(command, "commands", ())) for name, command in found.items()}


def test_the_table_has_every_command() -> None:
    assert sorted(list_commands([])) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_the_same_commands_below_it_when_only_its_modules_are_loaded(command: str) -> None:
    assert list_commands([command])[command] == list_commands([])[command]


@pytest.mark.parametrize("word", ["--help", "nonsense", "Status"])
def test_another_word_gives_all_commands(word: str) -> None:
    assert sorted(list_commands([word])) == COMMANDS


@pytest.mark.processes
def test_a_process_of_a_server_does_not_load_the_client() -> None:
    program = "import sys; from consentory.cli.main import make_app; make_app(['worker']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "consentory.cli.server_commands" in loaded
    assert not {"httpx", "consentory.client", "consentory.codec.sources", "consentory.demo"} & set(loaded)
