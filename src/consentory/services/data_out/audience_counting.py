"""Count the people who may be contacted for each filter, once a day and on demand, in the background."""

from __future__ import annotations

from collections.abc import Iterator

from consentory.domain.audience import list_reached
from consentory.domain.data_out import Selection
from consentory.domain.instants import from_micros
from consentory.domain.spelling import find_spelling, spell_body
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.store.database import Database
from consentory.store.tables import audience_store, data_out_store, profile_store

STEP_PEOPLE = 500
"""The number of people that one transaction counts. It bounds the time for which other maintenance waits."""
_ACTIVE = Selection(active=True)


class AudienceCounting:
    """Counts for all accounts. A row of an account and a day shares out the work between workers."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def count_in_steps(self) -> Iterator[None]:
        """Count each account that waits for it. Each step is one short transaction.

        An import may change people meanwhile. Each person is counted once, as the person is at that moment. Raises
        StoreUnavailable. Then the count begins anew later.
        """
        with self._database.transaction() as tx:
            accounts = audience_store.find_uncounted(tx)
        for account_id in accounts:
            yield from self._count(account_id)

    def _count(self, account_id: int) -> Iterator[None]:
        with self._database.transaction(account_id) as tx:
            began_at = from_micros(profile_store.read_clock(tx))
            day = audience_store.begin_count(tx, began_at)
            filters = self._configurations.current_in(tx, account_id).filters
        if day is None:
            return
        counts = {name: [0, 0] for name in filters}
        last: int | None = 0
        while last is not None:
            last = self._count_some(account_id, last, counts)
            yield
        with self._database.transaction(account_id) as tx:
            audience_store.end_count(tx, day, began_at, counts)

    def _count_some(self, account_id: int, after: int, counts: dict[str, list[int]]) -> int | None:
        """Count the next people after a ProfileId. Returns the last ProfileId; None: there are no more people."""
        with self._database.transaction(account_id) as tx:
            configuration_index = self._configurations.current_in(tx, account_id)
            people, last = data_out_store.list_people(tx, after, STEP_PEOPLE, _ACTIVE)
            now = profile_store.read_clock(tx)
        spelling = find_spelling(configuration_index)
        for stored in people:
            profile = stored.decode()
            spell_body(profile.body, spelling)
            for number, names in enumerate(list_reached(profile.body, configuration_index, now)):
                for name in names:
                    counts.setdefault(name, [0, 0])[number] += 1
        return last
