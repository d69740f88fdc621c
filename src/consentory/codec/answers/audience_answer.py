"""The rows of an audience as answers (docs/data-out.md). A member that may be absent has the default UNSET."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from consentory.codec.answers.answer_types import Instant, Positive
from consentory.domain.data_out import AudienceRow
from consentory.domain.instants import from_micros
from consentory.domain.profile import Element

_ADDRESS_PARTS = ("Address1", "Address2", "City", "StateProvince", "PostalCode")


class AudienceId(msgspec.Struct, frozen=True, gc=False):
    """An active alternate id."""

    AlternateIdType: str
    AlternateId: str


class AudienceMember(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An address or a number that may be contacted now for the filter; a person, if the filter has no channel."""

    Key: Annotated[str, Meta(description="Send the last Key that you received as `after`, to continue a cut stream.")]
    ProfileId: Positive
    AlternateIds: list[AudienceId]
    Type: Annotated[str, Meta(description="The type of the address or number.")] | UnsetType = UNSET
    Value: (
        Annotated[str, Meta(description="The email address, the phone number, or the parts of the postal address.")]
        | UnsetType
    ) = UNSET
    FrequencyId: str | UnsetType = UNSET
    Since: Annotated[Instant, Meta(description="The time at which the person chose.")]
    ExpirationDate: Instant | UnsetType = UNSET
    Locale: str
    Prefix: str | UnsetType = UNSET
    FirstName: str | UnsetType = UNSET
    MiddleName: str | UnsetType = UNSET
    LastName: str | UnsetType = UNSET
    Suffix: str | UnsetType = UNSET


class AudiencePage(msgspec.Struct, frozen=True):
    """A page of an audience."""

    Items: list[AudienceMember]
    Next: Annotated[
        str | None, Meta(description="Send this as `after` for the next page; null: this page is the last.")
    ]


def render_audience_row(row: AudienceRow) -> AudienceMember:
    """One row."""
    body, element, choice = row.profile.body, row.contact.element, row.contact.choice
    return AudienceMember(
        Key=row.key.render(),
        ProfileId=row.profile.profile_id,
        AlternateIds=[AudienceId(item.type, item.value) for item in body.alternate_ids if item.active],
        Type=UNSET if element is None else element.type,
        Value=UNSET if element is None else _show_value(element),
        FrequencyId=UNSET if choice.frequency is None else choice.frequency,
        Since=from_micros(choice.at),
        ExpirationDate=UNSET if choice.expires is None else from_micros(choice.expires),
        Locale=body.locale,
        **body.name,
    )


def _show_value(element: Element) -> str:
    given = element.given
    single = given.get("EmailAddress") or given.get("PhoneNumber")
    if single is not None:
        return single
    parts = [given[name] for name in _ADDRESS_PARTS if given.get(name)]
    return ", ".join(parts if element.country is None else [*parts, element.country])
