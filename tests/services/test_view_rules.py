"""The views for SQL say of every element of every person what the code says, on 10,000 generated people.

The people came by three imports that contradict each other. After the imports the configuration requires consents that
many people do not have.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from live_account import LiveAccount, LiveStore
from varied_people import make_varied
from view_sides import ViewSides, view_sides

from consentory.domain.effects import list_effects
from consentory.domain.instants import from_micros
from consentory.domain.profile import ProfileState
from consentory.domain.record import KINDS
from model.histories import build_account

pytestmark = pytest.mark.slow

PEOPLE = 10_000
WAVES: list[tuple[int, dict[str, bool]]] = [(PEOPLE, {}), (PEOPLE // 3, {}), (PEOPLE // 3, {"RefreshContacts": True})]
BATCH = 2500


def import_people(account: LiveAccount) -> None:
    common = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM", "AllowPriorConsents": True}
    for wave, (count, settings) in enumerate(WAVES):
        records = list(make_varied(count, wave))
        batches = [records[first : first + BATCH] for first in range(0, count, BATCH)]
        assert account.run(batches, **common, **settings).status["Processed"] > count * 0.99


@pytest.fixture(scope="module")
def both(store: LiveStore) -> Iterator[ViewSides]:
    document = build_account("VIEWED")
    needed = [one for program in document["programs"] for one in program["filters"] if "requiredConsents" in one]
    taken = [one.pop("requiredConsents") for one in needed]
    account = store.open_account(document)
    import_people(account)
    for one, names in zip(needed, taken, strict=True):
        one["requiredConsents"] = names
    store.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
    with view_sides(store.database_url, store.owner, account.caller.account_id) as both:
        yield both


def list_places(body: ProfileState) -> Iterator[tuple[str, Any, bool]]:
    """(place, holder of choices, whether person and element are active)."""
    yield "", body, body.active
    for kind in KINDS:
        for number, element in enumerate(body.elements(kind)):
            yield f"{kind[0]}{number}", element, body.active and element.active


def test_every_preference_is_in_the_state_that_the_code_gives(both: ViewSides) -> None:
    expected = set()
    for number, profile in both.profiles.items():
        for place, holder, active in list_places(profile.body):
            for item in holder.preferences:
                state = "Archived" if item.archived else None if active else "Inactive"
                expected.add((number, place, item.filter, item.type, from_micros(item.at), item.archived, state))
    rows = both.select(
        "SELECT profile_id, place, filter_id, preference_type, customer_date, preference_status FROM v_preference"
    )
    stated = {(*row[:5], row[5] == "Archived", row[5] if row[5] in ("Archived", "Inactive") else None) for row in rows}
    assert stated == expected
    assert len(rows) == len(expected)
    states = Counter(row[5] for row in rows)
    assert set(states) == {"Active", "Archived", "Inactive", "Overruled", "Expired", "Suspended"}
    assert min(states.values()) > 50, states  # each state is tried often


def test_what_is_in_force_is_what_a_change_of_the_person_would_count(both: ViewSides) -> None:
    expected = set()
    for number, profile in both.profiles.items():
        for effect in list_effects(None, profile.body, both.index, both.now):
            if effect.kind in ("OptInsAdded", "OptOutsAdded", "ConsentsGranted", "ConsentsWithdrawn"):
                expected.add((number, effect.place, effect.member, effect.kind))
    found = {
        (number, place, name, "OptInsAdded" if kind == 1 else "OptOutsAdded")
        for number, place, name, kind in both.select(
            "SELECT profile_id, place, filter_id, preference_type FROM v_preference WHERE in_force"
        )
    } | {
        (number, place, name, "ConsentsGranted" if status == 1 else "ConsentsWithdrawn")
        for number, place, name, status in both.select(
            "SELECT profile_id, place, consent_type, consent_status FROM v_consent WHERE in_force"
        )
    }
    assert found == expected
    assert len({kind for *_, kind in found}) == 4


def test_every_preference_has_the_members_of_get_profile(both: ViewSides) -> None:
    assert both.check_preferences() > PEOPLE


def test_every_consent_has_the_members_of_get_profile(both: ViewSides) -> None:
    assert both.check_consents() > PEOPLE


def test_every_other_part_has_the_members_of_get_profile(both: ViewSides) -> None:
    queries = {
        "SELECT profile_id, is_active, default_locale, registration_confirmed, customer_type, first_name, last_name"
        " FROM v_profile": lambda n, p: [
            (n, p["IsActive"], p["DefaultLocale"], p["RegistrationConfirmed"], p.get("CustomerType"),
             p["CustomerName"]["FirstName"], p["CustomerName"]["LastName"])
        ],
        "SELECT profile_id, alternate_id_type, alternate_id, is_active FROM v_alternate_id": lambda n, p: [
            (n, one["AlternateIdType"], one["AlternateId"], one["IsActive"]) for one in p["AlternateIds"]
        ],
        "SELECT profile_id, group_type, group_name, is_primary, is_active FROM v_group": lambda n, p: [
            (n, one["GroupType"], one["GroupName"], one["IsPrimary"], one["IsActive"]) for one in p["Groups"]
        ],
        "SELECT profile_id, name FROM v_tag": lambda n, p: [(n, one["Name"]) for one in p["ProfileTags"]],
        "SELECT profile_id, name, value FROM v_custom_field": lambda n, p: [
            (n, one["Name"], one["Value"]) for one in p["CustomFields"]
        ],
        "SELECT profile_id, contact_type, value, is_mobile, is_default, is_active, in_force FROM v_contact"
        " WHERE kind <> 'Address'": lambda n, p: [
            (n, one.get("EmailAddressType") or one["PhoneType"], one.get("EmailAddress") or one["PhoneNumber"],
             one.get("IsMobile"), one["IsDefault"], one["IsActive"], one["IsActive"] and p["IsActive"])
            for one in (*p["Emails"], *p["PhoneNumbers"])
        ],
        "SELECT profile_id, contact_type, address1, address2, city, state_province, postal_code, country_code_alpha2,"
        " is_active FROM v_contact WHERE kind = 'Address'": lambda n, p: [
            (n, one["AddressType"], one["Address1"], one.get("Address2"), one["City"], one["StateProvince"],
             one["PostalCode"], one.get("CountryCode_Alpha2"), one["IsActive"]) for one in p["Addresses"]
        ],
    }  # fmt: skip
    for query, list_rows in queries.items():
        expected = Counter(row for number, profile in both.shown.items() for row in list_rows(number, profile))
        assert Counter(both.select(query)) == expected, query
        assert expected
