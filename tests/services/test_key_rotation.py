"""Keys: two live at once, changed without a gap, gone at once when revoked, unreadable without the secret key."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from running_server import SECRET_KEY, AccountAccess, RunningServer, find_free_port
from signed_client import call, make_header, open_signed_account, refusal
from waiting import let_pass

from consentory.bootstrap.composition import open_services
from consentory.errors import RequestRefused
from consentory.services.access.bearer_tokens import RELOAD_SECONDS
from consentory.services.access.secret_box import SecretBox, SecretKeyError
from consentory.store.embedded.embedded_server import EmbeddedServer

pytestmark = [pytest.mark.processes, pytest.mark.slow]

NEW_KEY = "bmV3ZXIgc2VjcmV0IGtleSBvZiB0aGUgdGVzdHM="


@pytest.fixture
def alone(database_url: str) -> Iterator[RunningServer]:
    """A server whose signing keys nobody else uses."""
    server = RunningServer(database_url, workers=0)
    server.start()
    yield server
    server.stop()


def run_command(
    access_url: str, *words: str, key: str | None = SECRET_KEY, given: str = ""
) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTORY_")}
    environment |= {"CONSENTORY_DATABASE_URL": access_url} | ({"CONSENTORY_SECRET_KEY": key} if key else {})
    return subprocess.run(
        [sys.executable, "-m", "consentory", *words],
        env=environment, input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def get_token(access: AccountAccess) -> str:
    form = {"client_id": access.client_id, "client_secret": access.client_secret}
    return str(httpx.post(f"{access.url}/oauth2/token", data=form).json()["access_token"])


# Shared keys -----------------------------------------------------------------------------------------------------


def test_two_shared_keys_count_at_once_and_no_third(running: RunningServer) -> None:
    access, old = open_signed_account(running)
    keys = access.services.authentication.shared_keys
    new_id, new = keys.create(access.account_id)
    for key in (old, new):
        assert call(access, make_header(key, access.account)).status_code == 200
    with pytest.raises(RequestRefused, match=r"HmacKey\.TooMany"):
        keys.create(access.account_id)
    keys.revoke(access.account_id, keys.list_all(access.account_id)[0].key_id)
    assert refusal(call(access, make_header(old, access.account))) == (401, "Auth.HmacRefused")
    assert call(access, make_header(new, access.account)).status_code == 200
    third_id, _ = keys.create(access.account_id)
    listed = keys.list_all(access.account_id)
    assert [(key.key_id, key.revoked_at is None) for key in listed[1:]] == [(new_id, True), (third_id, True)]
    assert (listed[0].encrypted, listed[0].revoked_at is None) == (b"", False)


def test_revoking_what_is_not_there_or_of_another_account(running: RunningServer) -> None:
    access, key = open_signed_account(running)
    other, _ = open_signed_account(running)
    keys = access.services.authentication.shared_keys
    theirs = keys.list_all(access.account_id)[0].key_id
    for key_id in ("nothing", theirs):
        with pytest.raises(RequestRefused, match=r"HmacKey\.NotFound"):
            keys.revoke(other.account_id, key_id)
    assert call(access, make_header(key, access.account)).status_code == 200


def test_the_commands_make_list_bring_and_revoke_shared_keys(running: RunningServer) -> None:
    access, _ = open_signed_account(running)
    keys = ("credentials", "hmac-key", "--account", access.account)
    made = json.loads(run_command(running.database_url, *keys).stdout)
    assert set(made) == {"key_id", "key"}
    assert call(access, make_header(made["key"], access.account)).status_code == 200
    refused = run_command(running.database_url, *keys)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "revoke" in refused.stderr
    listed = run_command(running.database_url, *keys, "--list").stdout
    assert made["key_id"] in listed
    assert made["key"] not in listed
    rows = json.loads(run_command(running.database_url, *keys, "--list", "--json").stdout)
    assert [row["revoked_at"] for row in rows] == [None, None]
    for row in rows:
        assert run_command(running.database_url, *keys, "--revoke", row["key_id"]).returncode == 0
    assert refusal(call(access, make_header(made["key"], access.account))) == (401, "Auth.HmacRefused")
    own = "what both sides have had for many years"
    brought = run_command(running.database_url, *keys, "--bring", given=own + "\n")
    assert own not in brought.stdout
    assert call(access, make_header(own, access.account)).status_code == 200
    assert run_command(running.database_url, *keys, "--bring", given="short\n").returncode == 2


# Keys that sign tokens -------------------------------------------------------------------------------------------


def test_tokens_of_the_key_before_count_until_they_end(alone: RunningServer) -> None:
    access = alone.create_account()
    old = get_token(access)
    said = run_command(alone.database_url, "credentials", "rotate-signing-key")
    assert said.returncode == 0, said.stderr
    assert call(access, f"Bearer {old}").status_code == 200
    # A process that made the change, and one that has not heard of it: each takes the other's tokens at once.
    access.services.authentication.tokens.load_keys()
    new = access.services.authentication.tokens.sign(access.account_id, access.user, access.client_id)
    assert call(access, f"Bearer {new}").status_code == 200
    let_pass(RELOAD_SECONDS + 0.5, because="each process has read the keys anew by then")
    newest = get_token(access)
    heads = {token.split(".")[0] for token in (old, new, newest)}
    assert (len(heads), newest.split(".")[0]) == (2, new.split(".")[0])
    assert [call(access, f"Bearer {token}").status_code for token in (old, new, newest)] == [200] * 3


def test_a_key_that_was_followed_an_hour_ago_is_gone(alone: RunningServer) -> None:
    access = alone.create_account()
    tokens = access.services.authentication.tokens
    old = tokens.sign(access.account_id, access.user, access.client_id)
    tokens.rotate(at_once=False)
    with psycopg.connect(alone.database_url) as owner:
        owner.execute("UPDATE signing_key SET created_at = created_at - interval '2 hours'")
    assert len(tokens.load_keys()) == 1
    assert refusal(call(access, f"Bearer {old}")) == (401, "Auth.TokenInvalid")
    assert get_token(access)
    tokens.rotate(at_once=False)
    with psycopg.connect(alone.database_url) as owner:
        assert owner.execute("SELECT count(*) FROM signing_key").fetchone() == (2,)


def test_at_once_every_token_ends_within_five_seconds_in_every_process(alone: RunningServer) -> None:
    access = alone.create_account()
    old = get_token(access)
    assert run_command(alone.database_url, "credentials", "rotate-signing-key", "--at-once").returncode == 0
    began = last = time.monotonic()
    while time.monotonic() - began < 7:  # which process answers a call is chance: ask all the time
        if call(access, f"Bearer {old}").status_code == 200:
            last = time.monotonic()
        let_pass(0.05, because="the next call")
    assert last - began < 5
    assert refusal(call(access, f"Bearer {old}")) == (401, "Auth.TokenInvalid")
    assert call(access, f"Bearer {get_token(access)}").status_code == 200


def test_revoking_a_credential_counts_at_once_also_for_its_token(running: RunningServer) -> None:
    access = running.create_account()
    token = get_token(access)
    revoke = ("credentials", "revoke", access.client_id, "--account", access.account)
    assert run_command(running.database_url, *revoke).returncode == 0
    assert refusal(call(access, f"Bearer {token}")) == (401, "Auth.CredentialRevoked")


# The secret key --------------------------------------------------------------------------------------------------


def test_no_key_can_be_read_in_the_database(running: RunningServer) -> None:
    access, key = open_signed_account(running)
    signing = access.services.authentication.tokens.load_keys()
    with psycopg.connect(access.database_url) as owner:
        stored = owner.execute(
            "SELECT hmac_key::text || encode(encrypted, 'escape') FROM hmac_key"
            " UNION ALL SELECT signing_key::text || encode(encrypted, 'escape') FROM signing_key"
        ).fetchall()
    text = "\n".join(row[0] for row in stored)
    for secret in (key, SECRET_KEY, *(item.get_op_key("sign").decode() for item in signing.values())):
        assert secret not in text
        assert secret.encode().hex() not in text


def test_an_encrypted_key_is_of_no_use_elsewhere(running: RunningServer) -> None:
    """An attacker who can write to the database, but has no secret key, cannot replace a key with a known one."""
    access, key = open_signed_account(running)
    other, _ = open_signed_account(running)
    with psycopg.connect(access.database_url) as owner:
        owner.execute(
            "UPDATE hmac_key SET encrypted = (SELECT encrypted FROM hmac_key WHERE account_id = %s)"
            " WHERE account_id = %s",
            [access.account_id, other.account_id],
        )
    assert call(other, make_header(key, other.account)).status_code == 503
    with psycopg.connect(access.database_url) as owner:
        owner.execute("DELETE FROM hmac_key WHERE account_id = %s", [other.account_id])


def test_the_secret_key_is_changed_without_a_gap(alone: RunningServer) -> None:
    access, key = open_signed_account(alone)
    token, header = get_token(access), make_header(key, access.account)
    both = open_services(alone.database_url, SecretBox([NEW_KEY, SECRET_KEY]))
    only_new = open_services(alone.database_url, SecretBox([NEW_KEY]))
    try:
        with pytest.raises(SecretKeyError, match="was encrypted under the secret key"):
            only_new.authentication.tokens.verify(token)
        assert both.authentication.tokens.verify(token).sub == access.user
        said = run_command(alone.database_url, "credentials", "reencrypt", key=f"{NEW_KEY},{SECRET_KEY}")
        assert said.stdout == "2 keys encrypted under the first secret key.\n"
        assert (
            run_command(alone.database_url, "credentials", "reencrypt", key=NEW_KEY).stdout
            == "0 keys encrypted under the first secret key.\n"
        )
        assert only_new.authentication.tokens.verify(token).sub == access.user
        local = only_new.authentication
        assert local.shared_keys.list_all(access.account_id)[0].secret_key_id == SecretBox([NEW_KEY]).secret_key_id
        assert refusal(call(access, header))[0] == 503  # the server there has only the old one
    finally:
        both.close()
        only_new.close()


def test_reencrypting_with_a_key_missing_changes_nothing(alone: RunningServer) -> None:
    access, key = open_signed_account(alone)
    said = run_command(alone.database_url, "credentials", "reencrypt", key=NEW_KEY)
    assert said.returncode == 2
    assert "encrypted under the secret key" in said.stderr.replace("\n", " ")
    assert call(access, make_header(key, access.account)).status_code == 200


def test_after_the_secret_key_was_lost_new_keys_are_made(alone: RunningServer) -> None:
    access, _ = open_signed_account(alone)
    get_token(access)
    assert run_command(alone.database_url, "serve", "--port", str(find_free_port()), key=NEW_KEY).returncode == 2
    keys = ("credentials", "hmac-key", "--account", access.account)
    lost = access.services.authentication.shared_keys.list_all(access.account_id)[0]
    for words in (("credentials", "rotate-signing-key", "--at-once"), (*keys, "--revoke", lost.key_id), keys):
        assert run_command(alone.database_url, *words, key=NEW_KEY).returncode == 0, words
    services = open_services(alone.database_url, SecretBox([NEW_KEY]))
    try:
        assert len(services.authentication.tokens.load_keys()) == 1
    finally:
        services.close()


@pytest.mark.parametrize(
    ("key", "says"),
    [(None, "The secret key is missing"), ("short", "at least 32 characters"), (NEW_KEY, "was encrypted under")],
)
def test_a_server_without_the_right_secret_key_does_not_start(alone: RunningServer, key: str | None, says: str) -> None:
    alone.services.authentication.tokens.load_keys()
    said = run_command(alone.database_url, "serve", "--port", str(find_free_port()), key=key)
    assert said.returncode == 2
    assert says in said.stderr.replace("\n", " ")
    assert SECRET_KEY not in said.stderr
    assert str(key) not in said.stderr or key is None


def test_the_secret_key_comes_from_a_file_as_well(alone: RunningServer, tmp_path: object) -> None:
    access = alone.create_account(lambda document: document["users"][0].update(hmac=True))
    file = os.path.join(str(tmp_path), "secret")
    with open(file, "w") as out:
        out.write(SECRET_KEY + "\n")
    words = ("credentials", "hmac-key", "--account", access.account, "--secret-key-file")
    made = json.loads(run_command(alone.database_url, *words, file, key=None).stdout)
    assert call(access, make_header(made["key"], access.account)).status_code == 200
    refused = run_command(alone.database_url, *words, file + ".not", key=None)
    assert refused.returncode == 2
    assert "cannot be read" in refused.stderr.replace("\n", " ")


def test_a_data_folder_makes_its_secret_key_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("secret-key")
    server = EmbeddedServer(folder)
    assert server.read_secret_key(make=False) is None
    key = server.read_secret_key(make=True)
    assert key is not None
    assert len(key.strip()) == 44
    assert server.read_secret_key(make=True) == EmbeddedServer(folder).read_secret_key(make=False) == key
    file = folder / "secret-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret-key"]
