"""docs/effects.md, "Guard", on the real services: an import above a limit is held until a person decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from live_account import LiveAccount, LiveStore, at_once
from model_check import to_wire

from consentory.codec.answers.status_object import render_status
from consentory.domain.imports import Import
from consentory.errors import RequestRefused
from consentory.services.accounts.configuration_cache import ConfigurationCache
from consentory.services.execution import previewing as previewing_module
from consentory.services.execution.preview_parts import PartPlanner
from consentory.services.execution.previewing import Previewing
from model.histories import build_account

Wire = dict[str, Any]
CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}


def open_account(store: LiveStore, guard: Wire | None = None, **more: Any) -> LiveAccount:
    document = build_account(f"L{uuid4().hex[:12].upper()}")
    if guard is not None:
        document["guard"] = guard
    loaders = document["userGroups"][0]
    loaders["permissions"] = {**loaders["permissions"], "release": True}
    document["users"].append({"id": "second", "groups": ["Loaders"]})
    return store.open_account(document | more)


def make_people(numbers: range, tags: bool = False) -> list[Wire]:
    def make(number: int) -> Wire:
        ids = [{"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}]
        region = [{"Name": "Region", "Value": "N"}]
        email = [{"EmailAddress": f"c{number}@example.com"}]
        person = {"AlternateIds": ids, "CustomFields": region, "Emails": email}
        return {**person, "ProfileTags": [{"Name": "new"}]} if tags else person

    return [make(number) for number in numbers]


def prepare(account: LiveAccount, records: list[Wire], **settings: Any) -> str:
    token = account.initiate(**{**CRM, **settings})
    account.stage(token, records)
    return token


def work(store: LiveStore) -> None:
    """Everything that workers find to do."""
    execution, previewing = store.make_execution(), Previewing(store.workers, ConfigurationCache(store.workers))
    while execution.process_slice() is not None or execution.resolve_next() is not None or previewing.work_once():
        pass
    previewing.close()


def look(account: LiveAccount, token: str) -> Wire:
    """The status object as on the wire."""
    return dict(to_wire(render_status(find(account, token))))


def run(account: LiveAccount, token: str) -> Wire:
    account.execute(token)
    work(account.store)
    return look(account, token)


def hold(account: LiveAccount, **settings: Any) -> str:
    """The token of a held import, which would add a tag to each of 3 people."""
    token = prepare(account, make_people(range(3), tags=True), **settings)
    status = run(account, token)
    assert (status["Status"], status["HeldReason"]) == ("Queued", [TAGS]), status
    return token


def find(account: LiveAccount, token: str) -> Import:
    return account.store.services.imports.find_by_token(account.caller, token)


def release(account: LiveAccount, token: str, user: str = "nightly") -> Import:
    caller = replace(account.caller, user_id=user)
    return account.store.services.imports.release(caller, str(find(account, token).import_id))


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(RequestRefused) as error:
        call()
    return error.value.kind, error.value.code


def events(account: LiveAccount, token: str) -> list[tuple[str, str, Wire]]:
    """(action, who, details) of an import, from its Execute on."""
    rows = account.store.query(
        "SELECT action, caller, details FROM audit_event WHERE import_id = %s ORDER BY recorded_at, event_id",
        find(account, token).import_id,
    )
    first = next(place for place, row in enumerate(rows) if row[0] == "import.executed")
    return [(row[0], row[1], row[2]) for row in rows[first:]]


GUARD = {"tagsAdded": 2}
TAGS = {"Code": "Guard.Exceeded", "Limit": "tagsAdded", "Allowed": 2, "Found": 3}
DETAILS = {"tagsAdded": "Found 3, Allowed 2"}


def test_above_a_limit_the_import_stays_queued_and_changes_nobody(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = hold(account)
    assert account.profile_ids() == []
    preview = store.services.previews.find(account.caller, find(account, token))
    assert preview.state == "Done"
    assert [one.Limit for one in preview.limits_exceeded] == ["tagsAdded"]
    assert [event[0] for event in events(account, token)] == [
        "import.executed", "preview.started", "preview.completed", "import.held",
    ]  # fmt: skip
    assert events(account, token)[-1] == ("import.held", "system", DETAILS)
    account.execute(token)  # harmless
    assert look(account, token)["HeldReason"] == [TAGS]
    kind, code = refused(lambda: account.stage(token, make_people(range(9, 10))))
    assert kind == "conflict", code


def test_at_the_limit_the_import_goes_through_after_its_preview(store: LiveStore) -> None:
    account = open_account(store, {"tagsAdded": 3})
    token = prepare(account, make_people(range(3), tags=True))
    status = run(account, token)
    assert (status["Status"], status["Created"], status["HeldReason"]) == ("Completed", 3, None)
    assert store.services.previews.find(account.caller, find(account, token)).limits_exceeded == []
    assert "preview.completed" in [event[0] for event in events(account, token)]


@pytest.mark.parametrize("guard", [None, {}, {"release": "otherUser"}, {"optInsEnded": "5%"}])
def test_where_no_limit_applies_there_is_no_preview(store: LiveStore, guard: Wire | None) -> None:
    account = open_account(store, guard)  # a share does not apply: the account has fewer than 100 active profiles
    token = prepare(account, make_people(range(3), tags=True))
    assert run(account, token)["Status"] == "Completed"
    assert refused(lambda: store.services.previews.find(account.caller, find(account, token)))[1] == "Preview.NotFound"


def test_a_share_is_of_the_active_profiles(store: LiveStore) -> None:
    account = open_account(store)
    people = make_people(range(101))
    people[0]["IsActive"] = False
    account.run([people], **CRM)
    document = {**account.document, "guard": {"tagsAdded": "2%"}}
    store.open_account(document)
    status = run(account, prepare(account, make_people(range(50, 53), tags=True)))
    assert status["HeldReason"] == [{**TAGS, "Allowed": 2}]


def test_released_it_goes_on_and_both_are_audited_with_the_limits(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = hold(account)
    assert (release(account, token).status, release(account, token).held_reason) == ("Queued", None)
    work(store)
    assert look(account, token)["Created"] == 3
    assert release(account, token).status == "Completed"  # harmless when repeated
    assert [event for event in events(account, token) if event[0] == "import.released"] == [
        ("import.released", "nightly", DETAILS)
    ]


def test_cancelled_it_fails_and_is_audited_with_the_limits(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = hold(account)
    item = store.services.imports.cancel(account.caller, token)
    assert (item.status, item.failure_reason, item.held_reason) == ("Failed", "Import.Cancelled", None)
    assert events(account, token)[-1] == ("import.cancelled", "nightly", DETAILS)
    assert refused(lambda: release(account, token)) == ("conflict", "Import.NotHeld")
    work(store)
    assert account.profile_ids() == []


def test_of_a_release_and_a_cancel_at_once_the_end_is_one_of_two(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    for _ in range(5):
        token = hold(account)
        cancel = store.services.imports.cancel
        results = at_once(lambda: release(account, token), lambda: cancel(account.caller, token))  # noqa: B023
        assert not isinstance(results[1], Exception)  # a released import is still Queued
        is_released = not isinstance(results[0], Exception)
        told = [event[0] for event in events(account, token) if event[0] in ("import.released", "import.cancelled")]
        assert told == (["import.released"] if is_released else []) + ["import.cancelled"]
        assert look(account, token)["Status"] == "Failed"
        assert account.profile_ids() == []


def test_release_needs_its_permission_and_an_import_that_is_held(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = prepare(account, make_people(range(1)))
    assert refused(lambda: release(account, token)) == ("conflict", "Import.NotHeld")
    permissions = account.caller.permissions
    without = replace(account.caller, permissions=type(permissions)(import_=True))
    call = store.services.imports.release
    assert refused(lambda: call(without, str(find(account, token).import_id))) == ("forbidden", "Permission.Release")
    assert refused(lambda: call(account.caller, str(uuid4()))) == ("not_found", "Import.NotFound")


@pytest.mark.parametrize("at_initiate", [False, True])
def test_another_user_must_release_where_the_guard_says_so(store: LiveStore, at_initiate: bool) -> None:
    account = open_account(store, GUARD if at_initiate else {**GUARD, "release": "otherUser"})
    token = hold(account, **({"Guard": {"release": "otherUser"}} if at_initiate else {}))
    assert refused(lambda: release(account, token)) == ("forbidden", "Permission.OtherUser")
    assert look(account, token)["HeldReason"] == [TAGS]
    release(account, token, "second")
    work(store)
    assert look(account, token)["Status"] == "Completed"
    assert ("import.released", "second", DETAILS) in events(account, token)


def test_initiate_makes_a_limit_stricter(store: LiveStore) -> None:
    account = open_account(store, {"tagsAdded": 100})
    hold(account, Guard={"tagsAdded": 2})
    other = open_account(store)  # also without a section
    hold(other, Guard={"tagsAdded": 2})


def test_later_imports_wait_for_a_held_one_and_other_accounts_do_not(store: LiveStore) -> None:
    account, other = open_account(store, GUARD), open_account(store)
    first = hold(account)
    later, elsewhere = prepare(account, make_people(range(10, 12))), prepare(other, make_people(range(2)))
    account.execute(later)
    assert run(other, elsewhere)["Status"] == "Completed"
    assert look(account, later)["Status"] == "Queued"
    assert look(account, later)["HeldReason"] is None
    release(account, first)
    work(store)
    assert [look(account, token)["Status"] for token in (first, later)] == ["Completed", "Completed"]
    times = [find(account, token).started_at for token in (first, later)]
    assert times == sorted(times)  # type: ignore[type-var]


def test_cancelling_a_held_import_lets_the_later_ones_go(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    first, later = hold(account), prepare(account, make_people(range(10, 12)))
    account.execute(later)
    store.services.imports.cancel_by_id(account.caller, str(find(account, first).import_id))
    work(store)
    assert look(account, later)["Status"] == "Completed"


def test_with_pass_held_later_imports_go_before(store: LiveStore) -> None:
    account = open_account(store, {**GUARD, "passHeld": True})
    first, later = hold(account), prepare(account, make_people(range(10, 12)))
    assert run(account, later)["Status"] == "Completed"
    assert look(account, first)["HeldReason"] == [TAGS]
    second = prepare(account, make_people(range(20, 24), tags=True))
    assert run(account, second)["HeldReason"] == [{**TAGS, "Found": 4}]
    release(account, second)
    work(store)
    assert look(account, second)["Status"] == "Completed"


def test_a_document_that_says_pass_held_later_lets_waiting_imports_go(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    first, later = hold(account), prepare(account, make_people(range(10, 12)))
    assert run(account, later)["Status"] == "Queued"
    store.open_account({**account.document, "guard": {**GUARD, "passHeld": True}})
    work(store)
    assert [look(account, token)["Status"] for token in (first, later)] == ["Queued", "Completed"]


def test_a_held_import_may_be_previewed_anew_and_stays_held(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = hold(account)
    before = store.services.previews.find(account.caller, find(account, token))
    account.write({**make_people(range(1), tags=True)[0]})
    started = store.services.previews.start(account.caller, find(account, token))
    work(store)
    after = store.services.previews.find(account.caller, find(account, token))
    assert after.preview_id == started.preview_id != before.preview_id
    assert (after.state, after.limits_exceeded) == ("Done", [])  # one of the three has the tag by now
    assert look(account, token)["HeldReason"] == [TAGS]
    release(account, token)
    kind = refused(lambda: store.services.previews.start(account.caller, find(account, token)))
    assert kind == ("conflict", "Preview.NotPossible")


def test_a_preview_before_execute_tells_the_limits(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = prepare(account, make_people(range(3), tags=True))
    store.services.previews.start(account.caller, find(account, token))
    work(store)
    shown = store.services.previews.find(account.caller, find(account, token))
    assert [(one.Code, one.Limit, one.Allowed, one.Found) for one in shown.limits_exceeded] == [tuple(TAGS.values())]
    assert look(account, token)["Status"] == "Staging"
    assert run(account, token)["HeldReason"] == [TAGS]


@pytest.mark.parametrize("limit", [1, "40%"])
def test_invalid_records_are_limited_also_where_all_of_them_are(store: LiveStore, limit: int | str) -> None:
    account = open_account(store, {"invalid": limit})
    faulty = [{"Emails": [{"EmailAddress": "no"}]}] * 2
    status = run(account, prepare(account, [*faulty, *make_people(range(3))]))
    exceeded = {"Code": "Guard.Exceeded", "Limit": "invalid", "Allowed": 1, "Found": 2}
    if limit == 1:
        assert status["HeldReason"] == [exceeded]
    else:
        assert (status["Status"], status["Created"]) == ("Completed", 3)
        account = open_account(store, {"invalid": limit})
        token = prepare(account, faulty)
        assert run(account, token)["HeldReason"] == [{**exceeded, "Allowed": 0}]
        release(account, token)
        work(store)
        assert look(account, token)["Status"] == "Completed"


# Beside and between


def test_an_account_document_of_meanwhile_is_asked_before_the_start(store: LiveStore) -> None:
    account = open_account(store, {"tagsAdded": 100})
    token = prepare(account, make_people(range(3), tags=True))
    account.execute(token)
    execution, previewing = store.make_execution(), Previewing(store.workers, ConfigurationCache(store.workers))
    assert execution.resolve_next() is None  # its preview begins
    while previewing.work_once():
        pass
    previewing.close()
    store.open_account({**account.document, "guard": GUARD})
    work(store)
    assert look(account, token)["HeldReason"] == [TAGS]


def test_cancelled_during_its_preview_it_fails(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = prepare(account, make_people(range(3), tags=True))
    account.execute(token)
    store.make_execution().resolve_next()
    store.services.imports.cancel(account.caller, token)
    work(store)
    status = look(account, token)
    assert (status["Status"], status["HeldReason"]) == ("Failed", None)


def test_a_preview_that_fails_holds_the_import(store: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    account = open_account(store, GUARD)
    token = prepare(account, make_people(range(1)))

    def fail(_: PartPlanner) -> object:
        raise ArithmeticError

    with monkeypatch.context() as patch:
        patch.setattr(previewing_module.PartPlanner, "find_out", fail)
        status = run(account, token)
    assert status["HeldReason"] == [{"Code": "Guard.PreviewFailed", "Limit": "", "Allowed": 0, "Found": 0}]
    assert events(account, token)[-1][0] == "import.held"
    release(account, token)
    work(store)
    assert look(account, token)["Status"] == "Completed"


def test_a_match_type_switched_off_during_the_preview_fails_the_import(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = prepare(account, make_people(range(3), tags=True))
    account.execute(token)
    store.make_execution().resolve_next()
    types = [{"name": "CRM", "active": False}, {"name": "Loyalty"}]
    store.open_account({**account.document, "alternateIdTypes": types})
    work(store)  # the preview fails, and wakes the workers
    work(store)
    item = find(account, token)
    assert (item.status, item.failure_reason) == ("Failed", "Import.MatchTypeInactive")


def test_a_worker_that_is_gone_during_the_preview_costs_time_only(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = prepare(account, make_people(range(3), tags=True))
    account.execute(token)
    store.make_execution().resolve_next()
    gone = Previewing(store.workers, ConfigurationCache(store.workers), chunk_records=1)
    assert gone.work_once()  # the snapshot is open
    assert gone.work_once()  # a part is done
    store.change(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state = 'idle in transaction'"
    )
    work(store)
    assert look(account, token)["HeldReason"] == [TAGS]


# The end of staged records


def test_a_held_import_is_kept_until_it_is_decided(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = hold(account)
    import_id = find(account, token).import_id
    store.change(
        "UPDATE import SET created_at = now() - interval '30 days', expires_at = now() - interval '29 days'"
        " WHERE import_id = %s",
        import_id,
    )
    store.make_retention().run_maintenance()
    item = store.services.imports.find_by_id(account.caller, str(import_id))
    assert (item.status, item.purged_at) == ("Queued", None)
    assert store.services.previews.find(account.caller, item).state == "Done"
    store.services.imports.cancel_by_id(account.caller, str(import_id))  # its token has expired
    store.make_retention().run_maintenance()
    for table in ("import_block", "import_preview", "preview_change", "preview_chunk"):
        assert store.query(f"SELECT 1 FROM {table} WHERE import_id = %s", import_id) == [], table


def test_the_operator_may_purge_a_held_import(store: LiveStore) -> None:
    account = open_account(store, GUARD)
    token = hold(account)
    import_id = find(account, token).import_id
    store.make_retention().purge(account.caller.account_id, import_id)
    assert look(account, token)["Status"] == "Failed"
    assert ("import.cancelled", "operator", DETAILS) in events(account, token)
    assert store.query("SELECT 1 FROM import_preview WHERE import_id = %s", import_id) == []
