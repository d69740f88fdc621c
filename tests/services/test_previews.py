"""A preview tells beforehand what execution then does: the same counts, the same changes, and nothing is written."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from live_account import LiveAccount, LiveStore
from lone_people import CHUNKS, SIZES, cut, dated_records, flags

from consentory.domain.effects import EFFECT_KINDS, list_effects
from consentory.domain.preview import Preview
from consentory.domain.profile import ProfileState
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution.previewing import Previewing
from consentory.store.tables.profile_store import decode_state
from model.histories import resolve_record

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


def make_previewing(store: LiveStore, chunk_size: int | None = None) -> Previewing:
    configurations = ConfigurationCache(store.workers)
    return Previewing(store.workers, configurations, **({} if chunk_size is None else {"chunk_records": chunk_size}))


def run_preview(account: LiveAccount, token: str, chunk_size: int | None = None) -> Preview:
    """Start a preview and work it off."""
    services = account.store.services
    item = services.imports.find_by_token(account.caller, token)
    services.previews.start(account.caller, item)
    previewing = make_previewing(account.store, chunk_size)
    while previewing.work_once():
        pass
    previewing.close()
    return services.previews.find(account.caller, item)


def list_changes(account: LiveAccount, token: str) -> list[Any]:
    """Every change of the preview, page by page."""
    item = account.store.services.imports.find_by_token(account.caller, token)
    found: list[Any] = []
    cursor = None
    while True:
        page = account.store.services.previews.list_changes(account.caller, item, None, 3, cursor)
        found += page.changes
        if not page.has_more:
            return found
        cursor = page.changes[-1].cursor


def read_states(account: LiveAccount) -> dict[int, ProfileState]:
    rows = account.store.query(
        "SELECT profile_id, body::text FROM profile WHERE account_id = %s", account.caller.account_id
    )
    return {profile_id: decode_state(body) for profile_id, body in rows}


def count_effects(account: LiveAccount, before: dict[int, ProfileState], import_id: UUID) -> dict[str, int]:
    """The effects of an execution, counted from what is stored before it and after it."""
    index = account.store.services.configurations.current(account.caller.account_id)
    ((started,),) = account.store.query(
        "SELECT (extract(epoch FROM started_at) * 1000000)::bigint FROM import WHERE import_id = %s", import_id
    )
    after, counts = read_states(account), Counter(dict.fromkeys(EFFECT_KINDS, 0))
    for profile_id in before.keys() | after.keys():
        effects = list_effects(before.get(profile_id), after.get(profile_id), index, started)
        counts.update(effect.kind for effect in effects)
    return dict(counts)


@PROPERTY
@given(
    before=st.lists(dated_records(), max_size=6),
    records=st.lists(dated_records(), min_size=1, max_size=10),
    flags=flags(),
    chunk_sizes=st.tuples(CHUNKS, CHUNKS),
    sizes=SIZES,
)
def test_preview_tells_what_execution_does(
    store: LiveStore,
    before: list[Wire],
    records: list[Wire],
    flags: Wire,
    chunk_sizes: tuple[int | None, int | None],
    sizes: list[int],
) -> None:
    account = store.open_account()
    if before:
        account.run([[resolve_record(one, []) for one in before]], **{**flags, "AllowPriorConsents": True})
    ids = account.profile_ids()
    token = account.initiate(**flags)
    for batch in cut([resolve_record(one, ids) for one in records], sizes):
        account.stage(token, batch)
    states, versions = read_states(account), account.versions()
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
    check_changes(account, token, effects, ended.faults, ended.not_honored)


def to_wire_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def check_changes(account: LiveAccount, token: str, effects: dict[str, int], *faults: dict[int, list[Wire]]) -> None:
    """Every change is listed, and every fault of execution."""
    changes = list_changes(account, token)
    listed = Counter(change.kind for change in changes)
    assert {kind: listed[kind] for kind in EFFECT_KINDS} == effects
    at_execution = Counter(
        (sequence, fault["Code"], fault["Path"])
        for found in faults
        for sequence, all_faults in found.items()
        for fault in all_faults
        if fault.get("Phase") != "Stage"
    )
    told = Counter(
        (change.sequence_number, change.change.fault.Code, change.change.fault.Path)
        for change in changes
        if change.change.fault is not None
    )
    assert not told - at_execution
