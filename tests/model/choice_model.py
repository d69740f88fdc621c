"""Precedence: the newer choice wins, and no is stronger than yes. One preference or consent at a time."""

from dataclasses import replace
from typing import Literal

from .account_model import DENIED, GRANTED, NOT_SET, OPT_IN, OPT_OUT, REVOKED, Account
from .profile_model import Consent, Preference, Profile
from .record_model import PERSON, SaidConsent, SaidPreference, expiry

Verdict = Literal["same", "held", "apply"]

# On the same instant Revoked, then Denied, then NotSet, then Granted: the lower wins.
STRENGTH = {REVOKED: 0, DENIED: 1, NOT_SET: 2, GRANTED: 3}


def frequency_of(said: SaidPreference, stored: Preference | None, account: Account) -> str | None:
    """An absent FrequencyId keeps the stored one if the filter still offers it, else the default."""
    offer = account.filter(said.filter)
    if said.frequency is not None:
        return said.frequency
    if stored is not None and stored.frequency in offer.frequencies:
        return stored.frequency
    return offer.default_frequency


def build_preference(said: SaidPreference, stored: Preference | None, account: Account) -> Preference:
    """A choice is taken whole: absent PreferenceAttributes mean none. Only Opt-In expires."""
    days = account.filter(said.filter).days if said.type == OPT_IN else None
    return Preference(
        said.filter,
        said.type,
        frequency_of(said, stored, account),
        said.attributes,
        said.date,
        expiry(said.date, days),
    )


def build_consent(said: SaidConsent, account: Account) -> Consent:
    """A choice is taken whole: absent Evidence means none. Only Granted expires."""
    version = account.versions(said.type)[account.version_index(said.type, said.version)]
    days = version.days if said.status == GRANTED else None
    return Consent(said.type, said.version, said.locale, said.status, said.evidence, said.date, expiry(said.date, days))


def _is_same(stored: Preference | Consent, new: Preference | Consent, *, undated: bool) -> bool:
    """What equals the stored value is no change; an undated choice equal to the stored one is no change."""
    date = stored.date if undated else new.date
    return replace(new, date=date, expires=stored.expires, archived=stored.archived) == stored


def judge_preference(stored: Preference | None, new: Preference, *, undated: bool) -> Verdict:
    """Against the stored choice of the same place and filter; precedence looks at archived ones too."""
    if stored is None:
        return "apply"
    if _is_same(stored, new, undated=undated):
        return "same"
    if new.date != stored.date:
        # Later CustomerDate wins; an older one is held back.
        return "apply" if new.date > stored.date else "held"
    if new.type != stored.type:
        # On the same instant Opt-Out wins over Opt-In.
        return "apply" if new.type == OPT_OUT else "held"
    # On the same instant the same choice with other members is an update; an archived one does not come back.
    return "held" if stored.archived else "apply"


def judge_consent(stored: Consent | None, new: Consent, *, undated: bool) -> Verdict:
    """Against the stored consent of the same place, type and version."""
    if stored is None:
        return "apply"
    if _is_same(stored, new, undated=undated):
        return "same"
    if new.date != stored.date:
        return "apply" if new.date > stored.date else "held"
    if new.status != stored.status:
        return "apply" if STRENGTH[new.status] < STRENGTH[stored.status] else "held"
    return "held" if stored.archived else "apply"


def has_newer_version(profile: Profile, said: SaidConsent, account: Account) -> bool:
    """With a newer version already in the same place, a Granted or NotSet of an older one is held back."""
    if said.status not in (GRANTED, NOT_SET):
        return False  # a Denied or Revoked is taken by its date
    mine = account.version_index(said.type, said.version)
    return any(
        (place, kind) == (said.place, said.type) and account.version_index(kind, version) > mine
        for place, kind, version in profile.consents
    )


def is_bound_by_no(profile: Profile, said: SaidPreference) -> bool:
    """A no binds the person's address, not a label: an Opt-Out, not earlier, of the same filter on the same
    compared value of that kind under another type. Out of force or archived, precedence still looks at it."""
    if said.place == PERSON:
        return False
    kind, type_, compared = said.place
    return any(
        place != PERSON
        and (place[0], place[2]) == (kind, compared)
        and place[1] != type_
        and filter_id == said.filter
        and stored.type == OPT_OUT
        and stored.date >= said.date
        for (place, filter_id), stored in profile.preferences.items()
    )


def archive_choices(
    profile: Profile, *, preferences: bool, consents: bool, places: set[tuple[str, ...]] | None = None
) -> None:
    """Archive the choices of these places (None: all of the profile)."""
    if preferences:
        for key, stored in profile.preferences.items():
            if places is None or key[0] in places:
                profile.preferences[key] = replace(stored, archived=True)
    if consents:
        for consent_key, consent in profile.consents.items():
            if places is None or consent_key[0] in places:
                profile.consents[consent_key] = replace(consent, archived=True)
