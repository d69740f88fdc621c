"""Batches are staged in processes apart: validation keeps an interpreter busy for up to seconds, and the other calls of
the server process would wait for it (docs/adr/0013-stage-processes.md)."""

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
"""A stage process that takes more after its batch is ended, which gives all of it back; the next batch starts another.

Batches of some megabytes leave less than half of that. Where there is no /proc to look at (not Linux), it is kept.
"""
_PARTING_SECONDS = 1.0
"""So long after its connection was closed a stage process may take to end, before it is killed."""


class StagingFailed(ConsentoryError):
    """A batch could not be staged for a reason that nobody foresaw: the stage process has it in its log."""


class StageCall(msgspec.Struct, frozen=True):
    """One Stage call without its body; `limit` in bytes of the body after decompression."""

    caller: Caller
    token: str
    media: MediaType
    encoding: str | None
    limit: int
    idempotency_key: str | None


class Staged(msgspec.Struct, frozen=True, tag=True):
    """As StagingService.stage gives it."""

    item: Import
    batch: StagedBatch | None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A RequestRefused on its way."""

    kind: RefusalKind
    code: str
    detail: str
    errors: list[ErrorDetail]
    retry_after: int | None
    headers: dict[str, str]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Another error on its way, by name."""

    error: str
    reason: str


_FAILURES = {kind.__name__: kind for kind in (StoreUnavailable, OutcomeUnknown, StagingFailed)}

Answer = Staged | Refused | Failed

_encode = msgspec.msgpack.Encoder().encode
_decode_call = msgspec.msgpack.Decoder(StageCall).decode
_ANSWER: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class StageProcesses:
    """The stage processes of one server process, each started when all others are busy. Safe to share between threads.

    `command` starts one, with the number of an open socket as its last argument.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._idle: list[_StageProcess] = []

    def stage(self, call: StageCall, body: BinaryIO) -> tuple[Import, StagedBatch | None]:
        """As StagingService.stage, in a process apart; `body` is a file as it came over the wire, closed afterwards.

        Raises as that one, and StagingFailed. OutcomeUnknown also when the process was lost, StoreUnavailable also when
        none could be started: nothing was done then.
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
            self._idle.append(process)  # the last one first: as few as will do
        if isinstance(answer, Staged):
            return answer.item, answer.batch
        if isinstance(answer, Failed):
            raise _FAILURES[answer.error](answer.reason)
        raise RequestRefused(
            answer.kind, answer.code, answer.detail,
            errors=answer.errors, retry_after=answer.retry_after, headers=answer.headers,
        )  # fmt: skip

    def _hand_over(self, call: StageCall, body: BinaryIO) -> _StageProcess:
        """A process that has begun with the batch: an idle one, if there is one that was not lost meanwhile."""
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
    """One stage process, as the server process has hold of it. It ends when that one does."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # In a session of its own, as everything of the tree: Ctrl-C is for the root. Linux (autogroups) also weighs
            # sessions against each other, and the calls of the server process are not to be weighed with this.
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())

    def take(self, call: StageCall, body: BinaryIO) -> bool:
        """Hand a batch over; False: the process was lost, and had not begun."""
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
        """Wait for what became of the batch. Raises OSError or EOFError when the process is lost, and MsgspecError."""
        return _ANSWER.decode(self._connection.recv_bytes())

    def count_megabytes(self) -> float:
        """Memory that it takes now; 0 where nobody can tell."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0.0
        return pages * resource.getpagesize() / 1_000_000

    def end(self) -> int:
        """End it, if it has not ended; its exit status, as Popen has it."""
        self._connection.close()
        try:
            return self._process.wait(_PARTING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def end_with_server(connection: Connection) -> None:
    """Let this process end at once when the server process has, however that ended, and whatever is under way: nothing
    is to be stored behind the back of a client whose connection was cut."""

    def wait() -> None:
        end = select.poll()
        end.register(connection.fileno(), 0)  # no event but that the other side is gone
        end.poll()
        os._exit(0)

    Thread(target=wait, name="end with server", daemon=True).start()


def serve_calls(connection: Connection, staging: StagingService) -> None:
    """The main loop of a stage process: answer calls, one after another, until the server process is gone."""
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
            spooled.truncate(0)  # here now, and no longer there
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
