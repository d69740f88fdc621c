"""Logins of the embedded server that can do no more than their processes need (docs/adr/0004-set-role.md).

The owner's login stays with `consentory up` and with commands beside the database. A server process that was taken over
cannot become the owner of the tables, nor go round the policies: its login is a member of `consentory_service` alone.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consentory.store.migration import MIGRATION_LOCK

SERVER_LOGIN = "consentory_server_login"
WORKER_LOGIN = "consentory_worker_login"


@dataclass(frozen=True, slots=True)
class Logins:
    """How the processes connect; both hold a password and are never logged."""

    server: str
    worker: str


def open_logins(owner: str) -> Logins:
    """Make the logins, or let them be again what they were made to be; the schema is there. `owner` is a conninfo.

    The passwords follow from the owner's, so that every tree on one data folder has the same. The worker may end
    sessions of the server's login that are frozen, and so is a member of that, too.
    """
    secret = str(conninfo_to_dict(owner)["password"]).encode()
    with psycopg.connect(owner) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        server = _open_login(connection, owner, SERVER_LOGIN, ("consentory_service",), secret)
        members = ("consentory_worker", "consentory_service", SERVER_LOGIN)
        worker = _open_login(connection, owner, WORKER_LOGIN, members, secret)
    return Logins(server, worker)


def _open_login(
    connection: psycopg.Connection[tuple[object, ...]], owner: str, name: str, groups: tuple[str, ...], secret: bytes
) -> str:
    password = hmac.digest(secret, name.encode(), "sha256").hex()
    login = sql.Identifier(name)
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(login))
    # Sent as its verifier: nobody who reads statements learns the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    form = "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT PASSWORD {}"
    connection.execute(sql.SQL(form).format(login, verifier))
    granted = sql.SQL(", ").join(map(sql.Identifier, groups))
    connection.execute(sql.SQL("GRANT {} TO {}").format(granted, login))
    return make_conninfo(owner, user=name, password=password)
