"""The guard at the start of an execution: preview the import, and hold it if it exceeds a limit (docs/effects.md)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from consentory.domain.caller import SYSTEM, Party
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.effects import EFFECT_KINDS
from consentory.domain.guard import (
    LEAST_PROFILES,
    NOT_CHECKED,
    LimitExceeded,
    describe_limits,
    find_allowed,
    find_exceeded,
    has_profile_share,
    join_guards,
)
from consentory.domain.identifier import make_uuid7
from consentory.domain.imports import GuardState, ImportSettings
from consentory.errors import StoreBusy
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.store.database import Transaction
from consentory.store.tables import execution_store, import_store, preview_store, profile_store
from consentory.store.tables.preview_store import PreviewKey

log = structlog.get_logger(__name__)


def may_start(
    tx: Transaction, index: ConfigurationIndex, import_id: UUID, settings: ImportSettings, state: GuardState | None
) -> bool:
    """True if no limit applies to the import, or if its guard permits it. Otherwise, starts the preview of the guard.

    If the preview is stale, because the account document changed, starts a new one. Raises StoreBusy if the import was
    cancelled meanwhile.
    """
    guards = join_guards(index.configuration, settings.guard)
    if not guards or state == "Released":
        return True
    if state == "Passed":
        preview = preview_store.find_preview(tx, import_id)
        if preview is not None and not preview.is_stale:
            return True
    item = import_store.find_import(tx, import_id)
    assert item is not None
    profiles = profile_store.count_active(tx, LEAST_PROFILES) if has_profile_share(guards) else 0
    if not find_allowed(guards, item.books.received, profiles):
        return True
    preview_id = make_uuid7()
    preview_store.replace_preview(tx, item, preview_id, index.revision)
    if not import_store.check_guarded(tx, import_id):
        raise StoreBusy("the import was cancelled before the preview of its guard began")
    details = {"PreviewId": str(preview_id)}
    note_event(tx, Party(index.account_id, SYSTEM), "preview.started", import_id=import_id, details=details)
    execution_store.notify_work(tx)
    log.info("import waits for the preview of its guard", import_id=str(import_id))
    return False


def count_profiles(view: Transaction, index: ConfigurationIndex, settings: ImportSettings) -> int:
    """The number of active profiles of the account, if a limit is a share of them; otherwise 0."""
    guards = join_guards(index.configuration, settings.guard)
    return profile_store.count_active(view) if has_profile_share(guards) else 0


def judge_preview(tx: Transaction, configurations: ConfigurationCache, key: PreviewKey) -> list[LimitExceeded]:
    """The limits that the counts of an import's preview exceed."""
    found = preview_store.load_findings(tx, key)
    if found is None:
        return []
    index = configurations.at_revision(tx, key.account_id, found.configuration_revision)
    allowed = find_allowed(join_guards(index.configuration, found.settings.guard), found.received, found.profiles)
    return find_exceeded(allowed, found.failed, dict(zip(EFFECT_KINDS, found.effects, strict=True)))


def settle(tx: Transaction, key: PreviewKey, exceeded: Sequence[LimitExceeded]) -> None:
    """After the preview of a guard, hold the import or let it start. After another preview, do nothing.

    If the account document changed during the preview, the new document decides, so ask the guard anew.
    """
    preview = preview_store.find_preview(tx, key.import_id)
    if exceeded and preview is not None and preview.is_stale:
        _ask_anew(tx, key)
        return
    if not import_store.settle_guarded(tx, key.import_id, "Held" if exceeded else "Passed", exceeded) or not exceeded:
        return
    worker = Party(key.account_id, SYSTEM)
    note_event(tx, worker, "import.held", import_id=key.import_id, details=describe_limits(exceeded))
    log.info("import held by the guard", import_id=str(key.import_id), limits=[one.Limit for one in exceeded])


def settle_failed(tx: Transaction, key: PreviewKey, *, is_possible: bool) -> None:
    """After the preview of a guard failed, hold the import, because no limit was checked.

    If no preview is possible, let the import start: the start finds the reason.
    """
    if is_possible:
        settle(tx, key, [NOT_CHECKED])
    else:
        _ask_anew(tx, key)


def _ask_anew(tx: Transaction, key: PreviewKey) -> None:
    import_store.settle_guarded(tx, key.import_id, None)
    execution_store.notify_work(tx)
