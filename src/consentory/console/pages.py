"""Render the pages of the console from its templates.

Jinja escapes every value. The templates use no filter that marks a text as safe, and the Content-Security-Policy
permits no script or style in a page.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import State

from consentory.console import console_words, upload_view
from consentory.console.form_check import make_token
from consentory.console.session_middleware import FORM_COOKIE, SESSION_COOKIE, read_cookie
from consentory.console.static_files import name_address
from consentory.domain.caller import Caller
from consentory.services.access.console_sessions import SignedIn

ConsoleRequest = Request[Caller, SignedIn, State]
"""A request with a session: `request.user` is its Caller, `request.auth` the Caller and the account."""

Page = Response[bytes]

HTML = "text/html; charset=utf-8"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    # With `no-referrer`, browsers send `Origin: null` with the forms of our own pages.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class NavigationEntry(NamedTuple):
    """A link of the navigation. It is shown to users who may open its page."""

    path: str
    label: str


def list_navigation(caller: Caller) -> list[NavigationEntry]:
    """The screens that the caller may open, in their order."""
    permissions = caller.permissions
    entries = (
        (permissions.import_, NavigationEntry("/console/imports", "Imports")),
        ("read" in permissions.profile, NavigationEntry("/console/people", "People")),
        ("read" in permissions.profile, NavigationEntry("/console/audience", "Audiences")),
        ("read" in permissions.configuration, NavigationEntry("/console/account", "Account")),
        (permissions.audit, NavigationEntry("/console/audit", "Audit")),
    )
    return [entry for is_open, entry in entries if is_open]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("consentory.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": console_words.show_count,
        "said": console_words.show_text,
        "instant": console_words.show_instant,
        "seconds": lambda seconds: console_words.show_duration(timedelta(seconds=seconds)),
        "duration": console_words.show_duration,
        "words": console_words.count_words,
        "state": console_words.describe_state,
        "bytes": upload_view.show_bytes,
        "upload_state": upload_view.describe_upload,
        "action": console_words.describe_action,
    }
    environment.globals |= {
        "static": name_address,
        "show_time": console_words.show_time,
        "show_day": console_words.show_day,
    }
    return environment


def render(request: Request[Any, Any, Any], template: str, status: int = 200, **values: Any) -> Page:
    """A page with the headers that protect it."""
    return respond(fill_template(request, template, values), status)


def respond(text: str, status: int = 200) -> Page:
    """A page, or a part of a page, from its text."""
    return Response(text.encode(), status_code=status, media_type=HTML, headers=dict(_HEADERS))


def fill_template(request: Request[Any, Any, Any], template: str, values: dict[str, Any]) -> str:
    """The output of a template. Each value is escaped."""
    signed_in = request.scope.get("auth")
    cookie = read_cookie(request, SESSION_COOKIE if signed_in else FORM_COOKIE)
    shared = {
        "account": signed_in.account if signed_in else None,
        "user_id": signed_in.caller.user_id if signed_in else "",
        "navigation": list_navigation(signed_in.caller) if signed_in else [],
        "here": request.url.path,
        "form_token": make_token(cookie) if cookie else "",
        "zone": signed_in.account.time_zone if signed_in else "UTC",
    }
    return _environment().get_template(template).render(**(shared | values))


def redirect(path: str, **headers: str) -> Page:
    """Go to another page with GET."""
    return Response(b"", status_code=303, media_type=HTML, headers={"Location": path, **_HEADERS, **headers})
