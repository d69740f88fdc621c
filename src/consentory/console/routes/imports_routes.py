"""The screen "Imports": the imports of the account, newest first, in pages of 50."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from markupsafe import Markup

from consentory.console.books_picture import BooksPicture, draw_books
from consentory.console.console_words import STATUS_CHOICES
from consentory.console.live_parts import answer_part, make_part
from consentory.console.pages import ConsoleRequest, Page, render
from consentory.domain.imports import TRANSITIONS, Import
from consentory.domain.permission import require_import
from consentory.services.imports.import_service import ImportService
from consentory.services.uploads.upload_service import UploadService

Imports = NamedDependency[SkipValidation[ImportService]]
Uploads = NamedDependency[SkipValidation[UploadService]]

PAGE_ITEMS = 50
_PATH = "/console/imports"


class ImportRow(NamedTuple):
    """An import in the list."""

    item: Import
    picture: BooksPicture
    took: timedelta | None
    """None: it has not begun, or has not ended."""


@get("/imports", operation_id="consoleImports", sync_to_thread=True, opt={"needs": require_import})
def show_imports(request: ConsoleRequest, imports: Imports, uploads: Uploads) -> Page:
    """The list with its filter."""
    _, rows = _make_rows(request, imports)
    return render(
        request,
        "imports.html",
        rows=rows,
        chosen=request.query_params.get("status", ""),
        choices=STATUS_CHOICES,
        uploads=uploads.list_uploads(request.user),
    )


@get("/imports/rows", operation_id="consoleImportRows", sync_to_thread=True, opt={"is_live": True})
def show_rows(request: ConsoleRequest, imports: Imports) -> Page:
    """The list alone, for a page that keeps itself live."""
    return answer_part(request, _make_rows(request, imports))


def _make_rows(request: ConsoleRequest, imports: ImportService) -> tuple[str, Markup]:
    status = request.query_params.get("status") or None
    cursor = request.query_params.get("cursor") or None
    items, next_cursor = imports.list_imports(request.user, status, PAGE_ITEMS, cursor)
    values = {
        "rows": [ImportRow(item, draw_books(item.books), measure(item)) for item in items],
        "chosen": status or "",
        "is_first": cursor is None,
        "first_page": make_address(_PATH, status=status),
        "next_page": make_address(_PATH, status=status, cursor=next_cursor) if next_cursor else "",
    }
    is_live = any(TRANSITIONS[item.status] for item in items)
    return make_part(request, "imports_rows", f"{_PATH}/rows", values, is_live=is_live, status=status, cursor=cursor)


def measure(item: Import) -> timedelta | None:
    """The time that an import took. None: it has not ended, or nothing of it was applied."""
    begin: datetime | None = item.started_at
    return None if begin is None or item.completed_at is None else item.completed_at - begin


def make_address(path: str, **parameters: str | None) -> str:
    """A path with the parameters that have a value."""
    given = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


IMPORTS_ROUTES = Router("/", route_handlers=[show_imports, show_rows])
