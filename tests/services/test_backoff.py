"""An import whose chunk fails again and again: it waits, its next try is smaller, and nobody else waits for it
(execution.md, "While it runs")."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from live_account import LiveAccount, LiveStore
from running_server import AccountAccess, RunningServer
from structlog.testing import capture_logs
from waiting import await_true, let_pass

from consentory.bootstrap.metrics_folder import METRICS_VARIABLE
from consentory.client.api_client import ConsentoryClient
from consentory.codec.answers.exceptions_answer import render_row
from consentory.errors import StoreUnavailable
from consentory.services.execution.import_execution import Execution

pytestmark = pytest.mark.processes

Wire = dict[str, Any]
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}

FAIL_OVER = """
  CREATE FUNCTION seam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM fresh WHERE account_id = {account}) > {most} THEN
      RAISE EXCEPTION 'seam' USING ERRCODE = '{code}';
    END IF;
    RETURN NULL; END $$;
  CREATE TRIGGER seam AFTER INSERT ON profile REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION seam()"""
"""A statement that stores more than so many people of the account fails, as one that takes too long does."""


@pytest.fixture
def store(database_url: str) -> Iterator[LiveStore]:
    live = LiveStore(database_url)
    yield live
    live.close()


@pytest.fixture(autouse=True)
def warnings_too() -> Iterator[None]:
    """Other tests hear of errors alone."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(**before)


def make_people(count: int, **more: Any) -> list[Wire]:
    return [
        {
            "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
            "CustomerName": {"FirstName": f"Ann {number}"},
            **more,
        }
        for number in range(1, count + 1)
    ]


def queue(account: LiveAccount, records: list[Wire]) -> str:
    token = account.initiate(**MATCH)
    account.stage(token, records)
    account.execute(token)
    return token


REQUIRED = {"CustomFields": [{"Name": "Region", "Value": "N"}]}
"""The members that the account of the model check requires of every person."""


def work_until(execution: Execution, holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        if execution.process_slice() is None and execution.resolve_next() is None:
            let_pass(0.02, because="nothing can be executed before the wait of an import ends")


@pytest.mark.slow
@pytest.mark.parametrize("code", ["57014", "53200", "55P03"])
def test_the_next_try_is_smaller_until_it_goes_through(store: LiveStore, code: str) -> None:
    account = store.open_account()
    store.change(FAIL_OVER.format(account=account.caller.account_id, most=20, code=code))
    token = queue(account, make_people(300, **REQUIRED))
    execution = store.make_execution()
    with capture_logs() as events:
        work_until(execution, lambda: account.status(token)["Status"] == "Completed")
    assert (account.status(token)["Created"], account.status(token)["Exceptions"]) == (300, 0)
    waits = [event for event in events if event["event"] == "import waits"]
    assert len(waits) >= 3
    assert waits[0]["failure"].endswith(code)
    assert "Ann" not in json.dumps(waits, default=repr)


@pytest.mark.parametrize("code", ["57014", "40001", "53100", "55P03", "58030", "XX001", "54000"])
def test_an_import_that_fails_again_and_again_holds_up_no_other(store: LiveStore, code: str) -> None:
    hurt, other = store.open_account(), store.open_account()
    store.change(FAIL_OVER.format(account=hurt.caller.account_id, most=0, code=code))
    first = queue(hurt, make_people(10, **REQUIRED))
    execution = store.make_execution()
    execution.resolve_next()
    with capture_logs() as events:
        assert execution.process_slice() == 0
        assert execution.count_quarantined() == 1
        second = queue(other, make_people(10, **REQUIRED))
        work_until(execution, lambda: other.status(second)["Status"] == "Completed")
    assert hurt.status(first)["Pending"] == 10
    is_waited_out = code[:2] not in ("XX", "54")
    assert {event["event"] for event in events if code in str(event.get("failure"))} == {
        "import waits" if is_waited_out else "chunk cannot be processed, trying again later"
    }
    assert (execution.waits > 0) == is_waited_out
    store.change("DROP TRIGGER seam ON profile")
    work_until(store.make_execution(), lambda: hurt.status(first)["Status"] == "Completed")
    assert hurt.status(first)["Created"] == 10


def test_the_pause_is_longer_from_failure_to_failure(store: LiveStore) -> None:
    account = store.open_account()
    store.change(FAIL_OVER.format(account=account.caller.account_id, most=0, code="57014"))
    queue(account, make_people(1, **REQUIRED))
    execution = store.make_execution()
    execution.resolve_next()
    with capture_logs() as events:
        work_until(execution, lambda: execution.waits == 4)
    pauses = [event["seconds"] for event in events if event["event"] == "import waits"]
    assert all(later >= 2 * before for before, later in pairwise(pauses))


def test_a_lost_database_is_said_at_once(store: LiveStore) -> None:
    """All imports would fail then: the worker's loop waits, and connects anew."""
    account = store.open_account()
    store.change(FAIL_OVER.format(account=account.caller.account_id, most=0, code="57P01"))
    queue(account, make_people(1, **REQUIRED))
    execution = store.make_execution()
    execution.resolve_next()
    with pytest.raises(StoreUnavailable):
        execution.process_slice()


# Real processes --------------------------------------------------------------------------------------------------


def connect(access: AccountAccess) -> ConsentoryClient:
    return ConsentoryClient(access.url, access.account, access.client_id, access.client_secret, access.user)


def run(client: ConsentoryClient, people: list[Wire]) -> int:
    token = client.initiate({"Name": "setback", **MATCH})["AccessToken"]
    client.stage(token, json.dumps({"UserProfilePreferences": people}).encode())
    client.execute(token)
    return int(token)


def wait_for(holds: Callable[[], bool]) -> None:
    await_true(holds, 60)


def read_metric(server: RunningServer, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))


def test_the_only_worker_goes_on_with_the_others_and_metrics_show_it(database_url: str, tmp_path: Path) -> None:
    server = RunningServer(database_url, workers=1, environment={METRICS_VARIABLE: str(tmp_path)})
    server.start()
    store = LiveStore(database_url)
    try:
        hurt, other = server.create_account(), server.create_account()
        store.change(FAIL_OVER.format(account=hurt.account_id, most=0, code="57014"))
        with connect(hurt) as first, connect(other) as second:
            stuck = run(first, make_people(10))
            assert first.status(stuck)["ValidationSuccessful"] == 10
            wait_for(lambda: read_metric(server, "consentory_worker_waits_total") >= 3)
            wait_for(lambda: read_metric(server, "consentory_imports_quarantined") == 1)
            fine = run(second, make_people(10))
            wait_for(lambda: second.status(fine)["Status"] == "Completed")
            assert first.status(stuck)["Pending"] == 10
            store.change("DROP TRIGGER seam ON profile")
            wait_for(lambda: first.status(stuck)["Status"] == "Completed")
            wait_for(lambda: read_metric(server, "consentory_imports_quarantined") == 0)
    finally:
        store.close()
        server.stop()


# Staged records that are gone ------------------------------------------------------------------------------------


def find_id(account: LiveAccount, token: str) -> UUID:
    return account.store.services.imports.find_by_token(account.caller, token).import_id


@pytest.mark.parametrize("chunk_size", [1000, 50])
def test_records_whose_block_is_gone_become_exceptions(store: LiveStore, chunk_size: int) -> None:
    """Record 70 was refused at staging, and is counted already; 190 and 191 mean one person."""
    account = store.open_account()
    records = make_people(200, **REQUIRED)
    records[69] = {"Refused": 70}
    records[190] = records[189]
    token = account.initiate(**MATCH)
    account.stage(token, records)
    account.execute(token)
    import_id = find_id(account, token)
    store.change("DELETE FROM import_block WHERE import_id = %s AND first_sequence IN (65, 129)", import_id)
    with capture_logs() as events:
        work_until(store.make_execution(chunk_size), lambda: account.status(token)["Status"] == "Completed", 20)
    status = account.status(token)
    gone = [number for number in range(65, 193) if number != 70]
    assert (status["Created"], status["Exceptions"], status["Pending"]) == (72, len(gone), 0)
    found = store.services.exceptions.page(
        account.caller, store.services.imports.find_by_token(account.caller, token), frozenset({"Execute"}), 1000, 1
    )
    told = [json.loads(render_row(row)) for row in found.rows]
    assert [record["SequenceNumber"] for record in told] == gone
    assert {fault["Code"] for record in told for fault in record["Exceptions"]} == {"Execution.Unexpected"}
    logged = [event for event in events if event["event"] == "staged records are gone, each becomes an exception"]
    assert sum(event["records"] for event in logged) == len(gone)
    assert {event["reference"] for event in logged} == {
        record["Exceptions"][0]["Message"].rpartition(" ")[2].rstrip(".") for record in told
    }
