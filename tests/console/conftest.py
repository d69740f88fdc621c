"""Fixtures of the console's tests: one browser for the folder, and clients of the test's own account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from console_browser import BrowserScene, find_chromium, open_browser
from console_client import ConsoleClient
from running_server import AccountAccess, RunningServer


@pytest.fixture
def visitor(running: RunningServer) -> Iterator[ConsoleClient]:
    """A browser without JavaScript that is not signed in."""
    client = ConsoleClient(running.url)
    yield client
    client.close()


@pytest.fixture
def server(running: RunningServer) -> AccountAccess:
    """An account of the test's own. Its user `nightly` has every permission, its user `mailer` has few."""

    def permit_all(document: dict[str, Any]) -> None:
        more = {"release": True, "audit": True, "configuration": ["read", "write"]}
        document["userGroups"][0]["permissions"].update(more)

    return running.create_account(permit_all)


@pytest.fixture
def mailer(running: RunningServer, server: AccountAccess) -> Iterator[ConsoleClient]:
    """A user of the same account who may import, and may not read everything."""
    client = ConsoleClient(running.url)
    yield client.enter(running.give_access(server.account, "mailer"))
    client.close()


@pytest.fixture
def console(visitor: ConsoleClient, server: AccountAccess) -> ConsoleClient:
    """The visitor, signed in as the user of the test's own account."""
    return visitor.enter(server)


@pytest.fixture(scope="package")
def chromium() -> Iterator[BrowserScene]:
    """Chromium of this system, for all tests of the folder.

    The package scope ends it before tests of other folders run, because Playwright occupies the event loop.
    """
    path = find_chromium()
    if path is None:
        pytest.skip(
            "There is no Chromium. Install it (Debian: apt-get install chromium), or name it in CONSENTORY_CHROMIUM."
        )
    with open_browser(path) as scene:
        yield scene
