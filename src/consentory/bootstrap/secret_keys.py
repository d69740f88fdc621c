"""The secret key: from the environment or a file, beside the one that a data folder makes for itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

from consentory.bootstrap.composition import make_embedded
from consentory.config import DATA_FOLDER, SETTINGS, SettingError, load_setting
from consentory.services.access.secret_box import SecretBox, SecretKeyError
from consentory.store.embedded.embedded_server import EmbeddedServer

SECRET_VARIABLE = "CONSENTORY_SECRET_KEY"  # noqa: S105 - a name
"""No setting, because it has no flag: everybody on the machine can read a command line."""
_BETWEEN = re.compile(r"[\s,]+")


def load_secret_keys(server: EmbeddedServer | None = None) -> list[str]:
    """Every secret key that is given, the one that seals first: CONSENTORY_SECRET_KEY, then the file of
    `secret_key_file`, then that of the data folder, which is made where none is given at all.

    Several keys in one place are separated by white space or commas. Raises SettingError.
    """
    keys = _split(os.environ.get(SECRET_VARIABLE, ""))
    path = load_setting("secret_key_file")
    if path:
        try:
            keys += _split(Path(path).read_text("ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(
                f"The secret key file {path} cannot be read ({error}). Make one with:"
                f" (umask 077; openssl rand -base64 32 > {path})"
            ) from error
    if server is not None:
        keys += _split(server.read_secret_key(make=not keys) or "")
    return keys


def name_sources() -> str:
    """Where the secret keys of a server come from, in words; no key itself."""
    file = load_setting("secret_key_file")
    sources = [SECRET_VARIABLE] if os.environ.get(SECRET_VARIABLE) else []
    return " and ".join([*sources, *([str(Path(file).absolute())] if file else [])])


def open_secret_box(server: EmbeddedServer | None = None) -> SecretBox:
    """The box of the keys that are given. Raises SettingError when there is none, and for one that is too short."""
    keys = load_secret_keys(server)
    if not keys:
        raise SettingError(
            "The secret key is missing, under which keys are encrypted in the database. Set CONSENTORY_SECRET_KEY, or"
            " name a file that holds it with --secret-key-file; the same for every server on this database. Make one"
            " with: openssl rand -base64 32"
        )
    try:
        return SecretBox(keys)
    except SecretKeyError as error:
        raise SettingError(str(error)) from error


def find_secret_box(data: Path | None, database_url: str | None) -> SecretBox:
    """The box of a command that works on what `composition.open_database` opens with the same arguments.

    It has no key where none is given: most commands need none. Raises SettingError and SecretKeyError.
    """
    server = None if database_url is not None and data is None else make_embedded(data or Path(DATA_FOLDER))
    return SecretBox(load_secret_keys(server))


def pass_secret_keys(environment: dict[str, str], server: EmbeddedServer) -> dict[str, str]:
    """An environment with the keys in it."""
    return {**environment, SECRET_VARIABLE: ",".join(load_secret_keys(server))}


def name_secret_key_file(path: Path | None) -> None:
    """Let a flag's file be the one that this process and its children read."""
    if path is not None:
        os.environ[SETTINGS["secret_key_file"].variable] = str(path.absolute())


def _split(text: str) -> list[str]:
    return [key for key in _BETWEEN.split(text) if key]
