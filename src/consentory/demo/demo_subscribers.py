"""The demo's file of subscribers, as a mailing tool exports it. All subscribers are invented, and ten are faulty."""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

from consentory.demo.people_cultures import CULTURES

SUBSCRIBERS = 200
FILE_NAME = "subscribed_email_audience_export_demo.csv"
"""In the name of an export, Mailchimp writes the status of everybody in the file."""

_HEADER = (
    "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
_FAULTS: tuple[dict[str, str], ...] = (
    {"Email Address": "maria.example.com"},
    {"Email Address": "jo hn@example.com"},
    {"Phone Number": "2.02E9"},
    {"Phone Number": "ask at the desk"},
    {"Phone Number": "+1 202 555 0143 / +1 202 555 0199"},
    {"OPTIN_TIME": "2024-02-31 10:00:00"},
    {"OPTIN_TIME": "2199-01-01 00:00:00"},
    {"OPTIN_TIME": "", "CONFIRM_TIME": ""},
    {"First Name": "A" * 101},
    {"EUID": ""},
)
_FIRST_DAY = datetime(2019, 1, 1, 6)  # noqa: DTZ001 - the tool writes no zone


def write_subscribers(folder: Path, seed: int) -> tuple[Path, set[int]]:
    """Write the file. Returns its path and the numbers of the lines that must be refused."""
    rng = random.Random(seed)  # noqa: S311
    spoilt = dict(zip(range(11, SUBSCRIBERS, SUBSCRIBERS // len(_FAULTS)), _FAULTS, strict=True))
    path = folder / FILE_NAME
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _HEADER.split(","), restval="")
        writer.writeheader()
        for number in range(SUBSCRIBERS):
            writer.writerow(_make_subscriber(rng, number) | spoilt.get(number, {}))
    return path, {number + 2 for number in spoilt}


def _make_subscriber(rng: random.Random, number: int) -> dict[str, str]:
    culture = rng.choice(CULTURES)
    chosen = _FIRST_DAY + timedelta(days=rng.randrange(2000), minutes=rng.randrange(900))
    when = chosen.isoformat(" ")
    return {
        "Email Address": f"subscriber{number}@example.com",
        "First Name": rng.choice(culture.given),
        "Last Name": rng.choice(culture.family),
        "Phone Number": f"+1 202 555 {rng.randrange(100, 200):04d}" if rng.random() < 0.3 else "",
        "MEMBER_RATING": str(rng.randrange(1, 6)),
        "OPTIN_TIME": when,
        "CONFIRM_TIME": when,
        "LAST_CHANGED": when,
        "LEID": str(55331000 + number),
        "EUID": f"{rng.getrandbits(40):010x}",
        "TAGS": rng.choice(("", '"VIP"', '"VIP","Spring 2024"', '"Books, old and new"')),
    }
