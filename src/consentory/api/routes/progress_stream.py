"""The live progress of an import: the status object after each change, until the import has ended."""

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
"""After this number of reads without a change a comment is sent, so that no proxy closes the idle connection."""


async def watch_import(item: StatusObject, look: Callable[[], StatusObject]) -> AsyncIterator[ServerSentEventMessage]:
    """Events `status` with a status object: the first at once, the last when the import has ended.

    `look` returns the current import and checks the caller again. A refusal of `look` ends the stream. A database that
    is unavailable for a while does not end the stream.
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
