"""A Citus cluster: people who move to it, the walls on each node, and workers at any node."""

from __future__ import annotations

from collections.abc import Iterator

import citus_cluster
import psycopg
import pytest
from citus_cluster import find_node
from psycopg import errors, sql
from running_server import create_database, drop_database
from sample_rows import ROWS, SERVICE, WORKER, insert_row, make_row
from workbench import Workbench, make_person, open_workbench

from consentory.bootstrap.composition import open_readers
from consentory.errors import RequestRefused
from consentory.store.distribution import DistributionRefused, distribute
from consentory.store.migration import migrate
from consentory.store.sharding import DISTRIBUTED

OURS, THEIRS = 1, 2
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}


@pytest.fixture
def undistributed(engine: str) -> Iterator[str]:
    """A migrated database of a cluster, whole on the coordinator."""
    url = create_database(engine)
    migrate(url)
    yield url
    drop_database(engine, url)


def count_rows(url: str) -> dict[str, int]:
    """By table, as the owner sees it."""
    with psycopg.connect(url) as owner:
        tables = [row[0] for row in owner.execute("SELECT unnest(%s::text[])", [sorted(ROWS)])]
        counted = {}
        for table in tables:
            row = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert row is not None
            counted[table] = row[0]
        return counted


def count_local_bytes(url: str) -> dict[str, int]:
    """By distributed table: the bytes on the coordinator's own disk."""
    with psycopg.connect(url) as owner:
        rows = owner.execute(
            "SELECT t, pg_relation_size(t::regclass) FROM unnest(%s::text[]) AS t", [list(DISTRIBUTED)]
        ).fetchall()
    return {table: size for table, size in rows if size}


# People who move ---------------------------------------------------------------------------------------------------


def test_people_move_and_nothing_of_them_stays_on_the_coordinator(undistributed: str) -> None:
    with open_workbench(undistributed) as bench:
        bench.complete([make_person(n) for n in range(1, 201)])
    before = count_rows(undistributed)
    assert before["profile"] == 200
    assert count_local_bytes(undistributed)["profile"] > 0
    lines: list[str] = []
    distribute(undistributed, citus_cluster.SHARDS, lines.append)
    assert any("profile, 200 rows" in line for line in lines)
    assert count_rows(undistributed) == before
    assert count_local_bytes(undistributed) == {}
    with open_workbench(undistributed) as bench:
        bench.complete([make_person(n) for n in range(1, 201)])


def test_a_cluster_has_no_views_and_makes_no_readers(database_url: str) -> None:
    """The nodes run a query with the rights of the reader, and a reader has no right on a table."""
    with psycopg.connect(database_url) as owner:
        assert owner.execute("SELECT FROM pg_views WHERE schemaname = 'public' AND viewname ~ '^v_'").rowcount == 0
        assert owner.execute("SELECT FROM pg_policies WHERE policyname = 'reader_account'").rowcount == 0
    with open_workbench(database_url) as bench:
        account_id = bench.caller.account_id
    readers = open_readers(database_url)
    try:
        with pytest.raises(RequestRefused, match="no views for SQL"):
            readers.create(account_id, None, new_password=False)
    finally:
        readers.close()


def test_an_interrupted_move_is_repeated(undistributed: str) -> None:
    with open_workbench(undistributed) as bench:
        bench.complete([make_person(n) for n in range(1, 51)])
    before = count_rows(undistributed)

    class Interrupted(Exception):
        pass

    def stop_after_some(line: str) -> None:
        if "contact_key" in line:
            raise Interrupted

    with pytest.raises(Interrupted):
        distribute(undistributed, citus_cluster.SHARDS, stop_after_some)
    assert count_rows(undistributed) == before
    distribute(undistributed, citus_cluster.SHARDS, print)
    lines: list[str] = []
    distribute(undistributed, citus_cluster.SHARDS, lines.append)
    assert lines == []  # everything is in its place already
    assert count_rows(undistributed) == before
    assert count_local_bytes(undistributed) == {}


def test_running_programs_are_named(undistributed: str) -> None:
    with (
        psycopg.connect(undistributed, application_name="consentory_worker/1234"),
        pytest.raises(DistributionRefused, match="Stop these programs"),
    ):
        distribute(undistributed, citus_cluster.SHARDS, print)


def test_a_node_is_refused(database_url: str) -> None:
    with pytest.raises(DistributionRefused, match="This is a node"):
        distribute(find_node(database_url), citus_cluster.SHARDS, print)


# Walls -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_accounts(engine: str, template: str) -> Iterator[str]:
    """A database with the sample row of every table for each of two accounts."""
    url = create_database(engine, template)
    with psycopg.connect(url) as owner:
        for account_id in (OURS, THEIRS):
            for table in sorted(ROWS):
                insert_row(owner, table, make_row(table, account_id))
    yield url
    drop_database(engine, url)


@pytest.mark.parametrize("account_id", [None, OURS])
def test_the_shards_have_walls(two_accounts: str, account_id: int | None) -> None:
    """As the service's role, directly at each node and at each shard."""
    seen = 0
    for number in range(citus_cluster.NODES):
        with psycopg.connect(find_node(two_accounts, number)) as node:
            shards = node.execute(
                "SELECT shard_name(logicalrelid, shardid) FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)"
                " WHERE logicalrelid::regclass::text = ANY(%s)"
                " AND groupid = (SELECT groupid FROM pg_dist_local_group)",
                [[table for table in DISTRIBUTED if table not in ("before_image", "preview_change")]],
            ).fetchall()
            assert shards
            node.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(SERVICE)))
            if account_id is not None:
                node.execute(sql.SQL("SET LOCAL consentory.account_id = {}").format(str(account_id)))
            for (shard,) in shards:
                rows = node.execute(sql.SQL("SELECT account_id FROM {}").format(sql.SQL(shard))).fetchall()
                assert {row[0] for row in rows} <= {account_id}
                seen += len(rows)
    assert seen == (0 if account_id is None else len(DISTRIBUTED) - 2)


def test_set_config_of_the_account_fails_in_silence_and_set_local_does_not(two_accounts: str) -> None:
    """The reason why database.py uses SET LOCAL: set_config does not reach the nodes."""
    query = "SELECT account_id FROM profile WHERE account_id = current_account()"
    for binding, found in (
        ("SELECT set_config('consentory.account_id', '1', true)", []),
        ("SET LOCAL consentory.account_id = '1'", [(OURS,)]),
    ):
        with psycopg.connect(two_accounts) as connection:
            connection.execute("SET citus.propagate_set_commands = 'local'")
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(SERVICE)))
            connection.execute(binding)
            assert connection.execute(query).fetchall() == found


@pytest.mark.parametrize("role", [SERVICE, WORKER])
def test_no_role_reads_before_images_that_it_may_not_read(two_accounts: str, role: str) -> None:
    with psycopg.connect(two_accounts) as connection:
        connection.execute("SET citus.propagate_set_commands = 'local'")
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        connection.execute("SET LOCAL consentory.account_id = '1'")
        if role == SERVICE:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("SELECT image FROM before_image")
        else:
            assert len(connection.execute("SELECT image FROM before_image WHERE account_id = 1").fetchall()) == 1


# Programs at a node ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1])
def test_an_import_is_executed_at_a_node(database_url: str, number: int) -> None:
    with open_workbench(find_node(database_url, number)) as bench:
        check_import(bench)
    with psycopg.connect(database_url) as owner:
        assert owner.execute("SELECT count(*) FROM profile").fetchone() == (3000,)
        assert owner.execute("SELECT count(*) FROM pg_dist_transaction").fetchone() is not None


def test_no_change_has_a_position_before_all_machines_show_it(database_url: str) -> None:
    """Between the two phases of a commit one machine shows the change, and another one does not yet."""
    with open_workbench(database_url) as bench, psycopg.connect(find_node(database_url), autocommit=True) as node:
        bench.complete([make_person(1)])
        node.execute("BEGIN")
        node.execute("SELECT pg_current_xact_id()")
        node.execute("PREPARE TRANSACTION 'citus_99_1_1_1'")  # the recovery leaves it alone: no machine is number 99
        try:
            assert bench.worker.sequencing.number_waiting() == 0
        finally:
            node.execute("COMMIT PREPARED 'citus_99_1_1_1'")
        assert bench.worker.sequencing.number_waiting() == 1


def check_import(bench: Workbench) -> None:
    """New people, the same again, and half of them changed."""
    people = [make_person(n, Emails=[{"EmailAddress": f"{n}@example.com"}]) for n in range(1, 3001)]
    assert bench.complete(people, **MATCH).books.created == 3000
    assert bench.complete(people, **MATCH).books.unchanged == 3000
    changed = [{**one, "CustomerName": {"FirstName": "New"}} for one in people[::2]]
    assert bench.complete(changed, **MATCH).books.updated == 1500
    found = bench.services.profiles.find_by_email(bench.caller, "17@example.com")
    assert len(found) == 1
