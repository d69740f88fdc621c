"""Read one person as the console shows people: the current choices with their origin, and the history, newest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from uuid import UUID

import msgspec

from consentory.domain.caller import Caller
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.permission import Scope, require_profile
from consentory.domain.spelling import find_spelling, spell_choice
from consentory.domain.viewing import HistoryItem, ImportName, ViewedPerson, list_current_entries
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.profiles.profile_service import load, view_all
from consentory.store.database import Database, Transaction
from consentory.store.tables import import_store, profile_store

NEWEST = 2**31 - 1
"""Above the number of each ledger entry."""


class PersonReading:
    """For callers with `profile: read`."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def configuration_index(self, caller: Caller) -> ConfigurationIndex:
        """The configuration in force, by which people are found and shown."""
        return self._configurations.current(caller.account_id)

    def read(self, caller: Caller, profile_id: int, before: int, limit: int) -> ViewedPerson:
        """A person with `limit` choices of the history before the entry `before`, the newest first.

        The result has no choice that the caller may not see. Raises RequestRefused, not_found.
        """
        require_profile(caller, "read")
        with self._database.transaction(caller.account_id) as tx:
            configuration_index = self._configurations.current_in(tx, caller.account_id)
            [viewed] = view_all(tx, caller, configuration_index, [load(tx, profile_id)])
            visible = _list_visible(tx, Scope(caller.permissions), configuration_index, (profile_id, before))
            found = list(islice(visible, limit + 1))
            origins = profile_store.list_origins(tx, profile_id, list_current_entries(viewed.profile.body))
            records = {(one.import_id, one.sequence_number) for one in found}
            records |= {(one.import_id, one.sequence_number) for one in origins.values()}
            imports = import_store.list_import_names(tx, {import_id for import_id, _ in records} - {None})
            lines = _find_lines(tx, imports, records)
            note_event(tx, caller, "profile.read", profile_ids=[profile_id])
            note_event(tx, caller, "history.read", profile_ids=[profile_id], details={"Of": "Preferences, Consents"})
        names = find_spelling(configuration_index)
        choices = [msgspec.structs.replace(item, value=spell_choice(item.value, names)) for item in found[:limit]]
        return ViewedPerson(viewed, choices, len(found) > limit, origins, imports, lines)


def _find_lines(
    tx: Transaction, imports: Mapping[UUID, ImportName], records: Collection[tuple[UUID | None, int | None]]
) -> dict[tuple[UUID, int], int]:
    """The lines of the records that came from a file, by ImportId and SequenceNumber."""
    lines: dict[tuple[UUID, int], int] = {}
    for import_id, told in imports.items():
        if told.file_name is not None:
            numbers = [number for of, number in records if of == import_id and number is not None]
            found = import_store.find_lines(tx, import_id, numbers)
            lines |= {(import_id, number): line for number, line in found.items()}
    return lines


def _list_visible(
    tx: Transaction, scope: Scope, configuration_index: ConfigurationIndex, place: tuple[int, int]
) -> Iterator[HistoryItem]:
    """The choices of a person that the caller may see. `place`: the ProfileId, and the entry before which they are."""
    (profile_id, before), step = place, 200
    items: list[HistoryItem] | None = None
    while items is None or len(items) == step:
        items = profile_store.list_latest_choices(tx, profile_id, step, before)
        before = items[-1].entry if items else before
        yield from (item for item in items if scope.permits_choice(item.place, item.value, configuration_index))
