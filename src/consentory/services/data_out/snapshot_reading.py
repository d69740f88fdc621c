"""Read people of an account in one snapshot, in constant memory (docs/data-out.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import structlog

from consentory.domain.audit_event import Action, Detail
from consentory.domain.caller import Caller
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.data_out import Selection
from consentory.domain.profile import Profile
from consentory.domain.spelling import find_spelling, spell_body
from consentory.errors import ConsentoryError
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import change_store, data_out_store, profile_store
from consentory.store.tables.data_out_store import StoredPerson

log = structlog.get_logger(__name__)

STEP_PEOPLE = 500
"""The number of people that a reading looks at in one statement. It bounds memory and the time of the statement."""
PAGE_PEOPLE = 100_000
"""The number of people that one page looks at. A page ends there, although it may have few items."""

ItemT = TypeVar("ItemT")


class Step(NamedTuple, Generic[ItemT]):
    """The items that were found among the next people, made while they are read, and the last ProfileId that was
    looked at."""

    items: Iterable[ItemT]
    last: int


class ItemPage(NamedTuple, Generic[ItemT]):
    """The items of a page. `looked_at`: the next page begins after this ProfileId. None: after the last item."""

    items: list[ItemT]
    has_more: bool
    looked_at: int | None = None


@dataclass(slots=True)
class Snapshot:
    """The state of an account at one moment, for one caller."""

    tx: Transaction
    configuration_index: ConfigurationIndex
    position: int
    """All changes up to this position are in the snapshot."""
    now: int
    """In microseconds."""


@dataclass(slots=True)
class Tally:
    """The count of one call that reads in bulk."""

    filters: Mapping[str, Detail] | None = None
    """The details of the call for the audit trail. None: the call has not begun to read."""
    count: int = 0
    """The number of items that were given out so far."""
    is_complete: bool = False


@dataclass(slots=True)
class Reading(Generic[ItemT]):
    """One call that reads in bulk from a snapshot."""

    snapshot: Snapshot
    tally: Tally
    steps: Iterator[Step[ItemT]]

    def list_steps(self) -> Iterator[Iterable[ItemT]]:
        """The items, as many as were found at a time, perhaps none. Read each item of a step before the next step."""
        for step in self.steps:
            yield self._count(step.items)
        self.tally.is_complete = True

    def _count(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        for item in items:
            self.tally.count += 1
            yield item

    def read_page(self, limit: int) -> ItemPage[ItemT]:
        """The first `limit` items. A page that looked at PAGE_PEOPLE people may have fewer items."""
        items: list[ItemT] = []
        page = None
        for number, step in enumerate(self.steps, 1):
            items += step.items
            if len(items) > limit:
                page = ItemPage(items[:limit], has_more=True)
                break
            if number * STEP_PEOPLE >= PAGE_PEOPLE:
                page = ItemPage(items, has_more=True, looked_at=step.last)
                break
        page = page or ItemPage(items, has_more=False)
        self.tally.count, self.tally.is_complete = len(page.items), not page.has_more
        return page

    def keep_alive(self) -> None:
        """Keep the snapshot while the client is slow, because the database ends a transaction that is idle."""
        data_out_store.keep_alive(self.snapshot.tx)


@contextmanager
def open_snapshot(database: Database, configurations: ConfigurationCache, caller: Caller) -> Iterator[Snapshot]:
    """A snapshot of the caller's account. Raises like `Database.transaction`."""
    with database.snapshot(caller.account_id, read_only=True) as tx:
        position = change_store.read_latest_position(tx)  # first, because Citus has no snapshot over statements
        configuration_index = configurations.current_in(tx, caller.account_id)
        yield Snapshot(tx, configuration_index, position, profile_store.read_clock(tx))


@contextmanager
def note_reading(database: Database, caller: Caller, action: Action) -> Iterator[Tally]:
    """Note a call in the audit trail when the block ends, however it ends. A block that did not begin to read is not
    noted.

    If the block ends well and the event cannot be stored, this raises. So nobody receives the end of a stream without
    an event.
    """
    tally = Tally()
    try:
        yield tally
    except BaseException:
        tally.is_complete = False
        try:
            _note(database, caller, action, tally)
        except ConsentoryError as error:
            log.error("reading is not in the audit trail", action=action, count=tally.count, reason=str(error))
        raise
    _note(database, caller, action, tally)


def _note(database: Database, caller: Caller, action: Action, tally: Tally) -> None:
    if tally.filters is not None:
        details = {**tally.filters, "Count": tally.count, "Complete": tally.is_complete}
        with database.transaction(caller.account_id) as tx:
            note_event(tx, caller, action, details=details)


def list_people(snapshot: Snapshot, after: int, selection: Selection) -> Iterator[Step[StoredPerson]]:
    """The people after a ProfileId, in order of ProfileId, for `decode_people` with the same selection."""
    last: int | None = after
    while last is not None:
        found, last = data_out_store.list_people(snapshot.tx, last, STEP_PEOPLE, selection)
        if last is not None:
            yield Step(found, last)


def decode_people(snapshot: Snapshot, people: Iterable[StoredPerson], selection: Selection) -> Iterator[Profile]:
    """The selected people among these, one at a time. All names are spelled as configured."""
    spelling = find_spelling(snapshot.configuration_index)
    for stored in people:
        profile = stored.decode()
        spell_body(profile.body, spelling)
        if selection.has_body(profile.body):
            yield profile
