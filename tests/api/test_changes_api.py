"""GET /{clientId}/Changes (data-out.md): changes after a position, as far as the caller may see them."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from permission_users import ADDRESS, READERS, PermissionUsers, agree, holds, prefer
from running_server import AccountAccess, RunningServer
from waiting import wait_for
from wire_client import WireClient, check_problem, choice, person, require

from consentory.client.api_client import ConsentoryClient

ROOT = Path(__file__).parents[2]
Wire = dict[str, Any]
AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def mailer(running: RunningServer, server: AccountAccess) -> Iterator[WireClient]:
    """Another user of the same account: channel Email, program NEWS, consent type PrivacyPolicy."""
    with WireClient(running.give_access(server.account, "mailer")) as client:
        yield client


def try_changes(client: WireClient, **query: Any) -> Any:
    return client.http.get(f"{client.account}/Changes?{urlencode(query)}")


def read(client: WireClient, **query: Any) -> Wire:
    return require(try_changes(client, **query))


def await_items(client: WireClient, count: int, **query: Any) -> list[Wire]:
    """The changes of the account, when there are so many."""
    return wait_for(lambda: read(client, **query)["Items"], lambda items: len(items) >= count)


def test_changes_are_given_in_order_with_their_choices_and_members(ours: WireClient) -> None:
    record = person(1, ProfilePreferences=[choice("DATA-SHARING", 2, AT)])
    record["Emails"][0]["EmailPreferences"] = [choice("NEWS-EMAIL", 1, AT, FrequencyId="Monthly")]
    first = ours.write(record)["ProfileId"]
    ours.write({"ProfileId": first, "CustomerName": {"FirstName": "Ana"}}, first)
    second = ours.write(person(2))["ProfileId"]
    ours.http.delete(f"{ours.account}/Profile/{second}").raise_for_status()
    created, updated, _, deleted = await_items(ours, 4)
    assert [(one["Position"], one["Kind"], one["ProfileId"]) for one in (created, updated, deleted)] == [
        (1, "Created", first),
        (2, "Updated", first),
        (4, "Deleted", second),
    ]
    email = record["Emails"][0]["EmailAddress"]
    shown = sorted(created["Choices"], key=lambda one: one["FilterId"])
    assert shown == [
        {"Place": {"Kind": "Profile"}, "FilterId": "DATA-SHARING", "PreferenceType": 2, "CustomerDate": AT},
        {
            "Place": {"Kind": "Email", "EmailAddressType": "Home", "EmailAddress": email},
            "FilterId": "NEWS-EMAIL", "PreferenceType": 1, "FrequencyId": "Monthly", "CustomerDate": AT,
        },
    ]  # fmt: skip
    assert {"AlternateIds", "Emails", "EmailPreferences", "ProfilePreferences"} <= set(created["Members"])
    assert (updated["Choices"], updated["Members"]) == ([], ["CustomerName"])
    assert (deleted["Choices"], deleted["Members"]) == ([], [])
    assert (created["ImportId"], created["SequenceNumber"]) == (None, None)


def test_a_page_ends_at_its_limit_and_the_next_begins_there(ours: WireClient) -> None:
    for number in range(5):
        ours.write(person(number))
    await_items(ours, 5)
    pages, after = [], 0
    while (page := read(ours, after=after, limit=2))["Items"]:
        assert page["Latest"] == 5
        pages.append([one["Position"] for one in page["Items"]])
        after = page["Next"]
    assert pages == [[1, 2], [3, 4], [5]]
    assert page == {"Items": [], "Next": 5, "Latest": 5}


def test_an_account_without_changes(ours: WireClient) -> None:
    assert read(ours) == {"Items": [], "Next": 0, "Latest": 0}
    assert read(ours, after=0, wait=1) == {"Items": [], "Next": 0, "Latest": 0}


def test_a_position_that_was_never_given_is_refused(ours: WireClient) -> None:
    ours.write(person(1))
    await_items(ours, 1)
    check_problem(try_changes(ours, after=2), 409, "Changes.NotYet")


@pytest.mark.parametrize(
    "query", [{"wait": 31}, {"limit": 0}, {"limit": 10_001}, {"after": -1}, {"wait": "1.5"}, {"since": 1}]
)
def test_parameters_have_bounds(ours: WireClient, query: Wire) -> None:
    check_problem(try_changes(ours, **query), 400, "Request.InvalidParameter")


def test_a_call_waits_for_the_next_change_and_holds_nothing_meanwhile(ours: WireClient) -> None:
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(read, ours, after=0, wait=30) for _ in range(20)]
        # More calls wait than a process has slots for expensive calls of one account, or connections.
        require(ours.http.get(f"{ours.account}/Tags"))
        profile_id = ours.write(person(1))["ProfileId"]
        for one in waiting:
            assert [item["ProfileId"] for item in one.result()["Items"]] == [profile_id]


def test_each_call_is_one_event_also_one_that_waited(users_of: PermissionUsers) -> None:
    client = users_of.act_as("all")

    def count() -> list[Wire]:
        events = client.get(f"{users_of.account}/Audit?action=changes.read&limit=10000").json()["Events"]
        return [one["Details"] for one in events]

    users_of.create({"CustomerName": {"FirstName": "Ana"}})
    path = f"{users_of.account}/Changes"
    latest = wait_for(lambda: client.get(path).json()["Latest"], lambda latest: latest > 0)
    expected = [
        {"After": latest - 1, "Limit": 5, "Wait": 0, "Count": 1},
        {"After": latest, "Limit": 1000, "Wait": 1, "Count": 0},
    ]
    users_of.act_as("all").get(f"{path}?after={latest - 1}&limit=5")
    users_of.act_as("all").get(f"{path}?after={latest}&wait=1")
    wait_for(count, lambda found: [one for one in found if one in expected] == expected)


def test_a_user_whose_rights_end_while_the_call_waits_gets_nothing(running: RunningServer) -> None:
    def permit(document: Wire) -> None:
        document["userGroups"][0]["permissions"]["configuration"] = ["read", "write"]

    with WireClient(running.create_account(permit)) as ours, ThreadPoolExecutor(1) as threads:
        document = require(ours.http.get(f"{ours.account}/Configuration"))
        waiting = threads.submit(try_changes, ours, after=0, wait=30)
        document["userGroups"][0]["permissions"]["profile"] = ["write"]
        require(ours.http.put(f"{ours.account}/Configuration", json=document))
        ours.write(person(1))
        check_problem(waiting.result(), 403, "Permission.Profile")


def test_the_choices_of_a_deleted_person_are_gone(ours: WireClient) -> None:
    profile_id = ours.write(person(1, ProfilePreferences=[choice("DATA-SHARING", 2, AT)]))["ProfileId"]
    assert len(await_items(ours, 1)[0]["Choices"]) == 1
    ours.http.delete(f"{ours.account}/Profile/{profile_id}").raise_for_status()
    created, deleted = await_items(ours, 2)
    assert (created["Kind"], created["Choices"], deleted["Kind"]) == ("Created", [], "Deleted")


def test_the_recipe_keeps_a_copy_that_is_like_the_store(ours: WireClient, server: AccountAccess) -> None:
    """The recipe of docs/data-out.md, while people are written, changed and deleted."""
    text = (ROOT / "docs" / "data-out.md").read_text("utf-8")
    code: Any = {}
    exec(text.partition("```python changed_people.py\n")[2].partition("```")[0], code)
    people: Wire = {}

    def change(writer: int) -> None:
        rng = random.Random(writer)
        ids: list[int] = []
        for number in range(12):
            match rng.choice(("create", "update", "delete")) if ids else "create":
                case "create":
                    ids.append(ours.write(person(f"{writer}-{number}"))["ProfileId"])
                case "update":
                    one = rng.choice(ids)
                    ours.write({"ProfileId": one, "ProfileTags": [{"Name": f"t{number}"}]}, one)
                case "delete":
                    ours.http.delete(f"{ours.account}/Profile/{ids.pop()}").raise_for_status()

    def keep_up(client: ConsentoryClient, after: int) -> int:
        changed, position = code["read_changed"](client, after)
        for profile_id, profile in changed.items():
            people.pop(profile_id, None)
            if profile is not None:
                people[profile_id] = profile
        return int(position)

    secrets = (server.client_id, server.client_secret, server.user)
    with ConsentoryClient(server.url, server.account, *secrets) as client, ThreadPoolExecutor(3) as threads:
        writers, position = [threads.submit(change, writer) for writer in range(3)], 0
        while not all(one.done() for one in writers):
            position = keep_up(client, position)
        wait_for(lambda: read(ours, limit=1)["Latest"], lambda latest: latest >= 36)
        keep_up(client, position)
        assert [one.result() for one in writers] == [None] * 3
        everybody = {item["ProfileId"] for item in read(ours)["Items"]}
        stored = {}
        for profile_id in everybody:
            answer = ours.http.get(f"{ours.account}/Profile/{profile_id}")
            if answer.status_code == 200:
                stored[profile_id] = answer.json()
    assert people == stored


# Permissions -----------------------------------------------------------------------------------------------------

WHOLE: Wire = {
    "CustomerName": {"FirstName": "Ana"},
    "Emails": [
        {
            "EmailAddress": "changes@example.com",
            "EmailPreferences": [prefer("NEWS-EMAIL"), prefer("OFFERS-EMAIL")],
            "Consents": [agree("PrivacyPolicy"), agree("TextMessages")],
        }
    ],
    "PhoneNumbers": [
        {
            "PhoneNumber": "+12025550111",
            "PhoneNumberPreferences": [prefer("NEWS-TEXT"), prefer("OFFERS-PHONE"), prefer("OFFERS-FAX")],
        }
    ],
    "Addresses": [{**ADDRESS, "AddressPreferences": [prefer("OFFERS-MAIL")]}],
    "ProfilePreferences": [prefer("DATA-SHARING")],
    "Consents": [agree("PrivacyPolicy"), agree("TextMessages")],
}


@pytest.fixture(scope="module")
def changed(users_of: PermissionUsers) -> tuple[int, int]:
    """A person who was created with data of every kind, and the first position after the creation. Each following
    change is of one choice."""
    profile_id = users_of.create(WHOLE)
    client = users_of.act_as("all")

    def find() -> list[int]:
        items = client.get(f"{users_of.account}/Changes?limit=10000").json()["Items"]
        return [one["Position"] for one in items if one["ProfileId"] == profile_id]

    (created,) = wait_for(find, lambda found: len(found) == 1)
    for change in list_single_changes():
        answer = client.post(f"{users_of.account}/Profile/{profile_id}", json={"ProfileId": profile_id, **change})
        assert answer.json()["Outcome"] == "Updated", answer.text
    wait_for(find, lambda found: len(found) == 1 + len(list_single_changes()))
    return profile_id, created


def list_single_changes() -> list[Wire]:
    def later(given: Wire) -> Wire:
        return {**given, **{name: "2026-02-01" for name in given if name.endswith("Date")}}

    email, phone = WHOLE["Emails"][0]["EmailAddress"], WHOLE["PhoneNumbers"][0]["PhoneNumber"]
    return [
        {"Emails": [{"EmailAddress": email, "EmailPreferences": [later(prefer("OFFERS-EMAIL"))]}]},
        {"Emails": [{"EmailAddress": email, "Consents": [later(agree("TextMessages"))]}]},
        {"PhoneNumbers": [{"PhoneNumber": phone, "PhoneNumberPreferences": [later(prefer("NEWS-TEXT"))]}]},
        {"ProfilePreferences": [later(prefer("DATA-SHARING"))]},
        {"Consents": [later(agree("PrivacyPolicy"))]},
    ]


@pytest.mark.parametrize("user", READERS)
def test_a_caller_gets_the_choices_of_the_history_and_no_trace_of_others(
    users_of: PermissionUsers, changed: tuple[int, int], user: str
) -> None:
    profile_id, created = changed
    client = users_of.act_as(user)
    page = client.get(f"{users_of.account}/Changes?after={created - 1}&limit=10000").json()
    own = [one for one in page["Items"] if one["ProfileId"] == profile_id]
    path = f"{users_of.account}/Profile/{profile_id}"
    history = [
        {
            name: value
            for name, value in item.items()
            if name not in ("RecordedDate", "Caller", "ImportId", "SequenceNumber")
        }
        for of in ("Preferences", "Consents")
        for item in client.get(f"{path}/History?of={of}").json()["Items"]
    ]
    given = [one for item in own for one in item["Choices"]]
    assert sorted(map(repr, given)) == sorted(map(repr, history))
    profile = client.get(path).json()
    for item in own:
        for name in ("Emails", "PhoneNumbers", "Addresses"):
            assert name in profile or name not in item["Members"]
        for name in set(item["Members"]) - {"CustomerName", "DefaultLocale", "CustomerType", *profile}:
            assert any(name.startswith(word) for word in ("Email", "PhoneNumber", "Address"))
            assert item["Choices"], "a member with choices shows by a choice alone"
    assert all(item["Choices"] for item in own[1:]), "a change of hidden choices alone is not there"
    hidden = 0 if user == "all" else sum(1 for one in list_visible(user) if not one)
    assert len(own) == 1 + len(list_single_changes()) - hidden


def list_visible(user: str) -> list[bool]:
    """Whether this user sees each of the single changes."""
    any_number = holds(user, "any number")
    return [
        holds(user, "programs.OFFERS") and holds(user, "channels.Email"),
        holds(user, "consentTypes.TextMessages") and holds(user, "channels.Email"),
        holds(user, "programs.NEWS") and holds(user, "channels.Text") and any_number,
        holds(user, "programs.DATA"),
        holds(user, "consentTypes.PrivacyPolicy"),
    ]


def test_a_hidden_change_is_passed_over(ours: WireClient, mailer: WireClient) -> None:
    record = person(1)
    profile_id = ours.write(record)["ProfileId"]
    again = copy.deepcopy(record) | {"ProfileId": profile_id}
    again["Emails"][0]["EmailPreferences"] = [choice("OFFERS-EMAIL", 1, AT)]
    ours.write(again, profile_id)
    assert len(await_items(ours, 2)) == 2
    assert read(mailer, after=1) == {"Items": [], "Next": 2, "Latest": 2}


def test_another_account_has_no_part_in_them(ours: WireClient, running: RunningServer) -> None:
    ours.write(person(1))
    await_items(ours, 1)
    with WireClient(running.create_account()) as other:
        assert read(other) == {"Items": [], "Next": 0, "Latest": 0}
        assert other.http.get(f"{ours.account}/Changes").status_code == 404
