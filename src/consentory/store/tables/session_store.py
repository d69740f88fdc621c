"""Sessions of the console, and links that sign in once. Every function runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from consentory.store.database import Transaction


class StoredSession(NamedTuple):
    """A session that counts: its user, the user's groups at sign-in, the revision of the account in force, and whether
    its last use is more than a minute old."""

    user_id: str
    user_groups: list[str]
    revision: int
    is_due: bool


def find_session_account(tx: Transaction, session_hash: bytes) -> int | None:
    """The account of a session. The transaction is bound to that account. None: there is no such session."""
    row = tx.row("find_session_account", {"session_hash": session_hash})
    return _bind(tx, row[0] if row else None)


def read_session(tx: Transaction, session_hash: bytes, lifetime: float, idle: float) -> StoredSession | None:
    """A session of the account. None: it has ended, its time is over, or its credential was revoked."""
    row = tx.row("read_session", {"session_hash": session_hash, "lifetime": lifetime, "idle": idle})
    return None if row is None else StoredSession(*row)


def touch_session(tx: Transaction, session_hash: bytes) -> None:
    """Note a use of a session."""
    tx.run("touch_session", {"session_hash": session_hash})


def insert_session(
    tx: Transaction, session_hash: bytes, user_id: str, user_groups: Sequence[str], credential_id: str | None
) -> None:
    """Store a new session. `credential_id` None: the user signed in with a link."""
    values = {"user_id": user_id, "user_groups": list(user_groups), "credential_id": credential_id}
    tx.run("insert_session", {"session_hash": session_hash, **values})


def delete_session(tx: Transaction, session_hash: bytes) -> bool:
    """End a session. False: it has ended before."""
    return tx.row("delete_session", {"session_hash": session_hash}) is not None


def delete_old(tx: Transaction, lifetime: float, idle: float) -> None:
    """Delete the sessions and the links of the account whose time is over."""
    tx.run("delete_old_sessions", {"most_age": lifetime, "most_idle": idle})
    tx.run("delete_old_links")


def insert_link(tx: Transaction, link_hash: bytes, user_id: str, seconds: float) -> None:
    """Store a link that signs a user in once."""
    tx.run("insert_link", {"link_hash": link_hash, "user_id": user_id, "seconds": seconds})


def find_link_account(tx: Transaction, link_hash: bytes) -> int | None:
    """The account of a link. The transaction is bound to that account. None: there is no such link."""
    row = tx.row("find_link_account", {"link_hash": link_hash})
    return _bind(tx, row[0] if row else None)


def find_link(tx: Transaction, link_hash: bytes) -> str | None:
    """The user of a link of the account. None: the link was used, or its time is over."""
    row = tx.row("find_link", {"link_hash": link_hash})
    return None if row is None else str(row[0])


def take_link(tx: Transaction, link_hash: bytes) -> str | None:
    """Like `find_link`. After this call the link is used."""
    row = tx.row("take_link", {"link_hash": link_hash})
    return None if row is None else str(row[0])


def _bind(tx: Transaction, account_id: int | None) -> int | None:
    if account_id is not None:
        tx.set_account(account_id)
    return account_id
