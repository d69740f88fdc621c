"""The live progress of an import: its status object whenever it changes, until the import has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
from litestar.concurrency import sync_to_thread
from litestar.response import ServerSentEventMessage

from consentory.codec.answers.status_object import StatusObject
from consentory.domain.imports import TRANSITIONS
from consentory.errors import OutcomeUnknown, RequestRefused, StatementRefused, StoreUnavailable

_LOOK_SECONDS = 0.5
_QUIET_LOOKS = 30
"""After so many looks that saw no change a comment is sent, so that nobody on the way closes the connection."""


async def watch_import(item: StatusObject, look: Callable[[], StatusObject]) -> AsyncIterator[ServerSentEventMessage]:
    """Events `status` with a status object, the first at once, the last when the import has ended.

    `look` gives the import as it stands now and checks the caller anew: it ends the stream by refusing.
    A database that is away for a while ends nothing.
    """
    shown, quiet = b"", 0
    while True:
        data = msgspec.json.encode(item)
        if data != shown:
            shown, quiet = data, 0
            yield ServerSentEventMessage(data=data.decode(), event="status")
        elif quiet >= _QUIET_LOOKS:
            quiet = 0
            yield ServerSentEventMessage(data=None, comment="still here")
        if not TRANSITIONS[item.Status]:
            return
        quiet += 1
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            item = await sync_to_thread(look)
        except (StoreUnavailable, OutcomeUnknown, StatementRefused):
            continue
        except RequestRefused:
            return
