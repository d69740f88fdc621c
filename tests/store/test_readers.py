"""A reader's login: it reads the views of its account, and can do nothing else, whatever it tries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from live_account import LiveStore
from older_database import ACCOUNT, restored
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from reader_login import reader_of
from running_server import create_database, drop_database
from sample_rows import list_walled_tables
from view_sides import view_sides

from consentory.bootstrap.composition import open_readers
from consentory.errors import RequestRefused
from consentory.store import migration
from consentory.store.database import Database
from consentory.store.migration import list_migrations, migrate
from consentory.store.reader_views import VIEWS
from consentory.store.tables import profile_store

ALL_TABLES = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"


@dataclass
class Scene:
    """Two accounts with one person each, and the login of a reader of the first one."""

    owner: str
    url: str
    ours: int
    theirs: int


def make_person(store: LiveStore, last_name: str) -> int:
    account = store.open_account()
    record = {
        "CustomerName": {"FirstName": "Ann", "LastName": last_name},
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{last_name}"}],
        "Emails": [
            {
                "EmailAddress": f"{last_name}@example.com",
                "EmailPreferences": [{"FilterId": "NEWS-EMAIL", "PreferenceType": 1, "CustomerDate": "2026-01-01"}],
                "Consents": [
                    {"ConsentType": "Privacy", "ConsentVersion": "3.0", "Locale": "en_US", "ConsentStatus": 1}
                ],
            }
        ],
        "Groups": [{"GroupType": "Club", "GroupName": last_name}],
        "ProfileTags": [{"Name": last_name}],
        "CustomFields": [{"Name": "Region", "Value": last_name}],
    }
    settings = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM", "Name": last_name}
    assert account.run([[record]], **settings).status["Created"] == 1
    return account.caller.account_id


@pytest.fixture(scope="module")
def scene(store: LiveStore) -> Iterator[Scene]:
    ours, theirs = make_person(store, "1"), make_person(store, "secret")
    with reader_of(store.database_url, theirs), reader_of(store.database_url, ours) as url:
        store.change("ANALYZE")
        yield Scene(store.database_url, url, ours, theirs)


@pytest.fixture
def reader(scene: Scene) -> Iterator[psycopg.Connection]:
    """A session of the reader that begins with what a hostile reader does first."""
    with psycopg.connect(scene.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def count(connection: psycopg.Connection, view: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(view))).fetchone()
    assert row is not None
    return int(row[0])


# Reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_a_reader_reads_its_account_alone(reader: psycopg.Connection, view: str) -> None:
    rows = reader.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(view))).fetchall()
    assert rows
    assert "secret" not in str(rows)


@pytest.mark.parametrize("view", VIEWS)
def test_nobody_else_reads_the_views(scene: Scene, view: str) -> None:
    """A session without an account sees no row, not even one of the superuser; the service may not read the views."""
    with psycopg.connect(scene.owner) as owner:
        assert count(owner, view) == 0
        for role in ("consentory_service", "consentory_views"):
            owner.execute(f"SET ROLE {role}")
            owner.execute("SELECT set_config('consentory.account_id', %s, false)", [str(scene.ours)])
            with pytest.raises(errors.InsufficientPrivilege), owner.transaction():
                count(owner, view)


@pytest.mark.parametrize(
    "trick",
    [
        "SET consentory.account_id = '{theirs}'",
        "SELECT set_config('consentory.account_id', '{theirs}', false)",
        "ALTER ROLE CURRENT_USER SET consentory.account_id = '{theirs}'",
        "SET ROLE consentory_reader",
        "RESET ALL",
        "DISCARD ALL",
        "SET search_path = pg_temp, pg_catalog, public",
        "SET plan_cache_mode = force_generic_plan",
        "SET enable_indexscan = off",
        "SET debug_parallel_query = on",
    ],
)
def test_no_setting_shows_another_account(scene: Scene, reader: psycopg.Connection, trick: str) -> None:
    try:
        reader.execute(trick.format(theirs=scene.theirs))  # type: ignore[arg-type]
    except errors.UndefinedObject:
        assert "debug_parallel_query" in trick  # it has another name in PostgreSQL 15
    except errors.InsufficientPrivilege:
        assert "ALTER ROLE" in trick
    for view in VIEWS:
        assert 0 < count(reader, view) < 5, view
        rows = reader.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(view))).fetchall()
        assert "secret" not in str(rows), view


@pytest.mark.parametrize("view", VIEWS)
def test_row_security_cannot_be_switched_off(reader: psycopg.Connection, view: str) -> None:
    reader.execute("SET row_security = off")
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        count(reader, view)


def test_no_error_and_no_condition_tells_a_value_of_another_account(reader: psycopg.Connection) -> None:
    """A condition that fails on a value would show the value. The policy is applied before each condition."""
    assert reader.execute("SELECT last_name FROM v_profile WHERE last_name::integer > 0").fetchall() == [("1",)]
    assert reader.execute("SELECT name FROM v_import WHERE name::integer > 0").fetchall() == [("1",)]
    assert reader.execute("SELECT value FROM v_custom_field WHERE name = 'Region' AND value::integer > 0").rowcount == 1
    assert reader.execute("SELECT name FROM v_tag WHERE name::integer > 0").rowcount == 1


def test_statistics_tell_nothing(reader: psycopg.Connection) -> None:
    for query in (
        "SELECT FROM pg_stats WHERE schemaname = 'public'",
        "SELECT FROM pg_stats_ext WHERE schemaname = 'public'",
        "SELECT FROM pg_stats_ext_exprs WHERE schemaname = 'public'",
        "SELECT FROM pg_stat_activity WHERE usename <> current_user AND query NOT LIKE '<insufficient privilege>'",
    ):
        assert reader.execute(query).rowcount == 0, query


def test_no_table_can_be_read(scene: Scene, reader: psycopg.Connection) -> None:
    with psycopg.connect(scene.owner) as owner:
        tables = {row[0] for row in owner.execute(ALL_TABLES).fetchall()}
        assert set(list_walled_tables(owner)) <= tables
    for table in sorted(tables | {"account_rules", "choice_place"}):
        for query in ("SELECT FROM {}", "SELECT count(*) FROM {}", "COPY {} TO STDOUT", "LOCK TABLE {}"):
            with pytest.raises(errors.InsufficientPrivilege), reader.transaction():
                reader.execute(sql.SQL(query).format(sql.Identifier(table)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "act",
    [
        "SELECT account_of_client('JUDGE')",
        "SELECT account_of_credential('x')",
        "SELECT next_account_id()",
        "SELECT account_to_reencrypt('x')",
        "SET ROLE consentory_service",
        "SET ROLE consentory_worker",
        "SET ROLE consentory_views",
        "SET ROLE consentory",
        "SET SESSION AUTHORIZATION consentory",
        "CREATE ROLE mine",
        "ALTER ROLE CURRENT_USER CONNECTION LIMIT 1000",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "GRANT consentory_service TO CURRENT_USER",
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE VIEW mine AS SELECT * FROM v_profile",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION dblink",
        "CREATE OR REPLACE FUNCTION reader_account() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
        "ALTER VIEW v_profile SET (security_invoker = true)",
        "DROP VIEW v_tag",
        "UPDATE v_import SET status = status",
        "DELETE FROM v_import",
        "INSERT INTO v_import (status) VALUES ('Completed')",
        "BEGIN; LOCK TABLE v_profile IN EXCLUSIVE MODE",
        "TRUNCATE profile",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_creat(-1)",
        "SELECT * FROM pg_largeobject",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_statistic",
        "SELECT * FROM pg_statistic_ext_data",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/consentory-escape'",
        "SELECT pg_advisory_lock(1668247155)",
        "SELECT pg_try_advisory_lock(1668247155)",
        "SELECT pg_advisory_xact_lock(1633903476)",
        "SELECT pg_try_advisory_xact_lock_shared(1, 2)",
        "SELECT pg_logical_emit_message(false, 'x', 'x')",
        "SELECT pg_create_physical_replication_slot('mine')",
        "SET temp_file_limit = -1",
        "SET session_replication_role = replica",
        "CHECKPOINT",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user AND datid IS NOT NULL",
    ],
)
def test_a_reader_can_do_nothing_else(reader: psycopg.Connection, act: str) -> None:
    with pytest.raises((errors.InsufficientPrivilege, errors.FeatureNotSupported)) as refusal:
        reader.execute(act)  # type: ignore[arg-type]
    # An extension that cannot be installed here at all is refused for this reason.
    assert isinstance(refusal.value, errors.InsufficientPrivilege) or "dblink" in act


def test_a_listener_learns_nothing(store: LiveStore, reader: psycopg.Connection) -> None:
    reader.execute("LISTEN consentory_work")
    make_person(store, "noticed")
    heard = list(reader.notifies(timeout=5, stop_after=1))
    assert heard
    assert {notice.payload for notice in heard} == {""}


# The service goes on ---------------------------------------------------------------------------------------------


def test_sessions_begin_with_limits(scene: Scene) -> None:
    wanted = {
        "default_transaction_read_only": "on",
        "statement_timeout": "5min",
        "idle_in_transaction_session_timeout": "1min",
        "lock_timeout": "5s",
        "temp_file_limit": "4GB",
    }
    with psycopg.connect(scene.url) as connection:
        for name, value in wanted.items():
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_a_reader_has_ten_connections(scene: Scene) -> None:
    held: list[psycopg.Connection] = []
    try:
        held += [psycopg.connect(scene.url) for _ in range(10)]
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(scene.url)
    finally:
        for connection in held:
            connection.close()


def test_a_transaction_that_lasts_too_long_is_ended_though_the_reader_took_its_limits_away(scene: Scene) -> None:
    """A worker does it, whose login is no superuser but a member of the worker's role."""
    with psycopg.connect(scene.owner, autocommit=True) as owner:
        owner.execute("CREATE ROLE ender LOGIN PASSWORD 'x' IN ROLE consentory_worker")
    workers = Database(make_conninfo(scene.owner, user="ender", password="x"), "consentory_worker", size=1)
    try:
        with psycopg.connect(scene.url, autocommit=True) as reader:
            for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                reader.execute(f"SET {name} = 0")
            reader.execute("BEGIN")
            assert count(reader, "v_profile") == 1
            assert workers.end_long_reads() == 0
            assert workers.end_long_reads(seconds=0) == 1
            with pytest.raises(psycopg.OperationalError):
                count(reader, "v_profile")
    finally:
        workers.close()
        with psycopg.connect(scene.owner, autocommit=True) as owner:
            owner.execute("DROP ROLE ender")


def test_an_import_and_a_migration_go_on_beside_readers(store: LiveStore, scene: Scene) -> None:
    """The rights that were taken from PUBLIC are those of the service still."""
    make_person(store, "later")
    assert migrate(scene.owner) == []


# Create, list, delete --------------------------------------------------------------------------------------------


def test_a_deleted_reader_leaves_nothing_behind(scene: Scene) -> None:
    readers = open_readers(scene.owner)
    login, url = readers.create(scene.ours, "analyst", new_password=False)
    assert login in [one.login for one in readers.list_all(scene.ours) if one.is_there]
    assert login not in [one.login for one in readers.list_all(scene.theirs)]
    with psycopg.connect(scene.owner, autocommit=True) as owner, psycopg.connect(url, autocommit=True) as session:
        row = owner.execute("SELECT oid FROM pg_roles WHERE rolname = 'analyst'").fetchone()
        assert row is not None
        with pytest.raises(RequestRefused, match="no reader"):
            readers.delete(scene.theirs, login)
        readers.delete(scene.ours, login)
        with pytest.raises(psycopg.OperationalError):
            count(session, "v_profile")
        with pytest.raises(psycopg.OperationalError, match=r"authentication failed|does not exist"):
            psycopg.connect(url)
        for query in (
            "SELECT FROM pg_auth_members WHERE member = %(role)s OR roleid = %(role)s",
            "SELECT FROM pg_shdepend WHERE refobjid = %(role)s AND refclassid = 'pg_authid'::regclass",
            "SELECT FROM pg_db_role_setting WHERE setrole = %(role)s",
            "SELECT FROM reader WHERE login = 'analyst'",
        ):
            assert owner.execute(query, {"role": row[0]}).rowcount == 0, query
    with pytest.raises(RequestRefused, match="no reader 'analyst'"):
        readers.delete(scene.ours, login)
    readers.close()


def test_create_is_refused_twice_and_renews_a_password_when_told(scene: Scene) -> None:
    readers = open_readers(scene.owner)
    try:
        _, first = readers.create(scene.ours, "again", new_password=False)
        for account_id, told in ((scene.ours, False), (scene.theirs, False), (scene.theirs, True)):
            with pytest.raises(RequestRefused) as refusal:
                readers.create(account_id, "again", new_password=told)
            assert refusal.value.code == ("Reader.Exists" if account_id == scene.ours else "Reader.NameTaken")
        with psycopg.connect(scene.owner, autocommit=True) as owner:
            owner.execute("ALTER ROLE again CONNECTION LIMIT -1; ALTER ROLE again RESET ALL")
        _, second = readers.create(scene.ours, "again", new_password=True)
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(first)
        with psycopg.connect(second) as session:
            assert session.execute("SHOW statement_timeout").fetchone() == ("5min",)
            assert count(session, "v_profile") == 1
        readers.delete(scene.ours, "again")
    finally:
        readers.close()


def test_the_password_is_in_no_statement(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL logs the statements of an owner who told it to do so. It keeps a verifier, from which nobody can log
    in."""
    sent: list[str] = []
    execute = psycopg.Connection.execute

    def note(self: psycopg.Connection, query: object, *rest: object, **named: object) -> object:
        sent.append(query.as_string(self) if isinstance(query, sql.Composable) else f"{query} {rest}")
        return execute(self, query, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(psycopg.Connection, "execute", note)
    with reader_of(scene.owner, scene.ours) as url:
        password = str(conninfo_to_dict(url)["password"])
        with psycopg.connect(scene.owner) as owner:
            stored = owner.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
    assert any("ALTER ROLE" in one for one in sent)
    assert password not in " ".join(sent)
    assert password not in str(stored)
    assert all(row[0].startswith("SCRAM-SHA-256$") for row in stored if row[0])


@pytest.mark.parametrize("name", ["", "Analyst", "pg_analyst", "consentory_worker", "1st", "a" * 64, 'a"b', "a b"])
def test_a_name_that_would_need_quotes_or_is_ours_is_refused(scene: Scene, name: str) -> None:
    readers = open_readers(scene.owner)
    try:
        with pytest.raises(RequestRefused, match="Choose another --name"):
            readers.create(scene.ours, name, new_password=False)
    finally:
        readers.close()


def test_a_login_that_is_no_superuser_is_told_so(scene: Scene) -> None:
    with psycopg.connect(scene.owner, autocommit=True) as owner:
        owner.execute("CREATE ROLE clerk LOGIN PASSWORD 'x' CREATEROLE IN ROLE consentory_service")
    readers = open_readers(make_conninfo(scene.owner, user="clerk", password="x"))
    try:
        with pytest.raises(RequestRefused, match="Only a superuser"):
            readers.create(scene.ours, "mine", new_password=False)
    finally:
        readers.close()
        with psycopg.connect(scene.owner, autocommit=True) as owner:
            owner.execute("DROP ROLE clerk")


def test_a_reader_of_one_database_reads_nothing_in_another(scene: Scene, engine: str, template: str) -> None:
    """Roles are of the whole cluster. An account of the same number in another database stays closed."""
    other = create_database(engine, template)
    try:
        insert = "INSERT INTO profile (account_id, profile_id, body, created, modified, active)"
        with psycopg.connect(other) as owner:
            owner.execute(f"{insert} VALUES (%s, 1, '{{}}', now(), now(), true)", [scene.ours])
        dbname = conninfo_to_dict(other)["dbname"]
        with psycopg.connect(make_conninfo(scene.url, dbname=dbname)) as reader:
            assert count(reader, "v_profile") == 0
    finally:
        drop_database(engine, other)


def test_making_and_deleting_is_audited(store: LiveStore, scene: Scene) -> None:
    readers = open_readers(scene.owner)
    for told in (False, True):
        readers.create(scene.ours, "noted", new_password=told)
    readers.delete(scene.ours, "noted")
    readers.close()
    rows = store.query(
        "SELECT action, caller FROM audit_event WHERE account_id = %s AND details->>'Login' = 'noted'"
        " ORDER BY recorded_at",
        scene.ours,
    )
    assert rows == [(f"reader.{what}", "operator") for what in ("created", "changed", "deleted")]


def test_a_query_for_one_person_uses_the_primary_key(scene: Scene) -> None:
    with psycopg.connect(scene.url) as reader:
        for view in ("v_profile", "v_contact", "v_preference", "v_consent", "v_tag"):
            reader.execute("SET enable_seqscan = off")  # the table has a handful of rows
            query = sql.SQL("EXPLAIN SELECT * FROM {} WHERE profile_id = 1").format(sql.Identifier(view))
            plan = "\n".join(row[0] for row in reader.execute(query).fetchall())
            assert re.search(r"using profile_pkey.*\n.*Index Cond: .*account_id = .*profile_id = 1", plan), plan


def test_views_of_a_superuser_show_the_account_alone_until_the_next_start_gives_them_back(scene: Scene) -> None:
    """`pg_restore --no-owner` makes the restoring superuser their owner, and policies do not bind a superuser."""
    owners = "SELECT DISTINCT viewowner::text FROM pg_views WHERE schemaname = 'public'"
    with psycopg.connect(scene.owner, autocommit=True) as owner:
        for view in (*VIEWS, "choice_place", "account_rules"):
            owner.execute(sql.SQL("ALTER VIEW {} OWNER TO CURRENT_USER").format(sql.Identifier(view)))
        with psycopg.connect(scene.url) as reader:
            for view in VIEWS:
                rows = reader.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(view))).fetchall()
                assert rows
                assert "secret" not in str(rows), view
        assert migrate(scene.owner) == []
        assert owner.execute(owners).fetchall() == [("consentory_views",)]


# Older databases -------------------------------------------------------------------------------------------------


def test_people_of_the_first_release_are_read_in_the_spelling_of_the_configuration(engine: str, template: str) -> None:
    """That release could store a person's address or choice twice, under two spellings. The views compare names
    exactly, so the command spells all people as configured first."""
    with restored(engine) as url:
        assert migrate(url)[-1] == "{:04}_{}".format(*list_migrations()[-1])
        store = LiveStore(url)
        try:
            account_id = store.services.accounts.find_account(ACCOUNT)
            with view_sides(url, store.owner, account_id) as both:
                assert both.check_preferences() > 5
                assert both.check_consents() > 2
                stored = store.query("SELECT body->'emails' FROM profile WHERE account_id = %s", account_id)
                assert any(element.get("same_as") is not None for (emails,) in stored for element in emails or [])
                for profile in both.profiles.values():
                    before = profile_store.encode_state(profile.body).decode()
                    assert store.query(
                        "SELECT FROM profile WHERE account_id = %s AND body::text = %s", account_id, before
                    )
        finally:
            store.close()


def test_an_owner_that_is_no_superuser_migrates_and_a_superuser_opens_the_views(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create_database(engine)
    keeper = make_conninfo(url, user="keeper", password="x")
    dbname = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
    try:
        with monkeypatch.context() as patch:
            earlier = list_migrations()[:13]
            patch.setattr(migration, "list_migrations", lambda: earlier)
            migrate(url)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("CREATE ROLE keeper LOGIN PASSWORD 'x' IN ROLE consentory_service, consentory_worker")
            owner.execute(sql.SQL("ALTER DATABASE {} OWNER TO keeper").format(dbname))
            for kind, query in (
                ("TABLE", ALL_TABLES),
                ("ROUTINE", "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"),
            ):
                for (name,) in owner.execute(query).fetchall():  # type: ignore[call-overload]
                    form = sql.SQL("ALTER {} {} OWNER TO keeper").format(sql.SQL(kind), sql.Identifier(name))
                    owner.execute(form)
        assert "0015_views" in migrate(keeper)
        store = LiveStore(url)
        try:
            account_id = make_person(store, "1")
            with reader_of(url, account_id) as of_reader, psycopg.connect(of_reader) as reader:
                assert [count(reader, view) > 0 for view in VIEWS] == [True] * len(VIEWS)
        finally:
            store.close()
        assert migrate(keeper) == []  # the owner keeps the lock of migrations
    finally:
        drop_database(engine, url)
        with psycopg.connect(engine, autocommit=True) as owner:
            owner.execute("DROP ROLE IF EXISTS keeper")
