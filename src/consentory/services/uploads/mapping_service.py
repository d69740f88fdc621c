"""Mappings of uploaded tables: how the first rows become records, and mappings saved under a name for the account."""

from __future__ import annotations

import re

import msgspec

from consentory.codec.hidden_characters import is_hidden
from consentory.codec.sources.recognition import Recognition
from consentory.codec.staging.initiate_request import LONGEST_MAPPING
from consentory.codec.tabular.mapping_document import ColumnRule, MappingInvalid, TableMapping, read_mapping
from consentory.codec.tabular.mapping_presets import read_preset, write_defaults
from consentory.codec.tabular.proposed_targets import propose_targets, retarget_columns
from consentory.codec.tabular.row_mapping import RowMapping, RowRefused, compile_mapping
from consentory.codec.tabular.table import Row, RowFault
from consentory.domain.caller import Caller
from consentory.domain.permission import require_import
from consentory.domain.upload import SavedMapping
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.uploads.upload_service import UploadService, choose_configuration, refuse_long_mapping
from consentory.store.database import Database
from consentory.store.tables import upload_store

MOST_MAPPINGS = 200
"""The number of mappings that an account may keep."""
LONGEST_NAME = 100

_COMMENT = re.compile(r"\s+#\s*(.*)$")
_HEAD = re.compile(r"#\s?(.*)")


class MappedColumn(msgspec.Struct, frozen=True):
    """A column of the file with its targets. `doubt`: the comment of the mapping on it."""

    name: str
    targets: tuple[str, ...]
    """Empty: the column is ignored. `is_named` tells whether the mapping says so."""
    doubt: str
    is_named: bool
    note: str = ""
    """The change of the values on the way, for a person: "2 values", "time %d.%m.%Y"."""


class MappedRow(msgspec.Struct, frozen=True):
    """A row of the file beside its record."""

    row: Row
    record: bytes | None
    """JSON. None: the row is refused because of `faults`."""
    faults: tuple[RowFault, ...] = ()


class MappingView(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping applied to the first rows of an uploaded table."""

    text: str
    faults: list[str]
    """Why the mapping cannot be used. Empty: it can."""
    doubts: list[str]
    """Comments that are about no single column."""
    columns: list[MappedColumn]
    """The columns with a doubt first."""
    rows: list[MappedRow]
    match: str | None
    """The alternate id type that people are found by, if the mapping names one."""
    parameters: dict[str, str]
    """The parameters of the mapping, each with its explanation."""


class MappingService:
    """Callers need the permission `import`."""

    def __init__(self, database: Database, configurations: ConfigurationCache, uploads: UploadService) -> None:
        self._database = database
        self._configurations = configurations
        self._uploads = uploads

    def suggest(self, caller: Caller, upload_id: str, *, preset: str | None = None, saved: str | None = None) -> str:
        """The text of a mapping document for an upload: of a preset, a saved one, or the suggested one.

        Raises RequestRefused: not_found; conflict (the file is not recognized yet). Raises UnknownPreset.
        """
        if saved is not None:
            return self.find(caller, saved).document
        recognition = self.recognition(caller, upload_id)
        return recognition.suggestion if preset is None else write_defaults(read_preset(preset), {})

    def recognition(self, caller: Caller, upload_id: str) -> Recognition:
        """The form of an upload's file. Raises RequestRefused: not_found, conflict."""
        item = self._uploads.find(caller, upload_id)
        if item.recognition is None:
            raise RequestRefused(
                "conflict", "Upload.NotReady", f"The upload is {item.state}, and its file is not recognized."
            )
        return msgspec.json.decode(item.recognition, type=Recognition)

    def show(
        self, caller: Caller, upload_id: str, text: str | None, settings: dict[str, str] | None = None
    ) -> MappingView:
        """Apply a mapping to the first rows of an upload. `text` None: the columns must be named as in the record.

        Faults of the mapping are in the result. Raises RequestRefused: not_found, conflict, invalid (it is too long).
        """
        recognition = self.recognition(caller, upload_id)
        table = recognition.table
        if table is None:
            raise RequestRefused("conflict", "Upload.NoTable", "The file holds JSON, which needs no mapping.")
        if text is not None and len(text.encode()) > LONGEST_MAPPING:
            raise refuse_long_mapping()
        configuration = choose_configuration(caller, self._configurations.current(caller.account_id).configuration)
        mapping: TableMapping | None = None
        compiled: RowMapping | None = None
        faults: list[str] = []
        try:
            mapping = None if text is None else read_mapping(text.encode(), "mapping")
            compiled = compile_mapping(mapping, table, configuration, settings)
        except MappingInvalid as error:
            faults = str(error).splitlines()
        names = [column.name for column in table.columns]
        general, doubts = _find_doubts(text or "", mapping)
        columns = [_describe_column(name, mapping, doubts.get(name, "")) for name in names]
        return MappingView(
            text=text or "",
            faults=faults,
            doubts=general,
            columns=sorted(columns, key=lambda column: not column.doubt and column.is_named),
            rows=[_map_row(row, compiled) for row in recognition.rows],
            match=compiled.match if compiled is not None else None,
            parameters={} if mapping is None else {n: p.about for n, p in mapping.document.parameters.items()},
        )

    def list_targets(self, caller: Caller) -> list[str]:
        """Targets that a person often wants, with the names of the account if the caller may read them."""
        require_import(caller)
        return propose_targets(
            choose_configuration(caller, self._configurations.current(caller.account_id).configuration)
        )

    def retarget(self, text: str, targets: dict[str, str]) -> str:
        """The text with other targets of some columns. A text that is not a mapping stays as it is."""
        try:
            return retarget_columns(read_mapping(text.encode(), "mapping"), targets)
        except MappingInvalid:
            return text

    # Saved mappings

    def list_saved(self, caller: Caller) -> list[SavedMapping]:
        """The mappings that the account keeps, by name."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            return upload_store.list_mappings(tx)

    def find(self, caller: Caller, name: str) -> SavedMapping:
        """Raises RequestRefused, not_found."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            found = upload_store.find_mapping(tx, name)
        if found is None:
            raise _refuse_unknown(name)
        return found

    def save(self, caller: Caller, name: str, text: str) -> None:
        """Save a mapping under a name, in place of the one of that name.

        Raises RequestRefused: invalid (the name, or the length), conflict (the account keeps too many). Raises
        MappingInvalid for a document that is none.
        """
        require_import(caller)
        name = name.strip()
        if not 0 < len(name) <= LONGEST_NAME or any(map(is_hidden, name)):
            raise RequestRefused(
                "invalid",
                "Mapping.NameInvalid",
                f"The name of a mapping must have 1 to {LONGEST_NAME} characters that a reader sees.",
            )
        if len(text.encode()) > LONGEST_MAPPING:
            raise refuse_long_mapping()
        read_mapping(text.encode(), "mapping").raise_any()
        with self._database.transaction(caller.account_id) as tx:
            if not upload_store.save_mapping(tx, name, text, caller=caller.user_id, most=MOST_MAPPINGS):
                raise RequestRefused(
                    "conflict",
                    "Mapping.TooMany",
                    f"The account keeps {MOST_MAPPINGS} mappings, and no more. Delete one that is not needed.",
                )
            note_event(tx, caller, "mapping.saved", details={"Bytes": len(text.encode())})

    def delete(self, caller: Caller, name: str) -> None:
        """Raises RequestRefused, not_found."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            if not upload_store.delete_mapping(tx, name):
                raise _refuse_unknown(name)
            note_event(tx, caller, "mapping.deleted")


def _refuse_unknown(name: str) -> RequestRefused:
    return RequestRefused(
        "not_found", "Mapping.NotFound", f"The account keeps no mapping {name!r}. See the list of its mappings."
    )


def _describe_column(name: str, mapping: TableMapping | None, doubt: str) -> MappedColumn:
    if mapping is None:
        return MappedColumn(name, (name,), doubt, is_named=True)
    rule = mapping.document.columns.get(name)
    if rule is None:
        return MappedColumn(name, (), doubt, is_named=False)
    if isinstance(rule, str):
        rule = ColumnRule(to=rule)
    notes = [f"{len(rule.values)} values"] if rule.values else []
    notes += [f"time {' or '.join(rule.patterns)}"] if rule.patterns else []
    notes += [f"split by {rule.split!r}"] if rule.split else []
    return MappedColumn(name, rule.targets, doubt, is_named=True, note=", ".join(notes))


def _map_row(row: Row, compiled: RowMapping | None) -> MappedRow:
    if compiled is None:
        return MappedRow(row, None, row.faults)
    try:
        return MappedRow(row, compiled.make_record(row))
    except RowRefused as refused:
        return MappedRow(row, None, refused.faults)


def _find_doubts(text: str, mapping: TableMapping | None) -> tuple[list[str], dict[str, str]]:
    """The comments of a document: those before its columns, and those on a column's line."""
    lines = text.splitlines()
    general = [found[1] for line in lines if (found := _HEAD.match(line)) and found[1].strip()]
    doubts: dict[str, str] = {}
    for name in mapping.document.columns if mapping is not None else ():
        number = mapping.log.lines.get(f"$.columns.{name}") if mapping is not None else None
        if number is not None and 0 < number <= len(lines) and (found := _COMMENT.search(lines[number - 1])):
            doubts[name] = found[1]
    return general, doubts
