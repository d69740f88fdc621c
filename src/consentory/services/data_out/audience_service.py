"""Give everyone who may be contacted now for a filter, as one snapshot (docs/data-out.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consentory.domain.audience import list_contacts
from consentory.domain.caller import Caller
from consentory.domain.configuration_index import FilterEntry
from consentory.domain.data_out import AudienceKey, AudienceRow, Selection
from consentory.domain.permission import Scope, require_profile
from consentory.domain.spelling import find_spelling
from consentory.domain.text import trim
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.data_out.snapshot_reading import (
    ItemPage,
    Reading,
    Snapshot,
    Step,
    decode_people,
    list_people,
    note_reading,
    open_snapshot,
)
from consentory.store.database import Database

_START = AudienceKey(0)


class AudienceService:
    """Reads audiences, for callers with `profile: read` who may touch the filter's channel and program."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    @contextmanager
    def open(
        self, caller: Caller, filter_id: str, after: AudienceKey | None, *, opted_out: bool
    ) -> Iterator[Reading[AudienceRow]]:
        """A reading of the addresses, numbers or people with an Opt-In of the filter in force; with `opted_out`, with
        an Opt-Out in force. They are in order of ProfileId and of their place in the profile.

        Raises RequestRefused: forbidden; not_found, if there is no such filter or the caller may not see the filter.
        """
        require_profile(caller, "read")
        with (
            note_reading(self._database, caller, "audience.read") as tally,
            open_snapshot(self._database, self._configurations, caller) as snapshot,
        ):
            entry = snapshot.configuration_index.filters.find(trim(filter_id))
            if entry is None or not Scope(caller.permissions).permits_filter(entry):
                raise _make_not_found()
            tally.filters = {"FilterId": entry.filter.id, "OptedOut": opted_out}
            if after is not None:
                tally.filters = {**tally.filters, "After": after.render()}
            yield Reading(snapshot, tally, _list_rows(snapshot, entry, after or _START, opted_out=opted_out))

    def page(
        self, caller: Caller, filter_id: str, after: AudienceKey | None, limit: int, *, opted_out: bool
    ) -> ItemPage[AudienceRow]:
        """The first rows of such a reading. Raises like `open`."""
        with self.open(caller, filter_id, after, opted_out=opted_out) as reading:
            return reading.read_page(limit)


def _list_rows(
    snapshot: Snapshot, entry: FilterEntry, after: AudienceKey, *, opted_out: bool
) -> Iterator[Step[AudienceRow]]:
    configuration_index, filter_id = snapshot.configuration_index, entry.filter.id
    first = after.profile_id - (after.place is not None)  # a key with a place stands among the rows of its profile
    selection = _select(snapshot, filter_id)
    for step in list_people(snapshot, first, selection):
        rows = (
            AudienceRow(profile, contact)
            for profile in decode_people(snapshot, step.items, selection)
            for contact in list_contacts(
                profile.body, filter_id, configuration_index, snapshot.now, opted_out=opted_out
            )
            if profile.profile_id != after.profile_id or after.precedes(contact)
        )
        yield Step(rows, step.last)


def _select(snapshot: Snapshot, filter_id: str) -> Selection:
    """The people who can have a row. An inactive person has no choice in force (`domain/audience.py`); the column is
    the `active` of the body.

    The database looks for the filter, because many people have no choice of it, and to decode a body takes longer. It
    compares names exactly, so it cannot look in an account whose people may have names in another spelling.
    """
    are_many = find_spelling(snapshot.configuration_index).are_many
    return Selection(active=True, filter_id=None if are_many else filter_id)


def _make_not_found() -> RequestRefused:
    return RequestRefused("not_found", "Filter.NotFound", "This account has no such filter.")
