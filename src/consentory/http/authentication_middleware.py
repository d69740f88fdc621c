"""The authentication of every call with a clientId."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Scope

from consentory.domain.caller import Caller, Origin
from consentory.errors import RequestRefused
from consentory.http.trusted_proxies import TrustedProxies

ApiRequest = Request[Caller, None, State]
"""An authenticated request: `request.user` is its Caller."""


class AuthenticationMiddleware(AbstractAuthenticationMiddleware):
    """Authenticates a request before the body of the request is read. Raises the errors of Authentication.

    The Authentication is in the application's state, because Litestar copies routers deeply and an Authentication
    cannot be copied.
    """

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller of the request, by its Authorization header and the clientId in its path."""
        caller = await sync_to_thread(
            connection.app.state.authentication.authenticate,
            connection.headers.get("authorization"),
            connection.path_params["clientId"],
            read_origin(connection),
        )
        return AuthenticationResult(user=caller, auth=None)


def read_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> Origin:
    """The origin of a request: the address and scheme of the connection, or the address and scheme that a trusted proxy
    reports for its client (X-Forwarded-For, X-Forwarded-Proto). These headers are ignored if the connection is not from
    a trusted proxy."""
    proxies: TrustedProxies = connection.app.state.trusted_proxies
    peer = connection.client.host if connection.client else None
    address = proxies.find_client(peer, connection.headers.getall("x-forwarded-for", []))
    scheme = connection.scope["scheme"]
    if scheme != "https" and proxies.trusts(peer):
        scheme = connection.headers.get("x-forwarded-proto", scheme).lower()
    return Origin(address, connection.scope["state"].get("request_id"), scheme == "https")


def note_refusal(error: Exception, scope: Scope) -> None:
    """Add an event to the audit trail: an authenticated caller requested a forbidden call. Runs in a thread."""
    caller = scope.get("user")
    if isinstance(error, RequestRefused) and error.kind == "forbidden" and isinstance(caller, Caller):
        call = str(getattr(scope.get("route_handler"), "operation_id", ""))
        scope["litestar_app"].state.audit.note_refusal(caller, "permission.refused", error, {"Call": call})
