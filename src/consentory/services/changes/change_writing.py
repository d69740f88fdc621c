"""The second half of applying records: store what was planned, set-wise.

Everything that must happen with every change of a person has its place in `write_changes`, and nowhere else.
"""

from __future__ import annotations

from consentory.services.changes.change_set import ChangeSet
from consentory.store.database import Transaction
from consentory.store.tables import profile_store


def write_changes(tx: Transaction, changes: ChangeSet) -> None:
    """Store people, keys, ledger, tombstones and counts of tags.

    Only in the transaction that planned them with locks. Raises StoreRefused where another transaction gave out one of
    the alternate ids meanwhile (constraint alternate_key_pkey): then plan again.
    """
    people = changes.people.items()
    # A person whom the plan both creates and deletes is never stored.
    deleted = [(i, one.source) for i, one in people if one.after is None and one.before is not None]
    created = [one.after for _, one in people if one.before is None and one.after is not None]
    updated = [one.after for _, one in people if one.before is not None and one.after is not None]
    at = changes.applied_at
    profile_store.delete_profiles(tx, deleted, at)
    profile_store.insert_profiles(tx, created, changes.created_at, at, changes.import_id)
    profile_store.update_profiles(tx, updated, at)
    profile_store.change_alternate_keys(tx, changes.alternate_keys.removed, changes.alternate_keys.added.values())
    profile_store.change_contact_keys(tx, changes.contact_keys.removed, changes.contact_keys.added.values())
    profile_store.append_ledger(tx, changes.ledger, at)
    profile_store.change_tags(tx, [(tag, *named) for tag, named in changes.tags.items() if named[1]])
