"""Retention: deleted rows, kept rows, and an interrupted maintenance run that the next run completes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import psycopg
import pytest
from staged_rows import MORE_BLOCKS, REFUSED, age, assert_gone, count_staged
from structlog.testing import capture_logs
from workbench import Workbench, make_faulty, make_person, open_workbench

from consentory.codec.answers.exceptions_answer import render_row
from consentory.codec.staging.staged_block import unpack_raw
from consentory.domain.imports import Import
from consentory.errors import RequestRefused, StoreUnavailable

NOW_IN_FORCE = "2026-03-01T12:00:00Z"
BEFORE = "2025-03-01T12:00:00Z"
HELD = frozenset({"NotHonored"})


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def make_choice(number: int, date: str, preference: int) -> dict[str, object]:
    email = {
        "EmailAddress": f"w{number}@example.com",
        "EmailPreferences": [{"FilterId": "OFFERS-EMAIL", "PreferenceType": preference, "CustomerDate": date}],
    }
    return make_person(number, Emails=[email])


def expire_token(bench: Workbench, item: Import) -> None:
    bench.owner("UPDATE import SET expires_at = now() - interval '1 second' WHERE import_id = %s", item.import_id)


def list_exceptions(bench: Workbench, item: Import, phases: frozenset = REFUSED) -> list[dict]:
    page = bench.services.exceptions.page(bench.caller, bench.find(item), phases, 1000, 1)
    return [json.loads(render_row(row)) for row in page.rows]


# After days ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 3, 10])
def test_staged_records_stay_for_the_days_asked_and_no_longer(bench: Workbench, days: int) -> None:
    item = bench.complete([make_person(1), make_faulty(2)], DataStageDuration=days)
    age(bench, item, days=days, minutes=-1)
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (2, 1)
    assert [record["SequenceNumber"] for record in list_exceptions(bench, item)] == [2]
    age(bench, item, minutes=2)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


def test_three_days_are_the_default(bench: Workbench) -> None:
    item = bench.complete([make_person(1)])
    age(bench, item, days=2, hours=23)
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (1, 0)
    age(bench, item, hours=2)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


def test_an_import_that_has_not_ended_keeps_its_records(bench: Workbench) -> None:
    item = bench.initiate(DataStageDuration=1)
    bench.stage(item, [make_person(1), make_faulty(2)])
    bench.execute(item)
    age(bench, item, days=30)
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (2, 1)
    assert bench.worker.execution.resolve_next() == item.import_id
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (2, 1)
    bench.work_off()
    item = bench.find(item)
    assert item.status == "Completed"
    assert item.books.created == 1
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


def test_a_cancelled_import_is_kept_as_long(bench: Workbench) -> None:
    item = bench.initiate(DataStageDuration=3)
    bench.stage(item, [make_person(1), make_faulty(2)])
    item = bench.cancel(item)
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (2, 1)
    age(bench, item, days=3, minutes=1)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)
    assert bench.find(item).books.pending == 1


def test_others_and_what_was_imported_stay(bench: Workbench) -> None:
    dated = [make_choice(1, NOW_IN_FORCE, 2)]
    matched = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    old, young = (bench.complete(dated, DataStageDuration=days, **matched) for days in (1, 10))
    with open_workbench(bench.url, "OTHER") as other:
        theirs = other.complete(dated, DataStageDuration=10)
        for item in (old, young, theirs):
            age(bench, item, days=2)
        bench.worker.retention.run_maintenance()
        assert_gone(bench, old)
        assert count_staged(bench, young) == (1, 0)
        assert count_staged(other, theirs) == (1, 0)
    assert bench.owner("SELECT import_id FROM ledger WHERE account_id = %s", bench.caller.account_id) == [
        (old.import_id,)
    ]
    assert bench.owner("SELECT count(*) FROM profile") == [(2,)]


# DataStageDuration 0 ---------------------------------------------------------------------------------------------


def stage_mixed(bench: Workbench) -> Import:
    """130 records in three blocks: record 70 is refused at staging, record 80 is not honored in part."""
    bench.complete([make_choice(80, NOW_IN_FORCE, 2)], MatchCriteria="AlternateIdType", MatchValue="CRM")
    records = [make_person(number) for number in range(1, 131)]
    records[69] = make_faulty(70)
    records[79] = make_choice(80, BEFORE, 1)
    return bench.complete(records, DataStageDuration=0, MatchCriteria="AlternateIdType", MatchValue="CRM")


def test_with_zero_days_what_was_accepted_goes_at_the_end(bench: Workbench) -> None:
    item = stage_mixed(bench)
    assert (item.status, item.books.failed, item.books.not_honored) == ("Completed", 1, 1)
    before = list_exceptions(bench, item), list_exceptions(bench, item, HELD)
    assert count_staged(bench, item) == (130, 2)
    bench.worker.retention.run_maintenance()
    rows = bench.owner("SELECT first_sequence, raw, work FROM import_block WHERE import_id = %s", item.import_id)
    assert [first for first, _, _ in rows] == [65]
    assert rows[0][2] == b""
    assert (list_exceptions(bench, item), list_exceptions(bench, item, HELD)) == before
    assert [record["SequenceNumber"] for record in before[0] + before[1]] == [70, 80]


def test_with_zero_days_nothing_accepted_is_readable_in_what_stays(bench: Workbench) -> None:
    item = stage_mixed(bench)
    bench.worker.retention.run_maintenance()
    ((raw, keys, profiles),) = bench.owner(
        "SELECT raw, named_keys, profile_ids FROM import_block WHERE import_id = %s", item.import_id
    )
    kept = {65 + place for place, record in enumerate(unpack_raw(raw)) if record}
    assert kept == {70, 80}
    assert (keys, profiles) == ([], [])


def test_with_zero_days_the_rest_goes_with_the_token(bench: Workbench) -> None:
    item = stage_mixed(bench)
    bench.worker.retention.run_maintenance()
    age(bench, item, hours=11)
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item)[1] == 2
    expire_token(bench, item)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


def test_with_zero_days_nothing_goes_before_the_end(bench: Workbench) -> None:
    item = bench.initiate(DataStageDuration=0)
    bench.stage(item, [make_person(1), make_faulty(2)])
    bench.worker.retention.run_maintenance()
    bench.execute(item)
    bench.worker.retention.run_maintenance()
    expire_token(bench, item)
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (2, 1)
    bench.work_off()
    assert bench.find(item).books.created == 1
    bench.worker.retention.run_maintenance()
    assert_gone(bench, bench.find(item))


def test_with_zero_days_a_cancelled_import_keeps_what_was_refused(bench: Workbench) -> None:
    item = bench.initiate(DataStageDuration=0)
    bench.stage(item, [make_person(1), make_faulty(2)])
    item = bench.cancel(item)
    before = list_exceptions(bench, item)
    bench.worker.retention.run_maintenance()
    assert list_exceptions(bench, item) == before
    expire_token(bench, item)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


# Cut off ---------------------------------------------------------------------------------------------------------


def maintain_and_be_cut(bench: Workbench, lock: str, *parameters: object) -> None:
    """Tidy while somebody holds rows that it comes to, and cut its connection there."""
    with psycopg.connect(bench.url) as holder, psycopg.connect(bench.url, autocommit=True) as watcher:
        holder.execute(lock, parameters)  # type: ignore[arg-type]
        with ThreadPoolExecutor(1) as pool:
            maintaining = pool.submit(bench.worker.retention.run_maintenance)
            deadline = time.monotonic() + 20
            while not watcher.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchall():
                assert time.monotonic() < deadline, "the maintenance never reached the locked rows"
                threading.Event().wait(0.02)
            with pytest.raises(StoreUnavailable):
                maintaining.result(20)
        holder.rollback()


def test_a_purge_cut_off_is_finished_by_the_next(bench: Workbench) -> None:
    item = bench.complete([make_person(1), make_faulty(2)], DataStageDuration=1)
    age(bench, item, days=2)
    maintain_and_be_cut(bench, "SELECT FROM import_fault WHERE import_id = %s FOR UPDATE", item.import_id)
    assert count_staged(bench, item) == (2, 1)
    with pytest.raises(RequestRefused, match="retention is over"):
        list_exceptions(bench, item)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


def test_a_redaction_that_was_cut_off_is_finished_by_the_next(bench: Workbench) -> None:
    item = bench.initiate(DataStageDuration=0)
    bench.stage(item, [make_person(number) for number in range(101 * 64)] + [make_faulty(0)])
    item = bench.cancel(item)
    maintain_and_be_cut(
        bench, "SELECT FROM import_block WHERE import_id = %s AND first_sequence > 6400 FOR UPDATE", item.import_id
    )
    assert count_staged(bench, item) == (65, 1)
    assert bench.owner("SELECT redacted_at FROM import WHERE import_id = %s", item.import_id) == [(None,)]
    assert [record["SequenceNumber"] for record in list_exceptions(bench, item)] == [6465]
    bench.worker.retention.run_maintenance()
    assert count_staged(bench, item) == (1, 1)
    assert [record["SequenceNumber"] for record in list_exceptions(bench, item)] == [6465]


def test_of_two_workers_at_one_import_none_says_it_is_gone_before_it_is(bench: Workbench) -> None:
    """The second one waits for the first 1,000 blocks, which the first one deletes; then the first one is killed."""
    item = bench.complete([make_person(1)], DataStageDuration=1)
    age(bench, item, days=2)
    bench.owner(MORE_BLOCKS, item.import_id)
    with psycopg.connect(bench.url) as first, psycopg.connect(bench.url, autocommit=True) as watcher:
        first.execute("DELETE FROM import_block WHERE import_id = %s AND first_sequence < 64 * 1000", [item.import_id])
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(bench.worker.retention.run_maintenance)
            deadline = time.monotonic() + 20
            while not watcher.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchall():
                assert time.monotonic() < deadline
                threading.Event().wait(0.02)
            first.commit()
            second.result(20)
    assert count_staged(bench, item) == (64, 0)
    assert bench.owner("SELECT purge_completed_at FROM import WHERE import_id = %s", item.import_id) == [(None,)]
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)
    assert bench.owner("SELECT purge_completed_at IS NOT NULL FROM import WHERE import_id = %s", item.import_id) == [
        (True,)
    ]


def test_what_an_earlier_release_left_behind_goes_after_the_migration(bench: Workbench) -> None:
    item, clean = bench.complete([make_person(1)]), bench.complete([make_person(2)])
    for one in (item, clean):
        age(bench, one, days=4)
    bench.owner("UPDATE import SET purged_at = now(), purge_completed_at = now()")
    bench.owner("DELETE FROM import_block WHERE import_id = %s", clean.import_id)
    heal = files("consentory.store").joinpath("migrations", "0007_staged_bytes.sql").read_text("utf-8").split(";")[0]
    for old, new in (("cleared_at", "purge_completed_at"), ("import_frame", "import_block")):  # migration 0010
        heal = heal.replace(old, new)
    bench.owner(heal)
    assert bench.owner("SELECT import_id FROM import WHERE purge_completed_at IS NULL") == [(item.import_id,)]
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)


def test_an_import_whose_maintenance_fails_delays_no_other(bench: Workbench) -> None:
    stuck, other = (bench.complete([make_person(number)], DataStageDuration=1) for number in (1, 2))
    for item in (stuck, other):
        age(bench, item, days=2)
    bench.owner(
        "CREATE FUNCTION seam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f"  IF OLD.import_id = '{stuck.import_id}' THEN RAISE EXCEPTION 'seam' USING ERRCODE = '55P03'; END IF;"
        "  RETURN OLD; END $$"
    )
    bench.owner("CREATE TRIGGER seam BEFORE DELETE ON import_block FOR EACH ROW EXECUTE FUNCTION seam()")
    bench.worker.retention.run_maintenance()
    assert_gone(bench, other)
    assert count_staged(bench, stuck) == (1, 0)
    bench.owner("DROP TRIGGER seam ON import_block")
    bench.worker.retention.run_maintenance()
    assert_gone(bench, stuck)


def test_maintenance_run_twice_changes_nothing_more(bench: Workbench) -> None:
    item = stage_mixed(bench)
    bench.worker.retention.run_maintenance()
    before = bench.owner("SELECT xmin::text, first_sequence FROM import_block WHERE import_id = %s", item.import_id)
    marks = bench.owner("SELECT redacted_at, purged_at FROM import WHERE import_id = %s", item.import_id)
    bench.worker.retention.run_maintenance()
    assert before == bench.owner(
        "SELECT xmin::text, first_sequence FROM import_block WHERE import_id = %s", item.import_id
    )
    assert marks == bench.owner("SELECT redacted_at, purged_at FROM import WHERE import_id = %s", item.import_id)


def test_more_than_one_round_of_imports_is_purged_in_time(bench: Workbench) -> None:
    items = [bench.initiate(DataStageDuration=1) for _ in range(25)]
    for item in items:
        bench.stage(item, [make_person(1)])
        bench.cancel(item)
        age(bench, item, days=2)
    bench.worker.retention.run_maintenance()
    bench.worker.retention.run_maintenance()
    assert [count_staged(bench, item) for item in items] == [(0, 0)] * 25


# Tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_that_expires_before_execute_fails_the_import(bench: Workbench) -> None:
    initiated, staging, queued = (bench.initiate() for _ in range(3))
    for item in (staging, queued):
        bench.stage(item, [make_person(1)])
    bench.execute(queued)
    completed = bench.complete([make_person(2)])
    queued_again = bench.initiate()
    bench.stage(queued_again, [make_person(3)])
    bench.execute(queued_again)
    for item in (initiated, staging, completed, queued_again):
        expire_token(bench, item)
    bench.worker.retention.run_maintenance()
    found = [bench.find(item) for item in (initiated, staging, queued, completed, queued_again)]
    assert [(item.status, item.failure_reason) for item in found] == [
        ("Failed", "Import.Expired"),
        ("Failed", "Import.Expired"),
        ("Completed", None),
        ("Completed", None),
        ("Queued", None),
    ]
    assert found[1].books.pending == 1
    bench.work_off()
    assert bench.find(queued_again).status == "Completed"


def test_an_expired_import_is_failed_even_before_a_worker_comes_by(bench: Workbench) -> None:
    item = bench.initiate()
    bench.stage(item, [make_person(1)])
    expire_token(bench, item)
    assert (bench.find(item).status, bench.find(item).failure_reason) == ("Failed", "Import.Expired")


def test_an_expired_import_is_listed_as_what_it_is(bench: Workbench) -> None:
    item = bench.initiate()
    expire_token(bench, item)
    bench.worker.retention.run_maintenance()
    listed, _ = bench.services.imports.list_imports(bench.caller, "Failed", 10, None)
    assert [one.import_id for one in listed] == [item.import_id]


# Tags ------------------------------------------------------------------------------------------------------------


def test_tag_changes_are_folded_and_the_counts_stay(bench: Workbench) -> None:
    bench.owner(
        "INSERT INTO tag_change (account_id, tag, name, change)"
        " SELECT %s, 't' || n %% 7, 'T' || n %% 7, CASE WHEN n %% 3 = 0 THEN -1 ELSE 1 END"
        " FROM generate_series(1, 2100) AS n",
        bench.caller.account_id,
    )
    before = bench.services.profiles.list_tags(bench.caller).counts
    assert len(before) == 7
    bench.worker.retention.run_maintenance()
    assert bench.services.profiles.list_tags(bench.caller).counts == before
    assert bench.owner("SELECT count(*) FROM tag_change") == [(7,)]


def test_a_block_that_cannot_be_read_holds_up_nothing(bench: Workbench) -> None:
    item = bench.complete([make_person(1), make_faulty(2)], DataStageDuration=0)
    bench.owner("UPDATE import_block SET raw = 'no frame' WHERE import_id = %s", item.import_id)
    with capture_logs() as events:
        bench.worker.retention.run_maintenance()
        bench.worker.retention.run_maintenance()
    assert [event["event"] for event in events].count("a staged block cannot be read and stays") == 1
    expire_token(bench, item)
    bench.worker.retention.run_maintenance()
    assert_gone(bench, item)
