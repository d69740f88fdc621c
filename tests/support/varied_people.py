"""Records of generated people whose choices are in every state: expired, suspended, overruled, archived, inactive.

Each person has few addresses, dates and versions, so that they collide: several types on one address, several choices
on one instant. One seed gives the same records.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Wire = dict[str, Any]

_NOW = datetime.now(UTC).replace(microsecond=0)
DATES = [
    "2023-03-01T12:00:00Z",
    "2024-03-01T12:00:00Z",
    "2024-03-01T12:00:00.000001Z",
    *((_NOW - timedelta(days=days)).isoformat() for days in (500, 3)),
]
VERSIONS = [("Privacy", "1.0"), ("Privacy", "2.0"), ("Privacy", "3.0"), ("Texting", "2023"), ("Texting", "2024")]
FILTERS = {
    "Emails": ["NEWS-EMAIL", "EVENTS-EMAIL", "OFFERS-EMAIL"],
    "PhoneNumbers": ["NEWS-TEXT", "OFFERS-PHONE"],
    "Addresses": ["OFFERS-MAIL"],
    "": ["DATA-SHARING", "DATA-PROFILING"],
}
TYPES = {
    "Emails": ("EmailAddressType", ["Home", "Work", "Büro"]),
    "PhoneNumbers": ("PhoneType", ["Mobile", "Home"]),
    "Addresses": ("AddressType", ["Home", "Billing"]),
}
LISTS = {"Emails": "EmailPreferences", "PhoneNumbers": "PhoneNumberPreferences", "Addresses": "AddressPreferences"}


def make_varied(count: int, wave: int) -> Iterator[Wire]:
    """A record for each of the people 1 to `count`. `wave`: another record for the same people."""
    draw = random.Random(f"varied people {wave}")
    for number in range(1, count + 1):
        yield _make_record(draw, number, wave)


def _make_record(draw: random.Random, number: int, wave: int) -> Wire:
    record: Wire = {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"V-{number}"}],
        "CustomerName": {"FirstName": draw.choice(["Ann", "Bea"]), "LastName": f"Varied {number}"},
        "CustomFields": [{"Name": "Region", "Value": draw.choice("NS")}],
    }
    for array in TYPES:
        if draw.random() < 0.5:
            record[array] = [_make_element(draw, array, number, one) for one in _choose_types(draw, array)]
    if draw.random() < 0.4:
        record["ProfilePreferences"] = _make_preferences(draw, "")
    if draw.random() < 0.6:
        record["Consents"] = _make_consents(draw)
    if draw.random() < 0.3:
        record["Groups"] = [{"GroupType": "Club", "GroupName": draw.choice("ab"), "IsActive": draw.random() < 0.7}]
    if draw.random() < 0.3:
        record["ProfileTags"] = [{"Name": draw.choice(["loyal", "new"])}]
    if wave and draw.random() < 0.4:
        # The first time most of them go inactive, which archives choices. The second time they come back.
        record["IsActive"] = (draw.random() < 0.8) == (wave > 1)
        record["PreservePreferences"] = draw.random() < 0.4
        record["PreserveConsents"] = draw.random() < 0.4
    return record


def _choose_types(draw: random.Random, array: str) -> list[str]:
    types = TYPES[array][1]
    return draw.sample(types, draw.choice([1, 1, 2, len(types)]))


def _make_element(draw: random.Random, array: str, number: int, kind: str) -> Wire:
    which = draw.choice([0, 0, 0, 1])
    element: Wire = {TYPES[array][0]: kind}
    if array == "Emails":
        element["EmailAddress"] = f"{'ab'[which]}{number}@{draw.choice(['example', 'EXAMPLE'])}.com"
    elif array == "PhoneNumbers":
        element["PhoneNumber"] = f"+1 212 555 {(number * 2 + which) % 10_000:04}"
        element["IsMobile"] = True
    else:
        element |= {"Address1": f"{number} {'EO'[which]}ak Rd", "City": "Fairview", "StateProvince": "CA"}
        element["PostalCode"] = "90210"
    if draw.random() < 0.8:
        element[LISTS[array]] = _make_preferences(draw, array)
    if draw.random() < 0.5:
        element["Consents"] = _make_consents(draw)
    return element


def _make_preferences(draw: random.Random, array: str) -> list[Wire]:
    filters = FILTERS[array]
    return [
        _date(draw, "CustomerDate", {"FilterId": one, "PreferenceType": draw.choice([1, 1, 1, 2])})
        for one in draw.sample(filters, draw.randint(1, len(filters)))
    ]


def _make_consents(draw: random.Random) -> list[Wire]:
    return [
        _date(
            draw,
            "ConsentDate",
            {
                "ConsentType": kind,
                "ConsentVersion": version,
                "Locale": "en_US",
                "ConsentStatus": draw.choice([1, 1, 1, 1, 2, 3, 4]),
            },
        )
        for kind, version in draw.sample(VERSIONS, draw.choice([1, 1, 2, 4]))
    ]


def _date(draw: random.Random, member: str, choice: Wire) -> Wire:
    return choice if draw.random() < 0.15 else {**choice, member: draw.choice(DATES)}
