"""Counts of a batch beside its books: choices without a date, numbers without a country code, and refused records that
contain a no (import-lifecycle.md, "Counts to look at")."""

from __future__ import annotations

import re

from consentory.codec.contact_values import has_country_code
from consentory.domain.record import OPT_OUT, WITHDRAWALS, ElementInput, Record

_SPACE = rb"[ \t\r\n]*"
_HOLDS_OPT_OUT = re.compile(
    rb'"(?:PreferenceType"' + _SPACE + rb":" + _SPACE + rb'(?:2(?![0-9])|"[ ]*(?:2|opt[ _-]?out)[ ]*")'
    rb'|ConsentStatus"' + _SPACE + rb":" + _SPACE + rb'(?:[23](?![0-9])|"[ ]*(?:[23]|denied|revoked)[ ]*"))',
    re.IGNORECASE,
)


def holds_opt_out(raw: bytes) -> bool:
    """True if the sent record contains an Opt-Out, a Denied or a Revoked anywhere, also in a form that is refused.

    The text is searched, not parsed: a refused record may have any form.
    """
    return _HOLDS_OPT_OUT.search(raw) is not None


def gives_opt_out(record: Record) -> bool:
    """Like holds_opt_out, for a valid record."""
    preferences, consents = list(record.preferences), list(record.consents)
    for element in _list_elements(record):
        preferences += element.preferences
        consents += element.consents
    return any(one.type == OPT_OUT for one in preferences) or any(one.status in WITHDRAWALS for one in consents)


def count_undated(record: Record) -> int:
    """The number of choices of a valid record that have no date of their own."""
    undated = sum(not one.dated for one in record.preferences) + sum(not one.dated for one in record.consents)
    for element in _list_elements(record):
        if element.preferences or element.consents:
            undated += sum(not one.dated for one in element.preferences)
            undated += sum(not one.dated for one in element.consents)
    return undated


def count_without_country_code(record: Record) -> int:
    """The number of phone numbers of a valid record that were read in the account's region."""
    return sum(not has_country_code(phone.given["PhoneNumber"], phone.compared) for phone in record.phones)


def _list_elements(record: Record) -> tuple[ElementInput, ...]:
    return record.emails + record.phones + record.addresses
