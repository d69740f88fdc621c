"""The body of a request as it comes in, with its bound held before memory is taken."""

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
"""What a compression may add to bytes that do not compress, and a little more."""


_SMALL = 64 * 1024
"""A body of at most so many bytes, as it announces itself, needs no slot."""
SLOTS_AN_ACCOUNT = 2
"""Other bodies of one account that are in memory at once."""


class BodySlots(AccountSlots):
    """Lanes for the bodies that are no batches."""

    def __init__(self) -> None:
        super().__init__(
            SLOTS_AN_ACCOUNT,
            "Request.TooManyAtOnce",
            f"The account sends {SLOTS_AN_ACCOUNT} large bodies here already; send this one again later.",
        )


async def take_body(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The body, for the time that its call takes: a dependency of calls that say `largest_body` in their `opt`.

    The caller and their permission are known by now (`call_checks`). Raises RequestRefused: as `_receive`, too_many.
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
    """The body as it came over the wire, at most `limit` bytes of it (a little more where compressed), in a file that
    is in memory only (memfd_create(2)): another process can read it without a copy going through this one.

    Raises RequestRefused as `_receive`.
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
    """The length that the body announces; -1 where it announces none, 0 where there is no body."""
    if "transfer-encoding" in request.headers:
        return -1
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isdecimal() else 0


def _make_too_large(limit: int, advice: str = "") -> RequestRefused:
    return RequestRefused("too_large", "Request.BodyTooLarge", f"The body is larger than {limit:,} bytes{advice}.")


Content = NamedDependency[SkipValidation[bytes]]
"""The body of a call that is no batch."""
BODY = {"content": Provide(take_body)}
