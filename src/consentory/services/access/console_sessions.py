"""Sessions of the console: sign in with a credential or with a link that works once, and sign out.

The database has only the SHA-256 of a cookie's value. The value has 256 random bits, so a slow hash would protect it
no better.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from consentory.domain.caller import NO_REQUEST, OPERATOR, Caller, Origin, Party
from consentory.domain.configuration import Account, User
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.errors import RequestRefused
from consentory.services.access.authentication import Authentication
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Database, Transaction
from consentory.store.tables import session_store

SESSION_SECONDS = 12 * 3600.0
"""A session ends this time after its sign-in."""
IDLE_SECONDS = 30 * 60.0
"""A session ends this time after its last use. The calls with which a page keeps itself live are no use."""
LINK_SECONDS = 600.0
_LONGEST_VALUE = 100


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user of a session, and the account of that user."""

    caller: Caller
    account: Account


class ConsoleSessions:
    """Begins, finds and ends sessions. Threads may share this."""

    def __init__(self, database: Database, configurations: ConfigurationCache, authentication: Authentication) -> None:
        self._database = database
        self._configurations = configurations
        self._authentication = authentication

    def sign_in(self, client_id: str, client_secret: str, origin: Origin) -> str:
        """The value of the cookie of a new session. Raises RequestRefused like `Authentication.check_credential`."""
        caller, credential_id = self._authentication.check_credential(client_id, client_secret, origin)
        with self._database.transaction(caller.account_id) as tx:
            index = self._configurations.current_in(tx, caller.account_id)
            return _begin(tx, caller, _list_groups(index, caller.user_id), credential_id)

    def find_link_user(self, token: str) -> str:
        """The user whom a link would sign in. Raises RequestRefused, unauthorized."""
        with self._database.transaction() as tx:
            link_hash = _hash(token)
            if session_store.find_link_account(tx, link_hash) is not None:
                user_id = session_store.find_link(tx, link_hash)
                if user_id is not None:
                    return user_id
        raise _make_link_refusal()

    def redeem_link(self, token: str, origin: Origin) -> str:
        """The value of the cookie of a new session. The link is used up. Raises RequestRefused, unauthorized."""
        with self._database.transaction() as tx:
            link_hash = _hash(token)
            account_id = session_store.find_link_account(tx, link_hash)
            user_id = None if account_id is None else session_store.take_link(tx, link_hash)
            if account_id is not None and user_id is not None:
                index = self._configurations.current_in(tx, account_id)
                if index.find_user(user_id) is not None:
                    return _begin(tx, Party(account_id, user_id, origin), _list_groups(index, user_id), None)
        raise _make_link_refusal()

    def find(self, value: str, origin: Origin, *, is_use: bool = True) -> SignedIn | None:
        """The user of the session that a cookie names. None: there is no session, or it has ended.

        A session ends with its time, its credential, its user, and each group that the user had at sign-in. Each call
        asks the database. `is_use` False: the call does not lengthen the session.
        """
        session_hash = _hash(value)
        with self._database.transaction() as tx:
            account_id = session_store.find_session_account(tx, session_hash)
            if account_id is None:
                return None
            stored = session_store.read_session(tx, session_hash, SESSION_SECONDS, IDLE_SECONDS)
            if stored is None:
                return None
            index = self._configurations.at_revision(tx, account_id, stored.revision)
            user = index.find_user(stored.user_id)
            if user is None or not set(stored.user_groups) <= set(_list_groups(index, user.id)):
                session_store.delete_session(tx, session_hash)
                return None
            if is_use and stored.is_due:
                session_store.touch_session(tx, session_hash)
        return SignedIn(_make_caller(index, user, origin), index.account)

    def end(self, caller: Caller, value: str) -> None:
        """Sign out: the session is deleted. A second call does nothing."""
        with self._database.transaction(caller.account_id) as tx:
            if session_store.delete_session(tx, _hash(value)):
                note_event(tx, caller, "session.ended")

    def create_link(self, account_id: int, user_id: str) -> str:
        """The secret part of a link that signs a user in once, for ten minutes. Raises RequestRefused, not_found."""
        token = secrets.token_urlsafe(32)
        with self._database.transaction(account_id) as tx:
            if self._configurations.current_in(tx, account_id).find_user(user_id) is None:
                raise RequestRefused(
                    "not_found", "User.NotFound", f"The account has no active user {user_id!r}. See its configuration."
                )
            session_store.delete_old(tx, SESSION_SECONDS, IDLE_SECONDS)
            session_store.insert_link(tx, _hash(token), user_id, LINK_SECONDS)
            note_event(tx, Party(account_id, OPERATOR, NO_REQUEST), "link.created", details={"User": user_id})
        return token


def _begin(tx: Transaction, party: Caller | Party, groups: list[str], credential_id: str | None) -> str:
    value = secrets.token_urlsafe(32)
    session_store.delete_old(tx, SESSION_SECONDS, IDLE_SECONDS)
    session_store.insert_session(tx, _hash(value), party.user_id, groups, credential_id)
    details = {"By": "link"} if credential_id is None else {"Credential": credential_id}
    note_event(tx, party, "session.started", details=details)
    return value


def _list_groups(index: ConfigurationIndex, user_id: str) -> list[str]:
    """The active groups of an active user."""
    user = index.find_user(user_id)
    active = {group.name for group in index.configuration.user_groups if group.active}
    return [] if user is None else sorted(active.intersection(user.groups))


def _make_caller(index: ConfigurationIndex, user: User, origin: Origin) -> Caller:
    return Caller(index.account_id, index.account.client_id, user.id, index.permissions_of(user), origin)


def _hash(value: str) -> bytes:
    return hashlib.sha256(value[:_LONGEST_VALUE].encode("utf-8", "surrogatepass")).digest()


def _make_link_refusal() -> RequestRefused:
    return RequestRefused(
        "unauthorized",
        "Auth.LinkRefused",
        "This link was used already, or is older than 10 minutes. Ask the operator for a new link.",
    )
