"""Distribute the tables of a database over the nodes of a Citus cluster (docs/scale-out.md).

Every step can be repeated, and each one is a transaction of its own. So a call that was interrupted is called again.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from consentory.errors import ConsentoryError, StoreUnavailable
from consentory.store.migration import MIGRATION_LOCK
from consentory.store.reader_views import close_views
from consentory.store.sharding import DISTRIBUTED

OLDEST_CITUS = 13
_NODE_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    "enable_bitmapscan": "off",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""Settings of the sessions between nodes. Such a session does not get the settings of the session that opens it."""

Report = Callable[[str], None]
_Connection = psycopg.Connection[TupleRow]


class DistributionRefused(ConsentoryError):
    """The database cannot be distributed. The message tells what is missing."""


def distribute(conninfo: str, shards: int, report: Report) -> None:
    """Distribute all tables of an up-to-date schema. Rows that exist already move to the nodes.

    `report` gets a line of text for each step. Raises DistributionRefused or StoreUnavailable.
    """
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            _check_ready(connection)
            connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
            connection.execute("SET client_min_messages = warning")
            _distribute(connection, shards, report)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database cannot be reached: {error}".strip()) from error
    except psycopg.Error as error:
        raise DistributionRefused(
            f"The tables cannot be distributed ({type(error).__name__}: {error.diag.message_primary})."
            " Remove the reason, and run the command again. It continues where it stopped."
        ) from error


def _check_ready(connection: _Connection) -> None:
    """Raises DistributionRefused if the database is no Citus coordinator with nodes, or programs use it."""
    row = connection.execute(
        "SELECT split_part(extversion, '.', 1)::integer FROM pg_extension WHERE extname = 'citus'"
    ).fetchone()
    if row is None:
        raise DistributionRefused(
            "This PostgreSQL has no Citus, so the tables cannot be distributed. Install Citus"
            f" {OLDEST_CITUS} or newer on all machines, run CREATE EXTENSION citus in this database on each of them,"
            " and run the command again."
        )
    if row[0] < OLDEST_CITUS:
        raise DistributionRefused(f"This database has Citus {row[0]}. Update Citus to {OLDEST_CITUS} or newer.")
    row = connection.execute("SELECT groupid FROM pg_dist_local_group").fetchone()
    if row is not None and row[0] != 0:
        raise DistributionRefused("This is a node. Name the coordinator in --database-url.")
    groups = {row[0] for row in connection.execute("SELECT groupid FROM pg_dist_node WHERE noderole = 'primary'")}
    if 0 not in groups:
        raise DistributionRefused(
            "The cluster does not know its coordinator. Run SELECT citus_set_coordinator_host('<name>', <port>) here,"
            " and run the command again."
        )
    if groups == {0}:
        raise DistributionRefused(
            "The cluster has no node. Run SELECT citus_add_node('<name>', <port>) here for each node, and run the"
            " command again."
        )
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        " AND application_name ~ '^consentory_(service|worker)/'"
    ).fetchone()
    if row is not None and row[0]:
        raise DistributionRefused(
            f"{row[0]} sessions of `consentory serve` and `consentory worker` use this database. Stop these programs,"
            " and run the command again."
        )


def _distribute(connection: _Connection, shards: int, report: Report) -> None:
    _prepare_roles(connection)
    close_views(connection)
    placed = _list_placed(connection)
    tables = _list_tables(connection)
    first_of: dict[str, str] = {}
    for number, table in enumerate(tables, 1):
        column = DISTRIBUTED.get(table)
        if column is not None and column not in first_of:
            first_of[column] = table
        if table not in placed:
            report(f"table {number} of {len(tables)}: {table}{_count_rows(connection, table)}")
            if column is None:
                connection.execute("SELECT citus_add_local_table_to_metadata(%s)", [table])
            elif first_of[column] == table:
                connection.execute(
                    "SELECT create_distributed_table(%s, %s, shard_count => %s, colocate_with => 'none')",
                    [table, column, shards],
                )
            else:
                connection.execute(
                    "SELECT create_distributed_table(%s, %s, colocate_with => %s)", [table, column, first_of[column]]
                )
        if column is not None:
            # The rows from before stay on the coordinator's disk until this. They are personal data.
            connection.execute("SELECT truncate_local_data_after_distributing_table(%s)", [table])
    _spread_functions(connection)


def _list_placed(connection: _Connection) -> set[str]:
    """The tables in the metadata of Citus."""
    return {row[0] for row in connection.execute("SELECT logicalrelid::regclass::text FROM pg_dist_partition")}


def _list_tables(connection: _Connection) -> list[str]:
    """The tables to place, in the order in which co-located tables follow their first one."""
    rows = connection.execute(
        "SELECT relname FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')"
        " AND NOT EXISTS (SELECT FROM pg_dist_shard AS s WHERE c.oid = ("
        "   SELECT oid FROM pg_class WHERE relname = right(s.logicalrelid::regclass::text, 50) || '_' || s.shardid"
        "     AND relnamespace = 'public'::regnamespace))"
    ).fetchall()
    known = {row[0] for row in rows}
    return [*DISTRIBUTED, *sorted(known - DISTRIBUTED.keys())]


def _count_rows(connection: _Connection, table: str) -> str:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return f", {row[0]:,} rows" if row is not None and row[0] else ""


_PREPARE_ROLES = """
DO $do$ DECLARE role text; BEGIN
  PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
  FOREACH role IN ARRAY ARRAY['consentory_service', 'consentory_worker'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I', role);
    END IF;
    EXECUTE format('GRANT %I TO CURRENT_USER', role);
    EXECUTE format('ALTER ROLE %I LOGIN', role);
    {settings}
  END LOOP;
  ALTER ROLE consentory_worker BYPASSRLS;
END $do$"""


def _prepare_roles(connection: _Connection) -> None:
    """The sessions between nodes log in as our two roles. The roles have no password: see docs/scale-out.md."""
    settings = " ".join(
        f"EXECUTE format('ALTER ROLE %I SET {name} = %L', role, '{value}');" for name, value in _NODE_SETTINGS.items()
    )
    answers = connection.execute(
        "SELECT n.nodename || ':' || n.nodeport, r.success, r.result"
        " FROM run_command_on_all_nodes(%s) AS r JOIN pg_dist_node AS n USING (nodeid)",
        [_PREPARE_ROLES.replace("{settings}", settings)],
    ).fetchall()
    for node, is_right, answer in answers:
        if not is_right:
            raise DistributionRefused(f"The roles cannot be prepared on {node}: {answer}")


def _spread_functions(connection: _Connection) -> None:
    """Let each node know our functions."""
    connection.execute(
        "SELECT create_distributed_function(oid::regprocedure) FROM pg_proc AS p"
        " WHERE pronamespace = 'public'::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')"
    )
