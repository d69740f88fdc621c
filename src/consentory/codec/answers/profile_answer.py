"""A stored profile in the shape of a record, limited to what the caller may see (account.md, "Reading profiles back").

A client can stage the answer back unchanged: a record ignores the members that only inform. A member that may be absent
has the default UNSET. No member is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypedDict

import msgspec
import pycountry
from msgspec import UNSET, Meta, UnsetType

from consentory.codec.answers.answer_types import Instant, Natural, Positive, to_utc
from consentory.codec.answers.choice_answer import (
    AttributeAnswer,
    ConsentAnswer,
    EvidenceAnswer,
    PreferenceAnswer,
)
from consentory.domain.in_force import Site, judge_preference
from consentory.domain.instants import from_micros
from consentory.domain.profile import Consent, Element, ProfileState
from consentory.domain.record import GRANTED, Fault, Kind
from consentory.domain.viewing import (
    ViewedProfile,
    Viewing,
    WrittenProfile,
    list_shown_consents,
    list_shown_preferences,
)


class NameAnswer(TypedDict, total=False):
    """The parts of a name."""

    Prefix: str
    FirstName: str
    MiddleName: str
    LastName: str
    Suffix: str


class AlternateIdAnswer(msgspec.Struct, frozen=True, gc=False):
    AlternateIdType: str
    AlternateId: str
    IsActive: bool
    Edited: Instant


class EmailAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    EmailAddressType: str
    EmailAddress: str
    IsDefault: bool
    IsActive: bool
    Edited: Instant
    EmailPreferences: list[PreferenceAnswer]
    Consents: list[ConsentAnswer]


class PhoneAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    PhoneType: str
    PhoneNumber: str
    PhoneNumberNumeric: Annotated[str, Meta(description="The digits of the number with its country code.")]
    IsMobile: bool | UnsetType = UNSET
    IsDefault: bool
    IsActive: bool
    Edited: Instant
    PhoneNumberPreferences: list[PreferenceAnswer]
    Consents: list[ConsentAnswer]


class AddressAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    AddressType: str
    Address1: str
    Address2: str | UnsetType = UNSET
    City: str
    StateProvince: str
    PostalCode: str
    CountryCode_Alpha2: str | UnsetType = UNSET
    CountryCode_Alpha3: str | UnsetType = UNSET
    CountryCode_Numeric: str | UnsetType = UNSET
    Country: str | UnsetType = UNSET
    IsDefault: bool
    IsActive: bool
    Edited: Instant
    AddressPreferences: list[PreferenceAnswer]
    Consents: list[ConsentAnswer]


class GroupAnswer(msgspec.Struct, frozen=True, gc=False):
    GroupType: str
    GroupName: str
    IsPrimary: bool
    IsActive: bool
    Edited: Instant


class ProfileTagAnswer(msgspec.Struct, frozen=True, gc=False):
    Name: str


class FieldAnswer(msgspec.Struct, frozen=True, gc=False):
    Name: str
    Value: str


class ProfileAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The profile. Inactive elements are included and marked. An array of contact elements is absent if the caller may
    use none of its channels."""

    ProfileId: Positive
    IsActive: bool
    DefaultLocale: str
    RegistrationConfirmed: bool
    CustomerType: str | UnsetType = UNSET
    CustomerName: NameAnswer | UnsetType = UNSET
    AlternateIds: list[AlternateIdAnswer]
    Emails: list[EmailAnswer] | UnsetType = UNSET
    PhoneNumbers: list[PhoneAnswer] | UnsetType = UNSET
    Addresses: list[AddressAnswer] | UnsetType = UNSET
    ProfilePreferences: list[PreferenceAnswer]
    Consents: list[ConsentAnswer]
    Groups: list[GroupAnswer]
    ProfileTags: list[ProfileTagAnswer]
    CustomFields: list[FieldAnswer]
    Edited: Instant


class FoundProfiles(msgspec.Struct, frozen=True):
    """The profiles that were found by an address or a number. An empty result is not an error."""

    Count: Natural
    UserProfilePreferences: list[ProfileAnswer]


class ProfilePage(msgspec.Struct, frozen=True):
    """A page of an export, in order of ProfileId."""

    Items: list[ProfileAnswer]
    Next: Annotated[
        int | None, Meta(description="Send this as `after` for the next page; null: this page is the last.")
    ]


WriteOutcome = Annotated[str, Meta(extra_json_schema={"enum": ["Created", "Updated", "Unchanged", "NotHonored"]})]


class WrittenProfileAnswer(ProfileAnswer, frozen=True, kw_only=True, gc=False):
    """The profile after the write."""

    Outcome: WriteOutcome
    NotHonored: list[Fault]


class WriteReceipt(msgspec.Struct, frozen=True):
    """The result of a write for a caller who may not read profiles."""

    ProfileId: Positive
    Outcome: WriteOutcome
    NotHonored: list[Fault]


def render_written(written: WrittenProfile) -> WrittenProfileAnswer | WriteReceipt:
    """The result of a single write."""
    not_honored = list(written.not_honored)
    if written.viewed is None:
        return WriteReceipt(written.profile_id, written.outcome, not_honored)
    profile = msgspec.structs.asdict(render_profile(written.viewed))
    return WrittenProfileAnswer(**profile, Outcome=written.outcome, NotHonored=not_honored)


def render_found(found: Iterable[ViewedProfile]) -> FoundProfiles:
    """The profiles that a search found."""
    profiles = [render_profile(one) for one in found]
    return FoundProfiles(len(profiles), profiles)


def render_profile(viewed: ViewedProfile) -> ProfileAnswer:
    """The whole profile. Inactive elements are included and marked. Choices that are out of force are marked or left
    out."""
    profile, view = viewed.profile, viewed.viewing
    body, scope = profile.body, view.scope
    return ProfileAnswer(
        ProfileId=profile.profile_id,
        IsActive=body.active,
        DefaultLocale=body.locale,
        RegistrationConfirmed=body.registered,
        CustomerType=UNSET if body.customer_type is None else body.customer_type,
        CustomerName=NameAnswer(**body.name) if body.name else UNSET,  # type: ignore[typeddict-item]
        AlternateIds=[
            AlternateIdAnswer(item.type, item.value, item.active, from_micros(item.edited))
            for item in body.alternate_ids
        ],
        Emails=[_render_email(one, body, view) for one in _list_shown(body, "Email")]
        if scope.permits_kind("Email")
        else UNSET,
        PhoneNumbers=[_render_phone(one, body, view) for one in _list_shown(body, "Phone")]
        if scope.permits_kind("Phone")
        else UNSET,
        Addresses=[_render_address(one, body, view) for one in _list_shown(body, "Address")]
        if scope.permits_kind("Address")
        else UNSET,
        ProfilePreferences=_render_preferences(body, (), None, view),
        Consents=_render_consents(body.consents, body.active, view),
        Groups=[
            GroupAnswer(item.type, item.name, item.primary, item.active, from_micros(item.edited))
            for item in body.groups
        ],
        ProfileTags=[ProfileTagAnswer(tag) for tag in body.tags],
        CustomFields=[FieldAnswer(name, value) for name, value in body.fields.items()],
        Edited=from_micros(profile.modified),
    )


def _list_shown(body: ProfileState, kind: Kind) -> list[Element]:
    return [element for element in body.elements(kind) if element.same_as is None]


def _render_email(element: Element, body: ProfileState, view: Viewing) -> EmailAnswer:
    return EmailAnswer(
        EmailAddressType=element.type,
        EmailAddress=element.given["EmailAddress"],
        IsDefault=element.default,
        IsActive=element.active,
        Edited=from_micros(element.edited),
        EmailPreferences=_render_preferences(body, body.emails, element, view),
        Consents=_render_consents(element.consents, body.active and element.active, view),
    )


def _render_phone(element: Element, body: ProfileState, view: Viewing) -> PhoneAnswer:
    return PhoneAnswer(
        PhoneType=element.type,
        PhoneNumber=element.given["PhoneNumber"],
        PhoneNumberNumeric=element.compared.lstrip("+"),
        IsMobile=UNSET if element.mobile is None else element.mobile,
        IsDefault=element.default,
        IsActive=element.active,
        Edited=from_micros(element.edited),
        PhoneNumberPreferences=_render_preferences(body, body.phones, element, view),
        Consents=_render_consents(element.consents, body.active and element.active, view),
    )


def _render_address(element: Element, body: ProfileState, view: Viewing) -> AddressAnswer:
    given = element.given
    country = None if element.country is None else _find_country(element.country)
    return AddressAnswer(
        AddressType=element.type,
        Address1=given["Address1"],
        Address2=given.get("Address2", UNSET),
        City=given["City"],
        StateProvince=given["StateProvince"],
        PostalCode=given["PostalCode"],
        CountryCode_Alpha2=UNSET if element.country is None else element.country,
        CountryCode_Alpha3=UNSET if country is None else country.alpha_3,
        CountryCode_Numeric=UNSET if country is None else country.numeric,
        Country=UNSET if country is None else country.name,
        IsDefault=element.default,
        IsActive=element.active,
        Edited=from_micros(element.edited),
        AddressPreferences=_render_preferences(body, body.addresses, element, view),
        Consents=_render_consents(element.consents, body.active and element.active, view),
    )


@lru_cache(maxsize=512)  # more than there are countries
def _find_country(alpha_2: str) -> Any:
    return pycountry.countries.get(alpha_2=alpha_2)


def _render_preferences(
    body: ProfileState, elements: Sequence[Element], element: Element | None, view: Viewing
) -> list[PreferenceAnswer]:
    """The preferences of the person (`element` None), or of one contact element among all of its kind."""
    preferences = body.preferences if element is None else element.preferences
    if not preferences or not body.active or (element is not None and not element.active):
        # out of force: the choice is not shown as current, and returns when the element or the profile is active again
        return []
    site = Site(body, elements, element)
    rendered = []
    for item, entry in list_shown_preferences(preferences, view):
        recorded = view.recorded.get(item.entry)
        rendered.append(
            PreferenceAnswer(
                FilterId=item.filter,
                PreferenceType=item.type,
                FrequencyId=UNSET if item.frequency is None else item.frequency,
                PreferenceAttributes=[AttributeAnswer(key, text) for key, text in item.attributes.items()]
                if item.attributes
                else UNSET,
                CustomerDate=from_micros(item.at),
                ProgramId=entry.program_id,
                ChannelId=UNSET if entry.filter.channel is None else entry.filter.channel,
                ExpirationDate=UNSET if item.expires is None else from_micros(item.expires),
                PreferenceStatus=judge_preference(site, item, view.configuration_index, view.now),
                LastModifiedDate=UNSET if recorded is None else to_utc(recorded[0]),
                UserId=UNSET if recorded is None else recorded[1],
            )
        )
    return rendered


def _render_consents(consents: Sequence[Consent], in_force: bool, view: Viewing) -> list[ConsentAnswer]:
    if not consents or not in_force:
        return []
    rendered = []
    for item in list_shown_consents(consents, view):
        recorded = view.recorded.get(item.entry)
        rendered.append(
            ConsentAnswer(
                ConsentType=item.type,
                ConsentVersion=item.version,
                Locale=item.locale,
                ConsentStatus=item.status,
                ConsentDate=from_micros(item.at),
                Evidence=EvidenceAnswer(**item.evidence) if item.evidence else UNSET,  # type: ignore[typeddict-item]
                ExpirationDate=UNSET if item.expires is None else from_micros(item.expires),
                Expired=item.status == GRANTED and item.expires is not None and item.expires <= view.now,
                Edited=UNSET if recorded is None else to_utc(recorded[0]),
            )
        )
    return rendered
