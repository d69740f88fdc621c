"""The buttons of an import: those that its state and the permissions of the user allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from consentory.domain.caller import Caller
from consentory.domain.imports import Import
from consentory.domain.permission import require_release, require_settings, require_undo
from consentory.domain.preview import Preview
from consentory.errors import RequestRefused


class ImportActions(NamedTuple):
    """The allowed calls. The services check each call again."""

    stage: bool
    preview: bool
    execute: bool
    release: bool
    cancel: bool
    undo: bool
    restore: bool
    """An undo may also take back the noes that came with the import."""


def may_correct(caller: Caller, item: Import) -> bool:
    """True if the user may correct refused records of the import, and stage them again."""
    return item.undo is None and _is_permitted(lambda: require_settings(item.settings, caller.permissions))


def list_actions(caller: Caller, item: Import, preview: Preview | None, *, is_filling: bool) -> ImportActions:
    """The calls that the user may make now. `is_filling`: a worker still stages the file of the import. A part of a
    file is neither previewed nor executed."""
    is_held = item.held_reason is not None
    may_begin = _is_permitted(lambda: require_settings(item.settings, caller.permissions))
    may_release = _is_permitted(lambda: require_release(caller))
    is_live = item.expires_at > datetime.now(UTC)
    may_move = may_begin and (item.undo is None or not item.undo.restore_yes or may_release)
    may_undo = _is_permitted(lambda: require_undo(caller.permissions))
    is_staged = item.status == "Staging" and not is_filling
    is_own = is_live and item.caller == caller.user_id
    return ImportActions(
        stage=item.status in ("Initiated", "Staging") and is_own and item.undo is None and not is_filling,
        preview=(is_staged or is_held) and (preview is None or preview.state != "Running"),
        execute=is_staged and may_move and is_own,
        release=is_held and may_release,
        cancel=item.status in ("Initiated", "Staging", "Queued") and may_move,
        undo=item.status == "Completed" and item.settings.action != "Delete" and may_undo,
        restore=may_release,
    )


def _is_permitted(require: Callable[[], None]) -> bool:
    try:
        require()
    except RequestRefused:
        return False
    return True
