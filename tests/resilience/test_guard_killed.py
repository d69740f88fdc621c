"""kill -9 for the worker in the middle of the preview with which a guarded import begins: it costs time only."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from running_server import own_server
from waiting import await_true, wait_for
from wire_client import WireClient, person, require

pytestmark = pytest.mark.slow

WAITS = (
    "SELECT count(*) FROM pg_locks WHERE relation = 'preview_change'::regclass AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def add_guard(document: dict[str, Any]) -> None:
    document["guard"] = {"tagsAdded": 1}


def test_a_worker_killed_during_the_preview_of_a_guard(engine: str, template: str) -> None:
    with own_server(engine, template, 1) as server, WireClient(server.create_account(add_guard)) as client:
        token = client.prepare([person(number, ProfileTags=[{"Name": "new"}]) for number in (1, 2)])
        with psycopg.connect(server.database_url) as blocker:
            blocker.execute("LOCK TABLE preview_change IN EXCLUSIVE MODE")
            require(client.call(token, "Execute"))
            with psycopg.connect(server.database_url, autocommit=True) as watcher:
                await_true(lambda: watcher.execute(WAITS).fetchone() == (1,))
            _, worker = server.processes
            worker.kill()
            worker.wait()
            assert client.status(token)["HeldReason"] is None
        server.start_worker()
        status = wait_for(lambda: client.status(token), lambda seen: seen["HeldReason"] is not None, seconds=60)
        assert status["HeldReason"] == [{"Code": "Guard.Exceeded", "Limit": "tagsAdded", "Allowed": 1, "Found": 2}]
        assert (status["Status"], status["Processed"]) == ("Queued", 0)
