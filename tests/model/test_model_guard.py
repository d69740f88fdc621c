"""Held imports in the model: effects.md, "Guard"."""

from typing import Any

import pytest

from .execution_model import ImportResult, Model
from .guard_model import Exceeded, find_exceeded
from .histories import HeldStep, ImportStep, Replay
from .model_account import build_account
from .model_examples import D1, D2, MATCH, STARTED, email, person, pref, run, shown, with_pref

Wire = dict[str, Any]


@pytest.mark.parametrize(
    ("second", "settings", "found"),
    [
        (with_pref(pref(2, D2)), {}, {"optInsEnded": 1, "optOutsAdded": 1}),
        (person(IsActive=False), {}, {"optInsEnded": 1, "profilesDeactivated": 1}),
        (person(), {"RefreshContacts": True}, {"optInsEnded": 1, "contactElementsDeactivated": 1}),
        (person(), {"ImportAction": "Delete"}, {"optInsEnded": 1, "profilesDeleted": 1}),
        (with_pref(pref(1, D2)), {}, {}),
        (person("C-2", Emails=[email(EmailPreferences=[pref(1, D1)])]), {},
         {"optInsAdded": 1, "contactElementsAdded": 1, "alternateIdsAdded": 1}),
        (person(CustomFields=[{"Name": "Region", "Value": ""}]), {}, {"invalid": 1}),
        (person(ProfileTags=[{"Name": "new"}]), {"RefreshTags": True}, {"tagsAdded": 1, "tagsRemoved": 1}),
    ],
)  # fmt: skip
def test_what_an_import_does_is_compared_with_the_limits(second: Wire, settings: Wire, found: dict[str, int]) -> None:
    model = Model(build_account())
    run(model, {**with_pref(pref(1, D1)), "ProfileTags": [{"Name": "loyal"}]})
    before = dict(model.profiles)
    result = run(model, second, **settings)
    names = ("invalid", "optInsAdded", "optInsEnded", "optOutsAdded", "optOutsEnded", "profilesDeleted",
             "profilesDeactivated", "contactElementsAdded", "contactElementsDeactivated", "alternateIdsAdded",
             "alternateIdsDeactivated", "groupsAdded", "groupsDeactivated", "tagsAdded", "tagsRemoved")  # fmt: skip
    exceeded = find_exceeded(dict.fromkeys(names, 0), before, model.profiles, result, model.account, STARTED)
    assert exceeded == sorted(Exceeded(name, 0, count) for name, count in found.items())
    assert find_exceeded(dict.fromkeys(names, 1), before, model.profiles, result, model.account, STARTED) == []


@pytest.mark.parametrize(
    ("limit", "releases", "pass_held", "name"),
    [
        (1, False, False, "Later"),
        (0, True, False, "Later"),
        (0, True, True, "Held"),
        (0, False, True, "Later"),
    ],
)
def test_a_held_import_is_executed_after_its_release_alone(
    limit: int, releases: bool, pass_held: bool, name: str
) -> None:
    """With a limit of 0 the import is held. A later import waits for it, or overtakes it if `passHeld` is set."""
    replay = Replay(Model(build_account()))
    replay.play(ImportStep(MATCH, [[person(CustomerName={"FirstName": "First"})]]))
    step = ImportStep(MATCH, [[person(CustomerName={"FirstName": "Held"}, ProfileTags=[{"Name": "held"}])]])
    later = ImportStep(MATCH, [[person(CustomerName={"FirstName": "Later"})]])
    result = replay.play(HeldStep(step, {"tagsAdded": limit}, None, later, releases, pass_held))
    is_applied = limit == 1 or releases
    assert isinstance(result, ImportResult) == is_applied
    assert bool(shown(replay.model)["ProfileTags"]) == is_applied
    assert shown(replay.model)["CustomerName"]["FirstName"] == ("Held" if limit == 1 else name)
