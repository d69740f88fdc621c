"""Faults of staging, as far as the model finds them: the faults in execution.md and in the changed sentences of
record.md.

The other faults of form (record.md, member by member) have their own tests beside the reader.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .account_model import DENIED, REVOKED, Account, Permissions, fold, trim
from .record_model import (
    KINDS,
    Said,
    SaidAlternateId,
    SaidConsent,
    SaidPreference,
    Wire,
    alternate_ids,
    is_phone_number,
    parse_record,
)

# Codes that the contract does not name: the model's own words.
MATCH_ID = "Match.OneActiveId"
INVISIBLE = frozenset(("Cc", "Cf", "Co", "Cn", "Zl", "Zp"))
REFRESH = ("RefreshAlternateIds", "RefreshContacts", "RefreshCustomFields", "RefreshGroups", "RefreshTags")


@dataclass(frozen=True, order=True)
class Fault:
    """`about` has facts that code and path do not fix (the holder's id, a field, a consent type). It is not
    compared."""

    code: str
    path: str
    about: str = ""


def match_ids(said: list[SaidAlternateId], match_type: str | None, account: Account) -> list[SaidAlternateId]:
    """The record's active alternate ids of the match type."""
    if match_type is None:
        return []
    name = account.name_in("alternateIdTypes", match_type)
    return [one for one in said if one.active and one.type == name]


def stage_faults(
    record: Wire, settings: dict[str, Any], account: Account, staged_at: datetime, caller: str = "nightly"
) -> list[Fault]:
    ids = match_ids(list(alternate_ids(record, account)), settings.get("MatchValue"), account)
    is_delete = settings.get("ImportAction", "Add") == "Delete"
    faults = []
    needs_id = settings.get("MatchValue") is not None or is_delete
    # The contract does not say which profile an id with invisible characters means. Such an id does not count as one of
    # several ids, and the fault of a missing id is not reported beside it.
    sound = [one for one in ids if not is_hidden(one.value)]
    unread = any(is_hidden(one["AlternateId"]) for one in record.get("AlternateIds") or [])
    is_one = len(sound) == 1 or (unread and not sound)
    if needs_id and record.get("ProfileId") is None and not is_one:
        # "With MatchCriteria a record without a ProfileId carries exactly one active alternate id of the match type."
        faults.append(Fault(MATCH_ID, "$.AlternateIds"))
    if is_delete:
        return faults  # "all else is accepted and ignored"
    # "An element with IsActive: false is validated, then counts as not included": so are groups.
    everything = parse_record(_with_all_elements(record), account, staged_at)
    permissions = account.permissions(caller)
    faults += switched_off_faults(everything, account)
    off = {one.path for one in faults}
    faults += [one for one in frequency_faults(everything, account) if one.path not in off]
    faults += prior_version_faults(everything, account, allowed=bool(settings.get("AllowPriorConsents")))
    faults += date_faults(everything, account)
    faults += permission_faults(everything, account, permissions)
    faults += refresh_faults(settings, permissions)
    faults += invisible_faults(record)
    faults += value_faults(record, everything, account)
    return faults


def _with_all_elements(record: Wire) -> Wire:
    everything = {**record}
    for name in (*KINDS, "Groups"):
        if record.get(name):
            everything[name] = [{**one, "IsActive": None} for one in record[name]]
    return everything


def switched_off_faults(said: Said, account: Account) -> list[Fault]:
    """ "A configured, active filter"; ConsentType "configured and active", but "a Denied or Revoked is always
    accepted, of any configured version: nobody is refused a withdrawal"."""
    faults = [
        Fault("Preference.UnknownFilter", one.path, one.filter)
        for one in said.preferences
        if not account.filter(one.filter).active
    ]
    return faults + [
        Fault("Consent.UnknownType", one.path, one.type)
        for one in said.consents
        if one.status not in (DENIED, REVOKED) and not account.consent_type(one.type).active
    ]


def frequency_faults(said: Said, account: Account) -> list[Fault]:
    """ "FrequencyId: [...] one of the filter's"."""
    return [
        Fault("Preference.UnknownFrequency", one.path)
        for one in said.preferences
        if one.frequency is not None and one.frequency not in account.filter(one.filter).frequencies
    ]


def prior_version_faults(said: Said, account: Account, *, allowed: bool) -> list[Fault]:
    """ "Without AllowPriorConsents it is a fault, found at staging and looked at again at execution"."""
    return [
        Fault("Consent.PriorVersion", one.path, one.type)
        for one in said.consents
        if not allowed and account.is_prior(one.type, one.version, one.status)
    ]


def date_faults(said: Said, account: Account) -> list[Fault]:
    """ "An account may set requireDates: then an undated choice is a fault. A date before the account's earliestDate
    [...] is a fault"."""
    faults = []
    choices: list[SaidPreference | SaidConsent] = [*said.preferences, *said.consents]
    for one in choices:
        if one.undated and account.requires_dates:
            faults.append(Fault("Time.Required", one.path))
        elif not one.undated and one.date < account.earliest:
            faults.append(Fault("Date.Implausible", one.path))
    return faults


def permission_faults(said: Said, account: Account, may: Permissions) -> list[Fault]:
    """ "The caller's user groups bound what each record may touch: [...] each channel, each program's preferences,
    each consent type; choices without a channel by their program alone"."""
    faults = []
    for one in said.preferences:
        offer = account.filter(one.filter)
        if may.programs is not None and offer.program not in may.programs:
            faults.append(Fault("Permission.Program", one.path))
        if may.channels is not None and offer.channel and fold(offer.channel) not in may.channels:
            faults.append(Fault("Permission.Channel", one.path))
    return faults + [
        Fault("Permission.ConsentType", consent.path)
        for consent in said.consents
        if may.consent_types is not None and consent.type not in may.consent_types
    ]


def refresh_faults(settings: dict[str, Any], may: Permissions) -> list[Fault]:
    """ "Under a Refresh flag it is staged only by a caller who may touch all that the flag can remove
    (RefreshContacts: all channels and programs)"; what the other flags remove is profile data."""
    flags = [name for name in REFRESH if settings.get(name)]
    lacks = bool(flags) and "write" not in may.profile
    if "RefreshContacts" in flags and (may.channels is not None or may.programs is not None):
        lacks = True
    return [Fault("Permission.Refresh", "$")] if lacks else []


def is_hidden(given: str) -> bool:
    return any(unicodedata.category(sign) in INVISIBLE for sign in trim(given))


def invisible_faults(record: Wire) -> Iterator[Fault]:
    """ "In AlternateId, GroupName, tag Name [...] Cc, Cf, Co, Cn, Zl and Zp are a fault"."""
    members = {"AlternateIds": "AlternateId", "Groups": "GroupName", "ProfileTags": "Name"}
    for array, member in members.items():
        for i, one in enumerate(record.get(array) or []):
            if is_hidden(one[member]):
                yield Fault("String.InvisibleCharacter", f"$.{array}[{i}]")


def value_faults(record: Wire, said: Said, account: Account) -> list[Fault]:
    faults = [
        Fault("Phone.NotANumber", f"$.PhoneNumbers[{i}]")
        for i, one in enumerate(record.get("PhoneNumbers") or [])
        if not is_phone_number(one["PhoneNumber"])
    ]
    # "The same element twice in an array is a fault": a type that is absent may mean the type of another element.
    places = [one.place for one in said.elements]
    faults += [Fault("Array.Duplicate", one.path) for i, one in enumerate(said.elements) if one.place in places[:i]]
    # "Text only where IsMobile is not false."
    mobile = {one.path: one.mobile for one in said.elements}
    faults += [
        Fault("Preference.NotMobile", one.path)
        for one in said.preferences
        if account.filter(one.filter).channel == "Text" and mobile.get(one.path.rsplit(".", 1)[0]) is False
    ]
    # "A required field may not be blank."
    return faults + [
        Fault("CustomField.Required", one.path, one.field.key)
        for one in said.fields
        if one.value == "" and one.field.required
    ]
