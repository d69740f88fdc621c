"""Secrets of credentials: hashes of earlier releases and of earlier secret keys are valid, and are renewed on use."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from argon2 import PasswordHasher
from running_server import SECRET_KEY, AccountAccess, RunningServer, own_server

from consentory.bootstrap.composition import open_services
from consentory.errors import RequestRefused
from consentory.services.access.authentication import Authentication
from consentory.services.access.secret_box import SecretBox, SecretKeyError

pytestmark = pytest.mark.processes

NEW_KEY = "another secret key, of more than 32 characters"


def read_hash(access: AccountAccess) -> str:
    with psycopg.connect(access.database_url) as owner:
        row = owner.execute("SELECT secret_hash FROM credential WHERE client_id = %s", [access.client_id]).fetchone()
    assert row is not None
    return str(row[0])


def write_hash(access: AccountAccess, secret_hash: str) -> None:
    with psycopg.connect(access.database_url) as owner:
        owner.execute("UPDATE credential SET secret_hash = %s WHERE client_id = %s", [secret_hash, access.client_id])


def ask_token(authentication: Authentication, access: AccountAccess, secret: str | None = None) -> str:
    return authentication.issue_token(access.client_id, secret or access.client_secret, None)[0]


@pytest.fixture(scope="module")
def alone(engine: str, template: str) -> Iterator[RunningServer]:
    """A server whose signing keys nobody else uses."""
    with own_server(engine, template, workers=0) as server:
        yield server


@pytest.fixture
def server(alone: RunningServer) -> AccountAccess:
    """An account of the test's own."""
    return alone.create_account()


@pytest.fixture
def rekeyed(server: AccountAccess) -> Iterator[dict[str, Authentication]]:
    """Authentication of the same database under the new secret key alone, and under both."""
    services = {
        "new": open_services(server.database_url, SecretBox([NEW_KEY])),
        "both": open_services(server.database_url, SecretBox([NEW_KEY, SECRET_KEY])),
    }
    yield {name: item.authentication for name, item in services.items()}
    for item in services.values():
        item.close()
    with psycopg.connect(server.database_url) as owner:
        owner.execute("DELETE FROM signing_key")  # the next test's server knows the first secret key alone


def test_an_argon2_credential_of_an_earlier_release_goes_on_working(server: AccountAccess) -> None:
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # as release f23c6f4 hashed
    write_hash(server, hasher.hash(server.client_secret))
    with pytest.raises(RequestRefused):
        ask_token(server.services.authentication, server, "x" * 43)
    assert read_hash(server).startswith("$argon2id$")  # a wrong secret renews nothing
    assert ask_token(server.services.authentication, server)
    assert read_hash(server).startswith("$hmac-sha256$")
    assert ask_token(server.services.authentication, server)


def test_a_change_of_the_secret_key_keeps_the_credentials_that_are_used(
    server: AccountAccess, rekeyed: dict[str, Authentication]
) -> None:
    with pytest.raises(RequestRefused) as refused:
        ask_token(rekeyed["new"], server)
    assert refused.value.code == "Auth.CredentialRefused"
    before = read_hash(server)
    with pytest.raises(RequestRefused):
        ask_token(rekeyed["both"], server, "x" * 43)
    assert read_hash(server) == before
    with psycopg.connect(server.database_url) as owner:  # the failures above must not delay what follows
        owner.execute("DELETE FROM auth_attempt")
    ask_token(rekeyed["both"], server)
    assert read_hash(server) != before
    with psycopg.connect(server.database_url) as owner:
        owner.execute("DELETE FROM signing_key")  # of the old secret key
    ask_token(rekeyed["new"], server)


@pytest.mark.parametrize("stored", ["", "$", "$hmac-sha256$", "$hmac-sha256$00000000$00", "$argon2id$", "nonsense"])
def test_a_stored_hash_that_is_none_lets_nobody_in(server: AccountAccess, stored: str) -> None:
    write_hash(server, stored)
    with pytest.raises(RequestRefused) as refused:
        ask_token(server.services.authentication, server)
    assert refused.value.code == "Auth.CredentialRefused"


def test_without_a_secret_key_no_credential_is_made(server: AccountAccess) -> None:
    services = open_services(server.database_url)
    try:
        with pytest.raises(SecretKeyError, match="CONSENTORY_SECRET_KEY"):
            services.authentication.create_credential(server.account_id, server.user)
    finally:
        services.close()
