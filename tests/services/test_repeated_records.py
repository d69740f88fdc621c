"""Files that come again: what is passed by by its fingerprint, and everything that must keep a record from it.

The judge of outcomes is the model, which knows no fingerprints. CONSENTORY_JUDGE_HISTORIES sets how many histories it
judges here: a sixteenth of it, each of a dozen imports.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_account import LiveAccount, LiveStore
from lone_people import CHUNKS, MATCH, cut, flags, lone_people, with_own_id
from model_check import ModelCheck, judged
from running_server import create_database, drop_database

from consentory.domain import merge
from consentory.services.changes import change_plan
from consentory.services.execution import adaptive_batch_size
from consentory.services.execution import import_execution as execution
from model.histories import History, ImportStep, Step, histories

Wire = dict[str, Any]
HISTORIES = int(os.environ.get("CONSENTORY_JUDGE_HISTORIES", "100")) // 8


@pytest.fixture(scope="module")
def url(engine: str, template: str) -> Iterator[str]:
    url = create_database(engine, template)
    yield url
    drop_database(engine, url)


@pytest.fixture(scope="module")
def store(url: str) -> Iterator[LiveStore]:
    live = LiveStore(url)
    yield live
    live.close()


@pytest.fixture(scope="module")
def room(url: str) -> Iterator[ModelCheck]:
    model_check = ModelCheck(url)
    yield model_check
    model_check.close()


def make_person(number: int, **more: Any) -> Wire:
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
        "CustomerName": {"FirstName": "Ann"},
        "ProfileTags": [{"Name": "loyal"}],
        "CustomFields": [{"Name": "Region", "Value": "N"}],
        "ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 1, "CustomerDate": "2025-01-01"}],
        "Consents": [{
            "ConsentType": "Privacy", "ConsentVersion": "3.0", "Locale": "en_US", "ConsentStatus": 1,
            "ConsentDate": "2025-01-01",
        }],
        **more,
    }  # fmt: skip


FILE = [make_person(number) for number in range(1, 6)]


def count(status: Wire) -> tuple[int, ...]:
    return tuple(status[name] for name in ("Created", "Updated", "Unchanged", "NotHonored", "Exceptions"))


def damage_all(account: LiveAccount) -> None:
    """Make every body unreadable: a record that is applied, not skipped, then becomes an exception."""
    account.store.change("UPDATE profile SET body = '{\"name\": 7}' WHERE account_id = %s", account.caller.account_id)


def test_a_file_that_comes_again_is_skipped_unread(store: LiveStore) -> None:
    """Unreadable bodies do no harm, because the import does not read them. It reads the people that it changes."""
    account = store.open_account()
    account.run([FILE], **MATCH)
    damage_all(account)
    rows = account.versions()
    assert count(account.run([FILE], **MATCH).status) == (0, 0, 5, 0, 0)
    assert account.versions() == rows
    changed = [*FILE[:4], make_person(5, CustomerName={"FirstName": "Bea"})]
    ended = account.run([changed], **MATCH)
    assert count(ended.status) == (0, 0, 4, 0, 1)
    assert ended.faults[5][0]["Code"] == "Execution.Unexpected"


def _import(*records: Wire, **more: Any) -> Callable[[LiveAccount], object]:
    return lambda account: account.run([list(records)], **MATCH, **more)


def _configure(change: Callable[[Wire], None]) -> Callable[[LiveAccount], object]:
    def apply(account: LiveAccount) -> None:
        document = json.loads(json.dumps(account.document))
        change(document)
        account.store.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)

    return apply


def _add_version(document: Wire) -> None:
    (privacy,) = (kind for kind in document["consentTypes"] if kind["name"] == "Privacy")
    privacy["versions"].append({"version": "4.0", "texts": {"en_US": "Newer"}})


def _delete_first(account: LiveAccount) -> None:
    account.store.services.profiles.delete(account.caller, account.profile_ids()[0])


PASSED_ON = {"AlternateIds": [*FILE[0]["AlternateIds"], {"AlternateIdType": "Loyalty", "AlternateId": "L-1"}]}
BETWEEN: dict[str, tuple[Callable[[LiveAccount], object], tuple[int, ...]]] = {
    "nothing": (lambda account: None, (0, 0, 5, 0, 0)),
    "a single write": (
        lambda account: account.write({"CustomerName": {"FirstName": "Bea"}}, account.profile_ids()[0]),
        (0, 1, 4, 0, 0),
    ),
    "a single write that changes nothing": (
        lambda account: account.write({"CustomerName": {"FirstName": "Ann"}}, account.profile_ids()[0]),
        (0, 0, 5, 0, 0),
    ),
    "another file": (_import(make_person(1, CustomerName={"FirstName": "Bea"})), (0, 1, 4, 0, 0)),
    "another file and back": (_import(make_person(1, ProfileTags=[{"Name": "new"}]), FILE[1]), (0, 0, 5, 0, 0)),
    "a later no": (
        _import(make_person(1, ProfilePreferences=[
            {"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": "2025-06-01"}])),
        (0, 0, 4, 1, 0),
    ),
    "the same account document": (_configure(lambda document: None), (0, 0, 5, 0, 0)),
    "another account document": (_configure(lambda document: document["groupTypes"].pop()), (0, 0, 5, 0, 0)),
    "a delete": (_delete_first, (1, 0, 4, 0, 0)),
    "a delete by import": (_import(make_person(1), ImportAction="Delete"), (1, 0, 4, 0, 0)),
    "an import that is refused": (_import(make_person(1, ProfileId=987_654), PASSED_ON | {"IsActive": True}),
                                  (0, 0, 5, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("chunk", [1, 2, None])
def test_what_happened_in_between_counts(store: LiveStore, between: str, chunk: int | None) -> None:
    account = store.open_account()
    act, expected = BETWEEN[between]
    assert count(account.run([FILE], chunk_size=chunk, **MATCH).status) == (5, 0, 0, 0, 0)
    act(account)
    assert count(account.run([FILE], chunk_size=chunk, workers=2, **MATCH).status) == expected


def test_staged_records_are_checked_against_a_changed_configuration(store: LiveStore) -> None:
    """Execution uses the configuration of its start for staged records: it refuses a prior version."""
    account = store.open_account()
    account.run([FILE], **MATCH)
    token = account.initiate(**MATCH)
    account.stage(token, FILE)
    _configure(_add_version)(account)
    ended = account.finish(token)
    assert count(ended.status) == (0, 0, 0, 0, 5)
    assert ended.faults[1][0]["Code"] == "Consent.PriorVersion"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda document: document["users"].append({"id": "daily", "groups": ["Loaders"]}), (0, 0, 5, 0, 0)),
        (lambda document: document["userGroups"].append({**document["userGroups"][0], "name": "More"}),
         (0, 0, 5, 0, 0)),
        (lambda document: document["groupTypes"].pop(), (0, 0, 0, 0, 5)),
        (lambda document: document["account"].update(timeZone="UTC"), (0, 0, 0, 0, 5)),
    ],
    ids=["users", "user groups", "types", "account"],
)  # fmt: skip
def test_who_may_call_does_not_make_another_configuration(
    store: LiveStore, change: Callable[[Wire], None], expected: tuple[int, ...]
) -> None:
    account = store.open_account()
    account.run([FILE], **MATCH)
    damage_all(account)
    _configure(change)(account)
    assert count(account.run([FILE], **MATCH).status) == expected


@pytest.mark.slow
def test_a_file_that_turns_from_repeated_to_changed_is_executed_in_more_slices(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice applies no more records than its limit, however many unchanged records it skips."""
    monkeypatch.setattr(adaptive_batch_size, "FIRST_SLICE_RECORDS", 100)
    # Each slice may be twice as large as the one before it.
    monkeypatch.setattr(execution, "SLICE_SECONDS", 1_000.0)
    applied = []
    plan = change_plan.plan_records

    def watch(tx: Any, context: Any, records: Any, **more: Any) -> Any:
        applied.append(len(records))
        return plan(tx, context, records, **more)

    monkeypatch.setattr(execution, "plan_records", watch)
    account = store.open_account()
    account.run([[make_person(number) for number in range(1, 1201)]], **MATCH)
    applied.clear()
    file = [make_person(n, **({"ProfileTags": [{"Name": "new"}]} if n > 800 else {})) for n in range(1, 1201)]
    ended = account.run([file], **MATCH)
    assert count(ended.status) == (0, 400, 800, 0, 0)
    assert applied == [100, 200, 100]
    assert sum("new" in str(profile["ProfileTags"]) for profile in account.profiles().values()) == 400


RULES_SOURCES = ("domain/configuration_index.py", "domain/doubles.py", "domain/in_force.py", "domain/instants.py",
                 "domain/merge.py", "domain/merge_choices.py", "domain/merge_contacts.py", "domain/merge_members.py",
                 "domain/merge_state.py", "domain/profile.py", "domain/record.py", "domain/spelling.py",
                 "domain/text.py", "codec/record/fast_path/verbatim_record.py", "codec/times.py")  # fmt: skip
RULES_KNOWN = (3, "c9180c2bb146890b")


def test_the_rules_have_another_number_when_they_change() -> None:
    """A change of these modules, comments aside, may change what applying a record does: then MERGE_VERSION rises, and
    people are known by their records no longer. The digest here changes either way."""
    package = Path(merge.__file__).parent.parent
    digest = hashlib.sha256("".join(read_rules(package / name) for name in RULES_SOURCES).encode()).hexdigest()[:16]
    assert (merge.MERGE_VERSION, digest) == RULES_KNOWN


def read_rules(file: Path) -> str:
    """A module's code without comments and docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [one for one in node.body if not is_text(one)]
    return ast.unparse(tree)


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_another_guard_is_no_other_file(store: LiveStore) -> None:
    """The guard decides only when an import starts. It changes the outcome of no record."""
    account = store.open_account()
    account.run([FILE], **MATCH)
    damage_all(account)
    assert count(account.run([FILE], Guard={"release": "otherUser"}, **MATCH).status) == (0, 0, 5, 0, 0)


def test_another_flag_makes_it_another_file(store: LiveStore) -> None:
    account = store.open_account()
    account.run([[make_person(number, ProfileTags=[{"Name": "old"}]) for number in range(1, 6)]], **MATCH)
    assert count(account.run([FILE], **MATCH).status) == (0, 5, 0, 0, 0)
    assert count(account.run([FILE], **MATCH).status) == (0, 0, 5, 0, 0)
    assert count(account.run([FILE], RefreshTags=True, **MATCH).status) == (0, 5, 0, 0, 0)
    assert count(account.run([FILE], RefreshTags=True, **MATCH).status) == (0, 0, 5, 0, 0)


def test_what_was_not_honored_is_told_each_time(store: LiveStore) -> None:
    """If a part of a record was not honored, the import applies the record again each time."""
    account = store.open_account()
    later = [{"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": "2026-01-01"}]
    account.run([[make_person(number, ProfilePreferences=later) for number in range(1, 6)]], **MATCH)
    renamed = [make_person(number, CustomerName={"FirstName": "Bea"}) for number in range(1, 6)]
    first = account.run([renamed], **MATCH)
    assert (count(first.status), len(first.not_honored)) == ((0, 5, 0, 0, 0), 5)
    for _ in range(2):
        again = account.run([renamed], **MATCH)
        assert (count(again.status), len(again.not_honored)) == ((0, 0, 0, 5, 0), 5)


def test_a_person_who_comes_twice_in_a_file_ends_with_the_last_each_time(store: LiveStore) -> None:
    account = store.open_account()
    twice = [FILE[0], make_person(1, CustomerName={"FirstName": "Bea"}), *FILE[1:]]
    assert count(account.run([twice], **MATCH).status) == (5, 1, 0, 0, 0)
    assert count(account.run([twice], **MATCH).status) == (0, 2, 4, 0, 0)
    assert account.profile(account.profile_ids()[0])["CustomerName"]["FirstName"] == "Bea"
    assert count(account.run([[twice[1]]], **MATCH).status) == (0, 0, 1, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
@judged(HISTORIES)
@given(
    people=lone_people(),
    settings_=st.tuples(flags(), flags()),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    others=histories(max_steps=4),
    chunk=CHUNKS,
    picks=st.lists(st.integers(0, 7), min_size=4, max_size=8),
)
def test_the_model_check_of_files_that_come_again_and_again(
    *,
    room: ModelCheck,
    people: tuple[list[Wire], list[Wire]],
    settings_: tuple[Wire, Wire],
    sizes: list[int],
    others: History,
    chunk: int | None,
    picks: list[int],
) -> None:
    """Two files of people who come once in each, under two settings, again and again, and between them whatever a
    history of the model check does to the same people; in slices that look at many records and apply few."""
    files = [[with_own_id(record, person) for person, record in enumerate(one, 1)] for one in people]
    repeated = [ImportStep(kind, cut(file, sizes)) for file in files if file for kind in settings_]
    between = iter(others.steps)
    steps: list[Step] = []
    for pick in picks:
        again = repeated[pick % len(repeated)]
        steps.append(again)
        if pick >= 4 and (other := next(between, None)) is not None:
            steps.append(other)
            steps.append(again)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive_batch_size, "FIRST_SLICE_RECORDS", 1)
        room.try_history(replace(others, steps=steps, chunk_size=chunk))
