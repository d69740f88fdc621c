"""Presets (files.md, "The mapping"): each with a file whose header is the header that the tool writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tabular_files import FOLDER, describe, make_records, read_acme, read_csv

from consentory.codec.account.account_document import read_account_document
from consentory.codec.sources import open_file
from consentory.codec.tabular.mapping_document import MappingInvalid
from consentory.codec.tabular.mapping_presets import UnknownPreset, list_presets, read_preset
from consentory.codec.tabular.row_mapping import RowMapping, RowRefused, compile_mapping
from consentory.codec.tabular.table import Row

ACME = read_acme()
EXPORTS = FOLDER / "exports"
NEWS = {"newsletter": "NEWS-EMAIL"}


def import_export(preset: str, file: str, **settings: str) -> list[Any]:
    settings = settings if preset == "google-contacts" else NEWS | settings
    mapping = read_preset(preset)
    with open_file(EXPORTS / file) as source:
        table = source.open_table(mapping.options)
        rows = compile_mapping(mapping, table.description, ACME, settings)
        return [json.loads(rows.make_record(row)) for row in table.read_rows()]


def email(address: str, **choice: str) -> list[dict[str, Any]]:
    """The Emails of a record, with a choice of NEWS-EMAIL if a choice is given."""
    if not choice:
        return [{"EmailAddressType": "Home", "EmailAddress": address}]
    source = [{"Key": "source", "Value": choice.pop("source")}]
    return [
        {
            "EmailAddressType": "Home",
            "EmailAddress": address,
            "EmailPreferences": [{"FilterId": "NEWS-EMAIL", **choice, "PreferenceAttributes": source}],
        }
    ]


def test_all_eight_presets_state_their_assumptions() -> None:
    presets = list_presets()
    wanted = "brevo google-contacts hubspot klaviyo listmonk mailchimp salesforce shopify"
    assert list(presets) == wanted.split()
    for preset in presets.values():
        assert len(preset.document.about) > 200
        preset.raise_any()


def test_people_are_found_by_the_id_that_is_set() -> None:
    rows = read_csv(EXPORTS / "klaviyo.csv")
    assert compile_mapping(read_preset("klaviyo"), describe(rows[0]), ACME, NEWS).match is None
    assert compile_mapping(read_preset("klaviyo"), describe(rows[0]), ACME, NEWS | {"id": "CRM"}).match == "CRM"


def test_the_text_of_a_mapping_says_the_values_of_its_parameters() -> None:
    rows = read_csv(EXPORTS / "klaviyo.csv")
    text = compile_mapping(read_preset("klaviyo"), describe(rows[0]), ACME, NEWS).text
    assert text == b"# newsletter: NEWS-EMAIL\n" + read_preset("klaviyo").text


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownPreset, match="Did you mean mailchimp"):
        read_preset("mailchimps")
    with pytest.raises(UnknownPreset, match="The presets are: brevo, google-contacts"):
        read_preset("../a")


def test_mailchimp_subscribed() -> None:
    file = "subscribed_email_audience_export_15d17415eb.csv"
    ana, ben = import_export("mailchimp", file, id="Loyalty", groups="Interests")
    assert ana["Emails"] == email(
        "ana.silva@example.com", PreferenceType="OptIn", CustomerDate="2023-04-05T09:12:31", source="Mailchimp"
    )
    assert ana["CustomerName"] == {"FirstName": "Ana", "LastName": "Silva"}
    assert ana["AlternateIds"] == [{"AlternateIdType": "Loyalty", "AlternateId": "89501affba"}]
    tags = ["VIP", 'Spring "24"', "Gardening", "Books, old and new"]
    assert ana["ProfileTags"] == [{"Name": name} for name in tags]
    assert ben["Emails"] == email(
        "ben@example.org", PreferenceType="OptIn", CustomerDate="2022-11-20T17:38:27", source="Mailchimp"
    )
    assert ben["PhoneNumbers"] == [{"PhoneType": "Mobile", "PhoneNumber": "+1 617 555 0134"}]
    assert "CustomerName" not in ben


def test_mailchimp_unsubscribed_has_repeated_headers() -> None:
    (carla,) = import_export("mailchimp", "unsubscribed_email_audience_export_15d17415eb.csv")
    assert carla["Emails"] == email(
        "carla@example.com", PreferenceType="OptOut", CustomerDate="2024-02-01T10:00:00", source="Mailchimp"
    )


def test_mailchimp_cleaned_is_no_choice() -> None:
    (dora,) = import_export("mailchimp", "cleaned_email_audience_export_15d17415eb.csv")
    assert dora == {"Emails": email("dora@example.com"), "CustomerName": {"FirstName": "Dora"}}


@pytest.mark.parametrize("name", ["nonsubscribed_email_audience_export_1.csv", "audience.csv", "-"])
def test_mailchimp_stops_at_another_name(name: str) -> None:
    rows = read_csv(EXPORTS / "cleaned_email_audience_export_15d17415eb.csv")
    with pytest.raises(MappingInvalid, match=r"the name of the file must fit one of subscribed_\*, unsub.* fits none"):
        compile_mapping(read_preset("mailchimp"), describe(rows[0], name), ACME, NEWS)


def test_klaviyo_suppressions_win() -> None:
    ana, ben, cleo, dan, eva = import_export("klaviyo", "klaviyo.csv", texts="NEWS-TEXT", id="Loyalty")
    assert ana["Emails"] == email(
        "ana@example.com", PreferenceType="OptIn", CustomerDate="2023-01-02T03:04:05", source="Klaviyo"
    )
    choice = {"FilterId": "NEWS-TEXT", "PreferenceType": "OptIn", "CustomerDate": "2023-01-02T03:04:05+00:00"}
    assert ana["PhoneNumbers"] == [
        {"PhoneType": "Mobile", "PhoneNumber": "+16175550134", "PhoneNumberPreferences": [choice]}
    ]
    assert ben["Emails"] == email("ben@example.com", PreferenceType="OptOut", source="Klaviyo")
    assert cleo["Emails"] == email("cleo@example.com")  # a bounce: no yes, and not a choice of the person
    assert dan["Emails"] == email("dan@example.com")
    assert eva["Emails"] == email(
        "eva@example.com", PreferenceType="OptOut", CustomerDate="2024-05-06T07:08:09", source="Klaviyo"
    )


def test_hubspot_has_three_states_and_no_yes() -> None:
    ana, ben, cleo, dan = import_export("hubspot", "hubspot-crm-exports-all-contacts.csv")
    assert ana["Emails"] == email("ana@example.com", PreferenceType="OptOut", source="HubSpot")
    assert ana["PhoneNumbers"] == [{"PhoneType": "Mobile", "PhoneNumber": "(617) 555-0134"}]
    assert ben["Emails"] == email("ben@example.com")
    assert cleo["Emails"] == email("cleo@example.com", PreferenceType="OptOut", source="HubSpot")
    assert dan["Emails"] == email("dan@example.com")


def test_hubspot_takes_another_subscription_type_and_stops_without_its_column() -> None:
    file = "hubspot-crm-exports-all-contacts.csv"
    ana, *_ = import_export("hubspot", file, subscription="One to One")
    assert ana["Emails"] == email("ana@example.com")
    with pytest.raises(MappingInvalid, match='no column "Opted out of email: One to Two": did you mean "Opted out of'):
        import_export("hubspot", file, subscription="One to Two")


def test_salesforce_false_is_not_a_yes() -> None:
    ana, ben = import_export("salesforce", "salesforce-contact.csv", id="Loyalty", calls="OFFERS-PHONE")
    assert ana["Emails"] == email("ana@example.com", PreferenceType="OptOut", source="Salesforce")
    calls = [{"FilterId": "OFFERS-PHONE", "PreferenceType": "OptOut"}]
    assert ana["PhoneNumbers"] == [
        {"PhoneType": "Mobile", "PhoneNumber": "+1 617 555 0199", "PhoneNumberPreferences": calls}
    ]
    assert ana["CustomerName"] == {"Prefix": "Ms.", "FirstName": "Ana", "LastName": "Silva"}
    assert ben["Emails"] == email("ben@example.com")


def test_brevo() -> None:
    anais, bruno, claire = import_export("brevo", "brevo-contacts.csv")
    assert anais["Emails"] == email(
        "anais@example.com", PreferenceType="OptIn", CustomerDate="2022-04-12", source="Brevo"
    )
    assert anais["PhoneNumbers"] == [{"PhoneType": "Mobile", "PhoneNumber": "+33611111111"}]
    assert anais["CustomerName"] == {"FirstName": "Anaïs", "LastName": "Müller"}
    assert bruno["Emails"] == email("bruno@example.com", PreferenceType="OptOut", source="Brevo")
    assert claire["Emails"] == email("claire@example.com")


@pytest.mark.parametrize(
    ("preset", "header", "yes", "doubtful"),
    [
        ("brevo", "EMAIL;EMAIL_BLACKLISTED;OPT_IN", ["a@example.com", "No", "Yes"], ["a@example.com", "Oui", "Yes"]),
        (
            "hubspot",
            "Email;Opted out of email: Marketing Information;Unsubscribed from all email",
            ["a@example.com", "No", "No"],
            ["a@example.com", "No", "Oui"],
        ),
    ],
)
def test_an_unknown_word_of_a_no_refuses_the_row(preset: str, header: str, yes: list[str], doubtful: list[str]) -> None:
    rows = compile_mapping(read_preset(preset), describe(header.split(";")), ACME, NEWS)
    assert b"a@example.com" in rows.make_record(Row(2, [*yes]))
    with pytest.raises(RowRefused) as refused:
        rows.make_record(Row(3, [*doubtful]))
    assert [fault.code for fault in refused.value.faults] == ["Row.UnknownValue"]


def test_listmonk_has_no_yes_and_says_so() -> None:
    ana, ben = import_export("listmonk", "listmonk-subscribers.csv")
    assert ana == {"Emails": email("ana@example.com"), "CustomerName": {"FirstName": "Ana Silva"}}
    assert ben["Emails"] == email("ben@example.com", PreferenceType="OptOut", source="listmonk")
    assert "subscriptions to lists are not in this file" in read_preset("listmonk").document.about


def test_shopify_takes_apostrophes_off() -> None:
    ana, ben = import_export("shopify", "shopify-customers_export.csv", id="CRM")
    assert ana["AlternateIds"] == [{"AlternateIdType": "CRM", "AlternateId": "7210448301122"}]
    assert ana["PhoneNumbers"] == [{"PhoneType": "Mobile", "PhoneNumber": "+16175550199"}]
    assert ana["Addresses"] == [
        {
            "AddressType": "Home",
            "Address1": "12 Elm St",
            "City": "Boston",
            "StateProvince": "MA",
            "CountryCode_Alpha2": "US",
            "PostalCode": "02108",
        }
    ]
    assert ana["ProfileTags"] == [{"Name": "retail"}, {"Name": "VIP"}]
    assert ana["Emails"] == email("ana@example.com", PreferenceType="OptIn", source="Shopify")
    assert ben["Emails"] == email("ben@example.com", PreferenceType="OptOut", source="Shopify")
    assert "Addresses" not in ben
    _, ben = import_export("shopify", "shopify-customers_export.csv", no="nothing")
    assert ben["Emails"] == email("ben@example.com")


def test_google_contacts_hold_no_choice() -> None:
    ana, ben = import_export("google-contacts", "google-contacts.csv")
    assert ana == {
        "CustomerName": {"FirstName": "Ana", "LastName": "Silva"},
        "Emails": [
            {"EmailAddressType": "Home", "EmailAddress": "ana@example.com"},
            {"EmailAddressType": "Home", "EmailAddress": "ana@work.example.com"},
        ],
        "PhoneNumbers": [
            {"PhoneType": "Mobile", "PhoneNumber": "+1 617-555-0134"},
            {"PhoneType": "Mobile", "PhoneNumber": "+1 617-555-0199"},
        ],
        "ProfileTags": [{"Name": "Rotary"}],
    }
    assert ben == {
        "CustomerName": {"FirstName": "Ben"},
        "Emails": [{"EmailAddressType": "Home", "EmailAddress": "ben@example.com"}],
    }


def test_a_preset_without_its_filter_names_those_of_the_account() -> None:
    rows = read_csv(EXPORTS / "klaviyo.csv")
    with pytest.raises(
        MappingInvalid, match=r"--set newsletter=… with the email filter\. The account has: NEWS-EMAIL, OFF"
    ) as caught:
        compile_mapping(read_preset("klaviyo"), describe(rows[0]), ACME)
    assert len(caught.value.faults) == 1


def test_a_preset_takes_the_only_filter_of_the_account() -> None:
    small = b"""
account: {clientId: ONE, name: One, locales: [en_US]}
emailTypes: [{name: Private, default: true}]
programs: [{id: P, name: P, filters: [{id: DAILY, name: Daily, channel: Email}]}]
"""
    rows = read_csv(EXPORTS / "klaviyo.csv")
    one = read_account_document(small, source="one.yaml").configuration
    mapping = compile_mapping(read_preset("klaviyo"), describe(rows[0]), one)
    assert isinstance(mapping, RowMapping)
    (ana, *_) = make_records(mapping, rows[1:])
    assert ana["Emails"][0]["EmailPreferences"][0]["FilterId"] == "DAILY"


def test_an_unknown_parameter_is_reported() -> None:
    rows = read_csv(EXPORTS / "klaviyo.csv")
    with pytest.raises(
        MappingInvalid, match=r"news is not a parameter of this mapping\. Its parameters are: newsletter, texts, id"
    ):
        compile_mapping(read_preset("klaviyo"), describe(rows[0]), ACME, NEWS | {"news": "X"})
