"""docs/data-out.md: a client that does not read is cut off, and too many streams at a time are refused.

The limits of a server are minutes. So the application runs in this process with limits of moments, on the database of
the running server. A client that does not read is a `send` that does not return.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar import Litestar
from running_server import RunningServer
from waiting import wait_for
from wire_client import Wire, WireClient, check_problem, person

from consentory.api.application import create_app
from consentory.http.byte_stream import STREAMS_AN_ACCOUNT, StreamLimits, StreamSlots
from consentory.services.imports.stage_processes import StageProcesses

PEOPLE = 1200
LONG = 3600.0


@pytest.fixture(scope="module")
def many(running: RunningServer) -> Iterator[WireClient]:
    """A client of an account whose export has more bytes than a stream keeps for its client."""
    tags = [{"Name": f"{tag}-{'x' * 80}"} for tag in range(12)]
    with WireClient(running.create_account()) as client:
        client.run([person(number, ProfileTags=tags) for number in range(PEOPLE)])
        yield client


def make_app(client: WireClient, limits: StreamLimits) -> Litestar:
    app = create_app(client.access.services, StageProcesses(["false"], {}))
    app.state.stream_slots = StreamSlots(limits)
    return app


def make_scope(client: WireClient, query: str) -> Wire:
    path = f"{client.account}/Export"
    headers = [(b"host", b"x"), (b"authorization", client.http.headers["Authorization"].encode())]
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "root_path": "",
        "raw_path": path.encode(), "query_string": query.encode(), "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("x", 80), "asgi": {"version": "3.0"}, "extensions": {}, "state": {},
    }  # fmt: skip


async def never() -> Any:
    """A client that sends nothing, and does not go."""
    await asyncio.Event().wait()


@asynccontextmanager
async def stalled(app: Litestar, client: WireClient, count: int) -> AsyncIterator[None]:
    """Exports whose clients read the first bytes alone."""
    begun = [asyncio.Event() for _ in range(count)]

    def make_send(event: asyncio.Event) -> Callable[[Any], Awaitable[None]]:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                event.set()
                await never()

        return send

    calls = [asyncio.ensure_future(app(make_scope(client, "format=ndjson"), never, make_send(one))) for one in begun]  # type: ignore[arg-type]
    try:
        for one in begun:
            await asyncio.wait_for(one.wait(), 30)
        yield
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def read(app: Litestar, client: WireClient) -> httpx.Response:
    """One more export, of a client that reads."""
    headers = {"Authorization": client.http.headers["Authorization"]}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers) as http:  # type: ignore[arg-type]
        return await http.get(f"{client.account}/Export?format=ndjson", timeout=60)


def count_snapshots(client: WireClient) -> int:
    """Transactions of servers that wait for their server."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'consentory_service%' AND state LIKE 'idle in transaction%'"
    )
    with client.access.services.database.transaction() as tx:
        return int(tx.connection.execute(query).fetchone()[0])  # type: ignore[index]


def test_too_many_streams_at_a_time_are_refused_after_a_wait(many: WireClient) -> None:
    async def run() -> httpx.Response:
        app = make_app(many, StreamLimits(grace=LONG, slot=0.05))
        async with stalled(app, many, STREAMS_AN_ACCOUNT):
            return await read(app, many)

    answer = asyncio.run(run())
    check_problem(answer, 429, "Read.TooManyAtOnce")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_client_that_does_not_read_loses_its_slot_and_its_snapshot(many: WireClient) -> None:
    async def run() -> httpx.Response:
        app = make_app(many, StreamLimits(grace=0.5, least_bytes_a_second=10**9, look=0.05, slot=LONG))
        async with stalled(app, many, STREAMS_AN_ACCOUNT):
            answer = await read(app, many)  # it waits for one of their slots
            await asyncio.to_thread(wait_for, lambda: count_snapshots(many), lambda count: count == 0)
            return answer

    before = len(many.events("export.read"))
    answer = asyncio.run(run())
    assert len([json.loads(line) for line in answer.text.splitlines()]) == PEOPLE
    events = wait_for(lambda: many.events("export.read")[before:], lambda found: len(found) == STREAMS_AN_ACCOUNT + 1)
    assert sorted(one["Complete"] for one in events) == [False] * STREAMS_AN_ACCOUNT + [True]


def test_a_slow_client_that_reads_on_in_time_gets_everything(many: WireClient) -> None:
    """While it pauses, the thread keeps the session of its snapshot alive."""

    async def run() -> bytes:
        app = make_app(many, StreamLimits(grace=LONG, look=0.01))
        received, goes_on, is_over = [], asyncio.Event(), asyncio.Event()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                if not received:
                    asyncio.get_running_loop().call_later(0.2, goes_on.set)
                received.append(message["body"])
                await goes_on.wait()
                if not message["more_body"]:
                    is_over.set()

        async def receive() -> Any:
            await is_over.wait()
            return {"type": "http.disconnect"}

        await app(make_scope(many, "format=ndjson"), receive, send)  # type: ignore[arg-type]
        return b"".join(received)

    assert len(asyncio.run(run()).splitlines()) == PEOPLE
