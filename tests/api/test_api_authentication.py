"""Authentication (account.md, "Who may call"): tokens, refusals with their codes, and credentials."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from running_server import SECRET_KEY, AccountAccess, RunningServer

from consentory.bootstrap.composition import open_services
from consentory.errors import RequestRefused
from consentory.services.access.secret_box import SecretBox


def ask_token(access: AccountAccess, **changes: str | None) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": access.client_id,
        "client_secret": access.client_secret,
        "scope": f"{access.account}/{access.user}",
    } | changes
    return httpx.post(
        f"{access.url}/oauth2/token", data={name: value for name, value in form.items() if value is not None}
    )


def get_token(access: AccountAccess) -> str:
    return str(ask_token(access).json()["access_token"])


def list_imports(access: AccountAccess, authorization: str | None, account: str | None = None) -> httpx.Response:
    return httpx.get(
        f"{access.url}/Profiles/v4/Async/{account or access.account}/Imports",
        headers={} if authorization is None else {"Authorization": authorization},
    )


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"]
    return answer.status_code, answer.json()["code"]


def test_a_token_is_given_by_form_and_by_basic_and_lasts_an_hour(server: AccountAccess) -> None:
    by_form = ask_token(server)
    by_basic = httpx.post(
        f"{server.url}/oauth2/token",
        data={"scope": f"{server.account}/{server.user}"},
        auth=(server.client_id, server.client_secret),
    )
    for answer in (by_form, by_basic):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
        assert list_imports(server, f"Bearer {answer.json()['access_token']}").status_code == 200
        assert list_imports(server, f"bearer {answer.json()['access_token']}").status_code == 200


def test_unknown_and_wrong_credentials_are_refused_alike(server: AccountAccess) -> None:
    answers = [
        ask_token(server, client_secret="wrong"),
        ask_token(server, client_id="0" * 24),
        ask_token(server, client_id="no\0id"),
        ask_token(server, client_id="é" * 1000),
    ]
    assert {refusal(answer) for answer in answers} == {(401, "Auth.CredentialRefused")}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["error"] == "invalid_client"


def test_a_failed_look_up_costs_what_a_wrong_secret_does(running: RunningServer) -> None:
    def measure(client_id: str) -> float:
        started = time.perf_counter()
        with pytest.raises(RequestRefused):
            running.services.authentication.issue_token(client_id, "wrong", None)
        return time.perf_counter() - started

    # The requests take turns, because the machine may do other work: the least time of each sort counts, and more
    # turns follow while other work covers it. After five attempts with one id no wait follows yet.
    fastest = [1.0, 1.0]
    for number in range(12):
        ids = (running.create_account().client_id, f"{number:024x}")
        for _ in range(5):
            fastest = [min(least, measure(client_id)) for least, client_id in zip(fastest, ids, strict=True)]
        known, unknown = fastest
        if number >= 3 and 0.5 < unknown / known < 2:
            break
    assert 0.5 < unknown / known < 2


@pytest.mark.parametrize(
    ("changes", "status", "code", "error"),
    [
        ({"client_secret": None}, 401, "Auth.CredentialMissing", "invalid_client"),
        ({"grant_type": "password"}, 400, "Auth.GrantUnsupported", "unsupported_grant_type"),
        ({"scope": "ACME/somebody"}, 400, "Auth.ScopeRefused", "invalid_scope"),
    ],
)
def test_other_faults_of_a_token_request(
    server: AccountAccess, changes: dict[str, str | None], status: int, code: str, error: str
) -> None:
    answer = ask_token(server, **changes)
    assert refusal(answer) == (status, code)
    assert answer.json()["error"] == error


def sign(server: AccountAccess, change: Callable[[dict[str, Any]], None], **header: str) -> str:
    """A token signed with the server's own key, with changed claims."""
    key_id, key = next(iter(server.services.authentication.tokens.load_keys().items()))
    claims = dict(jwt.decode(get_token(server), key).claims)
    change(claims)
    return jwt.encode({"alg": "HS256", "kid": key_id, **header}, claims, key)


def test_a_token_that_is_not_of_this_server_is_refused(server: AccountAccess) -> None:
    token = get_token(server)
    head, claims, signature = token.split(".")
    other = jwt.encode({"alg": "HS256", "kid": "1"}, {"exp": 2**33}, OctKey.import_key("k" * 43))
    none = "eyJhbGciOiJub25lIn0." + claims + "."
    strange = sign(server, lambda claims: claims.pop("account"))
    for bad in ("x", f"{head}.{claims}.{signature[:-4]}AAAA", other, none, strange):
        assert refusal(list_imports(server, f"Bearer {bad}")) == (401, "Auth.TokenInvalid"), bad
    assert refusal(list_imports(server, f"Bearer {sign(server, lambda c: None, kid='9')}")) == (
        401,
        "Auth.TokenInvalid",
    )


def test_a_token_that_has_ended_is_refused(server: AccountAccess) -> None:
    ended = sign(server, lambda claims: claims.update(exp=int(time.time()) - 1))
    assert refusal(list_imports(server, f"Bearer {ended}")) == (401, "Auth.TokenExpired")


def test_without_authorization_or_with_another_scheme(server: AccountAccess) -> None:
    assert refusal(list_imports(server, None)) == (401, "Auth.Missing")
    assert refusal(list_imports(server, "Basic eDp5")) == (401, "Auth.SchemeUnknown")


def test_any_client_id_but_ones_own_is_404_existing_or_not_after_401(
    server: AccountAccess, running: RunningServer
) -> None:
    other = running.create_account()
    bearer = f"Bearer {get_token(server)}"
    existing, missing = list_imports(server, bearer, other.account), list_imports(server, bearer, "NOBODY")
    assert refusal(existing) == refusal(missing) == (404, "Account.NotFound")
    assert existing.text == missing.text
    assert refusal(list_imports(server, bearer, server.account.lower())) == (404, "Account.NotFound")
    for account in (other.account, "NOBODY"):
        assert refusal(list_imports(server, "Bearer x", account)) == (401, "Auth.TokenInvalid")


def test_a_revoked_credential_takes_its_tokens_with_it(server: AccountAccess) -> None:
    bearer = f"Bearer {get_token(server)}"
    server.services.authentication.revoke_credential(server.account_id, server.client_id)
    assert refusal(list_imports(server, bearer)) == (401, "Auth.CredentialRevoked")
    assert refusal(ask_token(server)) == (401, "Auth.CredentialRefused")


def test_a_user_switched_off_is_401_at_once(running: RunningServer) -> None:
    access = running.create_account()
    bearer = f"Bearer {get_token(access)}"
    assert list_imports(access, bearer).status_code == 200

    def switch_off(document: dict[str, Any]) -> None:
        for user in document["users"]:
            user["active"] = user["id"] != access.user

    running.services.accounts.apply_document(_change(access, switch_off), source="test", dry_run=False)
    assert refusal(list_imports(access, bearer)) == (401, "Auth.UserInactive")
    assert refusal(ask_token(access)) == (401, "Auth.UserInactive")


def _change(access: AccountAccess, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(access.services.accounts.show(access.account, "json"))
    change(document)
    return json.dumps(document).encode()


def test_permissions_come_from_the_user_groups_as_they_are_now(running: RunningServer) -> None:
    access = running.create_account()
    bearer = f"Bearer {get_token(access)}"

    def take_away(document: dict[str, Any]) -> None:
        for group in document["userGroups"]:
            group["permissions"]["import"] = False

    running.services.accounts.apply_document(_change(access, take_away), source="test", dry_run=False)
    assert refusal(list_imports(access, bearer)) == (403, "Permission.Import")


def test_two_credentials_may_be_live_at_once_and_no_third(server: AccountAccess) -> None:
    authentication = server.services.authentication
    second = authentication.create_credential(server.account_id, server.user)
    with pytest.raises(RequestRefused) as refused:
        authentication.create_credential(server.account_id, server.user)
    assert (refused.value.kind, refused.value.code) == ("conflict", "Credential.TooMany")
    authentication.revoke_credential(server.account_id, server.client_id)
    third = authentication.create_credential(server.account_id, server.user)
    for client_id, secret in (second, third):
        assert ask_token(server, client_id=client_id, client_secret=secret).status_code == 200
    listed = authentication.list_credentials(server.account_id)
    assert [item.client_id for item in listed] == [server.client_id, second[0], third[0]]
    assert [item.revoked_at is None for item in listed] == [False, True, True]


def test_two_credentials_are_made_of_several_at_the_same_time(running: RunningServer) -> None:
    access = running.create_account()
    authentication = access.services.authentication
    authentication.revoke_credential(access.account_id, access.client_id)

    def create(_: int) -> bool:
        try:
            authentication.create_credential(access.account_id, access.user)
        except RequestRefused:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(create, range(6))) == 2


def test_credentials_are_made_for_active_users_only(server: AccountAccess) -> None:
    with pytest.raises(RequestRefused) as refused:
        server.services.authentication.create_credential(server.account_id, "nobody")
    assert (refused.value.kind, refused.value.code) == ("not_found", "User.NotFound")
    with pytest.raises(RequestRefused) as refused:
        server.services.authentication.revoke_credential(server.account_id, "0" * 24)
    assert (refused.value.kind, refused.value.code) == ("not_found", "Credential.NotFound")


def test_secrets_are_stored_as_keyed_hashes_only(server: AccountAccess) -> None:
    with psycopg.connect(server.database_url) as connection:
        rows = connection.execute("SELECT secret_hash, credential::text FROM credential").fetchall()
    assert all(re.fullmatch(r"\$hmac-sha256\$[0-9a-f]{8}\$[0-9a-f]{64}", secret_hash) for secret_hash, _ in rows)
    assert not any(server.client_secret in text for _, text in rows)
    unkeyed = hashlib.sha256(server.client_secret.encode()).hexdigest()
    assert not any(unkeyed in secret_hash for secret_hash, _ in rows)


def test_servers_that_start_at_once_agree_on_one_signing_key(database_url: str) -> None:
    servers = [open_services(database_url, SecretBox([SECRET_KEY])) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as threads:
            tokens = list(threads.map(lambda item: item.authentication.tokens.sign(1, "u", "c"), servers))
        for services in servers:
            for token in tokens:
                assert services.authentication.tokens.verify(token).sub == "u"
    finally:
        for services in servers:
            services.close()
