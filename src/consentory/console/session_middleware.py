"""The session of each call of the console, by its cookie."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from consentory.errors import ConsentoryError
from consentory.http.authentication_middleware import read_origin

SESSION_COOKIE = "consentory"
FORM_COOKIE = "consentory-form"
"""The cookie of the sign-in page. It only ties the form of this page to the browser, and opens nothing."""
_VALUE = re.compile("[A-Za-z0-9_-]{43}")


class SignInNeeded(ConsentoryError):
    """The call has no session, or its session has ended."""


class SessionMiddleware(AbstractAuthenticationMiddleware):
    """Finds the user of a call before the body of the call is read. Raises SignInNeeded."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller and the account of the session that the cookie names."""
        value = read_cookie(connection, SESSION_COOKIE)
        signed_in = None
        if value:
            is_use = not connection.scope["route_handler"].opt.get("is_live")
            find = connection.app.state.sessions.find
            signed_in = await sync_to_thread(find, value, read_origin(connection), is_use=is_use)
        if signed_in is None:
            raise SignInNeeded
        return AuthenticationResult(user=signed_in.caller, auth=signed_in)


def read_cookie(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> str:
    """The value of one of the console's cookies; "" if there is none that this server could have made."""
    value = connection.cookies.get(_name_cookie(name, is_secure=read_origin(connection).encrypted), "")
    return value if _VALUE.fullmatch(value) else ""


def write_cookie(request: Request[Any, Any, Any], name: str, value: str) -> str:
    """A Set-Cookie header. An empty value deletes the cookie.

    With TLS the name has the prefix `__Host-`: browsers then demand Secure and Path=/, and permit no Domain.
    """
    is_secure = read_origin(request).encrypted
    words = [f"{_name_cookie(name, is_secure=is_secure)}={value}", "Path=/", "HttpOnly", "SameSite=Strict"]
    words += ["Secure"] if is_secure else []
    words += [] if value else ["Max-Age=0"]
    return "; ".join(words)


def _name_cookie(name: str, *, is_secure: bool) -> str:
    return f"__Host-{name}" if is_secure else name
