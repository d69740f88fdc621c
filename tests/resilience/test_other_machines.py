"""Workers on other machines come, are cut off in mid-slice, return, and go. Meanwhile the import goes on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from subprocess import Popen

import pytest
from relay import Relay
from started_processes import CONSENTORY, started
from waiting import await_true
from workbench import Workbench, make_person, open_workbench

from consentory.bootstrap.process_entry import CHUNK_VARIABLE
from consentory.domain.imports import Import
from consentory.store.database import LEASE_VARIABLE

pytestmark = [pytest.mark.slow, pytest.mark.processes]

MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
PEOPLE = 600


def start_worker(relay: Relay) -> AbstractContextManager[Popen[str]]:
    return started(
        CONSENTORY, "worker", CONSENTORY_DATABASE_URL=relay.url, **{CHUNK_VARIABLE: "5", LEASE_VARIABLE: "2"}
    )


def begin(bench: Workbench) -> Import:
    item = bench.initiate(**MATCH)
    bench.stage(item, [make_person(n) for n in range(PEOPLE)])
    return bench.execute(item)


def count_done(bench: Workbench, item: Import) -> int:
    books = bench.find(item).books
    return books.valid - books.pending if books.valid else 0


def is_complete(bench: Workbench, item: Import) -> bool:
    return bench.find(item).status == "Completed"


def test_a_worker_that_is_cut_off_loses_its_claim_and_works_again_when_it_returns(database_url: str) -> None:
    with open_workbench(database_url) as bench, Relay(database_url) as far, Relay(database_url) as near:
        item = begin(bench)
        with start_worker(far):
            await_true(lambda: count_done(bench, item) > 0, seconds=60)
            far.cut()
            assert not is_complete(bench, item)
            with start_worker(near):
                await_true(lambda: is_complete(bench, item), seconds=60)
            assert bench.find(item).books.created == PEOPLE
            assert bench.owner("SELECT count(*) FROM profile") == [(PEOPLE,)]
            again = begin(bench)
            far.heal()
            await_true(lambda: is_complete(bench, again), seconds=60)
        assert bench.find(again).books.unchanged == PEOPLE
