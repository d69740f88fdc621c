"""Connections: one pool for each role, and transactions bound to an account. Psycopg's errors become ours here."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from consentory.config import read_test_number
from consentory.errors import (
    OutcomeUnknown,
    StatementRefused,
    StoreBusy,
    StoreContended,
    StoreRefused,
    StoreUnavailable,
)
from consentory.store.heartbeat import Heartbeat
from consentory.store.statements import statement

# One JSON codec for the whole store. Writers give Json or Jsonb with JSON that they encoded themselves.
set_json_dumps(bytes)
set_json_loads(msgspec.json.decode)


class _UuidDumper(Dumper):
    """For UUIDs, and for the 16 bytes of a key (`domain.text.hash_key`). COPY takes the bytes without a UUID object."""

    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].oid

    def dump(self, obj: UUID | bytes) -> bytes:
        return obj if isinstance(obj, bytes) else obj.bytes


psycopg.adapters.register_dumper(UUID, _UuidDumper)

Bounds = Mapping[str, Sequence[int]]
"""By distributed table: the lowest hash of each of its shards, in ascending order."""

Role = Literal["consentory_service", "consentory_worker", "owner"]
Parameters = Mapping[str, Any] | Sequence[Any]

LEASE_VARIABLE = "CONSENTORY_LEASE_SECONDS"
"""Only for tests, which cannot wait 30 seconds. It is no setting, because clients are promised 30 seconds."""

LEASE_SECONDS = read_test_number(LEASE_VARIABLE, 30)
"""A frozen or disconnected session loses its locks after this time (execution.md, "While it runs")."""

READ_SECONDS = 900
"""A reader's transaction may last this long (docs/sql.md)."""

_SESSION = {
    "idle_in_transaction_session_timeout": f"{LEASE_SECONDS}s",
    "statement_timeout": f"{LEASE_SECONDS}s",
    "tcp_user_timeout": str(LEASE_SECONDS * 1000),
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    "client_min_messages": "warning",
    "jit": "off",
    # Nearly all look-ups are of one row by its whole key. With bitmap scans they take a fifth longer.
    "enable_bitmapscan": "off",
    # A plan from before a table was filled must not stay, and to plan with the parameters costs little.
    "plan_cache_mode": "auto",
    # Citus: SET LOCAL, by which a transaction names its account, holds on each node. Elsewhere nobody reads this.
    "citus.propagate_set_commands": "local",
    # Citus: one connection to each node, and not one to each shard. The connections stay open between transactions.
    "citus.multi_shard_modify_mode": "sequential",
    "citus.max_adaptive_executor_pool_size": "1",
}
_DATA_CLASSES = ("22", "23")
"""SQLSTATE classes of errors in the data."""
_CONTENTION_CLASS = "40"
_BUSY = ("53", "55", "58", "57014")
"""SQLSTATE classes, and the code of a statement time-out, of errors that pass. The session stays usable."""
SNAPSHOT_ENDED = ("22023", "42704", "55000")
"""SQLSTATEs of a snapshot whose transaction has ended: older releases of PostgreSQL, newer ones, and a snapshot whose
session ended a moment ago."""
_LOST_CLASSES = ("08", "57")
"""SQLSTATE classes of a lost connection and of a server that stops. libpq's own errors have no SQLSTATE."""
_SHARD = re.compile(r"_\d{6,}$")
"""The number of the shard, which Citus appends to the name of a constraint."""
_IDLE_TOO_LONG = "25P03"
"""A transaction was idle for too long: the session is lost, and nothing of it was committed."""


_BEGIN = sql.SQL("BEGIN")
_BEGIN_SNAPSHOT = sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ")
_BEGIN_READING = sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def join_keys(keys: Iterable[bytes]) -> str:
    """Many keys of 16 bytes as one parameter, for `…::uuid[]`. It is much faster than a list."""
    return f"{{{b''.join(keys).hex(',', 16)}}}"


def translate(error: psycopg.Error) -> StoreRefused | StatementRefused | StoreUnavailable:
    """Our error for an error of psycopg (execution.md, "While it runs"): StoreRefused for an error in the data,
    StoreUnavailable for an error that passes, and StatementRefused for all others."""
    state = error.sqlstate or ""
    name = f"{type(error).__name__} {state}".strip()
    # Psycopg itself refuses some data, for example a NUL in a text. Then there is no SQLSTATE.
    if state[:2] in _DATA_CLASSES or (not state and isinstance(error, psycopg.DataError)):
        return StoreRefused(state, _SHARD.sub("", error.diag.constraint_name or ""))
    if state.startswith(_CONTENTION_CLASS):
        return StoreContended(name)
    if state.startswith(_BUSY):
        return StoreBusy(name)
    # A parameter too few is no case for PostgreSQL: psycopg says so by itself.
    if state.startswith((*_LOST_CLASSES, _IDLE_TOO_LONG)) or (
        not state and not isinstance(error, psycopg.ProgrammingError)
    ):
        return StoreUnavailable(name)
    return StatementRefused(type(error).__name__, state)


class Transaction:
    """A transaction that is bound to one account. Transactions of the worker and the owner may be bound to none."""

    def __init__(self, connection: psycopg.Connection[TupleRow], *, may_copy: bool, bounds: Bounds) -> None:
        self.connection = connection
        self.bounds = bounds
        """Empty on one PostgreSQL."""
        self.may_copy = may_copy
        """False for a role with row-level security: PostgreSQL refuses COPY into a table with a policy."""
        self.has_written = False
        """True if the outcome is unknown after the connection was lost during the commit."""

    def run(self, name: str, parameters: Parameters = ()) -> psycopg.Cursor[TupleRow]:
        """Execute the named statement. The cursor gives its rows."""
        cursor = self.connection.execute(statement(name), parameters)
        self.has_written |= not (cursor.statusmessage or "").startswith("SELECT")
        return cursor

    def row(self, name: str, parameters: Parameters = ()) -> TupleRow | None:
        """The first row of the named statement, or None."""
        return self.run(name, parameters).fetchone()

    def rows(self, name: str, parameters: Parameters = ()) -> list[TupleRow]:
        """All rows of the named statement."""
        return self.run(name, parameters).fetchall()

    def rows_of_each(self, name: str, many: Sequence[Parameters]) -> list[TupleRow]:
        """All rows of the named statement, run for each parameter set, one for each shard. Several go in a pipeline."""
        if len(many) < 2:
            return [row for parameters in many for row in self.rows(name, parameters)]
        with self.connection.pipeline():
            cursors = [self.connection.execute(statement(name), parameters) for parameters in many]
            rows = [row for cursor in cursors for row in cursor]
        self.has_written |= not (cursors[0].statusmessage or "").startswith("SELECT")
        return rows

    def run_each(self, name: str, many: Sequence[Parameters]) -> None:
        """Like rows_of_each, for a statement without rows."""
        if len(many) < 2:
            for parameters in many:
                self.run(name, parameters)
        else:
            self.run_many(name, many)

    def run_many(self, name: str, parameters: Sequence[Parameters]) -> None:
        """Execute the named statement once for each parameter set, in a pipeline."""
        if parameters:
            self.has_written = True
            with self.connection.cursor() as cursor:
                cursor.executemany(statement(name), parameters)

    def copy(self, name: str, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Binary COPY of rows by the named `COPY … FROM STDIN (FORMAT binary)` statement."""
        if not rows:
            return
        self.has_written = True
        with self.connection.cursor() as cursor, cursor.copy(statement(name)) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def stream(self, name: str, parameters: Parameters = (), size: int = 5000) -> Iterator[TupleRow]:
        """The rows of the named statement through a server-side cursor, `size` at a time."""
        with self.connection.cursor(name="stream") as cursor:
            cursor.itersize = size
            cursor.execute(statement(name), parameters)
            yield from cursor

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the changes of the block if it raises, and go on in the same transaction.

        Raises StoreRefused, StatementRefused or StoreUnavailable. After StoreUnavailable the transaction is lost.
        """
        try:
            with self.connection.transaction():
                yield
        except psycopg.Error as error:
            raise translate(error) from error

    def set_account(self, account_id: int) -> None:
        """Bind the rest of the transaction to an account: the policies show its rows, and COPY fills in its id."""
        self.connection.execute(_bind_account(account_id), prepare=False)  # each account has a text of its own


class Database:
    """A pool of connections of one role. Use it by `with database.transaction(account_id) as tx:`."""

    def __init__(self, conninfo: str, role: Role, *, size: int = 8, wait_seconds: float = 5) -> None:
        self._conninfo = conninfo
        self._role = role
        self._size = size
        self._bounds: Bounds = {}
        self._mark = secrets.token_hex(4)
        """Part of the names of all sessions of this object. It shows which sessions belong together."""
        self._pool = ConnectionPool(
            conninfo,
            min_size=0 if size > 1 else 1,
            max_size=size,
            timeout=wait_seconds,
            # Without this limit the pauses between attempts double for five minutes, and a process would be late after
            # an outage. After the limit, the next request starts a new attempt.
            reconnect_timeout=wait_seconds,
            configure=self._configure,
            kwargs={"autocommit": True},  # transactions are begun in `_begin`
            open=False,
            name=role,
        )
        self._pool.open()
        self.heartbeat = Heartbeat(conninfo, f"consentory_beat/{self._mark}", LEASE_SECONDS / 6)
        self.heartbeat.start()

    def close(self) -> None:
        """Close all connections. A second call does nothing."""
        self.heartbeat.stop()
        self._pool.close()

    def check_ready(self) -> None:
        """Raises StoreUnavailable if the database cannot be reached or has no schema."""
        try:
            with self.transaction() as tx:
                tx.run("check_schema")
        except StatementRefused as error:
            raise StoreUnavailable("the schema is not there, or not for this role") from error

    @contextmanager
    def transaction(self, account_id: int | None = None) -> Iterator[Transaction]:
        """A transaction that commits at the end and rolls back on any exception.

        Raises StoreUnavailable (nothing was done), StoreRefused (the data broke a rule of the schema), StatementRefused
        (PostgreSQL refused the statement itself), or OutcomeUnknown (the connection was lost during the commit of a
        change).
        """
        with self._run([_BEGIN, *([] if account_id is None else [_bind_account(account_id)])]) as tx:
            yield tx

    @contextmanager
    def snapshot(self, account_id: int, name: str | None = None, *, read_only: bool = False) -> Iterator[Transaction]:
        """A transaction that sees the same state of the database from its first statement to its end.

        `name`: the snapshot of another transaction, from `export_snapshot`. With a name the transaction only reads. On
        Citus the nodes share no snapshots: each statement there sees what is committed when it begins.
        Raises like `transaction`, and an error with a code of SNAPSHOT_ENDED if that other transaction has ended.
        """
        begin: list[sql.Composable] = [_BEGIN_READING if read_only or name is not None else _BEGIN_SNAPSHOT]
        if name is not None and not self._bounds:
            begin.append(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(name))
        with self._run([*begin, _bind_account(account_id)]) as tx:
            yield tx

    @contextmanager
    def _run(self, begin: Sequence[sql.Composable]) -> Iterator[Transaction]:
        is_unknown = False
        try:
            with self._begin(sql.SQL("; ").join(begin)) as connection:
                transaction = Transaction(connection, may_copy=self._role != "consentory_service", bounds=self._bounds)
                yield transaction
                is_unknown = transaction.has_written
        except PoolTimeout as error:
            raise StoreUnavailable("no connection to the database could be had in time") from error
        except psycopg.Error as error:
            if is_unknown and (error.sqlstate or "08").startswith(_LOST_CLASSES):
                raise OutcomeUnknown("the connection was lost during the commit") from error
            raise translate(error) from error

    @contextmanager
    def _begin(self, begin: sql.Composed) -> Iterator[psycopg.Connection[TupleRow]]:
        """A connection in a new transaction, which the pool commits or rolls back.

        One message begins the transaction and binds it to its account, because under load each message waits for a
        processor twice. The message also shows if a pooled connection was lost. Then another connection is taken.
        """
        for _ in range(self._size + 1):
            with self._pool.connection() as connection:
                try:
                    connection.execute(begin, prepare=False)
                except psycopg.OperationalError:
                    if connection.closed:
                        continue
                    raise
                yield connection
                return
        raise StoreUnavailable("every connection to the database was lost")

    @contextmanager
    def listen(self, channel: LiteralString) -> Iterator[psycopg.Connection[TupleRow]]:
        """An extra connection that LISTENs on `channel`. Wait with `wait_for_notice`.

        At a node of a cluster it connects to the coordinator, whose servers notify.
        """
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                coordinator = _find_coordinator(connection)
            with psycopg.connect(self._conninfo, autocommit=True, **coordinator) as connection:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield connection
        except psycopg.Error as error:
            raise translate(error) from error

    def end_frozen_sessions(self) -> int:
        """End the sessions of frozen server processes and workers, and return their number.

        Such a session may be in the middle of a COPY, a pipeline or a result, where PostgreSQL has no time-out. A
        process with a heartbeat is not frozen, however long it needs for a result.

        Raises StoreUnavailable.
        """
        return self._end_sessions("end_frozen_sessions", LEASE_SECONDS / 2)

    def end_long_reads(self, seconds: float = READ_SECONDS) -> int:
        """End the sessions of readers (`consentory reader`) whose transaction is older, and return their number. A
        reader can switch its own time-outs off. Raises StoreUnavailable."""
        return self._end_sessions("end_long_reads", seconds)

    def _end_sessions(self, name: str, seconds: float) -> int:
        """With the rights of the login, with any role of this object."""
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                row = connection.execute(statement(name), {"seconds": seconds}).fetchone()
        except psycopg.Error as error:
            raise translate(error) from error
        return 0 if row is None else int(row[0])

    def _configure(self, connection: psycopg.Connection[TupleRow]) -> None:
        settings = {**_SESSION, "application_name": f"{self._role}/{self._mark}"}
        if self._role != "owner":
            settings["role"] = self._role
        connection.execute(
            "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS setting (name, value)",
            (list(settings), list(settings.values())),
        )
        self._bounds = _read_bounds(connection)


def _bind_account(account_id: int) -> sql.Composed:
    # Not set_config: Citus would not carry it to the nodes, and without any error no row would be found there.
    return sql.SQL("SET LOCAL consentory.account_id = {}").format(str(account_id))


def _has_citus(connection: psycopg.Connection[TupleRow]) -> bool:
    return connection.execute("SELECT to_regclass('pg_catalog.pg_dist_shard')").fetchone() != (None,)


def _find_coordinator(connection: psycopg.Connection[TupleRow]) -> dict[str, Any]:
    """Host and port of the coordinator, at a node of a cluster. Empty elsewhere."""
    if not _has_citus(connection):
        return {}
    row = connection.execute(
        "SELECT nodename, nodeport FROM pg_dist_node"
        " WHERE groupid = 0 AND (SELECT groupid FROM pg_dist_local_group) <> 0"
    ).fetchone()
    return {} if row is None else {"host": row[0], "port": row[1]}


def _read_bounds(connection: psycopg.Connection[TupleRow]) -> Bounds:
    """The bounds of the shards of each distributed table. PostgreSQL without Citus has none."""
    if not _has_citus(connection):
        return {}
    rows = connection.execute(
        "SELECT logicalrelid::regclass::text, array_agg(shardminvalue::integer ORDER BY shardminvalue::integer)"
        " FROM pg_dist_shard WHERE shardminvalue IS NOT NULL GROUP BY 1"
    ).fetchall()
    return {table: list(bounds) for table, bounds in rows}


def wait_for_notice(connection: psycopg.Connection[TupleRow], seconds: float) -> bool:
    """True if a notification came within `seconds`. Raises StoreUnavailable if the connection is lost."""
    try:
        return any(True for _ in connection.notifies(timeout=seconds, stop_after=1))
    except psycopg.Error as error:
        raise translate(error) from error
