"""A preview on the services: start it, work it off, and list its changes."""

from __future__ import annotations

from live_account import LiveAccount, LiveStore

from consentory.domain.preview import ListedChange, Preview
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution.previewing import Previewing


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
