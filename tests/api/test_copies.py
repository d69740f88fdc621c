"""docs/data-out.md: an export at a position, and the changes after it, give the store as it is.

Generated histories run over HTTP: imports, refreshes, undos, single writes and deletes, at the same time. Readers begin
in the middle. CONSENTORY_COPY_HISTORIES sets the number of histories.
"""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow.parquet
import pytest
from copy_reader import CopyReader, Way
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from running_server import AccountAccess, RunningServer
from waiting import let_pass
from wire_client import Wire, WireClient, person, require

from consentory.bootstrap.composition import open_worker
from consentory.errors import StoreUnavailable
from model.histories import DeleteStep, ImportStep, Pick, UndoStep, WriteStep, imports, resolve_record, writes
from model.model_account import build_changed

pytestmark = pytest.mark.slow

SMALL = 5
HISTORIES = int(os.environ.get("CONSENTORY_COPY_HISTORIES", str(SMALL)))

BusyStep = ImportStep | WriteStep | DeleteStep | UndoStep


class BusyHistory(NamedTuple):
    """Writers run at the same time, and each runs its steps one after the other. A reader begins to export when
    `begins` steps have ended; another reader follows all changes from the first on."""

    writers: list[list[BusyStep]]
    begins: int
    way: Way
    limit: int


@st.composite
def busy_histories(draw: st.DrawFn) -> BusyHistory:
    undo = st.builds(UndoStep, st.integers(1, 4), st.booleans())
    step: st.SearchStrategy[Any] = st.one_of(
        imports(), imports(), imports(), writes(), writes(), undo, st.integers(0, 5).map(lambda n: DeleteStep(Pick(n)))
    )
    writers = draw(st.lists(st.lists(step, min_size=2, max_size=5), min_size=2, max_size=4))
    writers[0].insert(0, draw(imports(deletes=False)))
    begins = draw(st.integers(0, sum(map(len, writers)) - 1))
    return BusyHistory(
        writers, begins, draw(st.sampled_from(("file", "pages", "cut"))), draw(st.sampled_from((1, 2, 7)))
    )


@pytest.fixture(scope="module")
def hands(running: RunningServer) -> Iterator[None]:
    """Two more workers with small chunks, which give positions, too."""
    stop = threading.Event()

    def work(chunk_records: int) -> None:
        worker = open_worker(running.database_url, chunk_records)
        while not stop.is_set():
            try:
                if worker.execution.process_slice() is None and worker.execution.resolve_next() is None:
                    let_pass(0.02, because="the next look for work")
                worker.sequencing.number_waiting()
            except StoreUnavailable:  # a deadlock or the like: the worker's loop waits it out
                continue
        worker.close()

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 3)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


@dataclass
class Work:
    """The writers of a history on one account."""

    client: WireClient
    follower: CopyReader
    imports: list[str] = field(default_factory=list)
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    errors: list[BaseException] = field(default_factory=list)

    def run_steps(self, steps: list[BusyStep]) -> None:
        try:
            for step in steps:
                self.play(step)
                self.ended.release()
        except BaseException as error:
            self.errors.append(error)
            self.ended.release(100)

    def play(self, step: BusyStep) -> None:
        ids = [one["ProfileId"] for one in list(self.follower.seen) if one["Kind"] == "Created"]
        if isinstance(step, ImportStep):
            made = require(self.client.try_initiate({"Name": "busy", **step.settings}))
            for batch in step.batches:
                self.client.stage(made["AccessToken"], [resolve_record(record, ids) for record in batch])
            self.execute(made)
        elif isinstance(step, UndoStep) and self.imports:
            import_id = self.imports[-1 - (step.back - 1) % len(self.imports)]
            url = f"{self.client.imports}/Imports/{import_id}/Undo"
            answer = self.client.http.post(url, json={"RestoreYes": step.restore_yes})
            if answer.status_code != 409:
                self.execute(require(answer))
        elif isinstance(step, WriteStep):
            target = step.target.resolve(ids) if step.target else None
            answer = self.client.try_write(step.record, target, **dict.fromkeys(step.refresh, "true"))
            assert answer.status_code in (200, 201, 400, 404, 409), answer.text
        elif isinstance(step, DeleteStep):
            answer = self.client.http.delete(f"{self.client.account}/Profile/{step.target.resolve(ids)}")
            assert answer.status_code in (204, 404), answer.text

    def execute(self, made: Wire) -> None:
        require(self.client.call(made["AccessToken"], "Execute"))
        done = self.client.wait(made["AccessToken"])
        assert done["Status"] == "Completed", done
        self.imports.append(made["ImportId"])


@pytest.mark.timeout(6 * 3600)
@settings(
    max_examples=HISTORIES,
    deadline=None,
    derandomize=HISTORIES == SMALL,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # threads decide, too: a shorter history shows less
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
@given(history=busy_histories())
def test_an_export_and_the_changes_after_it_give_the_store_as_it_is(
    running: RunningServer, hands: None, history: BusyHistory
) -> None:
    with WireClient(open_account(running)) as client:
        follower, copy = CopyReader(client, None, 1000), CopyReader(client, history.way, history.limit)
        work = Work(client, follower)
        follower.start()
        writers = [threading.Thread(target=work.run_steps, args=(steps,)) for steps in history.writers]
        for writer in writers:
            writer.start()
        for _ in range(history.begins):
            work.ended.acquire()
        copy.start()
        for writer in writers:
            writer.join()
        assert not work.errors, work.errors
        region = [{"Name": "Region", "Value": "N"}]
        last = client.write(person("last", CustomFields=region))
        for reader in (follower, copy):
            reader.finish(last["ProfileId"])
        check(client, follower, copy)


def open_account(running: RunningServer) -> AccountAccess:
    def replace(document: dict[str, Any]) -> None:
        model = build_changed(document["account"]["clientId"], {"release": True})
        document.clear()
        document.update(model)

    return running.create_account(replace)


def check(client: WireClient, follower: CopyReader, copy: CopyReader) -> None:
    stored = {one["ProfileId"]: one for one in list_profiles(client)}
    assert follower.people == stored
    assert copy.people == stored
    positions = [one["Position"] for one in follower.seen]
    assert positions == list(range(1, len(positions) + 1))
    assert copy.seen == [] or [one["Position"] for one in copy.seen] == positions[-len(copy.seen) :]
    check_order(client, follower.seen, stored)
    check_members(copy, stored)
    check_formats(client, list(stored.values()))


def list_profiles(client: WireClient) -> Iterator[Wire]:
    """All people of the database, each as GET Profile gives it."""
    database = client.access.services.database
    with database.transaction(client.access.account_id) as tx:
        rows = tx.connection.execute("SELECT profile_id FROM profile ORDER BY profile_id").fetchall()
    return (client.profile(profile_id) for (profile_id,) in rows)


def check_order(client: WireClient, seen: list[Wire], stored: dict[int, Wire]) -> None:
    """The changes of one person are in the order of application, and have all choices of the history."""
    by_person: dict[int, list[Wire]] = {}
    for one in seen:
        by_person.setdefault(one["ProfileId"], []).append(one)
    assert {key for key, changes in by_person.items() if changes[-1]["Kind"] != "Deleted"} == set(stored)
    for profile_id, changes in by_person.items():
        alive = False
        for one in changes:
            assert alive is (one["Kind"] != "Created"), changes
            alive = one["Kind"] != "Deleted"
        for import_id in {one["ImportId"] for one in changes} - {None}:
            sequence = [one["SequenceNumber"] for one in changes if one["ImportId"] == import_id]
            assert sequence == sorted(set(sequence)), changes
        if profile_id in stored:
            check_choices(client, profile_id, changes)


def check_choices(client: WireClient, profile_id: int, changes: list[Wire]) -> None:
    given = [choice for one in changes for choice in one["Choices"]]
    for of, member in (("Preferences", "FilterId"), ("Consents", "ConsentType")):
        history = require(client.try_profile(profile_id, "/History", of=of, limit=10_000))["Items"]
        assert [show_choice(one) for one in given if member in one] == [show_choice(one) for one in history]


def show_choice(choice: Wire) -> Wire:
    """A choice without its source. A contact element is shown as it is at the time of the call, so only its kind is
    compared."""
    left_out = ("RecordedDate", "Caller", "ImportId", "SequenceNumber")
    return {name: one for name, one in choice.items() if name not in left_out} | {"Place": choice["Place"]["Kind"]}


MEMBERS = {
    "Emails": {"Emails", "EmailPreferences", "EmailConsents", "IsActive"},
    "PhoneNumbers": {"PhoneNumbers", "PhoneNumberPreferences", "PhoneNumberConsents", "IsActive"},
    "Addresses": {"Addresses", "AddressPreferences", "AddressConsents", "IsActive"},
    "ProfilePreferences": {"ProfilePreferences", "IsActive"},
    "Consents": {"Consents", "IsActive"},
}
"""The names that a change has if this member of the profile differs."""


def check_members(copy: CopyReader, stored: dict[int, Wire]) -> None:
    """The changes after the export name every member that differs from the export."""
    for profile_id, before in copy.exported.items():
        changes = [one for one in copy.seen if one["ProfileId"] == profile_id]
        if profile_id not in stored or any(one["Kind"] == "Created" for one in changes):
            continue
        named = {name for one in changes for name in one["Members"]}
        old, new = drop_statuses(before), drop_statuses(stored[profile_id])
        differ = {name for name in {*old, *new} - {"Edited"} if old.get(name) != new.get(name)}
        assert all(named & MEMBERS.get(name, {name}) for name in differ), (differ, changes)


def drop_statuses(value: Any) -> Any:
    """Without PreferenceStatus: the consents of the person and the time decide it, too."""
    if isinstance(value, dict):
        return {name: drop_statuses(one) for name, one in value.items() if name not in ("PreferenceStatus", "Expired")}
    return [drop_statuses(one) for one in value] if isinstance(value, list) else value


def check_formats(client: WireClient, profiles: list[Wire]) -> None:
    """A file of each format has the same people."""
    content = {
        form: client.http.get(f"{client.account}/Export", params={"format": form}) for form in ("csv", "parquet")
    }
    table = pyarrow.parquet.read_table(io.BytesIO(content["parquet"].content))
    assert [show_times(one) for one in table.to_pylist()] == profiles
    rows = csv.DictReader(io.StringIO(content["csv"].text))
    assert [{name: read_cell(name, cell) for name, cell in row.items() if cell} for row in rows] == profiles


def show_times(value: Any) -> Any:
    """A value of Parquet as on the wire: times as texts, and no member that is absent."""
    if isinstance(value, dict):
        return {name: show_times(one) for name, one in value.items() if one is not None}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return [show_times(one) for one in value] if isinstance(value, list) else value


def read_cell(name: str, cell: str) -> Any:
    """A cell of CSV as on the wire."""
    return cell if name in ("DefaultLocale", "CustomerType", "Edited") else json.loads(cell)
