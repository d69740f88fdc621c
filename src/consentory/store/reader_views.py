"""The views for SQL belong to a role that row-level security binds, and consentory_reader may read them
(docs/adr/0018-views-and-their-readers.md).

`migrate` does this where its login is a superuser, and `consentory reader create` does it in any case. Each statement
may run again.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

READERS = "consentory_reader"
"""The role of all readers."""

VIEWS = (
    "v_profile", "v_contact", "v_alternate_id", "v_preference", "v_consent", "v_group", "v_tag", "v_custom_field",
    "v_import",
)  # fmt: skip
"""The views that a reader may read."""

_OPEN: tuple[LiteralString, ...] = (
    """DO $$ BEGIN CREATE ROLE consentory_reader NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    # The owner of the views: the policies of the tables below the views bind this role, whoever reads.
    """DO $$ BEGIN CREATE ROLE consentory_views NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    "GRANT USAGE ON SCHEMA public TO consentory_reader, consentory_views",
    "GRANT SELECT (account_id, revision) ON account TO consentory_views",
    "GRANT SELECT (account_id, revision, document) ON configuration TO consentory_views",
    """GRANT SELECT (account_id, profile_id, body, created, modified, active, customer_type, import_id)
    ON profile TO consentory_views""",
    "GRANT SELECT (account_id, profile_id, entry, recorded, caller, import_id) ON ledger TO consentory_views",
    # Everything but the access token and the idempotency key, which permit calls.
    """GRANT SELECT (account_id, import_id, settings, source, status, caller, created_at, queued_at, started_at,
    completed_at, failure_reason, held_reason, undo_of, received, valid, failed, pending, exceptions, not_honored,
    created, updated, unchanged, deleted, undated_choices, refused_opt_outs, numbers_without_country_code)
    ON import TO consentory_views""",
    """DO $$
    DECLARE item text;
    BEGIN
      FOREACH item IN ARRAY ARRAY['account', 'configuration', 'profile', 'ledger', 'import'] LOOP
        IF NOT EXISTS (SELECT FROM pg_policies WHERE schemaname = 'public' AND tablename = item
                       AND policyname = 'reader_account') THEN
          EXECUTE format('CREATE POLICY reader_account ON public.%I FOR SELECT TO consentory_views'
                         ' USING (account_id = (SELECT reader_account()))', item);
        END IF;
      END LOOP;
      -- A change of owner waits for each reader of the view, so it is made only once.
      FOR item IN SELECT viewname FROM pg_views WHERE schemaname = 'public' AND viewowner <> 'consentory_views'
        AND (viewname LIKE 'v\\_%' OR viewname IN ('account_rules', 'choice_place')) LOOP
        EXECUTE format('ALTER VIEW public.%I OWNER TO consentory_views', item);
      END LOOP;
    END $$""",
    # A policy calls the function with the rights of the reader.
    "GRANT EXECUTE ON FUNCTION reader_account() TO consentory_reader",
    """GRANT SELECT ON v_profile, v_contact, v_alternate_id, v_preference, v_consent, v_group, v_tag, v_custom_field,
    v_import TO consentory_reader""",
)


_CLOSE: tuple[LiteralString, ...] = (
    """DO $$
    DECLARE item text;
    BEGIN
      FOR item IN SELECT tablename FROM pg_policies WHERE schemaname = 'public' AND policyname = 'reader_account' LOOP
        EXECUTE format('DROP POLICY reader_account ON public.%I', item);
      END LOOP;
    END $$""",
    """DROP VIEW IF EXISTS v_profile, v_contact, v_alternate_id, v_preference, v_consent, v_group, v_tag,
    v_custom_field, v_import, choice_place, account_rules""",
    "DROP FUNCTION IF EXISTS reader_account()",
)


def has_views(connection: psycopg.Connection[Any]) -> bool:
    """False: the tables are distributed over a cluster, where there are no views."""
    return connection.execute("SELECT WHERE to_regclass('public.v_import') IS NOT NULL").fetchone() is not None


def are_views_open(connection: psycopg.Connection[Any]) -> bool:
    """True if the views belong to their role. A dump that was restored without owners gives them to somebody else."""
    query = "SELECT bool_and(viewowner = 'consentory_views') FROM pg_views WHERE schemaname = 'public'"
    return connection.execute(f"{query} AND viewname LIKE 'v\\_%'").fetchone() == (True,)


def may_open_views(connection: psycopg.Connection[Any]) -> bool:
    """True if the login is a superuser. Only a superuser can make roles and give views away."""
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return row is not None and bool(row[0])


def open_views(connection: psycopg.Connection[Any]) -> None:
    """Make the roles, the policies and the rights, as far as they are missing."""
    for statement in _OPEN:
        connection.execute(statement)


def close_views(connection: psycopg.Connection[Any]) -> None:
    """Drop the views, before the tables below them are distributed. The nodes of a cluster run a query with the rights
    of the reader and not with those of the role of the views, so a reader would need the tables themselves."""
    for statement in _CLOSE:
        connection.execute(statement)
