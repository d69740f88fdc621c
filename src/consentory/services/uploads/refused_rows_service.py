"""The refused rows of an upload in the form of its file, to correct and upload again.

The whole file is read and mapped once more, which takes minutes for a large file. So a process of its own does it, and
the server process only passes the bytes on.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock, Timer
from uuid import UUID

import msgspec

from consentory.codec.sources.recognition import Recognition
from consentory.codec.tabular.refused_rows import choose_suffix
from consentory.domain.caller import Caller, Origin
from consentory.domain.imports import Import
from consentory.domain.upload import Upload, UploadCounts
from consentory.errors import OutcomeUnknown, RequestRefused, StoreUnavailable
from consentory.services.imports.import_service import ImportService
from consentory.services.uploads.upload_service import UploadService

AT_ONCE, AT_ONCE_AN_ACCOUNT = 4, 2
"""The number of these processes of one server process, and of one account in it."""
MOST_SECONDS = 1800.0
"""A file that is not read to its end after this time is cut, so that a slow reader keeps no place from others."""
_PIECE = 1 << 16
_RETRY_SECONDS = 10


class RefusedCall(msgspec.Struct, frozen=True):
    """The task of the process: the first line of its standard input."""

    account_id: int
    upload_id: UUID
    user_id: str
    origin: Origin


class RefusedFile(msgspec.Struct, frozen=True):
    """A file of refused rows. `counts`: also of the rows that could not become a record of the import."""

    name: str
    counts: UploadCounts


class _Places:
    """The places of files that are being written. Threads share this."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: Counter[int] = Counter()

    def take(self, account_id: int) -> _Place | None:
        """A place for some time. None: there is none."""
        with self._lock:
            if self._taken.total() >= AT_ONCE or self._taken[account_id] >= AT_ONCE_AN_ACCOUNT:
                return None
            self._taken[account_id] += 1
        return _Place(self, account_id)

    def release(self, place: _Place) -> None:
        """Only the first call counts."""
        with self._lock:
            self._taken[place.account_id] -= not place.is_given_back
            place.is_given_back = True


class _Place:
    """One place. It is given back once: by its reader, or after MOST_SECONDS."""

    def __init__(self, places: _Places, account_id: int) -> None:
        self.account_id = account_id
        self.process: subprocess.Popen[bytes] | None = None
        self.is_over = False
        self.is_given_back = False
        self._places = places
        self._timer = Timer(MOST_SECONDS, self._end)
        self._timer.daemon = True
        self._timer.start()

    def give_back(self) -> None:
        """A second call does nothing."""
        self._timer.cancel()
        self._places.release(self)

    def _end(self) -> None:
        self.is_over = True
        if self.process is not None:
            self.process.kill()
        self.give_back()


class RefusedRowsService:
    """Callers need the permission `import`, and may open the upload. `command` starts a process."""

    def __init__(
        self, uploads: UploadService, imports: ImportService, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self._uploads = uploads
        self._imports = imports
        self._command = command
        self._environment = environment
        self._places = _Places()

    def describe(self, caller: Caller, item: Import) -> RefusedFile | None:
        """The file with the refused rows of an import. None: there is no such file for this caller."""
        found = self._find(caller, item)
        return None if found is None else RefusedFile(found[1], found[0].counts)

    def read(self, caller: Caller, item: Import) -> tuple[str, Iterator[bytes]]:
        """The name of the file, and its bytes.

        Raises RequestRefused: not_found (the import has no uploaded table that the caller may open, or its time is
        over), too_many. The iterator raises OutcomeUnknown if the process ends early.
        """
        found = self._find(caller, item)
        if found is None:
            raise RequestRefused(
                "not_found",
                "Upload.NotFound",
                "The refused rows are not there in the form of the file. Download the refused records instead.",
            )
        upload, name = found
        call = RefusedCall(caller.account_id, upload.upload_id, caller.user_id, caller.origin)
        return name, self._stream(caller.account_id, msgspec.json.encode(call))

    def _find(self, caller: Caller, item: Import) -> tuple[Upload, str] | None:
        upload = self._uploads.find_of_import(caller, item.import_id)
        if upload is None or upload.state != "Staged" or upload.recognition is None or item.purged_at is not None:
            return None
        counts = upload.counts
        # SequenceNumber counts the rows of the file only where nobody else has staged into the import before its end.
        if not self._uploads.is_first(caller, upload):
            return None
        table = msgspec.json.decode(upload.recognition, type=Recognition).table
        if table is None or not (counts.refused_rows + item.books.failed + item.books.exceptions):
            return None
        return upload, f"{upload.file_name}.exceptions{choose_suffix(table)}"

    def _stream(self, account_id: int, call: bytes) -> Iterator[bytes]:
        place = self._places.take(account_id)
        if place is None:
            raise RequestRefused(
                "too_many",
                "Upload.TooManyAtOnce",
                "The server writes as many files of refused rows as it permits already; ask again later.",
                retry_after=_RETRY_SECONDS,
            )
        pieces = self._pass_on(place, call)
        next(pieces)  # from here on the place is given back, also if nobody reads a piece
        return pieces

    def _pass_on(self, place: _Place, call: bytes) -> Iterator[bytes]:
        try:
            yield b""
            with self._start(call) as process:
                place.process = process
                assert process.stdout is not None
                while not place.is_over and (piece := process.stdout.read(_PIECE)):
                    yield piece
                if place.is_over or process.wait():
                    raise OutcomeUnknown(f"the process of refused rows was lost (exit status {process.returncode})")
        finally:
            place.give_back()

    @contextmanager
    def _start(self, call: bytes) -> Iterator[subprocess.Popen[bytes]]:
        try:
            # In a session of its own: see services/imports/stage_processes.py.
            process = subprocess.Popen(
                list(self._command),
                env=dict(self._environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise StoreUnavailable("a process could not be started") from error
        with process:
            try:
                assert process.stdin is not None
                process.stdin.write(call + b"\n")
                process.stdin.flush()
                yield process
            finally:
                process.kill()
