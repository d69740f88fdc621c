"""Credentials of users. Every function runs in its caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consentory.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Credential:
    """A user's client id with the hash of its secret (see `credential_secrets.py`). `revoked_at` None: it is live."""

    client_id: str
    user_id: str
    secret_hash: str
    created_at: datetime
    revoked_at: datetime | None


def find_credential(tx: Transaction, client_id: str) -> tuple[int, Credential] | None:
    """The credential with that client id, and its account. The transaction is bound to that account.

    For an unknown client id the same statements run, bound to no account, so that the time is the same.
    """
    row = tx.row("find_credential_account", {"client_id": client_id})
    account_id = 0 if row is None or row[0] is None else int(row[0])
    tx.set_account(account_id)
    found = tx.row("find_credential", {"client_id": client_id})
    return None if found is None else (account_id, Credential(*found))


def read_standing(tx: Transaction, client_id: str, ends: int) -> tuple[int, bool, bool]:
    """The facts that each call needs: (the revision in force, if the credential of the account is live, if `ends`, in
    seconds since 1970, is over). The revision is 0 if there is none, or no such account."""
    row = tx.row("read_standing", {"client_id": client_id, "ends": ends})
    return (0, False, False) if row is None else (row[0], row[1], row[2])


def list_credentials(tx: Transaction) -> list[Credential]:
    """All credentials of the transaction's account, oldest first."""
    return [Credential(*row) for row in tx.rows("list_credentials")]


def insert_credential(tx: Transaction, client_id: str, user_id: str, secret_hash: str, *, most: int) -> bool:
    """Add a credential. False: nothing was added, because the user has `most` live credentials already."""
    tx.run("lock_credentials")
    row = tx.row("count_live_credentials", {"user_id": user_id})
    if row is None or row[0] >= most:
        return False
    tx.run("insert_credential", {"client_id": client_id, "user_id": user_id, "secret_hash": secret_hash})
    return True


def renew_secret_hash(tx: Transaction, credential: Credential, secret_hash: str) -> None:
    """Replace the hash of a credential's secret, unless the credential was revoked meanwhile."""
    parameters = {"client_id": credential.client_id, "old": credential.secret_hash, "secret_hash": secret_hash}
    tx.run("renew_secret_hash", parameters)


def revoke_credential(tx: Transaction, client_id: str) -> Credential | None:
    """Revoke a credential of the account, again or for the first time. None: there is none with that id."""
    row = tx.row("revoke_credential", {"client_id": client_id})
    return None if row is None else Credential(*row)
