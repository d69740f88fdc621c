"""The checks of a request before its body is read. A route names its checks in its `opt`."""

from __future__ import annotations

from typing import Any

from litestar import Request

from consentory.http.media_types import check_media
from consentory.http.parameters import check_query


async def check_call(request: Request[Any, Any, Any]) -> None:
    """Check the caller's permission. Runs before every handler and after the authentication.

    The function `needs` in the route's `opt` raises RequestRefused if the caller may not make this call at all.
    """
    check_media(request)
    opt = request.route_handler.opt
    check_query(request.query_params.multi_items(), opt.get("texts", ()), opt.get("parameters"))
    needs = request.route_handler.opt.get("needs")
    if needs is not None:
        needs(request.user)
