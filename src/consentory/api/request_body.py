"""The body of a request as it comes in, with its bound held before memory is taken."""

from __future__ import annotations

from typing import Any

from litestar import Request

from consentory.errors import RequestRefused

_SLACK = 64 * 1024
"""What a compression may add to bytes that do not compress, and a little more."""


async def read_chunks(request: Request[Any, Any, Any], limit: int) -> list[bytes]:
    """The body's bytes as they come over the wire, at most `limit` of them (a little more where compressed).

    Raises RequestRefused: too_large as soon as that is known, and what BodyPace raises.
    """
    bound = limit if request.headers.get("content-encoding", "identity") == "identity" else limit + _SLACK
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else 0
    chunks: list[bytes] = []
    taken, more = 0, True
    while more and max(size, taken) <= bound:
        message: Any = await request.receive()
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        taken += len(chunk)
        if chunk:
            chunks.append(chunk)
    if max(size, taken) > bound:
        chunks.clear()  # the error keeps this frame alive while the rest of the body is dropped
        raise RequestRefused(
            "too_large",
            "Request.BodyTooLarge",
            f"The body is larger than {limit:,} bytes (after decompression); stage it in smaller batches.",
        )
    return chunks
