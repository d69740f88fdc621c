"""Who calls: credentials of users, the bearer tokens they are changed for, and the caller a request comes from.

Every 401 says why in its code, and nothing about what exists (account.md, "Who may call").
"""

from __future__ import annotations

import re
import secrets

from consentory.domain.caller import NO_REQUEST, OPERATOR, Caller, Origin, Party
from consentory.domain.configuration import User
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.permission import may_configure
from consentory.errors import RequestRefused
from consentory.services.access.bearer_tokens import TOKEN_SECONDS, BearerTokens, refuse_bearer
from consentory.services.access.credential_secrets import CredentialSecrets
from consentory.services.access.secret_box import SecretBox
from consentory.services.access.shared_keys import SharedKeys, Signer
from consentory.services.access.signed_header import is_signed_scheme, refuse_signature
from consentory.services.access.throttle import AttemptPermit, Throttle
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import AuditTrail, note_event
from consentory.store.database import Database
from consentory.store.tables import credential_store
from consentory.store.tables.credential_store import Credential

LIVE_CREDENTIALS = 2
"""A user may have two at once, so that a secret is changed without a gap."""

_CLIENT_ID = re.compile("[0-9a-f]{24}")


class Authentication:
    """Checks who calls, and keeps the credentials. Safe to share between threads."""

    def __init__(self, database: Database, configurations: ConfigurationCache, box: SecretBox | None = None) -> None:
        """`box` seals the keys; None: one without a key, which can do nothing that needs one."""
        box = box or SecretBox()
        self._database = database
        self._configurations = configurations
        self._audit = AuditTrail(database)
        self._throttle = Throttle(database, box)
        self.tokens = BearerTokens(database, box)
        self.shared_keys = SharedKeys(database, box, self._throttle)
        self._secrets = CredentialSecrets(box)

    def issue_token(
        self, client_id: str, client_secret: str, scope: str | None, origin: Origin = NO_REQUEST
    ) -> tuple[str, int]:
        """A bearer token for a credential, and the seconds it lasts. `scope` None means the credential's own.

        Raises RequestRefused: unauthorized (unknown, revoked or wrong, all alike; the user is switched off),
        invalid (the scope is not the credential's own `ClientId/UserId`), too_many (after failed attempts).
        """
        account_id, credential = self._check_secret(client_id, client_secret, origin)
        party = Party(account_id, credential.user_id, origin)
        with self._audit.noting(party):
            configuration_index = self._configurations.current(account_id)
            user = _require_user(configuration_index, credential.user_id)
            if scope is not None and scope != f"{configuration_index.account.client_id}/{user.id}":
                raise RequestRefused(
                    "invalid",
                    "Auth.ScopeRefused",
                    "The scope of this credential is its own ClientId/UserId; ask for that, or leave scope out.",
                )
        token = self.tokens.sign(account_id, user.id, credential.client_id)
        self._audit.note(party, "token.issued", {"Credential": credential.client_id})
        return token, TOKEN_SECONDS

    def _check_secret(self, client_id: str, client_secret: str, origin: Origin) -> tuple[int, Credential]:
        """The live credential that this is the secret of, and its account. Raises RequestRefused."""
        permit: AttemptPermit | None = None
        found: tuple[int, Credential] | None = None
        if _CLIENT_ID.fullmatch(client_id):
            permit = self._throttle.request_permit(client_id, origin)
            found = self._find_credential(client_id)
            # A hash is verified also where there is no credential, so that both take the same time.
            stored = self._secrets.hash("") if found is None else found[1].secret_hash
            is_right = self._secrets.verify(stored, client_secret)
            if found is not None and is_right and found[1].revoked_at is None:
                self._throttle.note_success(permit)
                self._renew_hash(*found, client_secret)
                return found
        refusal = RequestRefused(
            "unauthorized",
            "Auth.CredentialRefused",
            "No live credential has this client_id and client_secret.",
            headers={"WWW-Authenticate": 'Basic realm="consentory", charset="UTF-8"'},
        )
        # A text that no client_id can be is refused without a count: there is nothing to guess.
        if permit is not None:
            account_id, user_id = (None, "") if found is None else (found[0], found[1].user_id)
            self._throttle.note_failure(permit, account_id, user_id, origin, refusal)
        raise refusal

    def authenticate(self, authorization: str | None, path_client_id: str, origin: Origin = NO_REQUEST) -> Caller:
        """The caller of a request to `path_client_id`, by its Authorization header.

        Looked up in the database at every call: a revoked credential, a user switched off and a change of
        permissions count at once. Raises RequestRefused: unauthorized, not_found for any account but the
        caller's own, existing or not, and too_many for a wrong signature after others.
        """
        scheme, _, value = (authorization or "").strip().partition(" ")
        if is_signed_scheme(scheme):
            signer = self.shared_keys.identify(scheme, value, path_client_id, origin)
            caller = self._welcome_signer(signer, origin)
            if signer.uses > 1:
                self._audit.note(caller, "authentication.replayed", {"Uses": signer.uses})
            return caller
        account_id, user_id, configuration_index = self._identify(scheme, value, origin)
        with self._audit.noting(Party(account_id, user_id, origin)):
            user = _require_user(configuration_index, user_id)
            client_id = configuration_index.account.client_id
            if path_client_id != client_id:
                raise RequestRefused(
                    "not_found", "Account.NotFound", "There is no such account for this credential; check the clientId."
                )
        return Caller(account_id, client_id, user.id, configuration_index.permissions_of(user), origin)

    def authenticate_again(self, authorization: str | None, caller: Caller) -> Caller:
        """The caller of a request that goes on, as they stand now. The request counts as one use of its header.

        Raises as `authenticate`.
        """
        scheme, _, value = (authorization or "").strip().partition(" ")
        if not is_signed_scheme(scheme):
            return self.authenticate(authorization, caller.client_id, caller.origin)
        signer = self.shared_keys.identify(scheme, value, caller.client_id, caller.origin, is_new_use=False)
        return self._welcome_signer(signer, caller.origin)

    def _welcome_signer(self, signer: Signer, origin: Origin) -> Caller:
        """The caller that signed with the account's key, where its user may be named so. The key's holder is told
        more than others: who has it knows the account. Raises RequestRefused, unauthorized."""
        party = Party(signer.account_id, signer.user_id, origin)
        with self._audit.noting(party):
            configuration_index = self._configurations.current(signer.account_id)
            user = _require_user(configuration_index, signer.user_id)
            permissions = configuration_index.permissions_of(user)
            if not user.hmac:
                raise refuse_signature(
                    "Auth.HmacUserNotMarked",
                    "This user may not be named in a signed header: mark it `hmac: true` in the account's document.",
                )
            if may_configure(permissions):
                raise refuse_signature(
                    "Auth.HmacUserMayConfigure",
                    "A user who may write the configuration cannot be named in a signed header.",
                )
        return Caller(signer.account_id, configuration_index.account.client_id, user.id, permissions, origin)

    def _identify(self, scheme: str, value: str, origin: Origin) -> tuple[int, str, ConfigurationIndex]:
        """(account id, user id, the account's configuration index) by a scheme that needs no path."""
        match scheme.lower():
            case "":
                raise RequestRefused(
                    "unauthorized", "Auth.Missing", "The Authorization header is missing; send a bearer token."
                )
            case "bearer":
                return self._identify_bearer(value.strip(), origin)
            case _:
                raise RequestRefused(
                    "unauthorized",
                    "Auth.SchemeUnknown",
                    "The Authorization header has a scheme that is not supported here; send a bearer token.",
                )

    def _identify_bearer(self, token: str, origin: Origin) -> tuple[int, str, ConfigurationIndex]:
        claims = self.tokens.verify(token)
        with self._database.transaction(claims.account) as tx:
            revision, live, ended = credential_store.read_standing(tx, claims.client_id, claims.exp)
            configuration_index = self._configurations.at_revision(tx, claims.account, revision)
        if ended:
            raise refuse_bearer("Auth.TokenExpired", "The bearer token has ended; ask for a new one.")
        with self._audit.noting(Party(claims.account, claims.sub, origin)):
            if not live:
                raise refuse_bearer("Auth.CredentialRevoked", "The credential of this bearer token was revoked.")
        return claims.account, claims.sub, configuration_index

    def _renew_hash(self, account_id: int, credential: Credential, secret: str) -> None:
        """Store the hash anew where its scheme or its key is an earlier one."""
        if not self._secrets.is_current(credential.secret_hash):
            with self._database.transaction(account_id) as tx:
                credential_store.renew_secret_hash(tx, credential, self._secrets.hash(secret))

    def _find_credential(self, client_id: str) -> tuple[int, Credential] | None:
        with self._database.transaction() as tx:
            return credential_store.find_credential(tx, client_id)

    def create_credential(self, account_id: int, user_id: str) -> tuple[str, str]:
        """(client id, client secret) of a new credential. The secret is kept only as a hash: show it now.

        Raises RequestRefused: not_found (the account has no such active user), conflict (two are live). Raises
        SecretKeyError where there is no secret key.
        """
        if self._configurations.current(account_id).find_user(user_id) is None:
            raise RequestRefused(
                "not_found", "User.NotFound", f"The account has no active user {user_id!r}; see its configuration."
            )
        client_id, secret = secrets.token_hex(12), secrets.token_urlsafe(32)
        secret_hash = self._secrets.hash(secret)
        with self._database.transaction(account_id) as tx:
            if not credential_store.insert_credential(tx, client_id, user_id, secret_hash, most=LIVE_CREDENTIALS):
                raise RequestRefused(
                    "conflict",
                    "Credential.TooMany",
                    f"The user {user_id!r} has {LIVE_CREDENTIALS} live credentials; revoke one of them first.",
                )
            details = {"Credential": client_id, "User": user_id}
            note_event(tx, Party(account_id, OPERATOR), "credential.created", details=details)
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
            if credential is not None:
                details = {"Credential": client_id, "User": credential.user_id}
                note_event(tx, Party(account_id, OPERATOR), "credential.revoked", details=details)
        if credential is None:
            raise RequestRefused(
                "not_found", "Credential.NotFound", f"The account has no credential {client_id!r}; list them first."
            )
        return credential


def _require_user(configuration_index: ConfigurationIndex, user_id: str) -> User:
    user = configuration_index.find_user(user_id)
    if user is None:
        raise refuse_bearer("Auth.UserInactive", "The user of this credential is switched off.")
    return user
