"""Tests of the model: the promises of the contract must hold in the model itself, for every drawn history."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from .account_model import OPT_IN, OPT_OUT, fold
from .comparison import comparable
from .execution_model import ImportResult
from .histories import FEW, History, ImportStep, histories, imports, replay
from .profile_model import as_given_out
from .record_model import KINDS, PERSON
from .wide_histories import wide_histories

pytestmark = pytest.mark.slow


@FEW
@given(wide_histories())
def test_books_balance(history: History) -> None:
    for result in replay(history).results:
        if isinstance(result, ImportResult):
            books = result.counts
            assert books["TotalRecordsReceived"] == books["ValidationSuccessful"] + books["ValidationFailed"]
            assert books["ValidationSuccessful"] == (
                books["Pending"] + books["Processed"] + books["Exceptions"] + books["NotHonored"]
            )
            for sequence, outcome in result.outcomes.items():
                assert (sequence in result.faults) == (outcome in ("ValidationFailed", "Exception"))
                assert outcome not in ("Unchanged", "Deleted") or sequence not in result.not_honored
                assert outcome != "NotHonored" or sequence in result.not_honored


@FEW
@given(histories())
def test_alternate_ids_and_defaults_are_unique(history: History) -> None:
    held: set[tuple[str, str]] = set()
    for profile in replay(history).model.profiles.values():
        mine = {key for key, one in profile.alternate_ids.items() if one.active}
        assert not mine & held
        held |= mine
        for kind in KINDS:
            elements = profile.of_kind(kind)
            marked = [one for one in elements if one.default]
            assert len(marked) == any(one.active for one in elements)
            assert all(one.active for one in marked)
        assert profile.fields["region"]
        assert profile.fields["grade"]


@FEW
@given(wide_histories())
def test_no_opt_in_stands_over_a_no_that_is_not_earlier(history: History) -> None:
    model = replay(history).model
    for profile in model.profiles.values():
        for item in model.history(profile.id):
            if item.get("PreferenceType") == OPT_OUT:
                now = profile.preferences[(item["Place"], fold(item["FilterId"]))]
                said_no = item["CustomerDate"].replace("Z", "+00:00")
                assert now.type == OPT_OUT or now.date.isoformat() > said_no


@FEW
@given(histories(max_steps=3), imports())
def test_a_record_applied_whole_is_unchanged_when_it_comes_again(history: History, step: ImportStep) -> None:
    run = replay(history)
    for record in step.batches[0]:
        if "MatchValue" not in step.settings or "ProfileId" in record or not is_dated(record):
            continue
        one_person = ImportStep(step.settings, [[record]])
        first = run.play(one_person)
        before = (run.model.all_profiles(run.now), deepcopy(run.model.histories))
        again = run.play(one_person)
        assert isinstance(first, ImportResult)
        assert isinstance(again, ImportResult)
        if first.outcomes[1] in ("Created", "Updated", "Unchanged") and not first.not_honored:
            assert again.outcomes[1] == "Unchanged"
            assert before == (run.model.all_profiles(run.now - timedelta(hours=1)), run.model.histories)


def is_dated(record: dict[str, Any]) -> bool:
    """True if every choice in the record has a date."""
    for value in record.values():
        for one in value if isinstance(value, list) else []:
            if "FilterId" in one and "CustomerDate" not in one:
                return False
            if "ConsentType" in one and "ConsentDate" not in one:
                return False
            if not is_dated(one):
                return False
    return True


@FEW
@given(histories())
def test_a_rendered_profile_can_be_staged_back(history: History) -> None:
    run = replay(history)
    for profile in run.model.all_profiles(run.now):
        reduced = comparable(profile, run.model.account)
        if "Archived': True" not in str(profile):
            assert reduced == comparable(as_given_out(profile), run.model.account)
        if any(_contradicts_itself(phone) for phone in profile["PhoneNumbers"]):
            continue  # README, open point 1
        result = run.play(ImportStep({"AllowPriorConsents": True}, [[as_given_out(profile)]]))
        assert isinstance(result, ImportResult)
        assert (result.outcomes[1], result.faults, result.not_honored) == ("Unchanged", {}, {})


def _contradicts_itself(phone: dict[str, Any]) -> bool:
    text = [one for one in phone["PhoneNumberPreferences"] if one["FilterId"] == "NEWS-TEXT"]
    return phone.get("IsMobile") is False and bool(text)


@FEW
@given(histories())
def test_an_applied_opt_in_was_backed_by_its_consents(history: History) -> None:
    """Every current Opt-In that is not Suspended has its required consents at the place or at the person."""
    run = replay(history)
    for profile in run.model.profiles.values():
        for (place, filter_id), stored in profile.preferences.items():
            if stored.type == OPT_IN and run.model.account.filter(filter_id).required:
                kinds = {(at, kind) for at, kind, _ in profile.consents}
                for kind in run.model.account.filter(filter_id).required:
                    assert (place, kind) in kinds or (PERSON, kind) in kinds
