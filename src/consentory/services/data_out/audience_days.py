"""Read how many people may be contacted for each filter, day by day, and ask for a new count."""

from __future__ import annotations

from typing import NamedTuple

from consentory.domain.audience import CountedDay
from consentory.domain.caller import Caller
from consentory.domain.configuration_index import ConfigurationIndex, FilterEntry
from consentory.domain.permission import Scope, require_profile
from consentory.domain.text import trim
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database
from consentory.store.tables import audience_store

MOST_DAYS = 400
"""The number of days that are shown: more than a year."""


class CountedFilters(NamedTuple):
    """The filters that the caller may see, and the newest days, the newest first. A filter of a later configuration
    is not in the counts of a day."""

    configuration_index: ConfigurationIndex
    filters: list[FilterEntry]
    days: list[CountedDay]


class AudienceDays:
    """For callers with `profile: read`."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def read(self, caller: Caller) -> CountedFilters:
        """The counts of the filters that the caller may see."""
        require_profile(caller, "read")
        scope = Scope(caller.permissions)
        with self._database.transaction(caller.account_id) as tx:
            configuration_index = self._configurations.current_in(tx, caller.account_id)
            days = audience_store.list_counts(tx, MOST_DAYS)
        shown = [one for one in configuration_index.filters.values() if one.active and scope.permits_filter(one)]
        return CountedFilters(configuration_index, shown, days)

    def find(self, caller: Caller, filter_id: str) -> tuple[FilterEntry, list[CountedDay]]:
        """One of these filters, and the days. Raises RequestRefused, not_found."""
        counted = self.read(caller)
        entry = counted.configuration_index.filters.find(trim(filter_id))
        if entry is None or entry not in counted.filters:
            raise RequestRefused("not_found", "Filter.NotFound", "This account has no such filter.")
        return entry, counted.days

    def want(self, caller: Caller) -> None:
        """Ask for a new count. A worker counts."""
        require_profile(caller, "read")
        with self._database.transaction(caller.account_id) as tx:
            audience_store.want_count(tx)
            note_event(tx, caller, "audience.count-ordered")
