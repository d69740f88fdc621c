"""Positions of changes: dense, given after the commit, never behind a position that was given
(docs/adr/0017-positions.md)."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from record_cases import read_document
from waiting import await_true, let_pass
from wire_client import at_once
from workbench import Workbench, make_person, open_workbench

from consentory.bootstrap.composition import open_services
from consentory.domain.viewing import ViewedChange, ViewedChanges
from consentory.errors import RequestRefused
from consentory.services.data_out.change_reading import ChangesQuery
from consentory.services.data_out.position_sequencing import PositionSequencing
from consentory.store.database import Database
from consentory.store.tables import change_store
from consentory.store.tables.change_store import StoredChange

TRANSACTIONS = int(os.environ.get("CONSENTORY_POSITION_TRANSACTIONS", "150"))
"""Of each of six writers in the test with slow transactions. Set a larger number to look for rare orders."""

BY_CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def write(bench: Workbench, number: int, **more: Any) -> int:
    body = json.dumps(make_person(number, **more)).encode()
    return bench.services.profiles.write(bench.caller, None, body, {}).profile_id


def update(bench: Workbench, profile_id: int, **more: Any) -> None:
    bench.services.profiles.write(bench.caller, profile_id, json.dumps({"ProfileId": profile_id, **more}).encode(), {})


def read_all(bench: Workbench, after: int | None = None) -> list[ViewedChange]:
    return list(bench.services.changes.read(bench.caller, ChangesQuery(after, 10_000)).items)


def show(changes: list[ViewedChange]) -> list[tuple[int, str, int]]:
    return [(one.position, one.kind, one.profile_id) for one in changes]


def test_each_change_gets_the_next_position_after_its_commit(bench: Workbench) -> None:
    first = write(bench, 1)
    assert read_all(bench) == []
    bench.worker.sequencing.number_waiting()
    second = write(bench, 2)
    update(bench, first, ProfileTags=[{"Name": "vip"}])
    bench.services.profiles.delete(bench.caller, second)
    assert show(read_all(bench)) == [(1, "Created", first)]
    assert bench.worker.sequencing.number_waiting() == 3
    assert show(read_all(bench)) == [
        (1, "Created", first),
        (2, "Created", second),
        (3, "Updated", first),
        (4, "Deleted", second),
    ]
    assert bench.worker.sequencing.number_waiting() == 0


def test_an_import_gives_one_position_for_each_applied_record(bench: Workbench) -> None:
    people = [make_person(number) for number in range(5)]
    bench.complete(people)
    again = [*people, make_person(0, IsActive=False), {"AlternateIds": people[0]["AlternateIds"], "IsActive": True}]
    item = bench.complete(again, **BY_CRM)
    bench.worker.sequencing.number_waiting()
    changes = read_all(bench)
    assert [one.position for one in changes] == list(range(1, 8))
    assert [(one.kind, one.sequence_number, list(one.members)) for one in changes[5:]] == [
        ("Updated", 6, ["IsActive"]),
        ("Updated", 7, ["IsActive"]),
    ]
    assert {one.import_id for one in changes[5:]} == {item.import_id}
    assert {one.caller for one in changes} == {"nightly"}


def test_no_change_has_no_position(bench: Workbench) -> None:
    profile_id = write(bench, 1)
    update(bench, profile_id, **make_person(1))
    bench.complete([make_person(1)], **BY_CRM)
    bench.worker.sequencing.number_waiting()
    assert show(read_all(bench)) == [(1, "Created", profile_id)]


def test_an_undo_has_positions(bench: Workbench) -> None:
    old = write(bench, 1)
    item = bench.complete([make_person(1, IsActive=False), make_person(2)], **BY_CRM)
    undo = bench.services.undo.undo(bench.caller, str(item.import_id), restore_yes=False)
    bench.execute(undo)
    bench.work_off()
    bench.worker.sequencing.number_waiting()
    changes = read_all(bench, after=3)
    assert {(one.kind, one.import_id) for one in changes} == {
        ("Deleted", undo.import_id),
        ("Updated", undo.import_id),
    }
    assert old in {one.profile_id for one in changes}


def test_a_transaction_that_is_undone_gives_no_position(bench: Workbench) -> None:
    with bench.services.database.transaction(bench.caller.account_id) as tx:
        tx.connection.execute("SAVEPOINT one")
        insert(tx, 1)
        tx.connection.execute("ROLLBACK TO SAVEPOINT one")
    write(bench, 1)
    bench.worker.sequencing.number_waiting()
    assert [one.position for one in read_all(bench)] == [1]


def insert(tx: Any, profile_id: int, sequence: int = 1) -> None:
    """A block of one change. Nobody reads the person."""
    change_store.insert_changes(tx, [StoredChange(profile_id, "Updated", 1, 0, "nightly", sequence)], 0, None)


def test_a_slow_transaction_comes_after_positions_that_were_given(bench: Workbench) -> None:
    account_id = bench.caller.account_id
    with bench.services.database.transaction(account_id) as slow:
        insert(slow, 1)  # its place in the log is before all others
        for number in range(2, 5):
            with bench.services.database.transaction(account_id) as tx:
                insert(tx, number)
        bench.worker.sequencing.number_waiting()
        assert [one.profile_id for one in read_all(bench)] == [2, 3, 4]
    bench.worker.sequencing.number_waiting()
    assert [one.profile_id for one in read_all(bench)] == [2, 3, 4, 1]


def test_a_full_batch_is_followed_by_the_next(bench: Workbench) -> None:
    for number in range(7):
        write(bench, number)
    assert PositionSequencing(bench.worker.database, batch_blocks=2).number_waiting() == 7
    assert [one.position for one in read_all(bench)] == list(range(1, 8))


def test_while_one_worker_numbers_another_does_not_wait(bench: Workbench) -> None:
    write(bench, 1)
    bench.worker.sequencing.number_waiting()
    write(bench, 2)
    with bench.worker.database.transaction(bench.caller.account_id) as tx:
        assert change_store.number_some(tx, 10) == 1
        assert PositionSequencing(bench.worker.database).number_waiting() == 0
    assert bench.worker.sequencing.number_waiting() == 0
    assert [one.position for one in read_all(bench)] == [1, 2]


def test_an_account_has_positions_of_its_own(bench: Workbench) -> None:
    with open_workbench(bench.url, "OTHER") as other:
        write(bench, 1)
        write(other, 1)
        write(bench, 2)
        bench.worker.sequencing.number_waiting()
        assert [one.position for one in read_all(bench)] == [1, 2]
        assert [one.position for one in read_all(other)] == [1]


# Retention -------------------------------------------------------------------------------------------------------


def age(bench: Workbench, last: int, days: int) -> None:
    """Make the blocks up to a position older. Citus refuses here a time minus an interval that depends on the zone."""
    bench.owner(
        "UPDATE change_block SET applied_at ="
        " (applied_at AT TIME ZONE 'UTC' - make_interval(days => %s)) AT TIME ZONE 'UTC' WHERE first_position <= %s",
        days,
        last,
    )


def test_old_changes_go_and_a_reader_who_needs_them_is_told(bench: Workbench) -> None:
    for number in range(5):
        write(bench, number)
    bench.worker.sequencing.number_waiting()
    age(bench, 2, days=31)
    age(bench, 1, days=1)
    bench.worker.retention.run_maintenance()
    assert [one.position for one in read_all(bench)] == [3, 4, 5]
    assert [one.position for one in read_all(bench, after=2)] == [3, 4, 5]
    with pytest.raises(RequestRefused, match="oldest is 3") as refused:
        read_all(bench, after=1)
    assert (refused.value.kind, refused.value.code) == ("gone", "Changes.TooOld")


def test_an_old_change_behind_a_new_one_stays(bench: Workbench) -> None:
    for number in range(3):
        write(bench, number)
    bench.worker.sequencing.number_waiting()
    bench.owner("UPDATE change_block SET applied_at = now() - interval '40 days' WHERE first_position <> 2")
    bench.worker.retention.run_maintenance()
    assert [one.position for one in read_all(bench)] == [2, 3]


def test_positions_go_on_when_no_change_is_left(bench: Workbench) -> None:
    write(bench, 1)
    bench.worker.sequencing.number_waiting()
    age(bench, 1, days=31)
    bench.worker.retention.run_maintenance()
    assert read_all(bench, after=1) == []
    write(bench, 2)
    bench.worker.sequencing.number_waiting()
    assert [one.position for one in read_all(bench, after=1)] == [2]
    with pytest.raises(RequestRefused):
        read_all(bench, after=0)


def test_the_account_document_says_how_long(bench: Workbench) -> None:
    write(bench, 1)
    bench.worker.sequencing.number_waiting()
    age(bench, 1, days=3)
    bench.worker.retention.run_maintenance()
    assert [one.position for one in read_all(bench)] == [1]
    document = read_document()
    document["account"]["changesDays"] = 2
    bench.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
    bench.worker.retention.run_maintenance()
    assert read_all(bench) == []


def test_the_blocks_hold_no_personal_data(bench: Workbench) -> None:
    write(bench, 1, Emails=[{"EmailAddressType": "Home", "EmailAddress": "nour@example.com"}])
    ((packed,),) = bench.owner("SELECT changes FROM change_block")
    changes = change_store.unpack_changes(packed)
    assert len(changes) == 1
    assert not any(word in repr(changes) for word in ("Nour", "nour@example.com", "w-1"))


# Slow transactions, many workers, a reader -----------------------------------------------------------------------


class Reader(threading.Thread):
    """Reads all changes page by page, as a client does, until `stop`, and then until nothing is left."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self.bench, self.stop = bench, threading.Event()
        self.seen: list[ViewedChange] = []

    def run(self) -> None:
        after, left = 0, True
        while left or not self.stop.is_set():
            left = not self.stop.is_set()
            while (page := self.read(ChangesQuery(after, 97))).items:
                self.seen += page.items
                after = page.next

    def read(self, query: ChangesQuery) -> ViewedChanges:
        return self.bench.services.changes.read(self.bench.caller, query, note_empty=False)


PEOPLE = 20


def change_people(database: Database, account_id: int, writer: int) -> list[tuple[int, int]]:
    """Change locked people in transactions of different length. Gives (person, number of the change) of each."""
    rng, done = random.Random(writer), []
    for _ in range(TRANSACTIONS):
        with database.transaction(account_id) as tx:
            chosen = sorted(rng.sample(range(1, PEOPLE + 1), rng.choice((1, 1, 2, 3))))
            rows = tx.connection.execute(
                "SELECT profile_id, customer_type::integer FROM profile WHERE profile_id = ANY(%s)"
                " ORDER BY profile_id FOR UPDATE",
                [chosen],
            ).fetchall()
            changed = [(profile_id, number + 1) for profile_id, number in rows]
            for profile_id, number in changed:
                tx.connection.execute(
                    "UPDATE profile SET customer_type = %s WHERE profile_id = %s", [str(number), profile_id]
                )
            stored = [StoredChange(profile_id, "Updated", 1, 0, "nightly", number) for profile_id, number in changed]
            change_store.insert_changes(tx, stored, 0, None)
            if rng.random() < 0.03:  # a slow transaction: others commit and get their positions meanwhile
                let_pass(rng.choice((0.02, 0.1, 0.3)), because="the transaction is slow on purpose")
        done += changed
    return done


@pytest.mark.slow
def test_a_reader_misses_no_change_and_sees_no_position_twice(bench: Workbench) -> None:
    account_id = bench.caller.account_id
    bench.owner(
        "INSERT INTO profile (account_id, profile_id, body, created, modified, active, customer_type)"
        " SELECT %s, n, '{}', now(), now(), true, '0' FROM generate_series(1, %s) AS n",
        account_id,
        PEOPLE,
    )
    services = open_services(bench.url)
    reader, stop = Reader(bench), threading.Event()

    def number() -> None:
        sequencing = PositionSequencing(bench.worker.database, batch_blocks=3)
        while not stop.is_set():
            sequencing.number_waiting()

    sequencers = [threading.Thread(target=number) for _ in range(2)]
    for thread in (reader, *sequencers):
        thread.start()
    try:
        written = at_once(*[lambda w=w: change_people(services.database, account_id, w) for w in range(6)])
    finally:
        stop.set()
        for thread in sequencers:
            thread.join()
        bench.worker.sequencing.number_waiting()
        reader.stop.set()
        reader.join()
        services.close()
    expected = sorted(change for changes in written for change in changes)
    assert [one.position for one in reader.seen] == list(range(1, len(expected) + 1))
    assert sorted((one.profile_id, one.sequence_number) for one in reader.seen) == expected
    numbers: dict[int, list[int | None]] = {}
    for one in reader.seen:
        numbers.setdefault(one.profile_id, []).append(one.sequence_number)
    for of_person in numbers.values():
        assert of_person == list(range(1, len(of_person) + 1)), "the order of application"


KILLED = """
import sys
from consentory.services.data_out.position_sequencing import PositionSequencing
from consentory.store.database import Database
database = Database(sys.argv[1], "consentory_worker", size=1)
print("ready", flush=True)
while True:
    PositionSequencing(database, batch_blocks=1).number_waiting()
"""


@pytest.mark.processes
def test_a_killed_sequencer_loses_nothing_and_numbers_nothing_twice(bench: Workbench) -> None:
    account_id = bench.caller.account_id
    for start in range(0, 600, 200):
        with bench.services.database.transaction(account_id) as tx:
            for number in range(start, start + 200):
                insert(tx, number + 1)
        process = subprocess.Popen([sys.executable, "-c", KILLED, bench.url], stdout=subprocess.PIPE)
        try:
            await_true(lambda start=start: bench.owner("SELECT 1 FROM change_range WHERE latest > %s", start + 20))
        finally:
            process.kill()
            process.communicate()

    def are_numbered() -> bool:
        bench.worker.sequencing.number_waiting()
        return not bench.owner("SELECT 1 FROM change_block WHERE first_position IS NULL")

    await_true(are_numbered)  # the session of a killed process has its lock until the database notices the end
    changes = read_all(bench)
    assert [one.position for one in changes] == list(range(1, 601))
    assert [one.profile_id for one in changes] == list(range(1, 601))


def test_a_lost_connection_leaves_changes_waiting(bench: Workbench) -> None:
    write(bench, 1)
    doomed = psycopg.connect(bench.url)
    doomed.execute("UPDATE change_block SET first_position = 1")
    bench.owner("SELECT pg_terminate_backend(%s)", doomed.info.backend_pid)
    with pytest.raises(psycopg.Error):
        doomed.commit()
    doomed.close()
    assert read_all(bench) == []
    bench.worker.sequencing.number_waiting()
    assert [one.position for one in read_all(bench)] == [1]
