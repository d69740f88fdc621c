"""PNAUTHINFO3 (account.md, "Who may call"): the requests of existing clients are accepted, and no others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from running_server import AccountAccess, RunningServer
from signed_client import call, make_header, mark_users, open_signed_account, refusal, say_time, sign
from waiting import await_true, let_pass

from consentory.domain.caller import Origin
from consentory.errors import RequestRefused
from consentory.services.access.signed_header import check_time, read_signed_header

Signed = tuple[AccountAccess, str]
KEY = "the key that two sides have in common"
ODD_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Microseconds make each signature different."""
# Made by openssl dgst -hmac, over ACME:nightly:2026-11-21T14:05:00Z.
KNOWN = {
    "SHA256": "G4SfJ/191nqNURGHpYOhBwgGJPV0ZRzkhhjmkrwOipQ=",
    "SHA384": "/YfmKfdygXZJC8Lg/4qg5wBczcCOhrR2FSLQ3AlYaJvQmUXTbbTshuNPLAjObbPY",
    "SHA512": "4/5hD9tug0Ui2dADiTMMszMCv9E7FY3milefImCnBmnUpsrFIpgad85Ic1zd0kxW4MwrR4Mi17KHNNqScH7pEA==",
}


@pytest.fixture(scope="module")
def signed(running: RunningServer) -> Signed:
    return open_signed_account(running)


# The form of the header ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", KNOWN)
def test_known_signatures_are_right(algorithm: str) -> None:
    header = read_signed_header(
        f"PNAUTHINFO3-HMAC-{algorithm}", f"Credential=nightly/2026-11-21T14:05:00Z Signature={KNOWN[algorithm]}"
    )
    assert header.is_signed_with(KEY.encode(), "ACME")
    assert not header.is_signed_with(KEY.encode(), "ACMF")
    assert not header.is_signed_with(KEY.encode() + b".", "ACME")


@pytest.mark.parametrize(
    "value",
    [
        "Credential={c} Signature={s}",
        "Credential={c}, Signature={s}",
        "Credential={c},Signature={s}",
        "Credential={c} ,  Signature={s}",
        "Credential={c};Signature={s}",
        "credential={c}\tSIGNATURE={s}",
        "Credential = {c} Signature = {s}",
        'Credential="{c}", Signature="{s}"',
        "  Credential={c}   Signature={s}  ",
    ],
)
def test_the_parts_of_the_header_may_have_any_separator(value: str) -> None:
    for time in ("2026-11-21T14:05:00Z", "2026-11-21T14:05:00,5+01:00"):
        signature = sign(KEY, "ACME", "a.b_c@d-e", time)
        for text in (signature, signature.rstrip("=")):
            header = read_signed_header("pnauthinfo3-hmac-sha256", value.format(c=f"a.b_c@d-e/{time}", s=text))
            assert (header.user_id, header.time) == ("a.b_c@d-e", time)
            assert header.is_signed_with(KEY.encode(), "ACME")


@pytest.mark.parametrize(
    ("scheme", "value", "code"),
    [
        ("PNAUTHINFO3", "Credential=a/2026-11-21T14:05:00Z", "Auth.HmacUnkeyed"),
        ("PNAUTHINFO3-SHA256", "Credential=a/2026-11-21T14:05:00Z Signature=x", "Auth.HmacUnkeyed"),
        ("PNAUTHINFO", "a", "Auth.HmacUnkeyed"),
        ("PNAUTHINFO3-HMAC-MD5", "Credential=a/t Signature=x", "Auth.HmacAlgorithmUnknown"),
        ("PNAUTHINFO3-HMAC-SHA1", "Credential=a/t Signature=x", "Auth.HmacAlgorithmUnknown"),
        ("PNAUTHINFO3-HMAC-SHA256", "", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", "Credential=a/t", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", "Signature=x Credential=a/t", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", f"Credential=a Signature={KNOWN['SHA256']}", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", f"Credential=a:b/t Signature={KNOWN['SHA256']}", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", f"Credential=a/tSignature={KNOWN['SHA256']}", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", f"Credential=a/t Signature={KNOWN['SHA384']}", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", "Credential=a/t Signature=AAAA", "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", "Credential=a/t Signature=" + "é" * 43, "Auth.HmacMalformed"),
        ("PNAUTHINFO3-HMAC-SHA256", "Credential=a/" + " " * 60_000 + "Signature=", "Auth.HmacMalformed"),
    ],
)
def test_a_header_of_another_form_has_its_own_code(scheme: str, value: str, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_signed_header(scheme, value)
    assert (refused.value.kind, refused.value.code) == ("unauthorized", code)


NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("2026-11-21T14:05:00Z", None),
        ("2026-11-21T14:05:00", None),
        ("2026-11-21T14:05Z", None),
        ("20261121T140500Z", None),
        ("2026-11-21T14:05:00.1234567Z", None),
        ("2026-11-21T09:05:00-05:00", None),
        ("2026-11-21T15:05:00+0100", None),
        ("2026-11-21T13:50:00Z", None),
        ("2026-11-21T13:49:59.999Z", "Auth.HmacTimeTooOld"),
        ("2026-11-20T14:05:00Z", "Auth.HmacTimeTooOld"),
        ("0001-01-01T00:00:00+14:00", "Auth.HmacTimeTooOld"),
        ("2026-11-21T14:06:00Z", None),
        ("2026-11-21T14:06:00.001Z", "Auth.HmacTimeInFuture"),
        ("9999-12-31T23:59:59-14:00", "Auth.HmacTimeInFuture"),
        ("2026-11-21", "Auth.HmacTimeMalformed"),
        ("2026-11-21T25:00:00Z", "Auth.HmacTimeMalformed"),
        ("2026-02-30T14:05:00Z", "Auth.HmacTimeMalformed"),
        ("1763733900", "Auth.HmacTimeMalformed"),
        ("Sat,21Nov2026", "Auth.HmacTimeMalformed"),
        ("", "Auth.HmacTimeMalformed"),
    ],
)
def test_the_time_is_at_most_15_minutes_old_and_60_seconds_ahead(time: str, code: str | None) -> None:
    if code is None:
        check_time(time, NOW)
        return
    with pytest.raises(RequestRefused) as refused:
        check_time(time, NOW)
    assert refused.value.code == code


def test_the_window_is_what_the_contract_says() -> None:
    for seconds, right in ((-900, True), (-901, False), (60, True), (61, False)):
        time = (NOW + timedelta(seconds=seconds)).isoformat()
        try:
            check_time(time, NOW)
        except RequestRefused:
            assert not right, seconds
        else:
            assert right, seconds


# Over HTTP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("gap", [" ", ", ", ","])
def test_a_signed_request_is_answered(signed: Signed, algorithm: str, gap: str) -> None:
    access, key = signed
    assert call(access, make_header(key, access.account, algorithm=algorithm, gap=gap)).status_code == 200
    late = make_header(key, access.account, time=say_time(-880), algorithm=algorithm, gap=gap)
    assert call(access, late).status_code == 200


def test_the_caller_is_the_user_that_it_names(signed: Signed) -> None:
    access, key = signed
    answer = httpx.post(
        f"{access.url}/Profiles/v4/Async/{access.account}/Import",
        headers={"Authorization": make_header(key, access.account)},
        json={"Name": "signed"},
    )
    assert answer.status_code == 200
    with psycopg.connect(access.database_url) as owner:
        query = "SELECT caller FROM import WHERE account_id = %s"
        assert owner.execute(query, [access.account_id]).fetchone() == ("nightly",)


def test_a_replay_inside_the_window_is_allowed_and_counted(running: RunningServer) -> None:
    # its own account, because other tests of the module also send a header twice
    access, key = open_signed_account(running)
    header = make_header(key, access.account)
    assert [call(access, header).status_code for _ in range(3)] == [200, 200, 200]
    with psycopg.connect(access.database_url) as owner:
        query = "SELECT uses FROM hmac_use WHERE account_id = %s"
        assert owner.execute(query, [access.account_id]).fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"time": say_time(-3600)}, "Auth.HmacTimeTooOld"),
        ({"time": say_time(3600)}, "Auth.HmacTimeInFuture"),
        ({"time": "yesterday"}, "Auth.HmacTimeMalformed"),
        ({"user": "plain"}, "Auth.HmacUserNotMarked"),
        ({"user": "admin"}, "Auth.HmacUserNotMarked"),
        ({"user": "nobody"}, "Auth.UserInactive"),
        ({"key": KEY}, "Auth.HmacRefused"),
        ({"client_id": "ACME"}, "Auth.HmacRefused"),
    ],
)
def test_each_failure_has_its_code(signed: Signed, change: dict[str, str], code: str) -> None:
    access, key = signed
    answer = call(access, make_header(**({"key": key, "client_id": access.account} | change)))
    assert refusal(answer) == (401, code)
    assert answer.headers["www-authenticate"]


def test_other_variants_are_refused(signed: Signed) -> None:
    access, key = signed
    header = make_header(key, access.account)
    assert refusal(call(access, header.replace("-HMAC", ""))) == (401, "Auth.HmacUnkeyed")
    assert refusal(call(access, header.replace("SHA256", "MD5"))) == (401, "Auth.HmacAlgorithmUnknown")
    assert refusal(call(access, header.replace("SHA256", "SHA512"))) == (401, "Auth.HmacMalformed")
    assert refusal(call(access, header.replace("Signature=", ""))) == (401, "Auth.HmacMalformed")


def test_refusals_do_not_tell_which_accounts_or_users_exist(signed: Signed, running: RunningServer) -> None:
    """An unknown account, an account without a key, and an account with another key get the same answer."""
    access, _ = signed
    without = running.create_account()
    accounts = (access.account, without.account, "NOBODY", "x" * 200, "%00", "%ED%A0%80", "%C3%A9")
    answers = [call(access, make_header(KEY, account), account) for account in accounts]
    assert {refusal(answer) for answer in answers} == {(401, "Auth.HmacRefused")}
    assert len({answer.text for answer in answers}) == 1


def test_the_key_of_one_account_does_not_sign_for_another(signed: Signed, running: RunningServer) -> None:
    access, key = signed
    other, _ = open_signed_account(running)
    for name in (other.account, access.account):
        assert refusal(call(access, make_header(key, name), other.account)) == (401, "Auth.HmacRefused")


def test_signatures_are_refused_unless_the_account_has_a_key(running: RunningServer) -> None:
    access, key = open_signed_account(running)
    keys = access.services.authentication.shared_keys
    header = make_header(key, access.account)
    assert call(access, header).status_code == 200
    keys.revoke(access.account_id, keys.list_all(access.account_id)[0].key_id)
    assert refusal(call(access, header)) == (401, "Auth.HmacRefused")


def test_a_user_who_may_write_the_configuration_is_always_refused(running: RunningServer) -> None:
    """The account document also refuses this. Here the document's check was bypassed."""
    access = running.create_account(mark_users)
    key = access.services.authentication.shared_keys.create(access.account_id)[1]
    with psycopg.connect(access.database_url) as owner:
        owner.execute(
            "UPDATE configuration SET document = jsonb_set(document, '{users,3,hmac}', 'true') WHERE account_id = %s",
            [access.account_id],
        )
    answer = call(access, make_header(key, access.account, "admin"))
    assert refusal(answer) == (401, "Auth.HmacUserMayConfigure")


# Only over TLS, but from the machine itself ----------------------------------------------------------------------


def find_own_address() -> str:
    """An address of this machine that is not loopback, or ""."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # no packet is sent
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith("127.") else address


@pytest.fixture
def open_server(database_url: str) -> Iterator[RunningServer]:
    settings = {"CONSENTORY_HOST": "0.0.0.0", "CONSENTORY_INSECURE_HTTP": "yes"}
    server = RunningServer(database_url, workers=0, environment=settings)
    server.start()
    yield server
    server.stop()


@pytest.mark.processes
def test_a_signature_from_another_address_is_refused_without_tls(open_server: RunningServer) -> None:
    address = find_own_address()
    if not address:
        pytest.skip("this machine has no address but loopback")
    access, key = open_signed_account(open_server)
    header = {"Authorization": make_header(key, access.account)}
    path = f"/Profiles/v4/Async/{access.account}/Imports"
    assert httpx.get(f"http://127.0.0.1:{open_server.port}{path}", headers=header).status_code == 200
    for more in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}):
        answer = httpx.get(f"http://{address}:{open_server.port}{path}", headers=header | more)
        assert refusal(answer) == (401, "Auth.HmacNeedsTls")


@pytest.mark.parametrize(
    ("origin", "right"),
    [
        (Origin("203.0.113.9", encrypted=True), True),
        (Origin("203.0.113.9"), False),
        (Origin("127.0.0.1"), True),
        (Origin("127.9.9.9"), True),
        (Origin("::1"), True),
        (Origin("::ffff:127.0.0.1"), True),
        (Origin("::ffff:203.0.113.9"), False),
        (Origin("localhost"), False),
        (Origin(), False),
    ],
)
def test_a_signature_is_accepted_by_the_origin_of_the_request(signed: Signed, origin: Origin, right: bool) -> None:
    access, key = signed
    header = make_header(key, access.account)
    authenticate = access.services.authentication.authenticate
    if right:
        assert authenticate(header, access.account, origin).user_id == "nightly"
        return
    with pytest.raises(RequestRefused) as refused:
        authenticate(header, access.account, origin)
    assert refused.value.code == "Auth.HmacNeedsTls"


# A request that goes on ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_watched_import_is_one_use_of_its_signature(running: RunningServer) -> None:
    """The stream checks the caller again and again. These checks are not replays."""
    access, key = open_signed_account(running)
    path = f"{access.url}/Profiles/v4/Async/{access.account}"
    headers = {"Authorization": make_header(key, access.account, time=say_time(form=ODD_TIME))}
    started = httpx.post(f"{path}/Import", json={"Name": "watched"}, headers=headers).json()
    watch = {"Authorization": make_header(key, access.account, time=say_time(form=ODD_TIME))}
    events = 0
    with httpx.stream("GET", f"{path}/Imports/{started['ImportId']}/Progress", headers=watch, timeout=30) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                events += 1
                let_pass(2, because="the stream looks at the import a few times")
                cancel = {"Authorization": make_header(key, access.account, time=say_time(form=ODD_TIME))}
                httpx.post(f"{path}/Import/{started['AccessToken']}/Cancel", headers=cancel)
    assert events == 2
    assert list_replays(access) == []
    httpx.get(f"{path}/Imports", headers=watch)
    await_true(lambda: list_replays(access))
    assert list_replays(access) == [{"Uses": 2}]


def list_replays(access: AccountAccess) -> list[dict[str, Any]]:
    with psycopg.connect(access.database_url) as owner:
        rows = owner.execute(
            "SELECT details FROM audit_event WHERE account_id = %s AND action = 'authentication.replayed'",
            [access.account_id],
        ).fetchall()
    return [row[0] for row in rows]
