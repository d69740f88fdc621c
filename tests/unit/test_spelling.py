"""record.md: the first configured spelling stays, and spelling never makes two stored items of one."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from account_cases import acme, put
from live_account import LiveAccount, LiveStore

Wire = dict[str, Any]
JANUARY, MARCH = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"
MATCH = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
NAMES = ("Customer", "CRM", "Home", "Mobile", "Household", "Tier", "Tiers", "gold", "NEWS", "NEWS-EMAIL", "NEWS-TEXT",
         "Weekly", "PrivacyPolicy", "TextMessages", "en_US")  # fmt: skip


@pytest.fixture
def account(store: LiveStore) -> LiveAccount:
    return store.open_account(acme(put("account.clientId", f"S{uuid4().hex[:12].upper()}")))


def swap(value: Any) -> Any:
    """The same document or record with every configured name in another letter case."""
    text = json.dumps(value)
    for name in NAMES:
        text = text.replace(f'"{name}"', f'"{name.swapcase()}"')
    return json.loads(text)


def everything(choice: int = 1, date: str = JANUARY) -> Wire:
    """A person with a name of every kind."""
    preference = {"PreferenceType": choice, "CustomerDate": date}
    consent = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": choice}
    texts = consent | {"ConsentType": "TextMessages", "ConsentVersion": "2026-01", "ConsentDate": date}
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}],
        "DefaultLocale": "en_US",
        "CustomerType": "Customer",
        "Emails": [
            {
                "EmailAddressType": "Home",
                "EmailAddress": "ann@example.com",
                "EmailPreferences": [preference | {"FilterId": "NEWS-EMAIL", "FrequencyId": "Weekly"}],
                "Consents": [consent | {"ConsentDate": date}],
            }
        ],
        "PhoneNumbers": [
            {
                "PhoneType": "Mobile",
                "PhoneNumber": "+12125550143",
                "PhoneNumberPreferences": [preference | {"FilterId": "NEWS-TEXT"}],
                "Consents": [texts],
            }
        ],
        "Consents": [consent | {"ConsentDate": date}],
        "Groups": [{"GroupType": "Household", "GroupName": "Okubo"}],
        "ProfileTags": [{"Name": "vip"}],
        "CustomFields": [{"Name": "Tier", "Value": "gold"}],
    }


def respell(account: LiveAccount) -> list[str]:
    """Apply the account's document in another letter case; returns the printed lines."""
    document = json.dumps(swap(account.document)).encode()
    return account.store.services.accounts.apply_document(document, source="again", dry_run=False)[1]


def take_over(account: LiveAccount) -> None:
    """Do the same as an earlier release: store the account's document in another letter case."""
    query = "SELECT revision, document FROM configuration WHERE account_id = %s ORDER BY revision DESC LIMIT 1"
    ((revision, document),) = account.store.query(query, account.caller.account_id)
    insert = "INSERT INTO configuration (account_id, revision, document) VALUES (%s, %s, %s)"
    account.store.change(insert, account.caller.account_id, revision + 1, json.dumps(swap(document)))
    update = "UPDATE account SET revision = revision + 1, respelled = true WHERE account_id = %s"
    account.store.change(update, account.caller.account_id)


def test_a_document_that_spells_names_differently_changes_nothing_but_says_so(account: LiveAccount) -> None:
    before = account.store.services.accounts.show(account.caller.client_id, "json")
    lines = respell(account)
    assert "= filter news-email: stays NEWS-EMAIL, as first spelled" in lines
    assert all(line.startswith("= ") for line in lines)
    assert account.store.services.accounts.show(account.caller.client_id, "json") == before
    revisions = "SELECT count(*) FROM configuration WHERE account_id = %s"
    assert account.store.query(revisions, account.caller.account_id) == [(1,)]


@pytest.mark.parametrize("spell", [lambda value: value, swap])
def test_the_same_record_is_unchanged_whatever_the_document_spells(account: LiveAccount, spell: Any) -> None:
    """The document is applied between two imports, for every kind of name."""
    account.run([[everything()]], **MATCH)
    respell(account)
    before = account.versions()
    again = account.run([[spell(everything())]], **MATCH)
    assert (again.status["Unchanged"], again.status["NotHonored"]) == (1, 0)
    assert account.versions() == before


def test_an_opt_in_of_january_is_not_honored_by_an_opt_out_of_march_whatever_the_spelling(account: LiveAccount) -> None:
    account.run([[everything(2, MARCH)]], **MATCH)
    respell(account)
    old = account.run([[swap(everything(1, JANUARY))]], **MATCH)
    assert {fault["Code"] for fault in old.not_honored[1]} >= {"Preference.Superseded", "Consent.Superseded"}
    assert old.status["NotHonored"] == 1


def test_items_stored_under_an_earlier_spelling_are_joined_with_new_ones(account: LiveAccount) -> None:
    """An earlier release changed the spelling of the account: bodies and staged records have both spellings."""
    account.run([[everything(1, JANUARY)]], **MATCH)
    staged = account.initiate(**MATCH)
    account.stage(staged, [everything(1, JANUARY)])
    take_over(account)
    (before,) = account.profiles().values()
    assert before["Emails"][0]["EmailPreferences"][0]["FilterId"] == "news-email"
    again = account.finish(staged)
    assert (again.status["Unchanged"], again.status["NotHonored"], again.not_honored) == (1, 0, {})
    changed = account.run([[swap(everything(2, MARCH))]], **MATCH)
    assert (changed.status["Updated"], changed.not_honored) == (1, {})
    (shown,) = account.profiles().values()
    sizes = [len(shown[name]) for name in ("AlternateIds", "Emails", "PhoneNumbers", "Consents", "Groups")]
    assert sizes == [1, 1, 1, 1, 1]
    assert [one["PreferenceType"] for one in shown["Emails"][0]["EmailPreferences"]] == [2]
    assert shown["CustomFields"] == [{"Name": "tIER", "Value": "GOLD"}]
    stored = account.store.query("SELECT body::text FROM profile WHERE account_id = %s", account.caller.account_id)
    assert not [name for name in NAMES if f'"{name}"' in stored[0][0]]


def test_an_option_that_comes_back_keeps_its_spelling(account: LiveAccount) -> None:
    """A value of a picklist, a frequency or a locale that was left out for some time."""
    account.run([[everything()]], **MATCH)
    accounts, document = account.store.services.accounts, account.document
    for locales, values, frequencies in (
        (["es_US"], ["basic"], ["Daily"]),
        (["es_US", "EN_us"], ["basic", "Gold"], ["Daily", "WEEKLY"]),
    ):
        document["account"]["locales"] = locales
        document["picklists"][0]["values"] = values
        document["programs"][0]["filters"][0] |= {"frequencies": frequencies, "defaultFrequency": "Daily"}
        lines = accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)[1]
    assert [line.partition(",")[0] for line in lines if line.startswith("= ")] == [
        "= locale EN_us: stays en_US",
        "= picklist Tiers: value Gold: stays gold",
        "= filter NEWS-EMAIL: frequency WEEKLY: stays Weekly",
    ]
    before = account.versions()
    assert account.run([[everything()]], **MATCH).status["Unchanged"] == 1
    assert account.versions() == before


def test_an_audience_has_the_people_who_were_stored_under_an_earlier_spelling(account: LiveAccount) -> None:
    account.run([[everything(1, JANUARY)]], **MATCH)
    take_over(account)
    with account.store.services.audiences.open(account.caller, "NEWS-EMAIL", None, opted_out=False) as reading:
        rows = [row for rows in reading.list_steps() for row in rows]
    assert [row.contact.choice.filter for row in rows] == ["news-email"]
