"""The secret keys: from the environment, from a file, and from the data folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from consentory.bootstrap.composition import make_embedded
from consentory.bootstrap.process_setup import SECRET_VARIABLE
from consentory.config import DATA_FOLDER, SETTINGS, SettingError, load_setting
from consentory.services.access.secret_box import SecretBox, SecretKeyError
from consentory.store.embedded.embedded_server import EmbeddedServer

"""It is no setting and has no flag, because all users of the machine can read a command line."""
_BETWEEN = re.compile(r"[\s,]+")


def load_secret_keys(server: EmbeddedServer | None = None) -> list[str]:
    """All given secret keys. The first one encrypts. The order: CONSENTORY_SECRET_KEY, the file of `secret_key_file`,
    the file of the data folder. If no key is given, the data folder makes one.

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
    """The places of the secret keys of a server, in words, without the keys."""
    file = load_setting("secret_key_file")
    sources = [SECRET_VARIABLE] if os.environ.get(SECRET_VARIABLE) else []
    return " and ".join([*sources, *([str(Path(file).absolute())] if file else [])])


def open_secret_box(server: EmbeddedServer | None = None) -> SecretBox:
    """The box of the given keys. Raises SettingError if there is no key, or if a key is too short."""
    keys = load_secret_keys(server)
    if not keys:
        raise SettingError(
            "The secret key is missing. It encrypts the keys in the database. Set CONSENTORY_SECRET_KEY, or"
            " name a file that holds it with --secret-key-file. All servers on this database need the same. Make one"
            " with: openssl rand -base64 32"
        )
    try:
        return SecretBox(keys)
    except SecretKeyError as error:
        raise SettingError(str(error)) from error


def find_secret_box(data: Path | None, database_url: str | None) -> SecretBox:
    """The box of a command on the database that `composition.open_database` opens with the same arguments.

    The box has no key if none is given, because most commands need none. Raises SettingError and SecretKeyError.
    """
    server = None if database_url is not None and data is None else make_embedded(data or Path(DATA_FOLDER))
    return SecretBox(load_secret_keys(server))


def pass_secret_keys(environment: dict[str, str], server: EmbeddedServer) -> dict[str, str]:
    """An environment with the keys in it."""
    return {**environment, SECRET_VARIABLE: ",".join(load_secret_keys(server))}


def name_secret_key_file(path: Path | None) -> None:
    """Set the secret key file of a flag for this process and its children."""
    if path is not None:
        os.environ[SETTINGS["secret_key_file"].variable] = str(path.absolute())


def _split(text: str) -> list[str]:
    return [key for key in _BETWEEN.split(text) if key]
