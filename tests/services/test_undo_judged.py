"""Differences that the model found in undo, each as the shortest history that shows it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from live_account import Ended, LiveAccount, LiveStore
from lone_people import MATCH

Wire = dict[str, Any]


@pytest.fixture
def account(store: LiveStore) -> LiveAccount:
    return store.open_account()


def make_person(**more: Any) -> Wire:
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}],
        "CustomFields": [{"Name": "Region", "Value": "N"}],
        **more,
    }


def undo(account: LiveAccount, import_id: object, *, restore_yes: bool = False) -> Ended:
    item = account.store.services.undo.undo(account.caller, str(import_id), restore_yes=restore_yes)
    return account.finish(str(item.access_token))


def read_fields(account: LiveAccount) -> Wire:
    (profile_id,) = account.profile_ids()
    return {one["Name"]: one.get("Value") for one in account.profile(profile_id)["CustomFields"]}


def list_codes(ended: Ended) -> list[str]:
    return sorted(fault["Code"] for faults in ended.not_honored.values() for fault in faults)


def test_a_created_person_who_is_kept_for_a_no_keeps_the_required_fields(account: LiveAccount) -> None:
    """ "A required field is never cleared nor removed": a person without it could not even be created."""
    no = {"FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": "2024-01-01"}
    ended = account.run([[make_person(ProfilePreferences=[no])]], **MATCH)
    undo(account, ended.import_id)
    assert read_fields(account)["Region"] == "N"


def test_a_field_that_is_required_by_now_is_never_removed(account: LiveAccount) -> None:
    account.run([[make_person()]], **MATCH)
    plain = [{"Name": "Region", "Value": "N"}, {"Name": "Plain", "Value": "x"}]
    ended = account.run([[make_person(CustomFields=plain)]], **MATCH)
    document = json.loads(json.dumps(account.document))
    for one in document["customFields"]:
        one["required"] = one.get("required", False) or one["name"] == "Plain"
    account.store.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
    undone = undo(account, ended.import_id)
    assert (undone.status["NotHonored"], list_codes(undone)) == (1, ["CustomField.Required"])
    assert read_fields(account)["Plain"] == "x"


def test_a_choice_that_the_import_changed_and_then_made_again_is_unchanged(account: LiveAccount) -> None:
    """Two ledger entries of one value are no difference, so nothing goes back and nothing is reported."""
    consent = {
        "ConsentType": "Privacy", "ConsentVersion": "3.0", "Locale": "en_US", "ConsentStatus": 1,
        "ConsentDate": "2024-01-01",
    }  # fmt: skip
    with_evidence = make_person(Consents=[{**consent, "Evidence": {"Reference": "R-1"}}])
    account.run([[with_evidence]], **MATCH)
    ended = account.run([[make_person(Consents=[consent]), with_evidence]], **MATCH)
    undone = undo(account, ended.import_id).status
    assert (undone["Unchanged"], undone["Updated"], undone["NotHonored"]) == (1, 0, 0)
