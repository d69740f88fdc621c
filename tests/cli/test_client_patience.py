"""The client waits for a peer on a real port. The peer refuses calls before it answers one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from consentory.client.api_client import ApiProblem, ConsentoryClient


@contextmanager
def peer_that_refuses(status: int, retry_after: str, times: int) -> Iterator[tuple[str, list[str]]]:
    """The address of a server whose Status is refused so many times first, and the calls that it got."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.answer(200, {"access_token": "t", "expires_in": 300}, {})

        def do_GET(self) -> None:
            calls.append(self.path)
            if len(calls) <= times:
                self.answer(status, {"code": "Stage.TooManyAtOnce", "title": "no"}, {"Retry-After": retry_after})
            else:
                self.answer(200, {"Status": "Staging"}, {})

        def answer(self, status: int, body: object, headers: dict[str, str]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(text)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", calls
        server.shutdown()


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_wait_is_waited_out(status: int) -> None:
    with peer_that_refuses(status, "1", times=2) as (url, calls):
        begun = time.monotonic()
        with ConsentoryClient(url, "ACME", "id", "secret", "nightly") as client:
            assert client.status(7)["Status"] == "Staging"
        assert len(calls) == 3
        assert time.monotonic() - begun >= 2


def test_the_limit_of_a_day_is_told_at_once() -> None:
    with peer_that_refuses(429, "40000", times=100) as (url, calls):
        with ConsentoryClient(url, "ACME", "id", "secret", "nightly") as client, pytest.raises(ApiProblem) as refusal:
            client.status(7)
        assert (refusal.value.status, refusal.value.retry_after, len(calls)) == (429, 40000, 1)
