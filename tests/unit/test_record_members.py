"""record.md, "Top level", sentence by sentence; matching at staging, and Delete records."""

import json
from typing import Any

import pytest
from record_cases import accept, example, make_configuration_index, make_validator, person, read_document, refuse

from consentory.domain.text import hash_key

# Top level


@pytest.mark.parametrize(("sent", "active"), [(True, True), (False, False), (1, True), (0, False), (None, None)])
def test_is_active_is_also_0_and_1(sent: Any, active: bool | None) -> None:
    assert accept(person(IsActive=sent)).active is active


def test_default_locale_is_a_locale_of_the_account() -> None:
    assert accept(person(DefaultLocale="fr_CA")).locale == "fr_CA"
    assert refuse(person(DefaultLocale="de_DE")) == [("Locale.Unknown", "$.DefaultLocale")]
    assert refuse(person(DefaultLocale="x" * 16)) == [("String.TooLong", "$.DefaultLocale")]


def test_customer_type_is_a_configured_type() -> None:
    assert refuse(person(CustomerType="Friend")) == [("CustomerType.Unknown", "$.CustomerType")]
    document = read_document()
    document["customerTypes"][1]["active"] = False
    validator = make_validator(make_configuration_index(document))
    assert refuse(person(CustomerType="Prospect"), validator) == [("CustomerType.Unknown", "$.CustomerType")]


def test_preserve_flags_default_to_true() -> None:
    record = accept(person())
    assert (record.preserve_preferences, record.preserve_consents) == (True, True)
    record = accept(person(PreservePreferences=False, PreserveConsents=False, RegistrationConfirmed=True))
    assert (record.preserve_preferences, record.preserve_consents, record.registered) == (False, False, True)


@pytest.mark.parametrize(
    ("part", "most"), [("Prefix", 20), ("FirstName", 100), ("MiddleName", 100), ("LastName", 100), ("Suffix", 20)]
)
def test_customer_name_parts(part: str, most: int) -> None:
    assert accept({"CustomerName": {part: "x" * most}}).name == {part: "x" * most}
    assert refuse({"CustomerName": {part: "x" * (most + 1)}}) == [("String.TooLong", f"$.CustomerName.{part}")]


def test_alternate_ids() -> None:
    record = accept({"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "x" * 256, "IsActive": False}]})
    assert record.alternate_ids[0].active is False
    assert refuse(
        {
            "AlternateIds": [
                {},
                {"AlternateIdType": "Nope", "AlternateId": "x" * 257},
                {"AlternateIdType": "CRM", "AlternateId": "a b"},
                {"AlternateIdType": "CRM", "AlternateId": "x" * 41},
            ]
        }
    ) == [
        ("Value.Required", "$.AlternateIds[0].AlternateIdType"),
        ("Value.Required", "$.AlternateIds[0].AlternateId"),
        ("AlternateId.UnknownType", "$.AlternateIds[1].AlternateIdType"),
        ("String.TooLong", "$.AlternateIds[1].AlternateId"),
        ("AlternateId.PatternMismatch", "$.AlternateIds[2].AlternateId"),
        ("AlternateId.PatternMismatch", "$.AlternateIds[3].AlternateId"),
    ]


def test_groups_and_tags() -> None:
    record = accept(
        person(Groups=[{"GroupType": "Household", "GroupName": "x" * 100}], ProfileTags=[{"Name": "y" * 100}])
    )
    assert (record.groups[0].primary, record.tags) == (None, ("y" * 100,))
    assert refuse(
        person(
            Groups=[{"GroupName": "x"}, {"GroupType": "Team", "GroupName": "x" * 101}, {"GroupType": "Household"}],
            ProfileTags=[{}, {"Name": "y" * 101}],
        )
    ) == [
        ("Value.Required", "$.Groups[0].GroupType"),
        ("Group.UnknownType", "$.Groups[1].GroupType"),
        ("String.TooLong", "$.Groups[1].GroupName"),
        ("Value.Required", "$.Groups[2].GroupName"),
        ("Value.Required", "$.ProfileTags[0].Name"),
        ("String.TooLong", "$.ProfileTags[1].Name"),
    ]


def test_at_most_100_elements_in_any_one_array() -> None:
    tags = [{"Name": f"t{number}"} for number in range(101)]
    assert len(accept(person(ProfileTags=tags[:100])).tags) == 100
    assert refuse(person(ProfileTags=tags)) == [("Array.TooLong", "$.ProfileTags")]
    assert refuse(person(ProfileTags=tags, Other=1)) == [
        ("Record.UnknownMember", "$.Other"),
        ("Array.TooLong", "$.ProfileTags"),
    ]


@pytest.mark.parametrize(
    ("member", "elements"),
    [
        (
            "AlternateIds",
            [{"AlternateIdType": "CRM", "AlternateId": "a"}, {"AlternateIdType": "crm", "AlternateId": "A"}],
        ),
        ("Emails", [{"EmailAddress": "a@example.com"}, {"EmailAddressType": "Home", "EmailAddress": "A@EXAMPLE.com"}]),
        ("PhoneNumbers", [{"PhoneNumber": "(202) 555-0143"}, {"PhoneNumber": "+1 202 555 0143", "IsActive": False}]),
        (
            "Addresses",
            [
                {"Address1": "1 A  St", "City": "B", "StateProvince": "CA", "PostalCode": "9", "Address2": "x"},
                {"Address1": "1 a st", "City": "b", "StateProvince": "ca", "PostalCode": "9"},
            ],
        ),
        ("Groups", [{"GroupType": "Household", "GroupName": "x"}, {"GroupType": "Household", "GroupName": "X"}]),
        ("ProfileTags", [{"Name": "vip"}, {"Name": "VIP"}]),
        ("CustomFields", [{"Name": "Tier", "Value": "gold"}, {"Name": "TIER", "Value": None}]),
        ("ProfilePreferences", [{"FilterId": "DATA-SHARING", "PreferenceType": kind} for kind in (1, 2)]),
        (
            "Consents",
            [
                {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": locale, "ConsentStatus": 1}
                for locale in ("en_US", "es_US")
            ],
        ),
    ],
)
def test_the_same_element_twice_in_an_array_is_a_fault(member: str, elements: list[Any]) -> None:
    assert refuse(person(**{member: elements})) == [("Array.Duplicate", f"$.{member}[1]")]


def test_the_same_value_under_another_type_is_another_element() -> None:
    accept(
        person(
            Emails=[{"EmailAddress": "a@example.com"}, {"EmailAddressType": "Work", "EmailAddress": "a@example.com"}],
            AlternateIds=[{"AlternateIdType": kind, "AlternateId": "a"} for kind in ("CRM", "Loyalty")],
        )
    )


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"CustomerName": {}},
        {"CustomerName": {"FirstName": None}, "Emails": []},
        {"ProfileTags": [{"Name": "a"}], "CustomFields": [{"Name": "Tier", "Value": "gold"}], "IsActive": True},
        {"Emails": [{"EmailAddress": "a@example.com", "IsActive": False}]},
    ],
)
def test_with_add_a_record_must_say_something(record: Any) -> None:
    assert refuse(record) == [("Record.NothingSaid", "$")]


@pytest.mark.parametrize(
    "record",
    [
        {"ProfileId": 1},
        {"CustomerName": {"FirstName": ""}},
        {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "1", "IsActive": False}]},
        {"PhoneNumbers": [{"PhoneNumber": "+12025550143"}]},
        {"ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 2}]},
    ],
)
def test_a_record_with_one_of_these_members_says_something(record: Any) -> None:
    accept(record)


def test_an_unreadable_member_counts_as_given() -> None:
    assert refuse({"CustomerName": 5}) == [("Value.WrongType", "$.CustomerName")]
    assert refuse({"CustomerName": {"FirstName": "x" * 101}}) == [("String.TooLong", "$.CustomerName.FirstName")]
    assert refuse({"Emails": [{}]}) == [("Value.Required", "$.Emails[0].EmailAddress")]


# Matching, at staging


def test_with_match_criteria_exactly_one_active_id_of_the_match_type() -> None:
    validator = make_validator(match_type="CRM")
    one = {"AlternateIdType": "CRM", "AlternateId": "1"}
    off = {"AlternateIdType": "CRM", "AlternateId": "2", "IsActive": False}
    other = {"AlternateIdType": "Loyalty", "AlternateId": "3"}
    record = accept({"AlternateIds": [other, off, one]}, validator)
    assert (record.match_key, record.match_count) == (hash_key(7, "AlternateId", "crm", "1"), 1)
    assert refuse(person(AlternateIds=[other, off]), validator) == [("Match.IdRequired", "$.AlternateIds")]
    assert refuse(person(), validator) == [("Match.IdRequired", "$.AlternateIds")]
    two = {"AlternateIds": [one, one | {"AlternateId": "9"}]}
    assert refuse(two, validator) == [("Match.SeveralIds", "$.AlternateIds")]


def test_a_faulty_id_is_not_reported_as_missing_too() -> None:
    validator = make_validator(match_type="CRM")
    ids = [{"AlternateIdType": "CRM", "AlternateId": ""}]
    assert refuse({"AlternateIds": ids}, validator) == [("String.Blank", "$.AlternateIds[0].AlternateId")]
    assert refuse(person(AlternateIds=5), validator) == [("Value.WrongType", "$.AlternateIds")]


def test_with_a_profile_id_none_or_several_are_no_fault() -> None:
    validator = make_validator(match_type="CRM")
    ids = [{"AlternateIdType": "CRM", "AlternateId": str(number)} for number in range(2)]
    record = accept({"ProfileId": 5, "AlternateIds": ids}, validator)
    assert (record.profile_id, record.match_key, record.match_count) == (5, None, 2)
    assert accept({"ProfileId": 5}, validator).match_count == 0
    assert accept({"ProfileId": 5, "AlternateIds": ids[:1]}, validator).match_key == hash_key(
        7, "AlternateId", "crm", "0"
    )


def test_without_match_criteria_there_is_no_match_key() -> None:
    record = accept({"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "1"}]})
    assert (record.match_key, record.match_count) == (None, 0)


# Delete records


def test_a_delete_record_needs_the_profile_id_or_the_id_of_the_match_type() -> None:
    plain = make_validator(action="Delete")
    by_crm = make_validator(action="Delete", match_type="CRM")
    ids = [
        {"AlternateIdType": "CRM", "AlternateId": "A"},
        {"AlternateIdType": "CRM", "AlternateId": "B", "IsActive": False},
    ]
    assert accept({"ProfileId": 9}, plain).profile_id == 9
    assert accept({"AlternateIds": ids}, by_crm).match_key == hash_key(7, "AlternateId", "crm", "a")
    assert refuse({"AlternateIds": ids}, plain) == [("Match.IdRequired", "$.ProfileId")]
    assert refuse({"AlternateIds": ids[1:]}, by_crm) == [("Match.IdRequired", "$.AlternateIds")]
    assert refuse({"AlternateIds": [ids[0], ids[0] | {"AlternateId": "C"}]}, by_crm) == [
        ("Match.SeveralIds", "$.AlternateIds")
    ]
    assert refuse({"ProfileId": 0}, plain) == [("Number.OutOfRange", "$.ProfileId")]
    assert refuse({"ProfileId": "9"}, plain) == [("Value.WrongType", "$.ProfileId")]
    assert refuse(b"[]", plain) == [("Record.NotAnObject", "$")]


def test_all_other_members_of_a_delete_record_are_accepted_and_ignored() -> None:
    validator = make_validator(action="Delete", match_type="CRM")
    ids = [
        5,
        {"AlternateIdType": "Gone", "AlternateId": 7},
        {"AlternateIdType": "CRM", "AlternateId": "A", "Edited": {}, "New": 1},
    ]
    record = {"ProfileId": 9, "AlternateIds": ids, "Emails": "x", "Other": 1, "CustomerName": {"FirstName": 5}}
    result = accept(record, validator)
    assert (result.profile_id, result.match_count) == (9, 1)
    assert result == accept({"ProfileId": 9, "AlternateIds": ids[2:]}, validator)
    accept(b'{"ProfileId":9,"CustomerName":{"FirstName":"\\ud800"},"X":1e999}', validator)


def test_an_id_of_the_match_type_is_checked() -> None:
    validator = make_validator(action="Delete", match_type="CRM")
    ids = [{"AlternateIdType": "CRM"}, {"AlternateIdType": "CRM", "AlternateId": ""}]
    assert refuse({"AlternateIds": ids}, validator) == [
        ("Value.Required", "$.AlternateIds[0].AlternateId"),
        ("String.Blank", "$.AlternateIds[1].AlternateId"),
    ]
    assert refuse({"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": 5}]}, validator) == [
        ("Value.WrongType", "$.AlternateIds[0].AlternateId")
    ]


def test_only_these_two_members_of_a_valid_delete_record_are_kept() -> None:
    record = accept(example(0), make_validator(action="Delete", match_type="CRM"))
    assert record == accept(
        json.dumps({"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-100-1"}]}).encode(),
        make_validator(action="Delete", match_type="CRM"),
    )
    assert (record.name, record.alternate_ids) == ({}, ())
