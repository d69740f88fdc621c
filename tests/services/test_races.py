"""Requests and work that meet: each race of the import with its stated outcome, by threads let go together.

Over HTTP where the race is one of requests, else on the real services; always over real PostgreSQL.
CONSENTORY_RACE_ROUNDS multiplies the rounds (1).
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest
from live_account import LiveStore, at_once
from lone_people import MATCH, with_own_id
from running_server import AccountAccess, RunningServer
from waiting import let_pass, wait_for

from consentory.domain.imports import Phase as Phase_
from consentory.errors import RequestRefused

Wire = dict[str, Any]
Answer = tuple[int, Any]
"""Status and decoded body; of a stream the lines, None in place of the body where it broke off."""
TIMES = int(os.environ.get("CONSENTORY_RACE_ROUNDS", "1"))
pytestmark = [pytest.mark.timeout(600 * TIMES), pytest.mark.slow]


class Requests:
    """One client: a connection of its own, with a bearer token; no call is ever tried again."""

    def __init__(self, access: AccountAccess) -> None:
        answer = httpx.post(
            f"{access.url}/oauth2/token",
            data={"grant_type": "client_credentials", "scope": f"{access.account}/{access.user}"},
            auth=(access.client_id, access.client_secret),
        )
        assert answer.status_code == 200, answer.text
        self.http = httpx.Client(
            base_url=f"{access.url}/Profiles/v4/Async/{access.account}/",
            headers={"Authorization": f"Bearer {answer.json()['access_token']}"},
            timeout=60,
            trust_env=False,
        )

    def post(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        answer = self.http.post(path, content=None if body is None else json.dumps(body), headers=headers)
        return answer.status_code, answer.json()

    def get(self, path: str) -> Answer:
        answer = self.http.get(path)
        return answer.status_code, answer.json()

    def initiate(self, **fields: Any) -> str:
        status, answer = self.post("Import", {"Name": "race", **fields})
        assert status == 200, answer
        return str(answer["AccessToken"])

    def stage(self, token: str, records: Sequence[Wire], key: str | None = None) -> Answer:
        return self.post(f"Import/{token}/Stage", {"UserProfilePreferences": list(records)}, key)

    def execute(self, token: str) -> Answer:
        return self.post(f"Import/{token}/Execute")

    def cancel(self, token: str) -> Answer:
        return self.post(f"Import/{token}/Cancel")

    def status(self, token: str) -> Wire:
        code, answer = self.get(f"Import/{token}/Status")
        assert code == 200, answer
        check_status(answer)
        return answer

    def wait_for_end(self, token: str) -> Wire:
        return wait_for(lambda: self.status(token), lambda seen: seen["Status"] in ("Completed", "Failed"), 60)


def check_status(status: Wire) -> None:
    """The books balance, in every answer."""
    assert status["TotalRecordsReceived"] == status["ValidationSuccessful"] + status["ValidationFailed"]
    worked_off = status["Processed"] + status["Exceptions"] + status["NotHonored"]
    assert status["ValidationSuccessful"] == status["Pending"] + worked_off
    assert status["Processed"] == sum(status[name] for name in ("Created", "Updated", "Unchanged", "Deleted"))


def unlimit(document: Wire) -> None:
    document["account"]["importsPerDay"] = 1_000_000


@pytest.fixture(scope="module")
def access(running: RunningServer) -> AccountAccess:
    return running.create_account(unlimit)


@pytest.fixture(scope="module")
def clients(access: AccountAccess) -> list[Requests]:
    return [Requests(access) for _ in range(4)]


def make_people(count: int, mark: str) -> list[Wire]:
    return [
        {
            "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"{mark}-{number}"}],
            "CustomerName": {"FirstName": "Ann"},
        }
        for number in range(count)
    ]


def count_people(access: AccountAccess, mark: str) -> int:
    """How many profiles hold an alternate id with this mark."""
    with access.services.database.transaction(access.account_id) as tx:
        query = "SELECT count(DISTINCT profile_id) FROM alternate_key WHERE value LIKE %s"
        row = tx.connection.execute(query, (f"{mark}-%",)).fetchone()
    assert row is not None
    return int(row[0])


def make_mark() -> str:
    return uuid4().hex[:10]


def ok(answer: Answer | Exception) -> Answer:
    """An answer, whatever its status, that is no fault of the server."""
    if isinstance(answer, Exception):
        raise answer
    assert answer[0] < 500, answer
    return answer


# Requests on one import -----------------------------------------------------------------------------------------


def test_two_clients_staging_one_import(clients: list[Requests]) -> None:
    """Every batch gets a range of its own, the ranges are gapless from 1, and each holds its batch's records in
    their order, whole. 25 imports, 200 batches."""
    for _ in range(25 * TIMES):
        token = clients[0].initiate()
        marks = [[make_mark() for _ in range(4)] for _ in range(2)]

        def stage(client: Requests, marks: list[str], token: str = token) -> list[tuple[str, int, Wire]]:
            sizes = [random.randint(1, 150) for _ in marks]
            batches = [
                # Every record is refused, so that the exceptions answer tells where it stands.
                [{"CustomerName": {"FirstName": "Ann"}, "Refused": f"{mark} {place}"} for place in range(size)]
                for mark, size in zip(marks, sizes, strict=True)
            ]
            answers = [client.stage(token, batch) for batch in batches]
            return [
                (mark, len(batch), ok(answer)[1]) for mark, batch, answer in zip(marks, batches, answers, strict=True)
            ]

        results = at_once(*[lambda c=client, m=own: stage(c, m) for client, own in zip(clients, marks, strict=False)])
        ranges = {}
        for result in results:
            assert not isinstance(result, Exception), result
            for mark, size, answer in result:
                check_status(answer)
                batch = answer["Batch"]
                assert batch["Last"] - batch["First"] + 1 == batch["ValidationFailed"] == size
                ranges[batch["First"]] = (batch["Last"], mark)
        expected, following = [], 1
        for first, (last, mark) in sorted(ranges.items()):
            assert first == following
            expected += [f"{mark} {place}" for place in range(last - first + 1)]
            following = last + 1
        _, answer = clients[0].get(f"Import/{token}/Exceptions?limit=10000")
        assert [one["Refused"] for one in answer["UserProfilePreferences"]] == expected
        assert [one["SequenceNumber"] for one in answer["UserProfilePreferences"]] == list(range(1, following))


def test_execute_twice_at_once(access: AccountAccess, clients: list[Requests]) -> None:
    """Both are answered 200 with the status of the day; the import runs once: every record counts once. 60
    imports, 4 Executes each."""
    tokens = []
    mark = make_mark()
    for round_ in range(60 * TIMES):
        token = clients[0].initiate(**MATCH)
        clients[0].stage(token, make_people(5, f"{mark}-{round_}"))
        for answer in at_once(*[lambda c=client, t=token: c.execute(t) for client in clients]):
            status, body = ok(answer)
            assert status == 200, body
            assert body["Status"] in ("Queued", "Processing", "Completed")
        tokens.append(token)
    for token in tokens:
        status = clients[0].wait_for_end(token)
        assert (status["Status"], status["Created"], status["Processed"]) == ("Completed", 5, 5)
    assert count_people(access, mark) == 5 * len(tokens)


def test_cancel_against_execute(access: AccountAccess, clients: list[Requests]) -> None:
    """Either the import is Failed, Cancel was answered 200, and nothing at all was applied; or Cancel came too
    late and was answered 409, Execute 200, and the import completes whole. Execute is 409 only on a Failed
    import. 80 imports, every other one with Execute ahead by some milliseconds."""
    seen = set()
    for round_ in range(80 * TIMES):
        mark = make_mark()
        token = clients[0].initiate(**MATCH)
        clients[0].stage(token, make_people(3, mark))
        ahead = random.uniform(0, 0.02) if round_ % 2 else 0.0

        def cancel(token: str = token, ahead: float = ahead) -> Answer:
            let_pass(ahead, because="the two meet at another instant in each round")
            return clients[1].cancel(token)

        executed, cancelled = (ok(one)[0] for one in at_once(lambda t=token: clients[0].execute(t), cancel))
        end = clients[0].wait_for_end(token)
        applied = count_people(access, mark)
        seen.add((executed, cancelled))
        if cancelled == 200:
            assert executed in (200, 409)
            assert (end["Status"], end["FailureReason"], end["Pending"]) == ("Failed", "Import.Cancelled", 3)
            assert applied == 0
        else:
            assert (executed, cancelled) == (200, 409)
            assert (end["Status"], end["Created"], applied) == ("Completed", 3, 3)
    assert {200} <= {cancelled for _, cancelled in seen}


def test_stage_against_execute(access: AccountAccess, clients: list[Requests]) -> None:
    """A batch is answered 200 and is in the import, whole, or it is answered 409 and nothing of it is. Execute
    is 200, or 409 where nothing was staged before it. 80 imports, half of them with nothing staged before."""
    seen = set()
    for round_ in range(80 * TIMES):
        mark = make_mark()
        token = clients[0].initiate(**MATCH)
        before = 3 if round_ % 2 else 0
        if before:
            clients[0].stage(token, make_people(before, f"{mark}-a"))
        batches = [make_people(size, f"{mark}-b{size}") for size in (40, 41, 42)]
        executed, *staged = at_once(
            lambda t=token: clients[3].execute(t),
            *[
                lambda c=client, b=batch, t=token: c.stage(t, b)
                for client, batch in zip(clients, batches, strict=False)
            ],
        )
        code = ok(executed)[0]
        assert code == 409 or ok(executed)[1]["Status"] in ("Queued", "Processing", "Completed")
        kept = before
        for answer, batch in zip(staged, batches, strict=True):
            status, body = ok(answer)
            assert status == 200 or (status, body["code"]) == (409, "Import.NotStaging"), body
            kept += len(batch) if status == 200 else 0
        seen.add((code, kept == before))
        if code == 409:
            assert not before
            assert clients[0].status(token)["Status"] == "Staging"
            assert ok(clients[0].execute(token))[0] == 200
        end = clients[0].wait_for_end(token)
        assert (end["Status"], end["TotalRecordsReceived"], end["Created"]) == ("Completed", kept, kept)
        assert count_people(access, mark) == kept
    assert len(seen) > 1


def test_execute_against_the_first_batch(store: LiveStore) -> None:
    """Execute is refused, as nothing was staged before it, or the import is queued with that batch: never is it
    answered as done and the import left in Staging. 200 imports of one record."""
    account = store.open_account()
    imports = store.services.imports
    for _ in range(200 * TIMES):
        token = account.initiate()

        def execute(token: str = token, ahead: float = random.uniform(0, 0.008)) -> str:
            let_pass(ahead, because="the two meet at another instant in each round")
            return imports.execute(account.caller, token).status

        staged, executed = at_once(lambda t=token: account.stage(t, [{"Refused": "so"}]), execute)
        if executed == "Queued":
            assert not isinstance(staged, Exception), staged
            assert account.status(token)["TotalRecordsReceived"] == 1
        else:
            assert isinstance(executed, RequestRefused), executed
            assert executed.code == "Import.NothingStaged"
        imports.cancel(account.caller, token)


# One idempotency key at once ------------------------------------------------------------------------------------


def test_one_key_for_initiate(clients: list[Requests]) -> None:
    """Same body: all are answered 200 with one and the same import. Other bodies: one body makes the import,
    every call with that body gets it, every other call is 409. 40 keys each way."""
    for round_ in range(80 * TIMES):
        key = uuid4().hex
        names = ["one"] * 4 if round_ % 2 else ["one", "two", "one", "two"]
        calls = [
            lambda c=client, n=name, k=key: c.post("Import", {"Name": n}, k)
            for client, name in zip(clients, names, strict=True)
        ]
        answers = [ok(one) for one in at_once(*calls)]
        made = {(body["ImportId"], body["AccessToken"], body["Name"]) for status, body in answers if status == 200}
        assert len(made) == 1
        ((_, _, won),) = made
        for name, (status, body) in zip(names, answers, strict=True):
            assert status == (200 if name == won else 409), body
            assert status == 200 or body["code"] == "IdempotencyKey.Reused"


def test_one_key_for_stage(clients: list[Requests]) -> None:
    """Same body: all are answered 200 and one batch is staged; just one answer has its range. Other bodies: one
    body is staged, once, every other call is 409. 40 keys each way."""
    token = clients[0].initiate()
    received = 0
    for round_ in range(80 * TIMES):
        key, mark = uuid4().hex, make_mark()
        sizes = [7] * 4 if round_ % 2 else [7, 8, 7, 8]
        calls = [
            lambda c=client, s=size, k=key, m=mark: c.stage(token, make_people(s, m), k)
            for client, size in zip(clients, sizes, strict=True)
        ]
        answers = [ok(one) for one in at_once(*calls)]
        ranges = [body["Batch"] for _, body in answers if body.get("Batch")]
        assert len(ranges) == 1
        won = ranges[0]["Last"] - ranges[0]["First"] + 1
        assert ranges[0]["First"] == received + 1
        received += won
        for size, (status, body) in zip(sizes, answers, strict=True):
            assert status == (200 if size == won else 409), body
            assert status == 200 or body["code"] == "IdempotencyKey.Reused"
        assert clients[0].status(token)["TotalRecordsReceived"] == received


# Configuration --------------------------------------------------------------------------------------------------


def test_configuration_changed_while_staging(running: RunningServer) -> None:
    """Another process changes the pattern of an alternate id type to and fro. Each batch goes by one
    configuration: all of its records are accepted or all refused. And a Stage call that begins after a change
    was applied goes by it, at once. 40 changes, some hundred batches."""
    documents: list[Wire] = []

    def keep(document: Wire) -> None:
        unlimit(document)
        documents.append(json.loads(json.dumps(document)))

    access = running.create_account(keep)
    (letters,) = documents
    digits = json.loads(json.dumps(letters))
    digits["alternateIdTypes"][0]["pattern"] = "[0-9]{1,40}"
    clients = [Requests(access) for _ in range(3)]
    token = clients[0].initiate(**MATCH)
    over: list[bool] = []
    counts: list[int] = []

    def stage_on(client: Requests) -> int:
        batches = 0
        while not over:
            status, body = ok(client.stage(token, make_people(100, f"x-{make_mark()}")))
            assert status == 200, body
            counts.append(body["Batch"]["ValidationFailed"])
            batches += 1
        return batches

    def change_on() -> int:
        try:
            for round_ in range(40 * TIMES):
                document, refused = (digits, 10) if round_ % 2 == 0 else (letters, 0)
                access.services.accounts.apply_document(json.dumps(document).encode(), source="race", dry_run=False)
                status, body = ok(clients[2].stage(token, make_people(10, f"y-{make_mark()}")))
                assert (status, body["Batch"]["ValidationFailed"]) == (200, refused), body
        finally:
            over.append(True)
        return 0

    for result in at_once(lambda: stage_on(clients[0]), lambda: stage_on(clients[1]), change_on):
        if isinstance(result, Exception):
            raise result
    assert set(counts) == {0, 100}
    status = clients[0].status(token)
    assert status["ValidationFailed"] == sum(counts) + 20 * 10 * TIMES


# Retention ------------------------------------------------------------------------------------------------------


REFUSED: frozenset[Phase_] = frozenset(("Stage", "Execute"))
MAKE_OLD = "UPDATE import SET created_at = created_at - interval '5 days' WHERE import_id = %s"


def read_page(client: Requests, token: str, path: str = "?limit=10000") -> Answer:
    status, body = client.get(f"Import/{token}/Exceptions{path}")
    return status, body["UserProfilePreferences"] if status == 200 else body


def read_stream(client: Requests, token: str) -> Answer:
    """The lines of a stream; None where it broke off, which a client notices."""
    headers = {"Accept": "application/x-ndjson"}
    with client.http.stream("GET", f"Import/{token}/Exceptions", headers=headers) as answer:
        if answer.status_code != 200:
            return answer.status_code, json.loads(answer.read())
        try:
            return 200, [json.loads(line) for line in answer.read().splitlines()]
        except httpx.TransportError:
            return 200, None


@pytest.mark.parametrize("duration", [0, 1])
def test_retention_ending_while_exceptions_are_read(
    running: RunningServer, clients: list[Requests], duration: int
) -> None:
    """A page is whole or 410 (401 where the token ended with it). A stream is whole, or 410, or, begun before
    and cut off by it, breaks off so that the client notices: never an end that looks like one, never a record
    cut. 8 imports of 2,500 refused records, each read by three clients while its records go."""
    store = LiveStore(running.database_url)
    records = [{"CustomerName": {"FirstName": f"Ann {n}"}, "Refused": n} for n in range(2500)]
    seen = set()
    try:
        for _ in range(8 * TIMES):
            token = clients[0].initiate(DataStageDuration=duration)
            clients[0].stage(token, records)
            clients[0].execute(token)
            import_id = clients[0].wait_for_end(token)["ImportId"]

            def end_retention(import_id: str = import_id) -> Answer:
                let_pass(random.uniform(0, 0.15), because="the two meet at another instant in each round")
                store.change(MAKE_OLD, import_id)
                store.make_retention().run_maintenance()
                return 0, None

            answers = at_once(
                lambda t=token: read_page(clients[0], t),
                lambda t=token: read_stream(clients[1], t),
                lambda t=token: read_page(clients[2], t, "?limit=1000&offset=2001"),
                end_retention,
            )
            page, stream, part, _ = (ok(one) for one in answers)
            for (status, body), first in ((page, 0), (stream, 0), (part, 2000)):
                seen.add((status, body is None))
                if status == 200 and body is not None:
                    assert [one["Refused"] for one in body] == list(range(first, 2500))
                else:
                    assert status in (200, 401, 410)
                    assert status != 410 or body["code"] == "Import.RetentionOver"
    finally:
        store.close()
    assert (200, False) in seen


def test_exceptions_asked_for_before_retention_ends_and_read_after(store: LiveStore) -> None:
    """The race's narrow ends, one after another: the import was looked up before its records went. A page is
    refused as gone, not given empty; a stream that is under way breaks off, it does not just end."""
    account = store.open_account()
    end = account.run([[{"Refused": number} for number in range(1500)]])
    item = store.services.imports.find_by_token(account.caller, end.token)
    exceptions = store.services.exceptions
    under_way = exceptions.stream(account.caller, item, REFUSED)
    assert next(under_way).sequence_number == 1
    store.change(MAKE_OLD, end.import_id)
    store.make_retention().run_maintenance()
    with pytest.raises(RequestRefused, match="RetentionOver"):
        exceptions.page(account.caller, item, REFUSED, 1000, 1)
    with pytest.raises(RequestRefused, match="RetentionOver"):
        exceptions.stream(account.caller, item, REFUSED)
    with pytest.raises(RequestRefused, match="RetentionOver"):
        list(under_way)


def test_a_wholly_refused_import_leaves_no_work_that_breaks_a_worker(store: LiveStore) -> None:
    """Such an import completes when its turn comes; its records may go (DataStageDuration 0) before a worker
    comes to what it had cut into chunks. The worker finds nothing to do there, and goes on."""
    account = store.open_account()
    token = account.initiate(DataStageDuration=0)
    account.stage(token, [{"Refused": number} for number in range(200)])
    account.execute(token)
    execution = store.make_execution(50)
    assert execution.resolve_next() is not None
    assert account.status(token)["Status"] == "Completed"
    store.make_retention().run_maintenance()
    while execution.process_slice() is not None:
        pass
    assert account.run([[with_own_id({}, 1)]], **MATCH).status["Created"] == 1
