"""record.md, introduction: white space of any kind, and invisible characters in names that are matched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from record_cases import accept, make_validator, person, refuse

from consentory.codec.record.fast_path.verbatim_record import read_verbatim
from consentory.domain.record import VerbatimRecord

SPACES = ["\xa0", "\u1680", "\u2000", "\u2007", "\u202f", "\u205f", "\u3000"]
INVISIBLE = ["\x07", "\x9b", "\u200b", "\u200d", "\ufeff", "\u202e", "\xad", "\ue000", "\u0378", "\u2028", "\u2029"]
"""Characters of each of the categories Cc, Cf, Co, Cn, Zl and Zp."""


def loyalty(value: str) -> dict[str, Any]:
    return {"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": value}]}


def household(name: str) -> dict[str, Any]:
    return {"Groups": [{"GroupType": "Household", "GroupName": name}]}


def tag(name: str) -> dict[str, Any]:
    return {"ProfileTags": [{"Name": name}]}


NAMES = {
    "$.AlternateIds[0].AlternateId": loyalty,
    "$.Groups[0].GroupName": household,
    "$.ProfileTags[0].Name": tag,
}


@pytest.mark.parametrize("space", SPACES)
def test_white_space_of_any_kind_counts_as_a_space(space: str) -> None:
    """White space of any kind (NBSP and U+3000 too) counts as a space."""
    expected = accept(loyalty("KD 100") | household("the Okubos") | tag("a b"))
    record = accept(loyalty(f"KD{space}100") | household(f"the{space}Okubos") | tag(f"a{space}b"))
    assert record.alternate_ids[0].key == expected.alternate_ids[0].key
    assert record.groups[0].folded == expected.groups[0].folded
    assert record.alternate_ids[0].value == f"KD{space}100"  # the given form is kept
    for one in (loyalty, household, tag):
        member = next(iter(one("x")))
        twice = {member: one("a b")[member] + one(f"A{space}B")[member]}
        assert refuse(person(**twice)) == [("Array.Duplicate", f"$.{member}[1]")]


@pytest.mark.parametrize("space", [*SPACES, "\t", "\n", "\x85", "\u2028", "\u2029"])
def test_white_space_of_any_kind_is_trimmed(space: str) -> None:
    record = accept(loyalty(f"{space}KD100{space}") | household(f"{space}Okubo") | tag(f"vip{space}"))
    assert record.alternate_ids[0].value == "KD100"
    assert record.groups[0].name == "Okubo"
    assert record.tags == ("vip",)


@pytest.mark.parametrize("space", SPACES)
def test_white_space_in_a_name_of_the_configuration_counts_as_a_space(space: str) -> None:
    document_name = f"{space}Household{space}"
    record = accept(person(Groups=[{"GroupType": document_name, "GroupName": "Okubo"}]))
    assert record.groups[0].type == "Household"


@pytest.mark.parametrize("character", INVISIBLE)
@pytest.mark.parametrize("path", NAMES)
def test_an_invisible_character_in_a_matched_name_is_a_fault(path: str, character: str) -> None:
    """… in AlternateId, GroupName, tag Name: the categories Cc, Cf, Co, Cn, Zl and Zp (`String.InvisibleCharacter`)."""
    assert refuse(person(**NAMES[path](f"Z{character}1"))) == [("String.InvisibleCharacter", path)]


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\xad", "\ue000"])
@pytest.mark.parametrize("place", ["Z-1{}", "{}Z-1"])
def test_an_invisible_character_at_an_end_is_no_white_space(character: str, place: str) -> None:
    record = loyalty(place.format(character))
    assert refuse(record) == [("String.InvisibleCharacter", "$.AlternateIds[0].AlternateId")]


def test_an_invisible_character_in_a_name_of_the_configuration_is_a_fault() -> None:
    """… and every name that is matched."""
    wrong = {
        "DefaultLocale": "en\u200b_US",
        "CustomerType": "\ufeffCustomer",
        "AlternateIds": [{"AlternateIdType": "CRM\u200b", "AlternateId": "1"}],
        "Emails": [{"EmailAddressType": "Ho\xadme", "EmailAddress": "a@example.com"}],
        "ProfilePreferences": [{"FilterId": "DATA\u2060-SHARING", "PreferenceType": 1}],
        "Consents": [
            {
                "ConsentType": "Privacy\u200bPolicy",
                "ConsentVersion": "2\u200b",
                "Locale": "\u200ben",
                "ConsentStatus": 1,
            }
        ],
        "CustomFields": [{"Name": "Ti\u200ber", "Value": "gold"}],
    }
    found = refuse(wrong)
    assert {code for code, _ in found} == {"String.InvisibleCharacter"}
    assert len(found) == 9


def test_zwj_and_zwnj_are_allowed_in_names_of_people_and_in_free_text() -> None:
    """CustomerName and free text may have ZWJ and ZWNJ."""
    name, family = "می‌خواهم", "\U0001f469\u200d\U0001f680"
    record = accept(
        {
            "CustomerName": {"FirstName": name, "LastName": family},
            "CustomFields": [{"Name": "Nickname", "Value": family}],
        }
    )
    assert record.name == {"FirstName": name, "LastName": family}
    assert record.fields == (("Nickname", family),)


@pytest.mark.parametrize("character", [*SPACES, *INVISIBLE])
def test_the_fast_path_says_the_same(character: str) -> None:
    validator = make_validator(match_type="CRM")
    base = {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "1"}]}
    for form in ({}, {"ensure_ascii": False}):
        for more in (household(f"a{character}b"), tag(f"a{character}b"), loyalty(f"a{character}b")):
            record = {**base, **more, "AlternateIds": base["AlternateIds"] + more.get("AlternateIds", [])}
            sent = json.dumps(record, **form).encode()
            verbatim, expected = validator.check(sent), validator.validate(sent)
            assert verbatim is None or read_verbatim(verbatim, sent) == expected
            assert not (isinstance(expected, list) and isinstance(verbatim, VerbatimRecord))
