"""Settings: one table, and one order of precedence: flag, environment, file, default.

The file is `consentory.toml` in the working directory, or the file that CONSENTORY_CONFIG names. The names of the table
are its keys.
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
"""The bytes of a request's line and headers: the memory of a connection before its caller is known."""
DATA_FOLDER = "consentory-data"
"""The default data folder of `up`."""


class SettingError(ConsentoryError):
    """A setting is missing or wrong. The text names the setting, and tells how to give it."""


_NUMBER = re.compile("[0-9]{1,9}")
_SWITCH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_FORMS = {
    "url": (re.compile(r"https?://[^/\s?#]+\S*"), "a URL like https://consentory.example"),
    "path": (re.compile(r"/[A-Za-z0-9._~/-]*"), "a path that begins with /, like /Profiles/v4"),
    "database": (re.compile(r"postgres(ql)?://.*|.*=.*", re.DOTALL), "like postgresql://user@host/database"),
}
"""The kinds of settings with a form, and the form in words."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `name`: its key in the file, and with hyphens its flag, if it has one.

    A value of kind "number" is from `least` to `most`. A value of kind "database" may have a password, and is never
    shown.
    """

    name: str
    help: str
    default: str | None = None
    has_flag: bool = True
    kind: Literal["text", "number", "switch", "url", "path", "database", "networks"] = "text"
    least: int = 0
    most: int = 0

    def find_fault(self, value: str) -> str | None:
        """The fault of a value, in words after the name of the setting. None: the value is valid."""
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
        """The name at the beginning of a sentence."""
        return self.name.replace("_", " ").capitalize()

    @property
    def variable(self) -> str:
        return f"CONSENTORY_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """The flag; "": it has none."""
        return f"--{self.name.replace('_', '-')}" if self.has_flag else ""

    @property
    def help_line(self) -> str:
        """The text for `--help`: the meaning, the environment variable and the default."""
        default = f"; default {self.default}" if self.default else ""
        return f"{self.help} [{self.variable}{default}]"


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("server", "The URL of the Consentory server", "http://127.0.0.1:8480", kind="url"),
        Setting("data", "The data folder of `up` and of the commands beside it", None),
        Setting("database_url", "A PostgreSQL server of your own, 15 or newer, as a libpq URL", kind="database"),
        # All commands that open a data folder must use the same value, so it is not an option of one command.
        Setting(
            "postgres_binaries",
            "The folder with `bin/postgres` for the embedded server. The default is the one in the package",
            has_flag=False,
        ),
        Setting("secret_key_file", "A file with the secret key, which encrypts the keys in the database"),
        Setting("host", "The address to listen on. By default only this machine can connect", "127.0.0.1"),
        Setting("port", "Port to listen on", "8480", kind="number", least=1, most=65_535),
        Setting("tls_cert", "Certificate (PEM, with its chain) to serve HTTPS with"),
        Setting("tls_key", "The certificate's private key (PEM)"),
        Setting("insecure_http", "Permit plain HTTP to other machines: yes or no", "no", kind="switch"),
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
        Setting(
            "max_upload_megabytes",
            "Megabytes of one file that a person uploads",
            "2000",
            has_flag=False,
            kind="number",
            least=1,
            most=1_000_000,
        ),
        Setting(
            "max_uploaded_gigabytes",
            "Gigabytes of the database that the uploaded files of one account may take",
            "20",
            has_flag=False,
            kind="number",
            least=1,
            most=1_000_000,
        ),
        Setting("base_path", "The path before each call that names an account", "/Profiles/v4", kind="path"),
        Setting("ca_file", "A file of certificates (PEM) to trust, in place of the public ones"),
        Setting("account", "The account, by its clientId"),
        Setting("client_id", "The credential's id"),
        Setting("client_secret", "The credential's secret. Set it in the environment, because others can read a flag"),
        Setting("user", "The user of the credential"),
    )
}


def load_setting(name: str, flag: str | None = None) -> str | None:
    """The value of a setting by the order of precedence. None: it is not given and has no default.

    Raises SettingError if the value is not valid, or if the settings file is broken or has an unknown key. Raises
    KeyError for a name that is not in SETTINGS. An empty flag or variable counts as not given.
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
    """Check these settings, each with its flag or None. Raises SettingError with one line for each faulty setting."""
    faults: dict[str, None] = {}
    for name, flag in flags.items():
        try:
            load_setting(name, None if flag is None else str(flag))
        except SettingError as error:
            faults[str(error)] = None
    if faults:
        raise SettingError("\n".join(faults))


def require_setting(name: str, flag: str | None = None) -> str:
    """Like load_setting, but a missing value raises a SettingError that names all ways to give it."""
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
    """Like require_setting, for a setting that is a number."""
    return int(require_setting(name, flag))


def load_switch(name: str, flag: bool | None = None) -> bool:
    """Like require_setting, for a setting that is yes or no."""
    return _SWITCH[require_setting(name, None if flag is None else ("yes" if flag else "no")).lower()]


def read_test_number(variable: str, default: int) -> int:
    """The number in an environment variable for tests, which is not a setting. Raises SettingError."""
    text = os.environ.get(variable) or str(default)
    if _NUMBER.fullmatch(text) is None or int(text) == 0:
        raise SettingError(f"{variable} must be a number from 1 to 999999999, not {text!r}. Only tests need it.")
    return int(text)


def split_networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks in the text of a setting, separated by commas. Raises ValueError."""
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
            raise SettingError(f"{CONFIG_VARIABLE} names {path}, and that file does not exist.") from None
        return {}
    except (OSError, ValueError) as error:
        raise SettingError(f"The settings file {path} cannot be read: {error}.") from error
    if unknown := settings.keys() - SETTINGS.keys():
        raise SettingError(
            f"{path}: unknown setting {', '.join(sorted(unknown))}. The settings are {', '.join(sorted(SETTINGS))}."
        )
    for name, value in settings.items():
        if not isinstance(value, str | int):
            raise SettingError(f"{path}: {name} must be a text, a whole number, or true or false.")
    return {name: str(value) for name, value in settings.items()}
