"""The maintenance loop of a worker: long maintenance delays neither its imports nor its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest
from running_server import RunningServer
from staged_rows import MORE_BLOCKS, age
from waiting import await_true
from workbench import Workbench, make_person, open_workbench

from consentory.store.database import Database
from consentory.worker.chunk_loop import ImportWorker
from consentory.worker.maintenance_loop import Maintenance
from consentory.worker.preview_loop import PreviewLoop
from consentory.worker.worker_process import run_loops

pytestmark = pytest.mark.processes

SLOW_PURGE = """
  CREATE FUNCTION seam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
  CREATE TRIGGER seam AFTER DELETE ON import_block FOR EACH STATEMENT EXECUTE FUNCTION seam()"""
"""Each part of a purge takes a second."""


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def make_long_purge(bench: Workbench) -> None:
    """The next maintenance purges 30,000 blocks, which takes some 30 seconds."""
    item = bench.complete([make_person(1)], DataStageDuration=1)
    bench.owner(MORE_BLOCKS.replace("1000)", "30000)"), item.import_id)
    bench.owner(SLOW_PURGE)
    age(bench, item, days=2)


def wait_until_purging(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as watcher:
        asleep = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        await_true(lambda: watcher.execute(asleep).fetchall(), 30)


@pytest.mark.slow
def test_imports_go_on_and_events_are_chained_while_a_purge_takes_long(bench: Workbench) -> None:
    make_long_purge(bench)
    stop = threading.Event()
    database = Database(bench.url, "consentory_worker", size=2)
    worker = ImportWorker(bench.worker.database, bench.worker.execution, stop)
    services = bench.worker
    maintenance = Maintenance(
        database=services.database,
        retention=services.retention,
        chaining=services.chaining,
        sequencing=services.sequencing,
        counting=services.counting,
        uploads=services.uploads,
        stop=stop,
    )
    previews = PreviewLoop(bench.worker.database, bench.worker.previewing, stop)
    loops = threading.Thread(target=run_loops, args=([worker, maintenance, previews], stop))
    loops.start()
    try:
        wait_until_purging(bench.url)
        item = bench.initiate()
        bench.stage(item, [make_person(2)])
        bench.execute(item)
        await_true(
            lambda: bench.find(item).status == "Completed" and not bench.owner("SELECT 1 FROM audit_waiting"), 15
        )
        assert bench.owner("SELECT 1 FROM import_block LIMIT 1"), "the purge is still under way"
    finally:
        stop.set()
        loops.join(15)
        database.close()
    assert not loops.is_alive()


def test_a_worker_ends_at_sigterm_in_the_middle_of_a_purge(bench: Workbench) -> None:
    make_long_purge(bench)
    server = RunningServer(bench.url, workers=1)
    server.start()
    try:
        wait_until_purging(bench.url)
        worker = server.processes[1]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(8) == 0
        assert bench.owner("SELECT 1 FROM import_block LIMIT 1"), "the purge was under way"
    finally:
        server.stop()
