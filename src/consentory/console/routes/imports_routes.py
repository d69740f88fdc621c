"""The screen "Imports": the imports of the account, newest first, in pages of 50."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.console.books_picture import BooksPicture, draw_books
from consentory.console.console_words import STATUS_CHOICES
from consentory.console.pages import ConsoleRequest, Page, render
from consentory.domain.imports import TRANSITIONS, Import
from consentory.domain.permission import require_import
from consentory.services.imports.import_service import ImportService

Imports = NamedDependency[SkipValidation[ImportService]]

PAGE_ITEMS = 50
_PATH = "/console/imports"


class ImportRow(NamedTuple):
    """An import in the list."""

    item: Import
    picture: BooksPicture
    took: timedelta | None
    """None: it has not begun, or has not ended."""


@get("/imports", operation_id="consoleImports", sync_to_thread=True, opt={"needs": require_import})
def show_imports(request: ConsoleRequest, imports: Imports) -> Page:
    """The list with its filter."""
    return render(request, "imports.html", **_list(request, imports))


@get("/imports/rows", operation_id="consoleImportRows", sync_to_thread=True, opt={"is_live": True})
def show_rows(request: ConsoleRequest, imports: Imports) -> Page:
    """The list alone, for a page that keeps itself live."""
    return render(request, "imports_rows.html", **_list(request, imports))


def _list(request: ConsoleRequest, imports: ImportService) -> dict[str, Any]:
    status = request.query_params.get("status") or None
    cursor = request.query_params.get("cursor") or None
    items, next_cursor = imports.list_imports(request.user, status, PAGE_ITEMS, cursor)
    own = {"status": status, "cursor": cursor}
    return {
        "rows": [ImportRow(item, draw_books(item.books), measure(item)) for item in items],
        "chosen": status or "",
        "choices": STATUS_CHOICES,
        "is_first": cursor is None,
        "is_live": any(TRANSITIONS[item.status] for item in items),
        "first_page": _address(_PATH, status=status),
        "next_page": _address(_PATH, status=status, cursor=next_cursor) if next_cursor else "",
        "live_address": _address(f"{_PATH}/rows", **own),
    }


def measure(item: Import) -> timedelta | None:
    """The time that an import took. None: it has not ended, or nothing of it was applied."""
    begin: datetime | None = item.started_at
    return None if begin is None or item.completed_at is None else item.completed_at - begin


def _address(path: str, **parameters: str | None) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


IMPORTS_ROUTES = Router("/", route_handlers=[show_imports, show_rows])
