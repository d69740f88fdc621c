"""Logins of the embedded server with only the rights that their processes need (docs/adr/0004-set-role.md).

Only `consentory up` and the commands beside the database have the owner's login. An attacker in a server process cannot
become the owner of the tables or bypass the policies, because its login is a member of `consentory_service` alone.
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
    """The conninfos of the processes. Both hold a password, so never log them."""

    server: str
    worker: str


def open_logins(owner: str) -> Logins:
    """Make the logins, or restore their rights. The schema must exist. `owner`: the owner's conninfo.

    The passwords are derived from the owner's password, so that each tree on one data folder has the same. The worker
    ends frozen sessions of the server's login, so the worker's login is a member of the server's login.
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
    # Only the verifier is sent, so that the statement does not show the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    form = "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT PASSWORD {}"
    connection.execute(sql.SQL(form).format(login, verifier))
    granted = sql.SQL(", ").join(map(sql.Identifier, groups))
    connection.execute(sql.SQL("GRANT {} TO {}").format(granted, login))
    return make_conninfo(owner, user=name, password=password)
