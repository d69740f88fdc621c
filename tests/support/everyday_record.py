"""A record as most systems write it."""

import json
from typing import Any

DATE = "2026-03-01T14:05:00Z"


CONSENT = {
    "ConsentType": "TextMessages",
    "ConsentVersion": "2026-01",
    "Locale": "en_US",
    "ConsentStatus": 1,
    "ConsentDate": DATE,
}


EVIDENCE = {"Method": "web form", "Url": "https://shop.example/checkout", "IpAddress": "192.0.2.7"}


VERBATIM: dict[str, Any] = {
    "IsActive": True,
    "CustomerType": "Customer",
    "DefaultLocale": "en_US",
    "RegistrationConfirmed": True,
    "PreserveConsents": False,
    "CustomerName": {"Prefix": "", "FirstName": "Zoë", "LastName": "Ōkubo"},
    "AlternateIds": [
        {"AlternateIdType": "CRM", "AlternateId": "C-100-1"},
        {"AlternateIdType": "Loyalty", "AlternateId": "Äa-1", "IsActive": False},
    ],
    "Emails": [
        {
            "EmailAddressType": "Home",
            "EmailAddress": "Zoe.Okubo@example.com",
            "IsDefault": True,
            "EmailPreferences": [
                {
                    "FilterId": "NEWS-EMAIL",
                    "PreferenceType": 1,
                    "FrequencyId": "Monthly",
                    "CustomerDate": "2026-03-01T14:05:00.250Z",
                    "PreferenceAttributes": [{"Key": "form", "Value": "checkout-7"}, {"Key": "Form", "Value": None}],
                },
                {"FilterId": "OFFERS-EMAIL", "PreferenceType": 2, "CustomerDate": DATE},
            ],
        },
        {"EmailAddressType": "Work", "EmailAddress": "zoe.okubo@example.com", "IsActive": False},
    ],
    "PhoneNumbers": [
        {
            "PhoneType": "Mobile",
            "PhoneNumber": "(202) 555-0143",
            "IsMobile": True,
            "Consents": [CONSENT],
            "PhoneNumberPreferences": [{"FilterId": "NEWS-TEXT", "PreferenceType": 1, "CustomerDate": DATE}],
        },
        {"PhoneType": "Home", "PhoneNumber": "+12025550143"},
    ],
    "Addresses": [
        {
            "AddressType": "Home",
            "Address1": "1200  Maple St",
            "Address2": "",
            "City": "Fairview",
            "StateProvince": "CA",
            "PostalCode": "90210",
            "CountryCode_Alpha2": "US",
            "AddressPreferences": [{"FilterId": "OFFERS-MAIL", "PreferenceType": 2, "CustomerDate": DATE}],
        }
    ],
    "ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": DATE}],
    "Consents": [
        CONSENT | {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Evidence": EVIDENCE},
        CONSENT | {"ConsentStatus": 3},
    ],
    "Groups": [{"GroupType": "Household", "GroupName": "Okubo", "IsPrimary": True}],
    "ProfileTags": [{"Name": "loyal"}, {"Name": "east"}],
    "CustomFields": [{"Name": "Tier", "Value": "gold"}, {"Name": "Score", "Value": "812"}, {"Name": "Nickname"}],
}


def encode(record: Any, **form: Any) -> bytes:
    return json.dumps(record, **form).encode()
