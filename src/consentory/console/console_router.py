"""The console: pages for people, under /console, over the same services as the API."""

from __future__ import annotations

from litestar import Router

from consentory.console.form_check import check_console_call
from consentory.console.page_errors import PAGE_ERRORS
from consentory.console.routes.account_pages import ACCOUNT_PAGES
from consentory.console.routes.audience_routes import AUDIENCE_ROUTES
from consentory.console.routes.audit_pages import AUDIT_PAGES
from consentory.console.routes.correction_routes import CORRECTION_ROUTES
from consentory.console.routes.imports_routes import IMPORTS_ROUTES
from consentory.console.routes.one_import_routes import ONE_IMPORT_ROUTES
from consentory.console.routes.people_routes import PEOPLE_ROUTES
from consentory.console.routes.person_change_routes import PERSON_CHANGE_ROUTES
from consentory.console.routes.refused_routes import REFUSED_ROUTES
from consentory.console.routes.sign_in_routes import SESSION_ROUTES, SIGN_IN_ROUTES
from consentory.console.routes.static_routes import get_static
from consentory.console.routes.upload_routes import UPLOAD_ROUTES
from consentory.console.session_middleware import SessionMiddleware
from consentory.http.read_slots import CostlyReads

_IMPORT_SCREENS = (IMPORTS_ROUTES, ONE_IMPORT_ROUTES, REFUSED_ROUTES, CORRECTION_ROUTES, UPLOAD_ROUTES)
_PEOPLE_SCREENS = (PEOPLE_ROUTES, PERSON_CHANGE_ROUTES, AUDIENCE_ROUTES)


def make_console() -> Router:
    """The routes of the console. The application gives them the services."""
    screens = Router(
        "/",
        route_handlers=[*_IMPORT_SCREENS, *_PEOPLE_SCREENS, SESSION_ROUTES, ACCOUNT_PAGES, AUDIT_PAGES],
        middleware=[SessionMiddleware, CostlyReads],
    )
    return Router(
        "/console",
        route_handlers=[screens, SIGN_IN_ROUTES, get_static],
        exception_handlers=PAGE_ERRORS,
        before_request=check_console_call,
        include_in_schema=False,
    )
