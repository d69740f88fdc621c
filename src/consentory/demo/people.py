"""Invented people for the demo and for trials, in any number. The same seed gives the same people.

The people fit the account of demo_account.yaml and an `Add` import that matches by the alternate id type CRM. Every
record without an intended fault is accepted, and raises no exception in execution.
"""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, NamedTuple

from consentory.demo.people_cultures import AREA_CODES, CULTURES, Culture
from consentory.demo.people_faults import COMMON_FAULTS, FAULTS, Person

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode  # also writes lone surrogates

_FIRST_DAY, _LAST_DAY = datetime.date(2015, 1, 1), datetime.date(2026, 8, 31)
_DAYS = tuple((_FIRST_DAY + datetime.timedelta(days)).isoformat() for days in range((_LAST_DAY - _FIRST_DAY).days + 1))
# No clock changes between summer and winter time at the hours used here. So each local time exists exactly once.
_ZONES = ("Z",) * 5 + ("-05:00", "+00:00", "+01:00", "+05:30", "+09:00") + ("",) * 3

_CROWD = tuple(culture for culture in CULTURES for _ in range(culture.share))
# One letter for each contact element: Email, Phone, Address. Each kind of person as often as among a hundred people.
_CONTACTS = (
    *("",) * 8,
    *("E",) * 22,
    *("P",) * 7,
    *("A",) * 3,
    *("EP",) * 24,
    *("EE",) * 4,
    *("EA",) * 5,
    *("PA",) * 2,
    *("EPA",) * 13,
    *("EEP",) * 3,
    *("EPP",) * 2,
    *("EEPA",) * 4,
    *("EPPA",) * 2,
    "EPAA",
)
_OUT_OF_TEN = (1, 1, 1, 1, 1, 1, 2, 2, 2, "OptOut")  # Opt-In and Opt-Out, by number and by name
_FREQUENCIES = ("Daily", "Weekly", "Monthly")
_INTERESTS = ("books", "garden::kitchen", "music", "sports::travel", "books::music::travel", "kitchen")
_TAGS = ("loyal", "newcomer", "staff", "vip", "Geschäftskunde", "常连客", "VIP 2024")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15",
)
_POOL = 1000  # the number of people who are kept for repetition


class GeneratedRecord(NamedTuple):
    """One record of the generated file."""

    line: bytes
    """JSON, without a line end."""
    fault: str | None
    """The name of the record's fault in FAULTS. None: the record has no fault."""
    repeats: str | None
    """The CRM id of the person, if an earlier record has the same person."""


def generate_people(
    count: int, seed: int, faulty_share: float = 0.01, repeated_share: float = 0.005
) -> Iterator[tuple[bytes, bool]]:
    """Yield `count` records as JSON lines without line ends, and whether staging must refuse each."""
    for record in generate_records(count, seed, faulty_share, repeated_share):
        yield record.line, record.fault is not None


def generate_records(
    count: int, seed: int, faulty_share: float = 0.01, repeated_share: float = 0.005
) -> Iterator[GeneratedRecord]:
    """Yield `count` records, of which exactly `round(count * share)` are faulty, and about as many repeated.

    Their places are random. Every second faulty record takes the next fault of FAULTS, so that 2 * len(FAULTS) faulty
    records show every fault. The other faulty records have common faults.
    """
    rng = random.Random(seed)  # noqa: S311
    crowd = _Crowd(rng)
    faulty_left, repeated_left = round(count * faulty_share), round(count * repeated_share)
    rotation = cycle(FAULTS)
    pool: list[Person] = []
    for number in range(count):
        left = count - number
        if rng.random() * left < faulty_left:
            name = rng.choice(COMMON_FAULTS) if faulty_left % 2 else next(rotation)
            faulty_left -= 1
            spoilt = FAULTS[name](crowd.make_person(number))
            yield GeneratedRecord(_encode_ascii(spoilt).encode(), name, None)
        elif pool and rng.random() * left < repeated_left:
            repeated_left -= 1
            person = rng.choice(pool)
            line = _encode(crowd.change_person(person)).encode()
            yield GeneratedRecord(line, None, person["AlternateIds"][0]["AlternateId"])
        else:
            person = crowd.make_person(number)
            if len(pool) < _POOL:
                pool.append(person)
            elif rng.random() < 0.01:
                pool[int(rng.random() * _POOL)] = person
            yield GeneratedRecord(_encode(person).encode(), None, None)


class _Crowd:
    """Makes people, and changes them. It uses only `random()`, because the other functions of `Random` are slower."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random

    def make_person(self, number: int) -> Person:
        """A person without a fault. `number` makes the ids unique."""
        rnd = self._random
        culture = _CROWD[int(rnd() * len(_CROWD))]
        family = culture.family[int(rnd() * len(culture.family))]
        name = {"FirstName": culture.given[int(rnd() * len(culture.given))], "LastName": family}
        ids = [{"AlternateIdType": "CRM", "AlternateId": f"D-{number:07d}"}]
        person: Person = {"AlternateIds": ids, "CustomerName": name}
        luck = rnd()
        if luck < 0.7:
            person["DefaultLocale"] = culture.locale
        if luck < 0.05:
            name |= {"Prefix": "Dr.", "MiddleName": "Q."}
        elif luck < 0.08:
            name["Suffix"] = "Jr."
        elif luck < 0.2:
            person["CustomerType"] = "Prospect"
        elif luck < 0.3:
            ids.append({"AlternateIdType": "Loyalty", "AlternateId": f"77{number:08d}"})
        elif luck > 0.995:
            person["IsActive"] = False
        for place, kind in enumerate(_CONTACTS[int(rnd() * len(_CONTACTS))]):
            if kind == "E":
                person.setdefault("Emails", []).append(self._make_email(culture, number, place))
            elif kind == "P":
                person.setdefault("PhoneNumbers", []).append(self._make_phone(culture, place))
            else:
                person.setdefault("Addresses", []).append(self._make_address(culture, place))
        self._add_agreements(person, culture)
        self._add_details(person, family, number)
        return person

    def _make_email(self, culture: Culture, number: int, place: int) -> Person:
        rnd = self._random
        handle = culture.handles[int(rnd() * len(culture.handles))]
        email: Person = {"EmailAddress": ""}
        if place:  # the second one
            email |= {"EmailAddressType": "Work", "EmailAddress": f"{handle}.work{number}@example.com"}
        else:
            domain = culture.domains[int(rnd() * len(culture.domains))]
            if rnd() < 0.01 and culture.family[0].isalpha():
                handle = culture.family[0]
            email["EmailAddress"] = f"{handle}{number}@{domain}"
            if rnd() < 0.5:
                email |= {"EmailAddressType": "Home", "IsDefault": True}
        choices = []
        if (luck := rnd()) < 0.85:
            news = self._make_choice("NEWS-EMAIL")
            if luck < 0.3:
                news["FrequencyId"] = _FREQUENCIES[int(rnd() * 3)]
            if luck < 0.1:
                news["PreferenceAttributes"] = [{"Key": "form", "Value": f"checkout-{int(rnd() * 9)}"}]
            choices.append(news)
        if luck > 0.4:
            choices.append(self._make_choice("OFFERS-EMAIL"))
        if choices:
            email["EmailPreferences"] = choices
        return email

    def _make_phone(self, culture: Culture, place: int) -> Person:
        rnd = self._random
        prefix, digits = culture.phone
        phone: Person = {}
        if culture.country[0] == "US" and (luck := rnd()) < 0.8:
            area, line = AREA_CODES[int(rnd() * len(AREA_CODES))], int(rnd() * 10_000)
            phone["PhoneNumber"] = f"({area}) 555-{line:04d}" if luck < 0.5 else f"{area}-555-{line:04d}"
        else:
            phone["PhoneNumber"] = f"{prefix}{int(rnd() * 10**digits):0{digits}d}"
        if place > 1:
            phone |= {"PhoneType": "Home", "IsMobile": False}
        else:
            phone |= {"PhoneType": "Mobile", "IsMobile": True}
            if (luck := rnd()) < 0.5:
                text = self._make_choice("NEWS-TEXT")
                phone["PhoneNumberPreferences"] = [text]
                if text["PreferenceType"] == 1:
                    phone["Consents"] = [_agree("TextMessages", "2026-01", "en_US", 1, text["CustomerDate"])]
            elif luck > 0.7:
                phone["PhoneNumberPreferences"] = [self._make_choice("OFFERS-PHONE")]
        return phone

    def _make_address(self, culture: Culture, place: int) -> Person:
        rnd = self._random
        town = culture.places[int(rnd() * len(culture.places))]
        street = culture.streets[int(rnd() * len(culture.streets))]
        address: Person = {
            "AddressType": "Billing" if place > 2 else "Home",
            "Address1": street.format(int(rnd() * 980) + 1),
            "City": town.city,
            "StateProvince": town.state,
            "PostalCode": f"{town.postal}{int(rnd() * 10**town.digits):0{town.digits}d}{town.postal_end}",
        }
        if rnd() < 0.8:
            address["CountryCode_Alpha2"] = culture.country[0]
        else:
            address["CountryCode_Alpha3"] = culture.country[1]
        if rnd() < 0.3:
            address["AddressPreferences"] = [self._make_choice("OFFERS-MAIL")]
        return address

    def _make_choice(self, filter_id: str) -> Person:
        kind = _OUT_OF_TEN[int(self._random() * 10)]
        return {"FilterId": filter_id, "PreferenceType": kind, "CustomerDate": self._make_date(self._random())}

    def _make_date(self, age: float) -> str:
        """A date or time in one of the allowed forms. `age` 0 is 2015, 1 is the last day."""
        rnd = self._random
        day = _DAYS[int(age**0.6 * len(_DAYS))]
        if (luck := rnd()) < 0.2:
            return day
        minutes = 360 + int(rnd() * 960)  # from 6 to 22 o'clock
        zone = _ZONES[int(rnd() * len(_ZONES))]
        second = ":37" if luck > 0.4 or not zone else ""
        return f"{day}T{minutes // 60:02d}:{minutes % 60:02d}{second}{zone}"

    def _add_agreements(self, person: Person, culture: Culture) -> None:
        rnd = self._random
        if (luck := rnd()) < 0.25:
            person["ProfilePreferences"] = [self._make_choice("DATA-SHARING")]
        if luck < 0.6 and luck > 0.05:
            locale = "es_US" if culture.locale == "es_US" else "en_US"
            policy = _agree("PrivacyPolicy", "2.0", locale, 1, self._make_date(0.5 + rnd() / 2))
            policy["Evidence"] = self._make_evidence()
            person["Consents"] = [policy]
        elif luck > 0.95:
            status: int | str = 3 if luck > 0.97 else "Denied"
            person["Consents"] = [_agree("PrivacyPolicy", "1.0", "en_US", status, self._make_date(rnd() / 2))]

    def _make_evidence(self) -> Person:
        rnd = self._random
        event = int(rnd() * 10**6)
        if (luck := rnd()) < 0.2:
            return {"Method": "paper form", "Reference": f"binder {event % 400}, sheet {event}"}
        evidence: Person = {"Method": "web form", "SourceSystem": "shop", "SourceEventId": f"evt-{event}"}
        if luck > 0.6:
            evidence["Url"] = "https://shop.example/checkout"
            evidence["IpAddress"] = f"203.0.113.{event % 255}" if luck > 0.7 else f"2001:db8::{event % 9999}"
        if luck > 0.9:
            evidence["UserAgent"] = _AGENTS[event % 2]
        return evidence

    def _add_details(self, person: Person, family: str, number: int) -> None:
        rnd = self._random
        if rnd() < 0.2:
            person["Groups"] = [{"GroupType": "Household", "GroupName": f"{family} {number // 3}"}]
        if rnd() < 0.3:
            person["ProfileTags"] = [{"Name": _TAGS[int(rnd() * len(_TAGS))]}]
        if (luck := rnd()) < 0.5:
            tier = ("basic", "silver", "gold")[int(rnd() * 3)]
            fields = [{"Name": "Tier", "Value": tier}, {"Name": "Score", "Value": str(int(rnd() * 1000))}]
            if luck < 0.25:
                fields.append({"Name": "Interests", "Value": _INTERESTS[int(rnd() * len(_INTERESTS))]})
            if luck < 0.1:
                fields.append({"Name": "Store", "Value": f"S{int(rnd() * 1000):03d}"})
                fields.append({"Name": "FirstPurchase", "Value": _DAYS[int(rnd() * len(_DAYS))]})
            if luck > 0.45:
                fields.append({"Name": "Nickname", "Value": family[:1] + "-" + family[-1:]})
            person["CustomFields"] = fields

    def change_person(self, person: Person) -> Person:
        """A later record of `person`, with a change such as an opt-out or a new address."""
        changes = _EMAIL_CHANGES if "Emails" in person else _OTHER_CHANGES
        change = changes[int(self._random() * len(changes))]
        luck = self._random()
        day = f"2026-{9 + int(luck * 2):02d}-{1 + int(self._random() * 28):02d}T15:04:05Z"
        return {"AlternateIds": person["AlternateIds"][:1], **change(person, day)}


def _agree(kind: str, version: str, locale: str, status: int | str, date: str) -> Person:
    return {
        "ConsentType": kind,
        "ConsentVersion": version,
        "Locale": locale,
        "ConsentStatus": status,
        "ConsentDate": date,
    }


def _choose_news(person: Person, kind: int, date: str, **members: Any) -> Person:
    """The person's first email, unchanged, with a choice about the newsletter."""
    email = {
        key: person["Emails"][0][key] for key in ("EmailAddressType", "EmailAddress") if key in person["Emails"][0]
    }
    choice = {"FilterId": "NEWS-EMAIL", "PreferenceType": kind, "CustomerDate": date, **members}
    return {"Emails": [{**email, "EmailPreferences": [choice]}]}


def _leave_news(person: Person, day: str) -> Person:
    return _choose_news(person, 2, day, PreferenceAttributes=[{"Key": "form", "Value": "unsubscribe"}])


def _join_news(person: Person, day: str) -> Person:
    return _choose_news(person, 1, day, FrequencyId="Monthly")


def _find_old_list(person: Person, _day: str) -> Person:
    """An opt-in from a list that is older than all other choices. It must not replace a later opt-out."""
    return _choose_news(person, 1, "2014-12-24")


def _rise(_person: Person, _day: str) -> Person:
    fields = [
        {"Name": "Tier", "Value": "gold"},
        {"Name": "Score", "Value": "4711"},
        {"Name": "Nickname", "Value": "Ace"},
    ]
    return {"CustomFields": fields, "ProfileTags": [{"Name": "vip"}]}


def _marry(person: Person, _day: str) -> Person:
    return {"CustomerName": {"LastName": person["CustomerName"]["LastName"] + "-Østergård"}}


def _move(person: Person, _day: str) -> Person:
    home = {"Address1": "77 New Road", "City": "Springfield", "StateProvince": "IL", "PostalCode": "62704"}
    left = [
        {key: value for key, value in old.items() if key != "AddressPreferences"} | {"IsActive": False}
        for old in person.get("Addresses", ())
    ]
    return {"Addresses": [{"AddressType": "Home", **home, "CountryCode_Alpha2": "US"}, *left]}


def _agree_to_texts(_person: Person, day: str) -> Person:
    text = {"FilterId": "NEWS-TEXT", "PreferenceType": 1, "CustomerDate": day}
    consent = _agree("TextMessages", "2026-01", "en_US", 1, day)
    phone = {"PhoneType": "Mobile", "PhoneNumber": "(202) 555-0199", "IsMobile": True}
    return {"PhoneNumbers": [{**phone, "PhoneNumberPreferences": [text], "Consents": [consent]}]}


def _withdraw(_person: Person, day: str) -> Person:
    return {"Consents": [_agree("PrivacyPolicy", "2.0", "en_US", "Revoked", day)]}


def _send_again(person: Person, _day: str) -> Person:
    return person


_Change = Callable[[Person, str], Person]
_OTHER_CHANGES: tuple[_Change, ...] = (_rise, _marry, _move, _agree_to_texts, _withdraw, _send_again)
_EMAIL_CHANGES: tuple[_Change, ...] = (_leave_news, _join_news, _leave_news, _find_old_list, *_OTHER_CHANGES)
