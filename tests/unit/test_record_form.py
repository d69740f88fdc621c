"""record.md, introduction, sentence by sentence: the rules for every member, and the allowed JSON."""

from typing import Any

import pytest
from record_cases import (
    accept,
    check_record,
    example,
    make_configuration_index,
    make_validator,
    person,
    read_document,
    refuse,
)

from consentory.domain.text import hash_key

MEMBERS = (
    "IsActive DefaultLocale RegistrationConfirmed CustomerType PreservePreferences PreserveConsents CustomerName "
    "AlternateIds Emails PhoneNumbers Addresses ProfilePreferences Consents Groups ProfileTags CustomFields "
    "SequenceNumber Phase Exceptions Edited"
)
NULLS = {"ProfileId": 5} | dict.fromkeys(MEMBERS.split())


# Introduction


def test_the_good_record_of_the_example_is_accepted_as_configured() -> None:
    record = accept(example(0), make_validator(match_type="CRM"))
    assert record.match_count == 1
    assert record.match_key == record.alternate_ids[0].key == hash_key(7, "AlternateId", "crm", "c-100-1")
    assert record.name == {"FirstName": "Zoë", "LastName": "Ōkubo"}
    assert (record.emails[0].compared, record.phones[0].compared) == ("zoe.okubo@example.com", "+12025550143")
    assert record.emails[0].default is True
    assert record.emails[0].preferences[0].attributes == {"form": "checkout-7"}
    assert record.phones[0].given == {"PhoneNumber": "(202) 555-0143"}
    assert record.phones[0].mobile is True
    assert record.addresses[0].said == {"Country": "US"}
    assert record.tags == ("loyal",)
    assert record.fields == (("Tier", "gold"), ("Score", "812"))
    assert record.groups[0].primary is True


def test_every_fault_of_a_record_is_reported_not_only_the_first() -> None:
    assert sorted(refuse(example(1), make_validator(match_type="CRM"))) == [
        ("CustomField.PatternMismatch", "$.CustomFields[0].Value"),
        ("Email.Malformed", "$.Emails[0].EmailAddress"),
        ("Preference.UnknownFilter", "$.Emails[0].EmailPreferences[0].FilterId"),
        ("Preference.UnknownType", "$.Emails[0].EmailPreferences[0].PreferenceType"),
        ("Record.UnknownMember", "$.Emial"),
    ]


def test_a_fault_carries_code_message_path_and_value() -> None:
    fault = check_record(example(1))[1]
    assert (fault.Code, fault.Path, fault.Value) == ("Email.Malformed", "$.Emails[0].EmailAddress", "not-an-address")
    assert '"not-an-address"' in fault.Message


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("x" * 300, "x" * 200),
        (["y" * 300], '["' + "y" * 198),
        ({}, "{}"),
        (True, True),
        (1.5, 1.5),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
    ],
)
def test_a_faults_value_is_what_was_sent_cut_at_200_characters(sent: Any, value: Any) -> None:
    assert check_record(person(Other=sent))[0].Value == value


def test_an_absent_or_null_member_counts_as_absent() -> None:
    assert accept(NULLS) == accept({"ProfileId": 5})


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("$.Emial", person(Emial=[])),
        ("$.emails", person(emails=[])),
        ("$.CustomerName.Firstname", {"CustomerName": {"FirstName": "A", "Firstname": "A"}}),
        ("$.AlternateIds[0].X", person(AlternateIds=[{"AlternateIdType": "CRM", "AlternateId": "1", "X": 1}])),
        ("$.Groups[0].Name", person(Groups=[{"GroupType": "Household", "GroupName": "A", "Name": 1}])),
        ("$.ProfileTags[0].Tag", person(ProfileTags=[{"Name": "a", "Tag": "b"}])),
        ("$.CustomFields[0].value", person(CustomFields=[{"Name": "Tier", "value": "gold"}])),
        ("$['a b']", person(**{"a b": 1})),
        ("$['it\\'s']", person(**{"it's": 1})),
        ("$['" + "é" * 200 + "']", person(**{"é" * 999: 1})),
    ],
)
def test_an_unknown_member_is_a_fault_never_silently_dropped(path: str, record: Any) -> None:
    assert refuse(record) == [("Record.UnknownMember", path)]


@pytest.mark.parametrize("value", [None, 1, "x", [1], {"a": {"b": []}}])
def test_ro_members_are_accepted_and_ignored_at_every_level(value: Any) -> None:
    ro = {"Exceptions": value, "Edited": value, "Phase": value}
    preference = {"FilterId": "OFFERS-EMAIL", "PreferenceType": 1} | ro
    read_only = (
        "ProgramId ChannelId MatchType ReasonCode ExpirationDate PreferenceStatus LastModifiedDate UserId SourceId"
    )
    preference |= dict.fromkeys(read_only.split(), value) | {"Consents": value}
    preference["PreferenceAttributes"] = [{"Key": "k", "Value": "v"} | ro]
    consent = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": 1}
    consent |= ro | {"ExpirationDate": value, "Expired": value, "Evidence": {"Method": "x"} | ro}
    cass = "CassAddress1 CassAddress2 CassCity CassStateProvince CassPostalCode CassStatus Country"
    address = {"Address1": "1", "City": "b", "StateProvince": "CA", "PostalCode": "9"} | dict.fromkeys(
        cass.split(), value
    )
    record = {
        "SequenceNumber": value,
        "CustomerName": {"FirstName": "A"} | ro,
        "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "1"} | ro],
        "Emails": [{"EmailAddress": "a@example.com", "EmailPreferences": [preference], "Consents": [consent]} | ro],
        "PhoneNumbers": [{"PhoneNumber": "+12025550143", "PhoneNumberNumeric": value} | ro],
        "Addresses": [address | ro],
        "Consents": [consent],
        "Groups": [{"GroupType": "Household", "GroupName": "a"} | ro],
        "ProfileTags": [{"Name": "a"} | ro],
        "CustomFields": [{"Name": "Tier", "Value": "gold"} | ro],
    }
    result = accept(record | ro)
    assert result.emails[0].preferences[0].attributes == {"k": "v"}


def test_any_json_inside_an_ro_member_is_ignored_too() -> None:
    accept(b'{"ProfileId":1,"Edited":{"a":1e999,"b":"\\ud800"}}')


def test_strings_are_trimmed() -> None:
    record = accept(
        {
            "CustomerName": {"FirstName": "  Ada\t\n", "LastName": "\u00a0\u3000Lovelace\u2003"},
            "CustomerType": " Customer ",
            "AlternateIds": [{"AlternateIdType": " CRM ", "AlternateId": " a-1 "}],
            "Emails": [{"EmailAddressType": "Work ", "EmailAddress": " a@example.com "}],
            "ProfileTags": [{"Name": " vip "}],
            "ProfilePreferences": [
                {"FilterId": " DATA-SHARING ", "PreferenceType": " OptIn ", "CustomerDate": " 2026-03-01T00:00:00Z "}
            ],
        }
    )
    assert record.name == {"FirstName": "Ada", "LastName": "Lovelace"}
    assert record.alternate_ids[0].value == "a-1"
    assert record.emails[0].given == {"EmailAddress": "a@example.com"}
    assert record.tags == ("vip",)
    assert record.preferences[0].type == 1


@pytest.mark.parametrize("character", ["\u0000", "\t", "\n", "\u001f", "\u007f", "\u0085", "\u009f"])
def test_no_control_characters(character: str) -> None:
    assert refuse({"CustomerName": {"FirstName": f"A{character}da"}}) == [
        ("String.ControlCharacter", "$.CustomerName.FirstName")
    ]


def test_a_control_character_that_is_no_white_space_is_not_trimmed_away() -> None:
    assert refuse({"CustomerName": {"FirstName": "Ada\u001f"}}) == [
        ("String.ControlCharacter", "$.CustomerName.FirstName")
    ]


def test_lengths_count_code_points_after_trimming() -> None:
    accept({"CustomerName": {"Prefix": "  " + "\U0001f600" * 20 + "  "}})
    assert refuse({"CustomerName": {"Prefix": "\U0001f600" * 21}}) == [("String.TooLong", "$.CustomerName.Prefix")]


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("$.DefaultLocale", {"DefaultLocale": ""}),
        ("$.CustomerType", {"CustomerType": " "}),
        ("$.AlternateIds[0].AlternateId", {"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": ""}]}),
        ("$.AlternateIds[0].AlternateIdType", {"AlternateIds": [{"AlternateIdType": "", "AlternateId": "1"}]}),
        ("$.Emails[0].EmailAddress", {"Emails": [{"EmailAddress": "  "}]}),
        ("$.PhoneNumbers[0].PhoneNumber", {"PhoneNumbers": [{"PhoneNumber": ""}]}),
        ("$.Groups[0].GroupName", {"Groups": [{"GroupType": "Household", "GroupName": ""}]}),
        ("$.ProfileTags[0].Name", {"ProfileTags": [{"Name": "\u3000"}]}),
        ("$.CustomFields[0].Name", {"CustomFields": [{"Name": "", "Value": "x"}]}),
    ],
)
def test_a_blank_is_a_fault_where_it_is_not_allowed(path: str, member: dict[str, Any]) -> None:
    assert refuse(person(**member)) == [("String.Blank", path)]


def test_a_blank_clears_where_it_is_allowed() -> None:
    record = accept(
        {"CustomerName": {"Prefix": "", "Suffix": " "}, "CustomFields": [{"Name": "Nickname", "Value": ""}]}
    )
    assert record.name == {"Prefix": "", "Suffix": ""}
    assert record.fields == (("Nickname", ""),)


def test_names_from_the_configuration_are_caseless_and_given_back_as_configured() -> None:
    record = accept(
        {
            "DefaultLocale": "EN_us",
            "CustomerType": "PROSPECT",
            "AlternateIds": [{"AlternateIdType": "loyalty", "AlternateId": "Ab"}],
            "Emails": [{"EmailAddressType": "wORK", "EmailAddress": "a@example.com"}],
            "Groups": [{"GroupType": "houseHOLD", "GroupName": "Okubo"}],
            "CustomFields": [{"Name": "tier", "Value": "GOLD"}],
            "ProfilePreferences": [{"FilterId": "data-sharing", "PreferenceType": 1}],
        }
    )
    assert (record.locale, record.customer_type) == ("en_US", "Prospect")
    assert (record.alternate_ids[0].type, record.alternate_ids[0].folded) == ("Loyalty", "ab")
    assert (record.emails[0].type, record.groups[0].type) == ("Work", "Household")
    assert record.fields == (("Tier", "gold"),)
    assert record.preferences[0].filter == "DATA-SHARING"


def test_caseless_means_nfc_and_full_case_folding() -> None:
    document = read_document()
    document["customerTypes"].append({"name": "Großkunde É"})
    validator = make_validator(make_configuration_index(document))
    assert accept(person(CustomerType="GROSSKUNDE e\u0301"), validator).customer_type == "Großkunde É"


def test_defaults_are_filled_in_at_creation_not_at_staging() -> None:
    record = accept(person())
    assert (record.locale, record.customer_type, record.registered, record.active) == (None, None, None, None)


# Types


@pytest.mark.parametrize(
    ("code", "path", "member"),
    [
        ("Value.WrongType", "$.ProfileId", {"ProfileId": "1"}),
        ("Value.WrongType", "$.ProfileId", {"ProfileId": True}),
        ("Value.WrongType", "$.ProfileId", {"ProfileId": 1.5}),
        ("Value.WrongType", "$.IsActive", {"IsActive": "true"}),
        ("Value.WrongType", "$.IsActive", {"IsActive": 2}),
        ("Value.WrongType", "$.RegistrationConfirmed", {"RegistrationConfirmed": 1}),
        ("Value.WrongType", "$.DefaultLocale", {"DefaultLocale": 1}),
        ("Value.WrongType", "$.Emails", {"Emails": {}}),
        ("Value.WrongType", "$.Emails[0]", {"Emails": [None]}),
        ("Value.WrongType", "$.Emails[0]", {"Emails": ["a@example.com"]}),
        ("Value.WrongType", "$.Emails[0].EmailAddress", {"Emails": [{"EmailAddress": 5}]}),
        ("Value.WrongType", "$.Emails[0].IsActive", {"Emails": [{"EmailAddress": "a@example.com", "IsActive": 1}]}),
        ("Value.WrongType", "$.AlternateIds", {"AlternateIds": "x"}),
        ("Value.WrongType", "$.ProfilePreferences[0]", {"ProfilePreferences": [[]]}),
        ("Value.WrongType", "$.ProfileTags[0].Name", {"ProfileTags": [{"Name": ["x"]}]}),
        ("Value.WrongType", "$.CustomFields[0].Value", {"CustomFields": [{"Name": "Score", "Value": 812}]}),
    ],
)
def test_a_value_of_the_wrong_type_is_reported_once(code: str, path: str, member: dict[str, Any]) -> None:
    assert refuse(person(**member)) == [(code, path)]


def test_a_wrong_type_does_not_suppress_faults_elsewhere() -> None:
    record = {
        "CustomerName": 5,
        "Emails": [7, {"EmailAddress": "bad", "EmailPreferences": "x", "Other": 1}],
        "ProfileTags": [{"Name": ""}],
        "CustomFields": [{"Name": "Score", "Value": "many"}, None],
        "Consents": [{"ConsentType": 1}],
    }
    assert sorted(refuse(record)) == [
        ("CustomField.NotANumber", "$.CustomFields[0].Value"),
        ("Email.Malformed", "$.Emails[1].EmailAddress"),
        ("Record.UnknownMember", "$.Emails[1].Other"),
        ("String.Blank", "$.ProfileTags[0].Name"),
        ("Value.Required", "$.Consents[0].ConsentStatus"),
        ("Value.Required", "$.Consents[0].ConsentVersion"),
        ("Value.Required", "$.Consents[0].Locale"),
        ("Value.WrongType", "$.Consents[0].ConsentType"),
        ("Value.WrongType", "$.CustomFields[1]"),
        ("Value.WrongType", "$.CustomerName"),
        ("Value.WrongType", "$.Emails[0]"),
        ("Value.WrongType", "$.Emails[1].EmailPreferences"),
    ]


@pytest.mark.parametrize(
    "raw", [b"5", b"null", b'"x"', b"[]", b"true", b"1e999", b'"\\ud800"', b"[" * 9999 + b"]" * 9999]
)
def test_a_record_that_is_not_an_object(raw: bytes) -> None:
    assert refuse(raw) == [("Record.NotAnObject", "$")]


def test_a_record_nested_without_end_is_one_fault() -> None:
    assert refuse(b'{"Emails":' + b"[" * 9999 + b"]" * 9999 + b"}") == [("Record.TooDeep", "$")]


def test_a_lone_surrogate_is_one_records_fault() -> None:
    raw = b'{"CustomerName":{"FirstName":"a\\ud800"},"ProfileTags":[{"Name":"\\udc00"}],"\\ud801":1}'
    assert refuse(raw) == [
        ("String.NotUnicode", "$.CustomerName.FirstName"),
        ("String.NotUnicode", "$.ProfileTags[0].Name"),
        ("Record.UnknownMember", "$['\ufffd']"),
    ]
    assert check_record(raw)[0].Value == "a\ufffd"
    accept(b'{"CustomerName":{"FirstName":"\\ud83d\\ude00"}}')


@pytest.mark.parametrize(
    "number", [b"1e999", b"-1e999", b"9" * 30, b"9" * 3_000_000, b"9223372036854775808", b"0", b"-5"]
)
def test_a_number_out_of_range(number: bytes) -> None:
    assert refuse(b'{"ProfileId":' + number + b"}") == [("Number.OutOfRange", "$.ProfileId")]


@pytest.mark.parametrize("number", [b"1", b"9223372036854775807"])
def test_profile_id_is_positive_and_64_bits(number: bytes) -> None:
    assert accept(b'{"ProfileId":' + number + b"}").profile_id == int(number)


@pytest.mark.parametrize(("number", "whole"), [(b"1.0", True), (b"1e2", True), (b"1.00000000000000000000001", False)])
def test_an_integer_may_be_written_with_a_fraction_of_zero(number: bytes, whole: bool) -> None:
    raw = b'{"ProfileId":' + number + b"}"
    if whole:
        assert accept(raw).profile_id == float(number)
    else:
        assert refuse(raw) == [("Value.WrongType", "$.ProfileId")]


def test_the_last_of_a_repeated_member_counts() -> None:
    assert accept(b'{"ProfileId":1,"ProfileId":2}').profile_id == 2
    assert accept(b'{"ProfileId":"x","ProfileId":2}').profile_id == 2
    assert refuse(b'{"ProfileId":2,"ProfileId":"x"}') == [("Value.WrongType", "$.ProfileId")]


def test_the_faults_of_one_record_are_bounded() -> None:
    faults = check_record({f"m{number}": number for number in range(12_000)})
    assert len(faults) == 10_001
    assert faults[-1].Code == "Record.TooManyFaults"
