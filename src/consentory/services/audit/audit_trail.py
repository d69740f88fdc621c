"""The audit trail: all actions, with the caller, the time and the address (account.md, "Who may call").

An event is written in the transaction of its action, so that both are stored, or neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

from consentory.domain.audit_event import Action, Detail, NewEvent, TrailFilter, TrailPage
from consentory.domain.caller import Actor, Caller
from consentory.domain.identifier import make_uuid7
from consentory.domain.permission import require_audit
from consentory.errors import ConsentoryError, RequestRefused
from consentory.store.database import Database, Transaction
from consentory.store.tables import audit_store

log = structlog.get_logger(__name__)


def note_event(
    tx: Transaction,
    actor: Actor,
    action: Action,
    *,
    import_id: UUID | None = None,
    profile_ids: Sequence[int] = (),
    details: Mapping[str, Detail] | None = None,
) -> None:
    """Note the action of a transaction of the actor's account. People are named by ProfileId, and in no other way."""
    origin = actor.origin
    event = NewEvent(
        event_id=make_uuid7(),
        caller=actor.user_id,
        client_address=origin.address,
        request_id=origin.request_id,
        action=action,
        import_id=import_id,
        profile_ids=profile_ids,
        details=details or {},
    )
    audit_store.insert_event(tx, actor.account_id, event)


class AuditTrail:
    """Notes actions that have no transaction of their own, and shows the trail to callers with the permission."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, actor: Actor, action: Action, details: Mapping[str, Detail]) -> None:
        """Write an event in a transaction of its own. Raises StoreUnavailable: then the event is not stored."""
        with self._database.transaction(actor.account_id) as tx:
            note_event(tx, actor, action, details=details)

    def note_refusal(
        self, actor: Actor, action: Action, refusal: RequestRefused, details: Mapping[str, Detail] | None = None
    ) -> None:
        """Write down that a request was refused. If the trail cannot be written, the refusal stays the same."""
        try:
            self.note(actor, action, {"Code": refusal.code, **(details or {})})
        except ConsentoryError as error:
            log.error("refusal is not in the audit trail", action=action, code=refusal.code, reason=str(error))

    @contextmanager
    def noting(self, actor: Actor) -> Iterator[None]:
        """Write down a refusal that the block raises, as authentication.refused."""
        try:
            yield
        except RequestRefused as refusal:
            self.note_refusal(actor, "authentication.refused", refusal)
            raise

    def read(self, caller: Caller, after: int, limit: int, action: Action | None, import_id: UUID | None) -> TrailPage:
        """A page of the trail, for a caller with the permission `audit`. Raises RequestRefused, forbidden."""
        require_audit(caller)
        return self.show(caller, after, limit, action, import_id)

    def list_latest(self, caller: Caller, before: int | None, limit: int, wanted: TrailFilter) -> TrailPage:
        """The newest events that the filter wants, newest first, for a caller with the permission `audit`.

        `before`: only events with a lower number. The call is noted as audit.read. Raises RequestRefused, forbidden.
        """
        require_audit(caller)
        with self._database.transaction(caller.account_id) as tx:
            head = audit_store.find_head(tx)
            found = audit_store.list_latest(tx, before, limit + 1, wanted)
            note_event(tx, caller, "audit.read", details={"Count": min(len(found), limit)})
        return TrailPage(found[:limit], len(found) > limit, 0 if head is None else head[0])

    def show(self, actor: Actor, after: int, limit: int, action: Action | None, import_id: UUID | None) -> TrailPage:
        """The events with a number above `after`, oldest first.

        An event gets its number about a second after it happened, and the result has it from then on. The call is noted
        as audit.read.
        """
        with self._database.transaction(actor.account_id) as tx:
            head = audit_store.find_head(tx)
            found = audit_store.list_events(tx, after, limit + 1, action, import_id)
            note_event(tx, actor, "audit.read", details={"After": after, "Count": min(len(found), limit)})
        return TrailPage(found[:limit], len(found) > limit, 0 if head is None else head[0])
