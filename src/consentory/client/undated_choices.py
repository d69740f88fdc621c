"""Counts the choices of a record that carry no date of their own.

Such a choice gets the time of its Stage call, so that an old opt-in, imported late, would win over a newer
opt-out: whoever imports should know how many there are.
"""

from collections.abc import Sequence
from typing import Any

import msgspec


class _Preference(msgspec.Struct):
    CustomerDate: Any = None


class _Consent(msgspec.Struct):
    ConsentDate: Any = None


class _Contact(msgspec.Struct):
    Consents: list[_Consent | None] | None = None


class _Email(_Contact):
    EmailPreferences: list[_Preference | None] | None = None


class _PhoneNumber(_Contact):
    PhoneNumberPreferences: list[_Preference | None] | None = None


class _Address(_Contact):
    AddressPreferences: list[_Preference | None] | None = None


class _Record(msgspec.Struct):
    """Only what holds choices; everything else is skipped by the decoder."""

    ProfilePreferences: list[_Preference | None] | None = None
    Consents: list[_Consent | None] | None = None
    Emails: list[_Email | None] | None = None
    PhoneNumbers: list[_PhoneNumber | None] | None = None
    Addresses: list[_Address | None] | None = None


_DECODER = msgspec.json.Decoder(_Record)


def count_undated(record: bytes) -> tuple[int, int]:
    """Count the preferences without CustomerDate and the consents without ConsentDate; a null date is none.

    (0, 0) for a record that has not the shape of one: it will be refused, so nothing of it gets a date.
    """
    try:
        decoded = _DECODER.decode(record)
    except (msgspec.MsgspecError, RecursionError):
        return 0, 0
    preferences = _count_preferences(decoded.ProfilePreferences)
    consents = _count_consents(decoded.Consents)
    for email in decoded.Emails or ():
        if email:
            preferences += _count_preferences(email.EmailPreferences)
            consents += _count_consents(email.Consents)
    for phone in decoded.PhoneNumbers or ():
        if phone:
            preferences += _count_preferences(phone.PhoneNumberPreferences)
            consents += _count_consents(phone.Consents)
    for address in decoded.Addresses or ():
        if address:
            preferences += _count_preferences(address.AddressPreferences)
            consents += _count_consents(address.Consents)
    return preferences, consents


def _count_preferences(choices: Sequence[_Preference | None] | None) -> int:
    return sum(choice is not None and choice.CustomerDate is None for choice in choices or ())


def _count_consents(choices: Sequence[_Consent | None] | None) -> int:
    return sum(choice is not None and choice.ConsentDate is None for choice in choices or ())
