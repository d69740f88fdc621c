"""Accounts and the revisions of their configuration. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from consentory.domain.configuration import Configuration
from consentory.store.database import Transaction


def find_account(tx: Transaction, client_id: str) -> int | None:
    """The account id of a clientId (exact), or None."""
    row = tx.row("find_account", {"client_id": client_id})
    return None if row is None else row[0]


def create_account(tx: Transaction, client_id: str) -> int:
    """Create an account without a configuration. The transaction is bound to it from here on."""
    tx.run("lock_accounts")
    row = tx.row("reserve_account_id")
    assert row is not None
    account_id = int(row[0])
    tx.set_account(account_id)
    tx.run("insert_account", {"account_id": account_id, "client_id": client_id})
    return account_id


def lock_accounts(tx: Transaction) -> None:
    """Wait until no other transaction applies a document. Other transactions wait until this one ends."""
    tx.run("lock_accounts")


def current_revision(tx: Transaction) -> int:
    """The revision in force. 0: there is no revision yet, or no such account."""
    row = tx.row("current_revision")
    return 0 if row is None else row[0]


def load_configuration(tx: Transaction, revision: int) -> Configuration:
    """One revision of the account's configuration. Raises LookupError if there is none."""
    row = tx.row("load_configuration", {"revision": revision})
    if row is None:
        raise LookupError(f"the account has no configuration {revision}")
    return msgspec.json.decode(row[0], type=Configuration)


def list_configurations(tx: Transaction) -> list[Configuration]:
    """Each revision of the account's configuration, the oldest first."""
    return [msgspec.json.decode(row[0], type=Configuration) for row in tx.rows("list_configurations")]


def is_respelled(tx: Transaction) -> bool:
    """True if people and staged records of the account may have names in an earlier spelling."""
    row = tx.row("is_respelled")
    return row is not None and bool(row[0])


def save_configuration(tx: Transaction, revision: int, document: str, texts: Iterable[dict[str, str]]) -> None:
    """Store a new revision (JSON) and put it in force. `texts`: rows of consent_text, which are kept for ever."""
    tx.run("save_configuration", {"revision": revision, "document": document})
    tx.run("set_revision", {"revision": revision})
    tx.run_many("keep_consent_text", list(texts))


def reserve_profile_ids(tx: Transaction, count: int) -> int:
    """Reserve `count` profile ids in sequence, and return the first one. Locks the account's row until commit."""
    row = tx.row("reserve_profile_ids", {"count": count})
    assert row is not None
    return int(row[0])
