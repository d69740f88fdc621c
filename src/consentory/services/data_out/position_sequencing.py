"""Give each committed change of a person its position: 1, 2, 3 … within the account (docs/adr/0017-positions.md)."""

from __future__ import annotations

from functools import partial

from consentory.services.account_batches import work_off
from consentory.store.database import Database
from consentory.store.tables import change_store

BATCH_BLOCKS = 1000


class PositionSequencing:
    """Numbers the changes of all accounts. The lock of an account's range shares out the work. A dead worker loses
    nothing."""

    def __init__(self, database: Database, *, batch_blocks: int = BATCH_BLOCKS) -> None:
        self._database = database
        self._batch_blocks = batch_blocks

    def number_waiting(self) -> int:
        """Number all waiting changes, except for accounts that another worker numbers. Returns the number of blocks.

        Raises StoreUnavailable. Then the numbered changes keep their positions, and the other ones wait.
        """
        with self._database.transaction() as tx:
            accounts = change_store.find_unnumbered(tx)
        for account_id, has_range in accounts.items():
            if not has_range:
                with self._database.transaction(account_id) as tx:
                    change_store.add_range(tx)
        number = partial(change_store.number_some, limit=self._batch_blocks)
        return work_off(self._database, accounts, number, self._batch_blocks)
