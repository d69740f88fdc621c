"""The one gate that every call with a clientId goes through."""

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
"""A request that came through the gate: `request.user` is its Caller."""


class AuthenticationMiddleware(AbstractAuthenticationMiddleware):
    """Authenticates before anything of the request is read. Raises what Authentication raises.

    The Authentication is in the application's state: routers are copied deeply, and it cannot be.
    """

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller of the request, by its Authorization and the clientId of its path."""
        caller = await sync_to_thread(
            connection.app.state.authentication.authenticate,
            connection.headers.get("authorization"),
            connection.path_params["clientId"],
            read_origin(connection),
        )
        return AuthenticationResult(user=caller, auth=None)


def read_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> Origin:
    """Where a request came from: the address and scheme of the connection, or those that a trusted proxy reports of
    its client (X-Forwarded-For, X-Forwarded-Proto). The same headers of anybody else count for nothing.
    """
    proxies: TrustedProxies = connection.app.state.trusted_proxies
    peer = connection.client.host if connection.client else None
    address = proxies.find_client(peer, connection.headers.getall("x-forwarded-for", []))
    scheme = connection.scope["scheme"]
    if scheme != "https" and proxies.trusts(peer):
        scheme = connection.headers.get("x-forwarded-proto", scheme).lower()
    return Origin(address, connection.scope["state"].get("request_id"), scheme == "https")


def note_refusal(error: Exception, scope: Scope) -> None:
    """Write into the audit trail that somebody who was let in asked for what they may not. Runs in a thread."""
    caller = scope.get("user")
    if isinstance(error, RequestRefused) and error.kind == "forbidden" and isinstance(caller, Caller):
        call = str(getattr(scope.get("route_handler"), "operation_id", ""))
        scope["litestar_app"].state.audit.note_refusal(caller, "permission.refused", error, {"Call": call})
