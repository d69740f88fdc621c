"""The life of an import up to its execution: initiate, find, execute, cancel, list (import-api.md)."""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import get_args
from uuid import UUID

import msgspec

from consentory.codec.staging.initiate_request import read_initiate
from consentory.domain.caller import SYSTEM, Caller, Party
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.guard import describe_limits, needs_other_user
from consentory.domain.identifier import make_uuid7
from consentory.domain.imports import Books, Import, ImportSettings, Status
from consentory.domain.instants import from_micros
from consentory.domain.permission import require_import, require_release, require_settings
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.audit.audit_trail import note_event
from consentory.services.imports.preview_service import require_current
from consentory.store.database import Database, Transaction
from consentory.store.tables import execution_store, import_store, profile_store

TOKEN_BITS = 53
"""Every JSON reader reads a number of this size exactly, so an access token has no more bits (import-api.md, "Paths").
"""


class ImportService:
    """Initiate, find, execute, cancel and list imports, with the permission `import`; release them with `release`."""

    def __init__(self, database: Database, configurations: ConfigurationCache) -> None:
        self._database = database
        self._configurations = configurations

    def initiate(self, caller: Caller, body: bytes, idempotency_key: str | None) -> Import:
        """A new import, or the import that the same caller initiated with the same key.

        Raises RequestRefused: invalid or not_found (read_initiate), conflict (the key, with another body),
        too_many (the account's daily import requests are used up).
        """
        return self._initiate(caller, lambda index: read_initiate(body, index, caller.permissions), idempotency_key)

    def initiate_like(self, caller: Caller, settings: ImportSettings, idempotency_key: str | None) -> Import:
        """As `initiate`, with the settings of another import. Raises RequestRefused: forbidden, conflict, too_many."""

        def permit(_: ConfigurationIndex) -> ImportSettings:
            require_settings(settings, caller.permissions)
            return settings

        return self._initiate(caller, permit, idempotency_key)

    def _initiate(
        self,
        caller: Caller,
        choose_settings: Callable[[ConfigurationIndex], ImportSettings],
        idempotency_key: str | None,
    ) -> Import:
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            configuration_index = self._configurations.current_in(tx, caller.account_id)
            settings = choose_settings(configuration_index)
            request_hash = hashlib.sha256(msgspec.json.encode(settings)).digest()
            if idempotency_key is not None:
                known = self._find_replay(tx, caller, idempotency_key, request_hash)
                if known is not None:
                    return known
            check_daily_limit(tx, configuration_index)
            now = from_micros(profile_store.read_clock(tx))
            item = Import(
                account_id=caller.account_id,
                import_id=make_uuid7(now),
                access_token=secrets.randbits(TOKEN_BITS),
                status="Initiated",
                settings=settings,
                books=Books(),
                caller=caller.user_id,
                created_at=now,
                expires_at=now + timedelta(hours=configuration_index.account.token_lifetime_hours),
            )
            if import_store.insert_import(tx, item, idempotency_key, request_hash):
                note_event(
                    tx, caller, "import.initiated", import_id=item.import_id, details={"ImportAction": settings.action}
                )
                return item
        # another call with the same key was first: find its import
        return self._initiate(caller, choose_settings, idempotency_key)

    def _find_replay(self, tx: Transaction, caller: Caller, key: str, request_hash: bytes) -> Import | None:
        known = import_store.find_import_by_key(tx, caller.user_id, key)
        if known is None:
            return None
        import_id, known_hash, is_over = known
        if is_over:
            import_store.release_import_key(tx, import_id)
            return None
        if known_hash != request_hash:
            raise RequestRefused(
                "conflict",
                "IdempotencyKey.Reused",
                "This Idempotency-Key was used before, to initiate an import with other settings. Use a new key.",
            )
        return import_store.find_import(tx, import_id)

    def find_by_token(self, caller: Caller, token: str) -> Import:
        """The import that an access token names. Raises RequestRefused, unauthorized, if it names none."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            return find_by_token(tx, token)

    def find_by_id(self, caller: Caller, import_id: str) -> Import:
        """The import with that id, even if its token has expired. Raises RequestRefused, not_found."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            return _expire(tx, find_by_id(tx, import_id))

    def find_own(self, caller: Caller, import_id: str) -> Import:
        """The import with that id, for a call that needs its access token: only the initiator has the token.

        Raises RequestRefused: not_found; forbidden for every other user.
        """
        item = self.find_by_id(caller, import_id)
        if item.caller != caller.user_id:
            raise RequestRefused(
                "forbidden",
                "Permission.Initiator",
                f"Only {item.caller}, who initiated this import, can stage records and execute it.",
            )
        return item

    def execute(self, caller: Caller, token: str, preview_id: UUID | None = None) -> Import:
        """Queue a staged import. A call on an import that is queued, processing or completed changes nothing.

        `preview_id`: only if this preview is of the records that are staged now. Raises RequestRefused: forbidden, if
        the caller may not initiate such an import; conflict, if nothing was staged, if the import is Failed, and if the
        preview is replaced, not done or stale.
        """
        with self._database.transaction(caller.account_id) as tx:
            item = _find_to_move(tx, caller, token)
            # The lock keeps the state from here on. Without it, a first batch that commits meanwhile would be too late
            # for the queue, but the answer would not refuse the call. Of concurrent calls one changes the state.
            item, _ = import_store.lock_import(tx, item.import_id)
            if preview_id is not None and item.status == "Staging":
                require_current(tx, item.import_id, preview_id)
            if import_store.queue_import(tx, item.import_id, caller.user_id):
                details = {} if preview_id is None else {"PreviewId": str(preview_id)}
                note_event(tx, caller, "import.executed", import_id=item.import_id, details=details)
                execution_store.notify_work(tx)
            item = _reload(tx, item)
            if item.status == "Initiated":
                raise RequestRefused(
                    "conflict",
                    "Import.NothingStaged",
                    "This import has no staged records. Stage records, then execute.",
                )
            if item.status == "Failed":
                raise RequestRefused(
                    "conflict",
                    "Import.Failed",
                    f"This import has failed ({item.failure_reason}). Nothing of it was applied. Initiate a new one.",
                )
            return item

    def release(self, caller: Caller, import_id: str) -> Import:
        """Let an import go on that a guard holds; harmless when it was released already. Needs `release` alone.

        Raises RequestRefused: forbidden for the user who executed it, where the guard asks for another one; conflict
        while no guard holds it.
        """
        require_release(caller)
        with self._database.transaction(caller.account_id) as tx:
            item = find_by_id(tx, import_id)
            state, executed_by = import_store.lock_guarded(tx, item.import_id)
            if state == "Held":
                item = _reload(tx, item)
                index = self._configurations.current_in(tx, caller.account_id)
                if executed_by == caller.user_id and needs_other_user(index.configuration, item.settings.guard):
                    raise RequestRefused(
                        "forbidden",
                        "Permission.OtherUser",
                        "You executed this import, and the guard asks for another user to release it.",
                    )
                import_store.release_import(tx, item.import_id)
                details = describe_limits(item.held_reason or ())
                note_event(tx, caller, "import.released", import_id=item.import_id, details=details)
                execution_store.notify_work(tx)
            elif state != "Released":
                raise RequestRefused(
                    "conflict",
                    "Import.NotHeld",
                    f"No guard holds this import; it is {_reload(tx, item).status}. There is nothing to release.",
                )
            return _reload(tx, item)

    def cancel(self, caller: Caller, token: str) -> Import:
        """Fail an import before anything of it is applied. A call on a Failed import changes nothing.

        Raises RequestRefused: forbidden, if the caller may not initiate such an import; conflict, if the import is
        processing or completed.
        """
        with self._database.transaction(caller.account_id) as tx:
            return _cancel(tx, caller, _find_to_move(tx, caller, token))

    def cancel_by_id(self, caller: Caller, import_id: str) -> Import:
        """As `cancel`, also after the access token has expired: a held import may wait for longer."""
        require_import(caller)
        with self._database.transaction(caller.account_id) as tx:
            item = find_by_id(tx, import_id)
            _require_rights(caller, item)
            return _cancel(tx, caller, item)

    def list_imports(
        self, caller: Caller, status: str | None, limit: int, cursor: str | None
    ) -> tuple[list[Import], str | None]:
        """The imports of the account, newest first, and the cursor of the next page. None: there is no next page."""
        require_import(caller)
        before = _read_cursor(cursor)
        if status is not None and status not in get_args(Status):
            raise RequestRefused(
                "invalid",
                "Request.InvalidParameter",
                f"status must be one of {', '.join(get_args(Status))}, and not {status!r}.",
            )
        with self._database.transaction(caller.account_id) as tx:
            found = import_store.list_imports(tx, status, before, limit + 1)  # type: ignore[arg-type]
        more = len(found) > limit
        return found[:limit], str(found[limit - 1].import_id) if more else None


def find_by_id(tx: Transaction, import_id: str) -> Import:
    """The import of the transaction's account with that id. Raises RequestRefused, not_found."""
    try:
        wanted = UUID(import_id)
    except ValueError:
        wanted = None
    item = import_store.find_import(tx, wanted) if wanted is not None else None
    if item is None:
        raise RequestRefused("not_found", "Import.NotFound", "This account has no import with that id.")
    return item


def find_by_token(tx: Transaction, token: str) -> Import:
    """The import of the transaction's account that an access token names, if the token has not expired.

    Raises RequestRefused, unauthorized, with the same text for every other token (import-api.md, "Paths").
    """
    digits = token.isascii() and token.isdigit() and len(token) <= 16
    number = int(token) if digits else -1
    item = import_store.find_import_by_token(tx, number) if 0 <= number < 1 << TOKEN_BITS else None
    if item is None:
        raise RequestRefused(
            "unauthorized",
            "AccessToken.Invalid",
            "The access token is unknown or has expired. Initiate an import, or use the ImportId.",
        )
    return item


def _cancel(tx: Transaction, caller: Caller, item: Import) -> Import:
    item, _ = import_store.lock_import(tx, item.import_id)
    if import_store.fail_import(tx, item.import_id, "Import.Cancelled", ("Initiated", "Staging", "Queued")):
        details = describe_limits(item.held_reason or ())
        note_event(tx, caller, "import.cancelled", import_id=item.import_id, details=details)
        execution_store.notify_work(tx)
    item = _reload(tx, item)
    if item.status != "Failed":
        raise RequestRefused(
            "conflict",
            "Import.NotCancellable",
            f"This import is {item.status}, and can no longer be cancelled. Its applied records stay applied.",
        )
    return item


def _find_to_move(tx: Transaction, caller: Caller, token: str) -> Import:
    """The import that an access token names, for a caller who may initiate an import with these settings.

    The token is not a permission, because somebody else may have it. Raises RequestRefused: forbidden, unauthorized.
    """
    require_import(caller)
    item = find_by_token(tx, token)
    _require_rights(caller, item)
    return item


def _require_rights(caller: Caller, item: Import) -> None:
    """Raises RequestRefused, forbidden, if the caller may not initiate such an import."""
    require_settings(item.settings, caller.permissions)
    if item.undo is not None and item.undo.restore_yes:
        require_release(caller)


def check_daily_limit(tx: Transaction, configuration_index: ConfigurationIndex) -> None:
    """Raises RequestRefused, too_many, if the account may make no further import now. No other import is made until
    the transaction ends."""
    import_store.lock_initiates(tx)
    require_daily_room(tx, configuration_index)


def require_daily_room(tx: Transaction, configuration_index: ConfigurationIndex, made: int = 0) -> None:
    """As `check_daily_limit`, without the lock. `made`: how many imports this transaction has made already."""
    used, free_in = import_store.count_recent_imports(tx)
    limit = configuration_index.account.imports_per_day
    if used - made >= limit:
        seconds = math.ceil(free_in.total_seconds()) if free_in is not None else 86_400
        raise RequestRefused(
            "too_many",
            "Import.DailyLimit",
            f"The account has used its {limit} import requests of the last 24 hours. Wait for the seconds of"
            " Retry-After.",
            retry_after=max(seconds, 1),
            headers={
                "RateLimit": f'"imports";r=0;t={max(seconds, 1)}',
                "RateLimit-Policy": f'"imports";q={limit};w=86400',
            },
        )


def _reload(tx: Transaction, item: Import) -> Import:
    found = import_store.find_import(tx, item.import_id)
    assert found is not None
    return found


def _expire(tx: Transaction, item: Import) -> Import:
    """Fail an import whose token expired before Execute, if no worker has done so yet."""
    if item.status in ("Initiated", "Staging") and import_store.expire_import(tx, item.import_id):
        note_event(tx, Party(item.account_id, SYSTEM), "import.expired", import_id=item.import_id)
        return _reload(tx, item)
    return item


def _read_cursor(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor is not None else None
    except ValueError:
        raise RequestRefused(
            "invalid",
            "Request.InvalidParameter",
            "cursor must be a value that this server gave. Leave it out to start from the beginning.",
        ) from None
