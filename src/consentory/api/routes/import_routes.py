"""The bulk import over HTTP (import-api.md): decode, call the service, render."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.response import ServerSentEvent, Stream

from consentory.api.routes.progress_stream import watch_import
from consentory.codec.answers.exception_streams import write_csv, write_ndjson
from consentory.codec.answers.exceptions_answer import ExceptionList, render_exceptions
from consentory.codec.answers.status_object import ImportList, StatusObject, render_status
from consentory.codec.record.wire_record import WireBatch
from consentory.codec.staging.initiate_request import InitiateRequest
from consentory.codec.staging.undo_request import UndoRequest, read_undo
from consentory.domain.imports import Import
from consentory.domain.permission import require_import
from consentory.http.access_log import note_import
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.media_types import CSV, EVENTS, JSON, NDJSON, choose_answer, read_content_type
from consentory.http.parameters import (
    AccessToken,
    Cursor,
    ExceptionWindow,
    IdempotencyKey,
    ImportId,
    Limit,
    PreviewIdFilter,
    StatusFilter,
    read_window,
)
from consentory.http.request_body import BODY, Content, spool_body
from consentory.http.request_metrics import count_import_call, count_staged
from consentory.http.stage_slots import StageSlots
from consentory.services.access.authentication import Authentication
from consentory.services.imports.exception_service import ExceptionService
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.stage_processes import StageCall, StageProcesses
from consentory.services.imports.staging_service import StagingService
from consentory.services.imports.undo_service import UndoService

Imports = NamedDependency[SkipValidation[ImportService]]
Undos = NamedDependency[SkipValidation[UndoService]]
Staging = NamedDependency[SkipValidation[StagingService]]
Processes = NamedDependency[SkipValidation[StageProcesses]]
Exceptions = NamedDependency[SkipValidation[ExceptionService]]
Authenticator = NamedDependency[SkipValidation[Authentication]]
Window = NamedDependency[SkipValidation[ExceptionWindow]]

_EXCEPTION_TYPES = (JSON, NDJSON, CSV)
_EXCEPTION_WINDOW = {"window": Provide(read_window, sync_to_thread=False)}
_EXCEPTION_OPTIONS = {"answers": _EXCEPTION_TYPES, "answer": ExceptionList, "refuses": (410,), "is_costly": True}
_SMALL_BODY = 1_000_000


@post(
    "/Async/{clientId:str}/Import",
    operation_id="initiate",
    status_code=200,
    sync_to_thread=True,
    dependencies=BODY,
    opt={
        "takes": (JSON,),
        "body": InitiateRequest,
        "refuses": (409,),
        "needs": require_import,
        "largest_body": _SMALL_BODY,
    },
)
def initiate(
    request: ApiRequest, imports: Imports, content: Content, idempotency_key: IdempotencyKey = None
) -> StatusObject:
    """Start an import."""
    item = imports.initiate(request.user, content, idempotency_key)
    return answer_import(request, item, "initiate")


@post(
    "/Async/{clientId:str}/Import/{accessToken:str}/Stage",
    operation_id="stage",
    status_code=200,
    opt={"takes": (JSON, NDJSON), "body": WireBatch, "refuses": (409,), "needs": require_import},
)
async def stage(
    request: ApiRequest,
    imports: Imports,
    staging: Staging,
    processes: Processes,
    access_token: AccessToken,
    idempotency_key: IdempotencyKey = None,
) -> StatusObject:
    """Stage one batch of records: the whole batch or no record of it."""
    slots: StageSlots = request.app.state.stage_slots
    is_json = read_content_type(request, (JSON, NDJSON)) == JSON
    await sync_to_thread(imports.find_by_token, request.user, access_token)  # before the body is read
    limit = await sync_to_thread(staging.body_limit, request.user)
    encoding = request.headers.get("content-encoding")
    call = StageCall(request.user, access_token, "json" if is_json else "ndjson", encoding, limit, idempotency_key)
    async with slots.hold(request.user.account_id):
        body = await spool_body(request, limit)
        item, batch = await slots.run(request.user.account_id, processes.stage, call, body)
    note_import(request.scope, item.import_id)
    if batch is not None:
        count_staged(batch.last - batch.first + 1 - batch.failed, batch.failed)
    return render_status(item, batch)


@post(
    "/Async/{clientId:str}/Import/{accessToken:str}/Execute",
    operation_id="execute",
    status_code=200,
    sync_to_thread=True,
    opt={"refuses": (409,)},
)
def execute(
    request: ApiRequest, imports: Imports, access_token: AccessToken, preview_id: PreviewIdFilter = None
) -> StatusObject:
    """Start the import of the staged records. A repeated call changes nothing."""
    return answer_import(request, imports.execute(request.user, access_token, preview_id), "execute")


@post(
    "/Async/{clientId:str}/Import/{accessToken:str}/Cancel",
    operation_id="cancel",
    status_code=200,
    sync_to_thread=True,
    opt={"refuses": (409,)},
)
def cancel(request: ApiRequest, imports: Imports, access_token: AccessToken) -> StatusObject:
    """Give an import up of which nothing was applied yet. Harmless when repeated."""
    return answer_import(request, imports.cancel(request.user, access_token), "cancel")


@post(
    "/Async/{clientId:str}/Imports/{importId:str}/Cancel",
    operation_id="cancelImport",
    status_code=200,
    sync_to_thread=True,
    opt={"refuses": (409,)},
)
def cancel_import(request: ApiRequest, imports: Imports, import_id: ImportId) -> StatusObject:
    """Like the call by access token. This call also answers after the token has expired."""
    return answer_by_id(request, imports.cancel_by_id(request.user, import_id), "cancel")


@post(
    "/Async/{clientId:str}/Imports/{importId:str}/Release",
    operation_id="releaseImport",
    status_code=200,
    sync_to_thread=True,
    opt={"refuses": (409,)},
)
def release(request: ApiRequest, imports: Imports, import_id: ImportId) -> StatusObject:
    """Let an import go on that a guard holds. Needs the permission `release`. Harmless when repeated."""
    return answer_by_id(request, imports.release(request.user, import_id), "release")


@get("/Async/{clientId:str}/Import/{accessToken:str}/Status", operation_id="getStatus", sync_to_thread=True)
def get_status(request: ApiRequest, imports: Imports, access_token: AccessToken) -> StatusObject:
    """The state of an import. Its counts are consistent at every moment."""
    return answer_import(request, imports.find_by_token(request.user, access_token))


@get(
    "/Async/{clientId:str}/Import/{accessToken:str}/Exceptions",
    operation_id="getExceptions",
    sync_to_thread=True,
    dependencies=_EXCEPTION_WINDOW,
    opt=_EXCEPTION_OPTIONS,
)
def get_exceptions(
    request: ApiRequest, imports: Imports, exceptions: Exceptions, window: Window, access_token: AccessToken
) -> Response[Any]:
    """The records that were refused, or of which a part was not honored. Each has its faults and can be corrected and
    staged again."""
    return answer_exceptions(request, exceptions, window, imports.find_by_token(request.user, access_token))


@get("/Async/{clientId:str}/Imports", operation_id="listImports", sync_to_thread=True)
def list_imports(
    request: ApiRequest, imports: Imports, status: StatusFilter = None, limit: Limit = 100, cursor: Cursor = None
) -> ImportList:
    """The account's imports, newest first."""
    items, next_cursor = imports.list_imports(request.user, status, limit, cursor)
    return ImportList(len(items), next_cursor, [show_import(request, item) for item in items])


@get("/Async/{clientId:str}/Imports/{importId:str}", operation_id="getImport", sync_to_thread=True)
def get_import(request: ApiRequest, imports: Imports, import_id: ImportId) -> StatusObject:
    """One import by its id. This call also answers after the access token has expired."""
    return answer_by_id(request, imports.find_by_id(request.user, import_id))


@get(
    "/Async/{clientId:str}/Imports/{importId:str}/Exceptions",
    operation_id="getImportExceptions",
    sync_to_thread=True,
    dependencies=_EXCEPTION_WINDOW,
    opt=_EXCEPTION_OPTIONS,
)
def get_import_exceptions(
    request: ApiRequest, imports: Imports, exceptions: Exceptions, window: Window, import_id: ImportId
) -> Response[Any]:
    """Like the call by access token. This call also answers after the token has expired."""
    return answer_exceptions(request, exceptions, window, imports.find_by_id(request.user, import_id))


@get(
    "/Async/{clientId:str}/Imports/{importId:str}/Progress",
    operation_id="watchImport",
    sync_to_thread=True,
    opt={"answers": (EVENTS,)},
)
def watch(request: ApiRequest, imports: Imports, authentication: Authenticator, import_id: ImportId) -> ServerSentEvent:
    """The status object whenever it changes, as server-sent events `status`, until the import has ended."""
    authorization = request.headers.get("authorization")

    def look() -> StatusObject:
        caller = authentication.authenticate_again(authorization, request.user)
        return show_import(request, imports.find_by_id(caller, import_id))

    item = imports.find_by_id(request.user, import_id)
    note_import(request.scope, item.import_id)
    return ServerSentEvent(watch_import(show_import(request, item), look))


@post(
    "/Async/{clientId:str}/Imports/{importId:str}/Undo",
    operation_id="undoImport",
    status_code=200,
    sync_to_thread=True,
    dependencies=BODY,
    opt={"takes": (JSON,), "body": UndoRequest, "refuses": (409,), "needs": require_import, "largest_body": 10_000},
)
def undo(request: ApiRequest, undos: Undos, content: Content, import_id: ImportId) -> StatusObject:
    """Make an import that takes back a completed one when it is executed."""
    item = undos.undo(request.user, import_id, restore_yes=read_undo(content).RestoreYes)
    return answer_import(request, item, "undo")


def answer_import(request: ApiRequest, item: Import, call: str | None = None) -> StatusObject:
    """The status object. `call` names the call that changed the state of the import."""
    _note(request, item, call)
    return render_status(item)


def answer_by_id(request: ApiRequest, item: Import, call: str | None = None) -> StatusObject:
    """Like `answer_import`, for a caller who sent no access token."""
    _note(request, item, call)
    return show_import(request, item)


def _note(request: ApiRequest, item: Import, call: str | None) -> None:
    note_import(request.scope, item.import_id)
    if call is not None:
        count_import_call(call)


def show_import(request: ApiRequest, item: Import) -> StatusObject:
    """The status object for a caller who sent no access token. Only the import's initiator sees the token."""
    return render_status(item, show_token=item.caller == request.user.user_id)


def answer_exceptions(
    request: ApiRequest, exceptions: ExceptionService, window: ExceptionWindow, item: Import
) -> Response[Any]:
    """A page as JSON; or all records as a stream, if Accept names a file format."""
    note_import(request.scope, item.import_id)
    kind = choose_answer(request, _EXCEPTION_TYPES)
    if kind != JSON:
        write = write_ndjson if kind == NDJSON else write_csv
        rows = exceptions.stream(request.user, item, window.phases)
        return Stream(write(rows), media_type=kind)
    page = exceptions.page(request.user, item, window.phases, window.limit, window.offset)
    return Response(render_exceptions(page, window.limit, window.offset))


IMPORT_ROUTES = Router(
    "/",
    route_handlers=[
        initiate,
        stage,
        execute,
        cancel,
        cancel_import,
        release,
        get_status,
        get_exceptions,
        list_imports,
        get_import,
        get_import_exceptions,
        watch,
        undo,
    ],
    tags=["Import"],
)
