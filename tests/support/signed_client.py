"""A client that signs its requests with PNAUTHINFO3, written from the contract alone; clients at other addresses."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from running_server import AccountAccess, RunningServer

_ADDRESSES = count(2)


def sign(key: str, client_id: str, user: str, time: str, algorithm: str = "sha256") -> str:
    """The signature as base64."""
    text = f"{client_id}:{user}:{time}"
    return base64.b64encode(hmac.new(key.encode(), text.encode(), algorithm).digest()).decode()


def say_time(ahead: float = 0, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Now and so many seconds, in UTC."""
    return (datetime.now(UTC) + timedelta(seconds=ahead)).strftime(form)


def make_header(
    key: str, client_id: str, user: str = "nightly", time: str | None = None, algorithm: str = "sha256", gap: str = " "
) -> str:
    time = say_time() if time is None else time
    signature = sign(key, client_id, user, time, algorithm)
    return f"PNAUTHINFO3-HMAC-{algorithm.upper()} Credential={user}/{time}{gap}Signature={signature}"


def call(
    access: AccountAccess, authorization: str | None, account: str | None = None, client: httpx.Client | None = None
) -> httpx.Response:
    """List the account's imports with an Authorization header."""
    return (client or httpx).get(
        f"{access.url}/Profiles/v4/Async/{account or access.account}/Imports",
        headers={} if authorization is None else {"Authorization": authorization},
    )


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def mark_users(document: dict[str, Any]) -> None:
    """`nightly` may be named in signed headers, `plain` not; `admin` may write the configuration."""
    permissions = {"configuration": ["read", "write"], "import": True}
    document["userGroups"].append({"name": "Admins", "permissions": permissions})
    document["users"][0]["hmac"] = True
    document["users"] += [{"id": "plain", "groups": ["Loaders"]}, {"id": "admin", "groups": ["Admins"]}]


def open_signed_account(running: RunningServer) -> tuple[AccountAccess, str]:
    """A fresh account, and its shared key."""
    access = running.create_account(mark_users)
    return access, access.services.authentication.shared_keys.create(access.account_id)[1]


class ClientElsewhere(httpx.Client):
    """A client that calls from a loopback address which no other one has."""

    def __init__(self) -> None:
        number = next(_ADDRESSES)
        self.address = f"127.77.{number // 250}.{number % 250 + 1}"
        super().__init__(transport=httpx.HTTPTransport(local_address=self.address), timeout=30)
