"""Settings of the client: flag, then environment, then file, then default. The message for a missing setting names all
ways to give it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running_server import find_free_port

from consentory.client.api_client import ConsentoryClient, ServerUnreachable
from consentory.config import SETTINGS, SettingError, load_setting, require_setting
from consentory.errors import ConsentoryError

CONSENTORY = Path(sys.executable).with_name("consentory")
CLIENT_COMMANDS = (["import"], ["imports"], ["status"], ["exceptions"], ["cancel"], ["profile", "show"])


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENTORY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_flag_wins_over_environment_over_file_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_setting("server") == SETTINGS["server"].default
    assert load_setting("account") is None
    Path("consentory.toml").write_text('server = "http://file"\naccount = "FILE"\n')
    assert (load_setting("server"), load_setting("account")) == ("http://file", "FILE")
    monkeypatch.setenv("CONSENTORY_SERVER", "http://environment")
    assert (load_setting("server"), load_setting("account")) == ("http://environment", "FILE")
    assert load_setting("server", "http://flag") == "http://flag"


def test_the_settings_file_can_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.toml"
    monkeypatch.setenv("CONSENTORY_CONFIG", str(other))
    with pytest.raises(SettingError, match="does not exist"):
        load_setting("user")
    other.write_text('user = "nightly"')
    assert load_setting("user") == "nightly"


@pytest.mark.parametrize(
    ("text", "fault"),
    [("user = ", "cannot be read"), ('usr = "x"', "unknown setting usr"), ("user = []", "user must be")],
)
def test_a_broken_settings_file_is_named(text: str, fault: str) -> None:
    Path("consentory.toml").write_text(text)
    with pytest.raises(SettingError, match=fault):
        load_setting("user")


@pytest.mark.processes
def test_a_missing_setting_names_all_ways_to_give_it() -> None:
    with pytest.raises(SettingError, match=r"--client-secret, set CONSENTORY_CLIENT_SECRET, or write client_secret"):
        require_setting("client_secret")
    run = subprocess.run([CONSENTORY, "status", "1"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "CONSENTORY_ACCOUNT" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.processes
@pytest.mark.parametrize("command", [["up"], ["status", "1"], ["audit", "verify"]], ids=" ".join)
def test_a_fault_of_a_setting_ends_every_command_with_its_message(command: list[str]) -> None:
    assert issubclass(SettingError, ConsentoryError)
    Path("consentory.toml").write_text("user = ")
    run = subprocess.run([CONSENTORY, *command], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "The settings file consentory.toml cannot be read" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_setting_without_a_flag_is_not_said_to_have_one() -> None:
    with pytest.raises(SettingError, match=r"\)\. Set CONSENTORY_POSTGRES_BINARIES, or write postgres_binaries"):
        require_setting("postgres_binaries")


@pytest.mark.processes
def test_the_binaries_of_postgresql_are_taken_from_any_place_of_a_setting(tmp_path: Path) -> None:
    """The refusal names a folder without the binaries, so the test shows that this folder was searched."""
    Path("consentory.toml").write_text(f'postgres_binaries = "{tmp_path / "nowhere"}"\n')
    run = subprocess.run(
        [CONSENTORY, "up", "--port", str(find_free_port())], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "nowhere" in run.stderr


@pytest.mark.processes
@pytest.mark.parametrize("command", CLIENT_COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_its_settings(command: list[str]) -> None:
    wide = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    text = subprocess.run([CONSENTORY, *command, "--help"], capture_output=True, text=True, check=True, env=wide).stdout
    assert f"Example: consentory {' '.join(command)} " in text
    for setting in ("server", "account", "client_id", "client_secret", "user"):
        assert SETTINGS[setting].flag in text
        assert SETTINGS[setting].variable in text


def test_a_server_that_is_not_there_is_named_at_the_first_try_with_advice() -> None:
    with (
        ConsentoryClient("http://127.0.0.1:9", "ACME", "id", "secret", "nightly", patience=600) as client,
        pytest.raises(ServerUnreachable, match=r"No answer from http://127.0.0.1:9 .*consentory up.*--server"),
    ):
        client.status(1)


def test_a_server_is_an_address() -> None:
    with pytest.raises(ValueError, match="must be an address such as"):
        ConsentoryClient("localhost:8480", "ACME", "id", "secret", "nightly")
