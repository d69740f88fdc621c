"""Chunks: every record once, whole groups in order, and never two chunks of one group at the same time."""

# ruff: noqa: PT012 -- the transaction as a whole is what raises

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_rows import connect_as, insert_row, make_row
from workbench import Workbench, make_person, open_workbench

from consentory.bootstrap.composition import open_worker
from consentory.domain.imports import ImportSettings
from consentory.errors import OutcomeUnknown, StoreUnavailable
from consentory.services.execution.chunking import CHUNK_RECORDS, Groups, cut_chunks
from consentory.store.database import Database
from consentory.store.tables import execution_store
from consentory.store.tables.execution_store import Chunk

IMPORT = UUID(int=7)
SIZES = [1, 2, 7, CHUNK_RECORDS]
QUICK = settings(max_examples=40, deadline=None)

Naming = list[tuple[int, int]]
"""(thing, SequenceNumber): the record names the thing."""


@st.composite
def imports(draw: st.DrawFn) -> tuple[int, Naming]:
    """(records, what they name): few things, so that they collide, in chains and in crowds."""
    records = draw(st.integers(0, 60))
    if records == 0:
        return 0, []
    tokens = draw(st.integers(1, 25))
    pairs = st.tuples(st.integers(1, tokens), st.integers(1, records))
    return records, sorted(draw(st.sets(pairs, max_size=80)))


def list_shared(naming: Naming) -> Naming:
    """The rows that the database streams: only match tokens that several records name."""
    named = [token for token, _ in naming]
    return [(token, sequence) for token, sequence in naming if named.count(token) > 1]


def find_components(records: int, naming: Naming) -> dict[int, int]:
    """Record -> the lowest record of its group, found the slow way: by spreading until nothing changes."""
    lowest = {sequence: sequence for sequence in range(1, records + 1)}
    changed = True
    while changed:
        changed = False
        for token in {token for token, _ in naming}:
            members = [sequence for other, sequence in naming if other == token]
            low = min(lowest[sequence] for sequence in members)
            for sequence in members:
                changed = changed or lowest[sequence] != low
                lowest[sequence] = low
    return lowest


def make_groups(records: int, naming: Naming) -> Groups:
    groups = Groups(records)
    groups.join([(UUID(int=token), sequence) for token, sequence in list_shared(naming)])
    return groups


def cut(records: int, naming: Naming, size: int) -> list[Chunk]:
    return list(cut_chunks(IMPORT, records, make_groups(records, naming), size))


def list_records(chunk: Chunk) -> list[int]:
    """The records of a chunk in the order in which they are applied."""
    if chunk.sequences is not None:
        return [sequence for sequence in chunk.sequences if sequence >= chunk.next_sequence]
    excluded = set(chunk.excluded)
    return [s for s in range(chunk.next_sequence, chunk.last_sequence + 1) if s not in excluded]


@QUICK
@given(imports())
def test_groups_are_what_records_have_in_common(case: tuple[int, Naming]) -> None:
    records, naming = case
    groups, components = make_groups(records, naming), find_components(records, naming)
    assert {sequence: groups.find(sequence) for sequence in range(1, records + 1)} == components
    assert groups.shared() == sorted({sequence for _, sequence in list_shared(naming)})


@pytest.mark.parametrize("size", SIZES)
@QUICK
@given(imports())
def test_every_record_is_in_exactly_one_chunk(size: int, case: tuple[int, Naming]) -> None:
    records, naming = case
    placed = [sequence for chunk in cut(records, naming, size) for sequence in list_records(chunk)]
    assert sorted(placed) == list(range(1, records + 1))


@pytest.mark.parametrize("size", SIZES)
@QUICK
@given(imports())
def test_no_chunk_is_empty_or_larger_than_asked(size: int, case: tuple[int, Naming]) -> None:
    for chunk in cut(*case, size):
        assert 1 <= len(list_records(chunk)) <= size
        assert list_records(chunk) == sorted(list_records(chunk))
        assert chunk.next_sequence <= list_records(chunk)[0]
        assert list_records(chunk)[-1] <= chunk.last_sequence


@pytest.mark.parametrize("size", SIZES)
@QUICK
@given(imports())
def test_chunks_are_numbered_and_wait_only_backwards(size: int, case: tuple[int, Naming]) -> None:
    chunks = cut(*case, size)
    assert [chunk.chunk_number for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert all(chunk.import_id == IMPORT for chunk in chunks)
    assert all(chunk.waits_for is None or 1 <= chunk.waits_for < chunk.chunk_number for chunk in chunks)


@pytest.mark.parametrize("size", SIZES)
@QUICK
@given(imports())
def test_a_group_that_fits_is_in_one_chunk(size: int, case: tuple[int, Naming]) -> None:
    records, naming = case
    home = {sequence: chunk.chunk_number for chunk in cut(records, naming, size) for sequence in list_records(chunk)}
    groups: dict[int, list[int]] = {}
    for sequence, lowest in find_components(records, naming).items():
        groups.setdefault(lowest, []).append(sequence)
    for members in groups.values():
        if len(members) <= size:
            assert len({home[sequence] for sequence in members}) == 1


@pytest.mark.parametrize("size", SIZES)
@QUICK
@given(case=imports(), data=st.data())
def test_workers_that_take_free_chunks_apply_each_group_in_order(
    size: int, case: tuple[int, Naming], data: st.DataObject
) -> None:
    """Several workers take any chunk that waits for none left, and finish in any order."""
    records, naming = case
    components = find_components(records, naming)
    left = {chunk.chunk_number: chunk for chunk in cut(records, naming, size)}
    running: list[Chunk] = []
    applied: dict[int, list[int]] = {}
    while left:
        taken = {chunk.chunk_number for chunk in running}
        free = [c for number, c in left.items() if number not in taken and c.waits_for not in left]
        if free and (not running or data.draw(st.booleans())):
            chunk = data.draw(st.sampled_from(free))
            busy = {components[sequence] for other in running for sequence in list_records(other)}
            assert busy.isdisjoint(components[sequence] for sequence in list_records(chunk))
            running.append(chunk)
            for sequence in list_records(chunk):
                applied.setdefault(components[sequence], []).append(sequence)
        else:
            assert running, "every chunk waits for another"
            done = running.pop(data.draw(st.integers(0, len(running) - 1)))
            del left[done.chunk_number]
    assert all(sequences == sorted(sequences) for sequences in applied.values())
    assert sum(map(len, applied.values())) == records


@QUICK
@given(st.permutations(range(1, 9)))
def test_a_long_chain_is_one_group(order: Sequence[int]) -> None:
    """1-2, 2-3, ... 7-8, whatever the order of the things they share."""
    naming = sorted((token, sequence) for token, first in enumerate(order, 1) for sequence in (first, first % 8 + 1))
    groups = make_groups(8, naming)
    assert {groups.find(sequence) for sequence in range(1, 9)} == {1}
    chunks = cut(8, naming, 3)
    assert [chunk.waits_for for chunk in chunks] == [None, 1, 2]


def test_lone_records_make_ranges_of_the_default_size() -> None:
    chunks = cut(2 * CHUNK_RECORDS + 1, [], CHUNK_RECORDS)
    ranges = [(chunk.next_sequence, chunk.last_sequence, chunk.excluded, chunk.sequences) for chunk in chunks]
    assert ranges == [
        (1, CHUNK_RECORDS, [], None),
        (CHUNK_RECORDS + 1, 2 * CHUNK_RECORDS, [], None),
        (2 * CHUNK_RECORDS + 1, 2 * CHUNK_RECORDS + 1, [], None),
    ]


# In the database -------------------------------------------------------------------------------------------------


@pytest.fixture
def workers(database_url: str) -> Iterator[Database]:
    with psycopg.connect(database_url) as owner:
        for number, waits_for in ((1, None), (2, 1), (3, 2), (4, None)):
            row = make_row("import_chunk", 1, chunk_number=number, waits_for=waits_for, last_sequence=10)
            insert_row(owner, "import_chunk", row)
        insert_row(owner, "import_chunk", make_row("import_chunk", 2, chunk_number=5))
    database = Database(database_url, "consentory_worker", size=6)
    yield database
    database.close()


def test_a_chunk_is_claimed_once_and_a_waiting_one_not_before_its_turn(workers: Database) -> None:
    with workers.transaction() as one, workers.transaction() as two, workers.transaction() as three:
        given = [execution_store.claim_chunk(tx) for tx in (one, two, three)]
        assert [(c.account_id, c.chunk_number) for c in given if c is not None] == [(1, 1), (1, 4), (2, 5)]
        with workers.transaction() as four:
            assert execution_store.claim_chunk(four) is None
        one.set_account(1)
        execution_store.leave_chunk(one, given[0], 11)
        with workers.transaction() as four:
            assert execution_store.claim_chunk(four) is None, "not before the one before it has committed"
    with workers.transaction() as four:
        chunk = execution_store.claim_chunk(four)
        assert chunk is not None
        assert chunk.chunk_number == 2


def test_a_chunk_left_in_the_middle_goes_on_there_and_others_still_wait(workers: Database) -> None:
    with workers.transaction(1) as tx:
        chunk = execution_store.claim_chunk(tx)
        assert chunk is not None
        execution_store.leave_chunk(tx, chunk, 6)
    with workers.transaction() as one, workers.transaction() as two:
        again, other = execution_store.claim_chunk(one), execution_store.claim_chunk(two)
        assert again is not None
        assert other is not None
        assert (again.chunk_number, again.next_sequence, other.chunk_number) == (1, 6, 4)


def test_a_claim_ends_with_its_connection(workers: Database, database_url: str) -> None:
    with (
        connect_as(database_url) as killer,
        pytest.raises((StoreUnavailable, OutcomeUnknown)),
        workers.transaction() as tx,
    ):
        assert execution_store.claim_chunk(tx) is not None
        killer.execute("SELECT pg_terminate_backend(%s)", [tx.connection.info.backend_pid])
    with workers.transaction() as tx:
        chunk = execution_store.claim_chunk(tx)
        assert chunk is not None
        assert (chunk.chunk_number, chunk.next_sequence) == (1, 1)


@pytest.fixture
def bench(database_url: str) -> Iterator[Workbench]:
    with open_workbench(database_url) as bench:
        yield bench


def name_person(person: int, *more: int) -> dict[str, object]:
    ids = [{"AlternateIdType": "CRM", "AlternateId": f"w-{person}"}]
    ids += [{"AlternateIdType": "Loyalty", "AlternateId": f"l-{number}"} for number in more]
    return {"AlternateIds": ids, "CustomerName": {"FirstName": f"of {person}"}}


@pytest.mark.parametrize("size", [1, 2, 7])
def test_resolving_puts_together_what_shares_a_profile_or_an_id(bench: Workbench, size: int) -> None:
    """1 and 2 mean one new person; 3 and 4 share a Loyalty id; 5 names the id that the profile of 6 holds."""
    bench.complete([name_person(60, 600)], MatchCriteria="AlternateIdType", MatchValue="CRM")
    records = [
        name_person(10),
        name_person(10),
        name_person(30, 300),
        name_person(40, 300),
        name_person(50, 600),
        name_person(60),
        make_person(70),
        make_person(80),
    ]
    item = bench.initiate(MatchCriteria="AlternateIdType", MatchValue="CRM")
    bench.stage(item, records)
    bench.execute(item)
    worker = open_worker(bench.url, chunk_records=size)
    assert worker.execution.resolve_next() == item.import_id
    chunks = [
        Chunk(*row)
        for row in bench.owner(
            "SELECT account_id, import_id, chunk_number, next_sequence, last_sequence, sequences, excluded, waits_for"
            " FROM import_chunk ORDER BY chunk_number"
        )
    ]
    expected = cut(8, [(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (3, 6)], size)
    assert [(list_records(c), c.waits_for) for c in chunks] == [(list_records(c), c.waits_for) for c in expected]
    while worker.execution.process_slice() is not None:
        pass
    worker.close()
    books = bench.find(item).books
    assert (books.pending, books.created, books.exceptions) == (0, 4, 2)


def test_settings_of_the_import_are_kept_as_initiated(bench: Workbench) -> None:
    item = bench.initiate(DataStageDuration=1)
    with bench.worker.database.transaction(bench.caller.account_id) as tx:
        status, records, kept, _ = execution_store.load_resolvable(tx, item.import_id)
    assert (status, records, kept) == ("Initiated", 0, ImportSettings(name="workbench", data_stage_duration=1))
