"""Every fault for which a record is refused, as a small function that puts the fault into a valid record.

The account is the account of demo_account.yaml. The import is an `Add` that matches by the alternate id type CRM.
A function takes a person's record, changes it in place, and returns the value to write in place of the record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Person = dict[str, Any]
Fault = Callable[[Person], object]

_DATE = "2026-02-03T10:00:00Z"


def _say(**members: object) -> Fault:
    """Set these members of the record."""

    def spoil(person: Person) -> object:
        person.update(members)
        return person

    return spoil


def _add(array: str, *elements: object) -> Fault:
    """Add these elements to an array of the record."""

    def spoil(person: Person) -> object:
        person[array] = [*person.get(array, ()), *elements]
        return person

    return spoil


def _email(**members: object) -> Fault:
    return _add("Emails", {"EmailAddress": "someone@example.com", **members})


def _phone(**members: object) -> Fault:
    return _add("PhoneNumbers", {"PhoneNumber": "+12025550143", **members})


def _address(**members: object) -> Fault:
    home = {"Address1": "1 Elm St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}
    return _add("Addresses", {**home, **members})


def _choice(**members: object) -> dict[str, object]:
    return {"FilterId": "NEWS-EMAIL", "PreferenceType": 2, "CustomerDate": _DATE, **members}


def _preference(**members: object) -> Fault:
    """Add an email with a preference that differs from a valid preference in these members."""
    return _email(EmailPreferences=[_choice(**members)])


def _agreement(**members: object) -> dict[str, object]:
    good = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": 1}
    return {**good, "ConsentDate": _DATE, **members}


def _consent(**members: object) -> Fault:
    """Add an email with a consent that differs from a valid consent in these members."""
    return _email(Consents=[_agreement(**members)])


def _evidence(**members: object) -> Fault:
    return _consent(Evidence=members)


def _field(name: object, value: object) -> Fault:
    """Set the value of this custom field."""

    def spoil(person: Person) -> object:
        others = [field for field in person.get("CustomFields", ()) if field["Name"] != name]
        person["CustomFields"] = [*others, {"Name": name, "Value": value}]
        return person

    return spoil


def _drop_match_id(person: Person) -> object:
    person["AlternateIds"] = [{"AlternateIdType": "Loyalty", "AlternateId": "no other id"}]
    return person


def _repeat_match_id(person: Person) -> object:
    person["AlternateIds"] = [*person["AlternateIds"], person["AlternateIds"][0]]
    return person


_TWO_DEFAULT_EMAILS = (
    {"EmailAddress": "first@example.com", "IsDefault": True},
    {"EmailAddress": "second@example.com", "IsDefault": True},
)
_TWO_DEFAULT_PHONES = (
    {"PhoneNumber": "+12025550101", "IsDefault": True},
    {"PhoneNumber": "+12025550102", "IsDefault": True},
)
_SAME_PHONE_TWICE = ({"PhoneNumber": "(202) 555-0177"}, {"PhoneNumber": "+1 202 555 0177"})
_SAME_EMAIL_TWICE = ({"EmailAddress": "Twin@Example.com"}, {"EmailAddress": "twin@example.com"})

_RECORD: dict[str, Fault] = {
    "the record is a string": lambda _: "not a record",
    "the record is an array": lambda person: [person],
    "a lone surrogate": _say(CustomerName={"FirstName": "\ud83d"}),
    "a control character": _say(CustomerName={"FirstName": "Bell\u0007"}),
    "a number out of range": _say(ProfileId=10**40),
    "nothing to match by": lambda _: {"CustomerType": "Customer"},
    "an unknown member": _say(Emial=[]),
    "an unknown member of a name": _say(CustomerName={"FirstName": "Ann", "Nickname": "Annie"}),
    "a ProfileId of 0": _say(ProfileId=0),
    "a negative ProfileId": _say(ProfileId=-7),
    "a ProfileId that is text": _say(ProfileId="seven"),
    "an IsActive that is a word": _say(IsActive="yes"),
    "an IsActive of 2": _say(IsActive=2),
    "a locale that is not the account's": _say(DefaultLocale="de_DE"),
    "a locale that is too long": _say(DefaultLocale="en_US_with_much_more"),
    "a RegistrationConfirmed that is a word": _say(RegistrationConfirmed="confirmed"),
    "an unknown customer type": _say(CustomerType="Alien"),
    "a customer type that is switched off": _say(CustomerType="Wholesale"),
    "a customer type that is too long": _say(CustomerType="C" * 101),
    "a PreservePreferences that is a word": _say(PreservePreferences="no"),
    "a PreserveConsents that is a word": _say(PreserveConsents="no"),
    "a name that is a string": _say(CustomerName="Ann Smith"),
    "a first name that is a number": _say(CustomerName={"FirstName": 7}),
    "a prefix that is too long": _say(CustomerName={"Prefix": "P" * 21}),
    "a first name that is too long": _say(CustomerName={"FirstName": "F" * 101}),
    "a middle name that is too long": _say(CustomerName={"MiddleName": "M" * 101}),
    "a last name that is too long": _say(CustomerName={"LastName": "L" * 101}),
    "a suffix that is too long": _say(CustomerName={"Suffix": "S" * 21}),
    "alternate ids that are no array": _say(AlternateIds={"CRM": "1"}),
    "no id of the match type": _drop_match_id,
    "two ids of the match type": _add("AlternateIds", {"AlternateIdType": "CRM", "AlternateId": "ANOTHER-ONE"}),
    "the same alternate id twice": _repeat_match_id,
    "an alternate id without a type": _add("AlternateIds", {"AlternateId": "1"}),
    "an unknown alternate id type": _add("AlternateIds", {"AlternateIdType": "Tax", "AlternateId": "1"}),
    "an alternate id type switched off": _add("AlternateIds", {"AlternateIdType": "Till", "AlternateId": "1"}),
    "an alternate id without a value": _add("AlternateIds", {"AlternateIdType": "Loyalty"}),
    "a blank alternate id": _add("AlternateIds", {"AlternateIdType": "Loyalty", "AlternateId": "  "}),
    "an alternate id that is too long": _add("AlternateIds", {"AlternateIdType": "Loyalty", "AlternateId": "9" * 257}),
    "an alternate id against its pattern": _say(
        AlternateIds=[{"AlternateIdType": "CRM", "AlternateId": "no spaces, please"}]
    ),
    "a group without a type": _add("Groups", {"GroupName": "Smith"}),
    "an unknown group type": _add("Groups", {"GroupType": "Club", "GroupName": "Chess"}),
    "a group type that is too long": _add("Groups", {"GroupType": "G" * 101, "GroupName": "Chess"}),
    "a group without a name": _add("Groups", {"GroupType": "Household"}),
    "a group name that is blank": _add("Groups", {"GroupType": "Household", "GroupName": ""}),
    "a group name that is too long": _add("Groups", {"GroupType": "Household", "GroupName": "G" * 101}),
    "an IsPrimary that is a word": _add("Groups", {"GroupType": "Household", "GroupName": "Smith", "IsPrimary": "yes"}),
    "the same group twice": _add("Groups", *[{"GroupType": "Household", "GroupName": "Twins"}] * 2),
    "a tag without a name": _add("ProfileTags", {"Name": None}),
    "a tag that is blank": _add("ProfileTags", {"Name": " "}),
    "a tag that is too long": _add("ProfileTags", {"Name": "t" * 101}),
    "the same tag twice": _add("ProfileTags", {"Name": "Straße"}, {"Name": "STRASSE"}),
    "more than a hundred tags": _say(ProfileTags=[{"Name": f"tag {number}"} for number in range(101)]),
}

_ELEMENTS: dict[str, Fault] = {
    "an email without @": _email(EmailAddress="not-an-address"),
    "an email with two dots": _email(EmailAddress="two..dots@example.com"),
    "an email of a special-use domain": _email(EmailAddress="robot@shop.test"),
    "an email of this very host": _email(EmailAddress="root@localhost"),
    "an email without a value": _email(EmailAddress=None),
    "an email that is blank": _email(EmailAddress=""),
    "an email that is too long": _email(EmailAddress="e" * 250 + "@example.com"),
    "an email against its type's pattern": _email(EmailAddressType="Work", EmailAddress="me@home.example"),
    "an unknown email type": _email(EmailAddressType="Holiday"),
    "an unknown member of an email": _email(Verified=True),
    "an IsDefault that is a word": _email(IsDefault="yes"),
    "an email's IsActive that is a word": _email(IsActive="no"),
    "two default emails": _add("Emails", *_TWO_DEFAULT_EMAILS),
    "the same email twice": _add("Emails", *_SAME_EMAIL_TWICE),
    "a phone number that is too short": _phone(PhoneNumber="555"),
    "a phone number that is too long": _phone(PhoneNumber="+1 202 555 0143 99999999999999999"),
    "a phone number with too many digits": _phone(PhoneNumber="+120255501439999"),
    "a phone number that is a word": _phone(PhoneNumber="call my mother"),
    "a phone number with an extension": _phone(PhoneNumber="(202) 555-0143 x12"),
    "a phone number of no country": _phone(PhoneNumber="+999 202 555 0143"),
    "a phone number without a value": _phone(PhoneNumber=None),
    "a phone number against its type's pattern": _phone(PhoneType="Home", PhoneNumber="202/555/0143"),
    "an unknown phone type": _phone(PhoneType="Pager"),
    "an IsMobile that is a word": _phone(IsMobile="yes"),
    "two default phone numbers": _add("PhoneNumbers", *_TWO_DEFAULT_PHONES),
    "the same phone number twice": _add("PhoneNumbers", *_SAME_PHONE_TWICE),
    "an address without a first line": _address(Address1=None),
    "an address without a city": _address(City=None),
    "an address without a state": _address(StateProvince=None),
    "an address without a postal code": _address(PostalCode=None),
    "an address line that is blank": _address(Address1=""),
    "an address line that is too long": _address(Address1="1 " + "Long " * 30),
    "a second address line that is too long": _address(Address2="2" * 126),
    "a city that is too long": _address(City="C" * 51),
    "a state of one letter": _address(StateProvince="C"),
    "a state that is too long": _address(StateProvince="S" * 51),
    "a postal code that is too long": _address(PostalCode="9" * 16),
    "an unknown country": _address(CountryCode_Alpha2="QQ"),
    "a country that is no code": _address(CountryCode_Alpha3="Canada"),
    "an unknown country number": _address(CountryCode_Numeric="999"),
    "countries that disagree": _address(CountryCode_Alpha2="US", CountryCode_Alpha3="CAN"),
    "an unknown address type": _address(AddressType="Seaside"),
    "two default addresses": _add(
        "Addresses",
        *(
            {"Address1": f"{number} Elm St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"}
            | {"IsDefault": True}
            for number in (1, 2)
        ),
    ),
    "the same address twice": _add(
        "Addresses",
        {"Address1": "5 Elm  St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210"},
        {"Address1": "5 ELM ST", "City": "FAIRVIEW", "StateProvince": "CA", "PostalCode": "90210"},
    ),
}

_CHOICES: dict[str, Fault] = {
    "a preference without a filter": _preference(FilterId=None),
    "an unknown filter": _preference(FilterId="NO-SUCH"),
    "a filter that is switched off": _phone(PhoneNumberPreferences=[_choice(FilterId="NEWS-FAX")]),
    "a filter that is too long": _preference(FilterId="F" * 51),
    "a phone filter under an email": _preference(FilterId="OFFERS-PHONE"),
    "a person's filter under an email": _preference(FilterId="DATA-SHARING"),
    "an email filter under a phone number": _phone(PhoneNumberPreferences=[_choice()]),
    "an email filter under an address": _address(AddressPreferences=[_choice()]),
    "an email filter on the person": _add("ProfilePreferences", _choice()),
    "a text filter on a number that is not mobile": _phone(
        IsMobile=False, PhoneNumberPreferences=[_choice(FilterId="NEWS-TEXT")]
    ),
    "a preference without a type": _preference(PreferenceType=None),
    "a preference type of 3": _preference(PreferenceType=3),
    "a preference type that is a word": _preference(PreferenceType="Maybe"),
    "a frequency that the filter lacks": _preference(FrequencyId="Hourly"),
    "a frequency where there is none": _preference(FilterId="OFFERS-EMAIL", FrequencyId="Weekly"),
    "a frequency that is too long": _preference(FrequencyId="F" * 21),
    "an unknown member of a preference": _preference(Mood="good"),
    "the same filter twice in one place": _email(EmailPreferences=[_choice(), _choice(PreferenceType=1)]),
    "an attribute without a key": _preference(PreferenceAttributes=[{"Value": "1"}]),
    "an attribute key that is blank": _preference(PreferenceAttributes=[{"Key": "", "Value": "1"}]),
    "an attribute key that is too long": _preference(PreferenceAttributes=[{"Key": "k" * 101, "Value": "1"}]),
    "an attribute key that is reserved": _preference(PreferenceAttributes=[{"Key": "$form", "Value": "1"}]),
    "the same attribute key twice": _preference(PreferenceAttributes=[{"Key": "form", "Value": "1"}] * 2),
    "an attribute that is too long": _preference(PreferenceAttributes=[{"Key": "k", "Value": "v" * 1001}]),
    "more than fifty attributes": _preference(
        PreferenceAttributes=[{"Key": f"key{number}", "Value": "1"} for number in range(51)]
    ),
    "a preference without a date": _preference(CustomerDate=None),
    "a date in another form": _preference(CustomerDate="03/01/2026"),
    "a day that does not exist": _preference(CustomerDate="2025-02-29"),
    "a time that the clocks skip": _preference(CustomerDate="2026-03-08T02:30:00"),
    "a date before all years": _preference(CustomerDate="0001-01-01T00:00:00+14:00"),
    "a choice in the future": _preference(CustomerDate="2199-01-01T00:00:00Z"),
    "a day in the future": _preference(CustomerDate="2199-01-01"),
    "a consent without a type": _consent(ConsentType=None),
    "an unknown consent type": _consent(ConsentType="Horoscope"),
    "a consent type that is switched off": _consent(ConsentType="CookieBanner", ConsentVersion="1"),
    "a consent type that is too long": _consent(ConsentType="T" * 101),
    "a consent without a version": _consent(ConsentVersion=None),
    "an unknown consent version": _consent(ConsentVersion="9.9"),
    "a consent version that is too long": _consent(ConsentVersion="1" * 51),
    "a consent without a locale": _consent(Locale=None),
    "a consent in a locale without a text": _consent(Locale="fr_CA"),
    "a consent without a status": _consent(ConsentStatus=None),
    "a consent status of 5": _consent(ConsentStatus=5),
    "a consent status that is a word": _consent(ConsentStatus="Perhaps"),
    "a consent without a date": _consent(ConsentDate=None),
    "a consent date that is a number": _consent(ConsentDate=1767225600),
    "a consent in the future": _consent(ConsentDate="2199-01-01"),
    "an unknown member of a consent": _consent(Witness="my cat"),
    "a yes to a prior version": _consent(ConsentVersion="1.0"),
    "an unset prior version": _consent(ConsentVersion="1.0", ConsentStatus="NotSet"),
    "the same consent twice in one place": _email(Consents=[_agreement(), _agreement(ConsentStatus=3)]),
    "evidence that is a string": _consent(Evidence="on paper"),
    "an unknown member of evidence": _evidence(Signature="a scrawl"),
    "an evidence method that is too long": _evidence(Method="m" * 51),
    "an evidence system that is too long": _evidence(SourceSystem="s" * 101),
    "an evidence event that is too long": _evidence(SourceEventId="e" * 101),
    "an evidence address that is too long": _evidence(Url="https://example.com/" + "u" * 2000),
    "an evidence agent that is too long": _evidence(UserAgent="a" * 501),
    "an evidence reference that is too long": _evidence(Reference="r" * 501),
    "an evidence IP address that is none": _evidence(IpAddress="999.1.1.1"),
}

_FIELDS: dict[str, Fault] = {
    "a custom field without a name": _field(None, "1"),
    "an unknown custom field": _field("ShoeSize", "43"),
    "a custom field name that is too long": _field("N" * 95, "1"),
    "a custom field value that is a number": _field("Score", 812),
    "a custom field value that is too long": _field("Segment", "s" * 4001),
    "the same custom field twice": _add("CustomFields", *[{"Name": "Segment", "Value": "A"}] * 2),
    "a required custom field left blank": _field("Tier", ""),
    "a text against its pattern": _field("Store", "Q1"),
    "a text that is too long": _field("Store", "S12345678901"),
    "a text that is too short": _field("Nickname", "X"),
    "a number that is a word": _field("Score", "many"),
    "a number below its range": _field("Score", "-0.5"),
    "a number above its range": _field("Score", "100000.01"),
    "a date field that is no date": _field("FirstPurchase", "last summer"),
    "an option that the list lacks": _field("Tier", "platinum"),
    "several options where one is allowed": _field("Tier", "silver::gold"),
    "several options, one unknown": _field("Interests", "books::gossip"),
    "several options, one twice": _field("Interests", "books::music::books"),
}

FAULTS: dict[str, Fault] = {**_RECORD, **_ELEMENTS, **_CHOICES, **_FIELDS}
"""Each fault by its name."""

COMMON_FAULTS: tuple[str, ...] = (
    *["an email without @"] * 5,
    *["a phone number that is too short"] * 3,
    *["an unknown filter"] * 2,
    "a date in another form",
)
"""The most frequent faults of real files, each as often as its weight."""
