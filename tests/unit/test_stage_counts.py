"""Counts of a batch beside its books: no dates, no country codes, and refused records with a no."""

from __future__ import annotations

import json
from typing import Any

import pytest
from batch_cases import validate
from everyday_record import CONSENT, VERBATIM, encode
from record_cases import ALL, accept, make_validator, refuse

from consentory.codec.record.stage_counts import holds_opt_out
from consentory.domain.configuration import Permissions
from consentory.domain.imports import ImportSettings, StageCounts

NO_PREFERENCE = {"FilterId": "DATA-SHARING", "PreferenceType": 2}
NO_CONSENT = CONSENT | {"ConsentStatus": 3}
BAD_PHONE = {"PhoneNumbers": [{"PhoneNumber": "12"}]}


@pytest.mark.parametrize("match_type", [None, "CRM"])
def test_choices_without_a_date_and_numbers_without_a_country_code_are_counted(match_type: str | None) -> None:
    """Both paths count in the same way. Of refused records only the opt-out mark is counted."""
    undated = VERBATIM | {
        "ProfilePreferences": [NO_PREFERENCE],
        "Consents": [{name: value for name, value in CONSENT.items() if name != "ConsentDate"}],
    }
    validator = make_validator(match_type=match_type)
    records = [json.dumps(one) for one in (VERBATIM, undated, undated, undated | BAD_PHONE, VERBATIM)]
    batch = validate(records, validator, match_type=match_type)
    assert batch.failed == 1
    expected = StageCounts(undated_choices=4, refused_opt_outs=1, numbers_without_country_code=4)
    assert batch.counts == expected
    assert sum(validator.check(one.encode()) is not None for one in records) == (4 if match_type else 0)


@pytest.mark.parametrize(
    ("record", "holds"),
    [
        ({"ProfilePreferences": [NO_PREFERENCE]}, True),
        ({"ProfilePreferences": [NO_PREFERENCE | {"PreferenceType": "OptOut"}]}, True),
        ({"ProfilePreferences": [NO_PREFERENCE | {"PreferenceType": "opt-out"}]}, True),
        ({"ProfilePreferences": [NO_PREFERENCE | {"PreferenceType": "2"}]}, True),
        ({"Emails": [{"EmailPreferences": [NO_PREFERENCE]}]}, True),
        ({"Consents": [NO_CONSENT]}, True),
        ({"Addresses": [{"Consents": [CONSENT | {"ConsentStatus": "Denied"}]}]}, True),
        ({"Consents": [CONSENT | {"ConsentStatus": 2}]}, True),
        ({"Consents": [CONSENT]}, False),
        ({"Consents": [CONSENT | {"ConsentStatus": 4}]}, False),
        ({"ProfilePreferences": [NO_PREFERENCE | {"PreferenceType": 1}]}, False),
        ({"ProfilePreferences": [NO_PREFERENCE | {"PreferenceType": 23}]}, False),
        ({"CustomerName": {"FirstName": '"PreferenceType":2'}}, False),
        ({"PreferenceType": 1, "x": 2}, False),
        (2, False),
    ],
)
def test_a_refused_record_that_contains_a_no_is_found(record: Any, holds: bool) -> None:
    for form in ({}, {"indent": 2}, {"separators": (",", ":")}):
        assert holds_opt_out(encode(record, **form)) is holds


def test_the_mark_of_a_refused_record_is_accepted_and_ignored() -> None:
    assert accept({"ProfileId": 5, "HoldsOptOut": True}) == accept({"ProfileId": 5})


MAILER = Permissions(import_=True, profile=("read", "write"), channels=("Email",), programs="all", consent_types="all")
NEWS = Permissions(import_=True, profile=("read", "write"), channels="all", programs=("NEWS",), consent_types="all")
READER = Permissions(import_=True, profile=("read",), channels="all", programs="all", consent_types="all")
PERSON = {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "1"}]}
FLAGS = ["refresh_alternate_ids", "refresh_contacts", "refresh_custom_fields", "refresh_groups", "refresh_tags"]


@pytest.mark.parametrize("flag", FLAGS)
def test_under_a_refresh_flag_a_record_is_staged_only_by_who_may_touch_all_it_can_remove(flag: str) -> None:
    """… RefreshContacts: all channels and programs; the others: profile write; else `Permission.Refresh`."""
    for match_type in (None, "CRM"):
        settings = {flag: True, "match_type": match_type}
        accept(PERSON, make_validator(**settings))
        for permissions in (MAILER, NEWS):
            validator = make_validator(permissions=permissions, **settings)
            assert validator.check(encode(PERSON)) is None or flag != "refresh_contacts"
            if flag == "refresh_contacts":
                assert refuse(PERSON, validator) == [("Permission.Refresh", "$")]
            else:
                accept(PERSON, validator)
        refused = refuse(PERSON, make_validator(permissions=READER, **settings))
        assert refused == [("Permission.Profile", "$"), ("Permission.Refresh", "$")]


def test_without_a_refresh_flag_nothing_more_is_asked() -> None:
    for permissions in (MAILER, NEWS, ALL):
        accept(PERSON, make_validator(permissions=permissions, match_type="CRM"))
    assert ImportSettings(name="test").refresh_contacts is False
