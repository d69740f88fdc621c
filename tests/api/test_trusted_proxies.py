"""The address of a client behind a proxy: the address of the connection, unless a trusted proxy reports another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from attack_scene import BASE, take_token
from running_server import AccountAccess, RunningServer, own_server

from consentory.http.trusted_proxies import TrustedProxies

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def behind(engine: str, template: str) -> Iterator[RunningServer]:
    """A server that trusts the proxies 127.0.0.1 and 10.0.0.0/8."""
    with own_server(engine, template, 0, CONSENTORY_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8") as server:
        yield server


def ask_from(access: AccountAccess, *forwarded: str) -> Any:
    """The address in the audit trail after a request with these X-Forwarded-For headers."""
    headers = [("Authorization", f"Bearer {take_token(access)}"), *(("X-Forwarded-For", one) for one in forwarded)]
    answer = httpx.get(f"{access.url}{BASE}/{access.account}/Tags", headers=headers, trust_env=False)
    assert answer.status_code == 200
    refused = httpx.get(f"{access.url}{BASE}/Other/Tags", headers=headers, trust_env=False)
    assert refused.status_code == 404
    with access.services.database.transaction(access.account_id) as tx:
        row = tx.connection.execute(
            "SELECT client_address FROM audit_event WHERE action = 'authentication.refused'"
            " ORDER BY recorded_at DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "127.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the client wrote the first one
        (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.1.2.3"], "203.0.113.7"),  # two trusted proxies
        (["203.0.113.7:4711"], "203.0.113.7"),
        (['"[2001:db8::7]:4711"'], "2001:db8::7"),
        (["203.0.113.7, unknown"], "127.0.0.1"),
        (["10.9.9.9"], "10.9.9.9"),
    ],
)
def test_a_trusted_proxy_reports_the_clients_address(behind: RunningServer, forwarded: list[str], address: str) -> None:
    assert ask_from(behind.create_account(), *forwarded) == address


def test_an_untrusted_peer_cannot_set_the_address(server: AccountAccess) -> None:
    assert ask_from(server, "203.0.113.7") == "127.0.0.1"
    proxies = TrustedProxies("10.0.0.5")
    assert proxies.find_client("192.0.2.1", ["203.0.113.7, 10.0.0.5"]) == "192.0.2.1"
    assert proxies.find_client("10.0.0.5", ["198.51.100.1, 203.0.113.7"]) == "203.0.113.7"
    assert proxies.find_client(None, ["203.0.113.7"]) is None
