"""The screen "New import": choose a file, look at what was recognized, and have it staged."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation

from consentory.codec.tabular.mapping_document import MappingInvalid
from consentory.codec.tabular.mapping_presets import UnknownPreset
from consentory.console.form_check import FORM_BODY, MULTIPART, Form, check_token
from consentory.console.form_upload import receive_form
from consentory.console.live_parts import answer_part
from consentory.console.mapping_screen import LIVE, make_progress, show_upload_page
from consentory.console.pages import ConsoleRequest, Page, redirect, render
from consentory.console.routes.imports_routes import Uploads
from consentory.console.upload_view import read_options, read_order, read_targets
from consentory.domain.permission import require_import
from consentory.domain.upload import Upload
from consentory.errors import RequestRefused
from consentory.http.media_types import FORM
from consentory.http.request_body import BODY, Content
from consentory.services.uploads.mapping_service import MappingService
from consentory.services.uploads.upload_service import PART_BYTES

UploadId = Annotated[str, PathParameter(name="uploadId")]
Mappings = NamedDependency[SkipValidation[MappingService]]

_PATH = "/uploads/{uploadId:str}"
_CALL = {"takes": (FORM,), "largest_body": 20_000, "needs": require_import}
_MAPPING_CALL = {**_CALL, "largest_body": 1_000_000}
BYTES = "application/octet-stream"
TOKEN_HEADER = "x-form-token"  # noqa: S105 (the name of a header)


@get("/imports/new", operation_id="consoleNewImport", sync_to_thread=True, opt={"needs": require_import})
def show_new(request: ConsoleRequest, uploads: Uploads, mappings: Mappings) -> Page:
    """The form for a file, the files that are no import yet, and the mappings that the account keeps."""
    items, saved = uploads.list_uploads(request.user), mappings.list_saved(request.user)
    return render(request, "new_import.html", items=items, saved=saved, limits=uploads.limits)


@post("/uploads", operation_id="consoleUploadForm", opt={"takes": (MULTIPART,), "needs": require_import})
async def receive_file(request: ConsoleRequest, uploads: Uploads) -> Page:
    """A whole file from a plain form."""
    return _go_to(await receive_form(request, uploads))


@post("/uploads/begin", operation_id="consoleUpload", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def begin(request: ConsoleRequest, uploads: Uploads, form: Form) -> Response[bytes]:
    """A new upload. The page sends its parts."""
    size = form.get("size", "")
    if not (size.isascii() and size.isdecimal() and len(size) < 16):
        raise RequestRefused("invalid", "Request.Malformed", "The size of the file must be a number of bytes.")
    return _answer_state(uploads.begin(request.user, form.get("name", ""), int(size)))


@post(
    f"{_PATH}/parts",
    operation_id="consoleUploadPart",
    sync_to_thread=True,
    dependencies=BODY,
    opt={"takes": (BYTES,), "largest_body": PART_BYTES, "needs": require_import},
)
def append(
    request: ConsoleRequest, uploads: Uploads, content: Content, upload_id: UploadId, offset: int
) -> Response[bytes]:
    """The next part of a file, which begins at byte `offset`."""
    check_token(request, request.headers.get(TOKEN_HEADER, ""))
    return _answer_state(uploads.append(request.user, upload_id, offset, content))


@get(f"{_PATH}/state", operation_id="consoleUploadState", sync_to_thread=True, opt={"needs": require_import})
def get_state(request: ConsoleRequest, uploads: Uploads, upload_id: UploadId) -> Response[bytes]:
    """How many bytes are here, for a page that goes on with an upload."""
    return _answer_state(uploads.find(request.user, upload_id))


@get(_PATH, operation_id="consoleUploadScreen", sync_to_thread=True, opt={"needs": require_import})
def show_upload(request: ConsoleRequest, uploads: Uploads, mappings: Mappings, upload_id: UploadId) -> Page:
    """The step that the upload is at."""
    item = uploads.find(request.user, upload_id)
    return show_upload_page(request, mappings, item)


@get(f"{_PATH}/progress", operation_id="consoleUploadProgress", sync_to_thread=True, opt={"is_live": True})
def show_progress(request: ConsoleRequest, uploads: Uploads, upload_id: UploadId) -> Page:
    """The progress, for a page that keeps itself live. When the step is over, the page loads itself anew."""
    item = uploads.find(request.user, upload_id)
    page = answer_part(request, make_progress(request, item))
    if item.state not in LIVE:
        page.headers["HX-Refresh"] = "true"
    return page


@post(f"{_PATH}/options", operation_id="consoleReadAgain", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def read_again(request: ConsoleRequest, uploads: Uploads, form: Form, upload_id: UploadId) -> Page:
    """Read the file anew, with another encoding, delimiter, header or sheet."""
    return _go_to(uploads.recognize_again(request.user, upload_id, read_options(form)))


@post(f"{_PATH}/mapping", operation_id="consoleMapping", sync_to_thread=True, dependencies=FORM_BODY, opt=_MAPPING_CALL)
def work_on_mapping(
    request: ConsoleRequest, uploads: Uploads, mappings: Mappings, form: Form, upload_id: UploadId
) -> Page:
    """Choose or change a mapping, save it, or have the file staged. Each button has a name of its own."""
    item = uploads.find(request.user, upload_id)
    text = _choose_text(request, mappings, item, form)
    notes: dict[str, Any] = {}
    try:
        if "save" in form:
            mappings.save(request.user, form.get("mapping_name", ""), text or "")
            notes["saved"] = form["mapping_name"].strip()
        if "stage" in form:
            return _go_to(uploads.stage(request.user, upload_id, read_order(form, text)))
    except (RequestRefused, MappingInvalid) as error:
        notes["refusal"] = error.detail if isinstance(error, RequestRefused) else str(error)
    return show_upload_page(request, mappings, item, text=text, form=form, **notes)


@post(f"{_PATH}/give-up", operation_id="consoleGiveUp", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def give_up(request: ConsoleRequest, uploads: Uploads, form: Form, upload_id: UploadId) -> Page:  # noqa: ARG001
    """Delete the file, and cancel what is being staged of it."""
    uploads.give_up(request.user, upload_id)
    return redirect("/console/imports/new")


@post("/mappings/delete", operation_id="consoleDeleteMapping", sync_to_thread=True, dependencies=FORM_BODY, opt=_CALL)
def delete_mapping(request: ConsoleRequest, mappings: Mappings, form: Form) -> Page:
    """Delete a saved mapping of the account."""
    mappings.delete(request.user, form.get("mapping_name", ""))
    return redirect("/console/imports/new")


def _choose_text(request: ConsoleRequest, mappings: MappingService, item: Upload, form: dict[str, str]) -> str | None:
    """The text of the mapping after the change that the pressed button stands for."""
    wanted = str(item.upload_id)
    if "use" in form and (chosen := form.get("source", "")):
        kind, _, name = chosen.partition(":")
        try:
            return mappings.suggest(
                request.user,
                wanted,
                preset=name if kind == "preset" else None,
                saved=name if kind == "saved" else None,
            )
        except UnknownPreset as error:
            raise RequestRefused("invalid", "Request.InvalidParameter", str(error)) from error
    text = form.get("mapping")
    if text is None:
        return None
    text = text.replace("\r\n", "\n")
    targets = read_targets(form)
    return mappings.retarget(text, targets) if targets else text


def _answer_state(item: Upload) -> Response[bytes]:
    told = {
        "id": str(item.upload_id),
        "received": item.received,
        "size": item.size,
        "state": item.state,
        "page": f"/console/uploads/{item.upload_id}",
    }
    return Response(msgspec.json.encode(told), status_code=200, media_type="application/json")


def _go_to(item: Upload) -> Page:
    return redirect(f"/console/uploads/{item.upload_id}")


UPLOAD_ROUTES = Router(
    "/",
    route_handlers=[
        show_new,
        receive_file,
        begin,
        append,
        get_state,
        show_upload,
        show_progress,
        read_again,
        work_on_mapping,
        give_up,
        delete_mapping,
    ],
)
