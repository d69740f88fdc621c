"""A preview on the services: start it, work it off, and list its changes."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from live_account import LiveAccount, LiveStore

from consentory.domain.effects import EFFECT_KINDS, list_effects
from consentory.domain.preview import ListedChange, Preview
from consentory.domain.profile import ProfileState
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution.previewing import Previewing
from consentory.store.tables.profile_store import decode_state


def make_previewing(store: LiveStore, chunk_size: int | None = None) -> Previewing:
    """A worker's previewing; None: the default chunk size."""
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


def list_changes(account: LiveAccount, token: str, limit: int = 3) -> list[ListedChange]:
    """Every change of the preview, page by page."""
    item = account.store.services.imports.find_by_token(account.caller, token)
    found: list[ListedChange] = []
    cursor = None
    while True:
        page = account.store.services.previews.list_changes(account.caller, item, None, limit, cursor)
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
