"""The history of a profile: every choice that was ever applied (account.md, "Reading profiles back")."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from consentory.codec.answers.answer_types import Instant, Natural, Positive, to_utc
from consentory.codec.answers.choice_answer import AttributeAnswer, ConsentCode, EvidenceAnswer, PreferenceCode
from consentory.domain.instants import from_micros
from consentory.domain.profile import ProfileState, describe_place
from consentory.domain.viewing import HistoryItem, ViewedHistory

UndoneImport = Annotated[
    UUID | UnsetType, Meta(description="The choice came back because this import was undone. With TakenBack it went.")
]
TakenBackMark = Annotated[
    Literal[True] | UnsetType, Meta(description="The choice went, because there was none before the import.")
]


class PlaceAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The owner of a choice: the person (Profile), or a contact element with its type and its value."""

    Kind: Literal["Profile", "Email", "Phone", "Address"]
    EmailAddressType: str | UnsetType = UNSET
    EmailAddress: str | UnsetType = UNSET
    PhoneType: str | UnsetType = UNSET
    PhoneNumber: str | UnsetType = UNSET
    AddressType: str | UnsetType = UNSET
    Address1: str | UnsetType = UNSET
    Address2: str | UnsetType = UNSET
    City: str | UnsetType = UNSET
    StateProvince: str | UnsetType = UNSET
    PostalCode: str | UnsetType = UNSET


class PreferenceChoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A preference as it was applied."""

    Place: PlaceAnswer
    FilterId: str
    PreferenceType: PreferenceCode
    FrequencyId: str | UnsetType = UNSET
    PreferenceAttributes: list[AttributeAnswer] | UnsetType = UNSET
    CustomerDate: Instant
    UndoOf: UndoneImport = UNSET
    TakenBack: TakenBackMark = UNSET


class ConsentChoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A consent as it was applied."""

    Place: PlaceAnswer
    ConsentType: str
    ConsentVersion: str
    Locale: str
    ConsentStatus: ConsentCode
    Evidence: EvidenceAnswer | UnsetType = UNSET
    ConsentDate: Instant
    UndoOf: UndoneImport = UNSET
    TakenBack: TakenBackMark = UNSET


class PreferenceEvent(PreferenceChoice, frozen=True, kw_only=True, gc=False):
    """A preference that was applied."""

    RecordedDate: Instant
    Caller: str
    ImportId: Annotated[UUID | None, Meta(description="null: a single write.")]
    SequenceNumber: Positive | None


class ConsentEvent(ConsentChoice, frozen=True, kw_only=True, gc=False):
    """A consent that was applied."""

    RecordedDate: Instant
    Caller: str
    ImportId: Annotated[UUID | None, Meta(description="null: a single write.")]
    SequenceNumber: Positive | None


class PreferenceHistory(msgspec.Struct, frozen=True):
    """A page of preferences in the order of application."""

    Count: Natural
    HasMore: bool
    Items: list[PreferenceEvent]


class ConsentHistory(msgspec.Struct, frozen=True):
    """A page of consents in the order of application."""

    Count: Natural
    HasMore: bool
    Items: list[ConsentEvent]


def render_history(history: ViewedHistory) -> PreferenceHistory | ConsentHistory:
    """A page of a history, with the requested choices."""
    count, body = len(history.items), history.body
    if history.of == "Preferences":
        events = [_render_preference(item, body) for item in history.items]
        return PreferenceHistory(count, history.has_more, events)
    return ConsentHistory(count, history.has_more, [_render_consent(item, body) for item in history.items])


def _render_preference(item: HistoryItem, body: ProfileState) -> PreferenceEvent:
    return PreferenceEvent(
        Place=PlaceAnswer(**describe_place(body, item.place)),
        **item.value,
        CustomerDate=from_micros(item.collected),
        RecordedDate=to_utc(item.recorded),
        Caller=item.caller,
        ImportId=item.import_id,
        SequenceNumber=item.sequence_number,
    )


def _render_consent(item: HistoryItem, body: ProfileState) -> ConsentEvent:
    return ConsentEvent(
        Place=PlaceAnswer(**describe_place(body, item.place)),
        **item.value,
        ConsentDate=from_micros(item.collected),
        RecordedDate=to_utc(item.recorded),
        Caller=item.caller,
        ImportId=item.import_id,
        SequenceNumber=item.sequence_number,
    )
