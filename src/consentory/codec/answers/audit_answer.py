"""The audit trail as an answer (account.md, "Who may call")."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from consentory.codec.answers.answer_types import Instant, Natural, Positive, to_utc
from consentory.domain.audit_event import Action as AuditAction
from consentory.domain.audit_event import AuditEvent, Detail, TrailPage


class AuditEventAnswer(msgspec.Struct, frozen=True):
    """An event of the audit trail."""

    Number: Annotated[Positive, Meta(description="Its place in the account's chain.")]
    EventId: UUID
    RecordedDate: Instant
    Caller: Annotated[str, Meta(description="The user; `system` or `operator` where there was no request.")]
    ClientAddress: str | None
    RequestId: str | None
    Action: AuditAction
    ImportId: UUID | None
    ProfileIds: list[int]
    Details: dict[str, Detail]
    Hash: Annotated[str, Meta(description="SHA-256 over this event and the Hash before it, in hexadecimal digits.")]


class AuditPage(msgspec.Struct, frozen=True):
    """A page of the audit trail, oldest first."""

    Count: Natural
    HasMore: bool
    Newest: Annotated[Natural, Meta(description="The Number of the newest event; 0 if there is none.")]
    Events: list[AuditEventAnswer]


def render_audit(page: TrailPage) -> AuditPage:
    """The page with its events, each in the form of the wire."""
    return AuditPage(len(page.events), page.has_more, page.newest, [_render_event(event) for event in page.events])


def _render_event(event: AuditEvent) -> AuditEventAnswer:
    assert event.number is not None, "a page holds chained events only"
    assert event.hash is not None, "a page holds chained events only"
    return AuditEventAnswer(
        Number=event.number,
        EventId=event.event_id,
        RecordedDate=to_utc(event.recorded_at),
        Caller=event.caller,
        ClientAddress=event.client_address,
        RequestId=event.request_id,
        Action=event.action,
        ImportId=event.import_id,
        ProfileIds=list(event.profile_ids),
        Details=dict(event.details),
        Hash=bytes(event.hash).hex(),
    )
