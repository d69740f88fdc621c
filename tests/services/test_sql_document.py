"""docs/sql.md: each query gives the right answer about known people, and the tables name every column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from live_account import LiveStore
from reader_login import reader_of
from running_server import ACME

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sql.md").read_text("utf-8")
QUESTIONS = dict(re.findall(r"^### (.+?)\n(?:(?!^###).)*?```sql\n(.*?)```$", DOCUMENT, re.MULTILINE | re.DOTALL))

Wire = dict[str, Any]
Rows = list[tuple[Any, ...]]

NOW = datetime.now(UTC).replace(microsecond=0)
RECENT = (NOW - timedelta(days=720)).isoformat()
"""An Opt-In to NEWS-EMAIL of this date expires in ten days."""
OVER = (NOW - timedelta(days=800)).isoformat()
MAY, JUNE = "2026-05-03T10:00:00Z", "2026-06-30T23:59:59Z"


@dataclass
class Known:
    """A reader of an account with known people. `ids`: ProfileIds by first name."""

    reader: psycopg.Connection
    ids: dict[str, int]

    def ask(self, question: str) -> Rows:
        return self.reader.execute(QUESTIONS[question]).fetchall()  # type: ignore[call-overload, no-any-return]


def choose(filter_id: str, kind: int, at: str) -> Wire:
    return {"FilterId": filter_id, "PreferenceType": kind, "CustomerDate": at}


def consent(kind: str, version: str, status: int, at: str) -> Wire:
    return {
        "ConsentType": kind,
        "ConsentVersion": version,
        "Locale": "en_US",
        "ConsentStatus": status,
        "ConsentDate": at,
    }


def email(address: str, *preferences: Wire, kind: str = "Home", **more: Any) -> Wire:
    said = {"EmailPreferences": list(preferences)} if preferences else {}
    return {"EmailAddressType": kind, "EmailAddress": address, **said, **more}


def phone(number: str, *preferences: Wire, **more: Any) -> Wire:
    said = {"PhoneNumberPreferences": list(preferences)} if preferences else {}
    return {"PhoneNumber": number, "IsMobile": True, **said, **more}


def tier(value: str) -> list[Wire]:
    return [{"Name": "Tier", "Value": value}]


TEXTING = consent("TextMessages", "2026-01", 1, MAY)
PEOPLE: dict[str, Wire] = {
    "Ann": {  # may be emailed; shares an address with Eve
        "Emails": [email("shared@example.com", choose("NEWS-EMAIL", 1, MAY), choose("OFFERS-EMAIL", 1, JUNE))],
        "ProfileTags": [{"Name": "loyal"}],
        "CustomFields": tier("gold"),
    },
    "Bob": {  # opts out later, under another type of the same address
        "Emails": [email("bob@example.com", choose("NEWS-EMAIL", 1, MAY))],
        "ProfileTags": [{"Name": "loyal"}],
    },
    "Cleo": {"Emails": [email("cleo@example.com", choose("NEWS-EMAIL", 1, OVER))]},
    "Dan": {  # the consent for texts was withdrawn
        "PhoneNumbers": [phone("+1 212 555 0143", choose("NEWS-TEXT", 1, MAY), Consents=[TEXTING])],
        "CustomFields": tier("gold"),
    },
    "Eve": {  # an address without a reason; the person revoked a consent
        "Emails": [email("Shared@Example.com")],
        "Consents": [consent("PrivacyPolicy", "2.0", 3, MAY)],
        "ProfileTags": [{"Name": "new"}],
    },
    "Finn": {"Emails": [email("finn@example.com", choose("NEWS-EMAIL", 1, RECENT))], "CustomFields": tier("basic")},
    "Gus": {},
    "Hal": {"Emails": [email("hal@example.com", choose("NEWS-EMAIL", 1, MAY))]},
}
LATER: dict[str, Wire] = {
    "Bob": {"Emails": [email("Bob@example.com", choose("NEWS-EMAIL", 2, JUNE), kind="Work")]},
    "Dan": {"PhoneNumbers": [phone("+1 212 555 0143", Consents=[consent("TextMessages", "2026-01", 3, JUNE)])]},
    "Hal": {"IsActive": False},
}
REFUSED: Wire = {
    "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-bad"}],
    "Emails": [{"EmailAddress": "x"}],
}


def make_record(name: str, record: Wire) -> Wire:
    ids = [{"AlternateIdType": "CRM", "AlternateId": f"C-{name}"}]
    return {"CustomerName": {"FirstName": name}, "AlternateIds": ids, **record}


@pytest.fixture(scope="module")
def known(store: LiveStore) -> Iterator[Known]:
    document = yaml.safe_load(ACME.read_text("utf-8"))
    account = store.open_account(document)
    match = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
    account.run([[*(make_record(*one) for one in PEOPLE.items()), REFUSED]], **match, Name="first")
    account.run([[make_record(*one) for one in LATER.items()]], **match, Name="second")
    with reader_of(store.database_url, account.caller.account_id) as url, psycopg.connect(url) as reader:
        reader.execute("SET idle_in_transaction_session_timeout = 0")
        ids = dict(reader.execute("SELECT first_name, profile_id FROM v_profile").fetchall())
        yield Known(reader, ids)


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) >= 10
    assert DOCUMENT.count("```sql") == len(QUESTIONS)


def test_who_may_be_emailed(known: Known) -> None:
    rows = known.ask("Who may be emailed today?")
    assert [(name, address) for _, name, address, _ in rows] == [
        ("Ann", "shared@example.com"),
        ("Finn", "finn@example.com"),
    ]
    assert rows[0][3] == datetime.fromisoformat(MAY)


def test_opt_ins_by_month(known: Known) -> None:
    rows = known.ask("How many people opted in, month by month?")
    old, recent = (datetime.fromisoformat(one).strftime("%Y-%m") for one in (OVER, RECENT))
    assert rows == [
        (old, "NEWS-EMAIL", 1),
        (recent, "NEWS-EMAIL", 1),
        ("2026-05", "NEWS-EMAIL", 3),
        ("2026-05", "NEWS-TEXT", 1),
        ("2026-06", "OFFERS-EMAIL", 1),
    ]


def test_why_opt_ins_do_not_count(known: Known) -> None:
    assert known.ask("Why do Opt-Ins not count?") == [
        ("NEWS-EMAIL", "Expired", 1),
        ("NEWS-EMAIL", "Inactive", 1),
        ("NEWS-EMAIL", "Overruled", 1),
        ("NEWS-TEXT", "Suspended", 1),
    ]


def test_withdrawn_consents(known: Known) -> None:
    assert known.ask("Which consents were withdrawn, and for which channel?") == [
        ("PrivacyPolicy", "Profile", "Revoked", 1),
        ("TextMessages", "Phone", "Revoked", 1),
    ]


def test_contacts_without_a_reason(known: Known) -> None:
    """Cleo's Opt-In has expired, and Bob's first Opt-In is overruled."""
    assert known.ask("Which contact data do we keep without a reason?") == [
        (known.ids["Bob"], "Email", "bob@example.com"),
        (known.ids["Cleo"], "Email", "cleo@example.com"),
        (known.ids["Eve"], "Email", "Shared@Example.com"),
    ]


def test_shared_addresses(known: Known) -> None:
    rows = known.ask("Which addresses do several people share?")
    assert rows == [("shared@example.com", 2, [known.ids["Ann"], known.ids["Eve"]])]


def test_the_distribution_of_a_field(known: Known) -> None:
    assert known.ask("How is a custom field distributed?") == [("(none)", 4), ("gold", 2), ("basic", 1)]


def test_the_quality_of_imports(known: Known) -> None:
    rows = known.ask("Do the imports get better?")
    assert [
        (name, received, refused, not_honored, str(share)) for _, name, received, refused, not_honored, share in rows
    ] == [
        ("first", 9, 1, 0, "11.1"),
        ("second", 3, 0, 0, "0.0"),
    ]
    assert isinstance(rows[0][0], date)


def test_what_expires_soon(known: Known) -> None:
    ((profile_id, filter_id, value, at),) = known.ask("Which Opt-Ins expire soon?")
    assert (profile_id, filter_id, value) == (known.ids["Finn"], "NEWS-EMAIL", "finn@example.com")
    assert at == datetime.fromisoformat(RECENT) + timedelta(days=730)


def test_whom_nobody_can_reach(known: Known) -> None:
    assert known.ask("Whom can we not reach at all?") == [(known.ids["Gus"], "Gus")]


def test_tags(known: Known) -> None:
    rows = known.ask("How many people have a tag, and how many of them may be emailed?")
    assert rows == [("loyal", 2, 1), ("new", 1, 0)]


def test_the_table_names_every_column(known: Known) -> None:
    told = re.findall(r"^\| `(v_\w+)` \| [^|]+ \| ([^|]+) \|$", DOCUMENT, re.MULTILINE)
    rows = known.reader.execute(
        "SELECT table_name::text, array_agg(column_name::text ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE 'v\\_%' GROUP BY 1"
    ).fetchall()
    assert {view: re.findall(r"`(\w+)`", columns) for view, columns in told} == dict(rows)
