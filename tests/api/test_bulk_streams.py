"""docs/data-out.md over HTTP: streams that are cut, slow or many."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from running_server import AccountAccess, RunningServer
from waiting import wait_for
from wire_client import Wire, WireClient, choice, person, require

PEOPLE = 5000
CUTS = int(os.environ.get("CONSENTORY_CUTS", "3"))
OLD = "2026-01-01T00:00:00Z"


def make_record(number: int) -> Wire:
    """A person with two addresses and a long name, so that the streams are larger than the buffers of a socket."""
    emails = [
        {"EmailAddressType": kind, "EmailAddress": f"{kind}{number}@example.com",
         "EmailPreferences": [choice("NEWS-EMAIL", 1, OLD)]}
        for kind in ("Home", "Work")
    ]  # fmt: skip
    tags = [{"Name": f"{number}-{tag}-{'x' * 80}"} for tag in range(12)]
    return person(number, Emails=emails, ProfileTags=tags)


@pytest.fixture(scope="module")
def many(running: RunningServer) -> Iterator[WireClient]:
    """A client of an account with PEOPLE people."""
    with WireClient(running.create_account()) as client:
        client.run([make_record(number) for number in range(PEOPLE)])
        yield client


def read_part(client: WireClient, call: str, most: int, after: str | None, coding: str) -> tuple[list[Wire], bool]:
    """The whole rows among the first `most` bytes of a stream, and if the stream came to its end."""
    query = {"format": "ndjson", **({} if after is None else {"after": after})}
    headers = {"Accept-Encoding": coding}
    received = b""
    with client.http.stream("GET", f"{client.account}/{call}", params=query, headers=headers) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_bytes(65536):
            received += piece
            if len(received) > most:
                received = received[:most]
                break
        else:
            return [json.loads(line) for line in received.splitlines()], True
    whole, _, _ = received.rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()], False


@pytest.mark.slow
@pytest.mark.parametrize(("call", "key"), [("Export", "ProfileId"), ("Audience/NEWS-EMAIL", "Key")])
def test_a_stream_that_is_cut_at_any_byte_is_continued_complete(many: WireClient, call: str, key: str) -> None:
    whole, _ = read_part(many, call, 10**9, None, "identity")
    assert len(whole) >= PEOPLE
    size = sum(len(json.dumps(row)) for row in whole)
    draw = random.Random(17)
    for number in range(CUTS):
        rows, ends = read_part(many, call, draw.randrange(size), None, ("identity", "gzip", "zstd")[number % 3])
        rest, ends = read_part(many, call, 10**9, str(rows[-1][key]) if rows else None, "gzip")
        assert ends
        assert rows + rest == whole


def open_unread(access: AccountAccess, authorization: str) -> socket.socket:
    """A stream of the export whose first bytes came, and which nobody reads on."""
    url = httpx.URL(access.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((url.host, url.port))
    head = f"GET /Profiles/v4/{access.account}/Export?format=ndjson HTTP/1.1\r\nHost: x\r\n"
    connection.sendall(f"{head}Authorization: {authorization}\r\n\r\n".encode())
    assert b"200 OK" in connection.recv(100)
    return connection


def test_unread_streams_do_not_hold_up_other_calls_and_are_noted_when_the_client_goes(many: WireClient) -> None:
    before = len(many.events("export.read"))
    with ExitStack() as streams:
        for _ in range(2):
            streams.enter_context(open_unread(many.access, many.http.headers["Authorization"]))
        assert len(require(many.http.get(f"{many.account}/Export", params={"limit": 3}))["Items"]) == 3
        assert many.try_profile(1).status_code in (200, 404)
        assert len(many.events("export.read")) == before + 1
    events = wait_for(lambda: many.events("export.read")[before:], lambda found: len(found) == 3)
    cut = [event for event in events if "Complete" in event and event["Count"] != 3]
    assert [event["Complete"] for event in cut] == [False, False]
    assert all(0 < event["Count"] < PEOPLE for event in cut), cut


def read_while_sessions_end(client: WireClient) -> None:
    """Begin to read an export, end the sessions of all transactions that wait for a client, and read on."""
    url, headers = f"{client.account}/Export?format=ndjson", {"Accept-Encoding": "identity"}
    with client.http.stream("GET", url, headers=headers) as answer:
        pieces = answer.iter_raw(1000)
        next(pieces)
        client.change(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'consentory_service/%%' AND xact_start IS NOT NULL AND state <> 'active'"
        )
        for _ in pieces:
            pass


def test_a_stream_whose_database_session_is_lost_is_cut_and_never_seems_complete(many: WireClient) -> None:
    before = len(many.events("export.read"))
    with pytest.raises(httpx.RemoteProtocolError):
        read_while_sessions_end(many)
    (event,) = wait_for(lambda: many.events("export.read")[before:], bool)
    assert not event["Complete"]
