"""The chain of the audit trail: a row changed, missing or added shows, and which (docs/adr/0010-audit-chain.md)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors
from sample_rows import SERVICE, WORKER, connect_as
from waiting import wait_for
from wire_client import at_once
from workbench import Workbench, make_person, open_workbench

from consentory.bootstrap.composition import open_worker
from consentory.domain.audit_event import chain_hash, digest_event
from consentory.errors import StatementRefused, StoreRefused, StoreUnavailable
from consentory.services.audit.audit_chaining import AuditChaining
from consentory.services.audit.chain_verification import Verdict
from consentory.store.tables import audit_store

EVENTS = 12
"""Of the account of these tests: its configuration, and writes of as many persons as make that number."""


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    """An account with EVENTS chained events."""
    with open_workbench(database_url) as bench:
        for number in range(EVENTS - 1):
            write(bench, number)
        bench.worker.chaining.append_waiting()
        yield bench


def write(bench: Workbench, number: int) -> None:
    bench.services.profiles.write(bench.caller, None, json.dumps(make_person(number)).encode(), {})


def verify(bench: Workbench, expected: str | None = None) -> Verdict:
    ((account_id, client_id),) = bench.worker.verification.list_accounts("ACME")
    return bench.worker.verification.verify(account_id, client_id, expected)


def find(bench: Workbench, expected: str | None = None) -> list[tuple[str, int | None]]:
    """(what, number) of every finding."""
    return [(finding.what, finding.number) for finding in verify(bench, expected).findings]


def name_event(bench: Workbench, number: int) -> Any:
    ((event_id,),) = bench.owner("SELECT event_id FROM audit_link WHERE number = %s", number)
    return event_id


def head(bench: Workbench) -> str:
    return bench.worker.verification.find_head(bench.caller.account_id)


def test_what_nobody_touched_is_as_recorded(bench: Workbench) -> None:
    verdict = verify(bench)
    assert (verdict.events, verdict.waiting, verdict.findings) == (EVENTS, 0, [])
    assert verdict.head == head(bench)
    assert find(bench, head(bench)) == []
    assert [row[0] for row in bench.owner("SELECT number FROM audit_link ORDER BY 1")] == list(range(1, EVENTS + 1))


# Tampering, by the database's owner ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "recorded_at = recorded_at + interval '1 microsecond'",
        "caller = 'mailer'",
        "client_address = '203.0.113.9'",
        "client_address = ''",
        "request_id = 'other'",
        "action = 'profile.read'",
        "import_id = gen_random_uuid()",
        "profile_ids = '{99}'",
        "profile_ids = profile_ids || profile_ids",
        "profile_ids = '{}'",
        "details = details || '{\"NotHonored\": 1}'",
        "details = '{}'",
    ],
)
def test_a_changed_field_is_found(bench: Workbench, change: str) -> None:
    bench.owner(f"UPDATE audit_event SET {change} WHERE event_id = %s", name_event(bench, 5))
    assert find(bench) == [("changed", 5)]
    assert verify(bench).findings[0].event_id == str(name_event(bench, 5))


@pytest.mark.parametrize("column", ["digest", "previous", "hash"])
def test_a_changed_link_is_found(bench: Workbench, column: str) -> None:
    bench.owner(f"UPDATE audit_link SET {column} = sha256({column}) WHERE number = 5")
    assert set(find(bench)) <= {("changed", 5), ("changed", 6)}
    assert ("changed", 5) in find(bench)


def test_a_deleted_event_is_found(bench: Workbench) -> None:
    bench.owner("DELETE FROM audit_event WHERE event_id = %s", name_event(bench, 5))
    assert find(bench) == [("missing", 5)]


def test_deleted_events_are_found_with_their_links_gone(bench: Workbench) -> None:
    bench.owner(
        "WITH gone AS (DELETE FROM audit_link WHERE number IN (4, 5, 9) RETURNING event_id)"
        " DELETE FROM audit_event WHERE event_id IN (SELECT event_id FROM gone)"
    )
    assert [(f.what, f.number, f.text) for f in verify(bench).findings] == [
        ("missing", 4, "4 to 5 are gone"),
        ("missing", 9, "9 is gone"),
    ]


def test_a_link_moved_into_the_gap_is_found(bench: Workbench) -> None:
    bench.owner("DELETE FROM audit_link WHERE number = 5")
    bench.owner("UPDATE audit_link SET number = 5 WHERE number = %s", EVENTS)
    assert {number for _, number in find(bench)} >= {5, 6}
    assert {what for what, _ in find(bench)} == {"changed", "added"}  # the event of the link that went is loose


def test_the_first_gone_is_found(bench: Workbench) -> None:
    bench.owner("DELETE FROM audit_link WHERE number = 1")
    assert find(bench)[0] == ("missing", 1)


COPY = (
    "INSERT INTO audit_event SELECT account_id, gen_random_uuid(), recorded_at, 'mailer', client_address, request_id,"
    " action, import_id, profile_ids, details FROM audit_event WHERE event_id = %s RETURNING event_id"
)


def test_an_added_event_is_found(bench: Workbench) -> None:
    ((event_id,),) = bench.owner(COPY, name_event(bench, 5))
    for _ in range(2):
        assert [(f.what, f.event_id) for f in verify(bench).findings] == [("added", str(event_id))]
        bench.worker.chaining.append_waiting()  # what did not come by the queue stays out of the chain


def test_an_added_event_with_a_place_in_the_queue_is_found(bench: Workbench) -> None:
    """An event before it is chained, and after. A forger of such an event must know the canonical form."""
    ((event_id,),) = bench.owner(COPY, name_event(bench, 5))
    bench.owner(
        "INSERT INTO audit_waiting SELECT account_id, recorded_at, event_id, sha256('') FROM audit_event"
        " WHERE event_id = %s",
        event_id,
    )
    assert find(bench) == [("changed", None)]
    bench.worker.chaining.append_waiting()
    assert find(bench) == [("changed", EVENTS + 1)]


def test_an_event_added_by_the_statement_itself_but_dated_back_is_found(bench: Workbench) -> None:
    """The digest is right, the way is right: only the time tells."""
    write(bench, 99)
    bench.owner(
        "UPDATE audit_event SET recorded_at = recorded_at - interval '2 hours'"
        " WHERE event_id = (SELECT event_id FROM audit_waiting)"
    )
    with bench.worker.database.transaction(bench.caller.account_id) as tx:
        ((_, _, event),) = audit_store.list_queue(tx)
    assert event is not None
    bench.owner("UPDATE audit_waiting SET digest = %s", digest_event(bench.caller.account_id, event))
    assert find(bench) == []
    bench.worker.chaining.append_waiting()
    assert find(bench) == [("added", EVENTS + 1)]


def test_a_swapped_pair_is_found(bench: Workbench) -> None:
    one, other = name_event(bench, 4), name_event(bench, 8)
    for old, new in ((one, UUID(int=0)), (other, one), (UUID(int=0), other)):
        bench.owner("UPDATE audit_event SET event_id = %s WHERE event_id = %s", new, old)
    assert find(bench) == [("changed", 4), ("changed", 8)]


def test_swapped_links_are_found(bench: Workbench) -> None:
    for old, new in ((4, 1000), (8, 4), (1000, 8)):
        bench.owner("UPDATE audit_link SET number = %s WHERE number = %s", new, old)
    assert {number for _, number in find(bench)} == {4, 5, 8, 9}


def test_a_second_link_of_an_event_is_found(bench: Workbench) -> None:
    """Even one that fits the chain."""
    number, last = head(bench).split(":")
    ((event_id, digest),) = bench.owner("SELECT event_id, digest FROM audit_link WHERE number = 5")
    previous = bytes.fromhex(last)
    link = chain_hash(int(number) + 1, previous, event_id, bytes(digest))
    bench.owner(
        "INSERT INTO audit_link VALUES (%s, %s, %s, %s, %s, %s)",
        bench.caller.account_id, int(number) + 1, event_id, digest, previous, link,
    )  # fmt: skip
    assert find(bench) == [("added", EVENTS + 1)]


def cut_tail(bench: Workbench) -> None:
    bench.owner(
        "WITH gone AS (DELETE FROM audit_link WHERE number > 9 RETURNING event_id)"
        " DELETE FROM audit_event WHERE event_id IN (SELECT event_id FROM gone)"
    )


def test_a_cut_tail_is_found_by_the_head_that_was_kept(bench: Workbench) -> None:
    kept = head(bench)
    cut_tail(bench)
    assert find(bench) == []  # what is left is a whole chain: this is what the head is kept for
    assert find(bench, kept) == [("missing", 10)]
    for number in range(20, 30):
        write(bench, number)
    bench.worker.chaining.append_waiting()  # grown past the number again
    assert find(bench) == []
    assert find(bench, kept) == [("changed", EVENTS)]


def test_a_tail_cut_off_the_links_alone_is_found_without(bench: Workbench) -> None:
    bench.owner("DELETE FROM audit_link WHERE number > 9")
    assert find(bench) == [("added", None)] * (EVENTS - 9)


def test_a_chain_rewritten_whole_is_found_by_the_head_that_was_kept(bench: Workbench) -> None:
    """The owner deletes an event and builds the chain anew: only a head kept elsewhere tells."""
    kept = head(bench)
    bench.owner("DELETE FROM audit_event WHERE event_id = %s", name_event(bench, 5))
    bench.owner("DELETE FROM audit_link WHERE number = 5")
    rows = bench.owner("SELECT recorded_at, event_id, digest FROM audit_link JOIN audit_event USING (event_id)")
    bench.owner("DELETE FROM audit_link")
    for row in rows:
        bench.owner("INSERT INTO audit_waiting VALUES (%s, %s, %s, %s)", bench.caller.account_id, *row)
    bench.worker.chaining.append_waiting()
    assert find(bench) == []
    assert ("missing", EVENTS) in find(bench, kept)


# Before it is chained ---------------------------------------------------------------------------------------------


def test_a_waiting_event_is_checked_too(bench: Workbench) -> None:
    write(bench, 50)
    write(bench, 51)
    verdict = verify(bench)
    assert (verdict.waiting, verdict.findings) == (2, [])
    bench.owner("UPDATE audit_event SET caller = 'mailer' WHERE event_id NOT IN (SELECT event_id FROM audit_link)")
    assert find(bench) == [("changed", None)] * 2
    bench.worker.chaining.append_waiting()
    assert find(bench) == [("changed", EVENTS + 1), ("changed", EVENTS + 2)]


def test_an_event_deleted_while_it_waits_is_found(bench: Workbench) -> None:
    write(bench, 50)
    bench.owner("DELETE FROM audit_event WHERE event_id NOT IN (SELECT event_id FROM audit_link)")
    assert find(bench) == [("missing", None)]
    bench.worker.chaining.append_waiting()
    assert find(bench) == [("missing", EVENTS + 1)]


def test_a_worker_killed_while_chaining_loses_nothing_and_doubles_nothing(bench: Workbench) -> None:
    for number in range(50, 60):
        write(bench, number)
    with psycopg.connect(bench.url) as owner:
        owner.execute("LOCK TABLE audit_link IN SHARE MODE")  # links cannot be written: the chaining stops before them
        raised: list[Exception] = []

        def append_waiting() -> None:
            try:
                bench.worker.chaining.append_waiting()
            except (StoreUnavailable, StoreRefused) as error:
                raised.append(error)

        thread = threading.Thread(target=append_waiting)
        thread.start()
        blocked = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'audit_link'::regclass"
        ((pid,),) = wait_for(lambda: bench.owner(blocked), lambda rows: len(rows) == 1)
        bench.owner("SELECT pg_terminate_backend(%s)", pid)
        thread.join()
        owner.rollback()
    assert [type(error) for error in raised] == [StoreUnavailable]
    assert (verify(bench).events, verify(bench).waiting, verify(bench).findings) == (EVENTS, 10, [])
    bench.worker.chaining.append_waiting()
    assert (verify(bench).events, verify(bench).waiting, verify(bench).findings) == (EVENTS + 10, 0, [])


def test_what_cannot_be_noted_is_not_done(bench: Workbench) -> None:
    """The event and what it tells of are there together or not at all."""
    bench.owner("REVOKE INSERT ON audit_event FROM consentory_service")
    with pytest.raises(StatementRefused):
        write(bench, 50)
    assert bench.owner("SELECT count(*) FROM profile") == [(EVENTS - 1,)]
    assert (verify(bench).waiting, verify(bench).findings) == (0, [])


def test_concurrent_writers_and_sealers_make_one_whole_chain(bench: Workbench) -> None:
    """Eight threads write while three workers chain; accounts are chained side by side."""
    done = threading.Event()

    def write_some(first: int) -> Callable[[], None]:
        def run() -> None:
            for number in range(first, first + 15):
                write(bench, number)

        return run

    def append_on() -> None:
        services = open_worker(bench.url)
        try:
            while not done.is_set():
                services.chaining.append_waiting()
        finally:
            services.close()

    chain_writers = [threading.Thread(target=append_on) for _ in range(3)]
    for thread in chain_writers:
        thread.start()
    at_once(*[write_some(1000 * n) for n in range(1, 9)])
    done.set()
    for thread in chain_writers:
        thread.join()
    bench.worker.chaining.append_waiting()
    verdict = verify(bench)
    assert (verdict.events, verdict.waiting, verdict.findings) == (EVENTS + 8 * 15, 0, [])


def test_a_long_backlog_is_chained_in_one_go(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentory.services.audit.audit_chaining.BATCH_EVENTS", 4)
    for number in range(50, 61):
        write(bench, number)
    assert AuditChaining(bench.worker.database).append_waiting() == 11
    assert (verify(bench).events, verify(bench).findings) == (EVENTS + 11, [])


# Roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [SERVICE, WORKER])
@pytest.mark.parametrize("table", ["audit_event", "audit_link"])
@pytest.mark.parametrize("change", ["UPDATE {} SET account_id = account_id", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_role_can_change_or_delete(bench: Workbench, role: str, table: str, change: str) -> None:
    with (
        connect_as(bench.url, role, bench.caller.account_id) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(change.format(table))  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["DELETE FROM audit_waiting", "INSERT INTO audit_link SELECT * FROM audit_link"])
def test_the_service_cannot_chain(bench: Workbench, change: str) -> None:
    with (
        connect_as(bench.url, SERVICE, bench.caller.account_id) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(change)  # type: ignore[arg-type]


# Commands --------------------------------------------------------------------------------------------------------


def run_audit(bench: Workbench, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
    command = [sys.executable, "-m", "consentory", "audit", *arguments, "--database-url", bench.url]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
@pytest.mark.processes
def test_verify_says_what_is_wrong_by_word_and_exit_code(bench: Workbench) -> None:
    kept = run_audit(bench, "head", "--account", "ACME").stdout.split()[1]
    assert kept == head(bench)
    well = run_audit(bench, "verify")
    assert (well.returncode, well.stdout) == (0, f"ACME: {EVENTS} events, as recorded; head {kept}\n")
    assert run_audit(bench, "verify", "--account", "ACME", "--expect", kept).returncode == 0
    event_id = name_event(bench, 5)
    bench.owner("DELETE FROM audit_event WHERE event_id = %s", event_id)
    broken = run_audit(bench, "verify", "--account", "ACME")
    assert broken.returncode == 1
    assert broken.stdout.splitlines()[1:] == [f"ACME 5 missing: its event is gone ({event_id})"]
    for_machines = run_audit(bench, "verify", "--json")
    assert for_machines.returncode == 1
    answer = json.loads(for_machines.stdout)
    assert answer["intact"] is False
    assert answer["accounts"][0]["findings"] == [
        {"what": "missing", "number": 5, "event_id": str(event_id), "text": "its event is gone"}
    ]
    cut_tail(bench)
    assert "ends at 9" in run_audit(bench, "verify", "--account", "ACME", "--expect", kept).stdout


@pytest.mark.processes
def test_what_cannot_be_verified_is_refused(bench: Workbench) -> None:
    for arguments in (["--account", "NOBODY"], ["--account", "ACME", "--expect", "12"], ["--expect", "1:00"]):
        answer = run_audit(bench, "verify", *arguments)
        assert answer.returncode == 2, arguments
        assert len(answer.stderr.splitlines()) == 1, answer.stderr


@pytest.mark.processes
def test_show_prints_the_newest_or_what_is_asked_for(bench: Workbench) -> None:
    newest = run_audit(bench, "show", "--account", "ACME", "--limit", "2").stdout.splitlines()
    assert [line.split("  ")[0] for line in newest] == [str(EVENTS - 1), str(EVENTS)]
    page = json.loads(run_audit(bench, "show", "--account", "ACME", "--after", "0", "--limit", "3", "--json").stdout)
    assert [event["Number"] for event in page["Events"]] == [1, 2, 3]
    asked = run_audit(bench, "show", "--account", "ACME", "--action", "audit.read", "--json")
    assert {event["Caller"] for event in json.loads(asked.stdout)["Events"]} == {"operator"}
