"""Make, list and delete the logins that read an account's views with SQL (docs/sql.md)."""

from __future__ import annotations

import re
import secrets

from consentory.domain.audit_event import Action
from consentory.domain.caller import OPERATOR, Party
from consentory.domain.spelling import find_spelling, spell_body
from consentory.errors import RequestRefused
from consentory.services.accounts.account_service import find_account_id
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store import reader_logins
from consentory.store.database import Database, Transaction
from consentory.store.reader_logins import ReaderLogin
from consentory.store.tables import profile_store

_LOGIN = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESERVED = ("pg_", "consentory")
SPELLED_AT_ONCE = 500


class ReaderService:
    """Works as the owner of the database, a superuser, beside the service."""

    def __init__(self, database: Database, conninfo: str) -> None:
        self._database = database
        self._conninfo = conninfo
        self._configurations = ConfigurationCache(database)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def find_account(self, client_id: str) -> int:
        """See `find_account_id`."""
        return find_account_id(self._database, client_id)

    def create(self, account_id: int, login: str | None, *, new_password: bool) -> tuple[str, str]:
        """(login, connection string) of a new reader. The string has the password, which is stored nowhere.

        `login` None: a random name. `new_password`: the login may exist as a reader of this account; the login gets a
        new password, and its rights and limits anew. Raises RequestRefused: forbidden, invalid, conflict.
        """
        if login is None:
            login = f"reader_{secrets.token_hex(4)}"
        elif not _LOGIN.fullmatch(login) or login.startswith(_RESERVED):
            raise RequestRefused(
                "invalid",
                "Reader.NameInvalid",
                f"The name {login!r} must have 1 to 63 of the characters a to z, 0 to 9 and _, must not begin with a"
                " digit, and must not begin with pg_ or consentory. Choose another --name.",
            )
        with self._database.transaction(account_id) as tx:
            _require_superuser(tx)
            _require_views(tx)
            _check_name(tx, login, new_password)
        self._spell_people(account_id)
        password = secrets.token_urlsafe(24)
        with self._database.transaction(account_id) as tx:
            reader_logins.lock_readers(tx)
            is_reader = _check_name(tx, login, new_password)
            reader_logins.protect_database(tx)
            reader_logins.save_reader(tx, login, password)
            action: Action = "reader.changed" if is_reader else "reader.created"
            note_event(tx, Party(account_id, OPERATOR), action, details={"Login": login})
        return login, reader_logins.make_reader_url(self._conninfo, login, password)

    def list_all(self, account_id: int) -> list[ReaderLogin]:
        """The readers of the account, oldest first."""
        with self._database.transaction(account_id) as tx:
            return reader_logins.list_readers(tx)

    def delete(self, account_id: int, login: str) -> None:
        """Drop the login, and end its sessions. Raises RequestRefused: forbidden, not_found."""
        with self._database.transaction(account_id) as tx:
            _require_superuser(tx)
            reader_logins.lock_readers(tx)
            if not reader_logins.find_reader(tx, login):
                raise RequestRefused(
                    "not_found", "Reader.NotFound", f"The account has no reader {login!r}. List the readers first."
                )
            role = reader_logins.drop_reader(tx, login)
            note_event(tx, Party(account_id, OPERATOR), "reader.deleted", details={"Login": login})
        if role is not None:
            with self._database.transaction() as tx:
                reader_logins.end_sessions(tx, role)

    def _spell_people(self, account_id: int) -> None:
        """Store every person with the names as configured. The views compare names exactly, and people whom an earlier
        release stored may have two spellings (`domain/spelling.py`)."""
        ids = [0]
        while ids:
            with self._database.transaction(account_id) as tx:
                index = self._configurations.current_in(tx, account_id)
                ids = profile_store.list_ids_after(tx, ids[-1], SPELLED_AT_ONCE) if index.respelled else []
                for profile_id, state in profile_store.lock_states(tx, ids).items():
                    body = profile_store.decode_state(state)
                    spell_body(body, find_spelling(index))
                    if profile_store.encode_state(body).decode() != state:
                        profile_store.respell_state(tx, profile_id, body)


def _require_superuser(tx: Transaction) -> None:
    if not reader_logins.may_make_readers(tx):
        raise RequestRefused(
            "forbidden",
            "Reader.NeedsSuperuser",
            "Only a superuser of PostgreSQL can make or drop a reader, because this changes roles and takes rights from"
            " PUBLIC. Name a superuser in --database-url.",
        )


def _require_views(tx: Transaction) -> None:
    if not reader_logins.has_views(tx):
        raise RequestRefused(
            "conflict",
            "Reader.NoViews",
            "The tables of this database are distributed over a cluster, which has no views for SQL. Load the changes"
            " of the account into a database for analysts.",
        )


def _check_name(tx: Transaction, login: str, new_password: bool) -> bool:
    """True if the login is a reader of this account already. Raises RequestRefused, conflict."""
    is_reader = reader_logins.find_reader(tx, login)
    if is_reader and not new_password:
        raise RequestRefused(
            "conflict",
            "Reader.Exists",
            f"The reader {login!r} exists. Give it a new password with --new-password, or choose another --name.",
        )
    if not is_reader and reader_logins.role_exists(tx, login):
        raise RequestRefused(
            "conflict",
            "Reader.NameTaken",
            f"PostgreSQL has a role {login!r} that is no reader of this account. Choose another --name.",
        )
    return is_reader
