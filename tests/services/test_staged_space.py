"""The staged records of an account have a bound. The operator can purge the records of an import early."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from staged_rows import assert_gone, count_staged
from workbench import Workbench, make_faulty, make_person, open_workbench

from consentory.errors import RequestRefused
from consentory.services.imports.staging_service import StagingService

pytestmark = pytest.mark.processes

CONSENTORY = Path(sys.executable).with_name("consentory")


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def run_purge(bench: Workbench, import_id: object, account: str = "ACME") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
    command = [CONSENTORY, "purge", str(import_id), "--account", account, "--database-url", bench.url]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def stage(staging: StagingService, bench: Workbench, token: int, number: int) -> None:
    body = json.dumps({"UserProfilePreferences": [make_person(number), make_faulty(number)]}).encode()
    staging.stage(bench.caller, str(token), body, "json", None)


def test_an_account_that_has_used_up_its_space_is_refused(bench: Workbench) -> None:
    small = StagingService(bench.services.database, bench.services.configurations, 100)
    item, other = bench.initiate(), bench.initiate()
    stage(small, bench, item.access_token, 1)
    with pytest.raises(RequestRefused) as refusal:
        stage(small, bench, other.access_token, 2)
    assert (refusal.value.kind, refusal.value.code) == ("conflict", "Stage.SpaceUsedUp")
    assert bench.find(other).books.received == 0
    with open_workbench(bench.url, "OTHER") as others:
        stage(small, others, others.initiate().access_token, 1)
    bench.cancel(item)
    bench.worker.retention.purge(bench.caller.account_id, item.import_id)
    stage(small, bench, other.access_token, 2)


def test_all_that_is_staged_counts(bench: Workbench) -> None:
    item = bench.initiate()
    bench.stage(item, [make_person(1), make_faulty(2)])
    bench.stage(item, [make_person(3)])
    ((told,),) = bench.owner("SELECT staged_bytes FROM import")
    ((raw,), (faults,)) = bench.owner(
        "SELECT sum(length(raw) + length(work)) FROM import_block"
        " UNION ALL SELECT sum(length(faults)) FROM import_fault"
    )
    assert raw + faults <= told <= raw + faults + 100


def test_the_operator_purges_an_import(bench: Workbench) -> None:
    item = bench.complete([make_person(1), make_faulty(2)])
    done = run_purge(bench, item.import_id)
    assert (done.returncode, done.stdout) == (0, f"ACME: the staged records of import {item.import_id} are deleted.\n")
    assert_gone(bench, bench.find(item))
    assert bench.owner("SELECT count(*) FROM profile") == [(1,)]
    assert bench.owner("SELECT caller FROM audit_event WHERE action = 'import.purged'") == [("operator",)]
    assert run_purge(bench, item.import_id).returncode == 0


def test_the_operator_purges_an_import_that_was_never_executed(bench: Workbench) -> None:
    item = bench.initiate()
    bench.stage(item, [make_person(1), make_faulty(2)])
    assert run_purge(bench, item.import_id).returncode == 0
    after = bench.find(item)
    assert (after.status, after.failure_reason) == ("Failed", "Import.Cancelled")
    assert_gone(bench, after)


def test_an_import_that_is_processing_is_not_purged(bench: Workbench) -> None:
    item = bench.initiate()
    bench.stage(item, [make_person(1)])
    bench.execute(item)
    bench.worker.execution.resolve_next()
    done = run_purge(bench, item.import_id)
    assert done.returncode == 2
    assert "This import is Processing. Purge it after it has completed." in " ".join(done.stderr.split())
    assert count_staged(bench, item) == (1, 0)


def test_an_import_of_another_account_is_not_there(bench: Workbench) -> None:
    item = bench.complete([make_person(1)])
    with open_workbench(bench.url, "OTHER"):
        assert run_purge(bench, item.import_id, "OTHER").returncode == 2
    assert count_staged(bench, item) == (1, 0)
