"""Who calls: credentials of users, the bearer tokens they are changed for, and the caller a request comes from.

Every 401 says why in its code, and nothing about what exists (account.md, "Who may call").
"""

from __future__ import annotations

import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from consentory.domain.caller import Caller
from consentory.domain.catalog import Catalog
from consentory.domain.configuration import User
from consentory.errors import RequestRefused
from consentory.services.bearer_tokens import TOKEN_SECONDS, BearerTokens, refuse_bearer
from consentory.services.catalogs import Catalogs
from consentory.store import credential_store
from consentory.store.credential_store import Credential
from consentory.store.database import Database

LIVE_CREDENTIALS = 2
"""A user may have two at once, so that a secret is changed without a gap."""

_CLIENT_ID = re.compile("[0-9a-f]{24}")
# A secret is 256 random bits: the least that OWASP advises for passwords is ample, and spares memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Authentication:
    """Checks who calls, and keeps the credentials. Safe to share between threads."""

    def __init__(self, database: Database, catalogs: Catalogs) -> None:
        self._database = database
        self._catalogs = catalogs
        self._tokens = BearerTokens(database)
        self._no_hash = _HASHER.hash(secrets.token_urlsafe(32))
        """Verified against when there is no credential, so that a failed look-up costs what a wrong secret does."""

    def issue_token(self, client_id: str, client_secret: str, scope: str | None) -> tuple[str, int]:
        """A bearer token for a credential, and the seconds it lasts. `scope` None means the credential's own.

        Raises RequestRefused: unauthorized (unknown, revoked or wrong, all alike; the user is switched off),
        invalid (the scope is not the credential's own `ClientId/UserId`).
        """
        found = self._find_credential(client_id)
        right = _is_secret(self._no_hash if found is None else found[1].secret_hash, client_secret)
        if found is None or not right or found[1].revoked_at is not None:
            raise RequestRefused(
                "unauthorized",
                "Auth.CredentialRefused",
                "No live credential has this client_id and client_secret.",
                headers={"WWW-Authenticate": 'Basic realm="consentory", charset="UTF-8"'},
            )
        account_id, credential = found
        catalog, user = self._require_user(account_id, credential.user_id)
        if scope is not None and scope != f"{catalog.account.client_id}/{user.id}":
            raise RequestRefused(
                "invalid",
                "Auth.ScopeRefused",
                "The scope of this credential is its own ClientId/UserId; ask for that, or leave scope out.",
            )
        return self._tokens.sign(account_id, user.id, credential.client_id), TOKEN_SECONDS

    def authenticate(self, authorization: str | None, path_client_id: str) -> Caller:
        """The caller of a request to `path_client_id`, by its Authorization header.

        Looked up in the database at every call: a revoked credential, a user switched off and a change of
        permissions count at once. Raises RequestRefused: unauthorized, and not_found for any account but the
        caller's own, existing or not.
        """
        account_id, user_id = self._identify(authorization)
        catalog, user = self._require_user(account_id, user_id)
        client_id = catalog.account.client_id
        if path_client_id != client_id:
            raise RequestRefused(
                "not_found", "Account.NotFound", "There is no such account for this credential; check the clientId."
            )
        return Caller(account_id, client_id, user.id, catalog.permissions_of(user))

    def _identify(self, authorization: str | None) -> tuple[int, str]:
        """(account id, user id) by the scheme of the header: the one place to which further schemes are added."""
        scheme, _, value = (authorization or "").strip().partition(" ")
        match scheme.lower():
            case "":
                raise RequestRefused(
                    "unauthorized", "Auth.Missing", "The Authorization header is missing; send a bearer token."
                )
            case "bearer":
                return self._identify_bearer(value.strip())
            case _:
                raise RequestRefused(
                    "unauthorized",
                    "Auth.SchemeUnknown",
                    "The Authorization header has a scheme that is not supported here; send a bearer token.",
                )

    def _identify_bearer(self, token: str) -> tuple[int, str]:
        claims = self._tokens.verify(token)
        with self._database.transaction(claims.account) as tx:
            live = credential_store.is_live(tx, claims.client_id)
        if not live:
            raise refuse_bearer("Auth.CredentialRevoked", "The credential of this bearer token was revoked.")
        return claims.account, claims.sub

    def _require_user(self, account_id: int, user_id: str) -> tuple[Catalog, User]:
        catalog = self._catalogs.current(account_id)
        user = catalog.find_user(user_id)
        if user is None:
            raise refuse_bearer("Auth.UserInactive", "The user of this credential is switched off.")
        return catalog, user

    def _find_credential(self, client_id: str) -> tuple[int, Credential] | None:
        # What cannot be a client id must not reach the database as text: it may hold what text there may not.
        wanted = client_id if _CLIENT_ID.fullmatch(client_id) else ""
        with self._database.transaction() as tx:
            return credential_store.find_credential(tx, wanted)

    def create_credential(self, account_id: int, user_id: str) -> tuple[str, str]:
        """(client id, client secret) of a new credential. The secret is kept only as a hash: show it now.

        Raises RequestRefused: not_found (the account has no such active user), conflict (two are live).
        """
        if self._catalogs.current(account_id).find_user(user_id) is None:
            raise RequestRefused(
                "not_found", "User.NotFound", f"The account has no active user {user_id!r}; see its configuration."
            )
        client_id, secret = secrets.token_hex(12), secrets.token_urlsafe(32)
        secret_hash = _HASHER.hash(secret)
        with self._database.transaction(account_id) as tx:
            if not credential_store.insert_credential(tx, client_id, user_id, secret_hash, most=LIVE_CREDENTIALS):
                raise RequestRefused(
                    "conflict",
                    "Credential.TooMany",
                    f"The user {user_id!r} has {LIVE_CREDENTIALS} live credentials; revoke one of them first.",
                )
        return client_id, secret

    def list_credentials(self, account_id: int) -> list[Credential]:
        """All credentials of the account, revoked ones too, oldest first."""
        with self._database.transaction(account_id) as tx:
            return credential_store.list_credentials(tx)

    def revoke_credential(self, account_id: int, client_id: str) -> Credential:
        """End a credential and the tokens it was changed for, at once; harmless when repeated.

        Raises RequestRefused, not_found, when the account has none of that client id.
        """
        with self._database.transaction(account_id) as tx:
            credential = credential_store.revoke_credential(tx, client_id)
        if credential is None:
            raise RequestRefused(
                "not_found", "Credential.NotFound", f"The account has no credential {client_id!r}; list them first."
            )
        return credential


def _is_secret(secret_hash: str, secret: str) -> bool:
    try:
        return _HASHER.verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False
