"""An account with a user for each set of permissions, for the tests of what each may do."""

from __future__ import annotations

import copy
from typing import Any

import httpx
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
    "release": True,
}
SWITCHES = ("import", "audit", "release")
"""Permissions that are true or false."""
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
    nothing = {name: [] if name not in SWITCHES else False for name in ALL}
    name, _, member = permission.partition(".")
    return nothing | {name: [member] if member else True}


RIGHTS = ("import", "profile.read", "profile.write", "profile.delete", "configuration.read", "configuration.write",
          "audit", "release")  # fmt: skip
MEMBERS = tuple(f"{scope}.{member}" for scope, members in SCOPES.items() for member in members)
USERS: dict[str, Wire] = {
    "all": ALL,
    "none": {name: [] if name not in SWITCHES else False for name in ALL},
    **{f"without {name}": without(name) for name in (*RIGHTS, *MEMBERS)},
    **{f"only {name}": only(name) for name in RIGHTS},
    **{f"{scope} none": {**ALL, scope: []} for scope in SCOPES},
    "phone alone": {**ALL, "channels": ["Fax"], "programs": ["OFFERS"], "consentTypes": []},
}


def name_user(user: str) -> str:
    return user.replace(" ", "-").replace(".", "-").lower()


class PermissionUsers:
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


def holds(user: str, need: str) -> bool:
    """Whether a user has what a call needs; `channels`: all of them, `any number`: one of a number's channels."""
    held = USERS[user]
    if need == "any number":
        return held["channels"] == "all" or bool({"Phone", "Text", "Fax"} & set(held["channels"]))
    name, _, member = need.partition(".")
    if not member:
        return held[name] in (True, "all")
    return held[name] == "all" or member in held[name]


IMPORTERS = [user for user in USERS if USERS[user]["import"]]
WRITERS = [user for user in USERS if "write" in USERS[user]["profile"]]
READERS = [user for user in USERS if "read" in USERS[user]["profile"]]

ADDRESS: Wire = {"Address1": "1 Elm St", "City": "Springfield", "StateProvince": "IL", "PostalCode": "62701"}
NUMBER = frozenset(("channels.Phone", "channels.Text", "channels.Fax"))


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
