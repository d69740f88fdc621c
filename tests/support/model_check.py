"""The store on trial: a history is played on the real services and on the model, and both must agree.

Real PostgreSQL, the real bytes of requests, the real services and as many executing threads as the history draws.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from checked_retention import Staged, check_all_gone, check_staged, maintain_at_once, maintained
from held_check import play_held
from hypothesis import HealthCheck, Phase, settings
from undo_check import play_undo

from consentory.bootstrap.composition import open_services, open_worker
from consentory.codec.answers.exceptions_answer import render_row
from consentory.codec.answers.history_answer import render_history
from consentory.codec.answers.profile_answer import render_profile, render_written
from consentory.codec.answers.status_object import render_status
from consentory.domain.caller import Caller
from consentory.domain.imports import Import
from consentory.errors import RequestRefused, StoreUnavailable
from consentory.services.service_set import Services
from consentory.store.database import Database
from model.account_model import fold
from model.comparison import check_same, comparable
from model.execution_model import Fault, ImportResult, Model, WriteOutcome
from model.histories import DeleteStep, HeldStep, History, ImportStep, Step, UndoStep, WriteStep, resolve_record
from model.model_account import build_changed
from model.profile_model import as_given_out
from model.record_model import compared_value

Wire = dict[str, Any]
PHASES = frozenset(("Stage", "Execute"))
COUNTS = (
    "TotalRecordsReceived", "ValidationSuccessful", "ValidationFailed", "Pending", "Processed", "Exceptions",
    "NotHonored", "Created", "Updated", "Unchanged", "Deleted",
)  # fmt: skip
SAME_CODES = {"Match.IdRequired": "Match.OneActiveId", "Match.SeveralIds": "Match.OneActiveId"}
"""Codes that the contract does not give, by the judge's name."""


def check_books(status: Wire) -> None:
    """The three identities of import-api.md, "Books that always balance"."""
    assert status["TotalRecordsReceived"] == status["ValidationSuccessful"] + status["ValidationFailed"], status
    worked = status["Pending"] + status["Processed"] + status["Exceptions"] + status["NotHonored"]
    assert status["ValidationSuccessful"] == worked, status
    parts = status["Created"] + status["Updated"] + status["Unchanged"] + status["Deleted"]
    assert status["Processed"] == parts, status


def judged(histories: int) -> settings:
    """How Hypothesis draws what is judged: so many, without a clock, found again by what it prints."""
    return settings(
        max_examples=histories,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@dataclass
class ModelCheck:
    """One database with services; every trial gets an account of its own."""

    database_url: str
    services: Services = field(init=False)
    owner: Database = field(init=False)

    def __post_init__(self) -> None:
        self.services = open_services(self.database_url)
        self.owner = Database(self.database_url, "owner", size=2)

    def close(self) -> None:
        self.services.close()
        self.owner.close()

    def try_history(self, history: History) -> Trial:
        """Play a history on both sides; AssertionError at the first difference."""
        trial = Trial(self, history)
        for step in history.steps:
            trial.play(step)
        if history.maintainers:
            trial.end_retention()
        return trial


class Trial:
    """One history on one account."""

    def __init__(self, room: ModelCheck, history: History) -> None:
        self.room = room
        self.history = history
        self.client_id = f"J{uuid4().hex[:12].upper()}"
        self.knobs: dict[str, Any] = {"release": True}
        document = build_changed(self.client_id, self.knobs)
        self.model = Model(document)
        self._apply(document)
        self.account_id = room.services.accounts.find_account(document["account"]["clientId"])
        self.staged: list[Staged] = []
        """Every import, with what of it is to stay in staging."""
        self.real_ids: list[int] = []
        """Every profile ever created, in order of creation; as `model.created.values()`."""
        self.numbers: list[int] = []
        """The model's number of each import and undo that ran."""
        self.known: dict[UUID, list[int]] = {}
        """Of each import: the people of the model, ever created, when its records were staged."""
        self.imports: dict[int, str | None] = {}
        """The model's number of each import or write to the real ImportId (None: a single write)."""

    def play(self, step: Step) -> None:
        if isinstance(step, ImportStep):
            self._play_import(step)
        elif isinstance(step, WriteStep):
            self._play_write(step)
        elif isinstance(step, DeleteStep):
            self._play_delete(step)
        elif isinstance(step, UndoStep):
            play_undo(self, step)
        elif isinstance(step, HeldStep):
            play_held(self, step)
        else:
            self.model.configure(self.configure(step.knobs))
        self.compare_people()

    def caller_of(self, user_id: str) -> Caller:
        """A user as the configuration of now knows it."""
        configuration_index = self.room.services.configurations.current(self.account_id)
        user = configuration_index.find_user(user_id)
        assert user is not None
        return Caller(
            self.account_id, configuration_index.account.client_id, user.id, configuration_index.permissions_of(user)
        )

    @property
    def caller(self) -> Caller:
        return self.caller_of("nightly")

    # Configuration ------------------------------------------------------------------------------------------

    def configure(self, knobs: Mapping[str, Any]) -> Wire:
        """Apply the account document with these knobs turned too; the document."""
        self.knobs.update(knobs)
        document = build_changed(self.client_id, self.knobs)
        self._apply(document)
        return document

    def _apply(self, document: Wire) -> None:
        self.room.services.accounts.apply_document(json.dumps(document).encode(), source="judge", dry_run=False)

    def end_retention(self) -> None:
        """The time of everything staged is over, and several workers tidy at once: nothing of it is left."""
        maintain_at_once(self.room, self.staged, self.history.maintainers)
        check_all_gone(self.room, self.staged)

    # Imports ------------------------------------------------------------------------------------------------

    def _play_import(self, step: ImportStep) -> None:
        item = self.stage_import(step)
        document = self.configure(step.knobs) if step.knobs else None
        self.room.services.imports.execute(self.caller, str(item.access_token))
        self.work_off(str(item.access_token))
        self.judge_import(step, item, document)

    def stage_import(self, step: ImportStep, **more: Any) -> Import:
        """An import of the store with all its records staged. `more`: further members of Initiate."""
        services = self.room.services
        body = json.dumps({"Name": "judged", **step.settings, **more}).encode()
        item = services.imports.initiate(self.caller, body, None)
        self.known[item.import_id] = list(self.model.created.values())
        for number, batch in enumerate(step.batches):
            records = {"UserProfilePreferences": [resolve_record(record, self.real_ids) for record in batch]}
            who = self.caller_of(step.caller_of(number))
            services.staging.stage(who, str(item.access_token), json.dumps(records).encode(), "json", None)
        return item

    def judge_import(self, step: ImportStep, item: Import, document: Wire | None) -> None:
        """Run an import that the store has ended on the model, with the store's own times, and compare both."""
        status = self.read_status(str(item.access_token))
        with self.room.owner.transaction(self.account_id) as tx:
            query = "SELECT started_at, first_profile_id FROM import WHERE import_id = %s"
            started, first_id = tx.connection.execute(query, (item.import_id,)).fetchone()  # type: ignore[misc]
        result = self.model.run_import(
            settings=step.settings,
            batches=self.make_batches(step, item.import_id),
            started_at=started,
            configured=document,
        )
        self.imports[result.number] = str(item.import_id)
        self.numbers.append(result.number)
        created = [sequence for sequence, outcome in sorted(result.outcomes.items()) if outcome == "Created"]
        self.real_ids += [first_id + sequence - 1 for sequence in created]
        self._compare_import(result, status, item.access_token)
        stays = frozenset(result.faults) | frozenset(result.not_honored)
        days = step.settings.get("DataStageDuration", 3)
        self.staged.append(Staged(self.account_id, item.import_id, days, len(result.outcomes), stays))
        check_staged(self.room, self.staged[-1], maintained=self.history.maintainers > 0)

    def work_off(self, token: str) -> None:
        """Execute with the workers and the retention of this history, until the import has ended."""
        with self._polled(token), maintained(self.room.database_url, self.history.maintainers):
            execute_all(
                self.room.database_url,
                self.history,
                lambda: self.room.services.imports.find_by_token(self.caller, token),
            )

    def read_status(self, token: str) -> Wire:
        return read_status(self.room.services, self.caller, token)

    def make_batches(self, step: ImportStep, import_id: UUID) -> list[tuple[str, list[Wire], str]]:
        """The batches for the model: when and by whom the store staged each, and the records."""
        with self.room.owner.transaction(self.account_id) as tx:
            query = "SELECT staged_at FROM import_batch WHERE import_id = %s ORDER BY batch_number"
            rows = tx.connection.execute(query, (import_id,)).fetchall()
        ids = self.known[import_id]
        return [
            (
                stamp.isoformat().replace("+00:00", "Z"),
                [resolve_record(record, ids) for record in batch],
                step.caller_of(number),
            )
            for number, ((stamp,), batch) in enumerate(zip(rows, step.batches, strict=True))
        ]

    @contextmanager
    def _polled(self, token: str) -> Iterator[None]:
        """The books polled by a second thread while an import runs."""
        stop, broken = threading.Event(), []

        def poll() -> None:
            while not stop.is_set():
                try:
                    check_books(read_status(self.room.services, self.caller, token))
                except AssertionError as error:
                    broken.append(error)
                    return

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert not broken, broken[0]

    def _compare_import(self, result: ImportResult, status: Wire, token: int) -> None:
        real = self._read_faults(token, PHASES)
        check_same(*_by_sequence(real, result.faults), "faults")
        unhonored = self._read_faults(token, frozenset(("NotHonored",)))
        check_same(*_by_sequence(unhonored, result.not_honored), "not honored")
        for theirs, ours in ((real, result.faults), (unhonored, result.not_honored)):
            for sequence, faults in ours.items():
                _compare_paths(theirs[sequence], faults)
        check_same({name: status[name] for name in COUNTS}, result.counts, "counts")
        assert status["Status"] == result.status

    def _read_faults(self, token: int, phases: frozenset[str]) -> dict[int, list[Wire]]:
        item = self.room.services.imports.find_by_token(self.caller, str(token))
        rows = self.room.services.exceptions.stream(self.caller, item, phases)  # type: ignore[arg-type]
        return {row.sequence_number: json.loads(render_row(row))["Exceptions"] for row in rows}

    # Single writes ------------------------------------------------------------------------------------------

    def _play_write(self, step: WriteStep) -> None:
        target = step.target.resolve(self.real_ids) if step.target else None
        answer: Wire = {}
        refused: RequestRefused | None = None
        created = False
        try:
            flags = dict.fromkeys(step.refresh, True)
            body = json.dumps(step.record).encode()
            answer = to_wire(render_written(self.room.services.profiles.write(self.caller, target, body, flags)))
            created = answer["Outcome"] == "Created"
        except RequestRefused as error:
            refused = error
        at = datetime.fromisoformat(answer["Edited"].replace("Z", "+00:00")) if answer else datetime.now(UTC)
        model_target = step.target.resolve(list(self.model.created.values())) if step.target else None
        result = self.model.single_write(step.record, profile_id=model_target, refresh=step.refresh, at=at)
        self.imports[result.number] = None
        if created:
            self.real_ids.append(answer["ProfileId"])
        self._compare_write(result, answer, refused)

    def _compare_write(self, result: WriteOutcome, answer: Wire, refused: RequestRefused | None) -> None:
        if refused is None:
            assert answer["Outcome"] == result.outcome
            assert _codes(answer["NotHonored"]) == _model_codes(result.not_honored)
            return
        kinds = {"NotFound": "not_found", "ValidationFailed": "invalid", "Exception": "conflict"}
        assert refused.kind == kinds[result.outcome], (refused, result)
        if refused.errors:
            assert Counter(_rename(error.code) for error in refused.errors) == _model_codes(result.faults)

    def _play_delete(self, step: DeleteStep) -> None:
        gone = self.model.delete_profile(step.target.resolve(list(self.model.created.values())))
        try:
            self.room.services.profiles.delete(self.caller, step.target.resolve(self.real_ids))
            deleted = True
        except RequestRefused as error:
            deleted = error.kind != "not_found"
        assert deleted == gone

    # People -------------------------------------------------------------------------------------------------

    def compare_people(self) -> None:
        real_of = dict(zip(self.model.created.values(), self.real_ids, strict=True))
        with self.room.owner.transaction(self.account_id) as tx:
            query = "SELECT profile_id FROM profile WHERE account_id = current_account()"
            stored = {row[0] for row in tx.connection.execute(query)}
        assert stored == {real_of[profile_id] for profile_id in self.model.profiles}
        for profile_id in self.model.profiles:
            shown = to_wire(render_profile(self.room.services.profiles.get(self.caller, real_of[profile_id])))
            wanted = self.model.get_profile(profile_id, now=datetime.now(UTC))
            assert wanted is not None
            wanted = comparable(as_given_out(wanted), self.model.account)
            check_same(comparable(shown, self.model.account), wanted, "profile")
            self._compare_keys(wanted, real_of[profile_id])
            self._compare_history(profile_id, real_of[profile_id])

    def _compare_keys(self, wanted: Wire, real_id: int) -> None:
        """Every alternate id that is held finds its holder."""
        for one in wanted["AlternateIds"]:
            if one["IsActive"]:
                found = self.room.services.profiles.find_by_alternate_id(
                    self.caller, one["AlternateIdType"], one["AlternateId"]
                )
                assert found.profile.profile_id == real_id

    def _compare_history(self, model_id: int, real_id: int) -> None:
        ours = Counter(self._model_item(item) for item in self.model.history(model_id))
        theirs: Counter[tuple[Any, ...]] = Counter()
        order = []
        for of in ("Preferences", "Consents"):
            found = self.room.services.profiles.history(self.caller, real_id, of, 10_000, 1)  # type: ignore[arg-type]
            assert not found.has_more
            items = to_wire(render_history(found).Items)
            theirs.update(self._real_item(item) for item in items)
            order.append([item["RecordedDate"] for item in items])
        check_same(theirs, ours, "history")
        assert all(dates == sorted(dates) for dates in order)

    def _model_item(self, item: Wire) -> tuple[Any, ...]:
        number, sequence = item["Import"], item["SequenceNumber"]
        source: tuple[Any, ...] = (self.imports[number], sequence if self.imports[number] else None)
        if "UndoOf" in item:
            # The contract does not say which record of an undo means which person.
            source = (self.imports[number], self.imports[item["UndoOf"]], item["TakenBack"])
        return (item["Place"], *_value(item), item["Caller"], *source)

    def _real_item(self, item: Wire) -> tuple[Any, ...]:
        place = item["Place"]
        where: tuple[str, ...] = ()
        if place["Kind"] != "Profile":
            array, type_member = {
                "Email": ("Emails", "EmailAddressType"),
                "Phone": ("PhoneNumbers", "PhoneType"),
                "Address": ("Addresses", "AddressType"),
            }[place["Kind"]]
            where = (array, fold(place[type_member]), compared_value(array, place, self.model.account))
        source: tuple[Any, ...] = (item["ImportId"], item["SequenceNumber"])
        if "UndoOf" in item:
            source = (item["ImportId"], item["UndoOf"], item.get("TakenBack", False))
        return (where, *_value(item), item["Caller"], *source)


def to_wire(answer: Any) -> Any:
    """An answer as its JSON decodes."""
    return json.loads(msgspec.json.encode(answer))


def read_status(services: Services, caller: Caller, token: str) -> Wire:
    """The status object as on the wire."""
    status = render_status(services.imports.find_by_token(caller, token))
    return {name: getattr(status, name) for name in (*COUNTS, "Status")}


def execute_all(database_url: str, history: History, look: Any) -> None:
    """Resolve and work off with as many threads as the history draws, until the import has ended."""
    failures: list[BaseException] = []

    def work() -> None:
        worker = open_worker(database_url, history.chunk_size)
        try:
            while look().status not in ("Completed", "Failed"):
                try:
                    if worker.execution.process_slice() is None:
                        worker.execution.resolve_next()
                except StoreUnavailable:  # a deadlock or the like: waited out by the real loop
                    continue
        except BaseException as error:
            failures.append(error)
        finally:
            worker.close()

    threads = [threading.Thread(target=work) for _ in range(history.workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _value(item: Wire) -> tuple[Any, ...]:
    if "FilterId" in item:
        return ("P", item["FilterId"], item["PreferenceType"], item["CustomerDate"])
    return ("C", item["ConsentType"], item["ConsentVersion"], item["ConsentStatus"], item["ConsentDate"])


def _rename(code: str) -> str:
    return SAME_CODES.get(code, code)


def _codes(faults: list[Wire]) -> Counter[str]:
    return Counter(_rename(fault["Code"]) for fault in faults)


def _model_codes(faults: list[Fault]) -> Counter[str]:
    return Counter(fault.code for fault in faults)


def _by_sequence(real: dict[int, list[Wire]], model: dict[int, list[Fault]]) -> tuple[Wire, Wire]:
    """Codes and how often, by SequenceNumber, of the store and of the model."""
    theirs = {str(sequence): dict(_codes(faults)) for sequence, faults in real.items()}
    return theirs, {str(sequence): dict(_model_codes(faults)) for sequence, faults in model.items()}


def _compare_paths(real: list[Wire], model: list[Fault]) -> None:
    """Every fault of the model stands at the same place: its path begins the real one's, or the other way round."""
    left = [(_rename(fault["Code"]), fault["Path"]) for fault in real]
    for fault in sorted(model, key=lambda one: -len(one.path)):
        match = next(
            (one for one in left if (one[0] == fault.code and (one[1].startswith(fault.path) or fault.path == "$"))
             or one[0] == fault.code == "Match.Conflict"),
            None,
        )  # fmt: skip
        assert match is not None, (fault, left)
        left.remove(match)
