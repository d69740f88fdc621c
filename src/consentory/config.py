"""Settings: one table, and one order of precedence: flag, then environment, then file, then default.

The file is `consentory.toml` in the working directory, or the one that CONSENTORY_CONFIG names; its keys are
the names of the table.
"""

import ipaddress
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from consentory.errors import ConsentoryError

CONFIG_VARIABLE = "CONSENTORY_CONFIG"
CONFIG_FILE = "consentory.toml"
HEAD_BYTES = 64 * 1024
"""Of a request's line and headers: so much memory a connection may take before anybody knows whose it is."""
DATA_FOLDER = "consentory-data"
"""Where `up` keeps its data unless told otherwise."""


class SettingError(ConsentoryError):
    """A setting is missing or its file cannot be used; the text says which, and how to give it."""


_NUMBER = re.compile("[0-9]{1,9}")
_SWITCH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_FORMS = {
    "url": (re.compile(r"https?://[^/\s?#]+\S*"), "a URL like https://consentory.example"),
    "path": (re.compile(r"/[A-Za-z0-9._~/-]*"), "a path that begins with /, like /Profiles/v4"),
    "database": (re.compile(r"postgres(ql)?://.*|.*=.*", re.DOTALL), "like postgresql://user@host/database"),
}
"""Kinds of a setting that have a form, and how to say it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `name` is its key in the file, and with hyphens its flag, if it has one.

    A value of kind "number" is from `least` to `most`. One of kind "database" may hold a password, and is never shown.
    """

    name: str
    help: str
    default: str | None = None
    has_flag: bool = True
    kind: Literal["text", "number", "switch", "url", "path", "database", "networks"] = "text"
    least: int = 0
    most: int = 0

    def find_fault(self, value: str) -> str | None:
        """The fault of a value, as words that follow the name of the setting. None: the value is valid."""
        shown = f", not {value!r}"
        match self.kind:
            case "number":
                fits = _NUMBER.fullmatch(value) is not None and self.least <= int(value) <= self.most
                wanted = f"a number from {self.least} to {self.most}"
            case "switch":
                fits, wanted = value.lower() in _SWITCH, "yes or no"
            case "networks":
                fits, wanted = _are_networks(value), 'addresses and networks, like "10.0.0.5, 192.168.7.0/24"'
            case "text":
                return None
            case _:
                form, wanted = _FORMS[self.kind]
                fits = form.fullmatch(value) is not None
                shown = "" if self.kind == "database" else shown
        return None if fits else f"must be {wanted}{shown}"

    @property
    def title(self) -> str:
        """The name as it stands at the beginning of a sentence."""
        return self.name.replace("_", " ").capitalize()

    @property
    def variable(self) -> str:
        return f"CONSENTORY_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """Empty where it has none."""
        return f"--{self.name.replace('_', '-')}" if self.has_flag else ""

    @property
    def help_line(self) -> str:
        """The text for `--help`: what it is, its environment variable and its default."""
        default = f"; default {self.default}" if self.default else ""
        return f"{self.help} [{self.variable}{default}]"


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("server", "Where Consentory answers", "http://127.0.0.1:8480", kind="url"),
        Setting("data", "The data folder of `up`, and of commands beside it", None),
        Setting("database_url", "A PostgreSQL server of your own, 15 or newer, as a libpq URL", kind="database"),
        # Every command that opens a data folder must use the same value, so it is no option of one command.
        Setting(
            "postgres_binaries",
            "The folder that holds `bin/postgres` for the embedded server, in place of the one that comes with it",
            has_flag=False,
        ),
        Setting("secret_key_file", "A file that holds the key which encrypts keys in the database"),
        Setting("host", "Address to listen on; only this machine unless you say otherwise", "127.0.0.1"),
        Setting("port", "Port to listen on", "8480", kind="number", least=1, most=65_535),
        Setting("tls_cert", "Certificate (PEM, with its chain) to serve HTTPS with"),
        Setting("tls_key", "The certificate's private key (PEM)"),
        Setting("insecure_http", "Serve plain HTTP also to other machines: yes or no", "no", kind="switch"),
        Setting(
            "trusted_proxies",
            "Proxies whose X-Forwarded-For and X-Forwarded-Proto count: addresses and networks, separated by commas",
            has_flag=False,
            kind="networks",
        ),
        Setting("processes", "HTTP server processes", "2", kind="number", least=1, most=256),
        Setting("workers", "Worker processes of `up`", "2", kind="number", least=0, most=256),
        Setting(
            "max_staged_gigabytes",
            "Gigabytes of the database that the staged records of one account may take",
            "50",
            has_flag=False,
            kind="number",
            least=1,
            most=1_000_000,
        ),
        Setting("base_path", "Path before every call that names an account", "/Profiles/v4", kind="path"),
        Setting("ca_file", "Certificates (PEM) to trust the server by, in place of the public ones"),
        Setting("account", "The account, by its clientId"),
        Setting("client_id", "The credential's id"),
        Setting("client_secret", "The credential's secret; better in the environment than in a flag"),
        Setting("user", "The user that the credential stands for"),
    )
}


def load_setting(name: str, flag: str | None = None) -> str | None:
    """Give a setting's value by the order of precedence, None where nothing gives one and it has no default.

    Raises SettingError where the value is none for this setting, and where the settings file is broken or holds an
    unknown key; KeyError for a name that is not in SETTINGS. An empty flag or variable counts as not given.
    """
    setting = SETTINGS[name]
    value, source = flag, setting.flag
    if not value:
        value, source = os.environ.get(setting.variable), setting.variable
    if not value:
        value, source = _read_config_file().get(name), str(_find_config_file())
    if not value:
        return setting.default
    fault = setting.find_fault(value)
    if fault is not None:
        raise SettingError(f"{setting.title} {fault} ({source}).")
    return value


def check_settings(**flags: object) -> None:
    """Look at these settings, each with its flag or None. Raises SettingError with a line for each faulty one."""
    faults: dict[str, None] = {}
    for name, flag in flags.items():
        try:
            load_setting(name, None if flag is None else str(flag))
        except SettingError as error:
            faults[str(error)] = None
    if faults:
        raise SettingError("\n".join(faults))


def require_setting(name: str, flag: str | None = None) -> str:
    """Like load_setting, but a missing value is a SettingError that names all the ways to give it."""
    value = load_setting(name, flag)
    if value is None:
        setting = SETTINGS[name]
        raise SettingError(
            f"{setting.name} is missing ({setting.help[0].lower()}{setting.help[1:]})."
            f" {f'Give {setting.flag}, set' if setting.flag else 'Set'} {setting.variable},"
            f' or write {setting.name} = "…" into {CONFIG_FILE}.'
        )
    return value


def load_number(name: str, flag: str | None = None) -> int:
    """Like require_setting, of a setting that is a number."""
    return int(require_setting(name, flag))


def load_switch(name: str, flag: bool | None = None) -> bool:
    """Like require_setting, of a setting that is yes or no."""
    return _SWITCH[require_setting(name, None if flag is None else ("yes" if flag else "no")).lower()]


def read_test_number(variable: str, default: int) -> int:
    """The number in an environment variable that is no setting, but for tests. Raises SettingError."""
    text = os.environ.get(variable) or str(default)
    if _NUMBER.fullmatch(text) is None or int(text) == 0:
        raise SettingError(f"{variable} must be a number from 1 to 999999999, not {text!r}. Tests alone need it.")
    return int(text)


def split_networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks of a setting of that kind, separated by commas. Raises ValueError."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


def _are_networks(text: str) -> bool:
    try:
        return bool(split_networks(text))
    except ValueError:
        return False


def _find_config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)


def _read_config_file() -> dict[str, str]:
    named = os.environ.get(CONFIG_VARIABLE)
    path = _find_config_file()
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingError(f"{CONFIG_VARIABLE} names {path}, and there is no such file.") from None
        return {}
    except (OSError, ValueError) as error:
        raise SettingError(f"The settings file {path} cannot be read: {error}.") from error
    if unknown := settings.keys() - SETTINGS.keys():
        raise SettingError(
            f"{path}: unknown setting {', '.join(sorted(unknown))}; known are {', '.join(sorted(SETTINGS))}."
        )
    for name, value in settings.items():
        if not isinstance(value, str | int):
            raise SettingError(f"{path}: {name} must be a text, a whole number, or true or false.")
    return {name: str(value) for name, value in settings.items()}
