"""Every permission against every element of a record: at staging, and in a single write."""

from __future__ import annotations

import json

import httpx
import pytest
from permission_users import (
    ADDRESS,
    BASE,
    CONSENT_TYPES,
    IMPORTERS,
    NUMBER,
    WRITERS,
    PermissionUsers,
    Wire,
    agree,
    holds,
    prefer,
)
from running_server import RunningServer

EMAIL: Wire = {"EmailAddress": "ana@example.com"}
PHONE: Wire = {"PhoneNumber": "+12025550143"}

Needs = dict[str, frozenset[str]]
"""Path of a fault -> the permissions, one of which is needed for this path."""


def one(path: str, *permissions: str) -> Needs:
    return {path: frozenset(permissions)}


EMAIL_AT, PHONE_AT, ADDRESS_AT = (
    one("$.Emails[0]", "channels.Email"),
    one("$.PhoneNumbers[0]", *NUMBER),
    one("$.Addresses[0]", "channels.Mail"),
)


def under(element: Needs, place: str, name: str, channel: str, program: str) -> Needs:
    path = f"{place}[0].FilterId"
    return {**element, f"{path}#channel": frozenset((f"channels.{channel}",)),
            f"{path}#program": frozenset((f"programs.{program}",))}  # fmt: skip


ELEMENTS: dict[str, tuple[Wire, Needs]] = {
    "name": ({"CustomerName": {"LastName": "Sand"}}, {}),
    "locale": ({"DefaultLocale": "es_US", "ProfileTags": [{"Name": "a"}], "CustomerName": {"LastName": "S"}}, {}),
    "group": ({"CustomerName": {"LastName": "S"}, "Groups": [{"GroupType": "Household", "GroupName": "S"}]}, {}),
    "field": ({"CustomerName": {"LastName": "S"}, "CustomFields": [{"Name": "Score", "Value": "7"}]}, {}),
    "alternate id": ({"AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "{unique}"}]}, {}),
    "email": ({"Emails": [EMAIL]}, EMAIL_AT),
    "number": ({"PhoneNumbers": [PHONE]}, PHONE_AT),
    "address": ({"Addresses": [ADDRESS]}, ADDRESS_AT),
    "email preference": (
        {"Emails": [{**EMAIL, "EmailPreferences": [prefer("NEWS-EMAIL")]}]},
        under(EMAIL_AT, "$.Emails[0].EmailPreferences", "NEWS-EMAIL", "Email", "NEWS"),
    ),
    "call preference": (
        {"PhoneNumbers": [{**PHONE, "PhoneNumberPreferences": [prefer("OFFERS-PHONE")]}]},
        under(PHONE_AT, "$.PhoneNumbers[0].PhoneNumberPreferences", "OFFERS-PHONE", "Phone", "OFFERS"),
    ),
    "text preference": (
        {"PhoneNumbers": [{**PHONE, "PhoneNumberPreferences": [prefer("NEWS-TEXT")]}]},
        under(PHONE_AT, "$.PhoneNumbers[0].PhoneNumberPreferences", "NEWS-TEXT", "Text", "NEWS"),
    ),
    "fax preference": (
        {"PhoneNumbers": [{**PHONE, "PhoneNumberPreferences": [prefer("OFFERS-FAX")]}]},
        under(PHONE_AT, "$.PhoneNumbers[0].PhoneNumberPreferences", "OFFERS-FAX", "Fax", "OFFERS"),
    ),
    "mail preference": (
        {"Addresses": [{**ADDRESS, "AddressPreferences": [prefer("OFFERS-MAIL")]}]},
        under(ADDRESS_AT, "$.Addresses[0].AddressPreferences", "OFFERS-MAIL", "Mail", "OFFERS"),
    ),
    "preference of the person": (
        {"ProfilePreferences": [prefer("DATA-SHARING")]},
        one("$.ProfilePreferences[0].FilterId", "programs.DATA"),
    ),
    **{
        f"consent to {name}": (
            {"Consents": [agree(name)]},
            one("$.Consents[0].ConsentType", f"consentTypes.{name}"),
        )
        for name in CONSENT_TYPES
    },
    **{
        f"consent at {place}": (
            {place: [{**element, "Consents": [agree("PrivacyPolicy")]}]},
            {**at, **one(f"$.{place}[0].Consents[0].ConsentType", "consentTypes.PrivacyPolicy")},
        )
        for place, element, at in (
            ("Emails", EMAIL, EMAIL_AT),
            ("PhoneNumbers", PHONE, PHONE_AT),
            ("Addresses", ADDRESS, ADDRESS_AT),
        )
    },
}
"""By name: a record, and the permission that each path of the record needs."""

_CODES = {"channels": "Permission.Channel", "programs": "Permission.Program", "consentTypes": "Permission.ConsentType"}


def expect_faults(user: str, needs: Needs) -> list[tuple[str, str]]:
    """(code, path) of every fault that a user's record gets, sorted."""
    faults = [] if holds(user, "profile.write") else [("Permission.Profile", "$")]
    for path, permissions in needs.items():
        if not any(holds(user, permission) for permission in permissions):
            scope = next(iter(permissions)).partition(".")[0]
            faults.append((_CODES[scope], path.partition("#")[0]))
    return sorted(faults)


def make_unique(record: Wire, name: str) -> Wire:
    return json.loads(json.dumps(record).replace("{unique}", name))


@pytest.mark.parametrize("user", IMPORTERS)
def test_staging_refuses_the_whole_record_if_one_element_is_not_permitted(users_of: PermissionUsers, user: str) -> None:
    client = users_of.act_as(user)
    token = users_of.initiate(user)["AccessToken"]
    records = [make_unique(record, f"staged {user} {name}") for name, (record, _) in ELEMENTS.items()]
    staged = client.post(f"{users_of.imports}/Import/{token}/Stage", json={"UserProfilePreferences": records}).json()
    expected = {number: expect_faults(user, needs) for number, (_, needs) in enumerate(ELEMENTS.values(), 1)}
    expected = {number: faults for number, faults in expected.items() if faults}
    assert staged["ValidationFailed"] == len(expected)
    assert staged["ValidationSuccessful"] == len(ELEMENTS) - len(expected)
    answer = client.get(f"{users_of.imports}/Import/{token}/Exceptions").json()
    found = {
        record["SequenceNumber"]: sorted((fault["Code"], fault["Path"]) for fault in record["Exceptions"])
        for record in answer["UserProfilePreferences"]
    }
    assert found == expected


@pytest.mark.parametrize("user", WRITERS)
def test_a_single_write_that_is_not_permitted_is_refused_and_leaves_nothing(
    users_of: PermissionUsers, user: str
) -> None:
    client = users_of.act_as(user)
    for name, (record, needs) in ELEMENTS.items():
        mark = f"single {user} {name}"
        body = {**record, "AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": mark}]}
        answer = client.post(f"{users_of.account}/Profile", json=body)
        expected = expect_faults(user, needs)
        query = {"alternateIdType": "Loyalty", "alternateId": mark}
        kept = users_of.act_as("all").get(f"{users_of.account}/Profile", params=query).status_code
        if expected:
            assert answer.status_code == 400, (name, answer.text)
            found = sorted((error["code"], error["path"]) for error in answer.json()["errors"])
            assert (found, kept) == (expected, 404), name
        else:
            assert (answer.status_code, kept) == (201, 200), (name, answer.text)


def test_a_delete_import_of_someone_who_lost_the_permission_is_refused_by_record(
    users_of: PermissionUsers, running: RunningServer
) -> None:
    access = running.create_account()
    with httpx.Client(base_url=access.url, timeout=60, trust_env=False) as client:
        form = {"client_id": access.client_id, "client_secret": access.client_secret}
        client.headers["Authorization"] = f"Bearer {client.post('/oauth2/token', data=form).json()['access_token']}"
        imports = f"{BASE}/Async/{access.account}/Import"
        token = client.post(imports, json={"Name": "gone", "ImportAction": "Delete"}).json()["AccessToken"]
        document = json.loads(access.services.accounts.show(access.account, "json"))
        document["userGroups"][0]["permissions"]["profile"] = ["read", "write"]
        access.services.accounts.apply_document(json.dumps(document).encode(), source="test", dry_run=False)
        staged = client.post(f"{imports}/{token}/Stage", json={"UserProfilePreferences": [{"ProfileId": 1}]}).json()
        assert staged["ValidationFailed"] == 1
        (record,) = client.get(f"{imports}/{token}/Exceptions").json()["UserProfilePreferences"]
        assert [(fault["Code"], fault["Path"]) for fault in record["Exceptions"]] == [("Permission.Delete", "$")]
