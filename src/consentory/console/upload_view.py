"""Uploads in the words of the console: their states, the columns of a mapping, and records as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

import msgspec

from consentory.codec.sources.recognition import StoredOptions
from consentory.codec.tabular.table import TableDescription, spell_undecodable
from consentory.console.console_words import StateWords
from consentory.domain.upload import Upload
from consentory.errors import RequestRefused
from consentory.services.uploads.mapping_service import MappedRow
from consentory.services.uploads.upload_service import StagingOrder

MATCH = "AlternateIdType"
REFRESH = {
    "RefreshContacts": "email addresses, phone numbers and postal addresses",
    "RefreshAlternateIds": "alternate ids",
    "RefreshGroups": "groups",
    "RefreshTags": "tags",
    "RefreshCustomFields": "custom fields",
}
"""The flags of Initiate, and what a person loses that is not in the file."""

_STATES = {
    "Receiving": StateWords("Incomplete", "half", "warn", "A part of the file is not here yet"),
    "Recognizing": StateWords("Being read", "dots", "busy", "A worker looks at the file"),
    "Recognized": StateWords("Waits for you", "ring", "calm", "Look at the mapping, and have it staged"),
    "Staging": StateWords("Being staged", "play", "busy", "Records are checked; nobody is changed yet"),
    "Staged": StateWords("Staged", "tick", "good", "The file is an import now"),
    "Failed": StateWords("Cannot be read", "cross", "bad", "See the reason"),
}
_NAMED_SETTING = "set:"
_NAMED_TARGET = "to:"
_SHOWN_TARGET = "was:"


def describe_upload(item: Upload) -> StateWords:
    """The words for the state of an upload."""
    return _STATES[item.state]


def measure_upload(item: Upload) -> tuple[int, int]:
    """(done, total) in bytes of what the upload waits for."""
    if item.state == "Receiving":
        return item.received, item.size or item.received
    return item.bytes_done, item.size or 1


def show_bytes(number: int) -> str:
    """A size in the unit that fits."""
    for size, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if number >= size:
            return f"{number / size:.3g} {unit}" if number < 1000 * size else f"{number // size:,} {unit}"
    return f"{number} bytes"


class ShownRow(NamedTuple):
    """A row as in the file, beside its record."""

    place: str
    cells: list[tuple[str, str]]
    record: list[tuple[str, str]]
    """Path and value of each member. Empty: the row is refused."""
    faults: list[str]


def show_row(table: TableDescription, mapped: MappedRow) -> ShownRow:
    """A row for a person. Empty cells are left out."""
    pairs = zip([column.name for column in table.columns], mapped.row.cells, strict=False)
    cells = [(name, _show_cell(cell)) for name, cell in pairs if cell not in (None, "")]
    record = [] if mapped.record is None else list(_flatten(msgspec.json.decode(mapped.record), ""))
    faults = [f"{fault.column}: {fault.message}" if fault.column else fault.message for fault in mapped.faults]
    return ShownRow(table.place_row(mapped.row), cells, record, faults)


def _show_cell(cell: Any) -> str:
    return spell_undecodable(cell) if isinstance(cell, str) else msgspec.json.encode(cell).decode()


def _flatten(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _flatten(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _flatten(item, f"{path}[{place}]")
    else:
        yield path, value if isinstance(value, str) else msgspec.json.encode(value).decode()


def read_options(form: Mapping[str, str]) -> StoredOptions:
    """How a person wants the file to be read. Raises RequestRefused for a line that is no number."""
    given = {name: form.get(name, "").strip() or None for name in ("encoding", "delimiter", "header", "sheet")}
    header = given["header"]
    if header is not None and not (header.isascii() and header.isdecimal() and 0 < int(header) < 1_000_000):
        raise RequestRefused("invalid", "Upload.HeaderInvalid", "The line of the header must be a number from 1.")
    delimiter = {"tab": "\t", "space": " "}.get((given["delimiter"] or "").lower(), given["delimiter"])
    return StoredOptions(
        encoding=given["encoding"],
        delimiter=delimiter,
        header=None if header is None else int(header),
        sheet=given["sheet"],
    )


def read_named(form: Mapping[str, str], beginning: str) -> dict[str, str]:
    """The fields whose names have a beginning, without that beginning. Empty ones are left out."""
    return {name.removeprefix(beginning): text for name, text in form.items() if name.startswith(beginning) and text}


def read_settings(form: Mapping[str, str]) -> dict[str, str]:
    """The values of the parameters of a mapping."""
    return read_named(form, _NAMED_SETTING)


def read_targets(form: Mapping[str, str]) -> dict[str, str]:
    """The targets that the person has changed in the table. The other fields hold what the page has shown, and the
    document may have been changed since."""
    named = read_named(form, _NAMED_TARGET)
    return {name: target for name, target in named.items() if form.get(f"{_SHOWN_TARGET}{name}") != target}


def read_order(form: Mapping[str, str], text: str | None) -> StagingOrder:
    """The order that the person gives."""
    fields: dict[str, Any] = {"Name": form.get("name", "")}
    if form.get("action") == "Delete":
        fields["ImportAction"] = "Delete"
    if match := form.get("match", "").strip():
        fields |= {"MatchCriteria": MATCH, "MatchValue": match}
    fields |= {name: True for name in (*REFRESH, "AllowPriorConsents") if form.get(name) == "yes"}
    return StagingOrder(
        fields={name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()},
        mapping=text,
        settings=read_settings(form),
        skip_broken=form.get("skip_broken") == "yes",
        no_match=form.get("no_match") == "yes",
    )


def suggest_name(item: Upload) -> str:
    """A name for the import: that of the file, without its endings."""
    name = PurePath(item.file_name).name
    while PurePath(name).suffix and PurePath(name).stem:
        name = PurePath(name).stem
    return name[:100]
