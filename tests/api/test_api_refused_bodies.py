"""A request is answered before its body is read: this answer and the answer to the next request arrive complete.

HTTP/1.1 gives a server two ways (RFC 9112, 9.3 and 9.6): read the rest of the body, or send `Connection: close`. A
server that does neither closes the connection while the client still sends, or during the client's next request.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress

import httpx
import pytest
from wire_client import BASE, WireClient

WRONG = {"Authorization": "Bearer wrong"}
REFUSALS = {
    "401 without leave": ("POST", f"{BASE}/Async/{{}}/Import/1/Stage", WRONG, 401),
    "401 without a body's use": ("GET", f"{BASE}/Async/{{}}/Imports", WRONG, 401),
    "404 another's account": ("POST", f"{BASE}/Async/x{{}}/Import/1/Stage", {}, 404),
    "404 no such call": ("POST", "/nowhere", {}, 404),
    "405": ("PATCH", f"{BASE}/Async/{{}}/Imports", {}, 405),
    "406": ("POST", f"{BASE}/Async/{{}}/Import", {"Accept": "image/png"}, 406),
    "413 small calls": ("POST", f"{BASE}/Async/{{}}/Import", {"Content-Type": "application/json"}, 413),
    "413 the token's form": ("POST", "/oauth2/token", {"Content-Type": "application/x-www-form-urlencoded"}, 413),
    "415": ("POST", f"{BASE}/Async/{{}}/Import/1/Stage", {"Content-Type": "text/x"}, 415),
}
MEGABYTE = 1_000_000


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_a_refusal_arrives_and_the_connection_serves_on(
    ours: WireClient, refusal: tuple[str, str, dict[str, str], int], is_chunked: bool
) -> None:
    method, path, headers, status = refusal
    url = path.format(ours.access.account)
    for size in (2 * MEGABYTE, 9 * MEGABYTE) * 4:
        body = b" " * size
        content = (body[start : start + 60_000] for start in range(0, size, 60_000)) if is_chunked else body
        answer = ours.http.request(method, url, content=content, headers=headers)
        assert answer.status_code == status, answer.text
        assert ours.http.get("/healthz").status_code == 200


def test_an_unexpected_body_does_no_harm(ours: WireClient) -> None:
    """An existing client may send a body with calls that use no body."""
    token = ours.initiate()["AccessToken"]
    for _ in range(10):
        path = ours.path(token, "Status")
        assert ours.http.request("GET", path, content=b"x" * MEGABYTE).status_code == 200
    assert ours.http.post(ours.path(token, "Cancel"), content=b"x" * MEGABYTE).status_code == 200
    assert ours.http.get("/healthz").status_code == 200


def test_a_body_without_end_is_answered_and_its_connection_closed(ours: WireClient) -> None:
    """The server reads a limited part of a refused body. The answer then says that the connection ends."""
    path = f"{BASE}/Async/{ours.access.account}/Import/1/Stage"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**12}\r\n\r\n"
    with _connect(ours) as connection:
        connection.sendall(head.encode())
        sent = 0
        # the server closes the connection while the client sends; the answer arrives all the same
        with suppress(ConnectionError):
            while not select.select([connection], [], [], 0)[0] and sent < 300 * MEGABYTE:
                sent += connection.send(b"x" * 65536)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close\r\n" in answer.lower()
    assert sent < 100 * MEGABYTE


def test_a_client_that_asks_before_it_sends_is_told_at_once(ours: WireClient) -> None:
    """`Expect: 100-continue` (RFC 9110, 10.1.1): the refusal comes in place of the 100, and no byte of the body."""
    head = (
        f"POST {BASE}/Async/{ours.access.account}/Import/1/Stage HTTP/1.1\r\nHost: x\r\n"
        f"Expect: 100-continue\r\nContent-Length: {28 * MEGABYTE}\r\n\r\n"
    )
    with _connect(ours) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 401 "), answer
    assert b"connection: close\r\n" in answer.lower()


def _connect(ours: WireClient) -> socket.socket:
    url = httpx.URL(ours.access.url)
    return socket.create_connection((url.host, url.port or 80), 20)
