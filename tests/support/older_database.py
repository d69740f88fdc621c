"""A database of an earlier release, filled (tests/data/README.md): restored, brought up to date, and served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from running_server import AccountAccess, RunningServer, create_database, drop_database

from consentory.store.migration import migrate

FIRST_RELEASE = Path(__file__).parents[1] / "data" / "first_release.sql"
ACCOUNT, USER = "OLDER", "nightly"
CLIENT_ID, CLIENT_SECRET = "c377822e8661195de5f01416", "vQAF356Q71b2RNUBBCBv-MebKtfSH1jnj5brSVk2S5M"
INITIATED, PROCESSING, QUEUED = 1785779628951555, 7339130732477198, 5644387443996294
STAGED_BEFORE, STAGED_AFTER, FAILED = 7623477600377390, 8032830706946178, 7814166056106231
"""Access tokens of its imports, by their state; of the two that are Staging, one was staged before the new spelling."""


@contextmanager
def restored(engine: str) -> Iterator[str]:
    """The conninfo of a database as that release left it. The roles are there already (fixture `template`)."""
    url = create_database(engine)
    try:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(FIRST_RELEASE.read_bytes())
        yield url
    finally:
        drop_database(engine, url)


@contextmanager
def served(engine: str) -> Iterator[AccountAccess]:
    """The account on a running server with a worker, over the restored database brought up to date."""
    with restored(engine) as url:
        migrate(url)
        server = RunningServer(url, workers=1)
        server.start()
        try:
            account_id = server.services.accounts.find_account(ACCOUNT)
            yield AccountAccess(
                url=server.url,
                account=ACCOUNT,
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                user=USER,
                database_url=url,
                services=server.services,
                account_id=account_id,
            )
        finally:
            server.stop()
