"""Encrypted keys: the keys that sign bearer tokens, and the keys that accounts share with existing clients.

The store cannot decrypt them. Each function runs in its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consentory.store.database import Transaction


@dataclass(frozen=True, slots=True)
class EncryptedKey:
    """A key, encrypted under the secret key `secret_key_id`. `revoked_at` None: the key is live."""

    key_id: str
    encrypted: bytes
    secret_key_id: str
    created_at: datetime
    revoked_at: datetime | None = None


def list_signing_keys(tx: Transaction, seconds: float) -> list[EncryptedKey]:
    """The signing keys, newest first, without the keys that have had a newer key for `seconds`."""
    return [EncryptedKey(*row) for row in tx.rows("list_signing_keys", {"seconds": seconds})]


def insert_signing_key(tx: Transaction, key_id: str, secret_key_id: str, encrypted: bytes) -> None:
    """Add a signing key, unless there is one with that id."""
    tx.run("insert_signing_key", {"key_id": key_id, "secret_key_id": secret_key_id, "encrypted": encrypted})


def delete_signing_keys(tx: Transaction, *, but: Sequence[str]) -> None:
    """Delete all signing keys except these."""
    tx.run("delete_signing_keys", {"key_ids": list(but)})


def reencrypt_signing_key(tx: Transaction, key_id: str, secret_key_id: str, encrypted: bytes) -> None:
    """Replace the encryption of a signing key."""
    tx.run("reencrypt_signing_key", {"key_id": key_id, "secret_key_id": secret_key_id, "encrypted": encrypted})


def list_hmac_keys(tx: Transaction) -> list[EncryptedKey]:
    """All shared keys of the transaction's account, also the revoked ones, oldest first."""
    return [EncryptedKey(*row) for row in tx.rows("list_hmac_keys")]


def insert_hmac_key(tx: Transaction, key_id: str, secret_key_id: str, encrypted: bytes, *, most: int) -> bool:
    """Add a shared key. False: nothing was added, because the account has `most` live keys already."""
    tx.run("lock_credentials")
    if sum(key.revoked_at is None for key in list_hmac_keys(tx)) >= most:
        return False
    tx.run("insert_hmac_key", {"key_id": key_id, "secret_key_id": secret_key_id, "encrypted": encrypted})
    return True


def revoke_hmac_key(tx: Transaction, key_id: str) -> EncryptedKey | None:
    """Revoke a shared key, again or for the first time. None: the account has none with that id."""
    row = tx.row("revoke_hmac_key", {"key_id": key_id})
    return None if row is None else EncryptedKey(*row)


def reencrypt_hmac_key(tx: Transaction, key_id: str, secret_key_id: str, encrypted: bytes) -> None:
    """Replace the encryption of a live shared key."""
    tx.run("reencrypt_hmac_key", {"key_id": key_id, "secret_key_id": secret_key_id, "encrypted": encrypted})


def find_account_to_reencrypt(tx: Transaction, secret_key_id: str) -> int | None:
    """An account with a live shared key that is encrypted under another secret key. None: there is none."""
    row = tx.row("find_account_to_reencrypt", {"secret_key_id": secret_key_id})
    return None if row is None else row[0]


def note_signature(tx: Transaction, fingerprint: bytes, seconds: float) -> int:
    """How often the account was called with this signature, this time included. It is remembered for `seconds`."""
    tx.run("commit_lazily")
    row = tx.row("note_signature", {"fingerprint": fingerprint, "seconds": seconds})
    uses = 1 if row is None else int(row[0])
    if uses == 1:
        tx.run("forget_signatures")
    return uses
