"""Numbered migrations that only go forward, applied under an advisory lock."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import psycopg

from consentory.errors import ConsentoryError, StoreUnavailable
from consentory.store.reader_views import are_views_open, has_views, may_open_views, open_views

MIGRATION_LOCK = 0x636F6E73
"""A number that nothing else uses: "cons" in ASCII."""


class SchemaMismatch(ConsentoryError):
    """The database's schema is newer than this program, or an applied migration was edited."""


def list_migrations() -> list[tuple[int, str, str]]:
    """(number, name, text) in order of application."""
    found = []
    for file in files("consentory.store").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append((int(number), name, file.read_text("utf-8")))
    return sorted(found)


def migrate(conninfo: str) -> list[str]:
    """Bring the schema up to date. Returns the names of the applied migrations, in order.

    Many processes may call this at the same time: one of them migrates, and the others wait.
    Raises SchemaMismatch, also if the role lacks a right. Raises StoreUnavailable.
    """
    try:
        return _migrate(conninfo)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database cannot be reached: {error}".strip()) from error
    except psycopg.Error as error:
        raise SchemaMismatch(
            f"the schema cannot be brought up to date ({type(error).__name__}: {error.diag.message_primary});"
            " the role must own the database, and for the first migration it must be a superuser"
        ) from error


def _migrate(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        connection.execute("SET client_min_messages = warning")
        # If the schema is up to date, a login without the right to make tables is enough.
        if connection.execute("SELECT to_regclass('schema_migration')").fetchone() == (None,):
            connection.execute(
                "CREATE TABLE schema_migration (number integer PRIMARY KEY, name text NOT NULL,"
                " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
        rows = connection.execute("SELECT number, sha256 FROM schema_migration").fetchall()
        done = _apply_missing(connection, {int(number): str(digest) for number, digest in rows})
        if has_views(connection) and not are_views_open(connection) and may_open_views(connection):
            with connection.transaction():
                open_views(connection)
        return done


def _apply_missing(connection: psycopg.Connection[tuple[object, ...]], applied: dict[int, str]) -> list[str]:
    done = []
    known = list_migrations()
    unknown = set(applied) - {number for number, _, _ in known}
    if unknown:
        raise SchemaMismatch(
            f"the database has migration {max(unknown)}, which this version of consentory does not know:"
            " run the newer version"
        )
    for number, name, text in known:
        digest = hashlib.sha256(text.encode()).hexdigest()
        if number in applied:
            if applied[number] != digest:
                raise SchemaMismatch(f"migration {number:04} ({name}) was changed after it had been applied")
            continue
        with connection.transaction():
            connection.execute(text)
            connection.execute(
                "INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)",
                (number, name, digest),
            )
        done.append(f"{number:04}_{name}")
    return done
