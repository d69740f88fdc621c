"""Undo in the model: the promises of effects.md hold in every drawn history."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .account_model import OPT_OUT
from .execution_model import ImportResult, Model
from .force_model import NOES
from .histories import FEW, History, ImportStep, Replay, UndoStep, histories, imports, replay
from .model_account import build_account
from .person_model import Profile
from .undo_histories import undo_histories
from .wide_histories import wide_histories, wide_imports

pytestmark = pytest.mark.slow


def without_traces(profile: Profile) -> Any:
    """The person without the time of modification, and without contact elements that only an undone import had."""
    gone = {
        place
        for place, one in profile.elements.items()
        if not one.active
        and (one.mobile, one.address2, one.country) == (None, "", None)
        and not any(key[0] == place for key in [*profile.preferences, *profile.consents])
    }
    elements = {place: replace(one, added=0) for place, one in profile.elements.items() if place not in gone}
    return {**vars(profile), "modified": None, "added": 0, "elements": elements}


@FEW
@given(st.one_of(histories(max_steps=3), wide_histories(max_steps=3)), st.one_of(imports(), wide_imports()))
def test_import_then_undo_gives_every_person_back(history: History, step: ImportStep) -> None:
    run = replay(history)
    people = deepcopy(run.model.profiles)
    past = {key: list(items) for key, items in run.model.histories.items()}
    result = run.play(replace(step, knobs=None))
    assert isinstance(result, ImportResult)
    assume(result.status == "Completed" and step.settings.get("ImportAction") != "Delete")
    undone = run.play(UndoStep(1, restore_yes=True))
    assert isinstance(undone, ImportResult)
    assert undone.not_honored == {}
    assert {key: without_traces(one) for key, one in run.model.profiles.items()} == {
        key: without_traces(one) for key, one in people.items()
    }
    assert all(run.model.histories[key][: len(items)] == items for key, items in past.items())


@FEW
@given(histories(max_steps=3), imports(deletes=False))
def test_the_same_file_then_gives_what_it_gave_the_first_time(history: History, step: ImportStep) -> None:
    # Without a ProfileId, which a `Pick` makes another one when there are more people.
    step = replace(step, batches=[[date_choices({**r, "ProfileId": None}) for r in batch] for batch in step.batches])
    run = replay(history)
    first = run.play(step)
    assert isinstance(first, ImportResult)
    assume(first.status == "Completed")
    people = _by_creation(run.model, first)
    run.play(UndoStep(1, restore_yes=True))
    again = run.play(step)
    assert isinstance(again, ImportResult)
    assert (again.outcomes, again.faults.keys(), again.not_honored) == (
        first.outcomes, first.faults.keys(), first.not_honored
    )  # fmt: skip
    assert _by_creation(run.model, again) == people


def date_choices(record: Any) -> Any:
    """The record with a date in every choice."""
    if isinstance(record, list):
        return [date_choices(one) for one in record]
    if not isinstance(record, dict):
        return record
    dated = {name: date_choices(value) for name, value in record.items()}
    for names, date in (("FilterId", "CustomerDate"), ("ConsentType", "ConsentDate")):
        if names in dated:
            dated.setdefault(date, "2024-05-05T05:05:05Z")
    return dated


def _by_creation(model: Model, result: ImportResult) -> dict[Any, Any]:
    """The people by a key. The key of a person whom the import created has the SequenceNumber of the record."""
    found = {}
    for key, profile in model.profiles.items():
        number, sequence = profile.created_by
        is_new = number == result.number
        found[("new", sequence) if is_new else key] = {
            **without_traces(profile), "id": None, "created_by": None, "created": None
        }  # fmt: skip
    return found


@FEW
@given(undo_histories())
def test_no_undo_without_restore_yes_takes_a_no_away(history: History) -> None:
    run = Replay(Model(build_account()))
    for step in history.steps:
        before = deepcopy(run.model.profiles)
        if isinstance(step, UndoStep):
            run.play(replace(step, restore_yes=False, between=None))
            for key, profile in run.model.profiles.items():
                assert list_noes(before[key]) <= list_noes(profile)
        else:
            run.play(step)


def list_noes(profile: Profile) -> set[Any]:
    noes: set[Any] = {key for key, one in profile.preferences.items() if one.type == OPT_OUT}
    return noes | {key for key, one in profile.consents.items() if one.status in NOES}
