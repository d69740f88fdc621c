"""Logins that may read the views for SQL, each bound to one account (docs/adr/0018-views-and-their-readers.md).

Every function runs as a superuser, in a transaction that is bound to the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from consentory.store import reader_views
from consentory.store.database import Transaction
from consentory.store.migration import MIGRATION_LOCK
from consentory.store.reader_views import READERS, may_open_views, open_views

CONNECTIONS = 10
"""The connections that one login may have at a time."""

_DEFAULTS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "1min",
    "lock_timeout": "5s",
    # Only a superuser can change this one: a sort cannot fill the disk.
    "temp_file_limit": "4GB",
    # The planner expects many more elements in a body than there are, and would compile each query.
    "jit": "off",
    "search_path": "public",
}
"""How the sessions of a reader begin."""

_PROTECT: tuple[LiteralString, ...] = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    # PUBLIC may call these functions by default. With them a login could hold the locks of migrations and accounts,
    # or fill the disk with large objects and the log.
    r"""DO $$
    DECLARE item regprocedure; owner name;
    BEGIN
      SELECT pg_get_userbyid(relowner) INTO owner FROM pg_class WHERE oid = 'public.schema_migration'::regclass;
      FOR item IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND (proname LIKE 'pg\_%advisory%' OR proname IN
             ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message'))
        AND has_function_privilege('public', oid, 'EXECUTE') LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', item);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO consentory_service, consentory_worker, %I', item, owner);
      END LOOP;
    END $$""",
    # Temporary tables fill the disk, too. The worker needs them.
    r"""DO $$
    BEGIN
      EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
      EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO consentory_service, consentory_worker', current_database());
    END $$""",
)


@dataclass(frozen=True, slots=True)
class ReaderLogin:
    """A login that may read an account's views. `is_there` False: somebody dropped the role."""

    login: str
    created_at: datetime
    is_there: bool


def may_make_readers(tx: Transaction) -> bool:
    """True if the transaction is one of a superuser."""
    return may_open_views(tx.connection)


def has_views(tx: Transaction) -> bool:
    """False: the tables are distributed over a cluster, where there are no views."""
    return reader_views.has_views(tx.connection)


def lock_readers(tx: Transaction) -> None:
    """Wait until no other transaction makes or drops a reader, and no process migrates."""
    tx.connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))


def protect_database(tx: Transaction) -> None:
    """Open the views to readers, and take the rights from PUBLIC with which a reader could do harm."""
    open_views(tx.connection)
    for statement in _PROTECT:
        tx.connection.execute(statement)


def role_exists(tx: Transaction, login: str) -> bool:
    """True if the cluster has a role of that name, of whatever kind."""
    return tx.connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone() is not None


def find_reader(tx: Transaction, login: str) -> bool:
    """True if the login is a reader of the transaction's account."""
    query = "SELECT FROM reader WHERE account_id = current_account() AND login = %s"
    return tx.connection.execute(query, (login,)).fetchone() is not None


def list_readers(tx: Transaction) -> list[ReaderLogin]:
    """The readers of the account, oldest first."""
    query = """SELECT r.login, r.created_at, EXISTS (SELECT FROM pg_roles WHERE rolname = r.login AND rolcanlogin)
        FROM reader AS r WHERE r.account_id = current_account() ORDER BY r.created_at, r.login"""
    return [ReaderLogin(*row) for row in tx.connection.execute(query).fetchall()]


def save_reader(tx: Transaction, login: str, password: str) -> None:
    """Make the login, or give an existing reader a new password and all its rights and limits anew."""
    connection, name = tx.connection, sql.Identifier(login)
    if not role_exists(tx, login):
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    # Only the verifier is sent, so that no log shows the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    form = """ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT
        CONNECTION LIMIT {} PASSWORD {}"""
    connection.execute(sql.SQL(form).format(name, sql.Literal(CONNECTIONS), sql.Literal(verifier)))
    for setting, value in _DEFAULTS.items():
        form = "ALTER ROLE {} SET {} = {}"
        connection.execute(sql.SQL(form).format(name, sql.Identifier(setting), sql.Literal(value)))
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(READERS), name))
    # The worker ends a transaction of a reader that lasts too long, and so needs the rights of the login.
    connection.execute(sql.SQL("GRANT {} TO consentory_worker").format(name))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(_database(connection), name))
    connection.execute("INSERT INTO reader (login) VALUES (%s) ON CONFLICT (account_id, login) DO NOTHING", (login,))


def drop_reader(tx: Transaction, login: str) -> int | None:
    """Drop the login with all its rights. Returns the number of its role, for `end_sessions`; None: it had no role."""
    tx.connection.execute("DELETE FROM reader WHERE account_id = current_account() AND login = %s", (login,))
    row = tx.connection.execute("SELECT oid FROM pg_roles WHERE rolname = %s", (login,)).fetchone()
    if row is None:
        return None
    for form in ("DROP OWNED BY {}", "DROP ROLE {}"):
        tx.connection.execute(sql.SQL(form).format(sql.Identifier(login)))
    return int(row[0])


def end_sessions(tx: Transaction, role: int) -> None:
    """End the sessions of a role, also of a role that was dropped."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = %s"
    tx.connection.execute(query, (role,))


def make_reader_url(conninfo: str, login: str, password: str) -> str:
    """The connection string of a reader, as psql and other programs take it. `conninfo`: of the owner."""
    given = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value not in (None, "")}
    for name in ("user", "password", "passfile", "options", "application_name"):
        given.pop(name, None)
    database, place = given.pop("dbname", "consentory"), ""
    host = given.get("host", "")
    if host and not set(host) & set("/,@"):
        port = given.pop("port", "")
        place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        del given["host"]
    rest = f"?{urlencode(given)}" if given else ""
    return f"postgresql://{quote(login)}:{quote(password)}@{place}/{quote(database, safe='')}{rest}"


def _database(connection: psycopg.Connection[Any]) -> sql.Identifier:
    return sql.Identifier(connection.info.dbname)
