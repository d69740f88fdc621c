"""Changes of people as an answer (data-out.md, "Calls")."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from consentory.codec.answers.answer_types import Instant, Natural, Positive, to_utc
from consentory.codec.answers.choice_answer import AttributeAnswer, ConsentCode, EvidenceAnswer, PreferenceCode
from consentory.codec.answers.history_answer import PlaceAnswer, TakenBackMark, UndoneImport
from consentory.domain.instants import from_micros
from consentory.domain.viewing import ChangeKind, ViewedChange, ViewedChanges, ViewedChoice


class AppliedChoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A preference (with FilterId) or a consent (with ConsentType), as it was applied."""

    Place: PlaceAnswer
    FilterId: str | UnsetType = UNSET
    PreferenceType: PreferenceCode | UnsetType = UNSET
    FrequencyId: str | UnsetType = UNSET
    PreferenceAttributes: list[AttributeAnswer] | UnsetType = UNSET
    CustomerDate: Instant | UnsetType = UNSET
    ConsentType: str | UnsetType = UNSET
    ConsentVersion: str | UnsetType = UNSET
    Locale: str | UnsetType = UNSET
    ConsentStatus: ConsentCode | UnsetType = UNSET
    Evidence: EvidenceAnswer | UnsetType = UNSET
    ConsentDate: Instant | UnsetType = UNSET
    UndoOf: UndoneImport = UNSET
    TakenBack: TakenBackMark = UNSET


class ChangeAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change of one person: one applied record, one single write, or one delete."""

    Position: Annotated[Positive, Meta(description="Its number in the account: 1, 2, 3 …")]
    At: Annotated[Instant, Meta(description="The time of the change.")]
    ProfileId: Positive
    Kind: ChangeKind
    Caller: str
    ImportId: Annotated[UUID | None, Meta(description="null: a single write.")]
    SequenceNumber: Positive | None
    Choices: Annotated[
        list[AppliedChoice],
        Meta(description="The preferences and consents that were applied. Those of deleted people are gone."),
    ]
    Members: Annotated[list[str], Meta(description="The names of the members of the profile that differ since.")]


class ChangesAnswer(msgspec.Struct, frozen=True):
    """Changes in the order of their positions."""

    Items: list[ChangeAnswer]
    Next: Annotated[Natural, Meta(description="Send this as `after` to get the next changes.")]
    Latest: Annotated[Natural, Meta(description="The latest position of the account; 0 if there is none.")]


def encode_changes(page: ViewedChanges) -> bytes:
    """The page as JSON."""
    return _encode(ChangesAnswer([_render_change(one) for one in page.items], page.next, page.latest))


_encode = msgspec.json.Encoder().encode


def _render_change(change: ViewedChange) -> ChangeAnswer:
    return ChangeAnswer(
        Position=change.position,
        At=to_utc(change.at),
        ProfileId=change.profile_id,
        Kind=change.kind,
        Caller=change.caller,
        ImportId=change.import_id,
        SequenceNumber=change.sequence_number,
        Choices=[_render_choice(one) for one in change.choices],
        Members=list(change.members),
    )


def _render_choice(choice: ViewedChoice) -> AppliedChoice:
    place, collected = PlaceAnswer(**choice.place), from_micros(choice.collected)
    if "ConsentType" in choice.value:
        return AppliedChoice(Place=place, **choice.value, ConsentDate=collected)
    return AppliedChoice(Place=place, **choice.value, CustomerDate=collected)
