"""Stage batches in processes of their own (docs/adr/0013-stage-processes.md).

Validation keeps a Python interpreter busy for some seconds. In the server process, the other calls would wait for it.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from threading import Thread
from typing import BinaryIO

import msgspec
import structlog

from consentory.codec.staging.batch_body import MediaType, decompress
from consentory.domain.caller import Caller
from consentory.domain.imports import Import, StagedBatch
from consentory.errors import (
    ConsentoryError,
    ErrorDetail,
    OutcomeUnknown,
    RefusalKind,
    RequestRefused,
    StoreUnavailable,
    trace_error,
)
from consentory.services.imports.staging_service import StagingService

log = structlog.get_logger(__name__)

_PIECE = 1 << 16
MOST_KEPT_MEGABYTES = 256
"""A stage process that has more memory than this after a batch is ended, to free the memory.

The next batch starts another process. After a batch of some megabytes, a process has less than half of that. Without
/proc (not on Linux) a process is always kept.
"""
_PARTING_SECONDS = 1.0
"""A stage process that has not ended this time after its connection was closed is killed."""


class StagingFailed(ConsentoryError):
    """A batch could not be staged for an unexpected reason. The log of the stage process has the reason."""


class StageCall(msgspec.Struct, frozen=True):
    """One Stage call without its body. `limit`: the bytes that the body may have after decompression."""

    caller: Caller
    token: str
    media: MediaType
    encoding: str | None
    limit: int
    idempotency_key: str | None


class Staged(msgspec.Struct, frozen=True, tag=True):
    """The result of StagingService.stage."""

    item: Import
    batch: StagedBatch | None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A RequestRefused, as the stage process sends it."""

    kind: RefusalKind
    code: str
    detail: str
    errors: list[ErrorDetail]
    retry_after: int | None
    headers: dict[str, str]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Another error, as the stage process sends it: its class name and its reason."""

    error: str
    reason: str


_FAILURES = {kind.__name__: kind for kind in (StoreUnavailable, OutcomeUnknown, StagingFailed)}

Answer = Staged | Refused | Failed

_encode = msgspec.msgpack.Encoder().encode
_decode_call = msgspec.msgpack.Decoder(StageCall).decode
_ANSWER: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class StageProcesses:
    """The stage processes of one server process. A new one is started if all others are busy. Threads may share this.

    `command` starts a process, with the number of an open socket as its last argument.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._idle: list[_StageProcess] = []

    def stage(self, call: StageCall, body: BinaryIO) -> tuple[Import, StagedBatch | None]:
        """Run StagingService.stage in a stage process. `body`: a file with the bytes as received; it is closed here.

        Raises like StagingService.stage, and StagingFailed. Raises OutcomeUnknown if the process was lost. Raises
        StoreUnavailable if no process could be started: nothing was done.
        """
        with body:
            process = self._hand_over(call, body)
        try:
            answer = process.read_answer()
        except BaseException as error:
            status = process.end()
            if isinstance(error, OSError | EOFError | msgspec.MsgspecError):
                raise OutcomeUnknown(f"the stage process was lost (exit status {status})") from error
            raise
        if process.count_megabytes() > MOST_KEPT_MEGABYTES:
            process.end()
        else:
            self._idle.append(process)  # the last one is used first, so that few processes are used
        if isinstance(answer, Staged):
            return answer.item, answer.batch
        if isinstance(answer, Failed):
            raise _FAILURES[answer.error](answer.reason)
        raise RequestRefused(
            answer.kind, answer.code, answer.detail,
            errors=answer.errors, retry_after=answer.retry_after, headers=answer.headers,
        )  # fmt: skip

    def _hand_over(self, call: StageCall, body: BinaryIO) -> _StageProcess:
        """Give the batch to a process, and wait until the process has begun: an idle process, or else a new one."""
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                process = self._idle.pop()
                if process.take(call, body):
                    return process
        try:
            process = _StageProcess(self._command, self._environment)
        except OSError as error:  # no memory, too many processes or files
            raise StoreUnavailable("a stage process could not be started") from error
        if process.take(call, body):
            return process
        raise StoreUnavailable("a stage process ended as it started")


class _StageProcess:
    """The server process's handle of one stage process. The stage process ends with the server process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # In a session of its own, like every process of the tree, because Ctrl-C is for the root process. Linux
            # (autogroups) also shares out processor time by session, so this work does not slow the server process.
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())

    def take(self, call: StageCall, body: BinaryIO) -> bool:
        """Give the process a batch. False: the process was lost before it began."""
        try:
            self._connection.send_bytes(_encode(call))
            send_handle(self._connection, body.fileno(), self._process.pid)
            self._connection.recv_bytes()
        except BaseException as error:
            status = self.end()
            if isinstance(error, OSError | EOFError):
                log.warning("stage process lost", exit_status=status)
                return False
            raise
        return True

    def read_answer(self) -> Answer:
        """Wait for the result of the batch. Raises OSError or EOFError if the process is lost, and MsgspecError."""
        return _ANSWER.decode(self._connection.recv_bytes())

    def count_megabytes(self) -> float:
        """The memory of the process now; 0 if it is unknown."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0.0
        return pages * resource.getpagesize() / 1_000_000

    def end(self) -> int:
        """End the process, and return its exit status (see Popen)."""
        self._connection.close()
        try:
            return self._process.wait(_PARTING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def end_with_server(connection: Connection) -> None:
    """End this process as soon as the server process has ended, also in the middle of a batch. The client's connection
    is cut then, so the client could not know that the batch is stored."""

    def wait() -> None:
        end = select.poll()
        end.register(connection.fileno(), 0)  # no event but that the other side is gone
        end.poll()
        os._exit(0)

    Thread(target=wait, name="end with server", daemon=True).start()


def serve_calls(connection: Connection, staging: StagingService) -> None:
    """The main loop of a stage process: answer one call after the other, until the server process has ended."""
    while True:
        try:
            call = _decode_call(connection.recv_bytes())
            handle = recv_handle(connection)
            connection.send_bytes(b"")  # from here on something may have been done
        except (OSError, EOFError):
            return
        with structlog.contextvars.bound_contextvars(request_id=call.caller.origin.request_id):
            answer = _answer(staging, call, handle)
        with suppress(OSError):
            connection.send_bytes(_encode(answer))


def _answer(staging: StagingService, call: StageCall, handle: int) -> Answer:
    try:
        with os.fdopen(handle, "r+b", buffering=0) as spooled:
            spooled.seek(0)
            # An uncompressed body comes in one piece: there is nothing to join.
            size = -1 if call.encoding is None else _PIECE
            body = decompress(iter(partial(spooled.read, size), b""), call.encoding, call.limit)
            spooled.truncate(0)  # the body is in memory now, so free the disk
        return Staged(*staging.stage(call.caller, call.token, body, call.media, call.idempotency_key))
    except RequestRefused as refusal:
        return Refused(
            refusal.kind, refusal.code, refusal.detail, refusal.errors, refusal.retry_after, refusal.headers
        )  # fmt: skip
    except (StoreUnavailable, OutcomeUnknown) as error:
        kind = OutcomeUnknown if isinstance(error, OutcomeUnknown) else StoreUnavailable
        return Failed(kind.__name__, str(error))
    except Exception as error:
        kinds, places = trace_error(error)
        log.error("batch cannot be staged", error=kinds, places=places)
        return Failed(StagingFailed.__name__, "a batch could not be staged")
