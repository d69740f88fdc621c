"""A preview tells beforehand what execution then does: the same counts, the same changes, and nothing is written."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from live_account import Ended, LiveAccount, LiveStore
from lone_people import CHUNKS, MATCH, SIZES, cut, dated_records, flags
from preview_calls import count_effects, list_changes, read_states, run_preview
from profile_comparison import ARRAYS, HARMS, list_harms

from consentory.domain.effects import EFFECT_KINDS
from consentory.domain.preview import ListedChange
from model.histories import delete_records, resolve_record

Wire = dict[str, Any]
EXAMPLES = int(os.environ.get("CONSENTORY_PROPERTY_EXAMPLES", "40"))
PROPERTY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
COUNTS = ("created", "updated", "unchanged", "deleted", "exceptions", "not_honored")
pytestmark = [pytest.mark.timeout(6 * 3600), pytest.mark.slow]


@st.composite
def loads(draw: st.DrawFn) -> tuple[Wire, list[Wire]]:
    """The settings and the records of an import; one import in four deletes."""
    if draw(st.sampled_from([False, False, False, True])):
        deleting = {**MATCH, "ImportAction": "Delete"}
        return deleting, draw(st.lists(delete_records("CRM"), min_size=1, max_size=8))
    return draw(flags()), draw(st.lists(dated_records(), min_size=1, max_size=10))


@PROPERTY
@given(
    before=st.lists(dated_records(), max_size=6),
    load=loads(),
    chunk_sizes=st.tuples(CHUNKS, CHUNKS),
    sizes=SIZES,
)
def test_preview_tells_what_execution_does(
    store: LiveStore,
    before: list[Wire],
    load: tuple[Wire, list[Wire]],
    chunk_sizes: tuple[int | None, int | None],
    sizes: list[int],
) -> None:
    account, (settings, records) = store.open_account(), load
    if before:
        account.run([[resolve_record(one, []) for one in before]], **MATCH, AllowPriorConsents=True)
    ids = account.profile_ids()
    token = account.initiate(**settings)
    for batch in cut([resolve_record(one, ids) for one in records], sizes):
        account.stage(token, batch)
    states, versions, people = read_states(account), account.versions(), account.profiles()
    preview = run_preview(account, token, chunk_sizes[0])
    assert account.versions() == versions
    assert account.status(token)["Status"] == "Staging"
    assert preview.state == "Done"
    assert not preview.is_stale
    assert preview.records == preview.records_done == account.status(token)["ValidationSuccessful"]
    ended = account.finish(token, chunk_size=chunk_sizes[1])
    wire = {name: ended.status[to_wire_name(name)] for name in COUNTS}
    assert {name: getattr(preview, name) for name in COUNTS} == wire
    effects = dict(zip(EFFECT_KINDS, preview.effects, strict=True))
    assert effects == count_effects(account, states, ended.import_id)
    changes = list_changes(account, token)
    check_harms(changes, people, account.profiles())
    listed = Counter(change.kind for change in changes)
    assert {kind: listed[kind] for kind in EFFECT_KINDS} == effects
    check_faults(account, changes, ended)


def to_wire_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def check_harms(changes: list[ListedChange], before: dict[int, Wire], after: dict[int, Wire]) -> None:
    """The listed harm is that between the answers about people before and after execution, one by one."""
    seen = Counter(
        harm
        for profile_id in before.keys() | after.keys()
        for harm in list_harms(profile_id, before.get(profile_id), after.get(profile_id))
    )
    told = Counter(
        (change.kind, change.profile_id, show_place(change.change.place or {}), change.change.member)
        for change in changes
        if change.kind in HARMS
    )
    assert told == seen


def show_place(place: dict[str, str]) -> str:
    """The kind of the place, and the type of a contact element."""
    kind = place["Kind"]
    return f"{kind} {place[ARRAYS[kind][1]]}" if kind in ARRAYS else kind


def check_faults(account: LiveAccount, changes: list[ListedChange], ended: Ended) -> None:
    """Every fault of execution is listed, and no other."""
    query = "SELECT sequence_number, repeats FROM import_fault WHERE import_id = %s AND phase = 1"
    rows = account.store.query(query, ended.import_id)
    at_staging = {first + place for first, repeats in rows for place in range(repeats)}
    at_execution = Counter(
        (sequence, fault["Code"], fault["Path"])
        for found in (ended.faults, ended.not_honored)
        for sequence, faults in found.items()
        for fault in faults
        if sequence not in at_staging
    )
    told = Counter(
        (change.sequence_number, change.change.fault.Code, change.change.fault.Path)
        for change in changes
        if change.change.fault is not None
    )
    assert told == at_execution
