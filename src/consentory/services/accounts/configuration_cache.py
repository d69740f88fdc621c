"""Keep configurations in memory, and load them again when the database has a newer revision."""

from __future__ import annotations

from threading import Lock

from consentory.domain.configuration_index import ConfigurationIndex
from consentory.store.database import Database, Transaction
from consentory.store.tables import account_store


class ConfigurationCache:
    """The newest configuration of each account. Threads may share this.

    Each call asks the database for the revision in force (one indexed row). So a change takes effect for the next call
    in each process (account.md, "Configuration").
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: dict[int, ConfigurationIndex] = {}
        self._lock = Lock()

    def current(self, account_id: int) -> ConfigurationIndex:
        """The configuration in force. Raises LookupError if the account has none."""
        with self._database.transaction(account_id) as tx:
            return self.current_in(tx, account_id)

    def current_in(self, tx: Transaction, account_id: int) -> ConfigurationIndex:
        """Like `current`, inside a transaction of that account."""
        return self.at_revision(tx, account_id, account_store.current_revision(tx))

    def at_revision(self, tx: Transaction, account_id: int, revision: int) -> ConfigurationIndex:
        """One revision of the configuration. The last one is kept in memory."""
        with self._lock:
            known = self._newest.get(account_id)
        if known is not None and known.revision == revision:
            return known
        configuration = account_store.load_configuration(tx, revision)
        configuration_index = ConfigurationIndex(
            account_id, revision, configuration, respelled=account_store.is_respelled(tx)
        )
        with self._lock:
            self._newest[account_id] = configuration_index
        return configuration_index
