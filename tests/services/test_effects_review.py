"""Preview, guard and undo (docs/effects.md) against callers who may see less, and beside other calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from live_account import LiveAccount, LiveStore
from preview_calls import make_previewing
from waiting import wait_for

from consentory.codec.answers.exceptions_answer import render_row
from consentory.domain.caller import Caller
from consentory.domain.imports import Import
from consentory.errors import RequestRefused
from model.histories import build_account

SECRET = "K-4711"
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'import_block'::regclass"


@pytest.fixture
def account(store: LiveStore) -> LiveAccount:
    return store.open_account()


def run(account: LiveAccount, *records: object) -> str:
    """The id of a completed import."""
    token = account.initiate(MatchCriteria="AlternateIdType", MatchValue="CRM")
    account.stage(token, records)
    return str(account.finish(token).import_id)


def change_field(account: LiveAccount, value: str) -> str:
    identity = {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}]}
    return run(account, {**identity, "CustomFields": [{"Name": "Region", "Value": value}]})


def preview(account: LiveAccount, caller: Caller, item: Import) -> str:
    """All changes that the preview shows to the caller."""
    services = account.store.services
    services.previews.start(caller, item)
    previewing = make_previewing(account.store)
    while previewing.work_once():
        pass
    previewing.close()
    page = services.previews.list_changes(caller, item, None, 100, None)
    assert page.changes
    return repr(page.changes)


def blind(account: LiveAccount) -> Caller:
    """The caller, who may import and may not read profiles."""
    permissions = msgspec.structs.replace(account.caller.permissions, profile=("write", "delete"))
    return replace(account.caller, permissions=permissions)


def test_an_undo_shows_no_stored_value_to_a_caller_who_may_not_read(account: LiveAccount) -> None:
    change_field(account, SECRET)
    wrong = change_field(account, "N")
    caller = blind(account)
    item = account.store.services.undo.undo(caller, wrong, restore_yes=False)
    assert SECRET in preview(account, account.caller, item)
    assert SECRET not in preview(account, caller, item)


def test_a_kept_value_is_not_shown_to_a_caller_who_may_not_read(account: LiveAccount) -> None:
    """The fault names an id that the caller did not send."""
    crm = {"AlternateIdType": "CRM", "AlternateId": "C-1"}
    loyalty = {"AlternateIdType": "Loyalty", "AlternateId": SECRET}
    change_field(account, "N")
    wrong = run(account, {"AlternateIds": [crm, loyalty]})
    run(account, {"AlternateIds": [crm, {**loyalty, "IsActive": False}]})
    caller = blind(account)
    services = account.store.services
    item = services.undo.undo(caller, wrong, restore_yes=False)
    account.finish(str(item.access_token))
    item = services.imports.find_by_id(caller, str(item.import_id))
    shown = [
        b"".join(map(render_row, services.exceptions.stream(who, item, frozenset({"NotHonored"}))))
        for who in (account.caller, caller)
    ]
    assert [SECRET.encode() in one for one in shown] == [True, False]
    assert b"Undo.KeptNewer" in shown[1]


def test_an_import_is_not_held_by_limits_that_changed_during_its_preview(store: LiveStore) -> None:
    document = build_account(f"L{uuid4().hex[:12].upper()}")
    account = store.open_account(document | {"guard": {"tagsAdded": 0}})
    token = account.initiate(MatchCriteria="AlternateIdType", MatchValue="CRM")
    identity = {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}]}
    fields = {"CustomFields": [{"Name": "Region", "Value": "N"}]}
    account.stage(token, [{**identity, **fields, "ProfileTags": [{"Name": "new"}]}])
    account.execute(token)
    execution, previewing = store.make_execution(), make_previewing(store)
    execution.resolve_next()
    assert previewing.work_once()  # the snapshot has the old limit
    store.open_account(document | {"guard": {"tagsAdded": 5}})
    while execution.process_slice() or execution.resolve_next() or previewing.work_once():
        pass
    previewing.close()
    item = store.services.imports.find_by_token(account.caller, token)
    assert (item.status, item.held_reason) == ("Completed", None)


def test_an_initiate_does_not_wait_while_an_undo_stages_its_records(account: LiveAccount) -> None:
    change_field(account, "S")
    wrong = change_field(account, "N")
    services, owner = account.store.services, account.store.owner
    with ThreadPoolExecutor(1) as pool:
        with owner.transaction() as tx:
            tx.connection.execute("LOCK TABLE import_block IN SHARE MODE")  # no record can be staged
            undoing = pool.submit(services.undo.undo, account.caller, wrong, restore_yes=False)
            wait_for(lambda: account.store.query(WAITING), bool)
            assert account.initiate()
        assert undoing.result().status == "Staging"


def test_an_undo_counts_for_the_imports_of_the_day(store: LiveStore) -> None:
    document = build_account(f"L{uuid4().hex[:12].upper()}")
    document["account"]["importsPerDay"] = 3
    account = store.open_account(document)
    first, second = change_field(account, "S"), change_field(account, "N")
    undo = store.services.undo.undo
    assert undo(account.caller, second, restore_yes=False).status == "Staging"
    with pytest.raises(RequestRefused) as refused:
        undo(account.caller, first, restore_yes=False)
    assert refused.value.code == "Import.DailyLimit"


def test_an_undo_that_expired_a_moment_ago_does_not_count(account: LiveAccount) -> None:
    """No maintenance has seen it yet."""
    change_field(account, "S")
    wrong = change_field(account, "N")
    undo = account.store.services.undo.undo
    first = undo(account.caller, wrong, restore_yes=False)
    account.store.change("UPDATE import SET expires_at = now() WHERE import_id = %s", first.import_id)
    assert undo(account.caller, wrong, restore_yes=False).status == "Staging"


@pytest.mark.parametrize(
    "lacking",
    [{"channels": ("Email",)}, {"programs": ("NEWS",)}, {"consent_types": ()}, {"profile": ("read", "write")},
     {"profile": ("read", "delete")}],
)  # fmt: skip
def test_an_undo_needs_the_permission_for_every_part_of_a_profile(
    account: LiveAccount, lacking: dict[str, Any]
) -> None:
    """At Undo, and at Execute of an undo that somebody else made."""
    wrong = change_field(account, "N")
    services = account.store.services
    caller = replace(account.caller, permissions=msgspec.structs.replace(account.caller.permissions, **lacking))
    with pytest.raises(RequestRefused) as refused:
        services.undo.undo(caller, wrong, restore_yes=False)
    assert (refused.value.kind, refused.value.code) == ("forbidden", "Permission.Undo")
    item = services.undo.undo(account.caller, wrong, restore_yes=False)
    with pytest.raises(RequestRefused) as refused:
        services.imports.execute(caller, str(item.access_token))
    assert refused.value.code == "Permission.Undo"
