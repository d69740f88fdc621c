"""People in bulk, for reads of a whole account. Every function runs in its caller's transaction, of one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from consentory.domain.data_out import Selection
from consentory.domain.instants import from_micros, to_micros
from consentory.domain.profile import Profile
from consentory.store.database import Transaction
from consentory.store.tables.profile_store import decode_state


class StoredPerson(NamedTuple):
    """A row of a person. To decode all people of a statement at once fills the processor's cache, and takes twice as
    long as to use each person before the next one is decoded."""

    profile_id: int
    body: str
    created: datetime
    modified: datetime

    def decode(self) -> Profile:
        """The profile of the row."""
        return Profile(self.profile_id, decode_state(self.body), to_micros(self.created), to_micros(self.modified))


def list_people(tx: Transaction, after: int, limit: int, selection: Selection) -> tuple[list[StoredPerson], int | None]:
    """The selected people among the next `limit` people after a ProfileId, in order of ProfileId, and the last
    ProfileId that was looked at. None: no people are left.

    The selection decides here by the columns of the profile's row, and by the text of the body.
    """
    since = selection.modified_since
    parameters = {
        "after": after,
        "limit": limit,
        "active": selection.active,
        "import_id": selection.import_id,
        "modified_since": None if since is None else from_micros(since),
        "named": None if selection.filter_id is None else msgspec.json.encode(selection.filter_id).decode(),
    }
    rows = tx.rows("list_people", parameters)
    return [StoredPerson(*row) for row in rows if row[1] is not None], rows[-1][0] if rows else None


def list_recorded(tx: Transaction, first: int, last: int) -> Sequence[tuple[int, int, datetime, str]]:
    """(ProfileId, number of the first entry, time, caller) of the ledger rows of the people from `first` to `last`, in
    this order."""
    return [(row[0], row[1], row[2], row[3]) for row in tx.rows("list_recorded", {"first": first, "last": last})]


def keep_alive(tx: Transaction) -> None:
    """Run an empty statement, so that the database does not end an idle transaction. Raises psycopg's errors."""
    tx.run("keep_alive")
