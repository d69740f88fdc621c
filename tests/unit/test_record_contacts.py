"""record.md, "Contact elements", as whole records. The tests of single values are in test_contact_values.py."""

from typing import Any

import pytest
from record_cases import accept, make_configuration_index, make_validator, read_document, refuse

ADDRESS = {"Address1": "1 Maple St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}


def email(**members: Any) -> dict[str, Any]:
    return {"Emails": [{"EmailAddress": "a@example.com"} | members]}


def phone(**members: Any) -> dict[str, Any]:
    return {"PhoneNumbers": [{"PhoneNumber": "+12025550143"} | members]}


def address(**members: Any) -> dict[str, Any]:
    return {"Addresses": [ADDRESS | members]}


def test_the_value_members_are_required() -> None:
    assert refuse({"Emails": [{}], "PhoneNumbers": [{}], "Addresses": [{"Address2": "x"}]}) == [
        ("Value.Required", "$.Emails[0].EmailAddress"),
        ("Value.Required", "$.PhoneNumbers[0].PhoneNumber"),
        ("Value.Required", "$.Addresses[0].Address1"),
        ("Value.Required", "$.Addresses[0].City"),
        ("Value.Required", "$.Addresses[0].StateProvince"),
        ("Value.Required", "$.Addresses[0].PostalCode"),
    ]


@pytest.mark.parametrize(
    ("record", "path"),
    [
        (email(EmailAddress="a" * 245 + "@example.com"), "$.Emails[0].EmailAddress"),
        (phone(PhoneNumber="+1 202 555 0143" + " " * 20 + "1"), "$.PhoneNumbers[0].PhoneNumber"),
        (address(Address1="x" * 126), "$.Addresses[0].Address1"),
        (address(Address2="x" * 126), "$.Addresses[0].Address2"),
        (address(City="x" * 51), "$.Addresses[0].City"),
        (address(StateProvince="x" * 51), "$.Addresses[0].StateProvince"),
        (address(PostalCode="x" * 16), "$.Addresses[0].PostalCode"),
        (address(CountryCode_Alpha2="USAA"), "$.Addresses[0].CountryCode_Alpha2"),
    ],
)
def test_the_values_are_bounded(record: Any, path: str) -> None:
    assert refuse(record) == [("String.TooLong", path)]


def test_state_province_has_at_least_two_characters() -> None:
    assert refuse(address(StateProvince="C")) == [("String.TooShort", "$.Addresses[0].StateProvince")]


def test_an_absent_type_is_the_accounts_default_type_of_that_kind() -> None:
    record = accept(email() | phone() | address())
    assert (record.emails[0].type, record.phones[0].type, record.addresses[0].type) == ("Home", "Mobile", "Home")


def test_an_unknown_or_switched_off_type_is_a_fault() -> None:
    record = email(EmailAddressType="X") | phone(PhoneType="X") | address(AddressType="X")
    assert refuse(record) == [
        ("Email.UnknownType", "$.Emails[0].EmailAddressType"),
        ("Phone.UnknownType", "$.PhoneNumbers[0].PhoneType"),
        ("Address.UnknownType", "$.Addresses[0].AddressType"),
    ]
    document = read_document()
    document["emailTypes"][1]["active"] = False
    validator = make_validator(make_configuration_index(document))
    assert refuse(email(EmailAddressType="Work"), validator) == [("Email.UnknownType", "$.Emails[0].EmailAddressType")]


def test_without_a_default_type_the_type_is_required() -> None:
    document = read_document()
    document["emailTypes"] = [{"name": "Home"}]
    assert refuse(email(), make_validator(make_configuration_index(document))) == [
        ("Value.Required", "$.Emails[0].EmailAddressType")
    ]


def test_the_types_own_pattern_matches_the_whole_trimmed_value() -> None:
    document = read_document()
    document["emailTypes"][1]["pattern"] = "[a-z]+@acme[.]example"
    document["phoneTypes"][1]["pattern"] = "[+]1[0-9]{10}"
    validator = make_validator(make_configuration_index(document))
    accept(email(EmailAddressType="Work", EmailAddress=" ada@acme.example "), validator)
    assert refuse(email(EmailAddressType="Work", EmailAddress="ada@acme.example.com"), validator) == [
        ("Email.PatternMismatch", "$.Emails[0].EmailAddress")
    ]
    assert refuse(phone(PhoneType="Home", PhoneNumber="(202) 555-0143"), validator) == [
        ("Phone.PatternMismatch", "$.PhoneNumbers[0].PhoneNumber")
    ]


def test_the_given_form_is_kept_beside_the_compared_one() -> None:
    record = accept(
        email(EmailAddress="Ada@Example.COM") | phone(PhoneNumber="(202) 555-0143") | address(City="  FAIR  view ")
    )
    assert record.emails[0].given == {"EmailAddress": "Ada@Example.COM"}
    assert record.emails[0].compared == "ada@example.com"
    assert record.phones[0].given == {"PhoneNumber": "(202) 555-0143"}
    assert record.addresses[0].given == ADDRESS | {"City": "FAIR  view"}
    assert record.addresses[0].compared == "1 maple st\nfair view\nca\n90210"


def test_address2_and_country_are_read() -> None:
    assert accept(address()).addresses[0].said == {}
    assert accept(address(Address2="", CountryCode_Alpha3="usa")).addresses[0].said == {"Address2": "", "Country": "US"}


@pytest.mark.parametrize(
    ("codes", "faults"),
    [
        ({"CountryCode_Alpha2": "US", "CountryCode_Alpha3": "USA", "CountryCode_Numeric": "840"}, []),
        ({"CountryCode_Numeric": 840}, []),
        ({"CountryCode_Alpha2": "XX"}, [("Address.UnknownCountry", "$.Addresses[0].CountryCode_Alpha2")]),
        ({"CountryCode_Alpha3": "US"}, [("Address.UnknownCountry", "$.Addresses[0].CountryCode_Alpha3")]),
        (
            {"CountryCode_Alpha2": "US", "CountryCode_Alpha3": "CAN", "CountryCode_Numeric": "124"},
            [
                ("Address.CountryDisagrees", "$.Addresses[0].CountryCode_Alpha3"),
                ("Address.CountryDisagrees", "$.Addresses[0].CountryCode_Numeric"),
            ],
        ),
        ({"CountryCode_Alpha2": ""}, [("String.Blank", "$.Addresses[0].CountryCode_Alpha2")]),
    ],
)
def test_country_codes_must_agree_with_each_other(codes: Any, faults: Any) -> None:
    if faults:
        assert refuse(address(**codes)) == faults
    else:
        accept(address(**codes))


def test_at_most_one_default_of_a_kind() -> None:
    two = {"Emails": [{"EmailAddress": f"{name}@example.com", "IsDefault": True} for name in "ab"]}
    assert refuse(two) == [("Contact.SeveralDefaults", "$.Emails[1].IsDefault")]
    accept(email(IsDefault=True) | phone(IsDefault=True) | address(IsDefault=True))


def test_an_inactive_element_is_validated_and_counts_as_not_included() -> None:
    record = accept({"ProfileId": 1} | email(IsActive=False))
    assert record.emails[0].active is False
    assert refuse(email(IsActive=False, EmailAddress="bad")) == [
        ("Email.Malformed", "$.Emails[0].EmailAddress"),
        ("Record.NothingSaid", "$"),
    ]


def test_phone_faults_are_told_apart() -> None:
    numbers = ["12", "call me", "(202) 555-0143 x5"]
    assert refuse({"PhoneNumbers": [{"PhoneNumber": number} for number in numbers]}) == [
        ("Phone.NotPossible", "$.PhoneNumbers[0].PhoneNumber"),
        ("Phone.Malformed", "$.PhoneNumbers[1].PhoneNumber"),
        ("Phone.Extension", "$.PhoneNumbers[2].PhoneNumber"),
    ]


def test_phone_is_read_in_the_accounts_region() -> None:
    document = read_document()
    document["account"]["phoneRegion"] = "DE"
    assert accept(phone(PhoneNumber="030 123456"), make_validator(make_configuration_index(document))).phones[
        0
    ].compared == ("+4930123456")


def test_elements_carry_preferences_and_consents_of_their_own() -> None:
    consent = {"ConsentType": "TextMessages", "ConsentVersion": "2026-01", "Locale": "en_US", "ConsentStatus": 1}
    record = accept(
        email(EmailPreferences=[{"FilterId": "NEWS-EMAIL", "PreferenceType": 1}])
        | phone(PhoneNumberPreferences=[{"FilterId": "OFFERS-PHONE", "PreferenceType": 1}], Consents=[consent])
        | address(AddressPreferences=[{"FilterId": "OFFERS-MAIL", "PreferenceType": 2}])
    )
    assert record.emails[0].preferences[0].filter == "NEWS-EMAIL"
    assert record.phones[0].consents[0].type == "TextMessages"
    assert record.addresses[0].preferences[0].type == 2
