"""`Source` of Initiate: the file of an import, so that each stored value leads back to its file (files.md)."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consentory.codec.hidden_characters import spell_hidden
from consentory.codec.sources.record_inputs import RecordInput

_LONGEST_NAME = 255
_LONGEST_MAPPING = 65_536


def describe_source(inputs: Sequence[RecordInput], rows: int, mapping: bytes | None) -> dict[str, Any]:
    """Make the object. Several files have joined names and no SHA-256. A mapping that is too long is left out."""
    names = ", ".join(spell_hidden(spell_path(item.path)).rpartition("/")[2] for item in inputs)
    if len(names) > _LONGEST_NAME:
        names = names[: _LONGEST_NAME - 1] + "…"
    source: dict[str, Any] = {"FileName": names, "Rows": rows}
    if len(inputs) == 1:
        only = inputs[0].file.source
        with only.unpack_errors():
            source["Sha256"] = hashlib.file_digest(only.open_raw(), "sha256").hexdigest()
    if mapping is not None and len(mapping) <= _LONGEST_MAPPING:
        source["Mapping"] = mapping.decode()
    return source


def spell_path(path: Path) -> str:
    """The path as text that JSON can hold: bytes that are no UTF-8 are spelled out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
