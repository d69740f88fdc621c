"""Receive the file of a plain form as a stream, in parts of some megabytes. No thread waits for the browser."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from consentory.console.form_check import MULTIPART, TOKEN_FIELD, check_token
from consentory.domain.upload import Upload
from consentory.errors import RequestRefused
from consentory.http.request_body import UploadSlots, stream_body
from consentory.services.uploads.upload_service import UploadService

FILE_FIELD = "file"
PIECE_BYTES = 4_000_000
RECEIVE_SECONDS = 2 * 3600.0
"""A form that takes longer is refused. A page with JavaScript sends a file in parts, and has no such limit."""
_SLACK = 1_000_000
"""The bytes of the form around its file."""
_LONGEST_FIELD = 1000


async def receive_form(request: Request[Any, Any, Any], uploads: UploadService) -> Upload:
    """Store the file of a form whose token was checked. A file that does not come whole is given up.

    Raises RequestRefused like UploadService.begin; invalid, if the form has no file or comes too slowly; forbidden, if
    its token does not fit.
    """
    slots: UploadSlots = request.app.state.upload_slots
    async with slots.hold(request.user.account_id):
        form = _FileForm(request, stream_body(request, uploads.limits.file_bytes + _SLACK))
        name = await form.find_file()
        item = await sync_to_thread(uploads.begin, request.user, name, None)
        try:
            at = 0
            async for piece in form.read_file():
                await sync_to_thread(uploads.append_piece, request.user, item, at, piece)
                at += len(piece)
            return await sync_to_thread(uploads.complete, request.user, item)
        except BaseException:
            await sync_to_thread(uploads.give_up, request.user, str(item.upload_id))
            raise


class _FileForm:
    """A form of a token and one file, in this order."""

    def __init__(self, request: Request[Any, Any, Any], pieces: AsyncIterator[bytes]) -> None:
        self._request = request
        self._events = self._parse(pieces)

    async def find_file(self) -> str:
        """Read up to the beginning of the file, and return the file's name."""
        name, value, token = "", b"", ""
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                if event.name == FILE_FIELD:
                    check_token(self._request, token)  # before a byte of the file is stored
                    if not event.filename:
                        raise RequestRefused("invalid", "Upload.Empty", "The form has no file. Choose a file.")
                    return str(event.filename)
                name, value = event.name or "", b""
            elif event is None:
                if name == TOKEN_FIELD:
                    token = value.decode("ascii", "replace")
            elif len(value) <= _LONGEST_FIELD:
                value += event
        check_token(self._request, token)
        raise RequestRefused("invalid", "Upload.Empty", "The form has no file. Choose a file.")

    async def read_file(self) -> AsyncIterator[bytes]:
        """The bytes of the file in large pieces."""
        gathered = bytearray()
        async for event in self._events:
            if event is None:
                break
            gathered += event
            if len(gathered) >= PIECE_BYTES:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)

    async def _parse(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        kind, options = parse_options_header(self._request.headers.get("content-type", ""))
        ends_at = time.monotonic() + RECEIVE_SECONDS
        try:
            if kind != MULTIPART:
                raise RequestRefused("unsupported", "Request.UnsupportedMediaType", "Send a form of the console.")
            with PushMultipartParser(options.get("boundary", ""), max_segment_count=4) as parser:
                async for piece in pieces:
                    if time.monotonic() > ends_at:
                        raise _refuse_slow()
                    for event in parser.parse(piece):
                        yield event
        except (MultipartError, ValueError) as error:
            raise RequestRefused("invalid", "Request.Malformed", "The form cannot be read. Send it again.") from error


def _refuse_slow() -> RequestRefused:
    return RequestRefused(
        "invalid",
        "Request.TooSlow",
        f"The file did not come in within {RECEIVE_SECONDS / 60:,.0f} minutes, the time that a form without JavaScript"
        " may take. Pack the file with gzip or zstd, or send the file with JavaScript: then an interrupted upload goes"
        " on where it stopped.",
    )
