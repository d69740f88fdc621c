"""Bearer tokens: signed here, and verified by every process that shares the database (account.md, "Who may call")."""

from __future__ import annotations

import secrets
import time
from threading import Lock

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import GuestProtocol, OctKey

from consentory.errors import RequestRefused
from consentory.store import credential_store
from consentory.store.database import Database

TOKEN_SECONDS = 3600
_ALGORITHM = "HS256"
_FIRST_KEY = "1"
_RELOAD_SECONDS = 5
"""A token that names an unknown key makes the keys be read again, but no more often than this."""

_CLAIMS = jwt.JWTClaimsRegistry(exp={"essential": True})


class TokenClaims(msgspec.Struct, frozen=True):
    """What a token says: the account, the user (`sub`), the credential it was issued to, its end in Unix time."""

    account: int
    sub: str
    client_id: str
    exp: int


class BearerTokens:
    """Signs and verifies tokens with the keys of the database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, OctKey] = {}
        self._loaded_at = float("-inf")
        self._lock = Lock()

    def sign(self, account_id: int, user_id: str, client_id: str) -> str:
        """A token of TOKEN_SECONDS from now on, signed with the newest key, which is made at first use."""
        with self._lock:
            if not self._keys:
                self._load_keys()
            key_id, key = next(iter(self._keys.items()))
        now = int(time.time())
        claims = msgspec.to_builtins(TokenClaims(account_id, user_id, client_id, now + TOKEN_SECONDS))
        return jwt.encode({"alg": _ALGORITHM, "kid": key_id}, {**claims, "iat": now}, key)

    def verify(self, token: str) -> TokenClaims:
        """What a token of ours says. Raises RequestRefused, unauthorized, for any other and for an ended one."""
        try:
            claims = jwt.decode(token, self._find_key, algorithms=[_ALGORITHM]).claims
            _CLAIMS.validate(claims)
            return msgspec.convert(claims, TokenClaims)
        except ExpiredTokenError:
            raise refuse_bearer("Auth.TokenExpired", "The bearer token has ended; ask for a new one.") from None
        except (JoseError, msgspec.ValidationError, ValueError):
            raise refuse_bearer(
                "Auth.TokenInvalid", "The bearer token is none of this server; ask for one at /oauth2/token."
            ) from None

    def _find_key(self, token: GuestProtocol) -> OctKey:
        key_id = token.headers().get("kid")
        with self._lock:
            if key_id not in self._keys and time.monotonic() - self._loaded_at > _RELOAD_SECONDS:
                self._load_keys()
            key = self._keys.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise ValueError("the token names a key that is not ours")
        return key

    def _load_keys(self) -> None:
        with self._database.transaction() as tx:
            if not credential_store.list_signing_keys(tx):
                credential_store.insert_signing_key(tx, _FIRST_KEY, secrets.token_urlsafe(32))
            self._keys = {
                key_id: OctKey.import_key(secret) for key_id, secret in credential_store.list_signing_keys(tx)
            }
        self._loaded_at = time.monotonic()


def refuse_bearer(code: str, detail: str) -> RequestRefused:
    """The refusal of a bearer token, with the challenge that RFC 6750 asks for."""
    challenge = 'Bearer realm="consentory", error="invalid_token"'
    return RequestRefused("unauthorized", code, detail, headers={"WWW-Authenticate": challenge})
