"""The screen "One import": its books, its preview, and the calls that its state allows."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Stream
from markupsafe import Markup

from consentory.console.books_picture import draw_books
from consentory.console.change_words import ChangeWords, EffectWords, describe_change, list_effects, name_limit
from consentory.console.form_check import FORM_BODY, Form
from consentory.console.import_actions import list_actions
from consentory.console.live_parts import answer_part, make_part
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.console.routes.imports_routes import Imports, Uploads, measure
from consentory.console.routes.refused_routes import RefusedRows
from consentory.domain.imports import TRANSITIONS, Import
from consentory.domain.permission import require_import, require_release
from consentory.domain.preview import Preview
from consentory.domain.upload import Upload
from consentory.errors import RequestRefused
from consentory.http.access_log import note_import
from consentory.http.media_types import FORM
from consentory.http.parameters import ImportId
from consentory.http.request_metrics import count_import_call, count_staged
from consentory.services.imports.preview_service import PreviewService
from consentory.services.imports.staging_service import StagingService
from consentory.services.imports.undo_service import UndoService
from consentory.services.uploads.upload_service import UploadService

Previews = NamedDependency[SkipValidation[PreviewService]]
Staging = NamedDependency[SkipValidation[StagingService]]
Undos = NamedDependency[SkipValidation[UndoService]]

_LARGEST_STAGE = 2_000_000
"""Bytes of a form with records. More records come in a file."""
EXAMPLES = 3
"""Examples of each dangerous kind of change."""
_PATH = "/imports/{importId:str}"
_CALL = {"takes": (FORM,), "largest_body": 20_000, "needs": require_import}


class Pace(NamedTuple):
    """The progress of an import that runs. None: not known yet."""

    done: int
    a_second: float | None
    remaining: float | None


@get(_PATH, operation_id="consoleImport", sync_to_thread=True, opt={"needs": require_import})
def show_import(
    request: ConsoleRequest,
    imports: Imports,
    previews: Previews,
    uploads: Uploads,
    refused_rows: RefusedRows,
    import_id: ImportId,
) -> Page:
    """The whole screen."""
    item = _find(request, imports, import_id)
    preview = _find_preview(request, previews, item)
    _, progress = _make_progress(request, item)
    _, actions = _make_actions(request, item, preview, _find_filling(request, uploads, item))
    return render(
        request,
        "one_import.html",
        item=item,
        progress=progress,
        actions=actions,
        is_running=bool(TRANSITIONS[item.status]) and item.status not in ("Initiated", "Staging"),
        examples=_list_examples(request, previews, item, preview),
        refused_file=refused_rows.describe(request.user, item),
    )


@get(f"{_PATH}/refused-rows", operation_id="consoleRefusedRows", sync_to_thread=True, opt={"needs": require_import})
def download_refused_rows(
    request: ConsoleRequest, imports: Imports, refused_rows: RefusedRows, import_id: ImportId
) -> Stream:
    """The refused rows in the form of the uploaded file."""
    name, pieces = refused_rows.read(request.user, _find(request, imports, import_id))
    disposition = f"attachment; filename=\"refused\"; filename*=UTF-8''{quote(name)}"
    return Stream(pieces, media_type="application/octet-stream", headers={"Content-Disposition": disposition})


@get(f"{_PATH}/progress", operation_id="consoleImportProgress", sync_to_thread=True, opt={"is_live": True})
def show_progress(request: ConsoleRequest, imports: Imports, import_id: ImportId) -> Page:
    """The books, for a page that keeps itself live."""
    return answer_part(request, _make_progress(request, _find(request, imports, import_id)))


@get(f"{_PATH}/actions", operation_id="consoleImportActions", sync_to_thread=True, opt={"is_live": True})
def show_actions(
    request: ConsoleRequest, imports: Imports, previews: Previews, uploads: Uploads, import_id: ImportId
) -> Page:
    """The buttons and the preview, for a page that keeps itself live."""
    item = _find(request, imports, import_id)
    filling = _find_filling(request, uploads, item)
    return answer_part(request, _make_actions(request, item, _find_preview(request, previews, item), filling))


@post(
    f"{_PATH}/stage",
    operation_id="consoleStage",
    sync_to_thread=True,
    dependencies=FORM_BODY,
    opt={**_CALL, "largest_body": _LARGEST_STAGE},
)
def stage_more(request: ConsoleRequest, imports: Imports, staging: Staging, form: Form, import_id: ImportId) -> Page:
    """Stage more records into an own import. The same text is staged once."""
    item = imports.find_own(request.user, import_id)
    note_import(request.scope, item.import_id)
    body = form.get("records", "").strip().encode()
    key = f"console {hashlib.sha256(body).hexdigest()}"
    _, batch = staging.stage(request.user, str(item.access_token), body, "ndjson", key)
    if batch is not None:
        count_staged(batch.last - batch.first + 1 - batch.failed, batch.failed)
    return _go_back(item)


@post(f"{_PATH}/preview", operation_id="consoleStartPreview", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def start_preview(
    request: ConsoleRequest,
    imports: Imports,
    previews: Previews,
    form: Form,  # noqa: ARG001 (it was checked)
    import_id: ImportId,
) -> Page:
    """Find out the effects of an import without any change."""
    item = _find(request, imports, import_id)
    previews.start(request.user, item)
    return _go_back(item)


@post(f"{_PATH}/execute", operation_id="consoleExecute", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def execute(request: ConsoleRequest, imports: Imports, form: Form, import_id: ImportId) -> Page:
    """Execute an import of one's own; with the preview that the page showed, only if it is still right."""
    item = imports.find_own(request.user, import_id)
    preview_id = _read_uuid(form.get("preview_id", ""))
    return _go_back(imports.execute(request.user, str(item.access_token), preview_id), "execute")


@post(
    f"{_PATH}/release",
    operation_id="consoleRelease",
    sync_to_thread=True,
    dependencies=FORM_BODY,
    opt={**_CALL, "needs": require_release},
)
def release(request: ConsoleRequest, imports: Imports, form: Form, import_id: ImportId) -> Page:  # noqa: ARG001
    """Let a held import go on."""
    return _go_back(imports.release(request.user, import_id), "release")


@post(f"{_PATH}/cancel", operation_id="consoleCancel", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def cancel(request: ConsoleRequest, imports: Imports, form: Form, import_id: ImportId) -> Page:  # noqa: ARG001
    """Cancel an import before anything of it is applied."""
    return _go_back(imports.cancel_by_id(request.user, import_id), "cancel")


@post(f"{_PATH}/undo", operation_id="consoleUndo", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def undo(request: ConsoleRequest, undos: Undos, form: Form, import_id: ImportId) -> Page:
    """Make the import that takes this one back, and show it. Nothing changes before it is executed."""
    return _go_back(undos.undo(request.user, import_id, restore_yes=form.get("restore_yes") == "yes"), "undo")


def _go_back(item: Import, call: str | None = None) -> Page:
    if call is not None:
        count_import_call(call)
    return redirect(f"/console/imports/{item.import_id}")


def _find(request: ConsoleRequest, imports: Any, import_id: str) -> Import:
    item: Import = imports.find_by_id(request.user, import_id)
    note_import(request.scope, item.import_id)
    return item


def _find_preview(request: ConsoleRequest, previews: PreviewService, item: Import) -> Preview | None:
    try:
        return previews.find(request.user, item)
    except RequestRefused as refusal:
        if refusal.kind in ("not_found", "gone"):
            return None
        raise


def _make_progress(request: ConsoleRequest, item: Import) -> tuple[str, Markup]:
    values = {
        "item": item,
        "picture": draw_books(item.books),
        "pace": _measure_pace(item),
        "took": measure(item),
        "exceeded": [(name_limit(one.Limit), one) for one in item.held_reason or ()],
    }
    path = f"/console/imports/{item.import_id}/progress"
    return make_part(request, "import_progress", path, values, is_live=bool(TRANSITIONS[item.status]))


def _find_filling(request: ConsoleRequest, uploads: UploadService, item: Import) -> Upload | None:
    """The upload that a worker still stages into the import."""
    if item.status not in ("Initiated", "Staging"):
        return None
    found = uploads.find_of_import(request.user, item.import_id)
    return found if found is not None and found.state == "Staging" else None


def _make_actions(
    request: ConsoleRequest, item: Import, preview: Preview | None, filling: Upload | None
) -> tuple[str, Markup]:
    values = {
        "item": item,
        "filling": filling,
        "can": list_actions(request.user, item, preview, is_filling=filling is not None),
        "preview": preview,
        "effects": list_effects(preview) if preview is not None and preview.state == "Done" else [],
        "exceeded": [(name_limit(one.Limit), one) for one in preview.limits_exceeded] if preview else [],
    }
    path = f"/console/imports/{item.import_id}/actions"
    return make_part(request, "import_actions", path, values, is_live=bool(TRANSITIONS[item.status]))


def _list_examples(
    request: ConsoleRequest, previews: PreviewService, item: Import, preview: Preview | None
) -> list[tuple[EffectWords, list[ChangeWords]]]:
    """Some changes of each dangerous kind."""
    if preview is None or preview.state != "Done":
        return []
    zone = request.auth.account.time_zone
    return [
        (effect, [describe_change(one, zone) for one in page.changes])
        for effect in list_effects(preview)
        if effect.is_dangerous
        for page in [previews.list_changes(request.user, item, effect.kind, EXAMPLES, None)]
    ]


def _measure_pace(item: Import) -> Pace | None:
    """The mean rate since the start. None: the import does not run."""
    if item.status != "Processing" or item.started_at is None:
        return None
    done = item.books.valid - item.books.pending
    seconds = (datetime.now(UTC) - item.started_at).total_seconds()
    if not done or seconds < 1:
        return Pace(done, None, None)
    return Pace(done, done / seconds, item.books.pending * seconds / done)


def _read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise RequestRefused("invalid", "Request.InvalidParameter", "The form names no preview. Reload it.") from None


ONE_IMPORT_ROUTES = Router(
    "/",
    route_handlers=[
        show_import,
        download_refused_rows,
        show_progress,
        show_actions,
        stage_more,
        start_preview,
        execute,
        release,
        cancel,
        undo,
    ],
)
