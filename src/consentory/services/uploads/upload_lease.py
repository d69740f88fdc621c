"""The lease of a process on an upload: a lock that ends with its transaction, so also with a dead or frozen process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import UUID

from consentory.store.database import LEASE_SECONDS, Database
from consentory.store.tables import upload_store

BEAT_SECONDS = LEASE_SECONDS / 6
"""The interval of the sign of life of the open transaction."""


@contextmanager
def hold_upload(database: Database, account_id: int, upload_id: UUID, on_lost: Callable[[], None]) -> Iterator[bool]:
    """Hold the lease during the block. The value is False if another process has it.

    `on_lost` is called, in another thread, when the lease is lost: another process may read the upload then.
    """
    ended = Event()
    with database.transaction(account_id) as tx:
        if not upload_store.try_upload_lock(tx, upload_id):
            yield False
            return

        def beat() -> None:
            while not ended.wait(BEAT_SECONDS):
                try:
                    tx.run("beat")
                except Exception:  # after any error the transaction, and the lock with it, is gone
                    if not ended.is_set():
                        on_lost()
                    return

        thread = Thread(target=beat, name="lease", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            ended.set()
            thread.join()
