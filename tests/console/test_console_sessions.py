"""Sign in, the session, and each of its ends (SECURITY.md, "Cookies and sessions of the console")."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from command_line import Run
from console_client import ConsoleClient, find_token
from litestar.testing import TestClient
from offline_app import make_app
from running_server import AccountAccess
from wire_client import WireClient


def find_sessions(ours: WireClient) -> list[tuple[Any, ...]]:
    with psycopg.connect(ours.access.database_url) as connection:
        return connection.execute(
            "SELECT session_hash FROM console_session WHERE account_id = %s", (ours.access.account_id,)
        ).fetchall()


def test_the_cookie_is_strict_and_the_database_has_only_its_hash(visitor: ConsoleClient, ours: WireClient) -> None:
    answer = visitor.sign_in(ours.access.client_id, ours.access.client_secret)
    words = answer.headers["set-cookie"].split("; ")
    assert set(words[1:]) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    name, _, value = words[0].partition("=")
    assert name == "consentory"
    assert find_sessions(ours) == [(hashlib.sha256(value.encode()).digest(),)]
    assert visitor.is_signed_in()


def test_with_tls_browsers_keep_the_cookie_to_this_host() -> None:
    with TestClient(make_app(), base_url="https://console.example") as client:
        words = client.get("/console/sign-in").headers["set-cookie"].split("; ")
    assert words[0].startswith("__Host-consentory-form=")
    assert set(words[1:]) == {"Path=/", "HttpOnly", "SameSite=Strict", "Secure"}


def test_a_wrong_secret_and_an_unknown_client_are_refused_alike(visitor: ConsoleClient, server: AccountAccess) -> None:
    told = set()
    for client_id in (server.client_id, "0" * 24, "nobody"):
        answer = visitor.sign_in(client_id, "wrong")
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers or answer.headers["set-cookie"].startswith("consentory-form=")
        told.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(told) == 1


def test_failed_attempts_wait_as_at_the_api(visitor: ConsoleClient, server: AccountAccess) -> None:
    statuses = [visitor.sign_in(server.client_id, "wrong").status_code for _ in range(7)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert visitor.sign_in(server.client_id, server.client_secret).status_code == 429


def test_a_session_id_that_somebody_planted_is_not_used(visitor: ConsoleClient, server: AccountAccess) -> None:
    planted = "A" * 43
    visitor.http.cookies.set("consentory", planted, path="/")
    answer = visitor.sign_in(server.client_id, server.client_secret)
    assert f"consentory={planted}" not in answer.headers["set-cookie"]
    with ConsoleSpare(visitor, planted) as thief:
        assert not thief.is_signed_in()


class ConsoleSpare:
    """Another browser with a cookie of the first one."""

    def __init__(self, visitor: ConsoleClient, value: str) -> None:
        self.client = ConsoleClient(str(visitor.http.base_url).rstrip("/"))
        self.client.http.cookies.set("consentory", value, path="/")

    def __enter__(self) -> ConsoleClient:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()


def test_sign_out_ends_the_session_in_the_database(console: ConsoleClient, ours: WireClient) -> None:
    value = console.http.cookies["consentory"]
    answer = console.post("/console/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    assert find_sessions(ours) == []
    with ConsoleSpare(console, value) as thief:
        assert not thief.is_signed_in()


def _switch_user_off(document: dict[str, Any]) -> None:
    document["users"][0]["active"] = False


def _switch_group_off(document: dict[str, Any]) -> None:
    document["userGroups"][0]["active"] = False
    document["users"][0]["groups"].append("EmailOnly")  # a group that permits imports stays


def _leave_group(document: dict[str, Any]) -> None:
    document["users"][0]["groups"] = ["EmailOnly"]


@pytest.mark.parametrize("change", [_switch_user_off, _switch_group_off, _leave_group])
def test_the_session_ends_with_the_user_and_with_a_group(
    console: ConsoleClient, ours: WireClient, change: Callable[[dict[str, Any]], None]
) -> None:
    ours.reconfigure(change)
    assert not console.is_signed_in()
    assert find_sessions(ours) == []


def test_the_session_ends_with_its_credential(console: ConsoleClient, server: AccountAccess) -> None:
    server.services.authentication.revoke_credential(server.account_id, server.client_id)
    assert not console.is_signed_in()


@pytest.mark.parametrize(
    "column", ["created_at = now() - interval '12 hours'", "used_at = now() - interval '30 minutes'"]
)
def test_the_session_ends_with_its_time(console: ConsoleClient, ours: WireClient, column: str) -> None:
    ours.change(f"UPDATE console_session SET {column} WHERE account_id = %s", ours.access.account_id)
    assert not console.is_signed_in()


def test_a_use_lengthens_the_session_and_a_live_part_does_not(console: ConsoleClient, ours: WireClient) -> None:
    def is_old() -> bool:
        with psycopg.connect(ours.access.database_url) as connection:
            found = connection.execute(
                "SELECT used_at < now() - interval '5 minutes' FROM console_session WHERE account_id = %s",
                (ours.access.account_id,),
            ).fetchone()
        assert found is not None
        return bool(found[0])

    ours.change(
        "UPDATE console_session SET used_at = now() - interval '10 minutes' WHERE account_id = %s",
        ours.access.account_id,
    )
    assert console.get("/console/imports/rows").status_code == 200
    assert is_old()
    assert console.get("/console/imports").status_code == 200
    assert not is_old()


def test_a_link_signs_in_once(visitor: ConsoleClient, ours: WireClient, run: Run) -> None:
    words = ("console", "link", "--account", ours.access.account, "--user", "nightly")
    database = ours.access.database_url
    done = run(*words, "--json", "--database-url", database)
    assert done.returncode == 0, done.stderr
    link = json.loads(done.stdout)["link"].removeprefix(ours.access.url)
    for _ in range(2):  # a program that only looks at a link does not use it up
        page = visitor.get(link)
        assert "Sign in as" in page.text
    form = {"form_token": find_token(page.text)}
    assert visitor.http.post(link, data=form).headers["location"] == "/console"
    assert visitor.is_signed_in()
    again = ConsoleClient(ours.access.url)
    assert again.get(link).status_code == 401
    token = find_token(again.get("/console/sign-in").text)
    assert again.http.post(link, data={"form_token": token}).status_code == 401
    again.close()


def test_a_link_is_valid_for_ten_minutes(visitor: ConsoleClient, ours: WireClient) -> None:
    access = ours.access
    link = access.services.sessions.create_link(access.account_id, "nightly")
    ours.change(
        "UPDATE console_link SET expires_at = expires_at - interval '9 minutes' WHERE account_id = %s",
        access.account_id,
    )
    assert visitor.get(f"/console/link/{link}").status_code == 200
    ours.change(
        "UPDATE console_link SET expires_at = expires_at - interval '1 minute' WHERE account_id = %s",
        access.account_id,
    )
    assert visitor.get(f"/console/link/{link}").status_code == 401


def test_a_link_of_a_user_who_was_switched_off_signs_nobody_in(visitor: ConsoleClient, ours: WireClient) -> None:
    link = ours.access.services.sessions.create_link(ours.access.account_id, "nightly")
    page = visitor.get(f"/console/link/{link}").text
    ours.reconfigure(_switch_user_off)
    answer = visitor.http.post(f"/console/link/{link}", data={"form_token": find_token(page)})
    assert answer.status_code == 401
    assert not visitor.is_signed_in()


def test_the_api_takes_no_cookie_and_the_console_no_bearer_token(console: ConsoleClient, ours: WireClient) -> None:
    assert console.get(f"{ours.imports}/Imports").status_code == 401
    answer = ours.http.get("/console/imports")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole%2Fimports")


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/console/imports?status=Failed", "/console/imports?status=Failed"),
        ("//elsewhere.example", "/console"),
        ("https://elsewhere.example/console", "/console"),
        ("/console/../Profiles", "/console"),
        ("/console\r\nX-Evil: 1", "/console"),
    ],
)
def test_the_sign_in_page_leads_to_pages_of_the_console_only(
    visitor: ConsoleClient, server: AccountAccess, wanted: str, place: str
) -> None:
    answer = visitor.sign_in(server.client_id, server.client_secret, next=wanted)
    assert answer.headers["location"] == place


def test_begin_and_end_are_in_the_audit_trail(console: ConsoleClient, ours: WireClient) -> None:
    console.post("/console/sign-out")
    with psycopg.connect(ours.access.database_url) as connection:
        found = connection.execute(
            "SELECT action, caller, client_address FROM audit_event"
            " WHERE account_id = %s AND action LIKE 'session.%%' ORDER BY recorded_at",
            (ours.access.account_id,),
        ).fetchall()
    assert found == [("session.started", "nightly", "127.0.0.1"), ("session.ended", "nightly", "127.0.0.1")]
