"""Before-images (docs/effects.md): one row for each person whom an import changed."""

from __future__ import annotations

from typing import Any

from live_account import LiveAccount, LiveStore
from lone_people import MATCH


def make_person(number: int, first_name: str) -> dict[str, Any]:
    return {
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}],
        "CustomerName": {"FirstName": first_name},
        "CustomFields": [{"Name": "Region", "Value": "N"}],
    }


def test_a_person_who_got_the_id_of_another_record_while_the_import_ran_goes_back(store: LiveStore) -> None:
    """An everyday write moves the alternate id, so two records that mean two people change one person."""
    account = store.open_account()
    account.run([[make_person(1, "Ann"), make_person(2, "Bea")]], **MATCH)
    ann, bea = account.profile_ids()
    token = account.initiate(**MATCH)
    account.stage(token, [make_person(1, "Cleo"), make_person(2, "Dora")])
    account.execute(token)
    execution = store.make_execution(chunk_size=1)
    assert execution.resolve_next() is not None
    assert execution.process_slice() == 1
    store.services.profiles.delete(account.caller, bea)
    account.write({"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-2"}]}, ann)
    account.work_off([token])
    wrong = account.read_end(token)
    assert read_name(account, ann) == "Dora"
    assert (wrong.status["Updated"], count_images(account)) == (2, 1)
    undo = store.services.undo.undo(account.caller, str(wrong.import_id), restore_yes=False)
    account.finish(str(undo.access_token))
    assert read_name(account, ann) == "Ann"


def test_images_that_change_alternate_ids_name_the_ids(store: LiveStore) -> None:
    account = store.open_account()
    account.run([[make_person(1, "Ann")]], **MATCH)
    more = make_person(1, "Ann")
    more["AlternateIds"].append({"AlternateIdType": "Loyalty", "AlternateId": "L-1"})
    account.run([[more]], **MATCH)
    named = store.query(
        "SELECT b.named_keys = ARRAY[k.key_hash] FROM before_image AS b JOIN alternate_key AS k"
        " ON k.account_id = b.account_id AND k.profile_id = b.profile_id AND k.type = 'Loyalty'"
        " WHERE b.account_id = %s",
        account.caller.account_id,
    )
    assert named == [(True,)]


def read_name(account: LiveAccount, profile_id: int) -> str:
    return str(account.profile(profile_id)["CustomerName"]["FirstName"])


def count_images(account: LiveAccount) -> int:
    query = "SELECT count(*) FROM before_image WHERE account_id = %s"
    return int(account.store.query(query, account.caller.account_id)[0][0])
