"""Undo: make a new import that takes back another one (docs/effects.md, "Undo"), with one record for each person."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import NoReturn

import msgspec

from consentory.codec.limits import LENGTHS
from consentory.codec.staging.staged_block import BLOCK_RECORDS, pack_raw, pack_work
from consentory.domain.caller import SYSTEM, Caller, Party
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.identifier import make_uuid7
from consentory.domain.imports import Books, Import, ImportSettings, StageCounts
from consentory.domain.instants import from_micros
from consentory.domain.permission import require_import, require_release, require_undo
from consentory.domain.record import Record
from consentory.errors import RequestRefused, StoreRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.imports.import_service import TOKEN_BITS, find_by_id, require_daily_room
from consentory.store.database import Database, Transaction
from consentory.store.tables import before_image_store, execution_store, import_store, profile_store
from consentory.store.tables.import_store import NewBatch, NewBlock

BATCH_RECORDS = 100 * BLOCK_RECORDS
"""The number of records that are made and stored at a time. The limit bounds the memory."""


class UndoService:
    """Makes imports that take back other imports. Every call needs the permission `import`."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def undo(self, caller: Caller, import_id: str, *, restore_yes: bool) -> Import:
        """Make a new import with status Staging. Its execution takes back a completed import.

        Raises RequestRefused: forbidden, if the caller may not initiate an import with these settings, or asks for
        `restore_yes` without the permission release; not_found; conflict, if the import cannot be undone; too_many.
        """
        require_import(caller)
        if restore_yes:
            require_release(caller)
        try:
            with self._database.transaction(caller.account_id) as tx:
                item = find_by_id(tx, import_id)
                require_undo(caller.permissions)
                configuration_index = self._configurations.current_in(tx, caller.account_id)
                item, _ = import_store.lock_import(tx, item.import_id)  # maintenance may delete its images
                _check_undoable(tx, item, configuration_index.account.undo_days)
                require_daily_room(tx, configuration_index)
                made = _make_undo(tx, caller, item, configuration_index, restore_yes=restore_yes)
                import_store.lock_initiates(tx)  # only now: to stage millions of people takes minutes
                require_daily_room(tx, configuration_index, made=1)
                return made
        except StoreRefused as error:
            if error.constraint != "import_undone_once":
                raise
            _refuse_done()


def _check_undoable(tx: Transaction, item: Import, days: int) -> None:
    if item.settings.action == "Delete":
        text = "This import deleted people. A deletion is an erasure, so no data is left to restore them from."
        raise RequestRefused("conflict", "Undo.Erased", text)
    if item.status != "Completed":
        text = f"This import is {item.status}. Only a Completed import can be undone."
        raise RequestRefused("conflict", "Undo.NotCompleted", text)
    is_kept, is_open, undo_id = before_image_store.judge_undo(tx, item.import_id, days)
    if undo_id is not None:
        if not import_store.expire_import(tx, undo_id):
            _refuse_done()
        note_event(tx, Party(item.account_id, SYSTEM), "import.expired", import_id=undo_id)
    if not is_kept or not is_open:
        text = f"The time to undo this import is over. undoDays of the account document is {days}."
        raise RequestRefused("conflict", "Undo.TooLate", text)


def _refuse_done() -> NoReturn:
    text = (
        "This import has an undo already, and it can have only one. The list of imports shows that undo, with this "
        "ImportId under UndoOf. If it is not executed, execute it, or cancel it and make a new one. If it is executed, "
        "it can itself be undone."
    )
    raise RequestRefused("conflict", "Undo.Done", text)


def _make_undo(
    tx: Transaction, caller: Caller, undone: Import, configuration_index: ConfigurationIndex, *, restore_yes: bool
) -> Import:
    now = from_micros(profile_store.read_clock(tx))
    name = f"Undo of {undone.settings.name}"[: LENGTHS["InitiateRequest"]["Name"].most]
    item = Import(
        account_id=caller.account_id,
        import_id=make_uuid7(now),
        access_token=secrets.randbits(TOKEN_BITS),
        status="Initiated",
        settings=ImportSettings(name=name, data_stage_duration=undone.settings.data_stage_duration, action="Undo"),
        books=Books(),
        caller=caller.user_id,
        created_at=now,
        expires_at=now + timedelta(hours=configuration_index.account.token_lifetime_hours),
    )
    import_store.insert_import(tx, item, None, b"")
    before_image_store.open_undo(tx, item.import_id, undone.import_id, restore_yes=restore_yes)
    records = _stage_people(tx, caller, item, undone)
    details: dict[str, str | int | bool] = {
        "ImportAction": "Undo",
        "UndoOf": str(undone.import_id),
        "RestoreYes": restore_yes,
        "Records": records,
    }
    note_event(tx, caller, "import.initiated", import_id=item.import_id, details=details)
    found = import_store.find_import(tx, item.import_id)
    assert found is not None
    return found


def _stage_people(tx: Transaction, caller: Caller, item: Import, undone: Import) -> int:
    """Stage one record for each person whom an import created or changed. Returns the number of records."""
    execution_store.allow_long_statement(tx)
    first = 1
    people = before_image_store.stream_undoable(tx, undone.import_id)
    number = 0
    while some := list(islice(people, BATCH_RECORDS)):
        number += 1
        blocks = list(_make_blocks(some))
        batch = NewBatch(
            number=number,
            caller=caller.user_id,
            staged_at=item.created_at,
            first_sequence=first,
            blocks=blocks,
            failed=0,
            counts=StageCounts(),
            idempotency_key=None,
            body_hash=None,
        )
        import_store.insert_batch(tx, item.import_id, batch, ())
        first += len(some)
    return first - 1


def _make_blocks(people: list[tuple[int, list[bytes]]]) -> Iterator[NewBlock]:
    """One record for each person. It names the alternate ids that the import gave or took. So people between whom an id
    moved are in one group, in the right order."""
    for offset in range(0, len(people), BLOCK_RECORDS):
        some = people[offset : offset + BLOCK_RECORDS]
        named = [(key, place) for place, (_, keys) in enumerate(some) for key in keys]
        yield NewBlock(
            offset=offset,
            record_count=len(some),
            raw=pack_raw([msgspec.json.encode({"ProfileId": profile_id}) for profile_id, _ in some]),
            work=pack_work([(place, Record(profile_id)) for place, (profile_id, _) in enumerate(some)]),
            named_keys=[key for key, _ in named],
            named_at=[place for _, place in named],
            profile_ids=[profile_id for profile_id, _ in some],
            profile_at=list(range(len(some))),
        )
