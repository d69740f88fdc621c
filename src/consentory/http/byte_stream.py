"""Streams of bytes that a thread makes and a client reads at its own speed, in constant memory.

The thread waits while the client does not read. A client that reads too slowly is cut off, and so is its stream. The
rules of `transfer_rate.py` for bodies hold here in the other direction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Event
from typing import Final, NamedTuple

from consentory.http.account_slots import PATIENCE, AccountSlots

STREAMS: Final = 4
"""Streams of one server process at the same time. Each holds a thread and a connection to the database."""
STREAMS_AN_ACCOUNT = 2
WAITING_CHUNKS = 2
"""Chunks that wait for the client."""
_ANYBODY = 0


class StreamLimits(NamedTuple):
    """How long a server process waits for clients, in seconds."""

    grace: float = 60.0
    """The thread may wait for the client for this time. Beyond it, the thread may wait for the time that the bytes
    need at the minimum rate."""
    least_bytes_a_second: int = 10_000
    look: float = 5.0
    """After this time of waiting the thread keeps its database session alive."""
    slot: float = PATIENCE
    """A call may wait for a slot for this time."""


class ClientGone(Exception):
    """The client went away, or reads too slowly. It is not a fault of the server."""


class ByteStream:
    """The bytes of one answer. The thread calls `begin` and `send`; the event loop calls `wait_begin` and iterates."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_CHUNKS)
        self._begun: asyncio.Future[dict[str, str]] = self._loop.create_future()
        self._gone = Event()
        self._error: BaseException | None = None
        self._waited = 0.0
        self._sent = 0

    # In the thread

    def begin(self, headers: dict[str, str]) -> None:
        """Let the answer begin with these headers. Until then an error becomes a refusal."""
        self._loop.call_soon_threadsafe(self._set_begun, headers)

    def send(self, chunk: bytes, keep_alive: Callable[[], None]) -> None:
        """Give a chunk to the client. While the client does not read, call `keep_alive` from time to time.

        Raises ClientGone.
        """
        if chunk:
            self._put(chunk, keep_alive)
            self._sent += len(chunk)

    def _put(self, chunk: bytes | None, keep_alive: Callable[[], None]) -> None:
        putting = asyncio.run_coroutine_threadsafe(self._chunks.put(chunk), self._loop)
        begun = time.monotonic()
        while True:
            try:
                putting.result(self._limits.look)
            except TimeoutError:
                waited = self._waited + time.monotonic() - begun
                if waited > self._limits.grace + self._sent / self._limits.least_bytes_a_second:
                    putting.cancel()
                    raise ClientGone from None
                keep_alive()
            else:
                break
        self._waited += time.monotonic() - begun
        if self._gone.is_set():
            raise ClientGone

    def run(self, produce: Callable[[ByteStream], None]) -> None:
        """Make all bytes. An error of `produce` cuts the stream."""
        try:
            produce(self)
        except BaseException as error:
            self._error = error
        self._loop.call_soon_threadsafe(self._end)

    # In the event loop

    def _set_begun(self, headers: dict[str, str]) -> None:
        if not self._begun.done():
            self._begun.set_result(headers)

    def _end(self) -> None:
        if not self._begun.done() and self._error is not None:
            self._begun.set_exception(self._error)
        while self._chunks.full() and (self._gone.is_set() or self._error is not None):
            self._chunks.get_nowait()  # of a stream that is cut
        if self._chunks.full():
            self._loop.call_later(0.01, self._end)
        else:
            self._chunks.put_nowait(None)

    def refuse(self, error: BaseException) -> None:
        """End the stream before its thread has begun."""
        self._error = error
        self._end()

    async def wait_begin(self) -> dict[str, str]:
        """The headers of the answer. Raises the error of a thread that did not begin."""
        try:
            return await self._begun
        except asyncio.CancelledError:
            self.leave()
            raise

    async def iterate(self) -> AsyncIterator[bytes]:
        """The chunks. Raises the error of the thread, so that the answer is cut and never seems complete."""
        try:
            while (chunk := await self._chunks.get()) is not None:
                yield chunk
            if self._error is not None:
                raise self._error
        finally:
            self.leave()

    def leave(self) -> None:
        """Tell the thread that nobody reads any more."""
        self._gone.set()
        while not self._chunks.empty():
            self._chunks.get_nowait()


class StreamSlots:
    """The streams of one server process, with their threads."""

    def __init__(self, limits: StreamLimits | None = None) -> None:
        limits = self._limits = limits or StreamLimits()
        detail = "As many streams as this server permits are open already; send this request again later."
        self._account = AccountSlots(STREAMS_AN_ACCOUNT, "Read.TooManyAtOnce", detail, limits.slot)
        self._process = AccountSlots(STREAMS, "Read.TooManyAtOnce", detail, limits.slot)
        self._threads = ThreadPoolExecutor(STREAMS, "stream")
        self._running: set[asyncio.Task[None]] = set()

    async def open(
        self, account_id: int, produce: Callable[[ByteStream], None]
    ) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """Start a thread that makes the bytes of an answer: (the headers of the answer, its bytes).

        A slot is held until the thread ends. Raises RequestRefused, and the errors of `produce` before it begins.
        """
        stream = ByteStream(self._limits)
        task = asyncio.create_task(self._hold(account_id, stream, produce))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        headers = await stream.wait_begin()
        return headers, stream.iterate()

    async def _hold(self, account_id: int, stream: ByteStream, produce: Callable[[ByteStream], None]) -> None:
        try:
            async with self._account.hold(account_id), self._process.hold(_ANYBODY):
                context = copy_context()
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, lambda: context.run(stream.run, produce))
        except BaseException as error:
            stream.refuse(error)
