"""The findings of the model check, each as a test of its own: the shortest history that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from live_account import LiveStore

MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM", "AllowPriorConsents": True}


def say(**members: Any) -> list[list[dict[str, Any]]]:
    """One batch with one record of one person."""
    person = {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}],
        "CustomFields": [{"Name": "Region", "Value": "N"}],
    }
    return [[{**person, **members}]]


def consent(version: str, status: int, date: str) -> dict[str, Any]:
    named = {"ConsentType": "Privacy", "ConsentVersion": version, "Locale": "en_US"}
    return {**named, "ConsentStatus": status, "ConsentDate": date}


@pytest.fixture
def store(database_url: str) -> Iterator[LiveStore]:
    live = LiveStore(database_url)
    yield live
    live.close()


@pytest.mark.parametrize(("denied_at", "missing"), [("2025-12-01T00:00:00Z", True), ("2024-12-01T00:00:00Z", False)])
def test_an_archived_later_no_keeps_an_older_yes_of_a_newer_version_out_of_force(
    store: LiveStore, denied_at: str, missing: bool
) -> None:
    """Precedence still looks at what is archived: a yes from before the no grants nothing, a later one does."""
    account = store.open_account()
    account.run(say(IsActive=False, PreserveConsents=False, Consents=[consent("2.0", 2, denied_at)]), **MATCH)
    account.run(say(IsActive=True, Consents=[consent("3.0", 1, "2025-09-15T08:00:00Z")]), **MATCH)
    wants = [{"FilterId": "DATA-PROFILING", "PreferenceType": 1, "CustomerDate": "2026-01-01T00:00:00Z"}]
    end = account.run(say(ProfilePreferences=wants), **MATCH)
    # The filter asks for Texting as well, which nobody gave.
    assert list(end.faults) == [1]
    named = [fault["Message"].split("needs ")[1].split(" ")[0] for fault in end.faults[1]]
    assert named == (["Privacy", "Texting"] if missing else ["Texting"])


def test_white_space_of_any_kind_counts_as_a_space_in_a_telephone_number(store: LiveStore) -> None:
    """The library of telephone numbers takes a thin space for a letter."""
    account = store.open_account()
    account.run(say(PhoneNumbers=[{"PhoneNumber": "212-555-0143"}]), **MATCH)
    end = account.run(say(PhoneNumbers=[{"PhoneNumber": "212\u2009555\u30000143"}]), **MATCH)
    assert (end.faults, end.status["Unchanged"]) == ({}, 1)


def test_a_prior_version_alone_is_the_fault_where_a_preference_needs_that_consent(store: LiveStore) -> None:
    """The account gets a newer version after staging. The missing consent only follows from the prior version."""
    account = store.open_account()
    wants = [{"FilterId": "OFFERS-EMAIL", "PreferenceType": 1}]
    email = {"EmailAddress": "ann@example.com", "EmailPreferences": wants}
    token = account.initiate(**{**MATCH, "AllowPriorConsents": False})
    account.stage(token, say(Emails=[email], Consents=[consent("3.0", 1, "2025-09-15T08:00:00Z")])[0])
    account.document["consentTypes"][0]["versions"].append({"version": "4.0", "texts": {"en_US": "Newer."}})
    document = json.dumps(account.document).encode()
    store.services.accounts.apply_document(document, source="test", dry_run=False)
    end = account.finish(token)
    assert [fault["Code"] for fault in end.faults[1]] == ["Consent.PriorVersion"]


@pytest.mark.parametrize(("of_element", "of_person"), [("2023", "2024"), ("2024", "2023")])
def test_of_two_yeses_of_one_instant_the_unexpired_one_is_in_force(
    store: LiveStore, of_element: str, of_person: str
) -> None:
    """Version 2024 of Texting has expired by now, and version 2023 has not. Either may be bound to the number."""
    account = store.open_account()

    def texting(version: str) -> list[dict[str, Any]]:
        return [{**consent(version, 1, "2024-01-01T00:00:00Z"), "ConsentType": "Texting"}]

    wants = [{"FilterId": "NEWS-TEXT", "PreferenceType": 1, "CustomerDate": "2024-01-01T00:00:00Z"}]
    phone = {"PhoneNumber": "212-555-0143", "PhoneNumberPreferences": wants, "Consents": texting(of_element)}
    end = account.run(say(PhoneNumbers=[phone], Consents=texting(of_person)), **MATCH)
    assert (end.faults, end.status["Created"]) == ({}, 1)
