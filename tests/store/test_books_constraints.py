"""The books and the states as the database holds them: CHECKs, one import at a time, and moves guarded by state."""

# ruff: noqa: PT012 -- the transaction as a whole is what raises

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg import errors
from running_server import create_database, drop_database
from sample_rows import IMPORT_ID, THEN, connect_as, insert_row, make_row
from workbench import Workbench, make_person, open_workbench

from consentory.domain.imports import TRANSITIONS, StageCounts, Status
from consentory.errors import RequestRefused, StoreRefused
from consentory.store.database import Database, Transaction
from consentory.store.tables import execution_store, import_store

Row = dict[str, Any]
STATUSES: list[Status] = list(TRANSITIONS)

BOOKS: dict[Status, Row] = {
    "Initiated": {},
    "Staging": {"received": 10, "valid": 8, "failed": 2, "pending": 8},
    "Queued": {"received": 10, "valid": 8, "failed": 2, "pending": 8},
    "Processing": {
        "received": 10, "valid": 8, "failed": 2, "pending": 2, "exceptions": 1, "not_honored": 1, "created": 1,
        "updated": 1, "unchanged": 1, "deleted": 1,
    },
    "Completed": {"received": 10, "valid": 8, "failed": 2, "created": 8},
    "Failed": {"received": 10, "valid": 8, "failed": 2, "pending": 8},
}  # fmt: skip
"""Books that balance, as they may stand in each state."""

STARTED = {"started_at": THEN, "first_profile_id": 1, "configuration_revision": 1}
TIMES: dict[Status, Row] = {
    "Initiated": {},
    "Staging": {},
    "Queued": {"queued_at": THEN},
    "Processing": {"queued_at": THEN, **STARTED},
    "Completed": {"queued_at": THEN, **STARTED, "completed_at": THEN},
    "Failed": {"completed_at": THEN, "failure_reason": "Import.Cancelled"},
}


def make_import(status: Status, account_id: int = 1, **changes: Any) -> Row:
    """A row that is right for its state, then changed."""
    return make_row("import", account_id, status=status, **{**BOOKS[status], **TIMES[status], **changes})


@pytest.fixture(scope="module")
def schema(engine: str, template: str) -> Iterator[str]:
    url = create_database(engine, template)
    yield url
    drop_database(engine, url)


@pytest.fixture
def owner(schema: str) -> Iterator[psycopg.Connection]:
    """The owner, whom no grant and no policy stops: only the constraints do."""
    with connect_as(schema) as connection:
        yield connection


def find_refusal(owner: psycopg.Connection, row: Row) -> str | None:
    """The name of the constraint that refuses a row; None: it is taken, and taken back."""
    try:
        with owner.transaction(force_rollback=True):
            insert_row(owner, "import", row)
    except (errors.CheckViolation, errors.UniqueViolation) as error:
        return error.diag.constraint_name
    return None


# CHECKs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_what_is_right_is_taken(owner: psycopg.Connection, status: Status) -> None:
    assert find_refusal(owner, make_import(status)) is None


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "Initiated"])
@pytest.mark.parametrize(
    "count",
    [
        "received",
        "valid",
        "failed",
        "pending",
        "exceptions",
        "not_honored",
        "created",
        "updated",
        "unchanged",
        "deleted",
    ],
)
@pytest.mark.parametrize("step", [1, -1])
def test_no_single_count_can_be_off(owner: psycopg.Connection, status: Status, count: str, step: int) -> None:
    row = make_import(status)
    refusal = find_refusal(owner, row | {count: row.get(count, 0) + step})
    assert refusal in {"books_received", "books_valid", "books_signs", "applied_when_processing"}


@pytest.mark.parametrize(
    "shift",
    [
        {"created": -1, "pending": 3},
        {"pending": -1, "created": 4},
        {"exceptions": -1, "pending": 4},
        {"not_honored": -1, "pending": 4},
        {"deleted": -1, "pending": 4},
        {"received": 8, "failed": -2, "valid": 10, "pending": 4},
    ],
)
def test_no_count_is_negative_even_if_the_sums_are_right(owner: psycopg.Connection, shift: Row) -> None:
    row = make_import("Processing", **shift)
    sums = sum(row[name] for name in ("exceptions", "not_honored", "created", "updated", "unchanged", "deleted"))
    row["valid"] = row["pending"] + sums
    row["received"] = row["valid"] + row["failed"]
    assert find_refusal(owner, row) == "books_signs"


@pytest.mark.parametrize("status", ["Staging", "Queued", "Failed"])
@pytest.mark.parametrize("outcome", ["exceptions", "not_honored", "created", "updated", "unchanged", "deleted"])
def test_nothing_is_applied_before_processing_and_in_failed(
    owner: psycopg.Connection, status: Status, outcome: str
) -> None:
    row = make_import(status)
    assert find_refusal(owner, row | {"pending": row["pending"] - 1, outcome: 1}) == "applied_when_processing"


def test_completed_has_nothing_pending(owner: psycopg.Connection) -> None:
    assert find_refusal(owner, make_import("Completed", pending=1, created=7)) == "completed_is_worked_off"


def test_initiated_has_received_nothing(owner: psycopg.Connection) -> None:
    assert find_refusal(owner, make_import("Initiated", **BOOKS["Staging"])) == "initiated_is_empty"


@pytest.mark.parametrize("status", ["Staging", "Queued", "Processing", "Completed"])
def test_every_state_after_initiated_has_received_records(owner: psycopg.Connection, status: Status) -> None:
    """The first Stage call *that carries a record* makes it Staging (import-api.md, "States")."""
    assert find_refusal(owner, make_import(status, **dict.fromkeys(BOOKS["Processing"], 0))) is not None


def test_ten_million_records_are_the_bound(owner: psycopg.Connection) -> None:
    full = {"received": 10_000_000, "valid": 10_000_000, "failed": 0, "pending": 10_000_000}
    assert find_refusal(owner, make_import("Staging", **full)) is None
    over = {name: value + 1 if value else 0 for name, value in full.items()}
    assert find_refusal(owner, make_import("Staging", **over)) == "received_bound"


@pytest.mark.parametrize("token", [-1, 1 << 53])
def test_a_token_has_53_bits(owner: psycopg.Connection, token: int) -> None:
    assert find_refusal(owner, make_import("Initiated", access_token=token)) == "import_access_token_check"


def test_a_status_is_one_of_six(owner: psycopg.Connection) -> None:
    assert find_refusal(owner, make_import("Staging") | {"status": "Paused"}) == "status_known"
    with pytest.raises(errors.NotNullViolation):
        insert_row(owner, "import", make_row("import", 1, status=None))


MAY_HAVE: dict[Status, dict[str, str]] = {
    "Initiated": {},
    "Staging": {},
    "Queued": {"queued_at": "must"},
    "Processing": {"queued_at": "must", "started_at": "must"},
    "Completed": {
        "queued_at": "must", "started_at": "must", "completed_at": "must", "redacted_at": "may", "purged_at": "may",
    },
    "Failed": {
        "queued_at": "may", "completed_at": "must", "failure_reason": "must", "redacted_at": "may", "purged_at": "may",
    },
}  # fmt: skip
"""The columns that a state must or may have; every other column is empty (import-api.md, "States")."""

MARKS = ["queued_at", "started_at", "completed_at", "failure_reason", "redacted_at", "purged_at"]
NOTHING_BESIDE = msgspec.structs.asdict(StageCounts())


def is_possible(status: Status, held: set[str]) -> bool:
    rules = MAY_HAVE[status]
    return held <= rules.keys() and {mark for mark, rule in rules.items() if rule == "must"} <= held


@pytest.mark.parametrize("status", STATUSES)
def test_times_and_states_go_together(owner: psycopg.Connection, status: Status) -> None:
    """All 64 combinations: the possible ones are taken, every impossible one is refused."""
    wrong = []
    for flags in product([False, True], repeat=len(MARKS)):
        held = {mark for mark, flag in zip(MARKS, flags, strict=True) if flag}
        values: Row = dict.fromkeys(held, THEN) | dict.fromkeys(set(MARKS) - held)
        values["failure_reason"] = "Import.Cancelled" if "failure_reason" in held else None
        started = "started_at" in held
        values |= dict.fromkeys(("first_profile_id", "configuration_revision"), 1 if started else None)
        if (find_refusal(owner, make_import(status, **values)) is None) != is_possible(status, held):
            wrong.append(sorted(held))
    assert wrong == []


@pytest.mark.parametrize("status", ["Processing", "Completed"])
@pytest.mark.parametrize("column", ["first_profile_id", "configuration_revision"])
def test_what_is_started_was_resolved(owner: psycopg.Connection, status: Status, column: str) -> None:
    assert find_refusal(owner, make_import(status, **{column: None})) == "started_is_resolved"


@pytest.mark.parametrize("status", ["Initiated", "Staging", "Queued", "Failed"])
@pytest.mark.parametrize("column", ["first_profile_id", "configuration_revision"])
def test_what_is_not_started_was_not_resolved(owner: psycopg.Connection, status: Status, column: str) -> None:
    assert find_refusal(owner, make_import(status, **{column: 1})) == "started_is_resolved"


@pytest.mark.parametrize(
    ("unhonored", "phase", "right"),
    [(False, 1, True), (False, 2, True), (True, 3, True), (True, 1, False), (False, 3, False), (False, 4, False)],
)
def test_a_fault_is_of_a_phase(owner: psycopg.Connection, unhonored: bool, phase: int, right: bool) -> None:
    row = make_row("import_fault", 1, not_honored=unhonored, phase=phase)
    if right:
        insert_row(owner, "import_fault", row)
    else:
        with pytest.raises(errors.CheckViolation):
            insert_row(owner, "import_fault", row)


# One at a time ---------------------------------------------------------------------------------------------------


def test_one_account_processes_one_import(owner: psycopg.Connection) -> None:
    insert_row(owner, "import", make_import("Processing"))
    second = make_import("Processing", import_id=UUID(int=5), access_token=5)
    assert find_refusal(owner, second) == "import_one_processing"
    assert find_refusal(owner, make_import("Processing", account_id=2)) is None
    assert find_refusal(owner, make_import("Queued", import_id=UUID(int=5), access_token=5)) is None


@pytest.fixture
def base(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "owner", size=8)
    yield database
    database.close()


def put_import(base: Database, status: Status, **changes: Any) -> UUID:
    row = make_import(status, **changes)
    with base.transaction() as tx:
        insert_row(tx.connection, "import", row)
    return row["import_id"]


def read_status(base: Database, import_id: UUID = IMPORT_ID) -> Status:
    with base.transaction(1) as tx:
        found = import_store.find_import(tx, import_id)
        assert found is not None
        return found.status


Move = Callable[[Transaction], bool]


def start(tx: Transaction) -> bool:
    return execution_store.start_import(tx, IMPORT_ID, 1, 1, [], keeps_images=True)


MOVES: dict[str, tuple[Move, Status]] = {
    "execute": (lambda tx: import_store.queue_import(tx, IMPORT_ID, "nightly"), "Queued"),
    "cancel": (
        lambda tx: import_store.fail_import(tx, IMPORT_ID, "Import.Cancelled", ("Initiated", "Staging", "Queued")),
        "Failed",
    ),
    "expire": (lambda tx: len(import_store.expire_imports(tx)) == 1, "Failed"),
    "start": (start, "Processing"),
    "complete": (lambda tx: execution_store.complete_import(tx, IMPORT_ID), "Completed"),
}
FROM: dict[str, set[Status]] = {
    "execute": {"Staging"},
    "cancel": {"Initiated", "Staging", "Queued"},
    "expire": {"Initiated", "Staging"},
    "start": {"Queued"},
    "complete": {"Processing"},
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", MOVES)
def test_a_move_moves_only_from_its_states(base: Database, name: str, status: Status) -> None:
    move, goal = MOVES[name]
    worked_off = {"pending": 0, "created": 3} if status == "Processing" else {}
    put_import(base, status, **worked_off)
    with base.transaction(1) as tx:
        assert move(tx) == (status in FROM[name])
    assert read_status(base) == (goal if status in FROM[name] else status)
    if status in FROM[name]:
        assert goal in TRANSITIONS[status]


def test_every_transition_has_its_move() -> None:
    moves = {(status, goal) for name, (_, goal) in MOVES.items() for status in FROM[name]}
    wanted = {(status, goal) for status, goals in TRANSITIONS.items() for goal in goals}
    assert wanted - moves == {("Initiated", "Staging")}, "that one is count_batch's"


@pytest.mark.parametrize("status", STATUSES)
def test_records_are_counted_only_while_they_may_be_staged(base: Database, status: Status) -> None:
    put_import(base, status)
    counted = {"import_id": IMPORT_ID, "received": 3, "valid": 2, "failed": 1, "staged_bytes": 9} | NOTHING_BESIDE
    with base.transaction(1) as tx:
        assert (tx.row("count_batch", counted) is not None) == (status in ("Initiated", "Staging"))
    assert read_status(base) == ("Staging" if status == "Initiated" else status)


def test_an_empty_batch_leaves_an_import_initiated(base: Database) -> None:
    put_import(base, "Initiated")
    with base.transaction(1) as tx:
        counted = {"import_id": IMPORT_ID, "received": 0, "valid": 0, "failed": 0, "staged_bytes": 0} | NOTHING_BESIDE
        assert tx.row("count_batch", counted) is not None
    assert read_status(base) == "Initiated"


@pytest.mark.parametrize("status", STATUSES)
def test_outcomes_are_counted_only_while_processing(base: Database, status: Status) -> None:
    put_import(base, status)
    done = [execution_store.ProcessedRecord(3, "Created", [])]
    with base.transaction(1) as tx:
        pending = execution_store.record_outcomes(tx, IMPORT_ID, done)
        assert pending == (BOOKS["Processing"]["pending"] - 1 if status == "Processing" else None)


def test_an_import_with_records_pending_is_not_completed(base: Database) -> None:
    put_import(base, "Processing")
    with base.transaction(1) as tx:
        assert not execution_store.complete_import(tx, IMPORT_ID)


def test_more_outcomes_than_records_are_refused(base: Database) -> None:
    put_import(base, "Processing")
    done = [execution_store.ProcessedRecord(sequence, "Created", []) for sequence in range(3)]
    with pytest.raises(StoreRefused) as refusal, base.transaction(1) as tx:
        execution_store.record_outcomes(tx, IMPORT_ID, done)
    assert refusal.value.constraint == "books_signs"


def test_a_second_import_of_the_account_is_not_started(base: Database) -> None:
    put_import(base, "Processing", import_id=UUID(int=5), access_token=5)
    put_import(base, "Queued")
    with pytest.raises(StoreRefused) as refusal, base.transaction(1) as tx:
        start(tx)
    assert refusal.value.constraint == "import_one_processing"


# Two at once -----------------------------------------------------------------------------------------------------


def wait_until_blocked(base: Database) -> None:
    deadline = time.monotonic() + 10
    with base.transaction() as tx:
        while not tx.connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall():
            assert time.monotonic() < deadline, "the second one did not wait for the first"
            threading.Event().wait(0.01)
            tx.connection.execute("SELECT pg_stat_clear_snapshot()")


@pytest.mark.parametrize(
    ("status", "first", "second", "second_moves", "end"),
    [
        ("Staging", "execute", "execute", False, "Queued"),
        ("Staging", "execute", "cancel", True, "Failed"),
        ("Staging", "cancel", "execute", False, "Failed"),
        ("Staging", "cancel", "cancel", False, "Failed"),
        ("Staging", "execute", "expire", False, "Queued"),
        ("Staging", "expire", "execute", False, "Failed"),
        ("Queued", "start", "cancel", False, "Processing"),
        ("Queued", "cancel", "start", False, "Failed"),
        ("Queued", "start", "start", False, "Processing"),
        ("Processing", "complete", "complete", False, "Completed"),
    ],
)
def test_of_two_moves_at_once_the_second_sees_what_the_first_did(
    base: Database, status: Status, first: str, second: str, second_moves: bool, end: Status
) -> None:
    put_import(base, status, **({"pending": 0, "created": 3} if status == "Processing" else {}))

    def move_second() -> bool:
        with base.transaction(1) as tx:
            return MOVES[second][0](tx)

    with ThreadPoolExecutor(1) as pool:
        with base.transaction(1) as tx:
            assert MOVES[first][0](tx)
            waiting = pool.submit(move_second)
            wait_until_blocked(base)
        assert waiting.result(10) == second_moves
    assert read_status(base) == end


def test_a_move_undone_leaves_the_second_to_move(base: Database) -> None:
    put_import(base, "Staging")

    def cancel() -> bool:
        with base.transaction(1) as tx:
            return MOVES["cancel"][0](tx)

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ZeroDivisionError), base.transaction(1) as tx:
            assert MOVES["execute"][0](tx)
            waiting = pool.submit(cancel)
            wait_until_blocked(base)
            raise ZeroDivisionError
        assert waiting.result(10)
    assert read_status(base) == "Failed"


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def test_a_crowd_of_executes_and_cancels_ends_in_one_state(bench: Workbench) -> None:
    """Cancel always succeeds before processing; an Execute is answered Queued, or refused because it came later."""
    item = bench.initiate()
    bench.stage(item, [make_person(1)])
    gate = threading.Barrier(8)

    def act(number: int) -> str:
        gate.wait()
        try:
            return bench.cancel(item).status if number % 4 == 1 else bench.execute(item).status
        except RequestRefused as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(act, range(8)))
    cancels = [answer for number, answer in enumerate(answers) if number % 4 == 1]
    assert cancels == ["Failed"] * 2
    assert set(answers) - {"Failed"} <= {"Queued", "Import.Failed"}
    after = bench.find(item)
    assert (after.status, after.failure_reason, after.books.pending) == ("Failed", "Import.Cancelled", 1)
    bench.work_off()
    assert bench.find(item).status == "Failed"


def test_a_crowd_of_executes_queues_once(bench: Workbench) -> None:
    item = bench.initiate()
    bench.stage(item, [make_person(1)])
    gate = threading.Barrier(8)

    def act(_: int) -> tuple[str, object]:
        gate.wait()
        after = bench.execute(item)
        return after.status, after.queued_at

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(act, range(8)))
    assert len(answers) == 1
    assert answers.pop()[0] == "Queued"
