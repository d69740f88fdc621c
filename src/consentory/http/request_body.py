"""Read the body of a request. The size limit is checked before memory is used."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from consentory.errors import RequestRefused
from consentory.http.account_slots import AccountSlots

_SLACK = 64 * 1024
"""The bytes that a compression may add to data that does not compress, and a small reserve."""


_SMALL = 64 * 1024
"""A body whose announced size is at most this number of bytes needs no slot."""
SLOTS_AN_ACCOUNT = 2
"""Largest number of other bodies of one account in memory at the same time."""


class BodySlots(AccountSlots):
    """Slots for bodies that are not batches."""

    def __init__(self) -> None:
        super().__init__(
            SLOTS_AN_ACCOUNT,
            "Request.TooManyAtOnce",
            f"The account sends {SLOTS_AN_ACCOUNT} large bodies here already; send this one again later.",
        )


class UploadSlots(AccountSlots):
    """Slots for files that forms send."""

    def __init__(self) -> None:
        super().__init__(
            SLOTS_AN_ACCOUNT,
            "Upload.TooManyAtOnce",
            f"The account sends {SLOTS_AN_ACCOUNT} files by a form here already; send this one again later.",
        )


async def take_body(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The body, for the duration of its call: a dependency of calls with `largest_body` in their `opt`.

    The caller and the caller's permission are already checked (`call_checks`). Raises RequestRefused: the errors of
    `_receive`, and too_many.
    """
    limit = int(request.route_handler.opt["largest_body"])
    announced = _read_length(request)
    if 0 <= announced <= _SMALL or "user" not in request.scope:
        yield await _join(request, limit)
        return
    if announced > limit:
        raise _make_too_large(limit)
    slots: BodySlots = request.app.state.body_slots
    async with slots.hold(request.user.account_id):
        yield await _join(request, limit)


async def spool_body(request: Request[Any, Any, Any], limit: int) -> BinaryIO:
    """The body as received, at most `limit` bytes of it (a little more if compressed), in a file in memory
    (memfd_create(2)). Another process can read the file without a copy through this process.

    Raises RequestRefused like `_receive`.
    """
    slack = 0 if request.headers.get("content-encoding", "identity") == "identity" else _SLACK
    spooled = os.fdopen(os.memfd_create("batch"), "w+b")
    try:
        async for piece in _receive(request, limit, slack, " (after decompression); stage it in smaller batches"):
            spooled.write(piece)
        spooled.flush()
    except BaseException:
        spooled.close()  # the error keeps this block alive until it is answered
        raise
    return spooled


def stream_body(request: Request[Any, Any, Any], limit: int) -> AsyncIterator[bytes]:
    """The pieces of a body of at most `limit` bytes, as they come. Raises RequestRefused like `_receive`."""
    return _receive(request, limit)


async def _join(request: Request[Any, Any, Any], limit: int) -> bytes:
    return b"".join([piece async for piece in _receive(request, limit)])


async def _receive(
    request: Request[Any, Any, Any], limit: int, slack: int = 0, advice: str = ""
) -> AsyncIterator[bytes]:
    """The pieces of the body. Raises RequestRefused: too_large at once, and the errors of MinimumTransferRate."""
    taken, more = 0, True
    if _read_length(request) > limit + slack:
        raise _make_too_large(limit, advice)
    while more:
        message: Any = await request.receive()
        piece = message.get("body", b"")
        more = message.get("more_body", False)
        taken += len(piece)
        if taken > limit + slack:
            raise _make_too_large(limit, advice)
        yield piece


def _read_length(request: Request[Any, Any, Any]) -> int:
    """The announced length of the body; -1 if no length is announced, 0 if there is no body."""
    if "transfer-encoding" in request.headers:
        return -1
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isdecimal() else 0


def _make_too_large(limit: int, advice: str = "") -> RequestRefused:
    return RequestRefused("too_large", "Request.BodyTooLarge", f"The body is larger than {limit:,} bytes{advice}.")


Content = NamedDependency[SkipValidation[bytes]]
"""The body of a call that is not a batch."""
BODY = {"content": Provide(take_body)}
