"""record.md, "Permissions": a record beyond the permissions is refused with the path; no part of it is accepted."""

from typing import Any

import pytest
from record_cases import ACME, accept, make_validator, person, refuse

from consentory.domain.configuration import Permissions

MAILER = ACME.permissions_of(ACME.find_user("mailer"))
"""Group EmailOnly: channel Email, program NEWS, consent type PrivacyPolicy, no delete."""
EMAIL_ONLY = make_validator(permissions=MAILER)


def by_email(name: str) -> dict[str, Any]:
    return {
        "Emails": [{"EmailAddress": "a@example.com", "EmailPreferences": [{"FilterId": name, "PreferenceType": 1}]}]
    }


def test_permitted_members_are_accepted() -> None:
    consent = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": 1}
    accept(person(Consents=[consent], ProfileTags=[{"Name": "a"}]) | by_email("NEWS-EMAIL"), EMAIL_ONLY)


def test_profile_data_at_all_needs_profile_write() -> None:
    validator = make_validator(permissions=Permissions(import_=True, profile=("read", "delete"), channels="all"))
    assert refuse(person(), validator) == [("Permission.Profile", "$")]


@pytest.mark.parametrize(
    ("member", "element"),
    [
        ("PhoneNumbers", {"PhoneNumber": "+12025550143"}),
        ("Addresses", {"Address1": "1", "City": "B", "StateProvince": "CA", "PostalCode": "9"}),
    ],
)
def test_each_channel(member: str, element: dict[str, Any]) -> None:
    assert refuse({member: [element]}, EMAIL_ONLY) == [("Permission.Channel", f"$.{member}[0]")]


@pytest.mark.parametrize("channel", ["Phone", "Text", "Fax"])
def test_phone_numbers_take_any_of_their_channels_but_each_filter_its_own(channel: str) -> None:
    permissions = Permissions(profile=("write",), channels=(channel,), programs="all", consent_types="all")
    validator = make_validator(permissions=permissions)
    chosen = [{"FilterId": name, "PreferenceType": 2} for name in ("NEWS-TEXT", "OFFERS-PHONE")]
    record = {"PhoneNumbers": [{"PhoneNumber": "+12025550143", "PhoneNumberPreferences": chosen}]}
    refused = [path for code, path in refuse(record, validator) if code == "Permission.Channel"]
    own = {"Text": [1], "Phone": [0], "Fax": [0, 1]}[channel]
    assert refused == [f"$.PhoneNumbers[0].PhoneNumberPreferences[{place}].FilterId" for place in own]


def test_each_programs_preferences() -> None:
    path = "$.Emails[0].EmailPreferences[0].FilterId"
    assert refuse(by_email("OFFERS-EMAIL"), EMAIL_ONLY) == [("Permission.Program", path)]


def test_choices_without_a_channel_by_their_program_alone() -> None:
    record = {"ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2}]}
    assert refuse(record, EMAIL_ONLY) == [("Permission.Program", "$.ProfilePreferences[0].FilterId")]
    accept(record, make_validator(permissions=Permissions(profile=("write",), programs=("data",))))


def test_each_consent_type() -> None:
    consent = {"ConsentType": "TextMessages", "ConsentVersion": "2026-01", "Locale": "en_US", "ConsentStatus": 3}
    assert refuse({"Consents": [consent]}, EMAIL_ONLY) == [("Permission.ConsentType", "$.Consents[0].ConsentType")]


def test_delete_needs_profile_delete() -> None:
    validator = make_validator(permissions=MAILER, action="Delete")
    assert refuse({"ProfileId": 5}, validator) == [("Permission.Delete", "$")]
    accept({"ProfileId": 5}, make_validator(permissions=Permissions(profile=("delete",)), action="Delete"))
