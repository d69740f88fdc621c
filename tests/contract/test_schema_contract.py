"""The rules for keys, tables and roles that can be checked without Citus, on the schema as migrated."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql
from running_server import create_database, drop_database
from sample_rows import ROWS, SERVICE, WORKER, connect_as, list_walled_tables

from consentory.store.migration import list_migrations
from consentory.store.reader_views import VIEWS as READABLE_VIEWS
from consentory.store.sharding import DISTRIBUTED
from consentory.store.statements import all_statements

LOCAL = {
    "account", "configuration", "consent_text", "credential", "signing_key", "hmac_key", "schema_migration",
    "import", "import_chunk", "tag_change", "hmac_use", "auth_attempt", "audit_event", "audit_waiting", "audit_link",
    "import_preview", "preview_chunk",
    "console_session", "console_link",
    "upload", "upload_part", "saved_mapping", "reader", "audience_count",
    "change_block", "change_range",
}  # fmt: skip

KEYS_ACROSS_ACCOUNTS = {
    "account_client_id_key": "a clientId names one account of all",
    "credential_client_id": "a bearer's credential is looked up before its account is known",
    "import_access_token_key": "a token is unique over all accounts",
    "console_session_hash": "a cookie is looked up before its account is known",
    "console_link_hash": "a link is looked up before its account is known",
    "signing_key_pkey": "of no account",
    "auth_attempt_pkey": "of no account: an attempt that failed has none",
    "schema_migration_pkey": "of no account",
    "reader_login": "the account of a session is found by its login",
}

VIEWS, READERS = "consentory_views", "consentory_reader"
BELOW_VIEWS = {"account", "configuration", "profile", "ledger", "import"}
"""The tables that the views read."""

NO_WALL = {"signing_key", "auth_attempt", "schema_migration"}
"""Tables that belong to no account."""

RIGHTS = {
    SERVICE: {
        "account": "SIU",
        "configuration": "SI",
        "consent_text": "SI",
        "credential": "SIU",
        "signing_key": "SIUD",
        "hmac_key": "SIU",
        "hmac_use": "SIUD",
        "auth_attempt": "SIUD",
        "schema_migration": "S",
        "import": "SIU",
        "import_batch": "SI",
        "import_block": "SI",
        "import_fault": "SI",
        "import_chunk": "S",
        "profile": "SIUD",
        "alternate_key": "SID",
        "contact_key": "SID",
        "ledger": "SID",
        "before_image": "D",
        "tombstone": "SI",
        "tag_change": "SI",
        "audit_event": "SI",
        "audit_waiting": "SI",
        "audit_link": "S",
        "import_preview": "SIU",
        "preview_chunk": "S",
        "preview_change": "S",
        "console_session": "SIUD",
        "console_link": "SID",
        "upload": "SIU",
        "upload_part": "SI",
        "saved_mapping": "SIUD",
        "audience_count": "SIU",
        "reader": "",
        "change_block": "SI",
        "change_range": "S",
    },
    WORKER: {
        "account": "SU",
        "configuration": "S",
        "consent_text": "S",
        "credential": "",
        "signing_key": "",
        "hmac_key": "",
        "hmac_use": "",
        "auth_attempt": "",
        "schema_migration": "S",
        "import": "SU",
        "import_batch": "S",
        "import_block": "SUD",
        "import_fault": "SID",
        "import_chunk": "SIUD",
        "profile": "SIUD",
        "alternate_key": "SID",
        "contact_key": "SID",
        "ledger": "SID",
        "before_image": "SIUD",
        "tombstone": "SI",
        "tag_change": "SID",
        "audit_event": "SI",
        "audit_waiting": "SID",
        "audit_link": "SI",
        "import_preview": "SIUD",
        "preview_chunk": "SIUD",
        "preview_change": "SID",
        "console_session": "",
        "console_link": "",
        "upload": "SUD",
        "upload_part": "D",
        "saved_mapping": "",
        "audience_count": "SIU",
        "reader": "",
        "change_block": "SIUD",
        "change_range": "SIU",
    },
}
"""S(elect), I(nsert), U(pdate), D(elete): all rights of each role."""

NEWER_THAN_15 = {
    "MERGE": r"\bMERGE\s+INTO\b",
    "RETURNING old/new": r"\bRETURNING\b[^;]*\b(old|new)\s*\.|\bRETURNING\s+WITH\b",
    "uuid functions of 17 and 18": r"\buuid(v4|v7|_extract_\w+)\s*\(",
    "COPY options of 17": r"\b(ON_ERROR|LOG_VERBOSITY|REJECT_LIMIT)\b",
    "generated columns of 18": r"\bVIRTUAL\b",
    "temporal keys": r"\bWITHOUT\s+OVERLAPS\b|\bNOT\s+ENFORCED\b|\bPERIOD\b",
    "SQL/JSON of 16 and 17": r"\b(JSON_TABLE|JSON_EXISTS|JSON_QUERY|JSON_VALUE|JSON_SCALAR|JSON_SERIALIZE)\b"
    r"|\bJSON_(ARRAY|OBJECT)(AGG)?\s*\(|\bIS\s+(NOT\s+)?JSON\b",
    "numbers of 16": r"\b0[xXoObB][0-9a-fA-F]|\b\d+_\d",
    "functions of 16 to 18": r"\b(any_value|array_(shuffle|sample|sort|reverse)|random_normal|date_add|date_subtract"
    r"|system_user|to_bin|to_oct|crc32c?|casefold|unicode_assigned|xmltext|pg_input_is_valid)\b",
    "AT LOCAL": r"\bAT\s+LOCAL\b",
    "settings of 17": r"\btransaction_timeout\b",
}

Reader = psycopg.Connection


@pytest.fixture(scope="module")
def schema(engine: str, template: str) -> Iterator[str]:
    url = create_database(engine, template)
    yield url
    drop_database(engine, url)


@pytest.fixture
def owner(schema: str) -> Iterator[Reader]:
    with connect_as(schema) as connection:
        yield connection


def list_tables(owner: Reader) -> set[str]:
    rows = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f', 'm')"
    )
    return {row[0] for row in rows}


def list_unique_keys(owner: Reader) -> dict[str, tuple[str, list[str]]]:
    """Unique index -> (table, columns in order)."""
    rows = owner.execute(
        "SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, array_agg(a.attname::text ORDER BY k.place)"
        " FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
        " CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)"
        " JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number"
        " WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique GROUP BY 1, 2"
    )
    return {index: (table, columns) for index, table, columns in rows}


def strip_comments(text: str) -> str:
    return re.sub(r"--[^\n]*", "", text)


def all_sql() -> dict[str, str]:
    """Every statement and migration by name, without comments."""
    texts = dict(all_statements()) | {name: text for _, name, text in list_migrations()}
    return {name: strip_comments(text) for name, text in texts.items()}


# Keys ------------------------------------------------------------------------------------------------------------


def test_every_table_has_a_place_in_a_cluster(owner: Reader) -> None:
    assert list_tables(owner) == set(DISTRIBUTED) | LOCAL


def test_account_id_leads_every_key(owner: Reader) -> None:
    keys = list_unique_keys(owner)
    loose = {index for index, (_, columns) in keys.items() if columns[0] != "account_id"}
    assert loose == set(KEYS_ACROSS_ACCOUNTS)


def test_account_id_leads_every_key_of_what_is_spread(owner: Reader) -> None:
    tables = {list_unique_keys(owner)[index][0] for index in KEYS_ACROSS_ACCOUNTS}
    assert tables.isdisjoint(DISTRIBUTED)


def test_every_key_contains_the_distribution_column(owner: Reader) -> None:
    lacking = {
        index
        for index, (table, columns) in list_unique_keys(owner).items()
        if table in DISTRIBUTED and DISTRIBUTED[table] not in columns
    }
    assert lacking == set()


def test_every_spread_table_has_a_primary_key(owner: Reader) -> None:
    rows = owner.execute("SELECT indrelid::regclass::text FROM pg_index WHERE indisprimary").fetchall()
    assert set(DISTRIBUTED) <= {row[0] for row in rows}


def test_the_distribution_column_is_never_updated() -> None:
    for name, text in all_sql().items():
        for table, assignments in re.findall(r"\bUPDATE\s+(\w+)\b.*?\bSET\b(.*?)(?:\bFROM\b|\bWHERE\b|$)", text, re.S):
            column = DISTRIBUTED.get(table)
            assert column is None or not re.search(rf"\b{column}\s*=", assignments), name


def test_text_in_keys_has_collation_c(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT DISTINCT i.indexrelid::regclass::text || '.' || a.attname FROM pg_index AS i"
        " JOIN pg_class AS c ON c.oid = i.indrelid"
        " CROSS JOIN unnest(i.indkey::int2[], i.indcollation::oid[]) AS k (number, collation_id)"
        " JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'schema_migration'"
        "   AND k.collation_id NOT IN (0, 'pg_catalog.\"C\"'::regcollation)"
    ).fetchall()
    assert sorted(row[0] for row in rows) == []


def test_no_foreign_keys(owner: Reader) -> None:
    rows = owner.execute("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'").fetchall()
    assert rows == []


def test_no_triggers_sequences_or_identity(owner: Reader) -> None:
    assert owner.execute("SELECT tgname FROM pg_trigger").fetchall() == []
    assert owner.execute("SELECT relname FROM pg_class WHERE relkind = 'S'").fetchall() == []
    identity = "SELECT attname FROM pg_attribute WHERE attrelid >= 16384 AND (attidentity <> '' OR attgenerated <> '')"
    assert owner.execute(identity).fetchall() == []


def test_no_rules_beyond_views(owner: Reader) -> None:
    assert owner.execute("SELECT rulename FROM pg_rewrite WHERE ev_class >= 16384 AND ev_type <> '1'").fetchall() == []


def test_defaults_are_constants_the_account_or_now(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT adrelid::regclass || '.' || attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef"
        " JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum"
        " WHERE adrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
    )
    constant = r"-?\d+|'[^']*'::[\w\[\] ]+|true|false|now\(\)|current_account\(\)"
    assert {column: text for column, text in rows if not re.fullmatch(constant, text)} == {}


def test_our_functions_are_not_volatile(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND provolatile = 'v'"
    ).fetchall()
    assert rows == []


def test_every_table_survives_a_crash(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relpersistence <> 'p'"
    ).fetchall()
    assert rows == []


# SQL -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("construct", NEWER_THAN_15)
def test_no_sql_is_newer_than_15(construct: str) -> None:
    pattern = re.compile(NEWER_THAN_15[construct], re.IGNORECASE)
    assert {name: found[0] for name, text in all_sql().items() if (found := pattern.search(text))} == {}


def test_on_conflict_sets_no_clock_and_no_chance() -> None:
    moving = (
        r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid)\s*\("
        + (r"|\b(current_timestamp|current_date|current_time|localtime|localtimestamp)\b")
    )
    for name, text in all_sql().items():
        for assignments in re.findall(r"\bDO\s+UPDATE\s+SET\b(.*)", text, re.S | re.I):
            assert not re.search(moving, assignments, re.I), name


def test_skip_locked_only_on_local_tables() -> None:
    for name, text in all_statements().items():
        if "SKIP LOCKED" in text:
            tables = {table for table in DISTRIBUTED if re.search(rf"\b{table}\b", strip_comments(text))}
            assert tables == set(), name


# Walls -----------------------------------------------------------------------------------------------------------


def test_every_table_of_an_account_is_walled(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT relname, relrowsecurity, (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) FROM pg_class AS c"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    walls = {name: enabled and policies > 0 for name, enabled, policies in rows}
    assert {name for name, walled in walls.items() if not walled} == NO_WALL
    assert {name for name, walled in walls.items() if walled} == set(list_walled_tables(owner))


def test_every_policy_is_the_account_alone(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT polrelid::regclass::text, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),"
        " pg_get_expr(polwithcheck, polrelid) FROM pg_policy"
    )
    own, of_reader = "(account_id = current_account())", "(account_id = ( SELECT reader_account() AS reader_account))"
    everybody, service, views = [0], read_oids(owner, SERVICE, WORKER), read_oids(owner, VIEWS)
    for table, command, permissive, roles, using, check in rows:
        if roles == views:
            assert table in BELOW_VIEWS
            assert (command, permissive, using, check) == ("r", True, of_reader, None), table
            continue
        assert (command, permissive, roles) == ("*", True, service if table in BELOW_VIEWS else everybody), table
        assert using == own, table
        assert check in (None, own), table


def read_oids(owner: Reader, *roles: str) -> list[int]:
    return [owner.execute("SELECT %s::regrole::oid", [role]).fetchone()[0] for role in roles]  # type: ignore[index]


def test_row_level_security_binds_every_view(owner: Reader) -> None:
    """The policies of the tables below bind the owner of the views: the owner owns no table and cannot bypass them."""
    rows = owner.execute(
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'v' AND NOT coalesce(reloptions @> '{security_invoker=true}', false)"
    ).fetchall()
    assert rows == [(VIEWS,)]
    owned = "SELECT relname FROM pg_class WHERE relowner = %s::regrole AND relkind <> 'v'"
    assert owner.execute(owned, [VIEWS]).fetchall() == []


def test_the_role_of_the_views_reads_these_columns_and_nothing_else(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT a.attrelid::regclass::text, a.attname::text, x.privilege_type FROM pg_attribute AS a"
        " CROSS JOIN aclexplode(a.attacl) AS x WHERE x.grantee = %s::regrole",
        [VIEWS],
    ).fetchall()
    assert {privilege for _, _, privilege in rows} == {"SELECT"}
    assert {table for table, _, _ in rows} == BELOW_VIEWS
    columns = {(table, column) for table, column, _ in rows}
    for hidden in ("access_token", "idempotency_key", "request_hash"):
        assert ("import", hidden) not in columns
    readable = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'v'"
    tables = f"{readable} AND relkind IN ('r', 'p') AND has_table_privilege(%s, oid, 'SELECT')"
    assert owner.execute(tables, [VIEWS]).fetchall() == owner.execute(tables, [READERS]).fetchall() == []


# Roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [SERVICE, WORKER, VIEWS, READERS])
def test_roles_hold_no_power_of_their_own(owner: Reader, role: str) -> None:
    found = owner.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname = %s",
        [role],
    ).fetchone()
    assert found == (False, False, False, False, False, role == WORKER)
    owned = "SELECT relname FROM pg_class WHERE relowner = %s::regrole AND relkind <> 'v'"
    assert owner.execute(owned, [role]).fetchall() == []
    assert owner.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", [role]).fetchone() == (False,)
    assert owner.execute("SELECT has_database_privilege(%s, current_database(), 'CREATE')", [role]).fetchone() == (
        False,
    )
    memberships = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole"
    assert owner.execute(memberships, [role]).fetchall() == []


@pytest.mark.parametrize("role", [SERVICE, WORKER])
def test_each_role_may_do_this_and_nothing_else(owner: Reader, role: str) -> None:
    wanted = {
        "SELECT": "S",
        "INSERT": "I",
        "UPDATE": "U",
        "DELETE": "D",
        "TRUNCATE": "t",
        "REFERENCES": "r",
        "TRIGGER": "g",
    }
    held = {}
    for table in list_tables(owner):
        rows = owner.execute(
            "SELECT p, has_table_privilege(%s, format('public.%%I', %s::text), p) FROM unnest(%s::text[]) AS p",
            [role, table, list(wanted)],
        ).fetchall()
        held[table] = "".join(wanted[privilege] for privilege, may in rows if may)
    assert held == RIGHTS[role]


def test_other_roles_have_no_right(owner: Reader) -> None:
    strangers = owner.execute(
        "SELECT c.relname, a.grantee::regrole::text FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a"
        " WHERE c.relnamespace = 'public'::regnamespace"
        " AND a.grantee NOT IN (c.relowner, 'consentory_service'::regrole, 'consentory_worker'::regrole)"
    ).fetchall()
    assert set(strangers) == {(view, READERS) for view in READABLE_VIEWS}
    single_columns = owner.execute(
        "SELECT DISTINCT attrelid::regclass::text, attname::text FROM pg_attribute CROSS JOIN aclexplode(attacl) AS x"
        " WHERE attrelid >= 16384 AND x.grantee <> %s::regrole",
        [VIEWS],
    ).fetchall()
    readable = {
        "before_image": ("account_id", "import_id", "profile_id", "sequence_number", "named_keys"),  # never the image
        "upload_part": ("account_id", "upload_id", "first_byte"),  # never the bytes: the worker only deletes
    }
    assert set(single_columns) == {(table, name) for table, names in readable.items() for name in names}


@pytest.mark.parametrize("table", ROWS)
@pytest.mark.parametrize("account_id", [None, 1])
def test_the_service_cannot_switch_the_walls_off(schema: str, table: str, account_id: int | None) -> None:
    with connect_as(schema, SERVICE, account_id) as connection:
        connection.execute("SET row_security = off")
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)))


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE profile DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_account ON profile",
        "CREATE POLICY mine ON profile USING (true)",
        "ALTER TABLE profile OWNER TO consentory_service",
        "TRUNCATE profile",
        "CREATE OR REPLACE FUNCTION current_account() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 2'",
        "CREATE TABLE public.mine ()",
        "COPY profile FROM PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/consentory-escape'",
    ],
)
@pytest.mark.parametrize("role", [SERVICE, WORKER])
def test_no_role_can_tear_the_walls_down(schema: str, role: str, change: str) -> None:
    with connect_as(schema, role, 1) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(change)


@pytest.mark.parametrize("role", [SERVICE, WORKER])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET recorded = now()",
        "UPDATE tombstone SET deleted_at = now()",
        "DELETE FROM tombstone",
        "UPDATE audit_event SET caller = ''",
        "DELETE FROM audit_event",
        "UPDATE audit_link SET hash = ''",
        "DELETE FROM audit_link",
    ],
)
def test_recorded_rows_stay_as_written(schema: str, role: str, change: str) -> None:
    with connect_as(schema, role, 1) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(change)


def test_functions_that_go_round_the_walls_cannot_be_misled(owner: Reader) -> None:
    rows = owner.execute(
        "SELECT proname, proconfig, has_function_privilege('consentory_worker', oid, 'EXECUTE'),"
        " (SELECT bool_or(grantee = 0) FROM aclexplode(coalesce(proacl, acldefault('f', proowner))))"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    assert {name for name, *_ in rows} == {
        "account_of_client", "account_of_credential", "account_of_session", "account_of_link", "account_to_reencrypt",
        "next_account_id", "reader_account",
    }  # fmt: skip
    for name, settings, worker_may, public_may in rows:
        assert settings == ["search_path=public, pg_temp"], name
        assert not worker_may, name
        assert not public_may, name
