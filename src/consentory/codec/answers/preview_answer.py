"""The preview object and the pages of its changes (docs/effects.md, "Preview")."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from consentory.codec.answers.answer_types import Instant, Natural, Positive, to_utc
from consentory.domain.effects import EFFECT_KINDS, ChangeKind
from consentory.domain.guard import LimitExceeded
from consentory.domain.preview import ChangePage, ListedChange, Preview, PreviewState
from consentory.domain.record import Fault


class EffectCounts(msgspec.Struct, frozen=True):
    """How many changes of each kind. Ended: in force before, and not afterwards, for whatever reason."""

    OptInsAdded: Natural
    OptInsEnded: Natural
    OptOutsAdded: Natural
    OptOutsEnded: Natural
    ConsentsGranted: Natural
    ConsentsWithdrawn: Natural
    ConsentsEnded: Natural
    ContactElementsAdded: Natural
    ContactElementsDeactivated: Natural
    AlternateIdsAdded: Natural
    AlternateIdsDeactivated: Natural
    MembersChanged: Natural
    CustomFieldsChanged: Natural
    CustomFieldsRemoved: Natural
    GroupsAdded: Natural
    GroupsDeactivated: Natural
    TagsAdded: Natural
    TagsRemoved: Natural
    ProfilesDeactivated: Natural
    ProfilesDeleted: Natural


class PreviewObject(msgspec.Struct, frozen=True, kw_only=True):
    """The effects that an import would have if it were executed at AsOf and nothing else went on."""

    PreviewId: UUID
    State: PreviewState
    AsOf: Annotated[
        Instant | None, Meta(description="The time of the snapshot that is read; null: no worker has begun yet.")
    ]
    Records: Natural
    RecordsDone: Natural
    Created: Natural
    Updated: Natural
    Unchanged: Natural
    Deleted: Natural
    NotHonored: Natural
    Exceptions: Natural
    Stale: Annotated[bool, Meta(description="True as soon as more was staged or the account document changed.")]
    LimitsExceeded: Annotated[
        list[LimitExceeded], Meta(description="The limits of the guard that the import would exceed.")
    ]
    Effects: EffectCounts


class ChangeItem(msgspec.Struct, frozen=True, kw_only=True):
    """One change that the import would make, or one reason why it would not."""

    Kind: ChangeKind
    SequenceNumber: Positive
    ProfileId: Annotated[Positive | None, Meta(description="null: the person would be new, or it is withheld.")]
    Place: Annotated[
        dict[str, str] | None,
        Meta(description="The person (Kind Profile), or a contact element with its Kind, type and value."),
    ]
    Member: str
    Before: Any = None
    After: Any = None
    Fault: Fault | None = None


class ChangeList(msgspec.Struct, frozen=True):
    """A page of changes by kind and SequenceNumber."""

    Count: Natural
    NextCursor: Annotated[
        str | None, Meta(description="Send it as `cursor` for the next page; null: there is no next page.")
    ]
    Changes: list[ChangeItem]


def render_preview(preview: Preview) -> PreviewObject:
    """The preview as the wire shows it."""
    return PreviewObject(
        PreviewId=preview.preview_id,
        State=preview.state,
        AsOf=None if preview.as_of is None else to_utc(preview.as_of),
        Records=preview.records,
        RecordsDone=preview.records_done,
        Created=preview.created,
        Updated=preview.updated,
        Unchanged=preview.unchanged,
        Deleted=preview.deleted,
        NotHonored=preview.not_honored,
        Exceptions=preview.exceptions,
        Stale=preview.is_stale,
        LimitsExceeded=preview.limits_exceeded,
        Effects=EffectCounts(**dict(zip(EFFECT_KINDS, preview.effects, strict=True))),
    )


def render_changes(page: ChangePage) -> ChangeList:
    """A page of changes as the wire shows it."""
    items = [_render_change(change) for change in page.changes]
    return ChangeList(len(items), page.changes[-1].cursor if page.has_more else None, items)


def _render_change(listed: ListedChange) -> ChangeItem:
    change = listed.change
    return ChangeItem(
        Kind=listed.kind,
        SequenceNumber=listed.sequence_number,
        ProfileId=listed.profile_id,
        Place=change.place,
        Member=change.member,
        Before=change.before,
        After=change.after,
        Fault=change.fault,
    )
