"""The names of the members of a person that a change touches, as one number. A number holds no personal data."""

from __future__ import annotations

from functools import lru_cache

from consentory.domain.profile import Element, ProfileState
from consentory.domain.record import KINDS, Kind

MEMBERS = (
    "IsActive",
    "DefaultLocale",
    "RegistrationConfirmed",
    "CustomerType",
    "CustomerName",
    "AlternateIds",
    "Emails",
    "PhoneNumbers",
    "Addresses",
    "Groups",
    "ProfileTags",
    "CustomFields",
    "ProfilePreferences",
    "EmailPreferences",
    "PhoneNumberPreferences",
    "AddressPreferences",
    "Consents",
    "EmailConsents",
    "PhoneNumberConsents",
    "AddressConsents",
)
"""Each member by its bit. Stored changes have these bits: never change the order, and add names only at the end."""

_BITS = {name: 1 << bit for bit, name in enumerate(MEMBERS)}
(
    _ACTIVE, _LOCALE, _REGISTERED, _CUSTOMER_TYPE, _NAME, _ALTERNATE_IDS, _EMAILS, _PHONES, _ADDRESSES, _GROUPS, _TAGS,
    _FIELDS, _PREFERENCES, _EMAIL_PREFERENCES, _PHONE_PREFERENCES, _ADDRESS_PREFERENCES, _CONSENTS, _EMAIL_CONSENTS,
    _PHONE_CONSENTS, _ADDRESS_CONSENTS,
) = _BITS.values()  # fmt: skip

ELEMENT_BITS: dict[Kind, int] = {"Email": _EMAILS, "Phone": _PHONES, "Address": _ADDRESSES}
PREFERENCE_BITS: dict[Kind | None, int] = {
    None: _PREFERENCES,
    "Email": _EMAIL_PREFERENCES,
    "Phone": _PHONE_PREFERENCES,
    "Address": _ADDRESS_PREFERENCES,
}
CONSENT_BITS: dict[Kind | None, int] = {
    None: _CONSENTS,
    "Email": _EMAIL_CONSENTS,
    "Phone": _PHONE_CONSENTS,
    "Address": _ADDRESS_CONSENTS,
}
CHOICE_BITS = sum((*PREFERENCE_BITS.values(), *CONSENT_BITS.values()))

_NOBODY = ProfileState("")


def find_changed_members(old: ProfileState | None, new: ProfileState | None) -> int:
    """The bits of the members that differ between two states. Without `old`: the members that the new person has.
    Without `new`, the person is deleted, and the result is 0."""
    if new is None:
        return 0
    if old is None:
        old = _NOBODY
    return (
        (_ACTIVE if new.active != old.active else 0)
        | (_LOCALE if new.locale != old.locale else 0)
        | (_REGISTERED if new.registered != old.registered else 0)
        | (_CUSTOMER_TYPE if new.customer_type != old.customer_type else 0)
        | (_NAME if new.name != old.name else 0)
        | (_ALTERNATE_IDS if new.alternate_ids != old.alternate_ids else 0)
        | (_GROUPS if new.groups != old.groups else 0)
        | (_TAGS if new.tags != old.tags else 0)
        | (_FIELDS if new.fields != old.fields else 0)
        | (_PREFERENCES if new.preferences != old.preferences else 0)
        | (_CONSENTS if new.consents != old.consents else 0)
        | (_find_changed_parts(old.emails, new.emails, "Email") if new.emails != old.emails else 0)
        | (_find_changed_parts(old.phones, new.phones, "Phone") if new.phones != old.phones else 0)
        | (_find_changed_parts(old.addresses, new.addresses, "Address") if new.addresses != old.addresses else 0)
    )


@lru_cache(maxsize=10_000)  # few combinations are in use
def list_member_names(members: int) -> tuple[str, ...]:
    """The names of the bits."""
    return tuple(name for name, bit in _BITS.items() if members & bit)


def _find_changed_parts(old: list[Element], new: list[Element], kind: Kind) -> int:
    """The bits of the elements themselves, of their preferences and of their consents."""
    found = 0
    for index, element in enumerate(new):  # an element keeps its index for ever
        before = old[index] if index < len(old) else None
        if before is None:
            found |= ELEMENT_BITS[kind]
            found |= PREFERENCE_BITS[kind] if element.preferences else 0
            found |= CONSENT_BITS[kind] if element.consents else 0
        elif element != before:
            found |= ELEMENT_BITS[kind] if _describe_itself(element) != _describe_itself(before) else 0
            found |= PREFERENCE_BITS[kind] if element.preferences != before.preferences else 0
            found |= CONSENT_BITS[kind] if element.consents != before.consents else 0
    return found


def _describe_itself(element: Element) -> tuple[object, ...]:
    """The element without its choices, and without the time of its last change."""
    return (
        element.type, element.compared, element.given, element.active, element.default, element.mobile,
        element.country, element.same_as,
    )  # fmt: skip


assert set(ELEMENT_BITS) == set(KINDS), "each kind of contact element has its bits"
