"""Work off a queue of each account in short transactions: audit events to chain, and changes to number."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from consentory.store.database import Database, Transaction


def work_off(database: Database, accounts: Iterable[int], work: Callable[[Transaction], int | None], most: int) -> int:
    """Run `work` in one transaction after another, for one account after another. Returns the sum of its results.

    `work` does at most `most` items, and returns how many. Fewer than `most`: nothing is left. None: another worker has
    the account. Raises StoreUnavailable: the finished transactions stay done.
    """
    total = 0
    for account_id in accounts:
        done: int | None = most
        while done == most:
            with database.transaction(account_id) as tx:
                done = work(tx)
            total += done or 0
    return total
