"""Several workers' retention beside the judge's imports: nothing that is to stay goes, nothing that is to go stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from consentory.bootstrap.composition import open_worker
from consentory.codec.staging.staged_block import unpack_raw
from consentory.errors import StoreUnavailable
from consentory.store.database import Database
from consentory.store.tables import execution_store

if TYPE_CHECKING:
    from model_check import ModelCheck


@dataclass(frozen=True)
class Staged:
    """An import that has ended; `stays`: SequenceNumbers of what was refused or not honored."""

    account_id: int
    import_id: UUID
    days: int
    records: int
    stays: frozenset[int]


def has_backlog(database: Database) -> bool:
    """True if imports wait for retention. One run takes the oldest, and other histories may have left many."""
    with database.transaction() as tx:
        return bool(execution_store.find_redactable(tx))


@contextmanager
def maintained(database_url: str, maintainers: int) -> Iterator[None]:
    """Run the retention of this number of workers in turn, and each one once more at the end."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run_maintenance() -> None:
        worker = open_worker(database_url)
        try:
            last = False
            while not last:
                last = stop.is_set() and not has_backlog(worker.database)
                try:
                    worker.retention.run_maintenance()
                except StoreUnavailable:  # a deadlock or the like: waited out by the real loop
                    last = False
        except BaseException as error:
            failures.append(error)
        finally:
            worker.close()

    threads = [threading.Thread(target=run_maintenance) for _ in range(maintainers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def check_staged(room: ModelCheck, staged: Staged, *, maintained: bool) -> None:
    """ "With 0, what was refused or not honored stays until the token expires"; with more days, all of it stays."""
    with room.owner.transaction() as tx:
        rows = tx.connection.execute(
            "SELECT first_sequence, raw FROM import_block WHERE import_id = %s", (staged.import_id,)
        ).fetchall()
    left = {first + place for first, raw in rows for place, record in enumerate(unpack_raw(bytes(raw))) if record}
    if staged.days == 0 and maintained:
        assert left == staged.stays
    elif staged.days:
        assert left == set(range(1, staged.records + 1))


def maintain_at_once(room: ModelCheck, staged: Sequence[Staged], maintainers: int) -> None:
    """Put these imports eleven days back, then tidy with several workers at once."""
    with room.owner.transaction() as tx:
        tx.connection.execute(
            "UPDATE import SET created_at = (created_at AT TIME ZONE 'UTC' - interval '11 days') AT TIME ZONE 'UTC',"
            " expires_at = (expires_at AT TIME ZONE 'UTC' - interval '11 days') AT TIME ZONE 'UTC'"
            " WHERE import_id = ANY(%s)",
            ([one.import_id for one in staged],),
        )
    with maintained(room.database_url, maintainers):
        pass


def check_all_gone(room: ModelCheck, staged: Sequence[Staged]) -> None:
    """ "Staged records and their faults go [...]. The import, its counts and its audit trail stay." """
    ids = [one.import_id for one in staged]
    with room.owner.transaction() as tx:
        for table in ("import_block", "import_fault"):
            query = f"SELECT count(*) FROM {table} WHERE import_id = ANY(%s)"
            assert tx.connection.execute(query, (ids,)).fetchone() == (0,), table
        kept = tx.connection.execute("SELECT count(*) FROM import WHERE import_id = ANY(%s)", (ids,)).fetchone()
    assert kept == (len(ids),)
