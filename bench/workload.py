"""The bench's people: seeded, about 1.1 KB of JSON each, all choices dated. One record a line.

Each has a name, 2 alternate ids (CRM is the match type), 2 emails, 1 phone, 1 address, 3 custom fields, 2 tags,
3 preferences and 1 consent, after the first record of tests/accounts/batch.json.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST_NAMES = ("Zoë", "Amélie", "James", "Mary", "Noor", "Wei", "Olga", "José", "Ines", "Tom")
LAST_NAMES = ("Ōkubo", "Smith", "García", "Nguyen", "Müller", "Brown", "Silva", "Kaya", "Novak", "Jones")
DOMAINS = ("example.com", "mail.example.net", "post.example.org")
STREETS = ("Maple St", "Oak Ave", "Elm Rd", "Cedar Blvd", "Pine Ct")
CITIES = (("Fairview", "CA", "90210"), ("Springfield", "IL", "62701"), ("Salem", "OR", "97301"))
TIERS = ("basic", "silver", "gold")
START = datetime(2019, 1, 1, tzinfo=UTC)
LATER = datetime(2025, 6, 1, tzinfo=UTC)

Record = dict[str, Any]


def _date(draw: random.Random, start: datetime = START) -> str:
    return (start + timedelta(seconds=draw.randrange(150_000_000 if start is START else 40_000_000))).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def make_person(number: int, seed: int = 1) -> Record:
    """Person `number` (from 0) as file 1 has them."""
    draw = random.Random(seed * 1_000_003 + number)
    first, last = draw.choice(FIRST_NAMES), draw.choice(LAST_NAMES)
    city, state, postal = draw.choice(CITIES)
    said = _date(draw)
    return {
        "CustomerName": {"FirstName": first, "LastName": last},
        "AlternateIds": [
            {"AlternateIdType": "CRM", "AlternateId": f"C-{number}"},
            {"AlternateIdType": "Loyalty", "AlternateId": f"77{number:09}"},
        ],
        "Emails": [
            {
                "EmailAddressType": "Home",
                "EmailAddress": f"person{number}@{draw.choice(DOMAINS)}",
                "IsDefault": True,
                "EmailPreferences": [
                    {
                        "FilterId": "NEWS-EMAIL",
                        "PreferenceType": draw.choice((1, 1, 2)),
                        "FrequencyId": "Monthly",
                        "CustomerDate": _date(draw),
                    },
                ],
            },
            {"EmailAddressType": "Work", "EmailAddress": f"p{number}@work{draw.randrange(5000)}.example.com"},
        ],
        "PhoneNumbers": [
            {
                "PhoneType": "Mobile",
                "PhoneNumber": f"+1202555{number % 10000:04}",
                "IsMobile": True,
                "PhoneNumberPreferences": [
                    {"FilterId": "OFFERS-PHONE", "PreferenceType": 2, "CustomerDate": _date(draw)}
                ],
            }
        ],
        "Addresses": [
            {
                "AddressType": "Home",
                "Address1": f"{1 + draw.randrange(9999)} {draw.choice(STREETS)}",
                "City": city,
                "StateProvince": state,
                "PostalCode": postal,
                "CountryCode_Alpha2": "US",
            }
        ],
        "ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": _date(draw)}],
        "Consents": [
            {
                "ConsentType": "PrivacyPolicy",
                "ConsentVersion": "2.0",
                "Locale": "en_US",
                "ConsentStatus": 1,
                "ConsentDate": said,
            }
        ],
        "ProfileTags": [{"Name": "loyal"}, {"Name": draw.choice(("north", "south", "east", "west"))}],
        "CustomFields": [
            {"Name": "Tier", "Value": draw.choice(TIERS)},
            {"Name": "Score", "Value": str(draw.randrange(1000))},
            {"Name": "Store", "Value": f"S{draw.randrange(1000):03}"},
        ],
    }


def change_person(person: Record, number: int, seed: int = 2) -> None:
    """Change a person as file 2 does for every second one: an email and the phone replaced, a custom field, a tag,
    one preference turned, a newer consent date."""
    draw = random.Random(seed * 1_000_003 + number)
    person["Emails"][1]["EmailAddress"] = f"q{number}@work{draw.randrange(5000)}.example.com"
    person["PhoneNumbers"][0]["PhoneNumber"] = f"+1303555{number % 10000:04}"
    person["PhoneNumbers"][0]["PhoneNumberPreferences"][0]["CustomerDate"] = _date(draw, LATER)
    person["CustomFields"][1]["Value"] = str(1000 + draw.randrange(1000))
    person["ProfileTags"][1]["Name"] = "moved"
    news = person["Emails"][0]["EmailPreferences"][0]
    news["PreferenceType"] = 3 - news["PreferenceType"]
    news["CustomerDate"] = _date(draw, LATER)
    person["Consents"][0]["ConsentDate"] = _date(draw, LATER)


def spoil_person(person: Record, number: int) -> None:
    """One fault, of five kinds in turn."""
    kind = number % 5
    if kind == 0:
        person["Emails"][0]["EmailAddress"] = "not-an-address"
    elif kind == 1:
        person["Emails"][0]["EmailPreferences"][0]["FilterId"] = "NO-SUCH"
    elif kind == 2:
        person["Consents"][0]["ConsentDate"] = "2024-02-31"
    elif kind == 3:
        person["CustomFields"][1]["Value"] = "many"
    else:
        person["Emial"] = []


def write_lines(people: int, *, first: int = 0, changed: bool = False, faulty: float = 0.0) -> Iterator[bytes]:
    """The records of a file, one JSON object each, without line ends: `people` of them from number `first` on.
    `faulty` is the share spoiled, 0..1."""
    every = round(1 / faulty) if faulty else 0
    for number in range(first, first + people):
        person = make_person(number)
        if changed and number % 2:
            change_person(person, number)
        if every and number % every == 0:
            spoil_person(person, number)
        yield json.dumps(person, ensure_ascii=False, separators=(",", ":")).encode()
