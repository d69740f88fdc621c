"""The body of a request as it comes in, with its bound held before memory is taken."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from litestar import Request

from consentory.errors import RequestRefused

_SLACK = 64 * 1024
"""What a compression may add to bytes that do not compress, and a little more."""


async def spool_body(request: Request[Any, Any, Any], limit: int) -> BinaryIO:
    """The body as it came over the wire, at most `limit` bytes of it (a little more where compressed), in a file that
    is in memory only (memfd_create(2)): another process can read it without a copy going through this one.

    Raises RequestRefused: too_large as soon as that is known, and what BodyPace raises.
    """
    bound = limit if request.headers.get("content-encoding", "identity") == "identity" else limit + _SLACK
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else 0
    spooled = os.fdopen(os.memfd_create("batch"), "w+b")
    try:
        taken, more = 0, True
        while more and max(size, taken) <= bound:
            message: Any = await request.receive()
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            taken += len(chunk)
            spooled.write(chunk)
        if max(size, taken) > bound:
            raise RequestRefused(
                "too_large",
                "Request.BodyTooLarge",
                f"The body is larger than {limit:,} bytes (after decompression); stage it in smaller batches.",
            )
        spooled.flush()
    except BaseException:
        spooled.close()  # the error keeps this frame alive until it is answered
        raise
    return spooled
