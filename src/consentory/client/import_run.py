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
from consentory.client.exceptions_file import FaultCount, FaultTally, write_exceptions
from consentory.client.import_state import (
    ImportState,
    ImportStateError,
    describe_input,
    name_state_file,
    read_state,
    write_state,
)
from consentory.client.own_files import name_broken
from consentory.client.preview_run import PreviewFailed, PreviewFindings, preview_import
from consentory.client.private_files import create_private
from consentory.client.record_origins import name_origins
from consentory.client.refused_tables import write_refused_tables
from consentory.codec.sources import SourceError
from consentory.codec.sources.batch_cutter import BATCH_BYTES, Batch, cut_batches
from consentory.codec.sources.file_check import FileCheck, check_files
from consentory.codec.sources.record_inputs import RecordInput, TableInput
from consentory.codec.sources.source_note import describe_source, spell_path
from consentory.errors import ConsentoryError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # the seconds between two status calls of a running import
_BEFORE_EXECUTE = ("Initiated", "Staging")
_HOPELESS = frozenset({400, 403, 404, 409, 413, 415})  # refusals that another try does not change


class ImportRefused(ConsentoryError):
    """The import cannot be made with these files and options, or it ended Failed. Nothing of it was applied."""


class ImportHeld(ConsentoryError):
    """The guard holds the import until a person releases or cancels it; nothing of it was applied so far.

    `status`: the status object. `can_resume`: the same command goes on with the import once it was released.
    """

    def __init__(self, status: JsonObject, *, can_resume: bool) -> None:
        super().__init__(f"The guard of the account holds import {status['ImportId']}.")
        self.status = status
        self.can_resume = can_resume


class ImportUnfinished(ConsentoryError):
    """The run was interrupted. The same command continues it. `cause` tells the reason."""

    def __init__(self, cause: str, access_token: int) -> None:
        super().__init__(f"{cause}\nRun the same command again to continue import {access_token}.")
        self.cause = cause
        self.access_token = access_token


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """The progress in one phase. `done` and `total`: bytes of the input in "check" and "stage", and records otherwise.

    `records`: the number of records so far.
    """

    phase: Literal["check", "stage", "preview", "execute", "exceptions"]
    done: int
    total: int
    records: int


@dataclass(slots=True)
class ImportOutcome:
    """The outcome of an import. `exceptions_files` is empty if nothing was refused, or the refused records are gone."""

    status: JsonObject
    resumed: bool
    seconds: dict[str, float]
    broken: int = 0
    """The number of skipped pieces of the files that are not JSON. `broken_files`: the files with these pieces."""
    broken_opt_outs: int = 0
    """The number of these pieces that hold an opt-out, a denial or a withdrawal."""
    broken_files: list[str] = field(default_factory=list)
    refused_rows: int = 0
    """The number of rows of tables that could not become a record. The server never saw them."""
    exceptions_files: list[Path] = field(default_factory=list)
    exceptions_gone: bool = False
    commonest_faults: list[FaultCount] = field(default_factory=list)
    more_kinds: int = 0
    """The number of kinds of fault that are not among the most frequent ones."""
    left_out: int = 0
    """Addresses that are in no record, because only a part of each was in its row."""
    opt_outs_left_out: int = 0
    """Opt-outs, denials and withdrawals that are in no record, because their row has no address or number for them."""
    refused_opt_outs: int = 0
    """The number of refused records and rows that hold an opt-out, a denial or a withdrawal."""
    findings: PreviewFindings | None = None
    """The preview for the decision to execute. None: there was no preview."""

    @property
    def is_stopped(self) -> bool:
        """True if the records are staged and not executed, because the effects were not approved."""
        return self.status["Status"] in _BEFORE_EXECUTE


class ImportRun:
    """One import of one or more files, in their order, from the start or from an interruption on."""

    def __init__(
        self,
        client: ConsentoryClient,
        inputs: Sequence[RecordInput],
        fields: JsonObject,
        *,
        reading: dict[str, str | None] | None = None,
        batch_bytes: int = BATCH_BYTES,
        skip_broken: bool = False,
        confirm_unmatched: Callable[[list[str]], bool] = lambda _: False,
        approve: Callable[[PreviewFindings], bool] | None = None,
        on_progress: Callable[[ImportProgress], None] = lambda _: None,
    ) -> None:
        """`inputs`: from `open_inputs`, either all JSON or all tables. `fields`: the body of Initiate (import-api.md,
        "Initiate") without Source, which is made here. `reading`: the options for reading. An interrupted import must
        be continued with the same options.

        `skip_broken`: skip pieces of the files that are not JSON. `confirm_unmatched` gets alternate id types, and is
        asked before an import without a match type, if records have alternate ids and no ProfileId. Each of them would
        become a new person. `approve` is asked with the effects before execution. None: there is no preview.
        """
        self._client = client
        self._inputs = list(inputs)
        self._reading = reading or {}
        self._can_resume = all(item.file.source.regular for item in inputs)
        self._fields = fields
        self._batch_bytes = batch_bytes
        self._skip_broken = skip_broken
        self._confirm_unmatched = confirm_unmatched
        self._approve = approve
        self._report = on_progress
        self._state_file = name_state_file(self._inputs[0].path)
        self._packer = None if client.is_local else zstandard.ZstdCompressor(level=3)
        self._executed = False
        self._seconds: dict[str, float] = {}

    def _forget_interrupted(self) -> None:
        """Give up an interrupted import of these files, and cancel it at the server if that is still possible."""
        with contextlib.suppress(ImportStateError):
            if (state := read_state(self._state_file)) and state.access_token:
                self._give_up(state)
        self._state_file.unlink(missing_ok=True)

    def run(self, *, restart: bool = False) -> ImportOutcome:
        """Do the whole job and return its outcome. `restart`: give up an interrupted import first. If the effects are
        not approved, the job ends with staged records.

        Raises BrokenFiles and SourceError (nothing was applied), ImportRefused, ImportHeld and ImportUnfinished
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
            findings = None
            if status["Status"] in _BEFORE_EXECUTE:
                findings = self._preview(state)
                if findings is not None and not (self._approve and self._approve(findings)):
                    return self._conclude(state, status, resumed, findings)
                preview_id = None if findings is None else findings.preview["PreviewId"]
                status = self._client.execute(state.access_token, preview_id=preview_id)
            self._executed = True
            status = self._wait(state, status)
            return self._conclude(state, status, resumed, findings)
        except KeyboardInterrupt:
            self._leave_unfinished(state, "Interrupted.")
        except SourceError:
            self._give_up(state)
            raise
        except ApiProblem as problem:
            self._stop_at(state, problem)
        except (ServerUnreachable, PreviewFailed, ImportStateError, OSError) as error:
            self._leave_unfinished(state, str(error), error)

    # Beginning

    def _open_state(self) -> ImportState:
        """The state of an interrupted import of the same files with the same settings, or a new one."""
        new = ImportState(
            server=self._client.server,
            account=self._client.account,
            fields=self._fields,
            files=[describe_input(item) for item in self._inputs],
            batch_bytes=self._batch_bytes,
            skip_broken=self._skip_broken,
            reading=self._reading,
        )
        if not self._can_resume:
            return new
        old = read_state(self._state_file)
        if old is None or not old.import_id:
            return new
        for what, before, now in (
            ("server", old.server, new.server),
            ("account", old.account, new.account),
            ("settings", (old.fields, old.skip_broken, old.reading), (new.fields, new.skip_broken, new.reading)),
            ("files, or the content of one", old.files, new.files),
        ):
            if before != now:
                raise ImportStateError(
                    f"An import of {self._inputs[0].name} was interrupted (token {old.access_token}), and this run "
                    f"has other {what}. To continue it, repeat the earlier command. Or add --restart to "
                    "give that import up and start a new one."
                )
        return old

    def _check_files(self, state: ImportState) -> None:
        """Read all files before the import starts. Raises BrokenFiles, SourceError and ImportRefused."""
        total = sum(file.size for file in state.files)
        adds = self._fields.get("ImportAction", "Add") == "Add" and "MatchValue" not in self._fields
        found = check_files(
            self._inputs,
            skip_broken=self._skip_broken,
            seek_ids=adds,
            open_broken=(lambda item: create_private(name_broken(item.path))) if self._skip_broken else None,
            report=lambda done, records: self._report(ImportProgress("check", done, total, records)),
        )
        if found.records and not found.has_record:
            self._refuse_all(found)
        if not found.records:
            names = ", ".join(item.name for item in self._inputs)
            raise ImportRefused(f"{names}: there is no record in it. Nothing was imported.")
        if found.unmatched and not self._confirm_unmatched(found.unmatched):
            raise ImportRefused(
                f"The records have alternate ids ({', '.join(found.unmatched)}) and no ProfileId, and --match is not "
                f"given. Each record would become a new person, even if the person is stored already. "
                f"Add --match {found.unmatched[0]}, or --no-match if each record is a new person. "
                "Nothing was imported."
            )
        mapping = self._tables[0].mapping.text if self._tables else None
        state.source = describe_source(self._inputs, found.records + found.broken, mapping)
        state.broken_opt_outs = found.broken_opt_outs
        state.broken, state.broken_files = found.broken, [spell_path(path) for path in found.broken_files]

    def _refuse_all(self, found: FileCheck) -> NoReturn:
        """The refusal of tables without a row that can become a record. Their owner corrects all rows."""
        tally = write_refused_tables(self._tables, [], is_delete=self._is_delete)
        files = ", ".join(spell_path(path) for path in tally.files)
        first = tally.commonest[0]
        raise ImportRefused(
            f"None of the {found.records:,} rows can become a record. Nothing was imported. The most frequent fault, "
            f"{first.count:,} {'time' if first.count == 1 else 'times'}: {first.example.Code}, {first.example.Message} "
            f"(first in {first.example.Place}). All rows with their faults: {files}."
            + (f" Rows that hold an opt-out: {tally.opt_outs:,}. Correct them first." if tally.opt_outs else "")
        )

    @property
    def _is_delete(self) -> bool:
        return self._fields.get("ImportAction") == "Delete"

    @property
    def _tables(self) -> list[TableInput]:
        return [item for item in self._inputs if isinstance(item, TableInput)]

    def _keep_state(self, state: ImportState) -> None:
        if self._can_resume:
            write_state(self._state_file, state)

    def _initiate(self, state: ImportState) -> JsonObject:
        self._keep_state(state)  # where that cannot be done, nothing should be begun
        try:
            status = self._client.initiate(state.fields | {"Source": state.source})
        except ConsentoryError:
            self._state_file.unlink(missing_ok=True)
            raise
        state.import_id, state.access_token = status["ImportId"], status["AccessToken"]
        self._keep_state(state)
        return status

    def _look_again(self, state: ImportState) -> JsonObject:
        status = self._require_alive(self._client.import_by_id(state.import_id))
        if status["Status"] not in _BEFORE_EXECUTE and not state.all_staged:
            raise ImportStateError(
                f"Another user executed import {state.access_token} before all of this file was staged: "
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
        """Stage the remaining batches, one after the other. The next batch is cut while one is sent."""
        began = time.monotonic()
        total = sum(file.size for file in state.files)
        before = [sum(file.size for file in state.files[:index]) for index in range(len(state.files))]
        done = state.file
        left_out, opt_outs = state.left_out[:done], state.opt_outs_left_out[:done]
        batches = cut_batches(
            self._inputs,
            state.batch_bytes,
            number=state.batches,
            file=state.file,
            records_done=state.records,
            skip_broken=state.skip_broken,
        )
        for batch, status in self._send_in_order(state, batches):
            state.batches, state.file, state.records = batch.number + 1, batch.file, batch.records_done
            state.staged += batch.records
            # A file that is gone on with is read from its beginning, so its number is whole again.
            state.left_out = left_out + [item.left_out for item in self._inputs[done:]]
            state.opt_outs_left_out = opt_outs + [item.opt_outs_left_out for item in self._inputs[done:]]
            self._keep_state(state)
            self._report(
                ImportProgress("stage", before[batch.file] + batch.position, total, status["TotalRecordsReceived"])
            )
        state.all_staged = True
        if self._tables and state.source:
            state.refused_rows = state.source["Rows"] - state.staged
        self._keep_state(state)
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

    # Effects

    def _preview(self, state: ImportState) -> PreviewFindings | None:
        if self._approve is None:
            return None
        return preview_import(
            self._client,
            state.import_id,
            report=lambda done, total: self._report(ImportProgress("preview", done, total, done)),
        )

    # Waiting and the end

    def _wait(self, state: ImportState, status: JsonObject) -> JsonObject:
        """Ask for the status until the import has ended, by its id, because the token may expire."""
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            done = status["Processed"] + status["Exceptions"] + status["NotHonored"]
            self._report(ImportProgress("execute", done, status["ValidationSuccessful"], done))
            if status["Status"] == "Completed":
                self._seconds["execute"] = time.monotonic() - began
                return status
            if status.get("HeldReason"):
                raise ImportHeld(status, can_resume=self._can_resume)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            status = self._require_alive(self._client.import_by_id(state.import_id))

    def _conclude(
        self, state: ImportState, status: JsonObject, resumed: bool, findings: PreviewFindings | None
    ) -> ImportOutcome:
        outcome = ImportOutcome(status, resumed, self._seconds, state.broken, broken_opt_outs=state.broken_opt_outs)
        outcome.broken_files, outcome.refused_rows = state.broken_files, state.refused_rows
        outcome.left_out, outcome.opt_outs_left_out = sum(state.left_out), sum(state.opt_outs_left_out)
        outcome.refused_opt_outs, outcome.findings = status.get("RefusedOptOuts", 0), findings
        try:
            tally = self._write_refused(state, status)
        except ApiProblem as problem:
            if problem.status != 410:
                raise
            outcome.exceptions_gone = True
        else:
            outcome.exceptions_files = tally.files
            outcome.refused_opt_outs = max(outcome.refused_opt_outs, tally.opt_outs)
            outcome.commonest_faults, outcome.more_kinds = tally.commonest, tally.more_kinds
        self._state_file.unlink(missing_ok=True)
        return outcome

    def _write_refused(self, state: ImportState, status: JsonObject) -> FaultTally:
        """Write the refused records: rows in the form of their tables, records as NDJSON with their origins."""
        total = status["ValidationFailed"] + status["Exceptions"]
        lines = self._fetch_exceptions(state, total) if total else iter(())
        # SequenceNumber counts the records of the files only where nobody else has staged into this import.
        alone = state.staged == status["TotalRecordsReceived"]
        unchanged = alone and state.files == [describe_input(item) for item in self._inputs]
        if self._tables and unchanged:
            # Without a refused row no table is read once more.
            tables = self._tables if total or state.refused_rows else []
            return write_refused_tables(tables, lines, is_delete=self._is_delete)
        records = name_origins(lines, self._inputs) if unchanged else ((line, None) for line in lines)
        return write_exceptions(self._inputs[0].path, records)

    def _fetch_exceptions(self, state: ImportState, total: int) -> Iterator[bytes]:
        for number, line in enumerate(self._client.stream_exceptions(uuid.UUID(state.import_id)), start=1):
            yield line
            if number % 1000 == 0 or number == total:
                self._report(ImportProgress("exceptions", number, total, number))

    def _leave_unfinished(self, state: ImportState, cause: str, error: Exception | None = None) -> NoReturn:
        """Stop the run. A pipe cannot be read again, so an import from a pipe is given up before execution."""
        if self._can_resume:
            goes_on = " Meanwhile the server continues the import." if self._executed else ""
            raise ImportUnfinished(cause + goes_on, state.access_token) from error
        if self._executed:
            raise ImportRefused(
                f"{cause}\nThe server continues import {state.access_token}. See: consentory status "
                f"{state.access_token}, and consentory exceptions {state.access_token}."
            ) from error
        self._give_up(state)
        raise ImportRefused(
            f"{cause}\nThe input came through a pipe, which cannot be read again, so this import cannot be continued. "
            "It was cancelled, and nothing was applied. Save the input as a file, and import the file."
        ) from error

    def _stop_at(self, state: ImportState, problem: ApiProblem) -> NoReturn:
        """End the import after a refusal that another try does not change. After another refusal it can be resumed."""
        if self._executed or problem.status not in _HOPELESS or problem.code == "Preview.Stale":
            self._leave_unfinished(state, str(problem), problem)
        self._give_up(state)
        hint = " A smaller --batch-megabytes may help." if problem.status == 413 else ""
        raise ImportRefused(f"{problem}{hint} The import was cancelled, and nothing was applied.") from problem

    def _give_up(self, state: ImportState) -> None:
        """Cancel the import at the server if that is still possible, and delete the state. Its records expire there."""
        with contextlib.suppress(ConsentoryError):
            self._client.cancel(state.access_token)
        self._state_file.unlink(missing_ok=True)
