"""Values that JSON allows and PostgreSQL's jsonb does not: at most one record's fault, never the batch's."""

from __future__ import annotations

import json

import httpx
import pytest
from running_server import AccountAccess


@pytest.mark.parametrize("text", [r"a\u0000b", r"a\ud800b", "a\\u0001b"])
def test_a_fault_keeps_a_value_that_no_database_text_can_hold(server: AccountAccess, text: str) -> None:
    base = f"{server.url}/Profiles/v4/Async/{server.account}/Import"
    token = httpx.post(
        f"{server.url}/oauth2/token", data={"grant_type": "client_credentials", "scope": f"{server.account}/nightly"},
        auth=(server.client_id, server.client_secret),
    ).json()["access_token"]  # fmt: skip
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    item = httpx.post(base, json={"Name": "values"}, headers=headers).json()
    spoiled = '{"CustomerName":{"FirstName":"' + text + '"}}'
    body = '{"UserProfilePreferences":[' + spoiled + ',{"CustomerName":{"FirstName":"Ann"}}]}'
    staged = httpx.post(f"{base}/{item['AccessToken']}/Stage", content=body.encode(), headers=headers)
    assert (staged.status_code, staged.json()["ValidationFailed"]) == (200, 1)
    answer = httpx.get(f"{base}/{item['AccessToken']}/Exceptions", headers=headers)
    (record,) = json.loads(answer.content)["UserProfilePreferences"]
    assert record["CustomerName"]["FirstName"] == json.loads(f'"{text}"')
    assert record["Exceptions"][0]["Path"] == "$.CustomerName.FirstName"
