"""The preview: the effects that an import would have if it were executed at one instant (docs/effects.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from consentory.domain.effects import ChangeKind
from consentory.domain.guard import LimitExceeded
from consentory.domain.record import Fault

PreviewState = Literal["Running", "Done", "Failed"]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of a preview. `effects`: the counts in the order of EFFECT_KINDS."""

    preview_id: UUID
    state: PreviewState
    as_of: datetime | None
    records: int
    records_done: int
    created: int
    updated: int
    unchanged: int
    deleted: int
    exceptions: int
    not_honored: int
    effects: list[int]
    limits_exceeded: list[LimitExceeded]
    is_stale: bool


class PreviewChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change in its stored form. `place` uses the words of the wire."""

    place: dict[str, str] | None = None
    member: str = ""
    before: Any = None
    after: Any = None
    fault: Fault | None = None


class ListedChange(msgspec.Struct, frozen=True):
    """A change with its place in the order of the preview's changes."""

    kind: ChangeKind
    sequence_number: int
    number: int
    profile_id: int | None
    change: PreviewChange

    @property
    def cursor(self) -> str:
        """The start of the page after this change."""
        return f"{self.kind}-{self.sequence_number}-{self.number}"


class ChangePage(msgspec.Struct, frozen=True):
    """A page of changes, ordered by kind and SequenceNumber."""

    changes: list[ListedChange]
    has_more: bool
