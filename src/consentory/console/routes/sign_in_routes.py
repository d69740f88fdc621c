"""Sign in with a credential or with a link, and sign out."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter, SkipValidation

from consentory.console.form_check import FORM_BODY, Form, make_token
from consentory.console.page_errors import SIGN_IN
from consentory.console.pages import ConsoleRequest, Page, list_navigation, redirect, render
from consentory.console.session_middleware import FORM_COOKIE, SESSION_COOKIE, read_cookie, write_cookie
from consentory.errors import RequestRefused
from consentory.http.authentication_middleware import read_origin
from consentory.http.media_types import FORM
from consentory.http.problems import forget_body
from consentory.services.access.console_sessions import ConsoleSessions

LinkToken = Annotated[str, PathParameter(name="link")]
Sessions = NamedDependency[SkipValidation[ConsoleSessions]]

_FORM = {"takes": (FORM,), "largest_body": 20_000}
_OWN_PAGE = re.compile(r"/console(?:/[A-Za-z0-9_-]+)*(?:\?[A-Za-z0-9_.=&%-]*)?")
"""The addresses to which the sign-in page goes back. No other server can be named so."""


@get("/sign-in", operation_id="consoleSignIn", sync_to_thread=False)
def show_sign_in(request: Request[Any, Any, Any]) -> Page:
    """The form for a credential."""
    return _show_form(request, "sign_in.html", wanted=request.query_params.get("next", ""))


@post("/sign-in", operation_id="consoleBeginSession", sync_to_thread=True, dependencies=FORM_BODY, opt=_FORM)
def sign_in(request: Request[Any, Any, Any], sessions: Sessions, form: Form) -> Page:
    """Begin a session with a credential. The session has a new id."""
    client_id = form.get("client_id", "").strip()
    try:
        value = sessions.sign_in(client_id, form.get("client_secret", "").strip(), read_origin(request))
    except RequestRefused as refusal:
        status = 429 if refusal.kind == "too_many" else 401
        forget_body(refusal)
        return _show_form(
            request, "sign_in.html", status, refusal=refusal, client_id=client_id, wanted=form.get("next", "")
        )
    return _begin(request, value, form.get("next", ""))


@get("/link/{link:str}", operation_id="consoleLink", sync_to_thread=True)
def show_link(request: Request[Any, Any, Any], sessions: Sessions, link: LinkToken) -> Page:
    """Ask before the link is used, because programs that look at links would use it up."""
    return _show_form(request, "link.html", link_user=sessions.find_link_user(link))


@post("/link/{link:str}", operation_id="consoleUseLink", sync_to_thread=True, dependencies=FORM_BODY, opt=_FORM)
def use_link(request: Request[Any, Any, Any], sessions: Sessions, form: Form, link: LinkToken) -> Page:  # noqa: ARG001
    """Begin a session with a link. The form was checked before this call."""
    return _begin(request, sessions.redeem_link(link, read_origin(request)), "")


@get("/", operation_id="consoleHome", sync_to_thread=False)
def show_home(request: ConsoleRequest) -> Page:
    """The first screen that the user may open."""
    navigation = list_navigation(request.user)
    return redirect(navigation[0].path) if navigation else render(request, "nothing.html")


@get("/{rest:path}", operation_id="consoleUnknown", sync_to_thread=False)
def show_unknown(rest: Annotated[str, PathParameter(name="rest")]) -> Page:  # noqa: ARG001
    """The page for an address that does not exist."""
    raise NotFoundException


@post("/sign-out", operation_id="consoleEndSession", sync_to_thread=True, dependencies=FORM_BODY, opt=_FORM)
def sign_out(request: ConsoleRequest, sessions: Sessions, form: Form) -> Page:  # noqa: ARG001
    """End the session in the database. The form was checked before this call."""
    sessions.end(request.user, read_cookie(request, SESSION_COOKIE))
    page = redirect(SIGN_IN)
    page.headers["Set-Cookie"] = write_cookie(request, SESSION_COOKIE, "")
    page.headers["Clear-Site-Data"] = '"cache", "storage"'
    return page


def _begin(request: Request[Any, Any, Any], value: str, wanted: str) -> Page:
    page = redirect(wanted if _OWN_PAGE.fullmatch(wanted) else "/console")
    page.headers["Set-Cookie"] = write_cookie(request, SESSION_COOKIE, value)
    return page


def _show_form(request: Request[Any, Any, Any], template: str, status: int = 200, **values: Any) -> Page:
    cookie = read_cookie(request, FORM_COOKIE) or secrets.token_urlsafe(32)
    shown = {"refusal": None, "client_id": "", "wanted": "", "form_token": make_token(cookie), **values}
    page = render(request, template, status, **shown)
    page.headers["Set-Cookie"] = write_cookie(request, FORM_COOKIE, cookie)
    return page


SIGN_IN_ROUTES = Router("/", route_handlers=[show_sign_in, sign_in, show_link, use_link])
SESSION_ROUTES = Router("/", route_handlers=[show_home, show_unknown, sign_out])
