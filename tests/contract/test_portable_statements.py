"""Every statement is one text for PostgreSQL and for Citus: the rules that can be checked without Citus.

`scripts/test-citus` runs the statements themselves on a cluster. The rules are those of docs/scale-out.md.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
from sample_rows import ROWS

from consentory.store.sharding import DISTRIBUTED
from consentory.store.statements import all_statements

STORE = Path(str(files("consentory.store")))
TABLES = {*ROWS, "auth_attempt", "signing_key", "schema_migration"}
STATEMENTS = {name: re.sub(r"--[^\n]*", "", text) for name, text in all_statements().items()}

VOLATILE = r"\b(clock_timestamp|timeofday|random|gen_random_uuid|nextval)\s*\("
STABLE = r"\b(now|statement_timestamp|transaction_timestamp|current_account|current_setting)\s*\("


def list_named(text: str) -> set[str]:
    """The tables that a statement reads or writes."""
    found = re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO|USING|COPY)\s+([a-z_]+)\b", text)
    return set(found) & TABLES


def is_change(text: str) -> bool:
    return re.match(r"\s*(WITH|UPDATE|DELETE|INSERT)\b", text) is not None


def names_one_shard(text: str) -> bool:
    """Whether a statement tells Citus its shard: by one value of the column, or by `one`."""
    columns = {DISTRIBUTED[table] for table in list_named(text) & DISTRIBUTED.keys()}
    return "%(one)s" in text or any(re.search(rf"\b{column} = %\(\w+\)s", text) for column in columns)


def test_all_tables_are_known(schema_tables: set[str]) -> None:
    assert schema_tables == TABLES


@pytest.fixture(scope="module")
def schema_tables(engine: str, template: str) -> set[str]:
    with psycopg.connect(psycopg.conninfo.make_conninfo(engine, dbname=template)) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
    return {row[0] for row in rows}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_names_one_way_of_distribution(name: str) -> None:
    """Citus joins tables that are distributed by the same column, and local tables; it joins no others."""
    assert len({DISTRIBUTED.get(table) for table in list_named(STATEMENTS[name])}) <= 1


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if is_change(text)])
def test_a_change_has_no_volatile_function(name: str) -> None:
    """The clock of the statement does instead of the clock of the moment."""
    assert re.search(VOLATILE, STATEMENTS[name]) is None


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if is_change(text)])
def test_no_function_of_the_transaction_stands_in_a_branch_of_a_change(name: str) -> None:
    """Citus replaces now() by its value, but neither in coalesce nor in CASE. least() and greatest() may have it."""
    for branch in re.findall(r"\bcoalesce\([^;]*?\)\)?|\bCASE\b.*?\bEND\b", STATEMENTS[name], re.S):
        assert re.search(STABLE, branch) is None


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if is_change(text) and "CASE" in text])
def test_each_branch_of_a_change_has_a_condition(name: str) -> None:
    """Citus writes CASE state WHEN 'a' as CASE state WHEN state = 'a', and PostgreSQL refuses that."""
    assert re.search(r"\bCASE\s+(?!WHEN\b)", STATEMENTS[name]) is None


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if "ON CONFLICT" in text])
def test_an_upsert_decides_by_immutable_expressions(name: str) -> None:
    """A time minus an interval depends on the time zone, and Citus refuses it here. A time minus a time does not."""
    decision = STATEMENTS[name].split("ON CONFLICT")[1]
    assert re.search(rf"{VOLATILE}|{STABLE}|[+-] (interval|make_interval)", decision) is None


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if "ctid" in text])
def test_rows_by_place_are_of_one_shard(name: str) -> None:
    """A place (ctid) means something else in each shard, so that the condition of the change names the shard, too."""
    text = STATEMENTS[name]
    if list_named(text) & DISTRIBUTED.keys():
        change = text[: text.index("CROSS JOIN")] + text[text.rindex(")\n") :]
        assert "%(one)s" in change or "%(one)s" in text.rsplit("ctid", 1)[1]
    else:
        assert re.search(r"WHERE account_id = current_account\(\) AND ctid", text)


@pytest.mark.parametrize(
    "name", [name for name, text in STATEMENTS.items() if list_named(text) & DISTRIBUTED.keys() and "LATERAL" in text]
)
def test_look_ups_of_rows_one_by_one_are_of_one_shard(name: str) -> None:
    assert names_one_shard(STATEMENTS[name])


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if "%(one)s" in text])
def test_the_shard_costs_nothing_elsewhere(name: str) -> None:
    """Without `IS NULL OR` in front, each look-up would compare its row with all keys: quadratic on PostgreSQL."""
    conditions = re.findall(
        r"AND \(%\(one\)s::(\w+) IS NULL OR (\w+\.)?(\w+) = ANY\(%\((\w+)\)[sb]::\1\[\]\) OR \2?\3 = %\(one\)s::\1\)",
        STATEMENTS[name],
    )
    assert len(conditions) == STATEMENTS[name].count("%(one)s") / 2 > 0
    assert {kind for kind, *_ in conditions} <= {"uuid", "bigint"}


def test_no_outer_join_with_a_look_up() -> None:
    assert {name for name, text in STATEMENTS.items() if re.search(r"LEFT JOIN LATERAL", text)} <= {
        "list_chain", "list_queue",
    }  # fmt: skip


def test_locks_are_taken_where_the_tables_are() -> None:
    """An advisory lock holds on one machine: the coordinator, if the statement reads a table of it."""
    for name, text in STATEMENTS.items():
        if re.search(r"pg_(try_)?advisory", text):
            assert list_named(text) & (TABLES - DISTRIBUTED.keys()), name


def test_the_account_is_set_in_the_way_that_citus_carries_to_the_nodes() -> None:
    """A set_config of the account does not reach the nodes, and there is no error: no row is found there."""
    texts = [file.read_text("utf-8") for file in STORE.rglob("*.py")] + list(STATEMENTS.values())
    assert not any(re.search(r"set_config\(\s*'consentory\.account_id'", text) for text in texts)
    assert sum("SET LOCAL consentory.account_id" in text for text in texts) == 1
