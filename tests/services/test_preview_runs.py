"""How a preview runs: beside writers, in parts of several workers, over whole groups, and until it is purged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from live_account import LiveAccount, LiveStore
from preview_calls import list_changes, make_previewing, run_preview
from waiting import wait_for

from consentory.domain.effects import EFFECT_KINDS
from consentory.domain.preview import Preview
from consentory.errors import RequestRefused, StoreUnavailable
from consentory.services.execution.previewing import Previewing

Wire = dict[str, Any]
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
OLD, NEW = "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
pytestmark = pytest.mark.slow


def make_person(number: int, kind: int = 1, at: str = OLD, **members: Any) -> Wire:
    """A record with an id of its own, a choice and the required field."""
    choice = {"FilterId": "EVENTS-EMAIL", "PreferenceType": kind, "CustomerDate": at}
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
        "Emails": [{"EmailAddress": f"c{number}@example.com", "EmailPreferences": [choice]}],
        "CustomFields": [{"Name": "Region", "Value": "N"}],
    } | members


def stage(account: LiveAccount, records: list[Wire], size: int = 1000, **settings: Any) -> str:
    """The token of an import with these records staged."""
    token = account.initiate(**MATCH, **settings)
    for first in range(0, len(records), size):
        account.stage(token, records[first : first + size])
    return token


def start(account: LiveAccount, token: str) -> None:
    services = account.store.services
    services.previews.start(account.caller, services.imports.find_by_token(account.caller, token))


def look(account: LiveAccount, token: str) -> Preview:
    services = account.store.services
    return services.previews.find(account.caller, services.imports.find_by_token(account.caller, token))


def read_effects(preview: Preview) -> dict[str, int]:
    """The kinds that are there."""
    return {kind: count for kind, count in zip(EFFECT_KINDS, preview.effects, strict=True) if count}


@pytest.fixture
def open_previewing(store: LiveStore) -> Iterator[Callable[[int], Previewing]]:
    """Gives workers of previews. They let go of their snapshots at the end."""
    opened: list[Previewing] = []

    def open_one(chunk_size: int) -> Previewing:
        opened.append(make_previewing(store, chunk_size))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def read_locks(account: LiveAccount) -> list[tuple[Any, ...]]:
    """The mark of the last transaction that locked or changed each person."""
    query = "SELECT profile_id, xmin::text, xmax::text FROM profile WHERE account_id = %s ORDER BY 1"
    return account.store.query(query, account.caller.account_id)


def test_no_person_is_locked_and_a_writer_beside_it_loses_nothing(
    store: LiveStore, open_previewing: Callable[[int], Previewing]
) -> None:
    account = store.open_account()
    account.run([[make_person(number) for number in range(20)]], **MATCH)
    locks, ids = read_locks(account), account.profile_ids()
    token = stage(account, [make_person(number, 2, NEW) for number in range(20)])
    start(account, token)
    previewing = open_previewing(5)
    with store.owner.transaction() as writer:  # somebody holds a person for the whole time
        writer.connection.execute("SELECT FROM profile WHERE profile_id = %s FOR UPDATE", (ids[3],))
        assert previewing.work_once()
        written = account.write(make_person(0, 2, NEW), ids[0])
        assert written["Outcome"] == "Updated"
        account.store.services.profiles.delete(account.caller, ids[1])
        while previewing.work_once():
            pass
    preview = look(account, token)
    assert (preview.state, read_effects(preview)) == ("Done", {"OptInsEnded": 20, "OptOutsAdded": 20})
    assert read_locks(account)[4:] == [row for row in locks if row[0] > ids[4]]
    assert account.profile(ids[0])["Emails"][0]["EmailPreferences"][0]["PreferenceType"] == 2
    assert ids[1] not in account.profile_ids()


def test_a_lost_snapshot_costs_time_only_and_does_not_hold_up_another_preview(
    store: LiveStore, open_previewing: Callable[[int], Previewing]
) -> None:
    """Each of two workers holds the snapshot of a preview when one of them is gone."""
    first, second = store.open_account(), store.open_account()
    tokens = [stage(account, [make_person(number) for number in range(12)]) for account in (first, second)]
    gone, stays = open_previewing(2), open_previewing(2)
    start(second, tokens[1])
    assert stays.work_once()
    start(first, tokens[0])
    with store.owner.transaction() as busy:  # others are at every part of the second preview
        busy.connection.execute("SELECT FROM preview_chunk FOR UPDATE")
        assert gone.work_once()
    gone.close()
    lost = look(first, tokens[0]).as_of
    assert lost is not None
    while stays.work_once():
        pass
    assert lost < (look(first, tokens[0]).as_of or lost)
    for account, token in zip((first, second), tokens, strict=True):
        preview = look(account, token)
        assert (preview.state, preview.records_done, preview.created) == ("Done", 12, 12)
        assert read_effects(preview) == {
            "OptInsAdded": 12, "ContactElementsAdded": 12, "AlternateIdsAdded": 12,
        }  # fmt: skip
        assert len(list_changes(account, token)) == 36


def test_a_session_lost_at_the_end_of_a_snapshot_does_not_end_the_loop(
    store: LiveStore, open_previewing: Callable[[int], Previewing]
) -> None:
    """The loop lets go of the snapshot after an error. That is no error of its own, for nobody would catch it."""
    account = store.open_account()
    token = stage(account, [make_person(number) for number in range(3)])
    start(account, token)
    gone = open_previewing(2)
    with store.owner.transaction() as busy:
        busy.connection.execute("SELECT FROM preview_chunk FOR UPDATE")
        assert gone.work_once()
    held = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1886545270"
    assert store.query(held) == [(True,)]
    gone.close()
    while gone.work_once():
        pass
    assert look(account, token).state == "Done"


def test_dangerous_changes_are_whole_and_the_first_thousand_of_the_others(
    store: LiveStore, open_previewing: Callable[[int], Previewing]
) -> None:
    account, people = store.open_account(), 1_100
    tag = {"ProfileTags": [{"Name": "new"}]}
    token = stage(account, [make_person(number, **tag) for number in range(people)])
    start(account, token)
    workers = [open_previewing(150) for _ in range(3)]
    while sum(worker.work_once() for worker in workers):  # each of them in turn
        pass
    assert read_effects(look(account, token))["TagsAdded"] == people
    sequences: dict[str, list[int]] = {}
    for change in list_changes(account, token, 1000):
        sequences.setdefault(change.kind, []).append(change.sequence_number)
    assert sequences["OptInsAdded"] == list(range(1, people + 1))
    for kind in ("TagsAdded", "ContactElementsAdded", "AlternateIdsAdded"):
        assert sequences[kind] == list(range(1, 1001)), kind


def test_records_of_a_group_of_more_than_a_thousand_see_each_other(store: LiveStore) -> None:
    """All records mean two people. The first one gets an alternate id that the other one gave away before."""
    account, count = store.open_account(), 1_250
    days = [f"2025-{1 + n // 112:02}-{1 + n % 112 // 4:02}T0{n % 4}:00:00Z" for n in range(count)]
    records = [make_person(n % 2, 1 + n // 2 % 2, days[n]) for n in range(count)]
    loyalty = {"AlternateIdType": "Loyalty", "AlternateId": "L-1"}
    for number, is_active in ((2, True), (1_102, False)):
        records[number]["AlternateIds"].append({**loyalty, "IsActive": is_active})
    records[1_103]["AlternateIds"].append(loyalty)
    token = stage(account, records)
    preview = run_preview(account, token)
    status = account.finish(token).status
    assert preview.created == status["Created"] == 2
    assert (preview.updated, preview.unchanged) == (status["Updated"], status["Unchanged"])
    assert (preview.exceptions, preview.not_honored) == (status["Exceptions"], status["NotHonored"]) == (0, 0)
    effects = read_effects(preview)
    assert effects["AlternateIdsAdded"] == 3
    assert effects["ContactElementsAdded"] == 2
    changes = list_changes(account, token)
    assert {change.sequence_number for change in changes} == {count - 1, count}


def test_a_preview_goes_with_the_staged_records(store: LiveStore) -> None:
    account = store.open_account()
    token = stage(account, [make_person(number) for number in range(3)])
    run_preview(account, token)
    item = store.services.imports.find_by_token(account.caller, token)
    store.make_retention().purge(account.caller.account_id, item.import_id)
    for table in ("preview_change", "preview_chunk", "import_preview"):
        assert not store.query(f"SELECT FROM {table} WHERE import_id = %s", item.import_id), table
    with pytest.raises(RequestRefused) as refused:
        list_changes(account, token)
    assert refused.value.code == "Import.RetentionOver"


def test_a_preview_leaves_its_events_in_the_trail(store: LiveStore) -> None:
    account = store.open_account()
    token = stage(account, [make_person(1)])
    shown = run_preview(account, token)
    list_changes(account, token)
    item = store.services.imports.find_by_token(account.caller, token)
    store.services.imports.execute(account.caller, token, shown.preview_id)
    query = "SELECT action, caller, details->>'PreviewId', details->>'Count' FROM audit_event WHERE import_id = %s"
    events = [row for row in store.query(f"{query} ORDER BY event_id", item.import_id) if row[0].startswith("preview")]
    mine = str(shown.preview_id)
    assert events == [
        ("preview.started", "nightly", mine, None),
        ("preview.completed", "system", None, None),
        ("preview.read", "nightly", None, "3"),
    ]
    executed = store.query(query + " AND action = 'import.executed'", item.import_id)
    assert [row[2] for row in executed] == [mine]


def test_a_preview_that_cannot_be_made_fails_and_says_so(store: LiveStore) -> None:
    account = store.open_account()
    token = stage(account, [make_person(1)])
    start(account, token)
    document = {**account.document, "alternateIdTypes": [{"name": "CRM", "active": False}, {"name": "Loyalty"}]}
    store.open_account(document)
    previewing = make_previewing(store)
    while previewing.work_once():
        pass
    assert look(account, token).state == "Failed"
    item = store.services.imports.find_by_token(account.caller, token)
    assert ("preview.failed",) in store.query("SELECT action FROM audit_event WHERE import_id = %s", item.import_id)


def test_a_connection_lost_while_a_preview_begins_costs_time_only(
    store: LiveStore, open_previewing: Callable[[int], Previewing]
) -> None:
    """The session is ended while it reads the staged records of the import. The import's preview then begins again."""
    account = store.open_account()
    token = stage(account, [make_person(number) for number in range(3)])
    start(account, token)
    previewing = open_previewing(1000)
    end_session = """SELECT pg_terminate_backend(pid) FROM pg_locks
                     WHERE NOT granted AND relation = 'import_block'::regclass"""
    with ThreadPoolExecutor(1) as pool:
        with store.owner.transaction() as tx:
            tx.connection.execute("LOCK TABLE import_block")
            begun = pool.submit(previewing.work_once)
            wait_for(lambda: store.query(end_session), bool)
            with pytest.raises(StoreUnavailable):
                begun.result()
        assert look(account, token).state == "Running"
        while previewing.work_once():
            pass
    assert (look(account, token).state, look(account, token).created) == ("Done", 3)
