"""A validator remembers values within a Stage call. This never changes the result for a later record."""

from typing import Any

import pytest
from record_cases import ACME, ALL, check_record, make_validator

from consentory.codec.fault_collector import MOST_FAULTS
from consentory.domain.record import Record

MAILER = ACME.permissions_of(next(user for user in ACME.configuration.users if user.id == "mailer"))
CONSENT = {"ConsentType": "PrivacyPolicy", "Locale": "en_US", "ConsentStatus": 1}
REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    "a program not permitted": (MAILER, {"ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2}]}),
    "a filter at the wrong place": (ALL, {"ProfilePreferences": [{"FilterId": "NEWS-EMAIL", "PreferenceType": 2}]}),
    "a version before": (ALL, {"Consents": [{**CONSENT, "ConsentVersion": "1.0"}]}),
    "a number that is none": (ALL, {"CustomFields": [{"Name": "Score", "Value": "many"}], "ProfileId": 1}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_record_full_of_faults_hides_nothing_from_the_next(name: str) -> None:
    """After MOST_FAULTS no further fault is listed. A fault that is not listed is still a fault."""
    permissions, refused = REFUSED[name]
    alone = check_record(refused, make_validator(permissions=permissions))
    assert isinstance(alone, list)
    validator = make_validator(permissions=permissions)
    full = {**{f"x{number}": 1 for number in range(MOST_FAULTS + 1)}, **refused}
    for _ in range(2):
        assert isinstance(check_record(full, validator), list)
        assert check_record(refused, validator) == alone


def test_a_repeat_in_one_array_is_seen_though_both_are_known() -> None:
    validator = make_validator()
    choice = {"FilterId": "DATA-SHARING", "PreferenceType": 2}
    field = {"Name": "Tier", "Value": "gold"}
    consent = {**CONSENT, "ConsentVersion": "2.0"}
    once = {"ProfilePreferences": [choice], "CustomFields": [field], "Consents": [consent]}
    twice = {member: items * 2 for member, items in once.items()}
    first, second, third = check_record(once, validator), check_record(once, validator), check_record(twice, validator)
    assert isinstance(first, Record)
    assert second == first
    assert isinstance(third, list)
    assert [fault.Code for fault in third] == ["Array.Duplicate"] * 3
