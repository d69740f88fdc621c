"""Every permission against every call and every element of a record: at the call, at staging, and on reading back."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from running_server import AccountAccess, RunningServer

Wire = dict[str, Any]

BASE = "/Profiles/v4"
ALL: Wire = {
    "import": True,
    "profile": ["read", "write", "delete"],
    "channels": "all",
    "programs": "all",
    "consentTypes": "all",
    "configuration": ["read", "write"],
    "audit": True,
}
CHANNELS = ("Email", "Phone", "Text", "Fax", "Mail")
PROGRAMS = ("NEWS", "OFFERS", "DATA")
CONSENT_TYPES = ("PrivacyPolicy", "TextMessages")
SCOPES = {"channels": CHANNELS, "programs": PROGRAMS, "consentTypes": CONSENT_TYPES}

# Users: each lacks one thing of everything, is kept to one member of a scope, or has nothing but one thing ----------


def without(permission: str) -> Wire:
    """All permissions but one: `import`, `profile.read`, `channels.Email` …"""
    held = copy.deepcopy(ALL)
    name, _, member = permission.partition(".")
    if not member:
        held[name] = False
    else:
        whole = SCOPES.get(name, ALL[name])
        held[name] = [one for one in whole if one != member]
    return held


def only(permission: str) -> Wire:
    """One permission, and none beside it."""
    nothing = {name: [] if name not in ("import", "audit") else False for name in ALL}
    name, _, member = permission.partition(".")
    return nothing | {name: [member] if member else True}


RIGHTS = ("import", "profile.read", "profile.write", "profile.delete", "configuration.read", "configuration.write",
          "audit")  # fmt: skip
MEMBERS = tuple(f"{scope}.{member}" for scope, members in SCOPES.items() for member in members)
USERS: dict[str, Wire] = {
    "all": ALL,
    "none": {name: [] if name not in ("import", "audit") else False for name in ALL},
    **{f"without {name}": without(name) for name in (*RIGHTS, *MEMBERS)},
    **{f"only {name}": only(name) for name in RIGHTS},
    **{f"{scope} none": {**ALL, scope: []} for scope in SCOPES},
    "phone alone": {**ALL, "channels": ["Fax"], "programs": ["OFFERS"], "consentTypes": []},
}


def name_user(user: str) -> str:
    return user.replace(" ", "-").replace(".", "-").lower()


class Office:
    """One account with a user for each set of permissions, and a connection for each user."""

    def __init__(self, running: RunningServer) -> None:
        self.access = running.create_account(self._add_users, user="all")
        self._running = running
        self._clients: dict[str, httpx.Client] = {}

    def _add_users(self, document: Wire) -> None:
        document["account"]["importsPerDay"] = 10_000
        document["programs"][1]["filters"].append({"id": "OFFERS-FAX", "name": "Offers by fax", "channel": "Fax"})
        for user, permissions in USERS.items():
            document["userGroups"].append({"name": name_user(user), "permissions": permissions})
            document["users"].append({"id": name_user(user), "groups": [name_user(user)]})

    def act_as(self, user: str) -> httpx.Client:
        """A connection that calls as this user."""
        if user not in self._clients:
            access: AccountAccess = (
                self.access if user == "all" else self._running.give_access(self.access.account, name_user(user))
            )
            client = httpx.Client(base_url=access.url, timeout=60, trust_env=False)
            form = {"client_id": access.client_id, "client_secret": access.client_secret}
            client.headers["Authorization"] = f"Bearer {client.post('/oauth2/token', data=form).json()['access_token']}"
            self._clients[user] = client
        return self._clients[user]

    @property
    def account(self) -> str:
        return f"{BASE}/{self.access.account}"

    @property
    def imports(self) -> str:
        return f"{BASE}/Async/{self.access.account}"

    def initiate(self, user: str, **fields: Any) -> Wire:
        return self.act_as(user).post(f"{self.imports}/Import", json={"Name": "matrix", **fields}).json()

    def create(self, record: Wire) -> int:
        answer = self.act_as("all").post(f"{self.account}/Profile", json=record)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["ProfileId"])

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="module")
def office(running: RunningServer) -> Iterator[Office]:
    office = Office(running)
    yield office
    office.close()


# Every call ---------------------------------------------------------------------------------------------------------

Call = Callable[[Office, httpx.Client], httpx.Response]


def _stage(office: Office, client: httpx.Client) -> httpx.Response:
    token = office.initiate("all")["AccessToken"]
    return client.post(f"{office.imports}/Import/{token}/Stage", json={"UserProfilePreferences": []})


def _move(call: str) -> Call:
    def send(office: Office, client: httpx.Client) -> httpx.Response:
        token = office.initiate("all")["AccessToken"]
        office.act_as("all").post(
            f"{office.imports}/Import/{token}/Stage", json={"UserProfilePreferences": [{"ProfileId": 1}]}
        )
        return client.post(f"{office.imports}/Import/{token}/{call}")

    return send


def _look(path: str) -> Call:
    def send(office: Office, client: httpx.Client) -> httpx.Response:
        started = office.initiate("all")
        return client.get(f"{office.imports}/{path.format(**started)}")

    return send


def _watch(office: Office, client: httpx.Client) -> httpx.Response:
    started = office.initiate("all")
    office.act_as("all").post(f"{office.imports}/Import/{started['AccessToken']}/Cancel")
    return client.get(f"{office.imports}/Imports/{started['ImportId']}/Progress")


def _initiate(**fields: Any) -> Call:
    return lambda office, client: client.post(f"{office.imports}/Import", json={"Name": "matrix", **fields})


def _on_profile(method: str, path: str = "", body: Wire | None = None) -> Call:
    def send(office: Office, client: httpx.Client) -> httpx.Response:
        profile_id = office.create({"CustomerName": {"FirstName": "Ana"}})
        return client.request(method, f"{office.account}/Profile/{profile_id}{path}", json=body)

    return send


def _find(query: str) -> Call:
    return lambda office, client: client.get(f"{office.account}/Profile?{query}")


def _put_configuration(office: Office, client: httpx.Client) -> httpx.Response:
    document = office.act_as("all").get(f"{office.account}/Configuration").json()
    return client.put(f"{office.account}/Configuration?dryRun=true", json=document)


CALLS: dict[str, tuple[Call, set[str]]] = {
    "initiate": (_initiate(), {"import"}),
    "initiate a Delete": (_initiate(ImportAction="Delete"), {"import", "profile.delete"}),
    "initiate with RefreshContacts": (_initiate(RefreshContacts=True), {"import", "channels", "programs"}),
    "stage": (_stage, {"import"}),
    "execute": (_move("Execute"), {"import"}),
    "cancel": (_move("Cancel"), {"import"}),
    "status": (_look("Import/{AccessToken}/Status"), {"import"}),
    "exceptions": (_look("Import/{AccessToken}/Exceptions"), {"import"}),
    "list": (_look("Imports"), {"import"}),
    "one import": (_look("Imports/{ImportId}"), {"import"}),
    "its exceptions": (_look("Imports/{ImportId}/Exceptions"), {"import"}),
    "its progress": (_watch, {"import"}),
    "profile": (_on_profile("GET"), {"profile.read"}),
    "history": (_on_profile("GET", "/History?of=Consents"), {"profile.read"}),
    "find by id": (_find("alternateIdType=Loyalty&alternateId=nobody"), {"profile.read"}),
    "find by email": (_find("emailAddress=nobody@example.com"), {"profile.read", "channels.Email"}),
    "find by number": (_find("phoneNumber=%2B12025550100"), {"profile.read", "any number"}),
    "tags": (lambda office, client: client.get(f"{office.account}/Tags"), {"profile.read"}),
    "create": (
        lambda office, client: client.post(f"{office.account}/Profile", json={"CustomerName": {"FirstName": "A"}}),
        {"profile.write"},
    ),
    "create with RefreshContacts": (
        lambda office, client: client.post(
            f"{office.account}/Profile?RefreshContacts=true", json={"CustomerName": {"FirstName": "A"}}
        ),
        {"profile.write", "channels", "programs"},
    ),
    "update": (_on_profile("POST", body={"CustomerName": {"FirstName": "B"}}), {"profile.write"}),
    "delete": (_on_profile("DELETE"), {"profile.delete"}),
    "read the configuration": (
        lambda office, client: client.get(f"{office.account}/Configuration"),
        {"configuration.read"},
    ),
    "write the configuration": (_put_configuration, {"configuration.write"}),
    "audit": (lambda office, client: client.get(f"{office.account}/Audit"), {"audit"}),
}
"""By name: the call, and all the permissions that it needs."""


def holds(user: str, need: str) -> bool:
    """Whether a user has what a call needs; `channels`: all of them, `any number`: one of a number's channels."""
    held = USERS[user]
    if need == "any number":
        return held["channels"] == "all" or bool({"Phone", "Text", "Fax"} & set(held["channels"]))
    name, _, member = need.partition(".")
    if not member:
        return held[name] in (True, "all")
    return held[name] == "all" or member in held[name]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_for_those_who_hold_all_that_it_needs(office: Office, call: str) -> None:
    send, needs = CALLS[call]
    wrong = []
    for user in USERS:
        answer = send(office, office.act_as(user))
        permitted = all(holds(user, need) for need in needs)
        if (answer.status_code == 403) == permitted or answer.status_code not in (200, 201, 204, 403, 404):
            wrong.append((user, answer.status_code, answer.text[:200]))
        if answer.status_code == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"].startswith("Permission."), answer.text
    assert wrong == []


def test_every_call_of_the_api_is_in_the_matrix(office: Office) -> None:
    document = httpx.get(f"{office.access.url}/schema/openapi.json", trust_env=False).json()
    calls = {
        operation["operationId"]
        for path, item in document["paths"].items()
        for operation in item.values()
        if "{clientId}" in path
    }
    assert calls == {
        "initiate", "stage", "execute", "cancel", "getStatus", "getExceptions", "listImports", "getImport",
        "getImportExceptions", "watchImport", "getProfile", "getHistory", "findProfiles", "listTags", "createProfile",
        "updateProfile", "deleteProfile", "getConfiguration", "applyConfiguration", "readAudit",
    }, "a call was added: put it into CALLS, and here"  # fmt: skip


# Every element of a record ------------------------------------------------------------------------------------------


def prefer(name: str) -> Wire:
    return {"FilterId": name, "PreferenceType": "OptOut", "CustomerDate": "2026-01-01"}


def agree(name: str) -> Wire:
    version = {"PrivacyPolicy": "2.0", "TextMessages": "2026-01"}[name]
    return {
        "ConsentType": name,
        "ConsentVersion": version,
        "Locale": "en_US",
        "ConsentStatus": "Denied",
        "ConsentDate": "2026-01-01",
    }


EMAIL: Wire = {"EmailAddress": "ana@example.com"}
PHONE: Wire = {"PhoneNumber": "+12025550143"}
ADDRESS: Wire = {"Address1": "1 Elm St", "City": "Springfield", "StateProvince": "IL", "PostalCode": "62701"}
NUMBER = frozenset(("channels.Phone", "channels.Text", "channels.Fax"))

Needs = dict[str, frozenset[str]]
"""Path of a fault -> the permissions of which one is needed there."""


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
"""By name: a record, and what each path of it needs."""

_CODES = {"channels": "Permission.Channel", "programs": "Permission.Program", "consentTypes": "Permission.ConsentType"}


def expect_faults(user: str, needs: Needs) -> list[tuple[str, str]]:
    """(code, path) of every fault that a user's record gets, sorted."""
    faults = [] if holds(user, "profile.write") else [("Permission.Profile", "$")]
    for path, permissions in needs.items():
        if not any(holds(user, permission) for permission in permissions):
            scope = next(iter(permissions)).partition(".")[0]
            faults.append((_CODES[scope], path.partition("#")[0]))
    return sorted(faults)


IMPORTERS = [user for user in USERS if USERS[user]["import"]]
WRITERS = [user for user in USERS if "write" in USERS[user]["profile"]]


def make_unique(record: Wire, name: str) -> Wire:
    return json.loads(json.dumps(record).replace("{unique}", name))


@pytest.mark.parametrize("user", IMPORTERS)
def test_staging_refuses_a_record_whole_that_reaches_further(office: Office, user: str) -> None:
    client = office.act_as(user)
    token = office.initiate(user)["AccessToken"]
    records = [make_unique(record, f"staged {user} {name}") for name, (record, _) in ELEMENTS.items()]
    staged = client.post(f"{office.imports}/Import/{token}/Stage", json={"UserProfilePreferences": records}).json()
    expected = {number: expect_faults(user, needs) for number, (_, needs) in enumerate(ELEMENTS.values(), 1)}
    expected = {number: faults for number, faults in expected.items() if faults}
    assert staged["ValidationFailed"] == len(expected)
    assert staged["ValidationSuccessful"] == len(ELEMENTS) - len(expected)
    answer = client.get(f"{office.imports}/Import/{token}/Exceptions").json()
    found = {
        record["SequenceNumber"]: sorted((fault["Code"], fault["Path"]) for fault in record["Exceptions"])
        for record in answer["UserProfilePreferences"]
    }
    assert found == expected


@pytest.mark.parametrize("user", WRITERS)
def test_a_single_write_is_refused_alike_and_leaves_nothing(office: Office, user: str) -> None:
    client = office.act_as(user)
    for name, (record, needs) in ELEMENTS.items():
        mark = f"single {user} {name}"
        body = {**record, "AlternateIds": [{"AlternateIdType": "Loyalty", "AlternateId": mark}]}
        answer = client.post(f"{office.account}/Profile", json=body)
        expected = expect_faults(user, needs)
        query = {"alternateIdType": "Loyalty", "alternateId": mark}
        kept = office.act_as("all").get(f"{office.account}/Profile", params=query).status_code
        if expected:
            assert answer.status_code == 400, (name, answer.text)
            found = sorted((error["code"], error["path"]) for error in answer.json()["errors"])
            assert (found, kept) == (expected, 404), name
        else:
            assert (answer.status_code, kept) == (201, 200), (name, answer.text)


def test_a_delete_import_of_someone_who_lost_the_permission_is_refused_by_record(
    office: Office, running: RunningServer
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


# Reading back -------------------------------------------------------------------------------------------------------

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
READERS = [user for user in USERS if "read" in USERS[user]["profile"]]


def sees_filter(user: str, name: str) -> bool:
    program, _, channel = name.partition("-")
    if name == "DATA-SHARING":
        return holds(user, "programs.DATA")
    return holds(user, f"programs.{program}") and holds(user, f"channels.{channel.capitalize()}")


def sees_consent(user: str, name: str) -> bool:
    return holds(user, f"consentTypes.{name}")


def hide(user: str, profile: Wire) -> Wire:
    """What of a whole profile this user may see."""
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
def whole(office: Office) -> tuple[int, Wire]:
    """A profile with something of everything, as a user sees it who may see all."""
    profile_id = office.create(WHOLE)
    profile = office.act_as("all").get(f"{office.account}/Profile/{profile_id}").json()
    assert len(profile["Emails"][0]["Consents"]) == 2
    return profile_id, profile


@pytest.mark.parametrize("user", READERS)
def test_what_may_not_be_seen_is_not_there(office: Office, whole: tuple[int, Wire], user: str) -> None:
    profile_id, profile = whole
    expected, client = hide(user, profile), office.act_as(user)
    assert client.get(f"{office.account}/Profile/{profile_id}").json() == expected
    by_id = {"alternateIdType": "Loyalty", "alternateId": "whole"}
    assert client.get(f"{office.account}/Profile", params=by_id).json() == expected
    if holds(user, "channels.Email"):
        found = client.get(f"{office.account}/Profile", params={"emailAddress": "whole@example.com"}).json()
        assert found == {"Count": 1, "UserProfilePreferences": [expected]}
    if holds(user, "any number"):
        found = client.get(f"{office.account}/Profile", params={"phoneNumber": "+12025550111"}).json()
        assert found == {"Count": 1, "UserProfilePreferences": [expected]}


@pytest.mark.parametrize("user", READERS)
def test_nor_in_the_history_and_no_count_or_page_tells_of_it(
    office: Office, whole: tuple[int, Wire], user: str
) -> None:
    for of in ("Preferences", "Consents"):
        path = f"{office.account}/Profile/{whole[0]}/History?of={of}"
        items = hide_history(user, of, office.act_as("all").get(path).json()["Items"])
        client = office.act_as(user)
        assert client.get(path).json() == {"Count": len(items), "HasMore": False, "Items": items}
        pages = [client.get(f"{path}&limit=2&offset={1 + 2 * page}").json() for page in range(len(items) // 2 + 1)]
        assert [item for page in pages for item in page["Items"]] == items
        assert [page["HasMore"] for page in pages] == [2 * page + 2 < len(items) for page in range(len(pages))]


@pytest.mark.parametrize("user", [user for user in WRITERS if user in READERS])
def test_nor_in_the_answer_to_a_write(office: Office, whole: tuple[int, Wire], user: str) -> None:
    profile_id, _ = whole
    body = {"CustomerName": {"MiddleName": name_user(user)}}
    answer = office.act_as(user).post(f"{office.account}/Profile/{profile_id}", json=body).json()
    assert (answer.pop("Outcome"), answer.pop("NotHonored")) == ("Updated", [])
    profile = office.act_as("all").get(f"{office.account}/Profile/{profile_id}").json()
    assert answer == hide(user, profile)
    assert profile["Consents"], "what the writer could not see is still there"


def test_a_write_without_read_answers_the_id_and_nothing_more(office: Office) -> None:
    answer = office.act_as("without profile.read").post(f"{office.account}/Profile", json=WHOLE | {"AlternateIds": []})
    assert answer.json().keys() == {"ProfileId", "Outcome", "NotHonored"}


@pytest.mark.parametrize("user", IMPORTERS)
def test_exceptions_are_for_who_staged_them_and_for_who_may_read_all(office: Office, user: str) -> None:
    started = office.initiate("without audit")
    record = {"CustomerName": {"FirstName": "Secret name"}, "Emial": []}
    staged = office.act_as("without audit").post(
        f"{office.imports}/Import/{started['AccessToken']}/Stage", json={"UserProfilePreferences": [record]}
    )
    assert staged.json()["ValidationFailed"] == 1
    reads_all = all(holds(user, need) for need in ("profile.read", "channels", "programs", "consentTypes"))
    client = office.act_as(user)
    for path in (f"Import/{started['AccessToken']}", f"Imports/{started['ImportId']}"):
        for accept in ("application/json", "application/x-ndjson", "text/csv"):
            answer = client.get(f"{office.imports}/{path}/Exceptions", headers={"Accept": accept})
            assert answer.status_code == 200
            assert ("Secret name" in answer.text) == (reads_all and accept != "text/csv")
            assert "Record.UnknownMember" in answer.text
