"""Previews over HTTP (docs/effects.md, "Preview"): each call by ImportId and by access token."""

from __future__ import annotations

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.codec.answers.preview_answer import ChangeList, PreviewObject, render_changes, render_preview
from consentory.domain.effects import ChangeKind
from consentory.domain.imports import Import
from consentory.http.access_log import note_import
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.parameters import AccessToken, ChangeKindFilter, Cursor, ImportId, Limit
from consentory.services.imports.import_service import ImportService
from consentory.services.imports.preview_service import PreviewService

Imports = NamedDependency[SkipValidation[ImportService]]
Previews = NamedDependency[SkipValidation[PreviewService]]

_BY_ID = "/Async/{clientId:str}/Imports/{importId:str}/Preview"
_WITH_TOKEN = "/Async/{clientId:str}/Import/{accessToken:str}/Preview"  # noqa: S105 (a path)


@post(_BY_ID, operation_id="startPreview", status_code=202, sync_to_thread=True, opt={"refuses": (409,)})
def start_preview(request: ApiRequest, imports: Imports, previews: Previews, import_id: ImportId) -> PreviewObject:
    """Find out the effects of an import without any change. A new preview replaces the one before."""
    return _start(request, previews, imports.find_by_id(request.user, import_id))


@post(_WITH_TOKEN, operation_id="startTokenPreview", status_code=202, sync_to_thread=True, opt={"refuses": (409,)})
def start_token_preview(
    request: ApiRequest, imports: Imports, previews: Previews, access_token: AccessToken
) -> PreviewObject:
    """As by ImportId."""
    return _start(request, previews, imports.find_by_token(request.user, access_token))


@get(_BY_ID, operation_id="getPreview", sync_to_thread=True, opt={"refuses": (410,)})
def get_preview(request: ApiRequest, imports: Imports, previews: Previews, import_id: ImportId) -> PreviewObject:
    """How the preview of an import stands."""
    return _show(request, previews, imports.find_by_id(request.user, import_id))


@get(_WITH_TOKEN, operation_id="getTokenPreview", sync_to_thread=True, opt={"refuses": (410,)})
def get_token_preview(
    request: ApiRequest, imports: Imports, previews: Previews, access_token: AccessToken
) -> PreviewObject:
    """As by ImportId."""
    return _show(request, previews, imports.find_by_token(request.user, access_token))


@get(
    f"{_BY_ID}/Changes",
    operation_id="listPreviewChanges",
    sync_to_thread=True,
    opt={"refuses": (410,), "is_costly": True},
)
def list_changes(
    request: ApiRequest,
    imports: Imports,
    previews: Previews,
    import_id: ImportId,
    *,
    kind: ChangeKindFilter = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> ChangeList:
    """Single changes that the import would make: all of the dangerous kinds, the first 1,000 of each other kind."""
    return _list(request, previews, imports.find_by_id(request.user, import_id), kind=kind, limit=limit, cursor=cursor)


@get(
    f"{_WITH_TOKEN}/Changes",
    operation_id="listTokenPreviewChanges",
    sync_to_thread=True,
    opt={"refuses": (410,), "is_costly": True},
)
def list_token_changes(
    request: ApiRequest,
    imports: Imports,
    previews: Previews,
    access_token: AccessToken,
    *,
    kind: ChangeKindFilter = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> ChangeList:
    """As by ImportId."""
    return _list(
        request, previews, imports.find_by_token(request.user, access_token), kind=kind, limit=limit, cursor=cursor
    )


def _start(request: ApiRequest, previews: PreviewService, item: Import) -> PreviewObject:
    note_import(request.scope, item.import_id)
    return render_preview(previews.start(request.user, item))


def _show(request: ApiRequest, previews: PreviewService, item: Import) -> PreviewObject:
    note_import(request.scope, item.import_id)
    return render_preview(previews.find(request.user, item))


def _list(
    request: ApiRequest,
    previews: PreviewService,
    item: Import,
    *,
    kind: ChangeKind | None,
    limit: int,
    cursor: str | None,
) -> ChangeList:
    note_import(request.scope, item.import_id)
    return render_changes(previews.list_changes(request.user, item, kind, limit, cursor))


PREVIEW_ROUTES = Router(
    "/",
    route_handlers=[
        start_preview,
        start_token_preview,
        get_preview,
        get_token_preview,
        list_changes,
        list_token_changes,
    ],
    tags=["Preview"],
)
