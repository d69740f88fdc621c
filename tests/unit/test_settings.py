"""A setting with an invalid value gives one line of text and exit code 2, for every source of the value."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consentory.config import SETTINGS, SettingError, check_settings, load_number, load_setting, load_switch

pytestmark = pytest.mark.processes

CONSENTORY = Path(sys.executable).with_name("consentory")
PORT = "Port must be a number from 1 to 65535, not {!r} ({})."
WRONG = {
    "port": ("abc", "0", "65536", "-1", "8480.0", "1e3", "+5", " 8480", "٣", "9" * 5000, "True"),
    "processes": ("0", "two", "257"),
    "workers": ("-1", "many", "0000000000"),
    "insecure_http": ("maybe", "2", "y"),
    "server": ("abc", "ftp://x", "http://", "127.0.0.1:8480"),
    "base_path": ("Profiles", "v4/", "/a b", "/{clientId}"),
    "database_url": ("nonsense", "mysql://x"),
    "trusted_proxies": ("x", "10.0.0.1/8", "127.0.0.1; 10.0.0.0/8", ",", "proxy.example"),
    "max_staged_gigabytes": ("0", "x", "1.5", "1000001"),
    "max_upload_megabytes": ("0", "x", "1.5", "1000001"),
    "max_uploaded_gigabytes": ("0", "x", "1.5", "1000001"),
}
RIGHT = {
    "port": ("1", "65535", "08480"),
    "processes": ("1", "256"),
    "workers": ("0", "256"),
    "insecure_http": ("yes", "No", "TRUE", "0"),
    "server": ("http://x", "https://consentory.example:8480/somewhere"),
    "base_path": ("/", "/Profiles/v4", "/a/b-c_d.e~f"),
    "database_url": ("postgresql://x", "postgres://u@h/d", "host=/run dbname=x"),
    "trusted_proxies": ("127.0.0.1, 10.0.0.0/8", "::1,"),
    "max_staged_gigabytes": ("1", "1000000"),
    "max_upload_megabytes": ("1", "1000000"),
    "max_uploaded_gigabytes": ("1", "1000000"),
}


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENTORY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CONSENTORY, *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_an_invalid_value_of_a_setting_is_reported_with_its_source(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    setting = SETTINGS[name]
    with pytest.raises(SettingError, match=rf"^{setting.title} must be .*\({setting.flag}\)\.$"):
        load_setting(name, value)
    monkeypatch.setenv(setting.variable, value)
    with pytest.raises(SettingError, match=rf"^{setting.title} must be .*\({setting.variable}\)\.$"):
        load_setting(name)
    monkeypatch.delenv(setting.variable)
    Path("consentory.toml").write_text(f'{name} = "{value}"\n', encoding="utf-8")
    with pytest.raises(SettingError, match=rf"^{setting.title} must be .*\(consentory\.toml\)\.$"):
        load_setting(name)
    assert load_setting(name, RIGHT[name][0]) == RIGHT[name][0], "what does not count is not looked at"


def test_every_setting_that_has_a_form_is_tried_here() -> None:
    assert {name for name, setting in SETTINGS.items() if setting.kind != "text"} == set(WRONG) == set(RIGHT)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values])
def test_a_value_that_a_setting_can_have_is_taken(name: str, value: str) -> None:
    assert load_setting(name, value) == value


def test_numbers_and_truths_of_the_file_are_taken_as_they_are() -> None:
    Path("consentory.toml").write_text("port = 9000\ninsecure_http = true\n")
    assert (load_number("port"), load_switch("insecure_http")) == (9000, True)
    Path("consentory.toml").write_text("port = true\n")
    with pytest.raises(SettingError, match=r"^Port must be .*'True' \(consentory\.toml\)\.$"):
        load_number("port")


def test_a_database_url_may_hold_a_password_and_is_not_shown() -> None:
    with pytest.raises(SettingError) as refused:
        load_setting("database_url", "postgresq://u:secret@h/d")
    assert "secret" not in str(refused.value)


def test_every_faulty_setting_has_a_message_of_its_own() -> None:
    with pytest.raises(SettingError) as refused:
        check_settings(port="abc", processes="0", workers=None, base_path="v4")
    assert [line.split(" must")[0] for line in str(refused.value).splitlines()] == ["Port", "Processes", "Base path"]


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["up", "--port", "abc"], {}, [PORT.format("abc", "--port")]),
        (["up"], {"CONSENTORY_PORT": "abc"}, [PORT.format("abc", "CONSENTORY_PORT")]),
        (
            ["up", "--workers", "x"],
            {"CONSENTORY_PORT": "0", "CONSENTORY_PROCESSES": ""},
            [PORT.format("0", "CONSENTORY_PORT"), "Workers must be a number from 0 to 256, not 'x' (--workers)."],
        ),
        (
            ["serve"],
            {"CONSENTORY_DATABASE_URL": "x", "CONSENTORY_PROCESSES": "0"},
            [
                "Database url must be like postgresql://user@host/database (CONSENTORY_DATABASE_URL).",
                "Processes must be a number from 1 to 256, not '0' (CONSENTORY_PROCESSES).",
            ],
        ),
        (["worker", "--database-url", "x"], {}, ["Database url must be like"]),
        (
            ["up"],
            {"CONSENTORY_TRUSTED_PROXIES": "proxy.example", "CONSENTORY_MAX_STAGED_GIGABYTES": "x"},
            [
                "Trusted proxies must be addresses and networks,",
                "Max staged gigabytes must be a number from 1 to 1000000,",
            ],
        ),
        (
            ["serve", "--database-url", "postgresql://x"],
            {"CONSENTORY_TRUSTED_PROXIES": "10.0.0.1/8"},
            ["not '10.0.0.1/8' (CONSENTORY_TRUSTED_PROXIES)."],
        ),
        (
            ["imports"],
            {"CONSENTORY_SERVER": "abc"},
            ["Server must be a URL like https://consentory.example, not 'abc'"],
        ),
        (["account", "show", "ACME"], {"CONSENTORY_LEASE_SECONDS": "x"}, ["CONSENTORY_LEASE_SECONDS must be a number"]),
    ],
)
def test_commands_end_with_the_messages_and_exit_code_2(
    words: list[str], environment: dict[str, str], said: list[str]
) -> None:
    done = run(*words, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    flat = " ".join(done.stderr.split())
    assert all(line in flat for line in said), done.stderr
    assert "Traceback" not in done.stderr
