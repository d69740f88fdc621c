"""Give all profiles of an account to a caller, as one snapshot (docs/data-out.md)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from consentory.codec.times import TimeFault, read_time
from consentory.domain.audit_event import Detail
from consentory.domain.caller import Caller
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.data_out import Selection
from consentory.domain.permission import Scope, require_profile
from consentory.domain.profile import Profile
from consentory.domain.text import trim
from consentory.domain.viewing import ViewedProfile, Viewing, list_current_entries
from consentory.errors import ErrorDetail, RequestRefused
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
from consentory.store.database import Database, Transaction
from consentory.store.tables import data_out_store, import_store
from consentory.store.tables.data_out_store import StoredPerson

Ledger = Sequence[tuple[int, int, datetime, str]]
"""Rows of `data_out_store.list_recorded`."""


class ExportQuery(msgspec.Struct, frozen=True):
    """The filters of an export as the caller wrote them. None: the filter is not set."""

    customer_type: str | None = None
    tag: str | None = None
    group: str | None = None
    import_id: UUID | None = None
    modified_since: str | None = None
    active: bool | None = None


class ExportService:
    """Reads all profiles, for callers with `profile: read`. Each profile is limited to the parts that the caller may
    see."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    @contextmanager
    def open(self, caller: Caller, query: ExportQuery, after: int) -> Iterator[Reading[ViewedProfile]]:
        """A reading of the profiles after a ProfileId that the query selects, in order of ProfileId.

        Raises RequestRefused: forbidden; invalid, if the query names something that the account does not have.
        """
        require_profile(caller, "read")
        with (
            note_reading(self._database, caller, "export.read") as tally,
            open_snapshot(self._database, self._configurations, caller) as snapshot,
        ):
            selection = _check_query(snapshot.tx, snapshot.configuration_index, query)
            tally.filters = _describe(selection, after)
            yield Reading(snapshot, tally, _view_steps(snapshot, Scope(caller.permissions), after, selection))

    def page(self, caller: Caller, query: ExportQuery, after: int, limit: int) -> ItemPage[ViewedProfile]:
        """The first profiles of such a reading. Raises like `open`."""
        with self.open(caller, query, after) as reading:
            return reading.read_page(limit)


def _view_steps(snapshot: Snapshot, scope: Scope, after: int, selection: Selection) -> Iterator[Step[ViewedProfile]]:
    for step in list_people(snapshot, after, selection):
        ledgers = _list_ledgers(snapshot.tx, list(step.items))
        views = (
            ViewedProfile(
                one,
                Viewing(snapshot.configuration_index, scope, snapshot.now, _list_recorded(one, ledgers)),
            )
            for one in decode_people(snapshot, step.items, selection)
        )
        yield Step(views, step.last)


def _list_ledgers(tx: Transaction, people: list[StoredPerson]) -> Mapping[int, Ledger]:
    """The ledger rows of people, by ProfileId.

    One statement reads the ledger of all these people in its order. To look up each entry takes much longer.
    """
    if not people:
        return {}
    rows = data_out_store.list_recorded(tx, people[0].profile_id, people[-1].profile_id)
    return {profile_id: list(found) for profile_id, found in groupby(rows, key=itemgetter(0))}


def _list_recorded(profile: Profile, ledgers: Mapping[int, Ledger]) -> dict[int, tuple[datetime, str]]:
    """The time and the caller of each current choice, by the number of the entry."""
    ledger = ledgers.get(profile.profile_id)
    if ledger is None:
        return {}
    if len(ledger) == 1:
        return dict.fromkeys(list_current_entries(profile.body), ledger[0][2:])
    return {
        entry: ledger[bisect_right(ledger, entry, key=itemgetter(1)) - 1][2:]
        for entry in list_current_entries(profile.body)
    }


def _check_query(tx: Transaction, configuration_index: ConfigurationIndex, query: ExportQuery) -> Selection:
    """The selection of a query. Raises RequestRefused, invalid, with every fault."""
    faults: list[ErrorDetail] = []

    def refuse(name: str, reason: str) -> None:
        faults.append(ErrorDetail("Request.InvalidParameter", name, f"{name}: {reason}."))

    tag = None if query.tag is None else trim(query.tag)
    found: dict[str, Any] = {"tag": tag, "import_id": query.import_id, "active": query.active}
    if query.customer_type is not None:
        customer_type = configuration_index.customer_types.by_name.find(trim(query.customer_type))
        if customer_type is None:
            refuse("customerType", f"this account has no customer type {query.customer_type!r}")
        else:
            found["customer_type"] = customer_type.name
    if query.group is not None:
        type_text, _, name = query.group.partition(":")
        group_type = configuration_index.group_types.by_name.find(trim(type_text))
        if not trim(name):
            refuse("group", f"a group is written Type:Name, not {query.group!r}")
        elif group_type is None:
            refuse("group", f"this account has no group type {type_text!r}")
        else:
            found |= {"group_type": group_type.name, "group_name": trim(name)}
    if tag == "":
        refuse("tag", "it is blank; name a tag")
    if query.import_id is not None and import_store.find_import(tx, query.import_id) is None:
        refuse("importId", f"this account has no import {query.import_id}")
    if query.modified_since is not None:
        try:
            moment = read_time(trim(query.modified_since), configuration_index.zone, no=False)
        except TimeFault as fault:
            refuse("modifiedSince", str(fault).rstrip("."))
        else:
            found["modified_since"] = moment.at if moment.day_began is None else moment.day_began
    if faults:
        detail = " ".join(["A parameter does not fit.", *(fault.message for fault in faults)])
        raise RequestRefused("invalid", faults[0].code, detail, errors=faults)
    return Selection(**found)


def _describe(selection: Selection, after: int) -> Mapping[str, Detail]:
    """The filters for the audit trail. A group's name may name people, so only the group's type is told."""
    told = {
        "CustomerType": selection.customer_type,
        "Tag": selection.tag,
        "GroupType": selection.group_type,
        "ImportId": None if selection.import_id is None else str(selection.import_id),
        "ModifiedSince": selection.modified_since,
        "Active": selection.active,
        "After": after or None,
    }
    return {name: value for name, value in told.items() if value is not None}
