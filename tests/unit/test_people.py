"""The people of the demo: the same for the same seed, various, and faulty in every way in the requested shares."""

import json
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import email_validator
import phonenumbers
import pytest

from consentory.codec.account.account_document import read_account_document
from consentory.codec.record.validate_record import RecordValidator
from consentory.demo import people
from consentory.demo.people import generate_people, generate_records
from consentory.demo.people_faults import COMMON_FAULTS, FAULTS
from consentory.domain.configuration import Configuration
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.imports import ImportSettings
from consentory.domain.record import Record

CONTACTS = ("Emails", "PhoneNumbers", "Addresses")


@pytest.fixture(scope="module")
def good_people() -> list[dict]:
    return [json.loads(line) for line, _ in generate_people(4000, seed=1, faulty_share=0)]


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    path = Path(people.__file__).with_name("demo_account.yaml")
    return read_account_document(path.read_bytes(), source=path.name).configuration


@pytest.fixture(scope="module")
def validator(configuration: Configuration) -> RecordValidator:
    configuration_index = ConfigurationIndex(1, 1, configuration)
    user = configuration_index.find_user("nightly")
    assert user
    settings = ImportSettings(name="Demo", match_type="CRM")
    return RecordValidator(configuration_index, settings, configuration_index.permissions_of(user), datetime.now(UTC))


def test_the_account_of_the_demo_is_a_good_document(configuration: Configuration) -> None:
    assert configuration.account.client_id == "DEMO"


def test_staging_accepts_every_good_person_new_or_repeated(validator: RecordValidator) -> None:
    for line, _ in generate_people(4000, seed=11, faulty_share=0, repeated_share=0.2):
        assert isinstance(validator.validate(line), Record), line.decode()


def test_staging_refuses_every_faulty_person(validator: RecordValidator) -> None:
    for record in generate_records(2 * len(FAULTS), seed=12, faulty_share=1):
        assert not isinstance(validator.validate(record.line), Record), record.fault


def test_the_same_seed_gives_the_same_people() -> None:
    assert list(generate_people(500, seed=7)) == list(generate_people(500, seed=7))


def test_another_seed_gives_other_people() -> None:
    assert list(generate_people(500, seed=7)) != list(generate_people(500, seed=8))


@pytest.mark.parametrize(("count", "faulty"), [(0, 0), (1, 0), (149, 1), (10_000, 100)])
def test_shares_are_kept_to_the_record(count: int, faulty: int) -> None:
    records = list(generate_records(count, seed=3))
    assert len(records) == count
    assert sum(record.fault is not None for record in records) == faulty
    assert sum(record.repeats is not None for record in records) == round(count * 0.005)


def test_every_fault_occurs_and_the_common_ones_most() -> None:
    faults = Counter(record.fault for record in generate_records(2 * len(FAULTS), seed=2, faulty_share=1))
    assert set(faults) == set(FAULTS)
    assert set(COMMON_FAULTS) <= set(FAULTS)
    assert faults.most_common(1)[0][0] == "an email without @"


def test_a_line_is_one_json_value_in_utf_8_without_a_line_end() -> None:
    for line, faulty in generate_people(2000, seed=4, faulty_share=0.5):
        assert b"\n" not in line
        assert faulty or isinstance(json.loads(line.decode()), dict)


def test_only_repeated_people_share_a_match_id_and_each_has_one() -> None:
    seen: set[str] = set()
    for record in generate_records(4000, seed=5, faulty_share=0, repeated_share=0.1):
        held = [i["AlternateId"] for i in json.loads(record.line)["AlternateIds"] if i["AlternateIdType"] == "CRM"]
        assert len(held) == 1
        assert (held[0] in seen) is (record.repeats is not None)
        assert record.repeats in (None, held[0])
        seen.update(held)


def test_a_repeated_person_says_something_new_now_and_then() -> None:
    people: dict[str, bytes] = {}
    changed = 0
    for record in generate_records(1000, seed=6, faulty_share=0, repeated_share=0.3):
        if record.repeats:
            changed += record.line != people[record.repeats]
        else:
            people[json.loads(record.line)["AlternateIds"][0]["AlternateId"]] = record.line
    assert changed > 200


def test_names_come_in_many_scripts(good_people: list[dict]) -> None:
    letters = {letter for person in good_people for letter in person.get("CustomerName", {}).get("LastName", "")}
    scripts = {unicodedata.name(letter, "").split()[0] for letter in letters}
    assert {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"} <= scripts
    assert {"DEVANAGARI", "TAMIL", "BENGALI", "THAI", "GEORGIAN", "ETHIOPIC"} <= scripts


def test_people_have_none_to_four_contact_elements(good_people: list[dict]) -> None:
    counts = Counter(sum(len(person.get(kind, ())) for kind in CONTACTS) for person in good_people)
    assert set(counts) == {0, 1, 2, 3, 4}


def test_good_emails_and_phone_numbers_pass_the_maintained_libraries(good_people: list[dict]) -> None:
    domains = set()
    for person in good_people:
        for email in person.get("Emails", ()):
            checked = email_validator.validate_email(email["EmailAddress"], check_deliverability=False)
            domains.add(checked.domain)
        for phone in person.get("PhoneNumbers", ()):
            assert phonenumbers.is_possible_number(phonenumbers.parse(phone["PhoneNumber"], "US"))
    assert any(not domain.isascii() for domain in domains)


def test_choices_are_dated_over_the_years_in_every_allowed_form(good_people: list[dict]) -> None:
    dates = [
        choice["CustomerDate"]
        for person in good_people
        for email in person.get("Emails", ())
        for choice in email.get("EmailPreferences", ())
    ]
    assert {date[:4] for date in dates} >= {str(year) for year in range(2015, 2027)}
    forms = {"bare" if "T" not in date else date[-1] if date[-1] == "Z" else date[-6] for date in dates}
    assert forms >= {"bare", "Z", "+", "-"}
    assert any("T" in date and len(date) == 19 for date in dates), "local time"
