"""Preferences and consents as answers: the types that profile and history share (account.md, "Reading profiles back").

A member that may be absent has the default UNSET. No member of these answers is null.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

import msgspec
from msgspec import UNSET, Meta, UnsetType

from consentory.codec.answers.answer_types import Instant
from consentory.domain.configuration import Channel
from consentory.domain.in_force import PreferenceStatus
from consentory.domain.record import DENIED, GRANTED, NOT_SET, OPT_IN, OPT_OUT, REVOKED

PreferenceCode = Annotated[int, Meta(extra_json_schema={"enum": [OPT_IN, OPT_OUT]}, description="1 yes, 2 no.")]
ConsentCode = Annotated[
    int,
    Meta(
        extra_json_schema={"enum": [GRANTED, DENIED, REVOKED, NOT_SET]},
        description="1 Granted, 2 Denied, 3 Revoked, 4 NotSet.",
    ),
]


class AttributeAnswer(msgspec.Struct, frozen=True, gc=False):
    Key: str
    Value: str


class EvidenceAnswer(TypedDict, total=False):
    """How a consent was given."""

    Method: str
    SourceSystem: str
    SourceEventId: str
    Url: str
    IpAddress: str
    UserAgent: str
    Reference: str


class PreferenceAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A preference that is stored now; PreferenceStatus says whether an Opt-In is in force."""

    FilterId: str
    PreferenceType: PreferenceCode
    FrequencyId: str | UnsetType = UNSET
    PreferenceAttributes: list[AttributeAnswer] | UnsetType = UNSET
    CustomerDate: Instant
    ProgramId: str
    ChannelId: Channel | UnsetType = UNSET
    ExpirationDate: Instant | UnsetType = UNSET
    PreferenceStatus: PreferenceStatus
    LastModifiedDate: Instant | UnsetType = UNSET
    UserId: str | UnsetType = UNSET


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A consent that is stored now."""

    ConsentType: str
    ConsentVersion: str
    Locale: str
    ConsentStatus: ConsentCode
    ConsentDate: Instant
    Evidence: EvidenceAnswer | UnsetType = UNSET
    ExpirationDate: Instant | UnsetType = UNSET
    Expired: bool
    Edited: Instant | UnsetType = UNSET
