"""The properties that execution.md promises whatever is drawn, each stated by itself, on the real store.

CONSENTORY_PROPERTY_EXAMPLES sets how many examples each property gets (40).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from live_account import Ended, LiveAccount, LiveStore
from lone_people import CHUNKS, MATCH, SIZES, cut, dated_records, flags, lone_people, make_own

from consentory.errors import RequestRefused
from model.account_model import Account
from model.comparison import comparable
from model.execution_model import REFRESH
from model.histories import (
    DeleteStep,
    History,
    ImportStep,
    Step,
    WriteStep,
    histories,
    resolve_record,
)
from model.record_model import KINDS, compared_value

Wire = dict[str, Any]
EXAMPLES = int(os.environ.get("CONSENTORY_PROPERTY_EXAMPLES", "40"))
OPT_IN, OPT_OUT = 1, 2
PROPERTY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
pytestmark = [pytest.mark.timeout(6 * 3600), pytest.mark.slow]


def play(account: LiveAccount, step: Step, ids: list[int], chunk_size: int | None, workers: int) -> None:
    """One step of a history; `ids` of all profiles ever created are continued."""
    if isinstance(step, ImportStep):
        batches = [[resolve_record(record, ids) for record in batch] for batch in step.batches]
        account.run(batches, chunk_size=chunk_size, workers=workers, **step.settings)
    else:
        try:
            if isinstance(step, WriteStep):
                target = step.target.resolve(ids) if step.target else None
                account.write(step.record, target, **dict.fromkeys(step.refresh, True))
            else:
                assert isinstance(step, DeleteStep)
                account.store.services.profiles.delete(account.caller, step.target.resolve(ids))
        except RequestRefused:
            pass
    ids += [profile_id for profile_id in account.profile_ids() if profile_id not in ids]


def play_all(account: LiveAccount, history: History) -> Iterator[None]:
    ids: list[int] = []
    for step in history.steps:
        play(account, step, ids, history.chunk_size, history.workers)
        yield


# A no stays a no -------------------------------------------------------------------------------------------------


def place_of(place: Wire, account: Account) -> tuple[str, str, str]:
    """(array, type, compared value) of a place as the history gives it; blank for the person."""
    for array, kind in KINDS.items():
        if kind.type in place:
            return array, str(place[kind.type]), str(compared_value(array, place, account))
    return "", "", ""


def check_no_is_kept(account: LiveAccount, rules: Account) -> None:
    """Read from the history alone, which was proved elsewhere to hold every applied choice in order."""
    for profile_id in account.profile_ids():
        said: dict[str, dict[tuple[str, str, str], Wire]] = defaultdict(dict)
        for item in account.history(profile_id, "Preferences"):
            place, latest = place_of(item["Place"], rules), said[item["FilterId"]]
            if item["PreferenceType"] == OPT_IN:
                for other, stands in latest.items():
                    same_address = place[0] and (place[0], place[2]) == (other[0], other[2])
                    if stands["PreferenceType"] == OPT_OUT and (other == place or same_address):
                        assert item["CustomerDate"] > stands["CustomerDate"], (item, stands)
            latest[place] = item
        check_current(account.profile(profile_id), said, rules)


def check_current(profile: Wire, said: dict[str, dict[tuple[str, str, str], Wire]], rules: Account) -> None:
    """The current choices of an answer are the last choices of the history."""
    current = [(("", "", ""), choice) for choice in profile.get("ProfilePreferences") or []]
    for array, kind in KINDS.items():
        for element in profile.get(array) or []:
            place = (array, element[kind.type], str(compared_value(array, element, rules)))
            current += [(place, choice) for choice in element.get(kind.preferences) or []]
    for place, choice in current:
        last = said[choice["FilterId"]][place]
        assert (choice["PreferenceType"], choice["CustomerDate"]) == (last["PreferenceType"], last["CustomerDate"])


@PROPERTY
@given(history=histories(max_steps=5))
def test_no_import_brings_an_opt_in_over_a_later_opt_out(store: LiveStore, history: History) -> None:
    """An applied Opt-In is always later than the Opt-Out that was stored before it. This holds for one filter at
    one place, and on one address under any type."""
    account = store.open_account()
    rules = Account(account.document)
    for _ in play_all(account, history):
        check_no_is_kept(account, rules)


PLACES: dict[str, Callable[[list[Wire]], Wire]] = {
    "EVENTS-EMAIL": lambda said: {"Emails": [{"EmailAddress": "ann@example.com", "EmailPreferences": said}]},
    "OFFERS-PHONE": lambda said: {"PhoneNumbers": [{"PhoneNumber": "202-555-0199", "PhoneNumberPreferences": said}]},
    "DATA-SHARING": lambda said: {"ProfilePreferences": said},
}
STRENGTH = [3, 2, 4, 1]
"""Consent statuses, strongest first: Revoked, Denied, NotSet, Granted."""


@PROPERTY
@given(
    filter_id=st.sampled_from(sorted(PLACES)),
    choices=st.lists(st.sampled_from([OPT_IN, OPT_OUT]), min_size=2, max_size=4),
    statuses=st.lists(st.sampled_from(STRENGTH), min_size=2, max_size=4),
    at_person=st.booleans(),
    date=st.sampled_from(["2024-05-05T05:05:05Z", "2024-05-05T01:05:05-04:00"]),
    ways=st.lists(st.sampled_from(["same import", "next import", "single write"]), min_size=4, max_size=4),
    chunk=CHUNKS,
)
def test_on_equal_instants_no_wins(
    *,
    store: LiveStore,
    filter_id: str,
    choices: list[int],
    statuses: list[int],
    at_person: bool,
    date: str,
    ways: list[str],
    chunk: int | None,
) -> None:
    """The order and the way of arrival make no difference: an Opt-Out stands if there was one, and of consents
    the strongest of Revoked, Denied, NotSet, Granted."""
    account = store.open_account()
    waiting: list[Wire] = []
    for place in range(max(len(choices), len(statuses))):
        said: Wire = {"CustomFields": [{"Name": "Region", "Value": "N"}]}
        if place < len(choices):
            said |= PLACES[filter_id](
                [{"FilterId": filter_id, "PreferenceType": choices[place], "CustomerDate": "2024-05-05T05:05:05Z"}]
            )
        if place < len(statuses):
            said |= {"Consents": [{
                "ConsentType": "Privacy", "ConsentVersion": "3.0", "Locale": "en_US",
                "ConsentStatus": statuses[place], "ConsentDate": date,
            }]}  # fmt: skip
        alternate = [{"AlternateIdType": "CRM", "AlternateId": "C-1"}]
        if place and ways[place] == "single write":
            if waiting:
                account.run([waiting], chunk_size=chunk, **MATCH)
                waiting = []
            account.write(said, account.profile_ids()[0])
            continue
        if place and ways[place] == "next import" and waiting:
            account.run([waiting], chunk_size=chunk, **MATCH)
            waiting = []
        waiting.append({**said, "AlternateIds": alternate})
    if waiting:
        account.run([waiting], chunk_size=chunk, **MATCH)
    (profile,) = account.profiles().values()
    text = json.dumps(profile)
    assert text.count('"PreferenceType"') == 1
    assert f'"PreferenceType": {max(choices)}' in text
    (consent,) = profile["Consents"]
    assert consent["ConsentStatus"] == min(statuses, key=STRENGTH.index)


# Once more ------------------------------------------------------------------------------------------------------


def outcome_was_whole(end: Ended, sequence: int) -> bool:
    return sequence not in end.faults and sequence not in end.not_honored


@PROPERTY
@given(people=lone_people(), settings_=flags(), sizes=SIZES, chunk=CHUNKS)
def test_importing_twice_gives_only_unchanged_and_writes_nothing(
    store: LiveStore, people: tuple[list[Wire], list[Wire]], settings_: Wire, sizes: list[int], chunk: int | None
) -> None:
    """A record that was applied whole is Unchanged the second time. The second import writes no row about people,
    so history and dates stay the same. This holds if no person repeats in the file, the import has a match type
    and all choices have dates. The second file leaves out records that were refused or not honored."""
    account = store.open_account()
    before, now = people
    account.run([before], **MATCH, AllowPriorConsents=True) if before else None
    first = account.run(cut(now, sizes), chunk_size=chunk, **settings_)
    whole = [record for place, record in enumerate(now, 1) if outcome_was_whole(first, place)]
    event(f"applied whole: {bool(whole)}")
    if not whole:
        return
    rows, shown = account.versions(), account.profiles()
    again = account.run(cut(whole, sizes), chunk_size=chunk, workers=2, **settings_)
    assert (again.faults, again.not_honored) == ({}, {})
    assert again.status["Unchanged"] == again.status["TotalRecordsReceived"] == len(whole)
    assert account.versions() == rows
    assert account.profiles() == shown


@PROPERTY
@given(people=lone_people(), settings_=flags(), chunk=CHUNKS)
def test_what_was_refused_or_not_honored_does_not_touch_the_others_when_it_comes_again(
    store: LiveStore, people: tuple[list[Wire], list[Wire]], settings_: Wire, chunk: int | None
) -> None:
    """The same file again, with its refused records and those not honored: the import writes nothing either."""
    account = store.open_account()
    before, now = people
    account.run([before], **MATCH, AllowPriorConsents=True) if before else None
    first = account.run([now], chunk_size=chunk, **settings_)
    rows = account.versions()
    again = account.run([now], chunk_size=chunk, **settings_)
    assert set(again.faults) == set(first.faults)
    assert set(again.not_honored) <= set(first.not_honored)
    assert again.status["Unchanged"] + again.status["NotHonored"] == len(now) - len(first.faults)
    assert account.versions() == rows


# Order and cut --------------------------------------------------------------------------------------------------


def show_by_person(account: LiveAccount) -> dict[str, Wire]:
    """Every profile, reduced to what does not depend on ids and times of application, by its CRM id."""
    found = {}
    for profile in account.profiles().values():
        ids = [one["AlternateId"] for one in profile["AlternateIds"] if one["AlternateIdType"] == "CRM"]
        found[" ".join(sorted(ids))] = comparable(profile, Account(account.document))
    return found


@PROPERTY
@given(people=lone_people(), settings_=flags(), sizes=SIZES, chunks=st.tuples(CHUNKS, CHUNKS), data=st.data())
def test_shuffling_the_batches_gives_the_same_profiles(
    store: LiveStore,
    people: tuple[list[Wire], list[Wire]],
    settings_: Wire,
    sizes: list[int],
    chunks: tuple[int | None, int | None],
    data: st.DataObject,
) -> None:
    """The order of records makes no difference if no person and no alternate id repeats, no record names an
    alternate id that another of its people holds, and all choices are dated."""
    before, now = people
    batches = cut(now, sizes)
    shown = []
    for order, chunk in zip((batches, data.draw(st.permutations(batches))), chunks, strict=True):
        account = store.open_account()
        account.run([before], **MATCH, AllowPriorConsents=True) if before else None
        end = account.run(order, chunk_size=chunk, workers=2, **settings_)
        shown.append((show_by_person(account), end.status))
    assert shown[0] == shown[1]


@PROPERTY
@given(
    before=st.lists(dated_records(), max_size=3),
    now=st.lists(dated_records(), min_size=2, max_size=8),
    settings_=flags(),
    sizes=st.tuples(SIZES, SIZES),
    chunks=st.tuples(CHUNKS, CHUNKS),
)
def test_other_batch_sizes_give_the_same_profiles(
    store: LiveStore,
    before: list[Wire],
    now: list[Wire],
    settings_: Wire,
    sizes: tuple[list[int], list[int]],
    chunks: tuple[int | None, int | None],
) -> None:
    """Another cut into batches and chunks keeps the order of the records. So ProfileIds, outcomes and faults stay
    the same in an import with dated choices, also if people and alternate ids repeat."""
    results = []
    for sizes_, chunk in zip(sizes, chunks, strict=True):
        account = store.open_account()
        account.run([[resolve_record(one, []) for one in before]], **MATCH) if before else None
        ids = account.profile_ids()
        end = account.run(
            cut([resolve_record(one, ids) for one in now], sizes_), chunk_size=chunk, workers=2, **settings_
        )
        rules = Account(account.document)
        shown = {profile_id: comparable(one, rules) for profile_id, one in account.profiles().items()}
        results.append((shown, end.status, end.faults, end.not_honored))
    assert results[0] == results[1]


# Answers are imported again --------------------------------------------------------------------------------------


def _append(array: str, element: Wire) -> Callable[[Wire], None]:
    return lambda record: record.setdefault(array, []).append(element)


def _drop_last(array: str) -> Callable[[Wire], None]:
    return lambda record: record[array].pop()


def _say(member: str, value: Any) -> Callable[[Wire], None]:
    return lambda record: record.__setitem__(member, value)


def _unsay(member: str) -> Callable[[Wire], None]:
    return lambda record: record.pop(member)


SAID_NO: Wire = {"FilterId": "NO-SUCH-FILTER", "PreferenceType": 1, "CustomerDate": "2024-03-01"}
BREAKS: dict[str, tuple[Callable[[Wire], None], Callable[[Wire], None]]] = {
    "unknown member": (_say("Nickname", "Zoé"), _unsay("Nickname")),
    "unknown member, no text": (_say("Nick\ud800", [[{"a": 1.50}], None]), _unsay("Nick\ud800")),
    "type": (_say("IsActive", "perhaps"), _unsay("IsActive")),
    "locale": (_say("DefaultLocale", "xx_XX"), _unsay("DefaultLocale")),
    "negative": (_say("ProfileId", -5), _unsay("ProfileId")),
    "huge": (_say("ProfileId", 10**30), _unsay("ProfileId")),
    "email": (_append("Emails", {"EmailAddress": "not an address"}), _drop_last("Emails")),
    "surrogate": (_append("Emails", {"EmailAddress": "\ud800@example.com"}), _drop_last("Emails")),
    "no email": (_append("Emails", {"EmailPreferences": [SAID_NO, SAID_NO]}), _drop_last("Emails")),
    "no object": (_append("PhoneNumbers", 7), _drop_last("PhoneNumbers")),
    "filter": (_append("ProfilePreferences", SAID_NO), _drop_last("ProfilePreferences")),
    "empty id": (
        _append("AlternateIds", {"AlternateIdType": "Loyalty", "AlternateId": ""}),
        _drop_last("AlternateIds"),
    ),
    "control": (_append("ProfileTags", {"Name": "a\u0000b"}), _drop_last("ProfileTags")),
    "field": (_append("CustomFields", {"Name": "Nowhere", "Value": "x" * 5000}), _drop_last("CustomFields")),
}


def without_answer(record: Any) -> Any:
    """The record as it was staged: without what the answer put in."""
    if isinstance(record, list):
        return [without_answer(one) for one in record]
    if isinstance(record, dict):
        added = ("Exceptions", "HoldsOptOut", "SequenceNumber", "Phase")
        return {name: without_answer(value) for name, value in record.items() if name not in added}
    return record


def list_faults(faults: list[Wire]) -> list[tuple[str, ...]]:
    return sorted((fault["Code"], fault["Path"], json.dumps(fault["Value"])) for fault in faults)


@PROPERTY
@given(
    sound=st.lists(dated_records(with_id=False), min_size=1, max_size=5),
    breaks=st.lists(st.lists(st.sampled_from(sorted(BREAKS)), unique=True, max_size=3), min_size=5, max_size=5),
)
def test_a_record_from_the_exceptions_answer_can_be_staged_back(
    store: LiveStore, sound: list[Wire], breaks: list[list[str]]
) -> None:
    """A refused record comes back with the bytes that were staged. Staged again, it has the same faults. Once it
    is corrected, its result is that of the unbroken record. The test leaves out records that are no object,
    because they come back wrapped."""
    account = store.open_account()
    broken = []
    for person, record in enumerate(sound):
        faulty = json.loads(json.dumps(make_own(record, person)))
        for name in breaks[person]:
            if not (name in ("negative", "huge") and "ProfileId" in faulty):
                BREAKS[name][0](faulty)
        broken.append(faulty)
    first = account.run([broken], **MATCH)
    if not first.answers:
        return
    sequences = sorted(first.faults)
    body = b'{"UserProfilePreferences":[' + b",".join(first.answers) + b"]}"
    for record, sequence in zip(json.loads(body)["UserProfilePreferences"], sequences, strict=True):
        assert without_answer(record) == broken[sequence - 1]
    token = account.initiate(**MATCH)
    account.stage_body(token, body)
    again = account.finish(token)
    assert list(again.faults) == list(range(1, len(sequences) + 1))
    for place, sequence in enumerate(sequences, 1):
        assert list_faults(again.faults[place]) == list_faults(first.faults[sequence])
    corrected = [
        correct(answer, breaks[sequence - 1]) for answer, sequence in zip(again.answers, sequences, strict=True)
    ]
    end = account.run([corrected], **MATCH)
    unbroken = store.open_account().run(
        [[make_own(sound[sequence - 1], sequence - 1) for sequence in sequences]], **MATCH
    )
    assert (show_faults(end.faults), end.status) == (show_faults(unbroken.faults), unbroken.status)


def show_faults(faults: dict[int, list[Wire]]) -> dict[int, list[tuple[str, ...]]]:
    return {sequence: list_faults(found) for sequence, found in faults.items()}


def correct(answer: bytes, names: list[str]) -> Wire:
    """The record as it was before it was broken, still with what the answer put in."""
    record: Wire = json.loads(answer)
    for name in reversed(names):
        if name in ("negative", "huge"):
            record.pop("ProfileId", None)
        else:
            BREAKS[name][1](record)
    return record


def contradicts_itself(profile: Wire) -> bool:
    """tests/model/README.md, open point 1: a Text choice that was stored before the number was no mobile one."""
    return any(
        phone.get("IsMobile") is False
        and any(choice["FilterId"] == "NEWS-TEXT" for choice in phone.get("PhoneNumberPreferences") or [])
        for phone in profile.get("PhoneNumbers") or []
    )


@PROPERTY
@given(
    history=histories(max_steps=4),
    refresh=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(REFRESH))),
    match=st.booleans(),
    chunk=CHUNKS,
)
def test_what_get_profile_gives_can_be_staged_back_and_is_unchanged(
    store: LiveStore, history: History, refresh: frozenset[str], match: bool, chunk: int | None
) -> None:
    """The answer is accepted and Unchanged, and the import writes no row about people. This holds with
    AllowPriorConsents and the same configuration, with Refresh flags and without."""
    account = store.open_account()
    for _ in play_all(account, history):
        pass
    given_out = [profile for profile in account.profiles().values() if not contradicts_itself(profile)]
    if not given_out:
        return
    rows = account.versions()
    end = account.run(
        [given_out],
        chunk_size=chunk,
        AllowPriorConsents=True,
        **dict.fromkeys(refresh, True),
        **(MATCH if match else {}),
    )
    assert (end.faults, end.not_honored) == ({}, {})
    assert end.status["Unchanged"] == len(given_out)
    assert account.versions() == rows
