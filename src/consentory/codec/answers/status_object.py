"""The status object, as Initiate, Stage, Execute, Status and Cancel answer it (import-api.md, "The status object")."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from consentory.codec.answers.answer_types import Instant, Natural, Positive, to_utc
from consentory.domain.configuration import Guard as ImportGuard
from consentory.domain.guard import LimitExceeded
from consentory.domain.imports import Action, Import, ImportSource, StagedBatch, Status


class StatusBatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of this Stage call. SequenceNumbers count from 1 over the whole import. A count of 0 may be absent."""

    First: Positive
    Last: Positive
    ValidationFailed: Natural
    UndatedChoices: Natural = 0
    RefusedOptOuts: Natural = 0
    NumbersWithoutCountryCode: Natural = 0


class StatusObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An import with its counts, names and order as on the wire. Times are UTC, written with Z."""

    TotalRecordsReceived: Natural
    ValidationSuccessful: Natural
    ValidationFailed: Natural
    Pending: Natural
    Processed: Natural
    Exceptions: Natural
    NotHonored: Natural
    AccessToken: Annotated[
        Natural | None,
        Meta(description="null in the listing and by ImportId if another user initiated the import."),
    ]
    Status: Status
    Expires: Instant
    Name: str
    DataStageDuration: Natural
    ImportAction: Action
    MatchCriteria: Literal["AlternateIdType"] | None
    MatchValue: str | None
    RefreshAlternateIds: bool
    RefreshContacts: bool
    RefreshCustomFields: bool
    RefreshGroups: bool
    RefreshTags: bool
    AllowPriorConsents: bool
    ImportId: UUID
    Created: Natural
    Updated: Natural
    Unchanged: Natural
    Deleted: Natural
    StartedAt: Instant | None
    CompletedAt: Instant | None
    FailureReason: str | None
    HeldReason: Annotated[
        list[LimitExceeded] | None,
        Meta(
            description="The limits of the guard that hold this Queued import until it is released or cancelled."
            " null: no guard holds it."
        ),
    ]
    Source: Annotated[
        ImportSource | None,
        Meta(description="The file of the import, as given at Initiate. A listing leaves the mapping out."),
    ]
    UndoOf: Annotated[
        UUID | msgspec.UnsetType, Meta(description="With ImportAction Undo: the import that this one takes back.")
    ] = msgspec.UNSET
    RestoreYes: Annotated[
        bool | msgspec.UnsetType,
        Meta(description="With ImportAction Undo: whether it also takes back the noes that came with that import."),
    ] = msgspec.UNSET
    UndatedChoices: Annotated[
        Natural,
        Meta(description="Choices of accepted records that have no date. They have the time of their Stage call."),
    ] = 0
    RefusedOptOuts: Annotated[
        Natural,
        Meta(description="Refused records that contain an Opt-Out, a Denied or a Revoked."),
    ] = 0
    NumbersWithoutCountryCode: Annotated[
        Natural,
        Meta(description="Phone numbers of accepted records that were read in the account's region."),
    ] = 0
    Batch: StatusBatch | msgspec.UnsetType = msgspec.UNSET
    """Only in the answer of a Stage call that added records."""
    Guard: Annotated[
        ImportGuard | msgspec.UnsetType, Meta(description="The limits of Initiate; absent if Initiate gave none.")
    ] = msgspec.UNSET


class ImportList(msgspec.Struct, frozen=True):
    """A page of the account's imports, newest first."""

    Count: Natural
    NextCursor: Annotated[
        str | None,
        Meta(description="Send it as `cursor` for the next page; null means that no next page exists."),
    ]
    Imports: list[StatusObject]


def render_status(item: Import, batch: StagedBatch | None = None, *, show_token: bool = True) -> StatusObject:
    """The import in the form of the wire. `batch` is the result of the Stage call that is answered."""
    books, settings = item.books, item.settings
    return StatusObject(
        TotalRecordsReceived=books.received,
        ValidationSuccessful=books.valid,
        ValidationFailed=books.failed,
        Pending=books.pending,
        Processed=books.processed,
        Exceptions=books.exceptions,
        NotHonored=books.not_honored,
        AccessToken=item.access_token if show_token else None,
        Status=item.status,
        Expires=to_utc(item.expires_at),
        Name=settings.name,
        DataStageDuration=settings.data_stage_duration,
        ImportAction=settings.action,
        MatchCriteria=None if settings.match_type is None else "AlternateIdType",
        MatchValue=settings.match_type,
        RefreshAlternateIds=settings.refresh_alternate_ids,
        RefreshContacts=settings.refresh_contacts,
        RefreshCustomFields=settings.refresh_custom_fields,
        RefreshGroups=settings.refresh_groups,
        RefreshTags=settings.refresh_tags,
        AllowPriorConsents=settings.allow_prior_consents,
        ImportId=item.import_id,
        Created=books.created,
        Updated=books.updated,
        Unchanged=books.unchanged,
        Deleted=books.deleted,
        StartedAt=_find_utc(item.started_at),
        CompletedAt=_find_utc(item.completed_at),
        FailureReason=item.failure_reason,
        HeldReason=item.held_reason,
        Source=settings.source,
        UndoOf=msgspec.UNSET if item.undo is None else item.undo.undo_of,
        RestoreYes=msgspec.UNSET if item.undo is None else item.undo.restore_yes,
        UndatedChoices=item.counts.undated_choices,
        RefusedOptOuts=item.counts.refused_opt_outs,
        NumbersWithoutCountryCode=item.counts.numbers_without_country_code,
        Batch=msgspec.UNSET if batch is None else _render_batch(batch),
        Guard=settings.guard,
    )


def _render_batch(batch: StagedBatch) -> StatusBatch:
    counts = batch.counts
    return StatusBatch(
        batch.first,
        batch.last,
        batch.failed,
        counts.undated_choices,
        counts.refused_opt_outs,
        counts.numbers_without_country_code,
    )


def _find_utc(time: datetime | None) -> datetime | None:
    return None if time is None else to_utc(time)
