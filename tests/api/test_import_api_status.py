"""import-api.md, "The status object" and "States", over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from model_check import check_books
from running_server import RunningServer
from waiting import wait_for
from wire_client import ENDED, FAULTY, WireClient, check_problem, choice, mail, person, require

CRM = {"MatchCriteria": "AlternateIdType", "MatchValue": "CRM"}
COUNTS = ("TotalRecordsReceived", "ValidationSuccessful", "ValidationFailed", "Pending", "Processed", "Exceptions",
          "NotHonored", "Created", "Updated", "Unchanged", "Deleted")  # fmt: skip
FIELDS = [
    *COUNTS[:7], "AccessToken", "Status", "Expires", "Name", "DataStageDuration", "ImportAction", "MatchCriteria",
    "MatchValue", "RefreshAlternateIds", "RefreshContacts", "RefreshCustomFields", "RefreshGroups", "RefreshTags",
    "AllowPriorConsents", "ImportId", *COUNTS[7:], "StartedAt", "CompletedAt", "FailureReason", "HeldReason", "Source",
]  # fmt: skip
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"


def counts(status: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    check_books(status)
    return {name: status[name] for name in COUNTS if status[name]}


def moment(text: str) -> datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text), text
    return datetime.fromisoformat(text)


# The status object


def test_all_five_calls_return_every_field(ours: WireClient) -> None:
    """Returned by Initiate, Stage, Execute, Status and Cancel."""
    first = ours.initiate()
    token = first["AccessToken"]
    staged = ours.stage(token, [person(1), FAULTY])
    batch = staged.pop("Batch")
    executed = require(ours.call(token, "Execute"))
    last = ours.wait(token)
    cancelled = require(ours.call(ours.initiate()["AccessToken"], "Cancel"))
    for status in (first, staged, executed, last, cancelled):
        assert list(status) == FIELDS
    assert batch == {"First": 1, "Last": 2, "ValidationFailed": 1}


def test_types_and_names_of_a_new_import(ours: WireClient) -> None:
    """All counts are integers; ImportId: UUIDv7; StartedAt, CompletedAt, FailureReason: string or null."""
    before = datetime.now(UTC)
    status = ours.initiate()
    assert counts(status) == {}
    assert all(type(status[name]) is int for name in COUNTS)
    import_id = UUID(status["ImportId"])
    assert (import_id.version, str(import_id)) == (7, status["ImportId"])
    assert abs((import_id.int >> 80) / 1000 - before.timestamp()) < 60
    assert [status[name] for name in ("StartedAt", "CompletedAt", "FailureReason")] == [None] * 3


def test_the_token_expires_12_hours_after_initiate_by_default(ours: WireClient) -> None:
    """Expires: ISO 8601 UTC with Z; 12 hours after Initiate by default."""
    lasts = moment(ours.initiate()["Expires"]) - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < lasts <= timedelta(hours=12)


def test_the_tokens_lifetime_is_a_setting(running: RunningServer) -> None:
    """… (a setting)."""
    with WireClient(running.create_account(lambda d: d["account"].update(tokenLifetimeHours=2))) as client:
        lasts = moment(client.initiate()["Expires"]) - datetime.now(UTC)
        assert timedelta(hours=1, minutes=59) < lasts <= timedelta(hours=2)


def test_every_record_is_counted_once_by_its_outcome(ours: WireClient) -> None:
    """Pending: passed, and not yet worked off; Processed: imported; Exceptions: failed during execution;
    NotHonored: valid, but nothing of it could be applied. All are 0 until execution."""
    known = [person(n, Emails=mail(f"c{n}@example.com", choice("OFFERS-EMAIL", 2, NEW))) for n in range(3)]
    assert counts(ours.run(known, **CRM)) == {
        "TotalRecordsReceived": 3, "ValidationSuccessful": 3, "Processed": 3, "Created": 3,
    }  # fmt: skip
    unconsented = choice("NEWS-TEXT", 1, NEW)
    batch = [
        person("new"),
        person(0, ProfileTags=[{"Name": "loyal"}]),
        known[1],
        person(2, Emails=mail("c2@example.com", choice("OFFERS-EMAIL", 1, OLD))),
        person("x", PhoneNumbers=[{"PhoneNumber": "+12025550143", "PhoneNumberPreferences": [unconsented]}]),
        FAULTY,
        {"ProfileId": 2**62} | known[1],
    ]
    token = ours.prepare(batch, **CRM)
    assert counts(ours.status(token)) == {
        "TotalRecordsReceived": 7, "ValidationSuccessful": 6, "ValidationFailed": 1, "Pending": 6,
    }  # fmt: skip
    done = ours.finish(token)
    assert counts(done) == {
        "TotalRecordsReceived": 7, "ValidationSuccessful": 6, "ValidationFailed": 1, "Processed": 4, "Exceptions": 1,
        "NotHonored": 1, "Created": 1, "Updated": 1, "Unchanged": 2,
    }  # fmt: skip
    assert moment(done["StartedAt"]) <= moment(done["CompletedAt"])
    deleting = ours.run([person(0), person("gone")], ImportAction="Delete", **CRM)
    assert counts(deleting) == {
        "TotalRecordsReceived": 2, "ValidationSuccessful": 2, "Processed": 1, "NotHonored": 1, "Deleted": 1,
    }  # fmt: skip


def test_the_books_balance_while_a_larger_import_is_staged_and_runs(ours: WireClient) -> None:
    """The sums are true in every answer, under load too. A second thread polls from Initiate to the end."""
    token = ours.initiate(**CRM)["AccessToken"]
    for start in range(0, 4000, 500):
        records = [FAULTY if number % 50 == 0 else person(number % 3500) for number in range(start, start + 500)]
        check_books(ours.stage(token, records))
    done = ours.finish(token)
    assert (done["ValidationFailed"], done["Created"]) == (80, 3430)
    assert done["Processed"] == 3920


def test_batch_is_in_the_answer_of_stage_alone(ours: WireClient) -> None:
    """Batch: object, in the answer of Stage alone."""
    token = ours.prepare([person(1)])
    assert "Batch" not in ours.status(token)
    assert "Batch" not in require(ours.call(token, "Execute"))
    assert "Batch" not in ours.wait(token)


# States


def test_the_first_stage_call_that_carries_a_record_moves_initiated_to_staging(ours: WireClient) -> None:
    """Initiated → Staging: the first Stage call that carries a record."""
    token = ours.initiate()["AccessToken"]
    assert ours.stage(token, [])["Status"] == "Initiated"
    check_problem(ours.try_stage(token, b"{"), 400, "Request.MalformedJson")
    assert ours.status(token)["Status"] == "Initiated"
    assert ours.stage(token, [FAULTY])["Status"] == "Staging"


def test_execute_moves_staging_to_queued_and_then_to_processing_and_completed(ours: WireClient) -> None:
    """Staging → Queued: Execute. Queued → Processing: its turn has come …; StartedAt is set. → Completed."""
    token = ours.prepare([person(1)])
    with ours.held_queue():
        queued = require(ours.call(token, "Execute"))
        assert (queued["Status"], queued["StartedAt"], queued["Pending"]) == ("Queued", None, 1)
    done = ours.wait(token)
    assert (done["Status"], done["Pending"]) == ("Completed", 0)
    assert moment(done["StartedAt"]) <= moment(done["CompletedAt"])


def test_processing_has_a_start_and_what_it_forbids(ours: WireClient) -> None:
    """Processing: StartedAt is set. Cancel while Processing or Completed is 409; Stage after Execute is 409;
    Execute after an Execute is harmless: 200 and today's status."""
    token = ours.prepare([person(1)])
    with ours.held_profiles():
        require(ours.call(token, "Execute"))
        running = wait_for(lambda: ours.status(token), lambda status: status["Status"] != "Queued")
        assert (running["Status"], running["Pending"]) == ("Processing", 1)
        assert moment(running["StartedAt"]) <= datetime.now(UTC) + timedelta(seconds=1)
        check_problem(ours.call(token, "Cancel"), 409, "Import.NotCancellable")
        check_problem(ours.try_stage(token, [person(2)]), 409, "Import.NotStaging")
        assert require(ours.call(token, "Execute")) == running
    done = ours.wait(token)
    assert (done["Status"], done["FailureReason"]) == ("Completed", None)
    check_problem(ours.call(token, "Cancel"), 409, "Import.NotCancellable")
    check_problem(ours.try_stage(token, [person(2)]), 409, "Import.NotStaging")
    assert require(ours.call(token, "Execute")) == done


@pytest.mark.parametrize("state", ["Initiated", "Staging", "Queued"])
def test_cancel_fails_an_import_of_which_nothing_was_applied(ours: WireClient, state: str) -> None:
    """Initiated, Staging, Queued → Failed: Cancel. Failed means that nothing was applied; Pending keeps its value;
    on a Failed import Cancel is 200, Execute and Stage are 409."""
    token = ours.initiate(**CRM)["AccessToken"]
    with ours.held_queue():
        if state != "Initiated":
            ours.stage(token, [person(1), person(2), FAULTY])
        if state == "Queued":
            require(ours.call(token, "Execute"))
        assert ours.status(token)["Status"] == state
        failed = require(ours.call(token, "Cancel"))
    assert (failed["Status"], failed["FailureReason"]) == ("Failed", "Import.Cancelled")
    assert moment(failed["CompletedAt"])
    assert failed["Pending"] == failed["ValidationSuccessful"] == (0 if state == "Initiated" else 2)
    assert require(ours.call(token, "Cancel")) == failed
    check_problem(ours.call(token, "Execute"), 409, "Import.Failed")
    check_problem(ours.try_stage(token, [person(3)]), 409, "Import.NotStaging")
    check_problem(ours.try_find(alternateIdType="CRM", alternateId="C-1"), 404, "Profile.NotFound")
    assert ours.status(token) == failed


@pytest.mark.parametrize("records", [[], [person(1)]])
def test_an_import_whose_token_expired_before_execute_has_failed(ours: WireClient, records: list[Any]) -> None:
    """Initiated, Staging → Failed: the token expired before Execute (Import.Expired)."""
    status = ours.initiate()
    ours.stage(status["AccessToken"], records)
    ours.expire(status["ImportId"])
    failed = require(ours.try_import(status["ImportId"]))
    assert (failed["Status"], failed["FailureReason"]) == ("Failed", "Import.Expired")
    assert failed["Pending"] == len(records)


def test_an_import_whose_token_expires_after_execute_goes_on(ours: WireClient) -> None:
    """The token expired before Execute: only then has it failed."""
    token = ours.prepare([person(1)])
    with ours.held_queue():
        status = require(ours.call(token, "Execute"))
        ours.expire(status["ImportId"])
        assert require(ours.try_import(status["ImportId"]))["Status"] == "Queued"
    done = wait_for(lambda: require(ours.try_import(status["ImportId"])), lambda s: s["Status"] in ENDED)
    assert (done["Status"], done["Created"]) == ("Completed", 1)


def test_an_import_whose_match_type_is_inactive_fails_when_it_is_resolved(ours: WireClient) -> None:
    """Queued → Failed: the worker resolves the import and finds its match type switched off."""
    token = ours.prepare([person(1)], **CRM)
    with ours.held_queue():
        require(ours.call(token, "Execute"))
        ours.reconfigure(lambda document: document.update(alternateIdTypes=document["alternateIdTypes"][1:]))
    failed = ours.wait(token)
    assert (failed["Status"], failed["Pending"], failed["Processed"]) == ("Failed", 1, 0)
    assert failed["FailureReason"].startswith("Import.")


def test_execute_before_anything_was_staged_is_409(ours: WireClient) -> None:
    """Execute before anything was staged is 409."""
    token = ours.initiate()["AccessToken"]
    check_problem(ours.call(token, "Execute"), 409, "Import.NothingStaged")
    ours.stage(token, [])
    check_problem(ours.call(token, "Execute"), 409, "Import.NothingStaged")
    assert ours.status(token)["Status"] == "Initiated"


def test_an_import_whose_every_record_failed_validation_may_be_executed(ours: WireClient) -> None:
    """An import whose every record failed validation may be executed, and completes when its turn comes."""
    done = ours.run([FAULTY, FAULTY])
    assert counts(done) == {"TotalRecordsReceived": 2, "ValidationFailed": 2}


def test_imports_of_one_account_run_one_at_a_time_in_the_order_of_their_execute(ours: WireClient) -> None:
    """Imports of one account run one at a time in the order of their Execute."""
    tokens = [ours.prepare([person(f"{name}{number}") for number in range(200)]) for name in "abc"]
    order = [tokens[1], tokens[2], tokens[0]]
    with ours.held_queue():
        for token in order:
            require(ours.call(token, "Execute"))
    ended = [ours.wait(token) for token in order]
    for before, after in pairwise(ended):
        assert moment(before["CompletedAt"]) <= moment(after["StartedAt"])


def test_imports_of_different_accounts_do_not_wait_for_each_other(ours: WireClient, running: RunningServer) -> None:
    """Those of different accounts run side by side."""
    token = ours.prepare([person(1)])
    with ours.held_queue(), WireClient(running.create_account()) as theirs:
        require(ours.call(token, "Execute"))
        assert theirs.run([person(1)])["Created"] == 1
        assert ours.status(token)["Status"] == "Queued"
    assert ours.wait(token)["Created"] == 1
