"""The static files of the console, each under an address that contains the hash of its content.

A changed file has another address, so browsers may keep each file for a year without asking again.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_HASH_DIGITS = 16


class StaticFile(NamedTuple):
    """A file in memory."""

    digest: str
    media_type: str
    content: bytes


@cache
def load_files() -> dict[str, StaticFile]:
    """The files that a page may load, by name."""
    folder = files("consentory.console").joinpath("static")
    found = {}
    for place in (folder, folder.joinpath("vendor")):
        for entry in place.iterdir():
            media_type = _TYPES.get(f".{entry.name.rpartition('.')[2]}")
            if media_type is not None and entry.is_file():
                content = entry.read_bytes()
                digest = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
                found[entry.name] = StaticFile(digest, media_type, content)
    return found


def name_address(name: str) -> str:
    """The address of a file. Raises KeyError if there is no such file."""
    return f"/console/static/{load_files()[name].digest}/{name}"
