"""Every permission on reading: hidden data is neither in the answer nor in any count."""

from __future__ import annotations

import copy

import pytest
from permission_users import (
    ADDRESS,
    IMPORTERS,
    NUMBER,
    READERS,
    WRITERS,
    PermissionUsers,
    Wire,
    agree,
    holds,
    name_user,
    prefer,
)
from waiting import wait_for

WHOLE: Wire = {
    "CustomerName": {"FirstName": "Ana"},
    "AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": "whole"}],
    "Emails": [
        {
            "EmailAddress": "whole@example.com",
            "EmailPreferences": [prefer("NEWS-EMAIL"), prefer("OFFERS-EMAIL")],
            "Consents": [agree("PrivacyPolicy"), agree("TextMessages")],
        }
    ],
    "PhoneNumbers": [
        {
            "PhoneNumber": "+12025550111",
            "PhoneNumberPreferences": [prefer("NEWS-TEXT"), prefer("OFFERS-PHONE"), prefer("OFFERS-FAX")],
            "Consents": [agree("TextMessages")],
        }
    ],
    "Addresses": [
        {**ADDRESS, "AddressPreferences": [prefer("OFFERS-MAIL")], "Consents": [agree("PrivacyPolicy")]},
    ],
    "ProfilePreferences": [prefer("DATA-SHARING")],
    "Consents": [agree("PrivacyPolicy"), agree("TextMessages")],
    "ProfileTags": [{"Name": "whole"}],
}
PLACES = {
    "Emails": ("EmailPreferences", ("channels.Email",)),
    "PhoneNumbers": ("PhoneNumberPreferences", tuple(NUMBER)),
    "Addresses": ("AddressPreferences", ("channels.Mail",)),
}
KIND_OF = {"Emails": "Email", "PhoneNumbers": "Phone", "Addresses": "Address"}


def sees_filter(user: str, name: str) -> bool:
    program, _, channel = name.partition("-")
    if name == "DATA-SHARING":
        return holds(user, "programs.DATA")
    return holds(user, f"programs.{program}") and holds(user, f"channels.{channel.capitalize()}")


def sees_consent(user: str, name: str) -> bool:
    return holds(user, f"consentTypes.{name}")


def hide(user: str, profile: Wire) -> Wire:
    """The parts of a whole profile that this user may see."""
    seen = copy.deepcopy(profile)
    places = [(seen, "ProfilePreferences")]
    for place, (preferences, channels) in PLACES.items():
        if any(holds(user, channel) for channel in channels):
            places += [(element, preferences) for element in seen[place]]
        else:
            del seen[place]
    for owner, preferences in places:
        owner[preferences] = [item for item in owner[preferences] if sees_filter(user, item["FilterId"])]
        owner["Consents"] = [item for item in owner["Consents"] if sees_consent(user, item["ConsentType"])]
    return seen


def hide_history(user: str, of: str, items: list[Wire]) -> list[Wire]:
    def sees_place(kind: str) -> bool:
        place = next((place for place, name in KIND_OF.items() if name == kind), None)
        return place is None or any(holds(user, channel) for channel in PLACES[place][1])

    def sees(item: Wire) -> bool:
        own = sees_filter(user, item["FilterId"]) if of == "Preferences" else sees_consent(user, item["ConsentType"])
        return own and sees_place(item["Place"]["Kind"])

    return [item for item in items if sees(item)]


@pytest.fixture(scope="module")
def whole(users_of: PermissionUsers) -> tuple[int, Wire]:
    """A profile with data of every kind, as a user with all permissions sees it."""
    profile_id = users_of.create(WHOLE)
    profile = users_of.act_as("all").get(f"{users_of.account}/Profile/{profile_id}").json()
    assert len(profile["Emails"][0]["Consents"]) == 2
    return profile_id, profile


@pytest.mark.parametrize("user", READERS)
def test_hidden_parts_are_not_in_the_answer(users_of: PermissionUsers, whole: tuple[int, Wire], user: str) -> None:
    profile_id, profile = whole
    expected, client = hide(user, profile), users_of.act_as(user)
    assert client.get(f"{users_of.account}/Profile/{profile_id}").json() == expected
    by_id = {"alternateIdType": "Loyalty", "alternateId": "whole"}
    assert client.get(f"{users_of.account}/Profile", params=by_id).json() == expected
    if holds(user, "channels.Email"):
        found = client.get(f"{users_of.account}/Profile", params={"emailAddress": "whole@example.com"}).json()
        assert found == {"Count": 1, "UserProfilePreferences": [expected]}
    if holds(user, "any number"):
        found = client.get(f"{users_of.account}/Profile", params={"phoneNumber": "+12025550111"}).json()
        assert found == {"Count": 1, "UserProfilePreferences": [expected]}


@pytest.mark.parametrize("user", READERS)
def test_hidden_parts_are_not_in_the_history_nor_in_a_count_or_page(
    users_of: PermissionUsers, whole: tuple[int, Wire], user: str
) -> None:
    for of in ("Preferences", "Consents"):
        path = f"{users_of.account}/Profile/{whole[0]}/History?of={of}"
        items = hide_history(user, of, users_of.act_as("all").get(path).json()["Items"])
        client = users_of.act_as(user)
        assert client.get(path).json() == {"Count": len(items), "HasMore": False, "Items": items}
        pages = [client.get(f"{path}&limit=2&offset={1 + 2 * page}").json() for page in range(len(items) // 2 + 1)]
        assert [item for page in pages for item in page["Items"]] == items
        assert [page["HasMore"] for page in pages] == [2 * page + 2 < len(items) for page in range(len(pages))]


@pytest.mark.parametrize("user", [user for user in WRITERS if user in READERS])
def test_hidden_parts_are_not_in_the_answer_to_a_write(
    users_of: PermissionUsers, whole: tuple[int, Wire], user: str
) -> None:
    profile_id, _ = whole
    body = {"CustomerName": {"MiddleName": name_user(user)}}
    answer = users_of.act_as(user).post(f"{users_of.account}/Profile/{profile_id}", json=body).json()
    assert (answer.pop("Outcome"), answer.pop("NotHonored")) == ("Updated", [])
    profile = users_of.act_as("all").get(f"{users_of.account}/Profile/{profile_id}").json()
    assert answer == hide(user, profile)
    assert profile["Consents"], "what the writer could not see is still there"


def test_a_write_without_read_answers_the_id_and_nothing_more(users_of: PermissionUsers) -> None:
    answer = users_of.act_as("without profile.read").post(
        f"{users_of.account}/Profile", json=WHOLE | {"AlternateIds": []}
    )
    assert answer.json().keys() == {"ProfileId", "Outcome", "NotHonored"}


@pytest.mark.parametrize("user", IMPORTERS)
def test_exceptions_are_shown_to_their_stager_and_to_readers_of_everything(
    users_of: PermissionUsers, user: str
) -> None:
    started = users_of.initiate("without audit")
    record = {"CustomerName": {"FirstName": "Secret name"}, "Emial": []}
    staged = users_of.act_as("without audit").post(
        f"{users_of.imports}/Import/{started['AccessToken']}/Stage", json={"UserProfilePreferences": [record]}
    )
    assert staged.json()["ValidationFailed"] == 1
    reads_all = all(holds(user, need) for need in ("profile.read", "channels", "programs", "consentTypes"))
    client = users_of.act_as(user)
    for path in (f"Import/{started['AccessToken']}", f"Imports/{started['ImportId']}"):
        for accept in ("application/json", "application/x-ndjson", "text/csv"):
            answer = client.get(f"{users_of.imports}/{path}/Exceptions", headers={"Accept": accept})
            assert answer.status_code == 200
            assert ("Secret name" in answer.text) == (reads_all and accept != "text/csv")
            assert "Record.UnknownMember" in answer.text


@pytest.mark.parametrize(
    "user", ["all", "without audit", "without profile.read", "without channels.Email", "only import"]
)
def test_the_stored_values_in_a_preview_are_for_who_may_read_all(users_of: PermissionUsers, user: str) -> None:
    """A caller who may not read everything sees no ProfileId and no value of a record that somebody else staged."""
    address = f"hidden-{name_user(user)}@example.com"
    person = {
        "Emails": [{"EmailAddress": address, "EmailPreferences": [{**prefer("NEWS-EMAIL"), "PreferenceType": "OptIn"}]}]
    }
    profile_id = users_of.create(person)
    out = {"FilterId": "NEWS-EMAIL", "PreferenceType": "OptOut"}
    record = {"ProfileId": profile_id, "Emails": [{"EmailAddress": address, "EmailPreferences": [out]}]}
    path = f"{users_of.imports}/Imports/{users_of.initiate('all')['ImportId']}"
    token = users_of.act_as("all").get(path).json()["AccessToken"]
    users_of.act_as("all").post(
        f"{users_of.imports}/Import/{token}/Stage", json={"UserProfilePreferences": [record]}
    ).raise_for_status()
    users_of.act_as("all").post(f"{path}/Preview").raise_for_status()
    wait_for(lambda: users_of.act_as("all").get(f"{path}/Preview").json(), lambda seen: seen["State"] != "Running")
    shown = users_of.act_as(user).get(f"{path}/Preview/Changes", params={"kind": "OptInsEnded"})
    assert shown.json()["Count"] == 1
    (change,) = shown.json()["Changes"]
    reads_all = all(holds(user, need) for need in ("profile.read", "channels", "programs", "consentTypes"))
    assert (address in shown.text) == reads_all
    assert (change["ProfileId"] == profile_id) == reads_all
    assert (change.get("Before") is not None) == reads_all
