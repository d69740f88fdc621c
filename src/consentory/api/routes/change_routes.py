"""Changes of people over HTTP (docs/data-out.md)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from litestar import Response, Router, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from consentory.codec.answers.changes_answer import ChangesAnswer, encode_changes
from consentory.domain.caller import Caller
from consentory.domain.viewing import ViewedChanges
from consentory.http.authentication_middleware import ApiRequest
from consentory.http.media_types import JSON
from consentory.http.parameters import AfterPosition, Limit, Wait
from consentory.services.access.authentication import Authentication
from consentory.services.data_out.change_reading import ChangeReading, ChangesQuery

Changes = NamedDependency[SkipValidation[ChangeReading]]
Authenticator = NamedDependency[SkipValidation[Authentication]]

LOOK_SECONDS = 0.25
"""A call that waits for a change looks this often."""


@get(
    "/{clientId:str}/Changes",
    operation_id="listChanges",
    opt={"answer": ChangesAnswer, "refuses": (409, 410), "parameters": ("after", "limit", "wait")},
)
async def list_changes(
    request: ApiRequest,
    changes: Changes,
    authentication: Authenticator,
    *,
    after: AfterPosition = None,
    limit: Limit = 1000,
    wait: Wait = 0,
) -> Response[Any]:
    """The changes of people after a position, in the order of their positions."""
    query, ends = ChangesQuery(after, limit, wait), time.monotonic() + wait
    page = await _read(request, partial(changes.read, query=query, note_empty=wait == 0))
    while not page.items and time.monotonic() < ends:
        # The call holds no thread, no connection to the database and no slot while it sleeps.
        await asyncio.sleep(min(LOOK_SECONDS, max(0.0, ends - time.monotonic())))
        authorization = request.headers.get("authorization")
        request.scope["user"] = await sync_to_thread(authentication.authenticate_again, authorization, request.user)
        is_last = time.monotonic() >= ends
        page = await _read(request, partial(changes.read, query=query, start=page.next, note_empty=is_last))
    return Response(await sync_to_thread(encode_changes, page), media_type=JSON)


async def _read(request: ApiRequest, read: Callable[[Caller], ViewedChanges]) -> ViewedChanges:
    """A page of changes, with a slot for expensive reads."""
    async with request.app.state.read_slots.hold(request.user.account_id):
        return await sync_to_thread(read, request.user)


CHANGE_ROUTES = Router("/", route_handlers=[list_changes], tags=["Data out"])
