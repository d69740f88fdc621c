"""Read the forms of the console, and refuse a form that does not come from a page of the same session.

Two checks protect each form: the header Origin must name this server, and the field `form_token` must fit the cookie.
The token is an HMAC of the cookie's value, so the server stores nothing for it.
"""

from __future__ import annotations

import hmac
import io
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from multipart import MultipartError, MultipartParser, parse_options_header

from consentory.console.session_middleware import FORM_COOKIE, SESSION_COOKIE, read_cookie
from consentory.errors import RequestRefused
from consentory.http.authentication_middleware import read_origin
from consentory.http.call_checks import check_call
from consentory.http.media_types import FORM
from consentory.http.request_body import BODY, Content

MULTIPART = "multipart/form-data"
TOKEN_FIELD = "form_token"  # noqa: S105 (the name of a field)
_PURPOSE = b"consentory console form"
_MOST_FIELDS = 5000
"""A mapping has three fields for each column of its file."""

Fields = dict[str, str]
"""The fields of a form by name. The value of a file is its text."""


def make_token(cookie: str) -> str:
    """The token of the forms of one session."""
    return hmac.digest(cookie.encode(), _PURPOSE, "sha256").hex()


async def check_console_call(request: Request[Any, Any, Any]) -> None:
    """Check the Origin of a call that can change something. Runs before every handler, and before the body is read."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_origin(request)
    await check_call(request)


def check_origin(request: Request[Any, Any, Any]) -> None:
    """Raises RequestRefused, forbidden, unless the header Origin names this server."""
    scheme = "https" if read_origin(request).encrypted else "http"
    own = f"{scheme}://{request.headers.get('host', '')}"
    if request.headers.get("origin", "").lower() != own.lower():
        raise RequestRefused(
            "forbidden",
            "Console.OtherOrigin",
            "The form was not sent from a page of this server. Open the page again, and send the form from there.",
        )


def check_token(request: Request[Any, Any, Any], token: str) -> None:
    """Raises RequestRefused, forbidden, unless the token belongs to the cookie of the request."""
    cookie = read_cookie(request, SESSION_COOKIE if request.scope.get("auth") else FORM_COOKIE)
    if not cookie or not hmac.compare_digest(make_token(cookie), token):
        raise RequestRefused(
            "forbidden",
            "Console.FormTokenInvalid",
            "The page of this form is too old. Open the page again, and send the form from there.",
        )


async def take_form(request: Request[Any, Any, Any], content: Content) -> Fields:
    """The fields of a form whose token was checked. Raises RequestRefused."""
    fields = _read_fields(request, content)
    check_token(request, fields.pop(TOKEN_FIELD, ""))
    return fields


def _read_fields(request: Request[Any, Any, Any], content: bytes) -> Fields:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind not in (FORM, MULTIPART):
        raise RequestRefused("unsupported", "Request.UnsupportedMediaType", "Send a form of the console.")
    try:
        if kind == FORM:
            text = content.decode("utf-8", "replace")
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
        parser = MultipartParser(
            io.BytesIO(content),
            options.get("boundary", ""),
            content_length=len(content),
            part_limit=_MOST_FIELDS,
            memory_limit=len(content) + 1,
            buffer_size=65_536,
        )
        return {part.name: part.raw.decode("utf-8", "replace") for part in parser}
    except (MultipartError, ValueError) as error:
        raise RequestRefused("invalid", "Request.Malformed", "The form cannot be read. Send it again.") from error


Form = NamedDependency[SkipValidation[Fields]]
"""The fields of a form of the console."""
FORM_BODY = {**BODY, "form": Provide(take_form)}
"""The dependencies of a handler that takes a form. Its `opt` has `largest_body`."""
