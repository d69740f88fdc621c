"""The second half of applying records: store the planned changes, all rows of a table at once.

Everything that must happen with each change of a person has its place in `write_changes`, and nowhere else.
"""

from __future__ import annotations

from consentory.services.changes.change_set import ChangeSet
from consentory.store.database import Transaction
from consentory.store.tables import before_image_store, change_store, profile_store
from consentory.store.tables.profile_store import NewState, Source


def write_changes(tx: Transaction, changes: ChangeSet, *, appends_images: bool = True) -> None:
    """Store people, keys, ledger, tombstones, images for undo, counts of tags, and the changes that get positions.

    Only in the transaction that planned the changes with locks. Raises StoreRefused with the constraint
    alternate_key_pkey if another transaction took one of the alternate ids meanwhile. Then plan again.
    `appends_images`: see before_image_store.keep_images.
    """
    created: list[NewState] = []
    updated: list[NewState] = []
    deleted: list[tuple[int, Source]] = []
    for profile_id, person in changes.people.items():
        if person.after is not None:
            (created if person.before is None else updated).append(person.after)
        elif person.before is not None:
            deleted.append((profile_id, person.source))
    at = changes.applied_at
    profile_store.delete_profiles(tx, deleted, at)
    before_image_store.delete_images(tx, [profile_id for profile_id, _ in deleted])
    profile_store.insert_profiles(tx, created, changes.created_at, at, changes.import_id)
    profile_store.update_profiles(tx, updated, at, changes.import_id)
    if changes.import_id is not None:
        images = changes.list_images()
        before_image_store.keep_images(tx, changes.import_id, images, appends=appends_images)
    ids, contacts = changes.alternate_keys, changes.contact_keys
    profile_store.change_alternate_keys(tx, ids.removed, ids.added.values())
    profile_store.change_contact_keys(tx, contacts.removed, contacts.added.values())
    profile_store.append_ledger(tx, changes.ledger, at)
    profile_store.change_tags(tx, [(tag, *named) for tag, named in changes.tags.items() if named[1]])
    change_store.insert_changes(tx, changes.changes, at, changes.import_id)
