"""`Source` of Initiate: the file of an import, so that each stored value leads back to its file (files.md)."""

import hashlib
from collections.abc import Sequence

from consentory.client.api_client import JsonObject
from consentory.client.own_files import spell_path
from consentory.client.record_inputs import RecordInput
from consentory.codec.hidden_characters import spell_hidden

_LONGEST_NAME = 255
_LONGEST_MAPPING = 65_536


def describe_source(inputs: Sequence[RecordInput], rows: int, mapping: bytes | None) -> JsonObject:
    """Make the object. Several files have joined names and no SHA-256. A mapping that is too long is left out."""
    names = ", ".join(spell_hidden(spell_path(item.path)).rpartition("/")[2] for item in inputs)
    if len(names) > _LONGEST_NAME:
        names = names[: _LONGEST_NAME - 1] + "…"
    source: JsonObject = {"FileName": names, "Rows": rows}
    if len(inputs) == 1:
        only = inputs[0].file.source
        with only.unpack_errors():
            source["Sha256"] = hashlib.file_digest(only.open_raw(), "sha256").hexdigest()
    if mapping is not None and len(mapping) <= _LONGEST_MAPPING:
        source["Mapping"] = mapping.decode()
    return source
