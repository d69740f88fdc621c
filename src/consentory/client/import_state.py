"""The state file beside the input, which continues an interrupted import. It has no secret and no personal data.

The state may be one batch behind the server, and never ahead of it. A batch that is sent again has the same
Idempotency-Key and the same bytes, so the server stages it only once.
"""

import uuid
from pathlib import Path
from typing import Any

import msgspec

from consentory.client.own_files import STATE_ENDING
from consentory.client.private_files import replace_private
from consentory.codec.sources.record_inputs import RecordInput
from consentory.codec.sources.source_note import spell_path
from consentory.errors import ConsentoryError


class ImportStateError(ConsentoryError):
    """The state file cannot be used for this import. The text tells the reason and the next step."""


class InputFile(msgspec.Struct, frozen=True):
    """An input file at the start of the import. Another size or time means that its content changed."""

    path: str
    size: int
    modified_ns: int


class ImportState(msgspec.Struct):
    """The progress of an import. The next batch begins in file number `file`, after `records` of its records."""

    server: str
    account: str
    fields: dict[str, Any]
    files: list[InputFile]
    batch_bytes: int
    import_id: str = ""
    access_token: int = 0
    batches: int = 0
    file: int = 0
    records: int = 0
    staged: int = 0
    """The number of records in the batches so far."""
    skip_broken: bool = False
    reading: dict[str, str | None] = {}
    """The options for reading tables, and the SHA-256 of the mapping."""
    refused_rows: int = 0
    """The number of rows of tables that did not become a record."""
    left_out: list[int] = []
    """Of each file: the addresses that its mapping left out, because only a part of each was there."""
    opt_outs_left_out: list[int] = []
    """Of each file: the opt-outs that its mapping left out, because what each refuses was not there."""
    source: dict[str, Any] | None = None
    broken: int = 0
    broken_opt_outs: int = 0
    broken_files: list[str] = []
    all_staged: bool = False

    def batch_key(self, number: int) -> str:
        """The Idempotency-Key of batch `number` (from 0). It is always the same."""
        return str(uuid.uuid5(uuid.UUID(self.import_id), f"batch {number}"))


def describe_input(item: RecordInput) -> InputFile:
    """Note what is compared when the import is resumed. Raises ImportStateError where the file is missing."""
    if not item.file.source.regular:
        return InputFile(item.name, item.file.source.size, 0)
    path = item.path
    try:
        stat = path.stat()
    except OSError as error:
        raise ImportStateError(f"{path}: cannot be read: {error.strerror}") from error
    return InputFile(spell_path(path.resolve()), stat.st_size, stat.st_mtime_ns)


def name_state_file(first_input: Path) -> Path:
    """The path of the state of an import: beside its first input file."""
    return first_input.with_name(first_input.name + STATE_ENDING)


def read_state(path: Path) -> ImportState | None:
    """The state of an interrupted import. None: there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ImportState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ImportStateError(
            f"{path}: the state of an interrupted import cannot be read ({error}). "
            "Run the command with --restart to start a new import."
        ) from error


def write_state(path: Path, state: ImportState) -> None:
    """Replace the state file as a whole. Raises ImportStateError if its folder accepts no file."""
    try:
        with replace_private(path) as file:
            file.write(msgspec.json.format(msgspec.json.encode(state), indent=1))
    except OSError as error:
        raise ImportStateError(
            f"{path} cannot be written: {error.strerror}. The import keeps its state beside the input: "
            "put the input into a folder that you may write to."
        ) from error
