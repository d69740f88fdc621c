"""Failed attempts are made slow, and nobody is shut out (docs/adr/0009-throttling.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from running_server import AccountAccess, RunningServer
from signed_client import ClientElsewhere, call, make_header, open_signed_account

from consentory.domain.caller import Origin
from consentory.errors import RequestRefused
from consentory.services.access.throttle import FREE_OF_ADDRESS, FREE_OF_CREDENTIAL


@pytest.fixture
def attacker() -> Iterator[ClientElsewhere]:
    with ClientElsewhere() as client:
        yield client


@pytest.fixture
def stranger() -> Iterator[httpx.Client]:
    with ClientElsewhere() as client:
        yield client


def ask(
    client: httpx.Client, access: AccountAccess, secret: str = "wrong", client_id: str | None = None
) -> httpx.Response:
    form = {"client_id": client_id or access.client_id, "client_secret": secret}
    return client.post(f"{access.url}/oauth2/token", data=form)


def fail(client: httpx.Client, access: AccountAccess, times: int = FREE_OF_CREDENTIAL + 1) -> None:
    for _ in range(times):
        assert ask(client, access).status_code == 401


def pass_time(access: AccountAccess, seconds: float) -> None:
    """Let every attempt be that much longer ago."""
    with psycopg.connect(access.database_url) as owner:
        owner.execute(
            "UPDATE auth_attempt SET failed_at = failed_at - make_interval(secs => %(s)s),"
            " trusted_until = trusted_until - make_interval(secs => %(s)s),"
            " kept_until = kept_until - make_interval(secs => %(s)s)",
            {"s": seconds},
        )


def count_rows(access: AccountAccess) -> int:
    with psycopg.connect(access.database_url) as owner:
        row = owner.execute("SELECT count(*) FROM auth_attempt").fetchone()
    return int(row[0]) if row else 0


def check_throttled(answer: httpx.Response) -> int:
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "Auth.Throttled"
    return int(answer.headers["retry-after"])


def test_after_some_failures_of_a_credential_one_waits(server: AccountAccess, attacker: ClientElsewhere) -> None:
    fail(attacker, server)
    answer = ask(attacker, server)
    assert check_throttled(answer) == 1
    assert answer.json()["error"] == "temporarily_unavailable"
    check_throttled(ask(attacker, server, server.client_secret))
    pass_time(server, 1.5)
    assert ask(attacker, server, server.client_secret).status_code == 200


def test_the_wait_doubles_up_to_a_minute(server: AccountAccess, attacker: ClientElsewhere) -> None:
    fail(attacker, server)
    waits = []
    for _ in range(8):
        waits.append(check_throttled(ask(attacker, server)))
        pass_time(server, waits[-1])
        assert ask(attacker, server).status_code == 401
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_who_waits_is_not_made_to_wait_longer_by_asking(server: AccountAccess, attacker: ClientElsewhere) -> None:
    fail(attacker, server, FREE_OF_CREDENTIAL)
    assert ask(attacker, server).status_code == 401
    assert {check_throttled(ask(attacker, server)) for _ in range(5)} == {1}


def test_failures_are_forgotten_after_a_while_and_after_success(
    server: AccountAccess, attacker: ClientElsewhere
) -> None:
    fail(attacker, server, FREE_OF_CREDENTIAL)
    assert ask(attacker, server, server.client_secret).status_code == 200
    fail(attacker, server)
    check_throttled(ask(attacker, server))
    pass_time(server, 15 * 60 + 1)
    fail(attacker, server, FREE_OF_CREDENTIAL)


def test_a_right_secret_from_elsewhere_is_never_refused(
    server: AccountAccess, attacker: ClientElsewhere, stranger: httpx.Client
) -> None:
    fail(attacker, server)
    for _ in range(3):
        check_throttled(ask(attacker, server))
        assert ask(stranger, server, server.client_secret).status_code == 200


def test_an_unknown_credential_is_throttled_just_so(server: AccountAccess, attacker: ClientElsewhere) -> None:
    for _ in range(FREE_OF_CREDENTIAL + 1):
        assert ask(attacker, server, client_id="0" * 24).status_code == 401
    assert check_throttled(ask(attacker, server, client_id="0" * 24)) == 1


def spray(client: httpx.Client, access: AccountAccess) -> None:
    """Fail with many credentials from one address, until that one is made to wait."""
    for number in range(FREE_OF_ADDRESS + 1):
        client_id = hashlib.sha256(f"{access.account} {number}".encode()).hexdigest()[:24]
        assert ask(client, access, client_id=client_id).status_code == 401


def test_an_address_that_tries_many_credentials_waits_with_each(
    server: AccountAccess, running: RunningServer, attacker: ClientElsewhere, stranger: httpx.Client
) -> None:
    known = running.create_account()
    assert ask(attacker, known, known.client_secret).status_code == 200
    spray(attacker, server)
    check_throttled(ask(attacker, server, client_id="1" * 24))
    # Behind the same address, as behind a proxy: who was right from there before does not wait with the others.
    assert ask(attacker, known, known.client_secret).status_code == 200
    assert ask(stranger, server, server.client_secret).status_code == 200


def test_a_malformed_client_id_is_not_counted(server: AccountAccess, attacker: ClientElsewhere) -> None:
    before = count_rows(server)
    for client_id in ("x", "0" * 23, "no\0id", "é" * 100) * 5:
        assert ask(attacker, server, client_id=client_id).status_code == 401
    assert count_rows(server) == before


def test_wrong_signatures_are_throttled_and_right_ones_never(running: RunningServer, attacker: ClientElsewhere) -> None:
    access, key = open_signed_account(running)
    wrong, right = make_header("wrong", access.account), make_header(key, access.account)
    for _ in range(FREE_OF_CREDENTIAL + 1):
        assert call(access, wrong, client=attacker).status_code == 401
    check_throttled(call(access, wrong, client=attacker))
    assert call(access, right, client=attacker).status_code == 200


def test_bearer_tokens_are_not_throttled(server: AccountAccess, attacker: ClientElsewhere) -> None:
    token = ask(attacker, server, server.client_secret).json()["access_token"]
    for _ in range(FREE_OF_CREDENTIAL * 3):
        assert call(server, "Bearer x", client=attacker).status_code == 401
    assert call(server, f"Bearer {token}", client=attacker).status_code == 200


def test_all_processes_count_together(server: AccountAccess, attacker: ClientElsewhere) -> None:
    fail(attacker, server)
    address = attacker.address
    with pytest.raises(RequestRefused) as refused:
        server.services.authentication.issue_token(server.client_id, server.client_secret, None, Origin(address))
    assert (refused.value.kind, refused.value.code) == ("too_many", "Auth.Throttled")


def test_only_failures_are_written_and_the_first_success_of_a_day(
    server: AccountAccess, attacker: ClientElsewhere
) -> None:
    def look() -> list[tuple[str, ...]]:
        with psycopg.connect(server.database_url) as owner:
            return owner.execute("SELECT ctid::text, xmin::text FROM auth_attempt ORDER BY subject").fetchall()

    assert ask(attacker, server, server.client_secret).status_code == 200
    before = look()
    for _ in range(5):
        assert ask(attacker, server, server.client_secret).status_code == 200
    assert look() == before
    pass_time(server, 2 * 86_400)
    aged = look()
    assert ask(attacker, server, server.client_secret).status_code == 200
    assert look() != aged


def test_neither_address_nor_credential_can_be_read_where_attempts_are_kept(
    server: AccountAccess, attacker: ClientElsewhere
) -> None:
    fail(attacker, server, 1)
    address = attacker.address
    with psycopg.connect(server.database_url) as owner:
        rows = owner.execute("SELECT subject FROM auth_attempt").fetchall()
    subjects = {bytes(row[0]) for row in rows}
    assert {len(subject) for subject in subjects} == {16}
    for text in (address, f"{address} {server.client_id}", server.client_id):
        assert hashlib.sha256(text.encode()).digest()[:16] not in subjects
        assert not any(text.encode() in subject for subject in subjects)


def test_what_is_over_is_cleared_away(server: AccountAccess, attacker: ClientElsewhere) -> None:
    for number in range(12):
        ask(attacker, server, client_id=f"{number:024x}")
    pass_time(server, 40 * 86_400)
    ask(attacker, server)
    ask(attacker, server)
    with psycopg.connect(server.database_url) as owner:
        row = owner.execute("SELECT count(*) FROM auth_attempt WHERE kept_until < now()").fetchone()
    assert row is not None
    assert row[0] <= max(0, count_rows(server) - 2)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:0:7::1", "2001:db8:0:7:ffff::2", True),
        ("2001:db8:0:7::1", "2001:db8:0:8::1", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("198.51.100.8", "198.51.100.9", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
    ],
)
def test_an_address_is_what_one_attacker_has_to_itself(
    server: AccountAccess, first: str, second: str, same: bool
) -> None:
    issue = server.services.authentication.issue_token
    for _ in range(FREE_OF_CREDENTIAL + 1):
        with pytest.raises(RequestRefused):
            issue(server.client_id, "wrong", None, Origin(first))
    if not same:
        issue(server.client_id, server.client_secret, None, Origin(second))
        return
    with pytest.raises(RequestRefused, match=r"Auth\.Throttled"):
        issue(server.client_id, server.client_secret, None, Origin(second))


def test_failures_at_the_same_time_neither_block_nor_break(server: AccountAccess, attacker: ClientElsewhere) -> None:
    def attempt(number: int) -> int:
        return ask(attacker, server, client_id=f"{number % 3:024x}").status_code

    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(attempt, range(60)))
    assert set(statuses) == {401, 429}
