"""The screen "Refused and held back": the records of an import with a fault, by code first, then one by one."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation
from litestar.response import Stream

from consentory.codec.answers.exception_streams import write_csv, write_ndjson
from consentory.codec.record.fault_codes import FAULT_CODES, FaultCode
from consentory.console.import_actions import may_correct
from consentory.console.pages import ConsoleRequest, Page, render
from consentory.console.routes.imports_routes import PAGE_ITEMS, Imports, make_address
from consentory.domain.imports import REFUSED, ExceptionRow, FaultGroup, Import, Phase
from consentory.domain.permission import require_import
from consentory.errors import RequestRefused
from consentory.http.access_log import note_import
from consentory.http.media_types import CSV, NDJSON
from consentory.http.parameters import ImportId
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.uploads.record_places import RecordPlace, RecordPlaces
from consentory.services.uploads.refused_rows_service import RefusedRowsService

RefusedRows = NamedDependency[SkipValidation[RefusedRowsService]]
Places = NamedDependency[SkipValidation[RecordPlaces]]
Exceptions = NamedDependency[SkipValidation[ExceptionService]]

_PATH = "/imports/{importId:str}/refused"
_PHASES: dict[str, Phase] = {"Stage": "Stage", "Execute": "Execute", "NotHonored": "NotHonored"}
_ALL = frozenset(_PHASES.values())
_MEANINGS = {item.code: item for item in FAULT_CODES}
_MOST_SHOWN = 4000
"""Characters of a record. A longer record is in the file."""
_COSTLY = {"needs": require_import, "is_costly": True}


class GroupRow(NamedTuple):
    """A group of records with its meaning, its remedy, and the address of its records."""

    group: FaultGroup
    told: FaultCode | None
    address: str


class RecordRow(NamedTuple):
    """A record with its faults, and its place in its file. `text`: the record as sent; "": it is withheld or lost."""

    row: ExceptionRow
    text: str
    place: RecordPlace


@get(_PATH, operation_id="consoleRefused", sync_to_thread=True, opt=_COSTLY)
def show_groups(
    request: ConsoleRequest, imports: Imports, exceptions: Exceptions, refused_rows: RefusedRows, import_id: ImportId
) -> Page:
    """The number of records for each code, with its meaning and its remedy."""
    item = imports.find_by_id(request.user, import_id)
    note_import(request.scope, item.import_id)
    path = f"/console/imports/{item.import_id}/refused"
    rows = [
        GroupRow(group, _MEANINGS.get(group.code), make_address(f"{path}/{group.phase}/{group.code}"))
        for group in exceptions.group(request.user, item)
    ]
    refused = [row for row in rows if row.group.phase != "NotHonored"]
    held = [row for row in rows if row.group.phase == "NotHonored"]
    own_file = refused_rows.describe(request.user, item)
    return render(request, "refused.html", item=item, refused=refused, held=held, path=path, own_file=own_file)


@get(f"{_PATH}/{{phase:str}}/{{code:str}}", operation_id="consoleRefusedRecords", sync_to_thread=True, opt=_COSTLY)
def show_records(
    request: ConsoleRequest,
    imports: Imports,
    exceptions: Exceptions,
    places: Places,
    *,
    import_id: ImportId,
    phase: Annotated[str, PathParameter(name="phase")],
    code: Annotated[str, PathParameter(name="code")],
) -> Page:
    """The records of one code, 50 on a page."""
    item = imports.find_by_id(request.user, import_id)
    note_import(request.scope, item.import_id)
    page = exceptions.list_by_code(
        request.user, item, (_read_phase(phase), code), after=_read_after(request), limit=PAGE_ITEMS
    )
    found = places.find(request.user, item, page.rows)
    rows = [RecordRow(row, _show_record(row.raw), place) for row, place in zip(page.rows, found, strict=True)]
    return _show_page(request, item, code, rows, has_more=page.has_more)


def _show_page(request: ConsoleRequest, item: Import, code: str, rows: list[RecordRow], *, has_more: bool) -> Page:
    path = request.url.path
    return render(
        request,
        "refused_records.html",
        item=item,
        code=code,
        told=_MEANINGS.get(code),
        rows=rows,
        may_correct=any(one.row.phase in REFUSED for one in rows) and may_correct(request.user, item),
        first_page=path,
        next_page=make_address(path, after=str(rows[-1].row.sequence_number)) if has_more else "",
        is_first=_read_after(request) == 0,
    )


@get(f"{_PATH}/file", operation_id="consoleRefusedFile", sync_to_thread=True, opt=_COSTLY)
def download(request: ConsoleRequest, imports: Imports, exceptions: Exceptions, import_id: ImportId) -> Response[Any]:
    """All records with their faults as a file: CSV to look at, NDJSON to correct and stage again."""
    item = imports.find_by_id(request.user, import_id)
    note_import(request.scope, item.import_id)
    is_csv = request.query_params.get("form") != "ndjson"
    rows = exceptions.stream(request.user, item, _ALL)
    name = f"refused-{item.import_id}.{'csv' if is_csv else 'ndjson'}"
    return Stream(
        (write_csv if is_csv else write_ndjson)(rows),
        media_type=CSV if is_csv else NDJSON,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _read_phase(text: str) -> Phase:
    if text not in _PHASES:
        raise RequestRefused("not_found", "Request.UnknownAddress", "There is no such phase of an import.")
    return _PHASES[text]


def _read_after(request: ConsoleRequest) -> int:
    """The SequenceNumber before the page; 0: the first page. The query was checked before (`check_query`)."""
    return min(int(request.query_params.get("after") or 0), 2**31 - 1)


def _show_record(raw: bytes) -> str:
    if raw == b"{}":
        return ""
    try:
        return msgspec.json.format(raw, indent=2).decode("utf-8", "replace")[:_MOST_SHOWN]
    except (msgspec.MsgspecError, ValueError):
        return raw.decode("utf-8", "replace")[:_MOST_SHOWN]


REFUSED_ROUTES = Router("/", route_handlers=[show_groups, show_records, download])
