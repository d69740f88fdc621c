"""docs/data-out.md over HTTP: who may be contacted now for a filter."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow.parquet
import pytest
from permission_users import PermissionUsers
from wire_client import Wire, WireClient, check_problem, choice, mail, person, require

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
NEWS, TEXT, SHARING = "NEWS-EMAIL", "NEWS-TEXT", "DATA-SHARING"


def ask(client: WireClient, filter_id: str = NEWS, **query: Any) -> httpx.Response:
    return client.http.get(f"{client.account}/Audience/{filter_id}", params=query)


def rows(client: WireClient, filter_id: str = NEWS, **query: Any) -> list[Wire]:
    answer = ask(client, filter_id, format="ndjson", **query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def home_and_work(number: int) -> Wire:
    emails = [
        {"EmailAddressType": kind, "EmailAddress": f"{kind}{number}@example.com",
         "EmailPreferences": [choice(NEWS, 1, OLD)]}
        for kind in ("Home", "Work")
    ]  # fmt: skip
    return person(number, Emails=emails)


def test_a_row_tells_all_that_a_mailing_needs(ours: WireClient) -> None:
    record = person(1, DefaultLocale="es_US", CustomerName={"FirstName": "Zoë", "LastName": "Ōkubo"},
                    Emails=mail("Zoe@Example.com", choice(NEWS, 1, OLD, FrequencyId="Monthly")))  # fmt: skip
    profile = ours.write(record)
    (row,) = rows(ours)
    (preference,) = profile["Emails"][0]["EmailPreferences"]
    assert row == {
        "Key": f"{profile['ProfileId']}:E0",
        "ProfileId": profile["ProfileId"],
        "AlternateIds": record["AlternateIds"],
        "Type": "Home",
        "Value": "Zoe@Example.com",
        "FrequencyId": "Monthly",
        "Since": OLD,
        "ExpirationDate": preference["ExpirationDate"],
        "Locale": "es_US",
        "FirstName": "Zoë",
        "LastName": "Ōkubo",
    }


def test_a_filter_without_channel_gives_one_row_per_person(ours: WireClient) -> None:
    profile = ours.write(person(1, ProfilePreferences=[choice(SHARING, 1, OLD)]))
    (row,) = rows(ours, SHARING)
    assert (row["Key"], "Type" in row, "Value" in row) == (str(profile["ProfileId"]), False, False)


def test_a_postal_address_is_one_line(ours: WireClient) -> None:
    address = {"Address1": "1 Main St", "City": "Fairview", "StateProvince": "CA", "PostalCode": "90210",
               "CountryCode_Alpha2": "US", "AddressPreferences": [choice("OFFERS-MAIL", 1, OLD)]}  # fmt: skip
    ours.write(person(1, Addresses=[address]))
    assert [row["Value"] for row in rows(ours, "OFFERS-MAIL")] == ["1 Main St, Fairview, CA, 90210, US"]


def test_only_choices_in_force_are_listed(ours: WireClient) -> None:
    """Not: an opt-out, an expired opt-in, an inactive person, an opt-in without its required consent."""
    ours.write(person(1, Emails=mail("in@example.com", choice(NEWS, 1, OLD))))
    ours.write(person(2, Emails=mail("out@example.com", choice(NEWS, 2, OLD))))
    ours.write(person(3, Emails=mail("old@example.com", choice(NEWS, 1, "2020-01-01T00:00:00Z"))))
    ours.write(person(4, IsActive=False, Emails=mail("off@example.com", choice(NEWS, 1, OLD))))
    consent = {"ConsentType": "TextMessages", "ConsentVersion": "2026-01", "Locale": "en_US", "ConsentStatus": 1,
               "ConsentDate": OLD}  # fmt: skip
    number = {"PhoneNumber": "+12025550143", "Consents": [consent], "PhoneNumberPreferences": [choice(TEXT, 1, OLD)]}
    texted = ours.write(person(5, PhoneNumbers=[number]))
    assert [row["Value"] for row in rows(ours)] == ["in@example.com"]
    assert [row["Value"] for row in rows(ours, optedOut="true")] == ["out@example.com"]
    assert [row["Value"] for row in rows(ours, TEXT)] == ["+12025550143"]
    withdrawn = {**number, "Consents": [{**consent, "ConsentStatus": 3, "ConsentDate": NEW}]}
    ours.write({"PhoneNumbers": [withdrawn]}, texted["ProfileId"])
    assert rows(ours, TEXT) == []


def test_all_formats_have_the_same_rows(ours: WireClient) -> None:
    for number in range(3):
        ours.write(home_and_work(number))
    shown = rows(ours)
    page = require(ask(ours))
    assert (page["Items"], page["Next"]) == (shown, None)
    cells = list(csv.DictReader(io.StringIO(ask(ours, format="csv").text)))
    assert [row["Value"] for row in cells] == [row["Value"] for row in shown]
    table = pyarrow.parquet.read_table(io.BytesIO(ask(ours, format="parquet").content))
    assert table.column("Key").to_pylist() == [row["Key"] for row in shown]
    assert table.column("AlternateIds").to_pylist() == [row["AlternateIds"] for row in shown]


def test_a_person_with_two_rows_is_continued_between_the_rows(ours: WireClient) -> None:
    for number in range(3):
        ours.write(home_and_work(number))
    whole = rows(ours)
    assert len(whole) == 6
    for place, row in enumerate(whole):
        assert rows(ours, after=row["Key"]) == whole[place + 1 :]


def test_pages_lead_to_the_end(ours: WireClient) -> None:
    for number in range(3):
        ours.write(home_and_work(number))
    found, after = [], None
    for _ in range(6):
        page = require(ask(ours, limit=1, **({"after": after} if after else {})))
        found += page["Items"]
        after = page["Next"]
    assert (found, after) == (rows(ours), None)


@pytest.mark.parametrize("after", ["E0", "-1", "1:", "1:X0", "1:E", "one", "1e3"])
def test_a_key_of_another_kind_is_refused(ours: WireClient, after: str) -> None:
    problem = check_problem(ask(ours, after=after), 400, "Request.InvalidParameter")
    assert problem["errors"][0]["path"] == "after"


@pytest.mark.parametrize("query", ["optOut=true", "opted_out=true", "active=true", "tag=loyal"])
def test_a_parameter_that_would_be_ignored_is_refused(ours: WireClient, query: str) -> None:
    """Else a misspelled `optedOut` would give the people who opted in for those who opted out."""
    answer = ours.http.get(f"{ours.account}/Audience/{NEWS}?{query}")
    problem = check_problem(answer, 400, "Request.InvalidParameter")
    assert problem["errors"][0]["path"] == query.partition("=")[0]


def test_a_filter_that_the_account_does_not_have(ours: WireClient) -> None:
    check_problem(ask(ours, "NOTHING"), 404, "Filter.NotFound")
    check_problem(ask(ours, "NOTHING", format="csv"), 404, "Filter.NotFound")
    assert rows(ours, "news-email") == []
    assert ours.events("audience.read") == [{"FilterId": NEWS, "OptedOut": False, "Count": 0, "Complete": True}]


def test_a_filter_that_is_switched_off_still_has_its_audience(ours: WireClient) -> None:
    ours.write(person(1, Emails=mail("in@example.com", choice(NEWS, 1, OLD))))

    def switch_off(document: Wire) -> None:
        document["programs"][0]["filters"][0]["active"] = False

    ours.reconfigure(switch_off)
    assert [row["Value"] for row in rows(ours)] == ["in@example.com"]


def test_a_filter_with_any_characters_has_its_audience(ours: WireClient) -> None:
    """The database looks for the id in the stored text of a person, and this text has escapes."""
    strange = 'Neuigkeiten "für" alle\\'

    def add(document: Wire) -> None:
        document["programs"][0]["filters"].append({"id": strange, "name": "News", "channel": "Email"})

    ours.reconfigure(add)
    ours.write(person(1, Emails=mail("in@example.com", choice(strange, 1, OLD))))
    answer = ours.http.get(f"{ours.account}/Audience/{quote(strange, safe='')}")
    assert [row["Value"] for row in require(answer)["Items"]] == ["in@example.com"]


# Permissions


def test_a_filter_that_the_caller_may_not_see_does_not_exist(users_of: PermissionUsers) -> None:
    users_of.create({"Emails": mail("ana@example.com", choice(NEWS, 1, OLD))})
    counts = {}
    for user in ("all", "without channels.Email", "without programs.NEWS", "without channels.Text", "channels none"):
        answer = users_of.act_as(user).get(f"{users_of.account}/Audience/{NEWS}")
        counts[user] = len(answer.json()["Items"]) if answer.status_code == 200 else answer.json()["code"]
    hidden = "Filter.NotFound"
    assert counts == {
        "all": 1,
        "without channels.Email": hidden,
        "without programs.NEWS": hidden,
        "without channels.Text": 1,
        "channels none": hidden,
    }
