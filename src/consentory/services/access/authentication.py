"""Authentication: credentials of users, bearer tokens for credentials, and the caller of a request.

Each 401 tells its reason by its code. It does not tell whether an account or a user exists (account.md, "Who may
call").
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
"""A user may have two live credentials, so that a secret can be replaced without a gap."""

_CLIENT_ID = re.compile("[0-9a-f]{24}")


class Authentication:
    """Finds the caller of a request, and keeps the credentials. Threads may share this."""

    def __init__(self, database: Database, configurations: ConfigurationCache, box: SecretBox | None = None) -> None:
        """`box` encrypts the keys. None: a box without a key, which refuses everything that needs a key."""
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
        """A bearer token for a credential, and its lifetime in seconds. `scope` None: the credential's own scope.

        Raises RequestRefused: unauthorized (the credential is unknown or revoked, or the secret is wrong, all with the
        same text; or the user is not active), invalid (the scope is not the credential's own `ClientId/UserId`),
        too_many (after failed attempts).
        """
        caller, credential_id = self.check_credential(client_id, client_secret, origin)
        with self._audit.noting(caller):
            if scope is not None and scope != f"{caller.client_id}/{caller.user_id}":
                raise RequestRefused(
                    "invalid",
                    "Auth.ScopeRefused",
                    "The scope must be the ClientId/UserId of this credential. Send that scope, or leave scope out.",
                )
        token = self.tokens.sign(caller.account_id, caller.user_id, credential_id)
        self._audit.note(caller, "token.issued", {"Credential": credential_id})
        return token, TOKEN_SECONDS

    def check_credential(self, client_id: str, client_secret: str, origin: Origin) -> tuple[Caller, str]:
        """The user of a credential, and the client id of the credential. Raises RequestRefused: unauthorized, too_many
        (like `issue_token`)."""
        account_id, credential = self._check_secret(client_id, client_secret, origin)
        with self._audit.noting(Party(account_id, credential.user_id, origin)):
            configuration_index = self._configurations.current(account_id)
            user = _require_user(configuration_index, credential.user_id)
        permissions = configuration_index.permissions_of(user)
        caller = Caller(account_id, configuration_index.account.client_id, user.id, permissions, origin)
        return caller, credential.client_id

    def _check_secret(self, client_id: str, client_secret: str, origin: Origin) -> tuple[int, Credential]:
        """The account and the live credential that have this secret. Raises RequestRefused."""
        permit: AttemptPermit | None = None
        found: tuple[int, Credential] | None = None
        if _CLIENT_ID.fullmatch(client_id):
            permit = self._throttle.request_permit(client_id, origin)
            found = self._find_credential(client_id)
            # Without a credential a hash is verified as well, so that both cases take the same time.
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
        # A text that cannot be a client_id is refused and not counted, because nobody can guess a secret with it.
        if permit is not None:
            account_id, user_id = (None, "") if found is None else (found[0], found[1].user_id)
            self._throttle.note_failure(permit, account_id, user_id, origin, refusal)
        raise refusal

    def authenticate(self, authorization: str | None, path_client_id: str, origin: Origin = NO_REQUEST) -> Caller:
        """The caller of a request to `path_client_id`, by its Authorization header.

        Each call asks the database, so a revoked credential, a user that is no longer active and a change of
        permissions count at once. Raises RequestRefused: unauthorized; not_found for each account but the caller's own,
        whether it exists or not; too_many for a wrong signature after other ones.
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
                    "not_found",
                    "Account.NotFound",
                    "This credential has no access to such an account. Check the clientId in the path.",
                )
        return Caller(account_id, client_id, user.id, configuration_index.permissions_of(user), origin)

    def authenticate_again(self, authorization: str | None, caller: Caller) -> Caller:
        """The current state of the caller of a request that goes on. The request counts as one use of its header.

        Raises like `authenticate`.
        """
        scheme, _, value = (authorization or "").strip().partition(" ")
        if not is_signed_scheme(scheme):
            return self.authenticate(authorization, caller.client_id, caller.origin)
        signer = self.shared_keys.identify(scheme, value, caller.client_id, caller.origin, is_new_use=False)
        return self._welcome_signer(signer, caller.origin)

    def _welcome_signer(self, signer: Signer, origin: Origin) -> Caller:
        """The caller of a request that was signed with the account's key. The user must be allowed in signed headers.

        These refusals tell more than other ones, because a caller with the key knows the account. Raises
        RequestRefused, unauthorized.
        """
        party = Party(signer.account_id, signer.user_id, origin)
        with self._audit.noting(party):
            configuration_index = self._configurations.current(signer.account_id)
            user = _require_user(configuration_index, signer.user_id)
            permissions = configuration_index.permissions_of(user)
            if not user.hmac:
                raise refuse_signature(
                    "Auth.HmacUserNotMarked",
                    "A signed header cannot name this user. Set `hmac: true` for the user in the account document.",
                )
            if may_configure(permissions):
                raise refuse_signature(
                    "Auth.HmacUserMayConfigure",
                    "A signed header cannot name a user who may write the configuration. Name another user.",
                )
        return Caller(signer.account_id, configuration_index.account.client_id, user.id, permissions, origin)

    def _identify(self, scheme: str, value: str, origin: Origin) -> tuple[int, str, ConfigurationIndex]:
        """(account id, user id, the account's configuration index), for a scheme that does not need the path."""
        match scheme.lower():
            case "":
                raise RequestRefused(
                    "unauthorized", "Auth.Missing", "The Authorization header is missing. Send a bearer token."
                )
            case "bearer":
                return self._identify_bearer(value.strip(), origin)
            case _:
                raise RequestRefused(
                    "unauthorized",
                    "Auth.SchemeUnknown",
                    "The scheme of the Authorization header is not supported. Send a bearer token.",
                )

    def _identify_bearer(self, token: str, origin: Origin) -> tuple[int, str, ConfigurationIndex]:
        claims = self.tokens.verify(token)
        with self._database.transaction(claims.account) as tx:
            revision, live, ended = credential_store.read_standing(tx, claims.client_id, claims.exp)
            configuration_index = self._configurations.at_revision(tx, claims.account, revision)
        if ended:
            raise refuse_bearer("Auth.TokenExpired", "The bearer token has expired. Ask for a new one.")
        with self._audit.noting(Party(claims.account, claims.sub, origin)):
            if not live:
                raise refuse_bearer("Auth.CredentialRevoked", "The credential of the bearer token was revoked.")
        return claims.account, claims.sub, configuration_index

    def _renew_hash(self, account_id: int, credential: Credential, secret: str) -> None:
        """Replace the stored hash if it has an earlier scheme or an earlier key."""
        if not self._secrets.is_current(credential.secret_hash):
            with self._database.transaction(account_id) as tx:
                credential_store.renew_secret_hash(tx, credential, self._secrets.hash(secret))

    def _find_credential(self, client_id: str) -> tuple[int, Credential] | None:
        with self._database.transaction() as tx:
            return credential_store.find_credential(tx, client_id)

    def create_credential(self, account_id: int, user_id: str) -> tuple[str, str]:
        """(client id, client secret) of a new credential. Only a hash of the secret is stored, so show the secret now.

        Raises RequestRefused: not_found (the account has no such active user), conflict (two are live). Raises
        SecretKeyError if there is no secret key.
        """
        if self._configurations.current(account_id).find_user(user_id) is None:
            raise RequestRefused(
                "not_found", "User.NotFound", f"The account has no active user {user_id!r}. See its configuration."
            )
        client_id, secret = secrets.token_hex(12), secrets.token_urlsafe(32)
        secret_hash = self._secrets.hash(secret)
        with self._database.transaction(account_id) as tx:
            if not credential_store.insert_credential(tx, client_id, user_id, secret_hash, most=LIVE_CREDENTIALS):
                raise RequestRefused(
                    "conflict",
                    "Credential.TooMany",
                    f"The user {user_id!r} has {LIVE_CREDENTIALS} live credentials. Revoke one of them first.",
                )
            details = {"Credential": client_id, "User": user_id}
            note_event(tx, Party(account_id, OPERATOR), "credential.created", details=details)
        return client_id, secret

    def list_credentials(self, account_id: int) -> list[Credential]:
        """All credentials of the account, also the revoked ones, oldest first."""
        with self._database.transaction(account_id) as tx:
            return credential_store.list_credentials(tx)

    def revoke_credential(self, account_id: int, client_id: str) -> Credential:
        """End a credential and its tokens at once. A repeated call changes nothing.

        Raises RequestRefused, not_found, if the account has no credential with that client id.
        """
        with self._database.transaction(account_id) as tx:
            credential = credential_store.revoke_credential(tx, client_id)
            if credential is not None:
                details = {"Credential": client_id, "User": credential.user_id}
                note_event(tx, Party(account_id, OPERATOR), "credential.revoked", details=details)
        if credential is None:
            raise RequestRefused(
                "not_found", "Credential.NotFound", f"The account has no credential {client_id!r}. List them first."
            )
        return credential


def _require_user(configuration_index: ConfigurationIndex, user_id: str) -> User:
    user = configuration_index.find_user(user_id)
    if user is None:
        raise refuse_bearer("Auth.UserInactive", "The user of this credential is not active.")
    return user
