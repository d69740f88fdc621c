"""Precedence: the newer choice wins, and a no is stronger than a yes. One preference or consent at a time."""

from dataclasses import replace
from typing import Literal

from .account_model import GRANTED, NOT_SET, OPT_IN, OPT_OUT, Account
from .force_model import STRENGTH, consent_in_force, has_opt_out, is_overruled, noes_under_other_types
from .person_model import Consent, Preference, Profile
from .record_model import Place, SaidConsent, SaidPreference, expiry

Pairs = tuple[tuple[str, str | None], ...] | tuple[tuple[str, str], ...]
# A code is the reason why the choice is not honored.
Verdict = Literal["same", "apply", "Preference.Superseded", "Consent.Superseded", "Consent.NewerVersionPresent"]


def build_preference(said: SaidPreference, stored: Preference | None, account: Account) -> Preference:
    """ "A dated choice is taken whole: absent PreferenceAttributes [...] mean none"; "only Opt-In [...] expire".
    "An absent FrequencyId keeps the stored one if the filter still offers it, else the default"."""
    offer = account.filter(said.filter)
    frequency = offer.default_frequency
    if said.frequency is not None:
        frequency = said.frequency
    elif stored is not None and stored.frequency in offer.frequencies:
        frequency = stored.frequency
    days = offer.days if said.type == OPT_IN else None
    return Preference(said.filter, said.type, frequency, said.attributes, said.date, expiry(said.date, days))


def build_consent(said: SaidConsent, account: Account) -> Consent:
    """ "Taken whole: absent [...] Evidence mean none"; "only [...] Granted expire"."""
    version = account.version(said.type, said.version)
    days = version.days if said.status == GRANTED else None
    expires = expiry(said.date, days)
    return Consent(said.type, said.version, said.locale, said.status, said.evidence, said.date, expires=expires)


def leaves_out_only(said: Pairs, stored: Pairs) -> bool:
    """ "Whatever attributes or evidence it leaves out": all given members are stored with the same values."""
    return all(pair in stored for pair in said)


def _equals(stored: Preference | Consent, new: Preference | Consent) -> bool:
    """ "What equals the stored value is no change, whatever rule would hold it back"; archived or not."""
    return replace(new, expires=stored.expires, archived=stored.archived) == stored


def decide_preference(profile: Profile, said: SaidPreference, new: Preference) -> Verdict:
    stored = profile.preferences.get((said.place, said.filter))
    if stored is not None:
        if said.undated and _repeats_preference(profile, said, stored):
            return "same"
        returns = said.undated and stored.archived and stored.type == said.type
        verdict = "apply" if returns and new.date >= stored.date else _against_stored_preference(stored, new)
        if verdict != "apply":
            return verdict
    if said.type == OPT_IN and has_opt_out(profile, said.place, said.filter, said.date):
        # "An Opt-In is held back by an Opt-Out, not earlier, of the same filter on that address under any type."
        return "Preference.Superseded"
    return "apply"


def _repeats_preference(profile: Profile, said: SaidPreference, stored: Preference) -> bool:
    """ "An undated choice that says the same as the one in force is no change (the same PreferenceType and, if said,
    FrequencyId)"; "with attributes [...] that differ it is a new choice"."""
    return (
        not stored.archived
        and not is_overruled(profile, said.place, stored)
        and stored.type == said.type
        and said.frequency in (None, stored.frequency)
        and leaves_out_only(said.attributes, stored.attributes)
    )


def _against_stored_preference(stored: Preference, new: Preference) -> Verdict:
    """The same place and filter, including archived preferences."""
    if _equals(stored, new):
        return "same"
    if new.date != stored.date:
        # "Later CustomerDate wins." "An older one is held back."
        return "apply" if new.date > stored.date else "Preference.Superseded"
    if new.type != stored.type:
        # "On the same instant Opt-Out wins over Opt-In."
        return "apply" if new.type == OPT_OUT else "Preference.Superseded"
    # "On the same instant the same choice with other members is an update, except where the stored one is archived
    # (no change)."
    return "same" if stored.archived else "apply"


def decide_consent(profile: Profile, said: SaidConsent, new: Consent, account: Account) -> Verdict:
    stored = profile.consents.get((said.place, said.type, said.version))
    if said.undated and _repeats_consent(profile, said, account):
        return "same"
    if stored is not None:
        returns = said.undated and stored.archived and stored.status == said.status
        verdict = "apply" if returns and new.date >= stored.date else _against_stored_consent(stored, new)
        if verdict != "apply":
            return verdict
    if said.status == GRANTED and any(
        no.date >= said.date for no in noes_under_other_types(profile, said.place, said.type)
    ):
        # "Consents bound to elements behave alike."
        return "Consent.Superseded"
    if said.status in (GRANTED, NOT_SET) and has_newer_version(profile, said.place, said, account):
        # "With a newer version already in the same place, a Granted or NotSet of an older one is held back"; "a
        # Denied or Revoked is taken by its date".
        return "Consent.NewerVersionPresent"
    return "apply"


def _repeats_consent(profile: Profile, said: SaidConsent, account: Account) -> bool:
    """ "An undated choice that says the same as the one in force is no change ([...] the same version and
    ConsentStatus)"; "with [...] evidence that differ it is a new choice"."""
    now = consent_in_force(profile, said.place, said.type, account)
    return (
        now is not None
        and (now.version, now.status) == (said.version, said.status)
        and leaves_out_only(said.evidence, now.evidence)
    )


def _against_stored_consent(stored: Consent, new: Consent) -> Verdict:
    """The same place, type and version, including archived consents."""
    if _equals(stored, new):
        return "same"
    if new.date != stored.date:
        # "Of the same version the later ConsentDate wins"; "an older one is held back".
        return "apply" if new.date > stored.date else "Consent.Superseded"
    if new.status != stored.status:
        # "On the same instant Revoked, then Denied, then NotSet, then Granted."
        return "apply" if STRENGTH[new.status] < STRENGTH[stored.status] else "Consent.Superseded"
    return "same" if stored.archived else "apply"


def has_newer_version(profile: Profile, place: Place, said: SaidConsent, account: Account) -> bool:
    mine = account.version_index(said.type, said.version)
    return any(
        (at, kind) == (place, said.type) and account.version_index(kind, version) > mine
        for at, kind, version in profile.consents
    )


def archive_choices(profile: Profile, *, preferences: bool, consents: bool, places: set[Place] | None = None) -> None:
    """ "Archived instead, and do not come back": the choices of these places (None: all choices of the profile)."""
    if preferences:
        for key, stored in profile.preferences.items():
            if places is None or key[0] in places:
                profile.preferences[key] = replace(stored, archived=True)
    if consents:
        for consent_key, consent in profile.consents.items():
            if places is None or consent_key[0] in places:
                profile.consents[consent_key] = replace(consent, archived=True)
