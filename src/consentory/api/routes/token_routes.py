"""OAuth 2.0 client credentials: a client sends a credential and gets a bearer token (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.errors import RequestRefused
from consentory.http.authentication_middleware import read_origin
from consentory.http.media_types import FORM, JSON
from consentory.http.problems import Problem, forget_body, render_refusal
from consentory.http.request_body import BODY, Content
from consentory.services.access.authentication import Authentication

Authenticator = NamedDependency[SkipValidation[Authentication]]

GRANT_TYPE = "client_credentials"
_BODY_BYTES = 20_000
_OAUTH_ERRORS = {
    "Auth.ScopeRefused": "invalid_scope",
    "Auth.GrantUnsupported": "unsupported_grant_type",
    "Auth.Throttled": "temporarily_unavailable",
}


class TokenForm(msgspec.Struct):
    """client_id and client_secret, in the form or by HTTP Basic."""

    grant_type: Literal["client_credentials"] = "client_credentials"
    client_id: str = ""
    client_secret: str = ""
    scope: str = ""


class TokenAnswer(msgspec.Struct):
    """A bearer token; send it as `Authorization: Bearer …`."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""


def answer_token_refusal(_: Request[Any, Any, Any], refusal: RequestRefused) -> Response[Problem]:
    """The refusal in the shape of all refusals, with the member `error` for OAuth clients."""
    forget_body(refusal)
    usual = "invalid_client" if refusal.kind == "unauthorized" else "invalid_request"
    return render_refusal(refusal, _OAUTH_ERRORS.get(refusal.code, usual))


@post(
    "/oauth2/token",
    operation_id="issueToken",
    status_code=200,
    sync_to_thread=True,
    dependencies=BODY,
    opt={
        "takes": (FORM,),
        "body": TokenForm,
        "answers": (JSON,),
        "refuses": (401, 429, 503),
        "largest_body": _BODY_BYTES,
    },
    exception_handlers={RequestRefused: answer_token_refusal},
    tags=["Token"],
)
def issue_token(request: Request[Any, Any, Any], authentication: Authenticator, content: Content) -> TokenAnswer:
    """Send client_id and client_secret, as Basic or in the body, and get a bearer token that is valid for one hour."""
    form = dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))
    if form.get("grant_type", GRANT_TYPE) != GRANT_TYPE:
        detail = f"The only grant_type here is {GRANT_TYPE}."
        raise RequestRefused("invalid", "Auth.GrantUnsupported", detail)
    client_id, secret = read_credential(request.headers.get("authorization"), form)
    token, seconds = authentication.issue_token(client_id, secret, form.get("scope"), read_origin(request))
    return TokenAnswer(token, "Bearer", seconds)


def read_credential(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    """client_id and client_secret from HTTP Basic, else from the form. Raises RequestRefused, unauthorized."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if colon:
            return client_id, secret
    elif "client_id" in form and "client_secret" in form:
        return form["client_id"], form["client_secret"]
    raise RequestRefused(
        "unauthorized",
        "Auth.CredentialMissing",
        "Send client_id and client_secret, by HTTP Basic or in the body.",
        headers={"WWW-Authenticate": 'Basic realm="consentory", charset="UTF-8"'},
    )
