"""The keys that accounts share with existing clients, and the requests that clients sign with them (PNAUTHINFO3)."""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass

from consentory.codec.limits import LENGTHS
from consentory.domain.caller import OPERATOR, UNKNOWN, Origin, Party
from consentory.domain.instants import from_micros
from consentory.errors import RequestRefused
from consentory.services.access.secret_box import SecretBox
from consentory.services.access.signed_header import (
    FARTHEST_AHEAD,
    OLDEST,
    SignedHeader,
    check_time,
    read_signed_header,
    refuse_signature,
)
from consentory.services.access.throttle import Throttle
from consentory.services.audit.audit_trail import AuditTrail, note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import account_store, key_store, profile_store
from consentory.store.tables.key_store import EncryptedKey

LIVE_KEYS = 2
"""An account may have two live keys, so that clients can change to a new key without a gap."""
SHORTEST_KEY = 32
"""The characters of a given key. A key that is made here has 256 random bits."""

_CLIENT_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{LENGTHS['Account']['clientId'].most}}}")


@dataclass(frozen=True, slots=True)
class Signer:
    """The signer of a request. `uses`: how often this signature came, this time included. Above 1 the request is a
    replay, which the scheme allows for some minutes."""

    account_id: int
    user_id: str
    uses: int


class SharedKeys:
    """Checks signed requests, and keeps the keys. Threads may share this."""

    def __init__(self, database: Database, box: SecretBox, throttle: Throttle) -> None:
        self._database = database
        self._box = box
        self._throttle = throttle
        self._audit = AuditTrail(database)
        self._no_key = secrets.token_bytes(32)
        """The key to verify with if there is no key, so that both cases take the same time."""

    def identify(self, scheme: str, value: str, client_id: str, origin: Origin, *, is_new_use: bool = True) -> Signer:
        """The signer of the header of a request to the account `client_id`. The use counts only with `is_new_use`.

        A right signature never has to wait. Raises RequestRefused, unauthorized: Auth.HmacNeedsTls; the refusals of
        `read_signed_header` and `check_time`; Auth.HmacRefused (there is no such account, the account has no key, or no
        key of it made the signature, all with the same text). Raises too_many after too many wrong signatures.
        """
        if not origin.encrypted and not _is_local(origin.address):
            raise refuse_signature(
                "Auth.HmacNeedsTls",
                "A signed header came over plain HTTP. Anybody who reads it can send it again. Use HTTPS.",
            )
        signed = read_signed_header(scheme, value)
        with self._database.transaction() as tx:
            check_time(signed.time, from_micros(profile_store.read_clock(tx)))
            # A text that cannot be a clientId must not reach the database: PostgreSQL refuses some characters in text.
            account_id = account_store.find_account(tx, client_id if _CLIENT_ID.fullmatch(client_id) else "") or 0
            tx.set_account(account_id)
            if self._is_signed(tx, signed, account_id, client_id):
                seconds = (OLDEST + FARTHEST_AHEAD).total_seconds()
                uses = key_store.note_signature(tx, signed.fingerprint(), seconds) if is_new_use else 0
                return Signer(account_id, signed.user_id, uses)
        permit = self._throttle.request_permit(f"{client_id}/{signed.user_id}", origin)
        refusal = refuse_signature("Auth.HmacRefused", "No shared key of such an account made this signature.")
        self._throttle.note_failure(permit, account_id or None, UNKNOWN, origin, refusal)
        raise refusal

    def _is_signed(self, tx: Transaction, signed: SignedHeader, account_id: int, client_id: str) -> bool:
        live = [key for key in key_store.list_hmac_keys(tx) if key.revoked_at is None]
        keys = [self._box.decrypt(key.secret_key_id, key.encrypted, _purpose(account_id, key.key_id)) for key in live]
        # Each key is tried, even if an earlier one fits, so that the time does not tell which key fits.
        return sum([signed.is_signed_with(key, client_id) for key in keys or [self._no_key]]) > 0

    def create(self, account_id: int, brought: str | None = None) -> tuple[str, str]:
        """(key id, key) of a new shared key, or of a key that clients have already. It is stored encrypted, so show it
        now.

        The UTF-8 bytes of the text are the key. Raises RequestRefused: conflict (two are live), invalid (too short).
        """
        key_id, key = secrets.token_hex(4), brought or secrets.token_urlsafe(32)
        if len(key) < SHORTEST_KEY:
            raise RequestRefused(
                "invalid",
                "HmacKey.TooShort",
                f"A shared key must have at least {SHORTEST_KEY} characters, and this one has {len(key)}. A short key"
                " can be guessed from a signature.",
            )
        secret_key_id, encrypted = self._box.encrypt(key.encode(), _purpose(account_id, key_id))
        with self._database.transaction(account_id) as tx:
            if not key_store.insert_hmac_key(tx, key_id, secret_key_id, encrypted, most=LIVE_KEYS):
                raise RequestRefused(
                    "conflict",
                    "HmacKey.TooMany",
                    f"The account has {LIVE_KEYS} live shared keys. List them, and revoke the one that is not in use.",
                )
            note_event(tx, Party(account_id, OPERATOR), "hmac-key.created", details={"Key": key_id})
        return key_id, key

    def list_all(self, account_id: int) -> list[EncryptedKey]:
        """All shared keys of the account, also the revoked ones, oldest first."""
        with self._database.transaction(account_id) as tx:
            return key_store.list_hmac_keys(tx)

    def revoke(self, account_id: int, key_id: str) -> None:
        """End a shared key at once, and delete its bytes. A repeated call changes nothing. Raises RequestRefused,
        not_found."""
        with self._database.transaction(account_id) as tx:
            if key_store.revoke_hmac_key(tx, key_id) is None:
                raise RequestRefused(
                    "not_found", "HmacKey.NotFound", f"The account has no shared key {key_id!r}. List them first."
                )
            note_event(tx, Party(account_id, OPERATOR), "hmac-key.revoked", details={"Key": key_id})

    def reencrypt(self) -> int:
        """Encrypt each live shared key of all accounts under the newest secret key, and return their number.

        Raises SecretKeyError if an old secret key is not given. Then the keys of that account stay unchanged.
        """
        count = 0
        while True:
            with self._database.transaction() as tx:
                account_id = key_store.find_account_to_reencrypt(tx, self._box.secret_key_id)
                if account_id is None:
                    return count
                tx.set_account(account_id)
                for key in key_store.list_hmac_keys(tx):
                    if key.revoked_at is None and key.secret_key_id != self._box.secret_key_id:
                        purpose = _purpose(account_id, key.key_id)
                        secret = self._box.decrypt(key.secret_key_id, key.encrypted, purpose)
                        key_store.reencrypt_hmac_key(tx, key.key_id, *self._box.encrypt(secret, purpose))
                        count += 1


def _purpose(account_id: int, key_id: str) -> str:
    return f"shared key {key_id} of account {account_id}"


def _is_local(address: str | None) -> bool:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
