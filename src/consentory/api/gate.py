"""The one gate that every call with a clientId goes through."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from consentory.domain.caller import Caller

ApiRequest = Request[Caller, None, State]
"""A request that came through the gate: `request.user` is its Caller."""


class Gate(AbstractAuthenticationMiddleware):
    """Authenticates before anything of the request is read. Raises what Authentication raises.

    The Authentication is in the application's state: routers are copied deeply, and it cannot be.
    """

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller of the request, by its Authorization and the clientId of its path."""
        caller = await sync_to_thread(
            connection.app.state.authentication.authenticate,
            connection.headers.get("authorization"),
            connection.path_params["clientId"],
        )
        return AuthenticationResult(user=caller, auth=None)
