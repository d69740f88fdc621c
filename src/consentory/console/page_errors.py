"""The refusals of the console as pages. The statuses, codes and texts are those of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.exceptions import HTTPException

from consentory.console.pages import Page, redirect, render
from consentory.console.session_middleware import SESSION_COOKIE, SignInNeeded, read_cookie, write_cookie
from consentory.errors import OutcomeUnknown, RequestRefused, StoreUnavailable
from consentory.http.problems import EXCEPTION_HANDLERS

SIGN_IN = "/console/sign-in"


def answer_sign_in(request: Request[Any, Any, Any], _: SignInNeeded) -> Page:
    """Go to the sign-in page, and come back afterwards. A part of a page is told to load the whole page."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("hx-request") == "true":
        page = redirect(SIGN_IN)
        page.status_code = 401
        page.headers["HX-Redirect"] = SIGN_IN
        return page
    to = f"{SIGN_IN}?next={quote(wanted, safe='')}" if request.method == "GET" else SIGN_IN
    page = redirect(to)
    if read_cookie(request, SESSION_COOKIE):
        page.headers["Set-Cookie"] = write_cookie(request, SESSION_COOKIE, "")
    return page


def _answer_problem(kind: type[Exception]) -> Callable[[Request[Any, Any, Any], Any], Page]:
    answer = EXCEPTION_HANDLERS[kind]

    def answer_page(request: Request[Any, Any, Any], error: Exception) -> Page:
        told = answer(request, error)
        page = render(request, "problem.html", told.content.status, problem=told.content)
        page.headers.update({name: value for name, value in told.headers.items() if name != "WWW-Authenticate"})
        return page

    return answer_page


PAGE_ERRORS: dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Any]] = {
    SignInNeeded: answer_sign_in,
    **{kind: _answer_problem(kind) for kind in (RequestRefused, StoreUnavailable, OutcomeUnknown)},
    HTTPException: _answer_problem(HTTPException),
    Exception: _answer_problem(Exception),
}
