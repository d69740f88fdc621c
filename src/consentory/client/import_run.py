"""The main job over HTTP: check the files, initiate, stage in batches, execute, wait, fetch the refused records.

Resumable.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

import zstandard

from consentory.client.api_client import ApiProblem, ConsentoryClient, JsonObject, ServerUnreachable
from consentory.client.batch_cutter import Batch, cut_batches
from consentory.client.exceptions_file import FaultCount, Origin, write_exceptions
from consentory.client.file_check import check_files, require_file
from consentory.client.import_state import (
    ImportState,
    ImportStateError,
    describe_input,
    name_state_file,
    read_state,
    write_state,
)
from consentory.client.own_files import spell_path
from consentory.client.record_files import RecordFileError
from consentory.client.record_origins import name_origins
from consentory.errors import ConsentoryError

BATCH_BYTES = 8_000_000
"""Of one Stage call, by default: well below every server's limit, and large enough to cost nothing."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a running import
_BEFORE_EXECUTE = ("Initiated", "Staging")
_HOPELESS = frozenset({400, 403, 404, 409, 413, 415})  # refusals that come again however often one tries


class ImportRefused(ConsentoryError):
    """The import cannot be made as asked, or ended Failed; nothing of it was applied."""


class ImportUnfinished(ConsentoryError):
    """The run stopped midway; the same command goes on where it stopped. `cause` says why."""

    def __init__(self, cause: str, access_token: int) -> None:
        super().__init__(f"{cause}\nRun the same command again to go on with import {access_token}.")
        self.cause = cause
        self.access_token = access_token


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """One step forward. `done` and `total` are bytes of the input in "check" and "stage", records otherwise.

    `records`: how many records have come so far.
    """

    phase: Literal["check", "stage", "execute", "exceptions"]
    done: int
    total: int
    records: int


@dataclass(slots=True)
class ImportOutcome:
    """How a completed import went. `exceptions_file` is None where nothing was refused or it is gone."""

    status: JsonObject
    resumed: bool
    seconds: dict[str, float]
    broken: int = 0
    """Pieces of the files that are no JSON and were skipped; `broken_files`: where they were written."""
    broken_files: list[str] = field(default_factory=list)
    exceptions_file: Path | None = None
    exceptions_gone: bool = False
    commonest_faults: list[FaultCount] = field(default_factory=list)
    more_kinds: int = 0
    """Kinds of fault beside the commonest."""


class ImportRun:
    """One import of one or more files, in their order, from its start or from where it was interrupted."""

    def __init__(
        self,
        client: ConsentoryClient,
        paths: Sequence[Path],
        fields: JsonObject,
        *,
        batch_bytes: int = BATCH_BYTES,
        skip_broken: bool = False,
        confirm_unmatched: Callable[[list[str]], bool] = lambda _: False,
        on_progress: Callable[[ImportProgress], None] = lambda _: None,
    ) -> None:
        """`fields`: the body of Initiate (import-api.md, "Initiate").

        `skip_broken`: go on without pieces of the files that are no JSON. `confirm_unmatched` is asked before an
        import without a match type whose records carry alternate ids (of the types given) and no ProfileId: each
        would become a new person. Raises RecordFileError where a path is no file.
        """
        for path in paths:
            require_file(path)
        self._client = client
        self._paths = list(paths)
        self._fields = fields
        self._batch_bytes = batch_bytes
        self._skip_broken = skip_broken
        self._confirm_unmatched = confirm_unmatched
        self._report = on_progress
        self._state_file = name_state_file(self._paths[0])
        self._packer = None if client.is_local else zstandard.ZstdCompressor(level=3)
        self._executed = False
        self._seconds: dict[str, float] = {}

    def _forget_interrupted(self) -> None:
        """Give up an interrupted import of these files, at the server too where that is still possible."""
        with contextlib.suppress(ImportStateError):
            if (state := read_state(self._state_file)) and state.access_token:
                self._give_up(state)
        self._state_file.unlink(missing_ok=True)

    def run(self, *, restart: bool = False) -> ImportOutcome:
        """Do the whole job and give its outcome; with `restart` an interrupted one is given up first.

        Raises BrokenFiles and RecordFileError (nothing was applied), ImportRefused, ImportUnfinished
        (resume by calling again), ImportStateError (another import of this file was interrupted), ApiProblem
        (refused before anything was begun) and ServerUnreachable (likewise).
        """
        if restart:
            self._forget_interrupted()
        state = self._open_state()
        resumed = bool(state.import_id)
        if resumed:
            status = self._look_again(state)
        else:
            self._check_files(state)
            status = self._initiate(state)
        try:
            if not state.all_staged:
                status = self._stage_all(state, status)
            if status["Status"] in _BEFORE_EXECUTE:
                status = self._client.execute(state.access_token)
            self._executed = True
            status = self._wait(state, status)
            return self._conclude(state, status, resumed)
        except KeyboardInterrupt:
            raise ImportUnfinished("Interrupted.", state.access_token) from None
        except RecordFileError:
            self._give_up(state)
            raise
        except ApiProblem as problem:
            self._stop_at(state, problem)
        except (ServerUnreachable, ImportStateError, OSError) as error:
            raise ImportUnfinished(str(error), state.access_token) from error

    # Beginning

    def _open_state(self) -> ImportState:
        """The state of an interrupted import of the same files with the same settings, or a new one."""
        new = ImportState(
            server=self._client.server,
            account=self._client.account,
            fields=self._fields,
            files=[describe_input(path) for path in self._paths],
            batch_bytes=self._batch_bytes,
            skip_broken=self._skip_broken,
        )
        old = read_state(self._state_file)
        if old is None or not old.import_id:
            return new
        for what, before, now in (
            ("server", old.server, new.server),
            ("account", old.account, new.account),
            ("settings", (old.fields, old.skip_broken), (new.fields, new.skip_broken)),
            ("files, or the content of one", old.files, new.files),
        ):
            if before != now:
                raise ImportStateError(
                    f"An import of {self._paths[0]} was interrupted (token {old.access_token}), and this run "
                    f"has other {what}. Repeat the command as it was to go on with it, or add --restart to "
                    "give that import up and begin anew."
                )
        return old

    def _check_files(self, state: ImportState) -> None:
        """Read all files before anything is begun. Raises BrokenFiles, RecordFileError and ImportRefused."""
        total = sum(file.size for file in state.files)
        found = check_files(
            self._paths,
            skip_broken=self._skip_broken,
            report=lambda done, records: self._report(ImportProgress("check", done, total, records)),
        )
        if not found.records:
            names = ", ".join(map(str, self._paths))
            raise ImportRefused(f"{names}: no record in it; nothing was imported.")
        adds = self._fields.get("ImportAction", "Add") == "Add" and "MatchValue" not in self._fields
        if adds and found.unmatched and not self._confirm_unmatched(found.unmatched):
            raise ImportRefused(
                f"The records carry alternate ids ({', '.join(found.unmatched)}) and no ProfileId, and --match is not "
                f"given. Each record would become a new person, also one who is stored already. "
                f"Add --match {found.unmatched[0]}, or --no-match if each record is a new person. "
                "Nothing was imported."
            )
        state.undated = found.undated
        state.broken, state.broken_files = found.broken, [spell_path(path) for path in found.broken_files]

    def _initiate(self, state: ImportState) -> JsonObject:
        write_state(self._state_file, state)  # where that cannot be done, nothing should be begun
        try:
            status = self._client.initiate(state.fields)
        except ConsentoryError:
            self._state_file.unlink(missing_ok=True)
            raise
        state.import_id, state.access_token = status["ImportId"], status["AccessToken"]
        write_state(self._state_file, state)
        return status

    def _look_again(self, state: ImportState) -> JsonObject:
        status = self._require_alive(self._client.import_by_id(state.import_id))
        if status["Status"] not in _BEFORE_EXECUTE and not state.all_staged:
            raise ImportStateError(
                f"Import {state.access_token} was executed by someone else before all of this file was staged: "
                f"{status['TotalRecordsReceived']} records were. Add --restart to import the file anew."
            )
        return status

    def _require_alive(self, status: JsonObject) -> JsonObject:
        if status["Status"] == "Failed":
            self._state_file.unlink(missing_ok=True)
            reason = status.get("FailureReason") or "no reason given"
            raise ImportRefused(f"Import {status['AccessToken']} failed: {reason}. Nothing was applied.")
        return status

    # Staging

    def _stage_all(self, state: ImportState, status: JsonObject) -> JsonObject:
        """Stage what is left, one batch after another; the next is cut while one is on its way."""
        began = time.monotonic()
        total = sum(file.size for file in state.files)
        before = [sum(file.size for file in state.files[:index]) for index in range(len(state.files))]
        batches = cut_batches(
            self._paths,
            state.batch_bytes,
            number=state.batches,
            file=state.file,
            records_done=state.records,
            skip_broken=state.skip_broken,
        )
        for batch, status in self._send_in_order(state, batches):
            state.batches, state.file, state.records = batch.number + 1, batch.file, batch.records_done
            state.staged += batch.records
            write_state(self._state_file, state)
            done = before[batch.file] + batch.position
            self._report(ImportProgress("stage", done, total, status["TotalRecordsReceived"]))
        state.all_staged = True
        write_state(self._state_file, state)
        self._seconds["stage"] = time.monotonic() - began
        return status

    def _send_in_order(self, state: ImportState, batches: Iterator[Batch]) -> Iterator[tuple[Batch, JsonObject]]:
        with ThreadPoolExecutor(max_workers=1) as sender:
            on_its_way: tuple[Batch, Future[JsonObject]] | None = None
            for batch in batches:
                if on_its_way:
                    yield on_its_way[0], on_its_way[1].result()
                on_its_way = batch, sender.submit(self._stage, state, batch)
            if on_its_way:
                yield on_its_way[0], on_its_way[1].result()

    def _stage(self, state: ImportState, batch: Batch) -> JsonObject:
        body = self._packer.compress(batch.body) if self._packer else batch.body
        return self._client.stage(
            state.access_token,
            body,
            idempotency_key=state.batch_key(batch.number),
            content_encoding="zstd" if self._packer else None,
        )

    # Waiting and the end

    def _wait(self, state: ImportState, status: JsonObject) -> JsonObject:
        """Look at the import by its id, which answers also after the token expired, until it has ended."""
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            done = status["Processed"] + status["Exceptions"] + status["NotHonored"]
            self._report(ImportProgress("execute", done, status["ValidationSuccessful"], done))
            if status["Status"] == "Completed":
                self._seconds["execute"] = time.monotonic() - began
                return status
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            status = self._require_alive(self._client.import_by_id(state.import_id))

    def _conclude(self, state: ImportState, status: JsonObject, resumed: bool) -> ImportOutcome:
        status.setdefault("UndatedChoices", state.undated)  # an older server does not count them
        outcome = ImportOutcome(status, resumed, self._seconds, state.broken, state.broken_files)
        try:
            tally = write_exceptions(self._paths[0], self._fetch_exceptions(state, status))
        except ApiProblem as problem:
            if problem.status != 410:
                raise
            outcome.exceptions_gone = True
        else:
            outcome.exceptions_file = tally.file
            outcome.commonest_faults, outcome.more_kinds = tally.commonest, tally.more_kinds
        self._state_file.unlink(missing_ok=True)
        return outcome

    def _fetch_exceptions(self, state: ImportState, status: JsonObject) -> Iterator[tuple[bytes, Origin | None]]:
        total = status["ValidationFailed"] + status["Exceptions"]
        if not total:
            return
        lines = self._client.stream_exceptions(uuid.UUID(state.import_id))
        # SequenceNumber counts the records of the files only where nobody else has staged into this import.
        alone = state.staged == status["TotalRecordsReceived"]
        unchanged = alone and state.files == [describe_input(path) for path in self._paths]
        records = name_origins(lines, self._paths) if unchanged else ((line, None) for line in lines)
        for number, record in enumerate(records, start=1):
            yield record
            if number % 1000 == 0 or number == total:
                self._report(ImportProgress("exceptions", number, total, number))

    def _stop_at(self, state: ImportState, problem: ApiProblem) -> NoReturn:
        """A refusal that would come again ends the import; another leaves it to be resumed."""
        if self._executed or problem.status not in _HOPELESS:
            raise ImportUnfinished(str(problem), state.access_token) from problem
        self._give_up(state)
        hint = " A smaller --batch-megabytes may help." if problem.status == 413 else ""
        raise ImportRefused(f"{problem}{hint} The import was cancelled, nothing was applied.") from problem

    def _give_up(self, state: ImportState) -> None:
        """Cancel at the server where it still can be, and forget the state: what is left expires there."""
        with contextlib.suppress(ConsentoryError):
            self._client.cancel(state.access_token)
        self._state_file.unlink(missing_ok=True)
