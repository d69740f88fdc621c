"""The guard: its section of the account document, its limits at Initiate, and the limits that counts exceed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from account_cases import codes, faults, minimal, read

from consentory.codec.account.account_document import compare_configurations, render_yaml
from consentory.codec.staging.initiate_request import read_initiate
from consentory.domain.configuration import Account, Configuration, Guard, Permissions
from consentory.domain.configuration_index import ConfigurationIndex
from consentory.domain.effects import EFFECT_KINDS
from consentory.domain.guard import INVALID, LIMIT_NAMES, LimitExceeded, find_allowed, find_exceeded, has_profile_share
from consentory.domain.imports import ImportSettings
from consentory.errors import RequestRefused

ROOT = Path(__file__).parents[2]
WHOLE = """
guard:
  invalid: 10%
  profilesDeleted: 100
  contactElementsDeactivated: 5.5%
  optInsAdded: "20%"
  release: otherUser
  passHeld: true
"""


def guard(text: str) -> Guard:
    found = read(minimal(f"guard: {{{text}}}")).guard
    assert found is not None
    return found


# The account document


def test_every_kind_of_effect_may_be_limited_by_its_name_in_camel_case() -> None:
    assert [INVALID, *(kind[0].lower() + kind[1:] for kind in EFFECT_KINDS)] == list(LIMIT_NAMES)
    for name in LIMIT_NAMES:
        assert find_allowed([guard(f"{name}: 7")], 1000, 1000) == {name: 7}


def test_the_section_is_read_and_given_back() -> None:
    configuration = read(minimal(WHOLE))
    assert configuration.guard == Guard(
        invalid="10%",
        profiles_deleted=100,
        contact_elements_deactivated="5.5%",
        opt_ins_added="20%",
        release="otherUser",
        pass_held=True,
    )
    assert read(render_yaml(configuration)) == configuration
    assert read(minimal()).guard is None


@pytest.mark.parametrize(
    "value", ["lots", "'100'", "-1", "5 %", "'5,5%'", "1001%", "'%'", "-5%", "1e3%", "9007199254740992"]
)
def test_a_value_that_is_no_limit_is_refused_with_its_place(value: str) -> None:
    (fault,) = faults(minimal(f"guard: {{optInsEnded: {value}}}"))
    assert fault.path == "$.guard.optInsEnded"
    assert "5%" in fault.message or "whole number" in fault.message


@pytest.mark.parametrize("value", ["1.5", "true", "[1]", "{a: 1}", "2026-01-01"])
def test_another_type_is_refused(value: str) -> None:
    assert codes(minimal(f"guard: {{optInsEnded: {value}}}")) == {("$.guard.optInsEnded", "WrongType")}


def test_unknown_keys_and_words_are_refused() -> None:
    assert codes(minimal("guard: {optInsRemoved: 5, release: nobody, passHeld: 1}")) == {
        ("$.guard.optInsRemoved", "UnknownKey"),
        ("$.guard.release", "WrongType"),
        ("$.guard.passHeld", "WrongType"),
    }


def test_a_change_of_the_guard_is_told_and_a_guard_left_out_is_switched_off() -> None:
    without, with_guard = read(minimal()), read(minimal("guard: {optInsEnded: 5%}"))
    assert compare_configurations(without, with_guard).lines == ["+ guard", "~ guard: optInsEnded none -> 5%"]
    changed = read(minimal("guard: {optInsEnded: 10, release: otherUser}"))
    lines = compare_configurations(with_guard, changed).lines
    assert lines == ["~ guard: optInsEnded 5% -> 10, release anyone -> otherUser"]
    off = compare_configurations(with_guard, without)
    assert (off.lines, off.configuration.guard) == (["- guard: switched off"], None)
    assert compare_configurations(with_guard, with_guard).lines == []


def test_a_guard_changes_no_rule_of_applying() -> None:
    digests = {ConfigurationIndex(1, 1, read(minimal(text))).rules_digest for text in ("", WHOLE)}
    assert len(digests) == 1


def test_the_permission_is_of_user_groups() -> None:
    text = "userGroups: [{name: G, permissions: {release: true}}]\nusers: [{id: u, groups: [G]}, {id: v}]"
    index = ConfigurationIndex(1, 1, read(minimal(text)))
    held = [index.permissions_of(user).release for user in index.configuration.users]
    assert held == [True, False]


# Limits


def test_a_share_is_rounded_down_and_exceeded_by_one_more() -> None:
    allowed = find_allowed([guard("optInsEnded: 5%, invalid: 10%")], received=19, profiles=199)
    assert allowed == {"optInsEnded": 9, "invalid": 1}
    assert find_exceeded(allowed, 1, dict.fromkeys(EFFECT_KINDS, 9)) == []
    assert find_exceeded(allowed, 2, {**dict.fromkeys(EFFECT_KINDS, 0), "OptInsEnded": 10}) == [
        LimitExceeded("Guard.Exceeded", "invalid", 1, 2),
        LimitExceeded("Guard.Exceeded", "optInsEnded", 9, 10),
    ]


def test_fewer_than_100_active_profiles_have_no_shares_but_absolute_numbers() -> None:
    limits = [guard("optInsEnded: 5%, profilesDeleted: 3")]
    assert find_allowed(limits, 10, 99) == {"profilesDeleted": 3}
    assert find_allowed(limits, 10, 100) == {"optInsEnded": 5, "profilesDeleted": 3}
    assert find_allowed([guard("optInsEnded: 5%")], 10, 99) == {}


def test_the_lower_of_two_limits_decides_whatever_their_form() -> None:
    both = [guard("optInsEnded: 5%"), guard("optInsEnded: 20, tagsAdded: 1")]
    assert find_allowed(both, 0, 1000) == {"optInsEnded": 20, "tagsAdded": 1}
    assert find_allowed(both, 0, 200) == {"optInsEnded": 10, "tagsAdded": 1}


def test_only_a_share_of_profiles_needs_their_number() -> None:
    assert not has_profile_share([guard("invalid: 5%, tagsAdded: 3")])
    assert has_profile_share([guard("tagsAdded: 3%")])


# Initiate


def initiate(given: Any, configured: Guard | None = None) -> ImportSettings:
    account = Account(client_id="ACME", name="Acme", locales=("en_US",))
    index = ConfigurationIndex(1, 1, Configuration(account=account, guard=configured))
    body = json.dumps({"Name": "N", "Guard": given}).encode()
    return read_initiate(body, index, Permissions(import_=True))


def refuse(given: Any, configured: Guard | None = None) -> dict[str, str]:
    with pytest.raises(RequestRefused) as refused:
        initiate(given, configured)
    assert refused.value.kind == "invalid"
    return {error.path: error.code for error in refused.value.errors}


def test_initiate_may_be_stricter() -> None:
    configured = guard("optInsEnded: 5%, profilesDeleted: 100")
    given = {"optInsEnded": "4.9%", "profilesDeleted": 0, "tagsAdded": 3, "release": "otherUser"}
    settings = initiate(given, configured)
    assert settings.guard == Guard(opt_ins_ended="4.9%", profiles_deleted=0, tags_added=3, release="otherUser")
    assert initiate({"profilesDeleted": 100}, configured).guard == Guard(profiles_deleted=100)
    assert initiate({"optInsEnded": 1_000_000}, configured).guard == Guard(opt_ins_ended=1_000_000)  # both decide


def test_initiate_may_never_be_looser() -> None:
    configured = guard("optInsEnded: 5%, profilesDeleted: 100, release: otherUser")
    given = {"optInsEnded": "5.1%", "profilesDeleted": 101, "release": "anyone"}
    assert refuse(given, configured) == {f"$.Guard.{name}": "Initiate.GuardLooser" for name in given}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"optInsEnded": "lots"}, "Initiate.NotALimit"),
        ({"optInsEnded": -1}, "Initiate.NotALimit"),
        ({"optInsEnded": "1001%"}, "Initiate.NotALimit"),
        ({"optInsEnded": 1.5}, "Value.WrongType"),
        ({"OptInsEnded": 1}, "Request.UnknownMember"),
        ({"passHeld": True}, "Request.UnknownMember"),
        ({"release": "nobody"}, "Initiate.UnknownRelease"),
        ([], "Value.WrongType"),
    ],
)
def test_a_guard_that_does_not_fit_is_refused_with_its_place(given: Any, code: str) -> None:
    ((path, found),) = refuse(given).items()
    assert found == code
    assert path.startswith("$.Guard")


def test_without_a_guard_the_settings_are_those_of_earlier_releases() -> None:
    for given in (None, {}):
        settings = initiate(given)
        assert (given is None) == (b"guard" not in msgspec.json.encode(settings))
        assert msgspec.json.decode(msgspec.json.encode(settings), type=ImportSettings) == settings
