"""record.md, "Preference", "Consent" and the dates of both."""

from typing import Any

import pytest
from record_cases import (
    STAGED_AT,
    accept,
    check_record,
    make_configuration_index,
    make_validator,
    micros,
    person,
    read_document,
    refuse,
)

NOW = micros(STAGED_AT.isoformat())


def preference(**members: Any) -> dict[str, Any]:
    return {"ProfilePreferences": [{"FilterId": "DATA-SHARING", "PreferenceType": 1} | members]}


def by_email(**members: Any) -> dict[str, Any]:
    chosen = {"FilterId": "NEWS-EMAIL", "PreferenceType": 1} | members
    return {"Emails": [{"EmailAddress": "a@example.com", "EmailPreferences": [chosen]}]}


def consent(**members: Any) -> dict[str, Any]:
    given = {"ConsentType": "PrivacyPolicy", "ConsentVersion": "2.0", "Locale": "en_US", "ConsentStatus": 1}
    return {"Consents": [given | members]}


AT = "$.ProfilePreferences[0]"
MAIL = "$.Emails[0].EmailPreferences[0]"
OF = "$.Consents[0]"


# Preference


def test_filter_and_type_are_required() -> None:
    assert refuse({"ProfilePreferences": [{}]}) == [
        ("Value.Required", f"{AT}.FilterId"),
        ("Value.Required", f"{AT}.PreferenceType"),
    ]


def test_the_filter_is_configured_and_active() -> None:
    assert refuse(preference(FilterId="NOPE")) == [("Preference.UnknownFilter", f"{AT}.FilterId")]
    assert refuse(preference(FilterId="x" * 51)) == [("String.TooLong", f"{AT}.FilterId")]
    for switch_off in (lambda program: program.update(active=False), lambda p: p["filters"][0].update(active=False)):
        document = read_document()
        switch_off(document["programs"][2])
        validator = make_validator(make_configuration_index(document))
        assert refuse(preference(), validator) == [("Preference.UnknownFilter", f"{AT}.FilterId")]


PLACES = {
    "Emails": ({"EmailAddress": "a@example.com"}, "EmailPreferences"),
    "PhoneNumbers": ({"PhoneNumber": "+12025550143"}, "PhoneNumberPreferences"),
    "Addresses": (
        {"Address1": "1", "City": "B", "StateProvince": "CA", "PostalCode": "9"},
        "AddressPreferences",
    ),
}


@pytest.mark.parametrize("place", [*PLACES, "ProfilePreferences"])
@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("NEWS-EMAIL", "Emails"),
        ("OFFERS-PHONE", "PhoneNumbers"),
        ("NEWS-TEXT", "PhoneNumbers"),
        ("OFFERS-FAX", "PhoneNumbers"),
        ("OFFERS-MAIL", "Addresses"),
        ("DATA-SHARING", "ProfilePreferences"),
    ],
)
def test_the_filters_channel_must_fit_the_place(place: str, name: str, fits: str) -> None:
    document = read_document()
    document["programs"][1]["filters"].append({"id": "OFFERS-FAX", "name": "Fax", "channel": "Fax"})
    validator = make_validator(make_configuration_index(document))
    chosen = [{"FilterId": name, "PreferenceType": 2}]
    if place == "ProfilePreferences":
        record, path = {place: chosen}, "$.ProfilePreferences[0].FilterId"
    else:
        element, member = PLACES[place]
        record, path = {place: [element | {member: chosen}]}, f"$.{place}[0].{member}[0].FilterId"
    if place == fits:
        accept(record, validator)
    else:
        assert refuse(record, validator) == [("Preference.WrongPlace", path)]


@pytest.mark.parametrize(("mobile", "good"), [(True, True), (None, True), (False, False)])
def test_text_only_where_is_mobile_is_not_false(mobile: bool | None, good: bool) -> None:
    chosen = [{"FilterId": "NEWS-TEXT", "PreferenceType": 2}, {"FilterId": "OFFERS-PHONE", "PreferenceType": 1}]
    number = {"PhoneNumber": "+12025550143", "IsMobile": mobile, "PhoneNumberPreferences": chosen}
    record = {"PhoneNumbers": [number]}
    if good:
        assert accept(record).phones[0].mobile is mobile
    else:
        path = "$.PhoneNumbers[0].PhoneNumberPreferences[0].FilterId"
        assert refuse(record) == [("Preference.NotMobile", path)]


@pytest.mark.parametrize(("sent", "kind"), [(1, 1), (2, 2), ("OptIn", 1), ("OptOut", 2), (1.0, 1)])
def test_preference_type_is_a_number_or_a_name(sent: Any, kind: int) -> None:
    assert accept(preference(PreferenceType=sent)).preferences[0].type == kind


@pytest.mark.parametrize("sent", [0, 3, -1, "optin", "1", "", "Opt-In"])
def test_another_preference_type_is_a_fault(sent: Any) -> None:
    assert refuse(preference(PreferenceType=sent)) == [("Preference.UnknownType", f"{AT}.PreferenceType")]


@pytest.mark.parametrize("sent", [True, 1.5, [], {}])
def test_a_preference_type_of_another_json_type(sent: Any) -> None:
    assert refuse(preference(PreferenceType=sent)) == [("Value.WrongType", f"{AT}.PreferenceType")]


def test_frequency_is_one_of_the_filters() -> None:
    assert accept(by_email(FrequencyId="MONTHLY")).emails[0].preferences[0].frequency == "Monthly"
    assert accept(by_email()).emails[0].preferences[0].frequency is None
    assert refuse(by_email(FrequencyId="Yearly")) == [("Preference.UnknownFrequency", f"{MAIL}.FrequencyId")]
    assert refuse(by_email(FrequencyId="x" * 21)) == [("String.TooLong", f"{MAIL}.FrequencyId")]
    assert refuse(preference(FrequencyId="Weekly")) == [("Preference.UnknownFrequency", f"{AT}.FrequencyId")]


def test_attributes() -> None:
    attributes = [{"Key": " form ", "Value": " checkout-7 "}, {"Key": "Form", "Value": ""}, {"Key": "x"}]
    record = accept(preference(PreferenceAttributes=attributes))
    assert record.preferences[0].attributes == {"form": "checkout-7", "Form": "", "x": ""}
    assert accept(preference(PreferenceAttributes=[])).preferences[0].attributes is None


def test_attribute_faults() -> None:
    attributes = [
        {"Value": "v"}, {"Key": "k" * 101}, {"Key": "k", "Value": "v" * 1001},
        {"Key": "$id"}, {"Key": "k"}, {"Key": ""},
    ]  # fmt: skip
    here = f"{AT}.PreferenceAttributes"
    assert refuse(preference(PreferenceAttributes=attributes)) == [
        ("Value.Required", f"{here}[0].Key"),
        ("String.TooLong", f"{here}[1].Key"),
        ("String.TooLong", f"{here}[2].Value"),
        ("Preference.ReservedKey", f"{here}[3].Key"),
        ("Array.Duplicate", f"{here}[4]"),
        ("String.Blank", f"{here}[5].Key"),
    ]
    many = [{"Key": str(number)} for number in range(51)]
    accept(preference(PreferenceAttributes=many[:50]))
    assert refuse(preference(PreferenceAttributes=many)) == [("Array.TooLong", here)]


def test_one_filter_at_most_once_in_one_place() -> None:
    chosen = [{"FilterId": name, "PreferenceType": 1} for name in ("NEWS-EMAIL", "news-email")]
    elements = [{"EmailAddress": "a@example.com", "EmailPreferences": chosen}]
    assert refuse({"Emails": elements}) == [("Array.Duplicate", "$.Emails[0].EmailPreferences[1]")]
    accept({"Emails": [{"EmailAddress": f"{n}@example.com", "EmailPreferences": chosen[:1]} for n in "ab"]})


def test_required_consents_are_not_checked_at_staging() -> None:
    number = {
        "PhoneNumber": "+12025550143",
        "PhoneNumberPreferences": [{"FilterId": "NEWS-TEXT", "PreferenceType": "OptIn"}],
    }
    accept({"PhoneNumbers": [number]})


# Dates


def test_an_undated_choice_takes_the_time_of_the_stage_call() -> None:
    record = accept(preference() | consent())
    assert (record.preferences[0].at, record.preferences[0].dated) == (NOW, False)
    assert (record.consents[0].at, record.consents[0].dated) == (NOW, False)


def test_a_bare_date_is_early_for_a_yes_and_late_for_a_no() -> None:
    def at(kind: int) -> int:
        return accept(preference(PreferenceType=kind, CustomerDate="2026-03-01")).preferences[0].at

    assert at(1) == micros("2026-03-01T00:00:00-05:00")
    assert at(2) == micros("2026-03-01T23:59:59-05:00")
    for status, expected in ((1, at(1)), (2, at(2)), (3, at(2)), (4, at(1))):
        assert accept(consent(ConsentStatus=status, ConsentDate="2026-03-01")).consents[0].at == expected


@pytest.mark.parametrize("kind", [1, 2])
def test_not_more_than_5_minutes_in_the_future(kind: int) -> None:
    accept(preference(PreferenceType=kind, CustomerDate="2026-11-21T15:35:00Z"))
    late = preference(PreferenceType=kind, CustomerDate="2026-11-21T15:35:00.000001Z")
    assert refuse(late) == [("Time.InFuture", f"{AT}.CustomerDate")]
    assert refuse(consent(ConsentStatus=kind, ConsentDate="2026-11-21T10:36")) == [
        ("Time.InFuture", f"{OF}.ConsentDate")
    ]


@pytest.mark.parametrize("kind", [1, 2])
def test_a_bare_date_is_not_after_today_in_the_accounts_zone(kind: int) -> None:
    record = accept(preference(PreferenceType=kind, CustomerDate="2026-11-21"))
    assert record.preferences[0].dated is True
    assert refuse(preference(PreferenceType=kind, CustomerDate="2026-11-22")) == [
        ("Time.InFuture", f"{AT}.CustomerDate")
    ]
    tokyo = read_document()
    tokyo["account"]["timeZone"] = "Asia/Tokyo"  # the date there is already the 22nd
    accept(preference(PreferenceType=kind, CustomerDate="2026-11-22"), make_validator(make_configuration_index(tokyo)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("yesterday", "Time.Malformed"),
        ("", "Time.Malformed"),
        ("2026-02-30", "Time.Malformed"),
        ("2026-03-08T02:30", "Time.NotExisting"),
        ("0001-01-01T00:00+01:00", "Time.OutOfRange"),
    ],
)
def test_a_text_that_is_not_a_date_is_a_fault(text: str, code: str) -> None:
    assert refuse(preference(CustomerDate=text)) == [(code, f"{AT}.CustomerDate")]
    assert refuse(consent(ConsentDate=text)) == [(code, f"{OF}.ConsentDate")]
    assert check_record(preference(CustomerDate=text))[0].Value == text


def test_an_account_may_require_dates() -> None:
    document = read_document()
    document["account"]["requireDates"] = True
    validator = make_validator(make_configuration_index(document))
    assert refuse(preference() | consent(), validator) == [
        ("Time.Required", f"{AT}.CustomerDate"),
        ("Time.Required", f"{OF}.ConsentDate"),
    ]
    accept(preference(CustomerDate="2026-01-01") | consent(ConsentDate="2026-01-01"), validator)
    assert refuse(preference(CustomerDate=5), validator) == [("Value.WrongType", f"{AT}.CustomerDate")]


IMPLAUSIBLE = [
    "1970-01-21T12:19:19Z", "1970-01-01", "0001-01-01T00:00:00Z", "1989-12-31", "1989-12-31T23:59:59.999Z",
    " 1989-12-31T23:59", "1989-12-31T23:59:59-05:00",
]  # fmt: skip


@pytest.mark.parametrize("text", IMPLAUSIBLE)
@pytest.mark.parametrize("kind", [1, 2])
def test_a_date_before_the_accounts_earliest_date_is_implausible(text: str, kind: int) -> None:
    """A date before the account's `earliestDate` (default 1990-01-01) is a fault (`Date.Implausible`)."""
    status = 1 if kind == 1 else 3
    assert refuse(preference(CustomerDate=text, PreferenceType=kind)) == [("Date.Implausible", f"{AT}.CustomerDate")]
    assert refuse(consent(ConsentDate=text, ConsentStatus=status)) == [("Date.Implausible", f"{OF}.ConsentDate")]
    assert check_record(preference(CustomerDate=text))[0].Value == text


@pytest.mark.parametrize(
    "text", ["1990-01-01", "1990-01-01T00:00:00Z", "1990-01-01T00:00", "1990-01-01T00:00:00+14:00"]
)
def test_the_earliest_date_itself_is_taken(text: str) -> None:
    accept(preference(CustomerDate=text) | consent(ConsentDate=text))


def test_an_account_may_have_another_earliest_date() -> None:
    document = read_document()
    document["account"]["earliestDate"] = "1950-06-01"
    validator = make_validator(make_configuration_index(document))
    accept(preference(CustomerDate="1970-01-01") | consent(ConsentDate="1950-06-01T00:00:00Z"), validator)
    refused = refuse(preference(CustomerDate="1950-05-31") | consent(ConsentDate="1950-05-31T23:00:00Z"), validator)
    assert {code for code, _ in refused} == {"Date.Implausible"}


# Consent


def test_type_version_locale_and_status_are_required() -> None:
    assert sorted(refuse({"Consents": [{}]})) == [
        ("Value.Required", f"{OF}.ConsentStatus"),
        ("Value.Required", f"{OF}.ConsentType"),
        ("Value.Required", f"{OF}.ConsentVersion"),
        ("Value.Required", f"{OF}.Locale"),
    ]


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("ConsentType", "Nope", "Consent.UnknownType"),
        ("ConsentType", "x" * 101, "String.TooLong"),
        ("ConsentVersion", "9.9", "Consent.UnknownVersion"),
        ("ConsentVersion", "x" * 51, "String.TooLong"),
        ("Locale", "fr_CA", "Consent.UnknownLocale"),
        ("Locale", "x" * 16, "String.TooLong"),
        ("ConsentStatus", 5, "Consent.UnknownStatus"),
        ("ConsentStatus", "granted", "Consent.UnknownStatus"),
        ("ConsentStatus", None, "Value.Required"),
    ],
)
def test_an_item_that_is_not_configured_is_a_fault(member: str, value: Any, code: str) -> None:
    assert refuse(consent(**{member: value})) == [(code, f"{OF}.{member}")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [(1, 1), (2, 2), (3, 3), (4, 4), ("Granted", 1), ("Denied", 2), ("Revoked", 3), ("NotSet", 4)],
)
def test_consent_status_is_a_number_or_a_name(sent: Any, status: int) -> None:
    assert accept(consent(ConsentStatus=sent)).consents[0].status == status


def test_locale_is_one_that_the_version_has_a_text_for() -> None:
    assert accept(consent(Locale="ES_us")).consents[0].locale == "es_US"
    assert refuse(consent(ConsentVersion="1.0", Locale="es_US", ConsentStatus=3)) == [
        ("Consent.UnknownLocale", f"{OF}.Locale")
    ]


@pytest.mark.parametrize("status", [1, 4])
def test_a_yes_to_a_prior_version_is_a_fault_without_allow_prior_consents(status: int) -> None:
    prior = consent(ConsentVersion="1.0", ConsentStatus=status)
    assert refuse(prior) == [("Consent.PriorVersion", f"{OF}.ConsentVersion")]
    assert accept(prior, make_validator(allow_prior_consents=True)).consents[0].version == "1.0"


@pytest.mark.parametrize("status", [2, 3])
def test_a_denied_or_revoked_is_always_accepted_of_any_configured_version(status: int) -> None:
    accept(consent(ConsentVersion="1.0", ConsentStatus=status))
    document = read_document()
    document["consentTypes"][0]["active"] = False
    document["consentTypes"][0]["versions"][0]["active"] = False
    validator = make_validator(make_configuration_index(document))
    accept(consent(ConsentVersion="1.0", ConsentStatus=status), validator)
    assert refuse(consent(), validator) == [("Consent.UnknownType", f"{OF}.ConsentType")]


def test_prior_is_older_than_the_newest_active_version() -> None:
    document = read_document()
    document["consentTypes"][0]["versions"][1]["active"] = False
    validator = make_validator(make_configuration_index(document))
    accept(consent(ConsentVersion="1.0"), validator)
    accept(consent(ConsentVersion="2.0"), validator)


def test_evidence() -> None:
    evidence = {
        "Method": " web form ",
        "Url": "u" * 2000,
        "IpAddress": "2001:db8::1",
        "UserAgent": None,
        "Reference": "",
    }
    record = accept(consent(Evidence=evidence))
    assert record.consents[0].evidence == {"Method": "web form", "Url": "u" * 2000, "IpAddress": "2001:db8::1"}
    assert accept(consent(Evidence={})).consents[0].evidence is None
    accept(consent(Evidence={"IpAddress": "192.0.2.1"}))


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("Method", "x" * 51, "String.TooLong"),
        ("SourceSystem", "x" * 101, "String.TooLong"),
        ("SourceEventId", "x" * 101, "String.TooLong"),
        ("Url", "x" * 2001, "String.TooLong"),
        ("UserAgent", "x" * 501, "String.TooLong"),
        ("Reference", "x" * 501, "String.TooLong"),
        ("IpAddress", "1.2.3", "Evidence.IpAddressMalformed"),
        ("Other", "x", "Record.UnknownMember"),
    ],
)
def test_evidence_faults(member: str, value: str, code: str) -> None:
    assert refuse(consent(Evidence={member: value})) == [(code, f"{OF}.Evidence.{member}")]


def test_one_type_and_version_at_most_once_in_one_place() -> None:
    validator = make_validator(allow_prior_consents=True)
    first = consent()["Consents"][0]
    assert refuse({"Consents": [first, first | {"ConsentStatus": 3}]}) == [("Array.Duplicate", "$.Consents[1]")]
    accept({"Consents": [first, first | {"ConsentVersion": "1.0"}]}, validator)
    accept(person(Consents=[first], Emails=[{"EmailAddress": "a@example.com", "Consents": [first]}]))
