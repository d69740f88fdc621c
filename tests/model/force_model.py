"""Choices in force: a no binds the address; consents of several versions; required consents; statuses.

Source: execution.md, "Precedence". "Precedence still looks at" archived choices and at choices of inactive elements. So
this module never asks if a no is archived or if its element is inactive.
"""

from datetime import datetime

from .account_model import DENIED, GRANTED, NOT_SET, OPT_IN, OPT_OUT, REVOKED, Account
from .person_model import Consent, Preference, Profile
from .record_model import PERSON, Place

NOES = (DENIED, REVOKED)
# "On the same instant Revoked, then Denied, then NotSet, then Granted": the lower number wins.
STRENGTH = {REVOKED: 0, DENIED: 1, NOT_SET: 2, GRANTED: 3}


def is_other_label(place: Place, other: Place) -> bool:
    """ "All elements of a kind with the same compared value count as one address": the same address under another
    type."""
    if PERSON in (place, other):
        return False
    return (place[0], place[2]) == (other[0], other[2]) and place[1] != other[1]


def has_opt_out(profile: Profile, place: Place, filter_key: str, since: datetime) -> bool:
    """True if an Opt-Out of this filter is on this address under another type and is not earlier than `since`."""
    return any(
        key == filter_key and is_other_label(place, at) and one.type == OPT_OUT and one.date >= since
        for (at, key), one in profile.preferences.items()
    )


def noes_under_other_types(profile: Profile, place: Place, kind: str) -> list[Consent]:
    """The Denied and Revoked consents of a type, of any version, on this address under another type."""
    return [
        one
        for (at, of, _), one in profile.consents.items()
        if of == kind and is_other_label(place, at) and one.status in NOES
    ]


def is_overruled(profile: Profile, place: Place, one: Preference) -> bool:
    """ "An Opt-Out, wherever it is given, takes every Opt-In of that filter on that address that is not later out of
    force"."""
    return one.type == OPT_IN and has_opt_out(profile, place, one.filter, one.date)


def is_overridden(profile: Profile, place: Place, one: Consent) -> bool:
    """ "A later or equal Denied or Revoked on the address takes a Granted under another type out of force"."""
    return one.status == GRANTED and any(no.date >= one.date for no in noes_under_other_types(profile, place, one.type))


def deciding_consent(profile: Profile, place: Place, kind: str, account: Account) -> Consent | None:
    """ "In force is the newest version present, or a later no of an older one"; "a no of
    an older version on the same instant as a Granted of a newer one wins". The place alone; it may be archived."""
    present = [one for (at, of, _), one in profile.consents.items() if (at, of) == (place, kind)]
    if not present:
        return None
    *older, deciding = sorted(present, key=lambda one: account.version_index(kind, one.version))
    for consent in reversed(older):
        is_tie_with_yes = consent.date == deciding.date and deciding.status == GRANTED
        if consent.status in NOES and (consent.date > deciding.date or is_tie_with_yes):
            deciding = consent
    return deciding


def consent_in_force(profile: Profile, place: Place, kind: str, account: Account) -> Consent | None:
    """The consent that an undated consent is compared with: neither archived nor taken out of force by the address."""
    deciding = deciding_consent(profile, place, kind, account)
    if deciding is None or deciding.archived or is_overridden(profile, place, deciding):
        return None
    return deciding


def _standing(profile: Profile, place: Place, kind: str, account: Account) -> list[Consent]:
    """The consents of a type that count for a place: the place's own consent, and each no on its address."""
    deciding = deciding_consent(profile, place, kind, account)
    said = noes_under_other_types(profile, place, kind)
    if deciding is not None and (deciding.status in NOES or not deciding.archived):
        # An archived yes does not come back; an archived no still counts (README, reading 8).
        said.append(deciding)
    return said


def missing_consents(profile: Profile, place: Place, filter_key: str, now: datetime, account: Account) -> list[str]:
    """ "Each required type in force as Granted and unexpired [...], bound to the same element or to the person, never
    to another element; where both stand, the later decides, and on the same instant the no"."""
    missing = []
    for kind in account.filter(filter_key).required:
        said = [one for at in {place, PERSON} for one in _standing(profile, at, kind, account)]
        # Of two yeses of one instant, of which one has expired, the other one is "in force as Granted and unexpired".
        decides = max(said, key=lambda one: (one.date, -STRENGTH[one.status], not has_expired(one, now)), default=None)
        if decides is None or decides.status != GRANTED or has_expired(decides, now):
            missing.append(kind)
    return missing


def has_expired(one: Preference | Consent, now: datetime) -> bool:
    """True if the choice has expired. A choice that expires exactly now has expired."""
    return one.expires is not None and one.expires <= now


def preference_status(profile: Profile, place: Place, one: Preference, now: datetime, account: Account) -> str:
    """`Overruled`, `Expired` ("of an expired one `Expired` is said"), `Suspended`, else `Active`."""
    if one.type != OPT_IN:
        return "Active"
    if is_overruled(profile, place, one):
        return "Overruled"
    if has_expired(one, now):
        return "Expired"
    return "Suspended" if missing_consents(profile, place, one.filter, now, account) else "Active"
