"""Every named statement: understood by PostgreSQL, allowed to its role, explained, used; the hot ones by an index."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from account_statements import ACROSS_ACCOUNTS, MADE_BEFORE
from large_filling import FILL
from psycopg import errors, sql
from running_server import create_database, drop_database
from sample_rows import SERVICE, WORKER, connect_as, list_walled_tables

from consentory.store.database import join_keys
from consentory.store.statements import all_statements, statement

STORE = Path(str(files("consentory.store")))
SERVICES = Path(str(files("consentory.services")))

WORKER_ONLY_MODULES = {
    "guarding",
    "previewing",
    "preview_parts",
    "staged_reading",
    "import_execution",
    "repeated_records",
    "retention",
    "audit_chaining",
    "audit_verification",
    "upload_jobs",
    "position_sequencing",
    "audience_counting",
}
"""Services that run as the worker's role and never as the server's."""

WORKER_MODULES = WORKER_ONLY_MODULES | {
    "change_plan",
    "change_writing",
    "configuration_cache",
    "audit_trail",
    "chain_verification",
}
"""Services that the worker's role runs at all."""

BY_THE_CONNECTION_ITSELF = {"check_schema", "end_frozen_sessions", "end_long_reads", "beat", "place_ids", "place_keys"}
"""The statements that database.py, heartbeat.py and sharding.py run for either role."""

OF_AN_EXECUTION = {"append_before_images", "list_before_images", "list_created_people"}
"""Statements of modules that both roles run, in a part that only the execution of an import runs."""


PARAMETER_TYPES = {
    "first": "integer",
    "last": "integer",
    "block_records": "integer",
    "verbatim_bytes": "integer",
    "phase": "smallint",
}
"""Where PostgreSQL cannot tell a parameter's type by itself: psycopg names the type with the value."""

LARGE = {"import", "import_block", "import_fault", "import_chunk", "profile", "alternate_key", "contact_key", "ledger",
         "before_image", "change_block"}  # fmt: skip


# Reading our own sources -----------------------------------------------------------------------------------------


@cache
def read_statement_files() -> dict[str, dict[str, str]]:
    """File stem -> statement name -> its text with its comments."""
    found = {}
    for file in STORE.joinpath("sql").iterdir():
        parts = re.split(r"^-- name: (\w+)\s*$", file.read_text("utf-8"), flags=re.M)
        found[file.name.removesuffix(".sql")] = dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


def list_strings(node: ast.AST) -> set[str]:
    """Every string in a piece of source; of an f-string one for each table that it could name."""
    tables = {name.removeprefix("copy_") for name in all_statements() if name.startswith("copy_")}
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
        if isinstance(part, ast.JoinedStr) and isinstance(part.values[0], ast.Constant):
            found |= {f"{part.values[0].value}{table}" for table in tables}
    return found


def list_calls(node: ast.AST) -> set[str]:
    """The plain names and `module.name`s that a piece of source mentions."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names | {
        f"{part.value.id}.{part.attr}"
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)
    }


@cache
def read_store_functions() -> dict[str, set[str]]:
    """`module.function` of the store -> the statements that it runs, itself or through functions beside it."""
    found: dict[str, set[str]] = {}
    for file in sorted(STORE.rglob("*.py")):
        module = file.name.removesuffix(".py")
        tree = ast.parse(file.read_text("utf-8"))
        functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for name in functions:
            reached, left = set(), [name]
            while left:
                current = left.pop()
                reached.add(current)
                left.extend((list_calls(functions[current]) & functions.keys()) - reached)
            strings = set().union(*(list_strings(functions[one]) for one in reached))
            found[f"{module}.{name}"] = strings & all_statements().keys()
    return found


@cache
def find_roles() -> dict[str, set[str]]:
    """Statement -> the roles that run it, by the services that call its store functions."""
    roles: dict[str, set[str]] = {name: set() for name in all_statements()}
    for file in sorted(SERVICES.rglob("*.py")):
        module = file.name.removesuffix(".py")
        own = {WORKER} if module in WORKER_MODULES else set()
        own |= {SERVICE} if module not in WORKER_ONLY_MODULES else set()
        for called in list_calls(ast.parse(file.read_text("utf-8"))) & read_store_functions().keys():
            for name in read_store_functions()[called]:
                roles[name] |= own
    for name in roles:
        if name in BY_THE_CONNECTION_ITSELF:
            roles[name] = {SERVICE, WORKER}
        if name.startswith("copy_") or name in OF_AN_EXECUTION:
            roles[name] = {WORKER}
        if f"copy_{name.removeprefix('insert_')}" in roles and name.startswith("insert_"):
            roles[name] = {SERVICE}
    return roles


def number_placeholders(text: str) -> tuple[str, list[str]]:
    """psycopg's placeholders as $1, $2, ...; their names in that order."""
    names: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match["name"] or f"_{len(names)}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    numbered = re.sub(r"%(?:\((?P<name>\w+)\))?[sbt]", replace, text)
    return numbered.replace("%%", "%"), names


def prepare(connection: psycopg.Connection, name: str) -> str:
    """PREPARE a statement under its name; the EXECUTE with nulls."""
    text, names = number_placeholders(statement(name))
    types = ", ".join(PARAMETER_TYPES.get(parameter, "unknown") for parameter in names)
    if re.search(r"^CREATE TEMPORARY TABLE", text, re.M):
        # PostgreSQL prepares queries only: its query, which is all of it that could go wrong.
        text = text[text.index(" AS\n") + 4 :]
    connection.execute(f"PREPARE {name}{f' ({types})' if names else ''} AS {text}")  # type: ignore[arg-type]
    return f"EXECUTE {name}{'(' + ', '.join(['NULL'] * len(names)) + ')' if names else ''}"


QUERIES = [name for name in all_statements() if not name.startswith("copy_")]
COPIES = [name for name in all_statements() if name.startswith("copy_")]


# Each statement --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema(engine: str, template: str) -> Iterator[str]:
    url = create_database(engine, template)
    yield url
    drop_database(engine, url)


def test_every_statement_has_a_role() -> None:
    assert {name for name, roles in find_roles().items() if not roles} == set()


@pytest.mark.parametrize("name", QUERIES)
def test_every_statement_prepares_and_its_role_may_run_it(schema: str, name: str) -> None:
    for role in find_roles()[name]:
        with connect_as(schema, role, 1) as connection:
            for made in MADE_BEFORE.get(name, ()):
                connection.execute(statement(made), {"import_id": None} if made == "collect_named" else {})
            # Preparing looks at names and types, explaining at the role's rights as well.
            connection.execute(f"EXPLAIN {prepare(connection, name)}")


@pytest.mark.parametrize("name", COPIES)
def test_every_copy_is_the_workers_and_fits_the_table(schema: str, name: str) -> None:
    with connect_as(schema, WORKER, 1) as worker, worker.cursor().copy(statement(name)):
        pass
    with (
        connect_as(schema, SERVICE, 1) as service,
        pytest.raises((errors.FeatureNotSupported, errors.InsufficientPrivilege)),
        service.cursor().copy(statement(name)),
    ):
        pass


@pytest.mark.parametrize("name", [name for name in COPIES if f"insert_{name.removeprefix('copy_')}" in QUERIES])
def test_a_copy_and_its_insert_fill_the_same_columns(name: str) -> None:
    """If one role copies into a table and the other role inserts, both make rows in the same way."""
    copied = re.search(r"COPY (\w+) \(([^)]*)\)", statement(name))
    inserted = re.search(r"INSERT INTO (\w+) \(([^)]*)\)", statement(f"insert_{name.removeprefix('copy_')}"))
    assert copied is not None
    assert inserted is not None
    assert copied.groups() == inserted.groups()


@pytest.mark.parametrize("name", all_statements())
def test_every_statement_is_explained(name: str) -> None:
    (text,) = (texts[name] for texts in read_statement_files().values() if name in texts)
    assert re.match(r"\s*-- \S", text), f"{name} has no comment over it"


@pytest.mark.parametrize("stem", sorted(read_statement_files()))
def test_every_statement_is_used_by_the_module_of_its_file(stem: str) -> None:
    used = set().union(
        *(names for function, names in read_store_functions().items() if function.partition(".")[0] == stem)
    )
    assert read_statement_files()[stem].keys() - used - BY_THE_CONNECTION_ITSELF == set()


def test_the_connections_own_statements_are_used() -> None:
    own = ("database.", "heartbeat.", "sharding.")
    used = set().union(*(names for function, names in read_store_functions().items() if function.startswith(own)))
    assert used == BY_THE_CONNECTION_ITSELF


def test_every_store_function_runs_statements_that_are_there(schema: str) -> None:
    """A name handed to the transaction that is no statement would be a KeyError in production."""
    called = set()
    for file in STORE.rglob("*.py"):
        if file.name.endswith("_store.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "tx"
                    and node.func.attr in ("run", "row", "rows", "run_many", "copy", "stream")
                    and isinstance(node.args[0], ast.Constant)
                ):
                    called.add(node.args[0].value)
    assert len(called) > 50
    assert called <= all_statements().keys()


def test_every_statement_names_its_account(schema: str) -> None:
    """The worker goes round the policies: what it runs must keep to the account by itself."""
    with connect_as(schema) as owner:
        walled = "|".join(list_walled_tables(owner))
    loose = set()
    for name in QUERIES:
        text = re.sub(r"--[^\n]*", "", statement(name))
        touches = re.search(rf"\b(FROM|JOIN|UPDATE|USING)\s+({walled})\b", text)
        if touches and "current_account()" not in text:
            loose.add(name)
    assert loose == ACROSS_ACCOUNTS


@pytest.mark.parametrize("name", sorted(ACROSS_ACCOUNTS))
def test_what_goes_across_accounts_says_so_and_is_the_workers(name: str) -> None:
    (text,) = (texts[name] for texts in read_statement_files().values() if name in texts)
    assert re.search(r"-- .*([Aa]cross accounts|of all accounts)", text)
    assert find_roles()[name] == {WORKER}


# Hot statements --------------------------------------------------------------------------------------------------

RUNNING = UUID(int=0x7000_0000)

HOT: dict[str, tuple[list[str], dict[str, Any], set[str]]] = {
    "find_holders": (
        [SERVICE, WORKER],
        {"keys": join_keys(UUID(int=n).bytes for n in range(1, 400, 2)), "one": None},
        {"alternate_key_pkey"},
    ),
    "lock_states": ([SERVICE, WORKER], {"ids": list(range(2, 800, 2)), "one": None}, {"profile_pkey"}),
    "lock_compared": (
        [WORKER],
        {
            "ids": list(range(1, 400, 2)),
            "one": None,
            "keys": join_keys(UUID(int=n).bytes for n in range(1, 400, 2)),
            "fingerprints": join_keys([UUID(int=1).bytes] * 200),
        },
        {"profile_pkey"},
    ),
    "load_profiles": ([SERVICE, WORKER], {"ids": [2], "one": None}, {"profile_pkey"}),
    "list_people": (
        [SERVICE, WORKER],
        {"after": 300, "limit": 500, "active": True, "import_id": None, "modified_since": None, "named": None},
        {"profile_pkey"},
    ),
    "list_recorded": ([SERVICE], {"first": 2, "last": 400}, {"ledger_pkey"}),
    "list_latest_choices": ([SERVICE], {"profile_id": 2, "before_entry": 100, "limit": 51}, {"ledger_pkey"}),
    "list_origins": ([SERVICE], {"profile_id": 2, "entries": [1]}, {"ledger_pkey"}),
    "load_active_profiles": ([SERVICE], {"ids": [2], "one": None}, {"profile_pkey"}),
    "update_profiles": (
        [SERVICE, WORKER],
        {
            "ids": list(range(2, 402, 2)),
            "one": None,
            "bodies": ["{}"] * 200,
            "actives": [True] * 200,
            "customer_types": [None] * 200,
            "fingerprints": f"{{{','.join(['NULL'] * 200)}}}",
            "import_id": RUNNING,
            "modified": "2026-11-21T00:00:00Z",
        },
        {"profile_pkey"},
    ),
    "list_contact_holders": (
        [SERVICE],
        {"key": UUID(int=100007).bytes, "after": 0, "limit": 51},
        {"contact_key_pkey"},
    ),
    "delete_contact_keys": (
        [SERVICE, WORKER],
        {"keys": join_keys([UUID(int=2).bytes] * 50), "ids": [2] * 50, "one": None},
        {"contact_key_pkey"},
    ),
    "delete_alternate_keys": (
        [SERVICE, WORKER],
        {"keys": join_keys([UUID(int=2).bytes]), "one": None},
        {"alternate_key_pkey"},
    ),
    "delete_profiles": ([SERVICE, WORKER], {"ids": [2, 4], "one": None}, {"profile_pkey"}),
    "delete_ledger": ([SERVICE, WORKER], {"ids": [2, 4], "one": None}, {"ledger_pkey"}),
    "list_history": ([SERVICE], {"profile_id": 2, "of": "P", "limit": 101, "after": 5}, {"ledger_pkey"}),
    "list_entries": ([SERVICE], {"ids": [2, 2, 4], "entries": [1, 2, 3], "one": None}, {"ledger_pkey"}),
    "delete_one_ledger": ([SERVICE, WORKER], {"profile_id": 2}, {"ledger_pkey"}),
    "find_import": ([SERVICE, WORKER], {"import_id": RUNNING}, {"import_pkey"}),
    "find_import_by_token": ([SERVICE], {"access_token": 900001}, {"import_access_token_key"}),
    "list_imports": ([SERVICE], {"status": None, "before": None, "limit": 51}, {"import_pkey"}),
    "list_before_images": (
        [WORKER],
        {"undo_of": UUID(int=2), "ids": list(range(2, 402, 2)), "one": None},
        {"before_image_pkey"},
    ),
    "list_created_people": (
        [WORKER],
        {"undo_of": UUID(int=2), "ids": list(range(2, 402, 2)), "one": None},
        {"profile_pkey"},
    ),
    "list_imports_with_images": ([SERVICE, WORKER], {}, {"import_before_images"}),
    "delete_before_images": (
        [SERVICE, WORKER],
        {"ids": list(range(2, 402, 2)), "import_ids": [UUID(int=n) for n in range(1, 8, 2)]},
        {"before_image_pkey"},
    ),
    "lock_import": ([SERVICE, WORKER], {"import_id": RUNNING}, {"import_pkey"}),
    "list_seek_keys": ([SERVICE], {"import_id": RUNNING, "of_not_honored": False, "step": 100}, {"import_fault_pkey"}),
    "list_faults": (
        [SERVICE],
        {"import_id": RUNNING, "of_not_honored": False, "phases": [1, 2], "after": 0, "limit": 1000, "offset": 100},
        {"import_fault_pkey"},
    ),
    "list_raw_blocks": ([SERVICE], {"import_id": RUNNING, "sequences": list(range(1, 2000, 2))}, {"import_block_pkey"}),
    "list_work": (
        [WORKER],
        {"import_id": RUNNING, "first": 4001, "last": 4500, "block_records": 64, "verbatim_bytes": 16_448},
        {"import_block_pkey"},
    ),
    "list_scattered_work": (
        [WORKER],
        {"import_id": RUNNING, "sequences": [5, 777, 90000], "verbatim_bytes": 16_448},
        {"import_block_pkey"},
    ),
    "claim_chunk": ([WORKER], {"skipped": []}, {"import_chunk_waiting"}),
    "finish_chunk": ([WORKER], {"import_id": RUNNING, "chunk_number": 7}, set()),
    "next_queued_import": ([WORKER], {"skipped": []}, {"import_queued"}),
    "expire_imports": ([WORKER], {}, {"import_waiting"}),
    "find_purgeable": ([WORKER], {}, {"import_unpurged"}),
    "find_redactable": ([WORKER], {}, {"import_unpurged"}),
    "find_purge_left": ([WORKER], {}, set()),
    "list_change_blocks": ([SERVICE], {"first": 700, "last": 1700}, {"change_block_position"}),
    "list_change_choices": ([SERVICE], {"ids": [2, 2, 4], "entries": [1, 2, 3], "one": None}, {"ledger_pkey"}),
    "find_unnumbered": ([WORKER], {}, {"change_block_waiting"}),
    "list_waiting_blocks": ([WORKER], {"limit": 1000}, {"change_block_waiting"}),
    "number_changes": ([WORKER], {"limit": 1000, "blocks": None}, {"change_block_waiting", "change_block_pkey"}),
}
"""Statement -> the roles that run it, parameters as they are in life, the indexes it must go by.

The last of them are asked by every worker every few seconds for ever, so that they must not read what is staged."""

ABOUT_PEOPLE = [name for name in HOT if name in read_statement_files()["profile_store"]]


@pytest.fixture(scope="module")
def filled(engine: str, template: str) -> Iterator[str]:
    url = create_database(engine, template)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(FILL)
        owner.execute("ANALYZE")
    yield url
    drop_database(engine, url)


def walk_plan(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from walk_plan(child)


def read_plan(connection: psycopg.Connection, explain: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute(explain, parameters).fetchone()
    assert row is not None
    return row[0][0]["Plan"]


def check_plan(connection: psycopg.Connection, explain: str, parameters: dict[str, Any], indexes: set[str]) -> None:
    nodes = list(walk_plan(read_plan(connection, f"EXPLAIN (FORMAT JSON) {explain}", parameters)))
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned & LARGE == set()
    assert indexes <= {node.get("Index Name") for node in nodes}
    # An index walked from end to end is a sequential scan by another name, unless it is of the few waiting rows alone.
    unbound = {node["Index Name"] for node in nodes if "Index Name" in node and "Index Cond" not in node}
    partial = connection.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
    assert unbound <= {"import_chunk_waiting"} | {row[0] for row in partial}


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_go_by_their_index(filled: str, name: str) -> None:
    """The plan for the given values. psycopg sends a statement this way if it is new to the session."""
    roles, parameters, indexes = HOT[name]
    for role in roles:
        with connect_as(filled, role, 1 if role == SERVICE or name not in ACROSS_ACCOUNTS else None) as connection:
            check_plan(connection, statement(name), parameters, indexes)


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_go_by_their_index_once_prepared(filled: str, name: str) -> None:
    """The plan for all values. PostgreSQL can choose it after some repetitions."""
    roles, _, indexes = HOT[name]
    for role in roles:
        with connect_as(filled, role, 1) as connection:
            connection.execute("SET plan_cache_mode = force_generic_plan")
            check_plan(connection, prepare(connection, name), {}, indexes)


@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_an_account_without_statistics_is_not_read_from_end_to_end(filled: str, name: str) -> None:
    """PostgreSQL expects one person in an account that is newer than the last ANALYZE, also if it has many."""
    roles, parameters, _ = HOT[name]
    for role in roles if name != "delete_ledger" else [WORKER]:  # a server deletes one person at a time
        with connect_as(filled, role, 999) as connection:
            plan = read_plan(connection, f"EXPLAIN (FORMAT JSON) {statement(name)}", parameters)
        assert "Seq Scan" not in {node["Node Type"] for node in walk_plan(plan)}
        bounds = [node["Index Cond"] for node in walk_plan(plan) if "Index Cond" in node]
        assert bounds
        assert all("profile_id" in bound or "key_hash" in bound for bound in bounds)


def test_nor_when_an_import_is_resolved(filled: str) -> None:
    """Its blocks are read, and of the people those that it names."""
    looked_up = {}
    with connect_as(filled, WORKER, 999) as connection:
        for name, parameters in (
            ("find_named_holders", {"keys": join_keys(UUID(int=n).bytes for n in range(5000)), "one": None}),
            ("find_named_profiles", {"ids": f"{{{','.join(map(str, range(5000)))}}}", "one": None}),
        ):
            plan = read_plan(connection, f"EXPLAIN (FORMAT JSON) {statement(name)}", parameters)
            looked_up |= {node["Relation Name"]: node for node in walk_plan(plan) if "Relation Name" in node}
    assert "key_hash" in looked_up["alternate_key"]["Index Cond"]
    assert "profile_id" in looked_up["profile"]["Index Cond"]


def test_hot_statements_roles_are_those_that_run_them() -> None:
    assert {name: set(roles) for name, (roles, _, _) in HOT.items()} == {name: find_roles()[name] for name in HOT}


def test_the_filling_is_large_enough_to_tell(filled: str) -> None:
    """The same tables without a usable index are read from end to end, so the tests above do see a lack of one."""
    with connect_as(filled, SERVICE, 1) as connection:
        for table in sorted(LARGE):
            connection.execute("SET LOCAL enable_indexonlyscan = off")
            query = sql.SQL("EXPLAIN (FORMAT JSON) SELECT count(*) FROM {}").format(sql.Identifier(table))
            assert "Seq Scan" in {node["Node Type"] for node in walk_plan(read_plan(connection, query, {}))}, table
