"""import-api.md, "Stage", Idempotency-Key, over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard
from running_server import RunningServer
from wire_client import FAULTY, WireClient, at_once, check_problem, pack, person, require


@pytest.fixture
def token(ours: WireClient) -> int:
    """The access token of a new import."""
    return int(ours.initiate()["AccessToken"])


def test_a_repeated_key_with_the_same_body_stages_nothing(ours: WireClient, token: int) -> None:
    """Within one import a repeated key with the same body stages nothing and answers 200 with today's status."""
    first = ours.stage(token, [person(1), FAULTY], key="k1")
    assert first.pop("Batch")
    assert ours.stage(token, [person(1), FAULTY], key="k1") == first
    ours.stage(token, [person(2)], key="k2")
    again = ours.stage(token, [person(1), FAULTY], key="k1")
    assert again == ours.status(token)
    assert again["TotalRecordsReceived"] == 3


def test_the_same_body_is_the_same_after_decompression(ours: WireClient, token: int) -> None:
    """… with the same body (after decompression)."""
    body = pack([person(1)])
    require(ours.try_stage(token, body, key="k1"))
    for encoding, packed in (("gzip", gzip.compress(body)), ("zstd", zstandard.compress(body))):
        answer = ours.try_stage(token, packed, key="k1", Content_Encoding=encoding)
        assert require(answer)["TotalRecordsReceived"] == 1


def test_a_key_answers_even_after_execute(ours: WireClient, token: int) -> None:
    """… answers 200 with today's status, even after Execute."""
    ours.stage(token, [person(1)], key="k1")
    with ours.held_queue():
        require(ours.call(token, "Execute"))
        assert ours.stage(token, [person(1)], key="k1")["Status"] == "Queued"
    done = ours.wait(token)
    assert ours.stage(token, [person(1)], key="k1") == done
    check_problem(ours.try_stage(token, [person(1)], key="k2"), 409, "Import.NotStaging")
    check_problem(ours.try_stage(token, [person(2)], key="k1"), 409, "IdempotencyKey.Reused")


def test_a_key_answers_on_a_failed_import_too(ours: WireClient, token: int) -> None:
    """… answers 200 with today's status."""
    ours.stage(token, [person(1)], key="k1")
    failed = require(ours.call(token, "Cancel"))
    assert ours.stage(token, [person(1)], key="k1") == failed


def test_a_key_with_another_body_is_409(ours: WireClient, token: int) -> None:
    """A repeated key with another body is 409."""
    ours.stage(token, [person(1)], key="k1")
    check_problem(ours.try_stage(token, [person(2)], key="k1"), 409, "IdempotencyKey.Reused")
    spaced = json.dumps({"UserProfilePreferences": [person(1)]}, indent=1).encode()
    check_problem(ours.try_stage(token, spaced, key="k1"), 409, "IdempotencyKey.Reused")
    assert ours.status(token)["TotalRecordsReceived"] == 1


def test_a_key_is_of_one_import(ours: WireClient, token: int) -> None:
    """Within one import."""
    ours.stage(token, [person(1)], key="k1")
    assert ours.stage(ours.initiate()["AccessToken"], [person(2)], key="k1")["TotalRecordsReceived"] == 1


def test_an_idempotency_key_belongs_to_the_import_not_to_the_caller(
    ours: WireClient, token: int, running: RunningServer
) -> None:
    """Within one import a repeated key with the same body stages nothing."""
    ours.stage(token, [person(1)], key="k1")
    with WireClient(running.give_access(ours.access.account, "mailer")) as mailer:
        assert mailer.stage(token, [person(1)], key="k1")["TotalRecordsReceived"] == 1


def test_a_key_of_an_empty_collection_is_remembered(ours: WireClient, token: int) -> None:
    """A repeated key … with another body 409; an empty collection … changes nothing."""
    before = ours.status(token)
    assert ours.stage(token, [], key="k1") == before == ours.stage(token, [], key="k1")
    check_problem(ours.try_stage(token, [person(1)], key="k1"), 409, "IdempotencyKey.Reused")


def test_refused_calls_are_not_remembered(ours: WireClient, token: int) -> None:
    """Refused calls are not remembered."""
    check_problem(ours.try_stage(token, b"{", key="k1"), 400, "Request.MalformedJson")
    check_problem(ours.try_stage(token, [person(1)], "text/plain", key="k1"), 415, "Request.UnsupportedMediaType")
    assert ours.stage(token, [person(1)], key="k1")["Batch"] == {"First": 1, "Last": 1, "ValidationFailed": 0}


def test_a_concurrent_twin_waits_for_the_first(ours: WireClient, token: int) -> None:
    """A concurrent twin waits for the first."""
    received = 0
    for size in (1500, *[5] * 30):
        body = pack([person(number) for number in range(size)])
        calls = [lambda body=body, key=f"k{received}": ours.try_stage(token, body, key=key)] * 4
        answers = [require(answer) for answer in at_once(*calls)]
        received += size
        assert [answer["TotalRecordsReceived"] for answer in answers] == [received] * 4
        assert sum("Batch" in answer for answer in answers) == 1


def test_without_a_key_the_same_body_is_staged_again(ours: WireClient, token: int) -> None:
    """Idempotency-Key is an addition that an existing client can ignore."""
    ours.stage(token, [person(1)])
    assert ours.stage(token, [person(1)])["Batch"] == {"First": 2, "Last": 2, "ValidationFailed": 0}
