"""Uploads: a file comes in parts, is recognized, and is staged as an import by a worker (docs/adr/0021-uploads.md)."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec

from consentory.codec.hidden_characters import spell_hidden
from consentory.codec.sources.recognition import Recognition, StoredOptions
from consentory.codec.staging.initiate_request import LONGEST_MAPPING, read_initiate
from consentory.codec.tabular.mapping_document import read_mapping
from consentory.codec.tabular.row_mapping import compile_mapping
from consentory.domain.caller import Caller, Origin
from consentory.domain.configuration import Configuration
from consentory.domain.identifier import make_uuid7
from consentory.domain.instants import from_micros
from consentory.domain.permission import may_read_all, require_import
from consentory.domain.upload import Upload, UploadLimits
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.imports.import_service import ImportService
from consentory.store.database import Database, Transaction
from consentory.store.tables import execution_store, import_store, profile_store, upload_store

MEGABYTE, GIGABYTE = 1_000_000, 1_000_000_000
PART_BYTES = 8 * MEGABYTE
"""The largest number of bytes of one part."""
SMALLEST_PART = 1 << 16
"""Only the last part may be smaller, so that a file has not too many parts."""
UPLOADS_AT_ONCE = 20
"""The number of files of an account that are no import yet."""
LISTED = 50
_LONGEST_NAME = 255
_UNENDED = re.compile(r"[/\\]")


class StagingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The way in which a person has a recognized file staged."""

    fields: dict[str, msgspec.Raw]
    """The body of Initiate without Source (import-api.md, "Initiate")."""
    mapping: str | None = None
    """The text of the mapping document of a table."""
    settings: dict[str, str] = {}
    """The values of the parameters of the mapping."""
    skip_broken: bool = False
    """Leave out pieces of a JSON file that are not JSON."""
    no_match: bool = False
    """Each record without a ProfileId is a new person, although it has an alternate id."""


class StoredOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order with the user who gave it."""

    order: StagingOrder
    user_id: str
    origin: Origin


class UploadService:
    """Uploads of callers with the permission `import`. A caller opens the own uploads, and those of others only with
    the permissions to read every part of a profile."""

    def __init__(
        self, database: Database, configurations: ConfigurationCache, imports: ImportService, limits: UploadLimits
    ) -> None:
        self._database = database
        self._configurations = configurations
        self._imports = imports
        self.limits = limits

    # Receiving

    def begin(self, caller: Caller, file_name: str, size: int | None, options: StoredOptions | None = None) -> Upload:
        """A new upload of `size` bytes. Its parts follow. `size` None: its pieces follow (`append_piece`).

        Raises RequestRefused: too_large (the file), invalid (it is empty), conflict (the account's space is used up, or
        too many of its files wait).
        """
        require_import(caller)
        if size is not None and size <= 0:
            raise RequestRefused("invalid", "Upload.Empty", "The file is empty. Choose a file with records.")
        if size is not None:
            self._require_size(size)
        with self._database.transaction(caller.account_id) as tx:
            waiting, taken = upload_store.measure_uploads(tx)
            if waiting >= UPLOADS_AT_ONCE:
                raise RequestRefused(
                    "conflict",
                    "Upload.TooMany",
                    f"{waiting} uploaded files of the account wait to be staged, and {UPLOADS_AT_ONCE} may. Stage one"
                    " of them first, or give one up.",
                )
            self._require_space(taken + (size or 0))
            upload_id = make_uuid7(from_micros(profile_store.read_clock(tx)))
            encoded = msgspec.json.encode(options or StoredOptions())
            name = _clean_name(file_name)
            upload_store.insert_upload(tx, upload_id, name, size, caller=caller.user_id, options=encoded)
            _note(tx, caller, "upload.begun", upload_id, {} if size is None else {"Bytes": size})
            return _find(tx, caller, upload_id)

    def append(self, caller: Caller, upload_id: str, offset: int, body: bytes) -> Upload:
        """Store the next part. It must begin where the received bytes end.

        Raises RequestRefused: not_found; too_large or invalid (the part); conflict with the number of the received
        bytes, if the part begins elsewhere.
        """
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            item = _find(tx, caller, upload_id)
            _require_place(item, offset)
            _require_part(item, offset, len(body))
            state = upload_store.append_part(tx, item.upload_id, offset, body)
            if state is None:  # a call at the same time was first, or the part is longer than the rest of the file
                item = _find(tx, caller, upload_id)
                _require_place(item, offset)
                raise RequestRefused(
                    "invalid", "Upload.PartTooLong", f"The file has {item.size} bytes, and the part goes beyond them."
                )
            if state == "Recognizing":
                execution_store.notify_work(tx)
            return _find(tx, caller, upload_id)

    def append_piece(self, caller: Caller, item: Upload, offset: int, body: bytes) -> None:
        """Store the next part of a file of unknown size. `complete` follows the last one.

        Raises RequestRefused: too_large (the file), conflict (the account's space is used up).
        """
        self._require_size(offset + len(body))
        with self._database.transaction(caller.account_id) as tx:
            self._require_space(upload_store.measure_uploads(tx)[1] + len(body))
            upload_store.append_part(tx, item.upload_id, offset, body)

    def complete(self, caller: Caller, item: Upload) -> Upload:
        """Note that a file of unknown size is here as a whole. Raises RequestRefused, invalid, if it is empty."""
        with self._database.transaction(caller.account_id) as tx:
            if not upload_store.complete_upload(tx, item.upload_id):
                raise RequestRefused("invalid", "Upload.Empty", "The file is empty. Choose a file with records.")
            execution_store.notify_work(tx)
            return _find(tx, caller, item.upload_id)

    # Looking

    def find(self, caller: Caller, upload_id: str) -> Upload:
        """The upload. Raises RequestRefused, not_found, also for an upload that the caller may not open."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            return _find(tx, caller, upload_id)

    def find_of_import(self, caller: Caller, import_id: UUID) -> Upload | None:
        """The upload that an import was staged from, while its file is kept and if the caller may open it."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            upload_id = upload_store.find_upload_of_import(tx, import_id)
            item = None if upload_id is None else upload_store.find_upload(tx, upload_id)
        return item if item is not None and _may_open(caller, item) else None

    def is_first(self, caller: Caller, upload: Upload) -> bool:
        """True if the records of the upload have the first SequenceNumbers of its import."""
        with self._database.transaction(caller.account_id) as tx:
            assert upload.import_id is not None  # it is staged
            _, records, last = upload_store.count_uploaded_batches(tx, upload.import_id, name_batches(upload))
        return records == last

    def list_uploads(self, caller: Caller) -> list[Upload]:
        """The files that are no staged import yet and that the caller may open, newest first."""
        require_import(caller)
        user = None if may_read_all(caller.permissions) else caller.user_id
        with self._database.transaction(caller.account_id) as tx:
            return upload_store.list_uploads(tx, user, LISTED)

    # Going on

    def recognize_again(self, caller: Caller, upload_id: str, options: StoredOptions) -> Upload:
        """Read the file anew, with other options. Raises RequestRefused: not_found, conflict (it is read just now)."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            item = _find(tx, caller, upload_id)
            if not upload_store.recognize_again(tx, item.upload_id, msgspec.json.encode(options)):
                raise _refuse_state(item)
            execution_store.notify_work(tx)
            return _find(tx, caller, upload_id)

    def stage(self, caller: Caller, upload_id: str, order: StagingOrder) -> Upload:
        """Let a worker stage the file as a new import.

        Raises RequestRefused like ImportService.initiate; not_found; conflict (the file is not recognized). Raises
        MappingInvalid if the mapping does not fit the file or the account.
        """
        require_import(caller)
        body = msgspec.json.encode(order.fields)
        with self._database.transaction(caller.account_id) as tx:
            index = self._configurations.current_in(tx, caller.account_id)
            read_initiate(body, index, caller.permissions)
            item = _find(tx, caller, upload_id)
            if item.recognition is not None:
                _check_mapping(item, order, choose_configuration(caller, index.configuration))
            stored = StoredOrder(order=order, user_id=caller.user_id, origin=caller.origin)
            if not upload_store.order_staging(tx, item.upload_id, msgspec.json.encode(stored)):
                raise _refuse_state(item)
            _note(tx, caller, "upload.ordered", item.upload_id)
            execution_store.notify_work(tx)
            return _find(tx, caller, upload_id)

    def give_up(self, caller: Caller, upload_id: str) -> None:
        """Delete the file, and cancel the import that it is being staged as. A staged import keeps its records.

        Raises RequestRefused, not_found.
        """
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            item = _find(tx, caller, upload_id)
            # The lock orders this call and the process that stages.
            item = upload_store.lock_upload(tx, item.upload_id) or item
            if upload_store.give_up_upload(tx, item.upload_id):
                _note(tx, caller, "upload.given-up", item.upload_id)
            begun = None
            if item.state == "Staging" and item.import_id is not None:
                begun = import_store.find_import(tx, item.import_id)
        if begun is not None and begun.status in ("Initiated", "Staging"):
            self._imports.cancel_by_id(caller, str(begun.import_id))

    # Limits

    def _require_size(self, size: int) -> None:
        most = self.limits.file_bytes
        if size > most:
            raise RequestRefused(
                "too_large",
                "Upload.FileTooLarge",
                f"A file may have {most / MEGABYTE:,.10g} MB at most. Pack it with gzip or zstd, cut it into several"
                " files, or ask the operator to raise max_upload_megabytes.",
            )

    def _require_space(self, taken: int) -> None:
        most = self.limits.account_bytes
        if taken > most:
            raise RequestRefused(
                "conflict",
                "Upload.SpaceUsedUp",
                f"With this file, the uploaded files of the account would take more than the {most / GIGABYTE:,.10g} GB"
                " that they may take. Give up files that are not needed, wait until the retention of their imports"
                " ends, or ask the operator to raise max_uploaded_gigabytes.",
            )


def name_batches(upload: Upload) -> str:
    """The beginning of the idempotency keys of the batches of an upload."""
    return f"upload {upload.upload_id} "


def refuse_long_mapping() -> RequestRefused:
    """The refusal of a mapping that neither the import's Source nor the account could keep."""
    return RequestRefused(
        "invalid", "Mapping.TooLong", f"A mapping may have {LONGEST_MAPPING} bytes at most. Shorten the document."
    )


def choose_configuration(caller: Caller, configuration: Configuration) -> Configuration | None:
    """The configuration to compare a mapping with. None: the caller may not read it, so no message may show it."""
    return configuration if "read" in caller.permissions.configuration else None


def _check_mapping(item: Upload, order: StagingOrder, configuration: Configuration | None) -> None:
    """Raises MappingInvalid, or RequestRefused for a mapping that is too long, before the file is read."""
    if order.mapping is not None and len(order.mapping.encode()) > LONGEST_MAPPING:
        raise refuse_long_mapping()
    recognition = msgspec.json.decode(item.recognition or b"", type=Recognition)
    if recognition.table is not None:
        mapping = None if order.mapping is None else read_mapping(order.mapping.encode(), "mapping")
        compile_mapping(mapping, recognition.table, configuration, order.settings)


def _require_place(item: Upload, offset: int) -> None:
    if item.state != "Receiving" or offset != item.received:
        raise RequestRefused(
            "conflict",
            "Upload.WrongOffset",
            f"The part begins at byte {offset}, and the upload has {item.received} bytes. Send the part that begins at"
            f" byte {item.received}.",
        )


def _require_part(item: Upload, offset: int, length: int) -> None:
    is_last = item.size is not None and offset + length == item.size
    if length > PART_BYTES:
        raise RequestRefused(
            "too_large",
            "Upload.PartTooLarge",
            f"A part may have {PART_BYTES} bytes at most, not {length}.",
        )
    if length < SMALLEST_PART and not is_last:
        raise RequestRefused(
            "invalid",
            "Upload.PartTooSmall",
            f"Only the last part may have less than {SMALLEST_PART} bytes, and this one has {length}.",
        )


def _clean_name(file_name: str) -> str:
    """The name without folders and hidden characters. The end of a long name stays, because it says the kind."""
    name = spell_hidden(_UNENDED.split(file_name)[-1]).strip() or "file"
    return name if len(name) <= _LONGEST_NAME else "…" + name[-(_LONGEST_NAME - 1) :]


def _may_open(caller: Caller, item: Upload) -> bool:
    return item.caller == caller.user_id or may_read_all(caller.permissions)


def _find(tx: Transaction, caller: Caller, upload_id: str | UUID) -> Upload:
    try:
        wanted = UUID(str(upload_id))
    except ValueError:
        wanted = None
    item = upload_store.find_upload(tx, wanted) if wanted is not None else None
    if item is None or not _may_open(caller, item):
        raise RequestRefused(
            "not_found", "Upload.NotFound", "There is no such upload, or its time is over. Upload the file again."
        )
    return item


def _refuse_state(item: Upload) -> RequestRefused:
    return RequestRefused(
        "conflict",
        "Upload.NotReady",
        f"The upload is {item.state}, and this can be done only when the file is recognized and not being staged.",
    )


def _note(tx: Transaction, caller: Caller, action: str, upload_id: UUID, more: dict[str, int] | None = None) -> None:
    note_event(tx, caller, action, details={"Upload": str(upload_id), **(more or {})})  # type: ignore[arg-type]
