"""Bearer tokens: each process that shares the database can sign and verify them (account.md, "Who may call")."""

from __future__ import annotations

import secrets
import time

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey

from consentory.errors import RequestRefused
from consentory.services.access.secret_box import SecretBox
from consentory.store.database import Database, Transaction
from consentory.store.tables import key_store, profile_store

TOKEN_SECONDS = 3600
_ALGORITHM = "HS256"
_FIRST_KEY = "1"
RELOAD_SECONDS = 4
"""The keys in memory are read again after this time. If a token names an unknown key, they are read at once."""
UNKNOWN_KEY_SECONDS = 0.5
"""An unknown key makes the keys be read again only after this time, because anybody can invent names of keys."""
_FOLLOWED_SECONDS = TOKEN_SECONDS + 60
"""If a newer key has existed for longer than this, the tokens of a key have expired, and the key does not count."""


class TokenClaims(msgspec.Struct, frozen=True):
    """The claims of a token: the account, the user (`sub`), the credential of the token, and its end in Unix time."""

    account: int
    sub: str
    client_id: str
    exp: int


class BearerTokens:
    """Signs and verifies tokens with the keys of the database. Threads may share this."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box
        self._keys: dict[str, OctKey] = {}
        self._opened: dict[tuple[str, bytes], OctKey] = {}
        self._loaded_at = float("-inf")

    def sign(self, account_id: int, user_id: str, client_id: str) -> str:
        """A token that lasts TOKEN_SECONDS, signed with the newest key. The first use makes the first key."""
        key_id, key = next(iter(self._current_keys().items()))
        with self._database.transaction() as tx:
            now = profile_store.read_clock(tx) // 1_000_000
        claims = msgspec.to_builtins(TokenClaims(account_id, user_id, client_id, now + TOKEN_SECONDS))
        return jwt.encode({"alg": _ALGORITHM, "kid": key_id}, {**claims, "iat": now}, key)

    def verify(self, token: str) -> TokenClaims:
        """The claims of a token that is signed with our keys, even if it has expired. Raises RequestRefused,
        unauthorized, for any other token."""
        try:
            claims = jwt.decode(token, self._find_key, algorithms=[_ALGORITHM]).claims
            return msgspec.convert(claims, TokenClaims)
        except (JoseError, msgspec.ValidationError, ValueError):
            raise refuse_bearer(
                "Auth.TokenInvalid", "The bearer token was not issued by this server. Ask for a token at /oauth2/token."
            ) from None

    def rotate(self, *, at_once: bool) -> str:
        """Make a new key to sign with, and return its id. Tokens of earlier keys count until they expire.

        `at_once`: the earlier keys and their tokens end, in each process within RELOAD_SECONDS.
        """
        key_id = secrets.token_hex(4)
        with self._database.transaction() as tx:
            kept = [] if at_once else [key.key_id for key in key_store.list_signing_keys(tx, _FOLLOWED_SECONDS)]
            self._insert_key(tx, key_id)
            key_store.delete_signing_keys(tx, but=[key_id, *kept])
        return key_id

    def reencrypt(self) -> int:
        """Encrypt each key under the newest secret key, and return their number. Raises SecretKeyError."""
        with self._database.transaction() as tx:
            old = [
                key
                for key in key_store.list_signing_keys(tx, _FOLLOWED_SECONDS)
                if key.secret_key_id != self._box.secret_key_id
            ]
            for key in old:
                secret = self._box.decrypt(key.secret_key_id, key.encrypted, _purpose(key.key_id))
                key_store.reencrypt_signing_key(tx, key.key_id, *self._box.encrypt(secret, _purpose(key.key_id)))
        return len(old)

    def load_keys(self) -> dict[str, OctKey]:
        """The keys that count, by id, newest first. Makes the first key if there is none. Raises SecretKeyError."""
        with self._database.transaction() as tx:
            if not key_store.list_signing_keys(tx, _FOLLOWED_SECONDS):
                self._insert_key(tx, _FIRST_KEY)
            found = key_store.list_signing_keys(tx, _FOLLOWED_SECONDS)
        known, self._opened = self._opened, {}
        for key in found:  # a known key is not decrypted again
            place = key.key_id, key.encrypted
            self._opened[place] = known.get(place) or OctKey.import_key(
                self._box.decrypt(key.secret_key_id, key.encrypted, _purpose(key.key_id))
            )
        self._keys = {key_id: opened for (key_id, _), opened in self._opened.items()}
        self._loaded_at = time.monotonic()
        return self._keys

    def _insert_key(self, tx: Transaction, key_id: str) -> None:
        secret = secrets.token_urlsafe(32).encode()
        key_store.insert_signing_key(tx, key_id, *self._box.encrypt(secret, _purpose(key_id)))

    def _current_keys(self) -> dict[str, OctKey]:
        return self._keys if time.monotonic() - self._loaded_at < RELOAD_SECONDS else self.load_keys()

    def _find_key(self, token: GuestProtocol) -> OctKey:
        key_id = token.headers().get("kid")
        keys = self._current_keys()
        if key_id not in keys and time.monotonic() - self._loaded_at > UNKNOWN_KEY_SECONDS:
            keys = self.load_keys()  # another process may have made the key a moment ago
        if not isinstance(key_id, str) or key_id not in keys:
            raise ValueError("the token names a key that is not ours")
        return keys[key_id]


def _purpose(key_id: str) -> str:
    return f"signing key {key_id}"


def refuse_bearer(code: str, detail: str) -> RequestRefused:
    """The refusal of a bearer token, with the challenge that RFC 6750 asks for."""
    challenge = 'Bearer realm="consentory", error="invalid_token"'
    return RequestRefused("unauthorized", code, detail, headers={"WWW-Authenticate": challenge})
