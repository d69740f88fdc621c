"""Short functions to write and run the hand-made examples of the model's tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .execution_model import ImportResult, Model

Wire = dict[str, Any]

MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "crm"}

STAGED = "2025-12-01T12:00:00Z"

STARTED = datetime(2025, 12, 1, 13, tzinfo=UTC)


def person(crm: str | None = "C-1", **members: Any) -> Wire:
    ids = [{"AlternateIdType": "CRM", "AlternateId": crm}] if crm else []
    return {"AlternateIds": ids, "CustomFields": [{"Name": "Region", "Value": "N"}], **members}


def ids(*values: str, **more: Any) -> list[Wire]:
    return [{"AlternateIdType": "CRM", "AlternateId": one, **more} for one in values]


def email(address: str = "ann@example.com", **members: Any) -> Wire:
    return {"EmailAddress": address, **members}


def run(model: Model, *records: Wire, **settings: Any) -> ImportResult:
    return model.run_import(settings={**MATCH, **settings}, batches=[(STAGED, list(records))], started_at=STARTED)


def outcomes(model: Model, *records: Wire, **settings: Any) -> list[str]:
    return list(run(model, *records, **settings).outcomes.values())


def codes(result: ImportResult, sequence: int = 1) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in (result.faults | result.not_honored).get(sequence, [])]


def shown(model: Model, crm: str = "C-1") -> Wire:
    profile = model.get_profile(("CRM", crm))
    assert profile is not None
    return profile


def names(profile: Wire, array: str, member: str, *, active: bool = True) -> list[str]:
    return [one[member] for one in profile[array] if one.get("IsActive", True) is active]


D1, D2, D3 = "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"


def pref(kind: int, date: str | None, filter_id: str = "NEWS-EMAIL", **more: Any) -> Wire:
    return {"FilterId": filter_id, "PreferenceType": kind, "CustomerDate": date, **more}


def consent(status: int, date: str | None, version: str = "3.0", kind: str = "Privacy", **more: Any) -> Wire:
    base = {"ConsentType": kind, "ConsentVersion": version, "Locale": "en_US"}
    return {**base, "ConsentStatus": status, "ConsentDate": date, **more}


def with_pref(*prefs: Wire, **more: Any) -> Wire:
    return person(Emails=[email(EmailPreferences=list(prefs), **more)])


def current(model: Model) -> Wire:
    (element,) = shown(model)["Emails"]
    (one,) = element["EmailPreferences"]
    return dict(one)


def at_person(*consents: Wire, **more: Any) -> Wire:
    return person(Consents=list(consents), **more)


def texting(status: int, date: str, version: str = "2024") -> Wire:
    return consent(status, date, version, "Texting")


def phone(number: str, *prefs: Wire, consents: list[Wire] | None = None, **more: Any) -> Wire:
    return {"PhoneNumber": number, "PhoneNumberPreferences": list(prefs), "Consents": consents or [], **more}


def under(label: str, *prefs: Wire, **more: Any) -> Wire:
    """The same address under another type."""
    return with_pref(*prefs, EmailAddressType=label, **more)


def archived(*prefs: Wire, **more: Any) -> Wire:
    return {**with_pref(*prefs), **more, "IsActive": False, "PreservePreferences": False, "PreserveConsents": False}
